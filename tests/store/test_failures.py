"""Errors of SQLite and of the system in the words of the user."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest

from scraper_cpn.store.failures import store_errors
from scraper_cpn.store.port import BatchError, StoreError

PATH = Path("/somewhere/crawl.db")

CODES = {
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_BUSY: "locked",
    sqlite3.SQLITE_BUSY_SNAPSHOT: "locked",
    sqlite3.SQLITE_LOCKED: "locked",
    sqlite3.SQLITE_READONLY: "readonly",
    sqlite3.SQLITE_READONLY_DIRECTORY: "readonly",
    sqlite3.SQLITE_PERM: "readonly",
    sqlite3.SQLITE_IOERR_FSYNC: "io",
    sqlite3.SQLITE_IOERR_SHORT_READ: "io",
    sqlite3.SQLITE_CANTOPEN: "io",
    sqlite3.SQLITE_NOMEM: "io",
    sqlite3.SQLITE_CORRUPT: "damaged",
    sqlite3.SQLITE_CORRUPT_VTAB: "damaged",
    sqlite3.SQLITE_NOTADB: "damaged",
    sqlite3.SQLITE_ERROR: "damaged",
}
SYSTEM = {
    errno.EACCES: "readonly",
    errno.EROFS: "readonly",
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EIO: "io",
}


def of_code(code: int) -> sqlite3.Error:
    """An error as SQLite gives it."""
    error = sqlite3.OperationalError("the word\n of SQLite")
    error.sqlite_errorcode = code
    return error


ERRORS: list[tuple[Exception, str]] = [
    *((of_code(code), kind) for code, kind in CODES.items()),
    *((OSError(number, os.strerror(number)), kind) for number, kind in SYSTEM.items()),
    (sqlite3.OperationalError("Could not decode to UTF-8 column 'name'"), "damaged"),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "damaged"),
]


@pytest.mark.parametrize(("error", "kind"), ERRORS)
def test_an_error_is_one_line_of_a_kind(error: Exception, kind: str) -> None:
    """It names the file, says what to do after a semicolon, and keeps what it was made of."""
    with pytest.raises(StoreError) as caught, store_errors(PATH):
        raise error
    assert caught.value.kind == kind
    assert str(caught.value).startswith(f"{PATH} ")
    assert "; " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is error


BUGS: list[Exception] = [
    of_code(sqlite3.SQLITE_CONSTRAINT_UNIQUE),
    of_code(sqlite3.SQLITE_CONSTRAINT_NOTNULL),
    of_code(sqlite3.SQLITE_TOOBIG),
    sqlite3.ProgrammingError("Error binding parameter 1: type 'set' is not supported"),
    sqlite3.InterfaceError("bad parameter or other API misuse"),
    OverflowError("Python int too large to convert to SQLite INTEGER"),
]


@pytest.mark.parametrize("error", BUGS)
def test_errors_that_only_the_program_can_cause_are_distinguished(error: Exception) -> None:
    """A contradiction or a misuse is no fault of the file."""
    with pytest.raises(BatchError) as caught, store_errors(PATH):
        raise error
    assert caught.value.__cause__ is error


def test_other_errors_pass() -> None:
    """A bug elsewhere is not taken for a damaged file."""
    with pytest.raises(ZeroDivisionError), store_errors(PATH):
        raise ZeroDivisionError
