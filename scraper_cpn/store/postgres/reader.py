"""Read-only access to a state on PostgreSQL: for status, explain, check, export, and other runs' pacing.

Owns: snapshots, and the list of a state's runs.
Must not know: the writer, which may be active at the same time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from scraper_cpn.store.port import StoreError
from scraper_cpn.store.postgres.address import Address
from scraper_cpn.store.postgres.database import PartInfo, find_run, has_tables, is_ready, runs
from scraper_cpn.store.postgres.holder import is_alive, is_here
from scraper_cpn.store.postgres.link import Connection, Link
from scraper_cpn.store.postgres.read import PartReader
from scraper_cpn.store.reader import RunInfo

_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresReader:
    """A snapshot of a state, taken when it is opened; raises `StoreError`.

    Close each one soon: while one is open, the server keeps what the writer deletes.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._link = Link(address, once=True)
        try:
            self._link.call(self._begin)
        except BaseException:
            self._link.close()
            raise

    def __enter__(self) -> PostgresReader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def runs(self) -> list[RunInfo]:
        """All runs, the oldest first."""
        return [self._info(part) for part in self._link.call(lambda on: runs(self._address, on))]

    def run(self, name: str | None = None) -> PartReader:
        """The run called *name*; None: the only one. Raises `StoreError` ("missing")."""
        return PartReader(self._link, self._link.call(lambda on: find_run(self._address, on, name)))

    def close(self) -> None:
        """Close the reader; a second call does nothing."""
        self._link.close()

    def _info(self, part: PartInfo) -> RunInfo:
        holder = part.holder if is_alive(part.holder) is not False else None
        return RunInfo(
            part.part,
            part.name,
            part.created_ns,
            part.seq,
            part.at_ns,
            PartReader(self._link, part.part).metadata(),
            pid=holder.pid if holder else None,
            host=holder.host if holder and not is_here(holder) else "",
        )

    async def _begin(self, on: Connection) -> None:
        await is_ready(self._address, on)
        await on.execute(_BEGIN)
        if not await runs(self._address, on):
            raise StoreError("missing", f"{self._address} does not exist")


@contextmanager
def snapshot(address: Address) -> Iterator[Link]:
    """A link through which everything is read as it was at one moment, whatever is written meanwhile.

    End it soon: until then the server keeps what writers delete. Raises `StoreError`.
    """
    link = Link(address, once=True)
    try:
        link.call(lambda on: on.execute(_BEGIN))
        yield link
    finally:
        link.close()


def is_there(address: Address) -> bool:
    """Whether there is a state of this name. Raises `StoreError` if the database can't be reached."""
    link = Link(address, once=True)

    async def found(on: Connection) -> bool:
        return await has_tables(address, on) and bool(await runs(address, on))

    try:
        return link.call(found)
    finally:
        link.close()


def verify(address: Address) -> list[str]:
    """List the tables that lack rows, or have too many; empty if there are none. Cost: O(rows)."""
    with PostgresReader(address) as reader:
        return [
            f"run {each.name}: {finding}"
            for each in reader.runs()
            for finding in reader.run(each.name).miscounted()
        ]
