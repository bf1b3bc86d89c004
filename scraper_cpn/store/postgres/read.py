"""Reading a partition's rows from PostgreSQL.

Owns: the port's reads, in parts of some thousand rows.
Must not know: who writes, when; what rows mean.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from operator import itemgetter
from typing import Any

from msgspec import Struct

from scraper_cpn.store.port import (
    ItemRow,
    JournalRow,
    PagedRow,
    SavedMarking,
    SinkRow,
    TextRow,
    TokenRow,
)
from scraper_cpn.store.postgres.link import Link
from scraper_cpn.store.postgres.sql import query
from scraper_cpn.store.postgres.text import kept, rows_read

PART_ROWS = 5_000
"""How many rows are read at once."""
PART_JOURNAL_ROWS = 200
"""How many of the journal: each may have hundreds of kilobytes."""
_LOW, _HIGH = -(2**63), 2**63 - 1

Row = tuple[Any, ...]


class PartHead(Struct, frozen=True, kw_only=True):
    """The columns of a partition's row that batches change, and those of its base."""

    seq: int
    at_ns: int
    next_serial: int
    next_id: int
    marking_hash: int
    tokens: int
    paged: int
    seen: int
    faulted: int
    sunk: int
    items: int
    journal_first: int
    journal_bytes: int
    base_seq: int
    base_at_ns: int
    base_next_serial: int
    base_next_id: int
    base_marking_hash: int
    base_seen: int
    base_faulted: int


