"""A disk under SQLite that remembers what was asked of it, and that can fail.

Owns: a VFS of APSW (which brings its own SQLite) that records writes, truncations, syncs and deletions of
a state and its -wal, and raises an error at the n-th of them; a connection of APSW that looks like one
of `sqlite3`, so that the store's own code runs on it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import apsw

Kind: TypeAlias = Literal["write", "truncate", "sync", "delete"]


class Op(NamedTuple):
    """One request to the disk."""

    file: str
    """"" for the state itself, "-wal"."""
    kind: Kind
    offset: int = 0
    """Of a write; the new length for a truncation."""
    data: bytes = b""


class Disk:
    """Records what happens to one state. At most one at a time.

    Attributes:
        ops: in order.
        fails: asked before each request of a state that is watched; returns SQLite's code of the error to raise, if any.
    """

    def __init__(self, path: Path, settings: dict[str, str] | None = None) -> None:
        self.ops: list[Op] = []
        self.fails: Callable[[Op], int | None] = lambda op: None
        self._path = path
        self._settings = settings or {}
        self._vfs = _Vfs(self)

    def file(self, name: str | None) -> str | None:
        """Which of the two files *name* is; None for any other."""
        known = {str(self._path): "", f"{self._path}-wal": "-wal"}
        return known.get(name or "")

    def happens(self, op: Op) -> None:
        """Take a request, or refuse it."""
        code = self.fails(op)
        if code is not None:
            raise apsw.exception_for(code)
        self.ops.append(op)

    def connect(self, address: str | Path, **_: Any) -> Any:
        """Stand for `sqlite3.connect`."""
        return Connection(
            apsw.Connection(str(address), vfs=_Vfs.NAME, flags=_FLAGS), self._settings
        )

    @contextmanager
    def under(self, monkeypatch: Any) -> Iterator[None]:
        """Put the disk under the store's code."""
        with monkeypatch.context() as patch:
            patch.setattr("scraper_cpn.store.statefile.sqlite3.connect", self.connect)
            yield


_FLAGS = apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE


class _Vfs(apsw.VFS):
    """SQLite's own, watched."""

    NAME = "watched"

    def __init__(self, disk: Disk) -> None:
        super().__init__(self.NAME, "")
        self._disk = disk

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return _File(name, flags, self._disk, self._disk.file(path))

    def xDelete(self, name: str, sync_folder: bool) -> None:  # noqa: N802
        file = self._disk.file(name)
        if file is not None:
            self._disk.happens(Op(file, "delete"))
        super().xDelete(name, sync_folder)


class _File(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], disk: Disk, file: str | None) -> None:
        super().__init__("", name, flags)
        self._disk = disk
        # SQLite tries to write through a connection that only reads, when that is closed last; the
        # system refuses.
        self._file = None if flags[0] & apsw.SQLITE_OPEN_READONLY else file

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._tell("write", offset, bytes(data))
        super().xWrite(data, offset)

    def xTruncate(self, length: int) -> None:  # noqa: N802
        self._tell("truncate", length)
        super().xTruncate(length)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._tell("sync")
        super().xSync(flags)

    def _tell(self, kind: Kind, offset: int = 0, data: bytes = b"") -> None:
        if self._file is not None:
            self._disk.happens(Op(self._file, kind, offset, data))


class Connection:
    """As much of `sqlite3.Connection` as the store uses.

    Args:
        settings: pragmas to set to another value than the store asks for.
    """

    def __init__(self, connection: apsw.Connection, settings: dict[str, str]) -> None:
        self._connection = connection
        self._settings = settings

    def execute(self, sql: str, values: Sequence[Any] = (), /) -> Cursor:
        """Run one statement."""
        for name, value in self._settings.items():
            if sql.startswith(f"PRAGMA {name} "):
                sql = f"PRAGMA {name} = {value}"
        with _translated():
            return Cursor(self._connection, self._connection.execute(sql, tuple(values)))

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]], /) -> Cursor:
        """Run one statement for each row."""
        before = self._connection.total_changes()
        with _translated():
            cursor = self._connection.executemany(sql, [tuple(row) for row in rows])
        return Cursor(self._connection, cursor, self._connection.total_changes() - before)

    def close(self) -> None:
        """Close it; as in `sqlite3`, what fails then goes unsaid."""
        with suppress(apsw.Error):
            self._connection.close(force=True)


class Cursor:
    """As much of `sqlite3.Cursor` as the store uses."""

    def __init__(
        self, connection: apsw.Connection, cursor: apsw.Cursor, rowcount: int = -1
    ) -> None:
        self.rowcount = rowcount
        self._cursor = cursor

    def fetchone(self) -> Any:
        """The next row."""
        with _translated():
            return self._cursor.fetchone()

    def fetchall(self) -> Any:
        """The rows that are left."""
        with _translated():
            return self._cursor.fetchall()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what `sqlite3` raises."""
    try:
        yield
    except apsw.ConstraintError as error:
        raise sqlite3.IntegrityError(str(error)) from error
    except apsw.Error as error:
        failure = sqlite3.OperationalError(str(error) or type(error).__name__)
        failure.sqlite_errorcode = error.extendedresult  # type: ignore[attr-defined]
        raise failure from error
