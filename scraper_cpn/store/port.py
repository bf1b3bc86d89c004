"""The store port: what is written for a batch of firings, and what is read back.

Owns: `Batch`, `SavedMarking`, the protocol that every store implements, and the types of its errors.
Must not know: SQL, files, how a kernel decides, what a net is for.

A store holds runs. For each run it holds the *durable marking*: the marking as if no firing were in
flight, and the firings in flight beside it. A token that a firing holds keeps its row until it is
consumed for good, so that beginning or revoking a firing writes one small row. Rows are plain tuples of
SQL values, made by `codec.py`. Every key of a table begins with the run; a partition can be added
before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TypeAlias

from msgspec import Struct

TokenRow: TypeAlias = tuple[int, str, int, int | None, bytes]
"""serial, place, ready_at_ns, expires_at_ns, colour (msgpack)."""

PagedRow: TypeAlias = tuple[str, str, int, int, int, bytes]
"""A token of a paged place: place, key, first and second order field (0 if missing), serial, colour."""

PagedKey: TypeAlias = tuple[str, str, int, int, int]
"""A `PagedRow` without its colour: the order in which tokens of a key are taken."""

NumberRow: TypeAlias = tuple[str, str, int]
"""counter, key (JSON; `null` for a plain counter), number."""

FlightRow: TypeAlias = tuple[int, bytes]
"""id of the firing, and its other fields (msgpack)."""

SeenRow: TypeAlias = tuple[str, str]
"""set, key (JSON, or the string itself if the set has one string key).

A forgotten key has a row, too: there the set's name is followed by `FORGOTTEN`.
"""

FORGOTTEN = "\x00forgotten"
"""Marks the row of a forgotten key."""

SinkRow: TypeAlias = tuple[str, str, bytes]
"""sink, name by which people look the row up (a URL), the row as JSON."""

ItemRow: TypeAlias = tuple[bytes, int, int, bytes]
"""fingerprint of the page's URL (16 bytes), visit, ordinal on the page, the item as JSON."""

TextRow: TypeAlias = tuple[int, str]
"""The number of a text's first line, and the text."""

JournalRow: TypeAlias = tuple[int, int, int, int, bytes]
"""seq, at_ns, firings, marking hash after it, inputs (msgpack)."""


SentRow: TypeAlias = tuple[int, int, bytes]
"""Tokens for another partition of the crawl: that partition, how many tokens, and the tokens (msgpack)."""

CreditRow: TypeAlias = tuple[str, int]
"""A budget that all partitions of a crawl share, and how much a batch draws from it; below 0: gives back."""


class Batch(Struct, frozen=True, kw_only=True):
    """Firings that are committed together, atomically."""

    seq: int
    """The batch's number within its run, from 1 on."""
    at_ns: int
    """Kernel time (UTC, since 1970) of the last decision in it."""
    next_serial: int
    next_id: int
    firings: int
    marking_hash: int
    """The hash of the durable marking after the batch; signed 64 bits."""
    inputs: bytes
    born: Sequence[TokenRow] = ()
    gone: Sequence[int] = ()
    """The serials of the tokens that are removed."""
    paged_born: Sequence[PagedRow] = ()
    paged_gone: Sequence[PagedKey] = ()
    numbers: Sequence[NumberRow] = ()
    """New numbers of counters; each key at most once."""
    seen: Sequence[SeenRow] = ()
    """New keys, in order."""
    flights: Sequence[FlightRow] = ()
    """Firings that are new, or that replace the row with the same id."""
    landed: Sequence[int] = ()
    faulted: Sequence[bytes] = ()
    rows: Sequence[SinkRow] = ()
    items: Sequence[ItemRow] = ()
    metadata: Sequence[tuple[str, bytes]] = ()
    """Named values of the run (JSON) that change with this batch: the length of its output, how it ended."""
    texts: Sequence[tuple[int, int, str]] = ()
    """Texts that are added to those that the run was created with, each behind its number."""
    idle: bool = False
    """Whether the net has nothing to do after the batch, and nothing in flight. Only PostgreSQL keeps it."""
    sent: Sequence[SentRow] = ()
    """Tokens that leave for other partitions."""
    received: Sequence[int] = ()
    """The numbers of rows of other partitions' `sent` that this batch has taken in; each must be there."""
    credits: Sequence[CreditRow] = ()
    """Draws from budgets, and returns; each budget at most once."""

    @property
    def is_of_many(self) -> bool:
        """Whether the batch concerns other partitions. A store of one partition refuses such a batch."""
        return bool(self.sent or self.received or self.credits)


class SavedMarking(Struct, frozen=True, kw_only=True):
    """A run's durable marking, which can be read once; see `restore.restore`."""

    seq: int
    at_ns: int
    next_serial: int
    next_id: int
    marking_hash: int
    tokens: Iterable[TokenRow]
    paged: Iterable[PagedRow]
    """The tokens of paged places, sorted by place, key and order."""
    numbers: Iterable[NumberRow]
    seen: Iterable[SeenRow]
    flights: Iterable[FlightRow]
    faulted: Iterable[bytes]
    sunk: dict[str, int]
    """Rows of each sink so far."""


class BatchError(Exception):
    """A batch contradicts the state, which is a bug of ours.

    Examples are a seq out of order, a token that is added twice or removed without existing, an item that
    was stored before. Nothing of the batch is written, and the store accepts no further batch.
    """


class StoreError(Exception):
    """A state can't be opened, read or written; the message is one line. Nothing is half-written.

    Attributes:
        kind: "exists", "missing", "locked", "foreign" (no state of ours, or of another net or version),
            "damaged", "full" (the disk), "readonly", "io", "fenced" (another process has taken over),
            "refused" (a server does not let this user in, or do this), "standby" (a server that only reads, for now),
            "older" (a server has lost what it had acknowledged), "unfit" (a token, an outcome or a key
            that can't be written),
            "spent" (a budget has less left than a batch draws; the store accepts another batch instead).
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Store(Protocol):
    """One run of one state, open for writing. One writer; used by one task at a time."""

    async def commit(self, batch: Batch) -> None:
        """Make a batch durable. Removals come before additions. A cancellation waits for the commit.

        Raises:
            StoreError: the batch was not written, or it is unknown whether it was; the store
                accepts no further batch, and raises the same error for each.
            BatchError: see there.
        """

    def saved(self) -> SavedMarking:
        """The durable marking. Raises `StoreError` if it is damaged."""

    def base(self) -> SavedMarking:
        """The marking at which the journal begins."""

    def journal(self) -> Iterator[JournalRow]:
        """The batches since the base, oldest first."""

    def page(self, place: str, key: str, first: tuple[int, int, int], most: int) -> list[PagedRow]:
        """Up to *most* tokens of a key of a paged place, in order.

        The page begins at *first* (order fields and serial), inclusive. Only committed tokens are seen.
        The call is synchronous and fast.
        """

    def metadata(self) -> dict[str, bytes]:
        """The named values of the run."""

    def texts(self, first: int, last: int | None = None) -> Iterator[TextRow]:
        """The texts of the run, from number *first* on, up to *last* (from 1 on)."""

    def rows(self, sink: str) -> Iterator[SinkRow]:
        """The rows of a sink, oldest first."""

    def items(self) -> Iterator[ItemRow]:
        """Items, oldest first."""

    async def close(self) -> None:
        """Close the store; a second call does nothing. Leaving it open has the effect of a crash."""
