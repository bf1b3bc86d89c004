"""Checksums of a store's content: the number of its last batch and a hash.

Owns: the marking hash, which every batch updates, and how changes become a batch's rows.
Must not know: kernels, SQL, files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from scraper_cpn.net.changes import Changes
from scraper_cpn.store.codec import MASK, Codec
from scraper_cpn.store.port import Batch, FlightRow, ItemRow, NumberRow, SinkRow, TokenRow

_SIGN = 1 << 63


class Sums:
    """The checksums of a durable marking. A new instance has those of a run that has not begun."""

    def __init__(self) -> None:
        self.seq = 0
        self.total = 0
        """The sum of the hashes of all rows."""
        self._tokens: dict[int, int] = {}
        """The hashes of tokens in places that are not paged, by serial: this saves encoding them again."""
        self._numbers: dict[tuple[str, str], int] = {}
        self._flights: dict[int, int] = {}

    def hash(self, at_ns: int, next_serial: int, next_id: int) -> int:
        """The marking hash, as a signed 64-bit integer; 0 for a run that has not begun."""
        numbers = at_ns * 7_368_787 + (next_serial - 1) * 1_000_003 + (next_id - 1) * 998_244_353
        value = (self.total + numbers) & MASK
        return value - 2 * _SIGN if value & _SIGN else value

    def add(self, codec: Codec, rows: Iterable[tuple[Any, ...]]) -> None:
        """Add the hashes of rows, without remembering them."""
        self.total += sum(codec.row_hash(row) for row in rows)

    def come(self, codec: Codec, row: TokenRow) -> None:
        """Add the hash of a token in a place that is not paged."""
        value = self._tokens[row[0]] = codec.token_hash(row)
        self.total += value

    def go(self, serial: int) -> None:
        """Subtract the hash of a token."""
        self.total -= self._tokens.pop(serial)

    def set_number(self, codec: Codec, row: NumberRow) -> None:
        """Replace the hash of a key's number."""
        value = codec.row_hash(row)
        self.total += value - self._numbers.get(row[:2], 0)
        self._numbers[row[:2]] = value

    def set_flight(self, codec: Codec, row: FlightRow) -> None:
        """Replace the hash of a firing in flight."""
        value = codec.row_hash(row)
        self.total += value - self._flights.get(row[0], 0)
        self._flights[row[0]] = value

    def land(self, firing_id: int) -> None:
        """Subtract the hash of a firing that has ended."""
        self.total -= self._flights.pop(firing_id)

    def batch(
        self,
        codec: Codec,
        changes: Changes,
        *,
        firings: int,
        inputs: bytes,
        rows: Sequence[SinkRow] = (),
        items: Sequence[ItemRow] = (),
        metadata: Sequence[tuple[str, bytes]] = (),
    ) -> Batch:
        """The next batch, with the checksums after it."""
        born = [codec.token(t) for t in changes.born if not codec.is_paged(t.place)]
        gone = [t.serial for t in changes.gone if not codec.is_paged(t.place)]
        came = [codec.paged(t) for t in changes.born if codec.is_paged(t.place)]
        went = [codec.paged(t) for t in changes.gone if codec.is_paged(t.place)]
        for serial in gone:
            self.go(serial)
        for row in born:
            self.come(codec, row)
        self.total += sum(map(codec.paged_hash, came)) - sum(map(codec.paged_hash, went))
        numbers = [codec.number(*number) for number in changes.numbers]
        seen = [codec.forgotten(*each) for each in changes.forgotten]
        seen += [codec.seen(*each) for each in changes.seen]
        flights = [codec.flight(flying) for flying in changes.begun]
        faulted = [codec.fault(fault) for fault in changes.faulted]
        for number in numbers:
            self.set_number(codec, number)
        for flight in flights:
            self.set_flight(codec, flight)
        for firing_id in changes.ended:
            self.land(firing_id)
        self.add(codec, seen)
        self.add(codec, ((row,) for row in faulted))
        self.seq += 1
        return Batch(
            seq=self.seq,
            at_ns=changes.now_ns,
            next_serial=changes.next_serial,
            next_id=changes.next_id,
            firings=firings,
            marking_hash=self.hash(changes.now_ns, changes.next_serial, changes.next_id),
            inputs=inputs,
            born=born,
            gone=gone,
            paged_born=came,
            paged_gone=[row[:5] for row in went],
            numbers=numbers,
            seen=seen,
            flights=flights,
            landed=changes.ended,
            faulted=faulted,
            rows=rows,
            items=items,
            metadata=metadata,
        )
