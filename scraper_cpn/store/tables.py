"""The tables of the state file, in this version of the program.

Owns: the schema's version and text, the head of a run (its row in `run`), and which tables hold a marking.
Must not know: batches, files, when to write.
"""

# ruff: noqa: S608 - the statements are made of our own names and numbers

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import astuple

APPLICATION_ID = 0x53637270
"""The application id in the file's header ("Scrp"), by which `file` and others recognise it."""
SCHEMA_VERSION = 3
"""`user_version` in the header. A file of another version is refused."""
SQLITE_LEAST = (3, 37, 0)
"""The first version of SQLite that has STRICT tables."""

MARKING_TABLES = ("token", "paged", "number", "flight")
"""The tables of which the base has a copy, prefixed with `base_`."""

Row: TypeAlias = tuple[Any, ...]


class Cursor(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed."""

    def fetchone(self) -> Row | None:
        """The next row."""

    def __iter__(self) -> Any:
        """The remaining rows."""


class Connection(Protocol):
    """The part of a database connection that the store uses, in autocommit mode."""

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Cursor:
        """Run one statement for each row."""

    def close(self) -> None:
        """Close it; an open transaction is rolled back."""


class RunHead(Struct, frozen=True, kw_only=True):
    """The columns of a run's row that change: its scalars, those of its base, and counts of rows.

    `journal_first` is the seq of the oldest remaining row, `journal_bytes` counts the inputs
    since the base, `journal_since_ns` is the time of the first batch after the base.
    """

    seq: int = 0
    at_ns: int = 0
    next_serial: int = 1
    next_id: int = 1
    marking_hash: int = 0
    tokens: int = 0
    paged: int = 0
    numbers: int = 0
    flights: int = 0
    seen: int = 0
    faulted: int = 0
    sunk: int = 0
    items: int = 0
    journal_first: int = 1
    journal_bytes: int = 0
    journal_since_ns: int = 0
    base_seq: int = 0
    base_at_ns: int = 0
    base_next_serial: int = 1
    base_next_id: int = 1
    base_marking_hash: int = 0
    base_seen: int = 0
    base_faulted: int = 0


HEAD_COLUMNS = RunHead.__struct_fields__


@cache
def schema() -> str:
    """The statements that create an empty state."""
    return files("scraper_cpn.store").joinpath("schema.sql").read_text(encoding="utf-8")


def load_head(connection: Connection, run: int) -> RunHead:
    """Read the head of an existing run."""
    row = connection.execute(
        f"SELECT {', '.join(HEAD_COLUMNS)} FROM run WHERE id = {run}"
    ).fetchone()
    assert row is not None
    return RunHead(**dict(zip(HEAD_COLUMNS, row, strict=True)))


def save_head(connection: Connection, run: int, head: RunHead) -> None:
    """Write the head of an existing run."""
    sets = ", ".join(f"{name} = ?" for name in HEAD_COLUMNS)
    connection.execute(f"UPDATE run SET {sets} WHERE id = {run}", astuple(head))
