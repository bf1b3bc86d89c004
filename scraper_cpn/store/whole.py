"""Integrity checks of a state file.

Owns: recognising what a crash or an incomplete copy leaves, SQLite's own checks, counts of rows.
Must not know: how a state is opened, what rows mean.
"""

# ruff: noqa: S608 - the statements are made of our own names and numbers

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from scraper_cpn.store.claim import Note, noted
from scraper_cpn.store.failures import store_error, store_errors
from scraper_cpn.store.lock import descriptor, is_locked
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.statefile import PAGE_BYTES, check_header, connect, real, wal
from scraper_cpn.store.tables import RunHead, load_head

_COUNTED = {
    "token": "tokens",
    "paged": "paged",
    "number": "numbers",
    "flight": "flights",
    "seen": "seen",
    "faulted": "faulted",
    "sink_row": "sunk",
    "item": "items",
}
"""The field of a run's head that counts a table's rows."""


SMALL = ("state", "run")
"""The tables that every opening reads. They are checked even if the file was closed properly."""


def check_log(path: Path) -> None:
    """Raise `StoreError` if a state needs a -wal that is missing. Unlike SQLite, this creates no file."""
    if _has_log(path):
        return
    if path.stat().st_size % PAGE_BYTES:
        raise store_error(path, "damaged", "its last page is incomplete")
    if not wal(path).exists() and _lacks_log(path) and not wal(path).exists():
        # The check is repeated, because a writer may just have begun.
        if descriptor(path) is None and is_locked(path):
            raise StoreError(
                "locked", f"{path} is in use by another process under another name; give that name"
            )
        raise store_error(
            path, "damaged", "its -wal file is missing, and the commits in it are lost"
        )


def _has_log(path: Path) -> bool:
    return wal(path).exists() and wal(path).stat().st_size > 0


def check_note(path: Path, connection: sqlite3.Connection, note: Note | None) -> None:
    """Raise `StoreError` if a state is behind *note*, which was read before connecting to the state."""
    (identity,) = connection.execute("SELECT identity FROM state").fetchone()
    if note is None or note.identity != identity:
        return
    row = connection.execute("SELECT seq FROM run WHERE id = ?", (note.run,)).fetchone()
    missing = note.seq - (row[0] if row else 0)
    if missing > 0:
        raise StoreError(
            "damaged",
            f"{path} is damaged: its last {missing} batches are missing (its -wal file was cut, or it "
            f"is an older copy); restore that file, or delete {path}.lock to continue without them",
        )


def check_structure(path: Path, connection: sqlite3.Connection, tables: Sequence[str] = ()) -> None:
    """Raise `StoreError` if SQLite's quick check finds anything.

    Cost: reads the given tables; if none are given, the whole file.
    """
    for scope in tables or ("1",):
        (found,) = connection.execute(f"PRAGMA quick_check({scope})").fetchone()
        if found != "ok":
            raise store_error(path, "damaged", _line(found))


def check_counts(path: Path, connection: sqlite3.Connection, run: int, head: RunHead) -> None:
    """Raise `StoreError` unless the number of a run's rows matches its head. Cost: O(rows)."""
    for finding in _miscounted(connection, run, head):
        raise store_error(path, "damaged", finding)


def verify(path: Path) -> list[str]:
    """List what is wrong with the file; empty if it is intact. A writer may be at work meanwhile.

    Checks every page and row, but not the content of colours, items and inputs. Raises `StoreError` if the
    file is not a state.
    """
    with closing(look(path)) as connection, store_errors(path):
        return list(_findings(connection))


def look(path: Path) -> sqlite3.Connection:
    """Connect to a state to read a snapshot of it. Raises `StoreError`, also if commits are missing."""
    path = real(path)
    check_header(path)
    with store_errors(path):
        check_log(path)
        note = noted(path)
        connection = connect(path, write=False)
        try:
            connection.execute("BEGIN")
            check_structure(path, connection, SMALL)
            check_note(path, connection, note)
        except BaseException:
            connection.close()
            raise
        return connection


def _lacks_log(path: Path) -> bool:
    """Whether the file was open for writing, and lacks batches that were acknowledged.

    If another program opens a state whose writer was killed, it checkpoints and removes the -wal: then
    nothing is missing.
    """
    address = f"{path.absolute().as_uri()}?immutable=1"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        is_open, identity = connection.execute("SELECT open, identity FROM state").fetchone()
        note = noted(path)
        if not is_open or note is None or note.identity != identity:
            return bool(is_open)
        row = connection.execute("SELECT seq FROM run WHERE id = ?", (note.run,)).fetchone()
        return row is None or row[0] < note.seq


def _findings(connection: sqlite3.Connection) -> Iterator[str]:
    for (finding,) in connection.execute("PRAGMA integrity_check").fetchall():
        if finding != "ok":
            yield _line(finding)
    for table, _, _, _ in connection.execute("PRAGMA foreign_key_check").fetchall():
        yield f"table {table} has a row of a run that is not there"
    for run, name in connection.execute("SELECT id, name FROM run").fetchall():
        for finding in _miscounted(connection, run, load_head(connection, run)):
            yield f"run {name}: {finding}"


def _miscounted(connection: sqlite3.Connection, run: int, head: RunHead) -> Iterator[str]:
    for table, name in _COUNTED.items():
        sql = f"SELECT count(*) FROM {table} WHERE run = {run}"
        yield from _differing(table, connection.execute(sql).fetchone()[0], getattr(head, name))
    sql = f"SELECT count(*) FROM journal WHERE run = {run} AND seq BETWEEN ? AND ?"
    there = connection.execute(sql, (head.journal_first, head.seq)).fetchone()[0]
    yield from _differing("journal", there, head.seq - head.journal_first + 1)


def _line(finding: str) -> str:
    """SQLite's finding, without the lines above it that say where it looked."""
    return finding.splitlines()[-1]


def _differing(table: str, there: int, counted: int) -> Iterator[str]:
    if there != counted:
        yield f"table {table} has {there} rows of {counted}"
