"""The store in a SQLite file.

Owns: one run of a state file that is open for writing; opening and closing it, the writer's thread.
Must not know: what rows mean, what a batch's statements are.

One thread writes; each batch costs the event loop one await. That thread has the only connection that
writes or checkpoints: SQLite before 3.51.3 may damage a file in WAL mode if two connections
checkpoint it. A second connection reads, in the event loop's own thread. A process that has a store
open must not fork.

After any error the store refuses further batches and writes nothing more: a failed sync may have lost
data, there is no way to find out, and a second sync may succeed all the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypeAlias

from scraper_cpn.store.claim import Claim, noted
from scraper_cpn.store.failures import store_errors
from scraper_cpn.store.log import Log
from scraper_cpn.store.port import Batch, BatchError, StoreError, TextRow
from scraper_cpn.store.read import RunReader
from scraper_cpn.store.retention import JournalLimits
from scraper_cpn.store.shielded import in_thread
from scraper_cpn.store.statefile import (
    BUSY_SECONDS,
    add_run,
    check_header,
    connect,
    find_run,
    make,
    real,
)
from scraper_cpn.store.tables import load_head
from scraper_cpn.store.whole import (
    SMALL,
    check_counts,
    check_log,
    check_note,
    check_structure,
)
from scraper_cpn.store.write import write

_Picked: TypeAlias = Callable[[sqlite3.Connection], int]

WAL_MOST_BYTES = 4 * 2**20
"""The size of a small state's -wal that triggers a checkpoint. A larger one is quicker, but takes disk
space, and the next opening after a crash has to read it."""
WAL_FAR = 2
"""A -wal that is longer than so many times its usual length is cut, once no reader prevents it."""
WAL_SHARE, WAL_END_BYTES = 4, 64 * 2**20
"""The -wal of a larger state may reach this fraction of the file, up to this maximum. It keeps growing
while somebody reads."""

_USUAL = JournalLimits()


def create(
    path: Path,
    run_name: str,
    metadata: Mapping[str, bytes] | None = None,
    texts: Iterable[TextRow] = (),
    *,
    limits: JournalLimits = _USUAL,
) -> SqliteStore:
    """Create a state file with one new run, and open it. Raises `StoreError`.

    *texts* are kept for `Store.texts`.
    """
    path = real(path)
    if not path.parent.is_dir():
        raise StoreError("missing", f"{path}: there is no folder {path.parent}; make it first")
    claim = make(path, run_name, metadata or {}, texts)
    try:
        return _opened(path, claim, limits, lambda file: find_run(path, file, run_name))
    except BaseException:
        claim.release()
        raise


def new_run(
    path: Path,
    run_name: str,
    metadata: Mapping[str, bytes] | None = None,
    texts: Iterable[TextRow] = (),
    *,
    limits: JournalLimits = _USUAL,
) -> SqliteStore:
    """Add a run to an existing state file, and open it. Raises `StoreError`, "exists" among others."""

    def added(file: sqlite3.Connection) -> int:
        if file.execute("SELECT 1 FROM run WHERE name = ?", (run_name,)).fetchone():
            raise StoreError(
                "exists", f"{path} has a run {run_name}; resume it, or use another name"
            )
        return add_run(file, run_name, metadata or {}, texts)

    return _claimed(path, limits, added)


def open_run(
    path: Path, run_name: str | None = None, *, limits: JournalLimits = _USUAL
) -> SqliteStore:
    """Open a run of a state file for writing, the only one unless named. Raises `StoreError`.

    Cost: reads the tables of the run; after a crash, the whole file.
    """
    return _claimed(path, limits, lambda file: find_run(path, file, run_name))


class SqliteStore(RunReader):
    """A run of a state file, open for writing; from `create`, `new_run` or `open_run`."""

    def __init__(
        self,
        path: Path,
        claim: Claim,
        writing: sqlite3.Connection,
        reading: sqlite3.Connection,
        run: int,
        limits: JournalLimits,
    ) -> None:
        super().__init__(path, reading, run)
        self._claim = claim
        self._writing = writing
        self._limits = limits
        self._at = load_head(writing, run)
        self._identity = str(writing.execute("SELECT identity FROM state").fetchone()[0])
        self._log = Log(path)
        self._log_most_bytes = WAL_MOST_BYTES
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="state")
        self._broken: Exception | None = None
        self._closed = False
        self._note()

    async def commit(self, batch: Batch) -> None:
        """Make a batch durable, with one await."""
        await in_thread(self._thread, lambda: self._write(batch))

    async def close(self) -> None:
        """Checkpoint everything into the file, so that it is complete without its -wal, and release it.

        Raises `StoreError` if that fails: the committed data then is in the file and its -wal together.
        """
        if self._closed:
            return
        self._closed = True
        try:
            await in_thread(self._thread, self._close)
        finally:
            self._thread.shutdown(wait=False)
            self._claim.release()

    def _write(self, batch: Batch) -> None:
        if self._broken is not None:
            raise self._broken
        try:
            with store_errors(self._path):
                self._at = write(self._writing, self._run, self._at, batch, self._limits)
                self._note()
                self._shorten_wal()
        except BatchError as error:
            self._broken = BatchError(f"{self._path}: {str(error).removeprefix(f'{self._path}: ')}")
            raise self._broken from error
        except Exception as error:
            self._broken = error
            raise

    def _shorten_wal(self) -> None:
        """Checkpoint the -wal if it has grown too large, so that it is written from its beginning again.

        SQLite's automatic checkpoint would not report an error. The -wal grows on while somebody reads; what it has grown
        beyond its usual length is cut then.
        """
        if self._log.is_beyond(self._log_most_bytes):
            share = min(self._path.stat().st_size // WAL_SHARE, WAL_END_BYTES)
            most = max(WAL_MOST_BYTES, share)
            far = self._log.size_bytes > WAL_FAR * most
            done = _checkpoint(self._writing, "TRUNCATE" if far else "RESTART")
            self._log_most_bytes = most if done else self._log_most_bytes + most

    def _note(self) -> None:
        self._claim.write(self._identity, self._run, self._at.seq)

    def _close(self) -> None:
        # An open reader would keep the -wal from being checkpointed.
        self._reading.close()
        self._log.close()
        if self._claim.is_removed():
            self._writing.close()
            raise StoreError(
                "io",
                f"{self._path} was removed while a crawl wrote to it; all that it held is lost",
            )
        with (
            store_errors(self._path),
            closing(self._writing),
            closing(connect(self._path, write=False)),
        ):
            settled = False
            try:
                settled = self._broken is None and _settle(self._writing)
            finally:
                if not settled:
                    self._writing.close()  # no checkpoint: it is not the last connection
        if settled:
            self._claim.clear()


def _claimed(path: Path, limits: JournalLimits, picked: _Picked) -> SqliteStore:
    path = real(path)
    check_header(path)
    with store_errors(path):
        claim = Claim(path)
    try:
        if not claim.is_of(path):
            raise StoreError("io", f"{path} was replaced while it was opened; try again")
        return _opened(path, claim, limits, picked)
    except BaseException:
        claim.release()
        raise


def _opened(path: Path, claim: Claim, limits: JournalLimits, picked: _Picked) -> SqliteStore:
    with store_errors(path), ExitStack() as undo:
        check_log(path)
        reading = undo.enter_context(closing(connect(path, write=False)))
        # If the opening is refused, this connection is closed first; as it is not the last, it does
        # not checkpoint.
        writing = undo.enter_context(closing(connect(path, write=True)))
        _check(path, writing)
        run = picked(writing)
        check_counts(path, writing, run, load_head(writing, run))
        _mark_open(writing)
        store = SqliteStore(path, claim, writing, reading, run, limits)
        undo.pop_all()
        return store


def _check(path: Path, writing: sqlite3.Connection) -> None:
    check_structure(path, writing, SMALL)
    check_note(path, writing, noted(path))
    (opened,) = writing.execute("SELECT open FROM state").fetchone()
    if opened:
        check_structure(path, writing)


def _mark_open(writing: sqlite3.Connection) -> None:
    """Mark the file itself as open, so that a copy without its -wal is recognised as incomplete."""
    writing.execute("UPDATE state SET open = 1")
    writing.execute("PRAGMA wal_checkpoint(PASSIVE)")


def _settle(writing: sqlite3.Connection) -> bool:
    """Checkpoint everything, then mark the file as closed; returns False if a reader prevents it.

    The mark is written last, so that a file that is marked as closed is complete without its -wal.
    """
    (busy, _, _) = writing.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
    if busy:
        return False
    writing.execute("UPDATE state SET open = 0")
    _checkpoint(writing, "TRUNCATE")
    return True


def _checkpoint(writing: sqlite3.Connection, mode: str) -> bool:
    """Checkpoint the -wal, as far as that is possible without waiting for readers; False if one of them prevents it."""
    writing.execute("PRAGMA busy_timeout = 0")
    (busy, _, _) = writing.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
    writing.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1_000)}")
    return not busy
