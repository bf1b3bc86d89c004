"""Errors of PostgreSQL and of the way to it, in words that an operator understands.

Owns: the mapping from SQLSTATEs and the driver's exceptions to kinds of `StoreError`, and the line for each.
Must not know: tables, batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scraper_cpn.store.port import BatchError, StoreError

FENCED, NEXT, CONTRADICTS, SPENT, OLDER, GONE = "SC001", "SC002", "SC003", "SC004", "SC005", "SC006"
"""The errors that the functions of the schema raise."""

_UNIQUE, _FOREIGN_KEY, _TWICE = "23505", "23503", "21000"
_BUGS = {NEXT, CONTRADICTS, _UNIQUE, _FOREIGN_KEY, _TWICE, "22003", "22P02", "22021", "23502"}
"""A batch or a call that can't be right."""

POOLED = (
    "a pooler such as PgBouncer stands before the server, and may give each call another connection; give the address of "
    "the server itself"
)

_LINES = {
    "28P01": ("refused", "the server refuses the password of this user; set PGPASSWORD or ~/.pgpass"),
    "28000": ("refused", "the server refuses this user ({error}); ask who runs it"),
    "3D000": ("missing", "the server has no such database; make it first: createdb"),
    "42501": ("refused", "this user has too few rights ({error}); ask who runs the database"),
    "25006": ("standby", "the server is a standby that can't be written; give the address of the primary"),
    "53100": ("full", "the server's disk is full; make room, then resume: what was committed is there"),
    "53300": ("io", "the server has no connection left; try again later, or raise its max_connections"),
    "57P03": ("io", "the server is starting or stopping; try again when it is ready"),
    "57P01": ("io", "the server was stopped; resume when it is back: what was committed is there"),
    "26000": ("refused", POOLED),
    "42P05": ("refused", POOLED),
    "42704": ("foreign", "the server can't use a part of the address ({error})"),
    "55P03": ("locked", "another process has locked it; try again"),
    FENCED: ("fenced", "another process has taken over this crawl; this one has ended"),
    SPENT: ("spent", "{error}"),
    OLDER: ("older", "the database lacks what it had acknowledged ({error}); was a backup restored, or a replica promoted?"),
    GONE: ("foreign", "the crawl is not in this database any more; was a backup restored that is older than it?"),
}  # fmt: skip
_OTHERS = {
    "08": ("io", "the connection was lost ({error}); resume when the server answers"),
    "57": ("io", "the server has ended the call ({error}); resume: what was committed is there"),
    "XX": ("damaged", "the database is damaged ({error}); restore a backup of it"),
    "42": ("foreign", "its tables are not those of this version ({error})"),
}
"""By the class of an SQLSTATE, its first two characters."""
_LOST = (
    "io",
    "no answer from the server ({error}); resume when it answers: what was committed is there",
)
NOBODY = "no server answers ({error}); check the address, and that PostgreSQL runs there"


def of_driver(where: object, error: Exception) -> StoreError | BatchError:
    """Translate an error that the driver, or the system on the way to the server, has raised."""
    state = getattr(error, "sqlstate", None)
    word = said(error)
    if state in _BUGS or isinstance(error, driver().DataError):
        return BatchError(f"{where}: {word}")
    if state is None:
        kind, line = _LOST
    else:
        usual = ("io", "the server has refused it ({error})")
        kind, line = _LINES.get(state) or _OTHERS.get(state[:2], usual)
    return StoreError(kind, f"{where}: {line.format(error=word)}")


def said(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join((str(error) or type(error).__name__).split())


@contextmanager
def store_errors(where: object) -> Iterator[None]:
    """Translate errors of the driver and of the system into `StoreError` (or `BatchError`)."""
    try:
        yield
    except (StoreError, BatchError):
        raise
    except (OverflowError, UnicodeEncodeError) as error:
        raise BatchError(f"{where}: {said(error)}") from error
    except driver_errors() as error:
        raise of_driver(where, error) from error


def driver_errors() -> tuple[type[Exception], ...]:
    """What a call of the driver may raise."""
    errors: Any = driver().exceptions
    return (errors.PostgresError, errors.InterfaceError, errors.InternalClientError, OSError, TimeoutError)  # fmt: skip


def driver() -> Any:
    """The driver, asyncpg. Raises `StoreError` if it is not installed."""
    try:
        import asyncpg
    except ImportError:
        raise StoreError(
            "missing",
            "a state on PostgreSQL needs asyncpg; install it with pip install 'scraper-cpn[postgres]'",
        ) from None
    return asyncpg
