"""Errors of a state file, in words that its user understands.

Owns: the mapping from SQLite's result codes to kinds of `StoreError`, and the line for each.
Must not know: tables, batches.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scraper_cpn.store.port import BatchError, StoreError

_KINDS = {
    sqlite3.SQLITE_ERROR: "damaged",  # our statements are right: the schema is not
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_PERM: "readonly",
    sqlite3.SQLITE_READONLY: "readonly",
    sqlite3.SQLITE_IOERR: "io",
    sqlite3.SQLITE_CANTOPEN: "io",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
    sqlite3.SQLITE_FULL: "full",
}

_SYSTEM_KINDS = {
    errno.EACCES: "readonly",
    errno.EPERM: "readonly",
    errno.EROFS: "readonly",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
}

_LINES = {
    "locked": "is locked by another program; close it and try again",
    "readonly": "can't be read or written ({error}); check the permissions of the file and of its folder",
    "io": "can't be read or written ({error}); check the disk, then resume: what was committed is there",
    "damaged": "is damaged ({error}); put back a backup of it",
    "full": "can't grow: the disk is full; make room, then resume: what was committed is there",
}

_CONTRADICTIONS = {sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_TOOBIG}


def store_error(path: Path, kind: str, error: object) -> StoreError:
    """The error of *kind* about the state *path*; *error* is the system's own message."""
    word = " ".join(str(error).split())
    return StoreError(kind, f"{path} {_LINES[kind].format(error=word)}")


def of_sqlite(path: Path, error: sqlite3.Error) -> StoreError | BatchError:
    """Translate an error of SQLite."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        # Raised by Python itself: a text that is not UTF-8, or a misuse, which is our bug.
        code = sqlite3.SQLITE_CORRUPT
        if isinstance(error, sqlite3.InterfaceError | sqlite3.ProgrammingError):
            code = sqlite3.SQLITE_MISMATCH
    if code & 0xFF in _CONTRADICTIONS:
        return BatchError(f"{path}: {error}")
    return store_error(path, _KINDS.get(code & 0xFF, "io"), error)


def of_system(path: Path, error: OSError) -> StoreError:
    """Translate an error of the operating system that did not come through SQLite."""
    return store_error(path, _SYSTEM_KINDS.get(error.errno or 0, "io"), error.strerror)


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Translate errors of SQLite and of the system into `StoreError` (or `BatchError`)."""
    try:
        yield
    except sqlite3.Error as error:
        raise of_sqlite(path, error) from error
    except UnicodeDecodeError as error:
        raise store_error(path, "damaged", "a text is not UTF-8") from error
    except (OverflowError, UnicodeEncodeError) as error:
        raise BatchError(f"{path}: {error}") from error
    except OSError as error:
        raise of_system(path, error) from error
