"""Read-only access to a state file: for status, explain, check, export, and other runs' pacing.

Owns: opening a state for reading, listing its runs.
Must not know: the writer, which may be active at the same time.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from msgspec import Struct

from scraper_cpn.store.claim import writer
from scraper_cpn.store.failures import store_errors
from scraper_cpn.store.read import RunReader
from scraper_cpn.store.statefile import find_run
from scraper_cpn.store.whole import look


class RunInfo(Struct, frozen=True):
    """A run of a state."""

    number: int
    """The run's number in the file, which a writer's note refers to."""
    name: str
    created_ns: int
    """UTC, since 1970."""
    seq: int
    at_ns: int
    metadata: dict[str, bytes]
    pid: int | None = None
    """The process that has the run open for writing; None: none."""
    host: str = ""
    """The machine of that process; empty: this one."""


class StateReader:
    """A snapshot of a state, taken when it is opened; raises `StoreError`.

    Open a new reader for a later snapshot, and close each one soon: while one is open, the writer's -wal
    file grows. A reader takes no lock and never checkpoints. It belongs to one thread.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = writer(path)
        self._connection = look(path)

    def __enter__(self) -> StateReader:
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
        with store_errors(self._path):
            sql = "SELECT id, name, created_ns, seq, at_ns FROM run ORDER BY id"
            rows = self._connection.execute(sql).fetchall()
        return [
            RunInfo(run, name, created_ns, seq, at_ns, self._of(run).metadata(), self._pid_of(run))
            for run, name, created_ns, seq, at_ns in rows
        ]

    def run(self, name: str | None = None) -> RunReader:
        """The run called *name*; None: the only one. Raises `StoreError` ("missing")."""
        with store_errors(self._path):
            return self._of(find_run(self._path, self._connection, name))

    def close(self) -> None:
        """Close the reader; a second call does nothing."""
        self._connection.close()

    def _pid_of(self, run: int) -> int | None:
        return self._writer.pid if self._writer is not None and self._writer.run == run else None

    def _of(self, run: int) -> RunReader:
        return RunReader(self._path, self._connection, run)
