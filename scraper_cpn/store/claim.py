"""The single writer of a state, and a note of its last acknowledged batch.

Owns: the right to write, which is the lock of the state's file, and the note in the file `<state>.lock`.
Must not know: SQLite, runs beyond their numbers.

The note is informative only: it holds the pid, and the seq of the last acknowledged batch. It is written
after each commit, without a sync. A crash may leave an older note, never one that is ahead of what is
durable: a state that is behind its note has lost commits. SQLite alone can't tell, since it takes a -wal
file that is gone, or cut, for one that was never longer. A state that was closed well has an empty note.
A note that is removed while its writer is at work is made again with the next batch.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from scraper_cpn.store.lock import FileLock, Locked, is_locked
from scraper_cpn.store.port import StoreError

_NOTE_BYTES = 160
"""Each note is padded to this, and so replaces the one before it as a whole."""


class Note(Struct, frozen=True):
    """What the writer noted: the file's identity, the run that it wrote to, and its last batch."""

    pid: int
    identity: str
    run: int
    seq: int


class Claim:
    """The right to write to a state; raises `StoreError` ("locked") if another process has it.

    Args:
        path: of the state.
        file: the file to lock, if it is another one: a state that is being made. It is created if it
            does not exist.
    """

    def __init__(self, path: Path, file: Path | None = None) -> None:
        self._path = _note_path(path)
        self._lock: FileLock | None
        try:
            self._lock = FileLock(file or path, make=file is not None)
        except Locked:
            note = noted(path)
            holder = f" (pid {note.pid})" if note else ""
            raise StoreError("locked", f"{path} is in use by another process{holder}") from None
        self._note: int | None = None

    def is_of(self, path: Path) -> bool:
        """Whether *path* is the file that is locked."""
        return self._lock is not None and self._lock.is_of(path)

    def is_removed(self) -> bool:
        """Whether the locked file was removed from its folder."""
        return self._lock is not None and os.fstat(self._lock.descriptor).st_nlink == 0

    def renew(self) -> None:
        """Take the lock again, if closing the file has dropped it; see `FileLock.renew`."""
        if self._lock is not None:
            self._lock.renew()

    def write(self, identity: str, run: int, seq: int) -> None:
        """Note that a batch is durable. Cost: one write to the system's cache, some microseconds."""
        note = Note(os.getpid(), identity, run, seq)
        os.pwrite(self._file(), msgspec.json.encode(note).ljust(_NOTE_BYTES), 0)

    def clear(self) -> None:
        """Note that the state was closed properly."""
        os.ftruncate(self._file(), 0)

    def release(self) -> None:
        """Release the lock, once SQLite has closed the file. A second call does nothing."""
        if self._lock is not None:
            self._close_note()
            self._lock.release()
            self._lock = None

    def _file(self) -> int:
        """The descriptor of the note's file, which is created again if it was removed."""
        if self._note is not None and os.fstat(self._note).st_nlink == 0:
            self._close_note()
        if self._note is None:
            self._note = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        return self._note

    def _close_note(self) -> None:
        if self._note is not None:
            os.close(self._note)
            self._note = None


def noted(path: Path) -> Note | None:
    """The note of a state's current or last writer; None if the state was closed properly."""
    try:
        return msgspec.json.decode(_note_path(path).read_bytes(), type=Note)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def writer(path: Path) -> Note | None:
    """The note of the process that has a state open for writing; None if there is none.

    Not to be called while this process reads the state; see `is_locked`.
    """
    note = noted(path)
    return note if note is not None and is_locked(path) else None


def _note_path(path: Path) -> Path:
    return Path(f"{path}.lock")