class PartReader:
    """One partition, which is one run of a state, through a link that reads.

    Every method raises `StoreError`. Iterators read rows in parts: unless the link is in a transaction, they
    may see part of what is committed meanwhile.
    """

    def __init__(self, link: Link, part: int) -> None:
        self._link = link
        self._part = part

    def head(self) -> PartHead:
        """The head of the partition: its last batch, and counts of rows."""
        (row,) = self._ask("head")
        return PartHead(**dict(zip(PartHead.__struct_fields__, row, strict=True)))

    def miscounted(self) -> Iterator[str]:
        """Tables that have more or fewer rows than the head counts. Cost: O(rows)."""
        head = self.head()
        (there,) = self._ask("rows_there", head.journal_first, head.seq)
        counted = {
            "token": head.tokens,
            "paged": head.paged,
            "seen": head.seen,
            "faulted": head.faulted,
            "sink_row": head.sunk,
            "item": head.items,
            "journal": head.seq - head.journal_first + 1,
        }
        for rows, (table, wanted) in zip(there, counted.items(), strict=True):
            if rows != wanted:
                yield f"table {table} has {rows} rows of {wanted}"

    def saved(self) -> SavedMarking:
        """The durable marking, which must be read before the next batch."""
        head = self.head()
        return SavedMarking(
            seq=head.seq,
            at_ns=head.at_ns,
            next_serial=head.next_serial,
            next_id=head.next_id,
            marking_hash=head.marking_hash,
            tokens=self._tokens("token"),
            paged=self._paged("paged"),
            numbers=self._numbers("number"),
            seen=self._seen(head.seen),
            flights=self._flights("flight"),
            faulted=self._faulted(head.faulted),
            sunk=self._sunk(1),
        )

    def base(self) -> SavedMarking:
        """The marking at which the journal begins, which must be read before the next batch."""
        head = self.head()
        return SavedMarking(
            seq=head.base_seq,
            at_ns=head.base_at_ns,
            next_serial=head.base_next_serial,
            next_id=head.base_next_id,
            marking_hash=head.base_marking_hash,
            tokens=self._tokens("base_token"),
            paged=self._paged("base_paged"),
            numbers=self._numbers("base_number"),
            seen=self._seen(head.base_seen),
            flights=self._flights("base_flight"),
            faulted=self._faulted(head.base_faulted),
            sunk=self._sunk(2),
        )

    def journal(self) -> Iterator[JournalRow]:
        """The batches since the base, oldest first."""
        base = self.head().base_seq
        return self._each("journal", (), (base,), itemgetter(0), most=PART_JOURNAL_ROWS)

    def latest(self) -> Iterator[JournalRow]:
        """The batches since the base, latest first."""
        base = self.head().base_seq
        return self._each("latest", (base,), (_HIGH,), itemgetter(0), most=PART_JOURNAL_ROWS)

    def page(self, place: str, key: str, first: tuple[int, int, int], most: int) -> list[PagedRow]:
        """The tokens of a key from *first* on. Cost: O(log rows + most), and a round trip."""
        return list(self._ask("page", kept(place), kept(key), *first, most, texts=(0, 1)))

    def holding(self, place: str, key: str, text: bytes) -> list[PagedRow]:
        """The tokens of a key whose encoded colour contains *text*. Cost: O(tokens of the key)."""
        return list(self._ask("holding", kept(place), kept(key), text, texts=(0, 1)))

    def ahead(self, row: PagedRow, without: Collection[int]) -> int:
        """How many tokens of a row's key come before it, except the serials in *without*. Cost: O(result)."""
        place, key, first, second, serial, _ = row
        where = (kept(place), kept(key), first, second, serial, list(without))
        ((number,),) = self._ask("ahead", *where)
        return int(number)

    def metadata(self) -> dict[str, bytes]:
        """The named values of the run."""
        return dict(self._ask("metadata", texts=(0,)))

    def texts(self, first: int, last: int | None = None) -> Iterator[TextRow]:
        """The texts of the run, from number *first* on, up to *last*."""
        until = _HIGH if last is None else last
        return self._numbered(
            "texts", (until,), texts=(2,), after=first - 1, most=PART_JOURNAL_ROWS
        )

    def rows(self, sink: str) -> Iterator[SinkRow]:
        """The rows of a sink, oldest first. Cost: O(rows of all sinks)."""
        return self._numbered("rows", (kept(sink),), texts=(1, 2))

    def named(self, name: str) -> Iterator[SinkRow]:
        """The rows of all sinks with a given name, oldest first. Cost: O(rows of all sinks)."""
        return self._numbered("named", (kept(name),), texts=(1, 2))

    def items(self) -> Iterator[ItemRow]:
        """Items, oldest first."""
        return self._numbered("items", ())

    def items_after(self, number: int) -> Iterator[tuple[int, bytes]]:
        """Items after the one of a number (0: all), oldest first, each with its number."""
        rows = self._each("items", (), (number,), itemgetter(0))
        return ((row[0], row[-1]) for row in rows)

    def tokens(self, places: Sequence[str]) -> Iterator[TokenRow]:
        """The tokens of some places that are not paged, by serial. Cost: O(tokens)."""
        wanted = [kept(place) for place in places]
        return self._each("tokens", (wanted,), (_LOW,), itemgetter(0), texts=(1,))

    def counts(self) -> dict[str, int]:
        """How many tokens each place has, including those that firings in flight hold. Cost: O(tokens)."""
        return dict(self._ask("counts", texts=(0,)))

    def backlog(self, place: str) -> dict[str, int]:
        """How many tokens a paged place has for each key. Cost: O(its tokens)."""
        return dict(self._ask("backlog", kept(place), texts=(0,)))

    def colours(self, places: Sequence[str]) -> Iterator[tuple[int, bytes]]:
        """Serial and colour of the tokens of some paged places. Cost: O(their tokens)."""
        for place in places:
            first = ("", _LOW, _LOW, _LOW)
            for row in self._each("colours", (kept(place),), first, itemgetter(0, 1, 2, 3)):
                yield row[3:]

    def _tokens(self, name: str) -> Iterator[TokenRow]:
        return self._each(name, (), (_LOW,), itemgetter(0), texts=(1,))

    def _paged(self, name: str) -> Iterator[PagedRow]:
        first = ("", "", _LOW, _LOW, _LOW)
        return self._each(name, (), first, lambda row: row[:5], texts=(0, 1))

    def _numbers(self, name: str) -> Iterator[Any]:
        return self._each(name, (), ("", ""), lambda row: row[:2], texts=(0, 1))

    def _flights(self, name: str) -> Iterator[Any]:
        return self._each(name, (), (_LOW,), itemgetter(0))

    def _seen(self, most: int) -> Iterator[Any]:
        return self._numbered("seen", (most,), texts=(1, 2))

    def _faulted(self, most: int) -> Iterator[bytes]:
        return (rest for (rest,) in self._numbered("faulted", (most,)))

    def _sunk(self, column: int) -> dict[str, int]:
        return {row[0]: row[column] for row in self._ask("sunk", texts=(0,)) if row[column] > 0}

    def _numbered(
        self,
        name: str,
        values: Row,
        *,
        texts: Collection[int] = (),
        after: int = 0,
        most: int = PART_ROWS,
    ) -> Iterator[Any]:
        """The rows of a table that only grows, without their numbers."""
        rows = self._each(name, values, (after,), itemgetter(0), texts=texts, most=most)
        return (row[1:] for row in rows)

    def _each(
        self,
        name: str,
        values: Row,
        after: Row,
        key: Callable[[Row], Any],
        *,
        texts: Collection[int] = (),
        most: int = PART_ROWS,
    ) -> Iterator[Any]:
        """All rows of a statement that begins after a key, part by part."""
        while True:
            found = self._fetch(name, *values, *after, most)
            yield from rows_read(found, texts)
            if len(found) < most:
                return
            last = key(found[-1])
            after = last if isinstance(last, tuple) else (last,)

    def _ask(self, name: str, *values: Any, texts: Collection[int] = ()) -> Sequence[Row]:
        """All rows of a statement."""
        return rows_read(self._fetch(name, *values), texts)

    def _fetch(self, name: str, *values: Any) -> list[Row]:
        sql, part = query(name), self._part
        return self._link.call(lambda link: _tuples(link.fetch(sql, part, *values)))


async def _tuples(found: Any) -> list[Row]:
    return [tuple(row) for row in await found]
