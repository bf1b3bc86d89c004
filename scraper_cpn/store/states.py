"""States, wherever they are: in a file, or on PostgreSQL.

Owns: telling the two apart, and what both can do for who begins, resumes or looks at a run.
Must not know: files, SQL, what a net is for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeAlias

from scraper_cpn.store import reader, sqlite, whole
from scraper_cpn.store.port import (
    ItemRow,
    JournalRow,
    PagedRow,
    SavedMarking,
    SinkRow,
    Store,
    TextRow,
    TokenRow,
)
from scraper_cpn.store.postgres.address import Address, address_of, is_address
from scraper_cpn.store.reader import RunInfo

Location: TypeAlias = Path | Address
"""Where a state is: the path of its file, or its address on PostgreSQL."""


class Head(Protocol):
    """A run's last batch, its base, and counts of its rows."""

    @property
    def seq(self) -> int:
        """The last batch."""

    @property
    def marking_hash(self) -> int:
        """The hash after it."""

    @property
    def tokens(self) -> int:
        """Tokens in places that are not paged."""

    @property
    def paged(self) -> int:
        """Tokens in paged places."""

    @property
    def faulted(self) -> int:
        """Tokens that were set aside."""

    @property
    def items(self) -> int:
        """Items."""

    @property
    def base_seq(self) -> int:
        """The batch at which the journal begins."""

    @property
    def journal_first(self) -> int:
        """The oldest batch that is still there."""

    @property
    def journal_bytes(self) -> int:
        """The size of the inputs since the base."""


class RunView(Protocol):
    """One run of a state, to read; see `read.RunReader`."""

    def head(self) -> Head:
        """The head of the run."""

    def saved(self) -> SavedMarking:
        """The durable marking."""

    def base(self) -> SavedMarking:
        """The marking at which the journal begins."""

    def journal(self) -> Iterator[JournalRow]:
        """The batches since the base, oldest first."""

    def latest(self) -> Iterator[JournalRow]:
        """The same, latest first."""

    def holding(self, place: str, key: str, text: bytes) -> list[PagedRow]:
        """The tokens of a key whose encoded colour contains *text*."""

    def ahead(self, row: PagedRow, without: Collection[int]) -> int:
        """How many tokens of a row's key come before it, except the serials in *without*."""

    def metadata(self) -> dict[str, bytes]:
        """The named values of the run."""

    def texts(self, first: int, last: int | None = None) -> Iterator[TextRow]:
        """The texts that the run was created with, from number *first* on, up to *last*."""

    def rows(self, sink: str) -> Iterator[SinkRow]:
        """The rows of a sink, oldest first."""

    def named(self, name: str) -> Iterator[SinkRow]:
        """The rows of all sinks with a given name, oldest first."""

    def items(self) -> Iterator[ItemRow]:
        """Items, oldest first."""

    def tokens(self, places: Sequence[str]) -> Iterator[TokenRow]:
        """The tokens of some places that are not paged, by serial."""

    def counts(self) -> dict[str, int]:
        """How many tokens each place has."""

    def backlog(self, place: str) -> dict[str, int]:
        """How many tokens a paged place has for each key."""

    def colours(self, places: Sequence[str]) -> Iterator[tuple[int, bytes]]:
        """Serial and colour of the tokens of some paged places."""


class Snapshot(Protocol):
    """A state at one moment, to read."""

    def __enter__(self) -> Snapshot: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def runs(self) -> list[RunInfo]:
        """All runs, the oldest first."""

    def run(self, name: str | None = None) -> RunView:
        """The run called *name*; None: the only one. Raises `StoreError` ("missing")."""


def location_of(given: str | Path) -> Location:
    """Where the state is that a user names. Raises `StoreError` for an address that can't be read."""
    return address_of(given) if isinstance(given, str) and is_address(given) else Path(given)


def is_there(location: Location) -> bool:
    """Whether there is a state, or anything else in its way. Raises `StoreError` if nobody can tell."""
    if isinstance(location, Path):
        return location.exists()
    from scraper_cpn.store.postgres.reader import is_there as on_server

    return on_server(location)


def create(
    location: Location, run: str, metadata: Mapping[str, bytes], texts: Iterable[TextRow] = ()
) -> Store:
    """Create a state with one new run, and open it. Raises `StoreError`, "exists" among others."""
    if isinstance(location, Path):
        return sqlite.create(location, run, metadata, texts)
    from scraper_cpn.store.postgres import store

    return store.create(location, run, metadata, texts)


def new_run(
    location: Location, run: str, metadata: Mapping[str, bytes], texts: Iterable[TextRow] = ()
) -> Store:
    """Add a run to an existing state, and open it. Raises `StoreError`, "exists" among others."""
    if isinstance(location, Path):
        return sqlite.new_run(location, run, metadata, texts)
    from scraper_cpn.store.postgres import store

    return store.new_run(location, run, metadata, texts)


def open_run(location: Location, run: str | None = None) -> Store:
    """Open a run for writing, the only one unless named. Raises `StoreError`."""
    if isinstance(location, Path):
        return sqlite.open_run(location, run)
    from scraper_cpn.store.postgres import store

    return store.open_run(location, run)


def look(location: Location) -> Snapshot:
    """Look at a state, also while somebody writes to it. Raises `StoreError`."""
    if isinstance(location, Path):
        return reader.StateReader(location)
    from scraper_cpn.store.postgres.reader import PostgresReader

    return PostgresReader(location)


def verify(location: Location) -> list[str]:
    """List what is wrong with the rows of a state; empty if all are there. Raises `StoreError`."""
    if isinstance(location, Path):
        return whole.verify(location)
    from scraper_cpn.store.postgres.reader import verify as on_server

    return on_server(location)
