"""SQLite: one table, `items`, with a column for each field of an item.

Owns: the table, transactions, the check of a database that is appended to.
Must not know: other formats, pages, the net.

    sqlite3 out.db "select title, fields_price from items where depth = 1"

The columns are those of `Shape`: numbers and texts keep their type, lists and objects are JSON (`tags ->>
'$[0]'`), a missing value is NULL. The table is STRICT, so that no value is converted: an integer beyond 64
bits is a text with all its digits (in a column of the type ANY), and so is a decimal (`ORDER BY
CAST(price AS REAL)` sorts them by value). `id` numbers the items in the order of writing, unless items have a
field of that name. Items without fixed fields go into one column, `item`, as JSON.

A batch is one transaction, nearly always of one statement, in the database's own thread; it is on the
disk when `write` returns (WAL with `synchronous=FULL`), and others can read the file meanwhile. Row ids
grow, so that a state records the last one, and a resume deletes the rows after it.
"""

import contextlib
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiosqlite
from anyio import CancelScope, to_thread

from scraper_cpn.scrape.items.outputs.base import (
    Cell,
    Format,
    ItemOutput,
    OutputError,
    Shape,
    json_shape,
)
from scraper_cpn.scrape.items.outputs.files import missing, removed
from scraper_cpn.scrape.settings import UsageError

BUSY_SECONDS = 30.0
"""How long to wait for another program that writes to the database."""
COLUMNS_MAX = 2_000
"""SQLite's own limit (SQLITE_MAX_COLUMN)."""
VALUES_MAX = 32_000
"""Values in one statement; SQLite's own limit (SQLITE_MAX_VARIABLE_NUMBER) is 32,766."""

STRICT_SINCE = (3, 37, 0)
"""The version of SQLite that brought STRICT tables (November 2021)."""

_TYPES = {
    "text": "TEXT",
    "decimal": "TEXT",
    "boolean": "INTEGER",
    "integer": "INTEGER",
    "real": "REAL",
    "big integer": "ANY",
    "any": "ANY",
}
_INTEGER = range(-(2**63), 2**63)
_ROW_IDS = ("rowid", "_rowid_", "oid")


class Sqlite(Format):
    """The format."""

    has_columns = True

    def check_items(self, shape: Shape | None) -> None:
        """See `Format.check_items`."""
        check_columns(shape)

    def check_end(self, path: Path, shape: Shape | None) -> None:
        """See `Format.check_end`."""
        check_table(path, shape)

    def check_kept(self, path: Path, shape: Shape | None, keep: int) -> None:
        """See `Format.check_kept`."""
        check_table(path, shape, keep)

    async def open(
        self, path: Path, shape: Shape | None, *, keep: int | None, replace: bool
    ) -> ItemOutput:
        """See `Format.open`."""
        return await Database.open(path, shape, replace=replace, keep=keep)


FORMAT = Sqlite()


class Database:
    """Writes items to the table `items` of a database file; made by `open`."""

    def __init__(
        self, connection: aiosqlite.Connection, path: Path, shape: Shape, length: int
    ) -> None:
        self.length = length
        """The rowid of the last row; it grows from row to row."""
        self._connection = connection
        self._path = path
        # Closed after SQLite's own descriptors, because closing it drops this process's locks on the file.
        self._file: int | None = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._row = shape.row
        self._names = ", ".join(map(_quoted, shape.names))
        self._marks = f"({', '.join('?' * len(shape.names))})"
        self._rows_most = VALUES_MAX // len(shape.names)

    @classmethod
    async def open(
        cls, path: Path, shape: Shape | None, *, replace: bool, keep: int | None = None
    ) -> "Database":
        """Open or replace a file, and create its table if necessary. Raises `OutputError`.

        Rows after the one with the id *keep* are deleted, durably when it returns; None keeps all rows.
        """
        if replace:
            _remove(path)
        shape = shape or json_shape()
        connection = aiosqlite.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            # aiosqlite leaves a running thread behind if connecting fails, so connecting is tried first.
            await to_thread.run_sync(lambda: sqlite3.connect(path).close())
            await connection
            await connection.execute("PRAGMA journal_mode=WAL")
            await connection.execute("PRAGMA synchronous=FULL")
            await connection.execute(f"CREATE TABLE IF NOT EXISTS items ({_columns(shape)}) STRICT")
            last = await _cut(connection, _row_id(shape), keep)
        except sqlite3.Error as error:
            with contextlib.suppress(sqlite3.Error, ValueError):
                await connection.close()
            raise _output_error(path, error) from error
        return cls(connection, path, shape, last)

    async def write(self, batch: Sequence[Any]) -> None:
        """Insert all items in one transaction; a failed one leaves nothing behind."""
        rows = [[_stored(value) for value in self._row(item)] for item in batch]
        # A cancellation between two steps would leave the transaction open.
        with CancelScope(shield=True):
            try:
                if 0 < len(rows) <= self._rows_most:
                    self.length = await self._insert(rows)  # a transaction by itself
                elif rows:
                    self.length = await self._insert_in_parts(rows)
            except (sqlite3.Error, ValueError) as error:
                with contextlib.suppress(sqlite3.Error, ValueError):
                    await self._connection.rollback()
                raise _output_error(self._path, error) from error

    async def _insert_in_parts(self, rows: list[list[Cell]]) -> int:
        last = 0
        await self._connection.execute("BEGIN IMMEDIATE")
        for first in range(0, len(rows), self._rows_most):
            last = await self._insert(rows[first : first + self._rows_most])
        await self._connection.commit()
        return last

    async def _insert(self, rows: list[list[Cell]]) -> int:
        """Insert rows with one statement, and return the id of the last."""
        # With one statement for all rows, the database's thread takes the interpreter lock from the
        # crawl once, instead of once for each row as with executemany.
        marks = ", ".join([self._marks] * len(rows))
        statement = f"INSERT INTO items ({self._names}) VALUES {marks}"  # noqa: S608 - quoted names
        values = [value for row in rows for value in row]
        return (await self._connection.execute(statement, values)).lastrowid or 0

    async def close(self) -> None:
        """Close the database, which checkpoints its WAL file.

        Raises `OutputError` if that fails, or if the file was removed meanwhile.
        """
        with CancelScope(shield=True):
            try:
                await self._connection.close()
            except sqlite3.Error as error:
                raise _output_error(self._path, error) from error
            finally:
                gone = self._is_gone()
            if gone:
                raise removed(self._path)

    def _is_gone(self) -> bool:
        """Whether the file was removed and this was not reported yet; closes the descriptor."""
        if self._file is None:
            return False
        gone = os.fstat(self._file).st_nlink == 0
        os.close(self._file)
        self._file = None
        return gone


