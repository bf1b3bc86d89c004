"""The state file: its header, creating it, connecting to it.

Owns: the header, versions, pragmas, runs by name, creating a file atomically.
Must not know: batches, what rows mean, who may write.
"""

# ruff: noqa: S608 - the statements are made of our own names and numbers

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec.structs import asdict

from scraper_cpn.store.claim import Claim
from scraper_cpn.store.failures import of_system, store_errors
from scraper_cpn.store.lock import descriptor
from scraper_cpn.store.port import StoreError, TextRow
from scraper_cpn.store.tables import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    SQLITE_LEAST,
    RunHead,
    schema,
)

BUSY_SECONDS = 2.0
"""How long to wait for a program that locks the file, and for readers when closing."""

PAGE_BYTES = 4_096
"""The size of SQLite's pages. Smaller pages write less for a token, and more for an item."""

_HEADER_BYTES = 100
_SIDE_SUFFIXES = ("-wal", "-shm", "-journal")
"""Files that SQLite may leave beside a database when its process is killed."""
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_MAGIC = b"SQLite format 3\0"


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """Connect to an existing state. Without *write* the connection can neither write nor checkpoint."""
    address = f"{path.absolute().as_uri()}?{_mode(path, write=write)}"
    connection = sqlite3.connect(
        address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        # The default of 2 MB would read most pages of a large table again for each batch.
        connection.execute(f"PRAGMA cache_size = {-32_768 if write else -8_192}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # see `SqliteStore`
        # SQLite opens the file only with the first statement.
        connection.execute("SELECT open FROM state").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def check_header(path: Path) -> None:
    """Raise `StoreError` unless *path* is a state file of this version. Reads 100 bytes, without SQLite."""
    _check_library()
    header = _header(path)
    if not header.startswith(_MAGIC) or _integer(header, 68) != APPLICATION_ID:
        found = "empty" if not header else "a file of another kind"
        raise StoreError("foreign", f"{path} is no state of scrape: it is {found}")
    version = _integer(header, 60)
    if version != SCHEMA_VERSION:
        raise StoreError(
            "foreign",
            f"{path} was written by {'a newer' if version > SCHEMA_VERSION else 'an older'} version of "
            f"scrape (its schema is {version}, this one's {SCHEMA_VERSION}); use that version",
        )


def real(path: Path) -> Path:
    """Resolve links: the names of the lock and the -wal are made from the real path."""
    return path.resolve() if path.is_symlink() else path


def make(
    path: Path, run_name: str, metadata: Mapping[str, bytes], texts: Iterable[TextRow] = ()
) -> Claim:
    """Create a state with one run atomically, and return the right to write to it.

    It is locked from the beginning, under the name of a draft: if two processes create the same state,
    one is refused. Raises `StoreError`, "exists" among others.
    """
    _check_library()
    _refuse_left(path)
    draft = Path(f"{path}.new")
    with store_errors(path):
        claim = Claim(path, draft)
    try:
        _make(path, draft, claim, lambda file: add_run(file, run_name, metadata, texts))
    except BaseException:
        if claim.is_of(draft):
            draft.unlink()
        claim.release()
        raise
    return claim


def _make(
    path: Path, draft: Path, claim: Claim, fill: Callable[[sqlite3.Connection], object]
) -> None:
    _refuse_left(path)  # another process may have made it before the draft was locked
    if not claim.is_of(draft):
        raise StoreError(
            "locked", f"{path} is being created by another process; wait until it is there"
        )
    with store_errors(path):
        os.truncate(draft, 0)
        for suffix in _SIDE_SUFFIXES:
            Path(f"{draft}{suffix}").unlink(missing_ok=True)
        connection = sqlite3.connect(draft, isolation_level=None)
        try:
            _fill(connection)
            fill(connection)
        finally:
            connection.close()
        claim.renew()
        draft.rename(path)
        sync_folder(path.parent)


def _refuse_left(path: Path) -> None:
    left = next((name for name in (path, wal(path)) if os.path.lexists(name)), None)
    if left is not None:
        raise StoreError("exists", f"{left} exists; resume it, or name another file")


def add_run(
    connection: sqlite3.Connection,
    name: str,
    metadata: Mapping[str, bytes],
    texts: Iterable[TextRow] = (),
) -> int:
    """Add a new run; returns its number. Raises `sqlite3.IntegrityError` if the name is taken."""
    head = asdict(RunHead())
    columns = ["name", "created_ns", *head]
    marks = ", ".join("?" * len(columns))
    values = [name, time.time_ns(), *head.values()]
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(f"INSERT INTO run ({', '.join(columns)}) VALUES ({marks})", values)
    run = connection.execute("SELECT last_insert_rowid()").fetchone()[0]
    rows = [(run, name, value) for name, value in metadata.items()]
    connection.executemany("INSERT INTO metadata VALUES (?, ?, ?)", rows)
    numbered = ((run, n, *text) for n, text in enumerate(texts, start=1))
    connection.executemany("INSERT INTO text VALUES (?, ?, ?, ?)", numbered)
    connection.execute("COMMIT")
    return int(run)


def find_run(path: Path, connection: sqlite3.Connection, name: str | None) -> int:
    """The number of the run called *name*, or of the only one. Raises `StoreError`."""
    runs = dict(connection.execute("SELECT name, id FROM run ORDER BY id").fetchall())
    if name is None and len(runs) == 1:
        (name,) = runs
    if name is None or name not in runs:
        raise StoreError("missing", _which(path, name, list(runs)))
    return int(runs[name])


def _which(path: Path, name: str | None, runs: list[str]) -> str:
    there = f"it has {', '.join(runs)}" if runs else "it has none"
    if name is None:
        return f"{path}: name the run; {there}"
    return f"{path} has no run {name}; {there}"


def wal(path: Path) -> Path:
    """The path of SQLite's -wal: committed data that is not in the file yet."""
    return Path(f"{path}-wal")


def _mode(path: Path, *, write: bool) -> str:
    if write:
        return "mode=rw"
    # SQLite creates files beside the state even to read it, unless it is opened as immutable.
    return "mode=ro" if wal(path).exists() or os.access(path.parent, os.W_OK) else "immutable=1"


def _check_library() -> None:
    if sqlite3.sqlite_version_info < SQLITE_LEAST:
        least = ".".join(map(str, SQLITE_LEAST))
        raise StoreError(
            "foreign",
            f"Python's SQLite is {sqlite3.sqlite_version}; a state needs {least} or newer",
        )


def _header(path: Path) -> bytes:
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind != stat.S_IFREG:  # opening a pipe would wait for a writer
            found = _KINDS.get(kind, "no file")
            raise StoreError("foreign", f"{path} is no state of scrape: it is {found}")
        open_here = descriptor(path)
        if open_here is not None:
            return os.pread(open_here, _HEADER_BYTES, 0)
        with path.open("rb") as file:
            return file.read(_HEADER_BYTES)
    except FileNotFoundError:
        raise StoreError("missing", f"{path} does not exist") from None
    except OSError as error:
        raise of_system(path, error) from error


def _integer(header: bytes, offset: int) -> int:
    return int.from_bytes(header[offset : offset + 4], "big")


def _fill(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.executescript(
        f"BEGIN; PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
        f"{schema()} INSERT INTO state VALUES (1, '{secrets.token_hex(8)}', 0); COMMIT"
    )


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
