"""The lock on a state: it is on the file itself, whatever its name and the files beside it.

Owns: taking the lock, testing whether somebody has it, and the descriptors that hold one in this process.
Must not know: notes, SQLite's statements, runs.

The lock is one byte, far beyond any page and beyond the bytes that SQLite locks (at 1 GiB). On Linux it belongs to
the open file (F_OFD_SETLK), and the system drops it when that is closed or its process ends.

SQLite's own locks belong to the process instead: they are dropped as soon as the process closes *any*
descriptor of the file (POSIX, fcntl). So a process that writes to a state opens the file once, keeps that
descriptor until SQLite has closed, and reads the file's header through it (`descriptor`).
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
import sys
from pathlib import Path

_BYTE = 1 << 62
_LAYOUT = "hhqqi"
"""The layout of C's `struct flock`: type, whence, start, length, pid."""

_open: dict[tuple[int, int], int] = {}
"""The descriptors that hold a lock in this process, by device and inode."""


class Locked(Exception):  # noqa: N818 - it says what the file is
    """Somebody else has the lock."""


class FileLock:
    """The lock of the file at *path*, which is opened for writing.

    Args:
        path: of an existing file, unless *make* is given.
        make: create the file if it does not exist, for its owner alone: forms in a state may have passwords.

    Raises:
        Locked: another process, or another part of this one, has the lock.
        OSError: the file can't be opened for writing.
    """

    def __init__(self, path: Path, *, make: bool = False) -> None:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY | (os.O_CREAT if make else 0)
        name = identity(path)
        if name in _open:  # opening and closing the file again would drop SQLite's locks
            raise Locked
        self.descriptor = os.open(path, flags, 0o600)
        try:
            self._name = _name_of(os.fstat(self.descriptor))
            _take(self.descriptor)
        except BaseException:
            os.close(self.descriptor)
            raise
        _open[self._name] = self.descriptor

    def is_of(self, path: Path) -> bool:
        """Whether *path* is the file that is locked: it may have been removed or replaced meanwhile."""
        return identity(path) == self._name

    def renew(self) -> None:
        """Take the lock again: a lock of the process was dropped when SQLite closed the file."""
        _take(self.descriptor)

    def release(self) -> None:
        """Release the lock. No part of this process has the file open any more."""
        del _open[self._name]
        os.close(self.descriptor)


def descriptor(path: Path) -> int | None:
    """The descriptor that holds this process's lock of the file at *path*; None if there is none."""
    name = identity(path)
    return None if name is None else _open.get(name)


def is_locked(path: Path) -> bool:
    """Whether anybody has the lock of the file at *path*. The lock is only tested, not taken.

    Opens and closes the file, so a process that reads it through SQLite must not call this.
    """
    if descriptor(path) is not None:
        return True
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        return stat.S_ISREG(os.fstat(file).st_mode) and _is_taken(file)
    finally:
        os.close(file)


def identity(path: Path) -> tuple[int, int] | None:
    """Device and inode of the file at *path*; None if there is no file."""
    try:
        return _name_of(path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return None


def _name_of(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


if sys.platform == "linux":

    def _take(file: int) -> None:
        wanted = struct.pack(_LAYOUT, fcntl.F_WRLCK, os.SEEK_SET, _BYTE, 1, 0)
        try:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, wanted)
        except (BlockingIOError, PermissionError):
            raise Locked from None

    def _is_taken(file: int) -> bool:
        wanted = struct.pack(_LAYOUT, fcntl.F_WRLCK, os.SEEK_SET, _BYTE, 1, 0)
        found = fcntl.fcntl(file, fcntl.F_OFD_GETLK, wanted)
        return bool(struct.unpack(_LAYOUT, found)[0] != fcntl.F_UNLCK)

else:
    # This lock belongs to the process. SQLite closes its own descriptors only after it has released all
    # its locks, and `_open` tells the parts of this process apart.

    def _take(file: int) -> None:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _BYTE)
        except (BlockingIOError, PermissionError):
            raise Locked from None

    def _is_taken(file: int) -> bool:
        try:
            fcntl.lockf(file, fcntl.LOCK_SH | fcntl.LOCK_NB, 1, _BYTE)
        except (BlockingIOError, PermissionError):
            return True
        return False
