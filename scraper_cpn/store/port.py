"""The store port: what a batch of firings leaves behind, and what is read back.

Owns: `Batch`, `Saved`, the protocol that every store implements, and its errors' one type.
Must not know: SQL, files, how a kernel decides, what a net is for.

A store holds runs. Of a run it holds its *durable marking*: the marking as if no firing were in
flight, and the firings in flight beside it. What a firing holds stays where it was until it is really
gone, so that beginning and revoking a firing writes one small row. Rows are plain tuples of what SQL
can hold, made by `codec.py`; every key of a table begins with the run, and has room for a partition
before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

TokenRow: TypeAlias = tuple[int, str, int, int | None, bytes]
"""serial, place, ready_at_ns, expires_at_ns, colour (msgpack)."""

PagedRow: TypeAlias = tuple[str, str, int, int, int, bytes]
"""place, key, first and second order field (0 where there is none), serial, colour. Of a paged place."""

PagedKey: TypeAlias = tuple[str, str, int, int, int]
"""A `PagedRow` without its colour: the order in which tokens of a key are taken."""

NumberRow: TypeAlias = tuple[str, str, int]
"""counter, key (JSON; `null` for a plain counter), number."""

FlightRow: TypeAlias = tuple[int, bytes]
"""id of the firing, and the rest of it."""

SeenRow: TypeAlias = tuple[str, str]
"""set, key (JSON, or the string itself where the set has one string key).

A set that forgets has a row for that, too: the key's set is then named with `FORGOTTEN` behind it.
"""

FORGOTTEN = "\x00forgotten"
"""Marks a row that says that a set has forgotten a key."""

SinkRow: TypeAlias = tuple[str, str, bytes]
"""sink, name that people know the row by (a URL), the row as JSON."""

ItemRow: TypeAlias = tuple[bytes, int, int, bytes]
"""fingerprint of the page's URL (16 bytes), visit, ordinal on the page, the item as JSON."""

JournalRow: TypeAlias = tuple[int, int, int, int, bytes]
"""seq, at_ns, firings, marking hash after it, inputs (msgpack)."""


class Batch(Struct, frozen=True, kw_only=True):
    """Firings that are committed together: all of it is durable, or nothing."""

    seq: int
    """1 for the first of a run; one more for each."""
    at_ns: int
    """Kernel time (UTC, since 1970) of the last decision in it."""
    next_serial: int
    next_id: int
    firings: int
    marking_hash: int
    """Of the durable marking after the batch; signed 64 bits."""
    inputs: bytes
    born: Sequence[TokenRow] = ()
    gone: Sequence[int] = ()
    """Serials."""
    paged_born: Sequence[PagedRow] = ()
    paged_gone: Sequence[PagedKey] = ()
    numbers: Sequence[NumberRow] = ()
    """Replace what the counter's key had; each key once."""
    seen: Sequence[SeenRow] = ()
    """New keys, in order."""
    flights: Sequence[FlightRow] = ()
    """New, or replacing what the id had."""
    landed: Sequence[int] = ()
    faulted: Sequence[bytes] = ()
    rows: Sequence[SinkRow] = ()
    items: Sequence[ItemRow] = ()
    facts: Sequence[tuple[str, bytes]] = ()
    """Named values of the run (JSON) that change with this batch: the length of its output, how it ended."""


class Saved(Struct, frozen=True, kw_only=True):
    """A run's durable marking, to be read once; see `codec.thawed`."""

    seq: int
    at_ns: int
    next_serial: int
    next_id: int
    marking_hash: int
    tokens: Iterable[TokenRow]
    paged: Iterable[PagedRow]
    """By place, key and order."""
    numbers: Iterable[NumberRow]
    seen: Iterable[SeenRow]
    flights: Iterable[FlightRow]
    faulted: Iterable[bytes]
    sunk: dict[str, int]
    """Rows of each sink so far."""


class BatchError(Exception):
    """A batch that contradicts the state, which is a bug of ours.

    A seq that does not follow, a token that is born twice or goes without being there, an item that was
    kept before. Nothing of the batch is written, and the store takes no further one.
    """


class StoreError(Exception):
    """A state that can't be opened, read or written, in one line. Nothing is half-written.

    Attributes:
        kind: "exists", "missing", "locked", "foreign" (no state of ours, or of another net or version),
            "damaged", "full" (the disk), "readonly", "io".
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Store(Protocol):
    """One run of one state, open for writing. One writer; used by one task at a time."""

    async def commit(self, batch: Batch) -> None:
        """Make a batch durable. What goes leaves before what is born comes. A cancellation waits for it.

        Raises:
            StoreError: nothing of the batch is there, or it is unknown whether it is; the store
                takes no further batch, and says the same for each.
            BatchError: see there.
        """

    def saved(self) -> Saved:
        """The durable marking. Raises `StoreError` where it is not whole."""

    def base(self) -> Saved:
        """The marking at which the journal begins."""

    def journal(self) -> Iterator[JournalRow]:
        """The batches since the base, oldest first."""

    def page(self, place: str, key: str, first: tuple[int, int, int], most: int) -> list[PagedRow]:
        """The tokens of a paged place's key in their order, at most *most* of them.

        From *first* on (order fields and serial), which is included. What is committed is seen, and
        nothing else. Synchronous, and quick.
        """

    def facts(self) -> dict[str, bytes]:
        """The named values of the run."""

    def rows(self, sink: str) -> Iterator[SinkRow]:
        """What a sink has taken, oldest first."""

    def items(self) -> Iterator[ItemRow]:
        """Items, oldest first."""

    async def close(self) -> None:
        """Close it; closing it again does nothing. A store that is not closed is as one that crashed."""