async def _cut(connection: aiosqlite.Connection, row_id: str, keep: int | None) -> int:
    """Delete the rows after the rowid *keep*, and return the last rowid."""
    if keep is not None:
        await connection.execute(f"DELETE FROM items WHERE {row_id} > ?", [keep])  # noqa: S608
    ((last,),) = await connection.execute_fetchall(_last(row_id))
    return int(last)


def _last(row_id: str) -> str:
    return f"SELECT coalesce(max({row_id}), 0) FROM items"  # noqa: S608 - one of our names


def check_table(path: Path, shape: Shape | None, keep: int = 0) -> None:
    """Raise `UsageError` if items of *shape* can't be appended to the database in *path*.

    With *keep*, also raise it if there is no row with that rowid or a later one.
    """
    shape = shape or json_shape()
    wanted, last = _table_names(shape), 0
    # A reader of a database in WAL mode creates files beside it, unless it is opened as immutable.
    mode = "mode=ro" if Path(f"{path}-wal").exists() else "immutable=1"
    try:
        address = f"{path.absolute().as_uri()}?{mode}"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
            found = [row[1] for row in database.execute("PRAGMA table_info(items)")]
            is_strict = "STRICT" in _made_by(database).rpartition(")")[2].upper()
            if keep and found == wanted:
                ((last,),) = database.execute(_last(_row_id(shape)))
    except sqlite3.Error as error:
        raise UsageError(
            f"--output {path}: can't read it as an SQLite database ({error}); name another file"
        ) from None
    if found and found != wanted:
        raise UsageError(
            f"--output {path}: its table items has the columns {', '.join(found)}, "
            f"items of this crawl {', '.join(wanted)}; name another file"
        )
    if found and not is_strict and "big integer" in shape.kinds.values():
        raise UsageError(
            f"--output {path}: its table items is not STRICT, so that long integers would lose digits; "
            "name another file"
        )
    if last < keep:
        raise missing(path, f"rows up to {keep:,}", f"it has them up to {last:,}")


def _made_by(database: sqlite3.Connection) -> str:
    """Return the statement that made the table; empty if there is none."""
    query = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'items'"
    return next((str(row[0]) for row in database.execute(query)), "")


def check_columns(shape: Shape | None) -> None:
    """Raise `UsageError` for items whose fields can't be columns of one table."""
    if sqlite3.sqlite_version_info < STRICT_SINCE:
        raise UsageError(
            f"--output: SQLite {sqlite3.sqlite_version} is too old, 3.37 or later is needed; "
            "write JSON Lines (.jsonl)"
        )
    shape = shape or json_shape()
    names = _table_names(shape)
    if not _free_row_ids(shape):
        raise UsageError(
            f"--output: the columns {', '.join(_ROW_IDS)} leave SQLite no name for its rows; "
            "rename one, or write JSON Lines (.jsonl)"
        )
    if len(names) > COLUMNS_MAX:
        raise UsageError(
            f"--output: {len(names)} columns are more than the {COLUMNS_MAX} of SQLite; "
            "write JSON Lines (.jsonl)"
        )
    seen: dict[str, str] = {}
    for name in names:
        # Python's lower() folds more letters than SQLite, so it errs on the safe side.
        other = seen.setdefault(name.lower(), name)
        if other is not name:
            raise UsageError(
                f"--output: the columns {other!r} and {name!r} differ by case only, which SQLite "
                "can't tell apart; rename one, or write JSON Lines (.jsonl)"
            )


def _remove(path: Path) -> None:
    """Remove a database with the files that SQLite keeps beside it. Raises `OutputError`."""
    try:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"can't replace {path}: {error.strerror}") from error


def _table_names(shape: Shape) -> list[str]:
    return ["id"] * ("id" not in shape.names) + list(shape.names)


def _free_row_ids(shape: Shape) -> list[str]:
    taken = {name.lower() for name in shape.names}
    return [name for name in _ROW_IDS if name not in taken]


def _row_id(shape: Shape) -> str:
    """Return a name for SQLite's row number that no column hides."""
    return _free_row_ids(shape)[0]


def _columns(shape: Shape) -> str:
    own = [f"{_quoted(name)} {_TYPES[kind]}".rstrip() for name, kind in shape.kinds.items()]
    return ", ".join(["id INTEGER PRIMARY KEY"] * ("id" not in shape.names) + own)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _stored(value: Cell) -> Cell:
    """Return a cell that SQLite can store; an integer beyond 64 bits becomes a text."""
    if isinstance(value, int) and value not in _INTEGER:
        return str(value)
    return value


def _output_error(path: Path, error: Exception) -> OutputError:
    return OutputError(f"can't write {path}: {error}")
