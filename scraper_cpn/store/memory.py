"""A store that keeps its run in memory.

Owns: the port on dicts, for simulations, tests and what needs no file.
Must not know: files, SQL.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from itertools import chain
from typing import Any

from anyio.lowlevel import cancel_shielded_checkpoint

from scraper_cpn.store.port import (
    Batch,
    BatchError,
    FlightRow,
    ItemRow,
    JournalRow,
    PagedKey,
    PagedRow,
    SavedMarking,
    SeenRow,
    SinkRow,
    StoreError,
    TextRow,
    TokenRow,
)


class MemoryStore:
    """A run that lasts as long as the process. Its journal keeps every batch."""

    def __init__(
        self, metadata: Mapping[str, bytes] | None = None, texts: Iterable[TextRow] = ()
    ) -> None:
        self._texts = list(texts)
        self._broken: BatchError | StoreError | None = None
        self._tokens: dict[int, TokenRow] = {}
        self._paged: dict[tuple[str, str], list[PagedRow]] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._seen: list[SeenRow] = []
        self._flights: dict[int, FlightRow] = {}
        self._faulted: list[bytes] = []
        self._sunk: list[SinkRow] = []
        self._items: dict[tuple[bytes, int, int], ItemRow] = {}
        self._journal: list[JournalRow] = []
        self._metadata = dict(metadata or {})
        self._next = (1, 1)

    async def commit(self, batch: Batch) -> None:
        """Apply the batch."""
        if self._broken is None:
            self._broken = self._contradiction(batch)
        if self._broken is not None:
            raise self._broken
        self._take(batch)
        await cancel_shielded_checkpoint()

    def saved(self) -> SavedMarking:
        """The durable marking."""
        seq, at_ns, _, marking_hash, _ = self._journal[-1] if self._journal else (0, 0, 0, 0, b"")
        return SavedMarking(
            seq=seq,
            at_ns=at_ns,
            next_serial=self._next[0],
            next_id=self._next[1],
            marking_hash=marking_hash,
            tokens=[row for _, row in sorted(self._tokens.items())],
            paged=list(chain.from_iterable(rows for _, rows in sorted(self._paged.items()))),
            numbers=[(*key, number) for key, number in sorted(self._numbers.items())],
            seen=list(self._seen),
            flights=[row for _, row in sorted(self._flights.items())],
            faulted=list(self._faulted),
            sunk=dict(Counter(sink for sink, _, _ in self._sunk)),
        )

    def base(self) -> SavedMarking:
        """The start of the run."""
        return MemoryStore().saved()

    def journal(self) -> Iterator[JournalRow]:
        """All batches."""
        return iter(list(self._journal))

    def page(self, place: str, key: str, first: tuple[int, int, int], most: int) -> list[PagedRow]:
        """The tokens of a key from *first* on."""
        rows = self._paged.get((place, key), [])
        start = bisect_left(rows, first, key=_order)
        return rows[start : start + most]

    def metadata(self) -> dict[str, bytes]:
        """The named values of the run."""
        return dict(self._metadata)

    def texts(self, first: int, last: int | None = None) -> Iterator[TextRow]:
        """The texts of the run."""
        return iter(self._texts[first - 1 : last])

    def rows(self, sink: str) -> Iterator[SinkRow]:
        """The rows of a sink."""
        return iter([row for row in self._sunk if row[0] == sink])

    def items(self) -> Iterator[ItemRow]:
        """Items, oldest first."""
        return iter(list(self._items.values()))

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def crash(self) -> MemoryStore:
        """The store as a process would find it after a crash; this one accepts no further batch."""
        found = copy(self)
        self._broken = StoreError("io", "the store in memory has crashed")
        return found

    def _contradiction(self, batch: Batch) -> BatchError | None:
        if batch.seq != len(self._journal) + 1:
            return BatchError(f"batch {batch.seq} does not follow batch {len(self._journal)}")
        if batch.is_of_many:
            return BatchError(
                f"batch {batch.seq} is for other partitions, too; a store in memory has one"
            )
        fine = (
            _fits(self._tokens.__contains__, batch.gone, [row[0] for row in batch.born])
            and _fits(self._has_paged, batch.paged_gone, [row[:5] for row in batch.paged_born])
            and _fits(self._flights.__contains__, batch.landed, [])
            and _fits(self._items.__contains__, [], [row[:3] for row in batch.items])
            and _differ([row[0] for row in batch.flights])
            and _differ([row[:2] for row in batch.numbers])
        )
        return None if fine else BatchError(f"batch {batch.seq} contradicts the state")

    def _has_paged(self, key: PagedKey) -> bool:
        return [row[:5] for row in self.page(*key[:2], key[2:], 1)] == [key]

    def _take(self, batch: Batch) -> None:
        for serial in batch.gone:
            del self._tokens[serial]
        self._tokens.update((row[0], row) for row in batch.born)
        for key in batch.paged_gone:
            rows = self._paged[key[:2]]
            del rows[bisect_left(rows, key[2:], key=_order)]
        for row in batch.paged_born:
            insort(self._paged.setdefault(row[:2], []), row, key=_order)
        self._numbers.update(((counter, key), number) for counter, key, number in batch.numbers)
        self._take_rest(batch)

    def _take_rest(self, batch: Batch) -> None:
        for flight in batch.landed:
            del self._flights[flight]
        self._flights.update((row[0], row) for row in batch.flights)
        self._seen += batch.seen
        self._faulted += batch.faulted
        self._sunk += batch.rows
        self._items.update((row[:3], row) for row in batch.items)
        self._metadata.update(batch.metadata)
        self._texts += ((line, body) for _, line, body in batch.texts)
        self._next = (batch.next_serial, batch.next_id)
        self._journal.append(
            (batch.seq, batch.at_ns, batch.firings, batch.marking_hash, batch.inputs)
        )


def _order(row: PagedRow) -> tuple[int, int, int]:
    return row[2:5]


def _fits(has: Callable[[Any], bool], gone: Sequence[Any], born: Sequence[Any]) -> bool:
    """Whether all of *gone* exist, and none of *born* does after they are removed."""
    left = set(gone)
    here = all(map(has, gone)) and _differ(gone)
    return here and _differ(born) and not any(has(key) and key not in left for key in born)


def _differ(keys: Sequence[Any]) -> bool:
    return len(set(keys)) == len(keys)
