"""Who writes to a state: one process, and what it was last told is durable.

Owns: the file `<state>.lock`, its lock and the note in it.
Must not know: SQLite, runs beyond their numbers.

The lock is the system's and ends with the process. The note holds the pid, and the seq of the last batch that was
acknowledged; it is written after each commit, without a sync. A crash may leave an older note, never one
that is ahead of what is durable: so a state that is behind its note has lost commits. SQLite alone can't
tell: it takes a -wal file that is gone, or cut, for one that was never longer. A state that was closed
well has an empty note.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout
from msgspec import Struct

from scraper_cpn.store.port import StoreError

PATIENCE_SECONDS = 0.2
"""How long to try for the lock: those who ask whether it is taken have it for an instant."""

_NOTE_BYTES = 160
"""Each note is padded to this, and so replaces the one before it as a whole."""


class Note(Struct, frozen=True):
    """What the writer knew: the file's identity, the run that it wrote to, and its last batch."""

    pid: int
    identity: str
    run: int
    seq: int


class Claim:
    """The right to write to a state; raises `StoreError` where another process has it.

    Args:
        path: of the state.
    """

    def __init__(self, path: Path) -> None:
        self._path = _beside(path)
        self._lock = FileLock(self._path, timeout=PATIENCE_SECONDS, thread_local=False)
        try:
            self._lock.acquire()
        except Timeout:
            note = noted(path)
            holder = f" (pid {note.pid})" if note else ""
            raise StoreError("locked", f"{path} is in use by another process{holder}") from None
        self._file = os.open(self._path, os.O_RDWR)

    def write(self, identity: str, run: int, seq: int) -> None:
        """Note that a batch is durable. Cost: one write to the system's cache, some microseconds."""
        note = Note(os.getpid(), identity, run, seq)
        os.pwrite(self._file, msgspec.json.encode(note).ljust(_NOTE_BYTES), 0)

    def clear(self) -> None:
        """Note that the state was closed well."""
        os.ftruncate(self._file, 0)

    def release(self) -> None:
        """Let others have it. Doing so again does nothing."""
        if self._lock.is_locked:
            os.close(self._file)
            self._lock.release()


def noted(path: Path) -> Note | None:
    """What the writer of a state, or its last one, has noted; None where it was closed well."""
    try:
        return msgspec.json.decode(_beside(path).read_bytes(), type=Note)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def writer(path: Path) -> Note | None:
    """Who has a state open for writing now; None for nobody.

    Where a writer has crashed, its lock is tried for an instant, beside other readers.
    """
    note = noted(path)
    if note is None:
        return None
    try:
        with _beside(path).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return note
    except FileNotFoundError:
        pass
    return None


def _beside(path: Path) -> Path:
    return Path(f"{path}.lock")
