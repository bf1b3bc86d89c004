"""Reading a run's rows from a state file.

Owns: the queries that read a run back.
Must not know: who writes, when; what rows mean.
"""

# ruff: noqa: S608 - the statements are made of our own names and numbers

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from msgspec import structs

from scraper_cpn.store.failures import store_errors
from scraper_cpn.store.port import (
    ItemRow,
    JournalRow,
    PagedRow,
    SavedMarking,
    SinkRow,
    TextRow,
    TokenRow,
)
from scraper_cpn.store.tables import Row, RunHead, load_head


class RunReader:
    """One run of a state, through a connection that only reads.

    Every method raises `StoreError`. Iterators read rows lazily: unless the connection is in a transaction,
    they may see part of what is committed meanwhile.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, run: int) -> None:
        self._path = path
        self._reading = connection
        self._run = run

    def head(self) -> RunHead:
        """The head of the run: its last batch, and counts of rows."""
        with store_errors(self._path):
            return load_head(self._reading, self._run)

    def saved(self) -> SavedMarking:
        """The durable marking, which must be read before the next batch."""
        return self._saved("")

    def base(self) -> SavedMarking:
        """The marking at which the journal begins, which must be read before the next batch."""
        return self._saved("base_")

    def journal(self) -> Iterator[JournalRow]:
        """The batches since the base, oldest first."""
        columns = "seq, at_ns, firings, marking_hash, inputs"
        after = f"seq > (SELECT base_seq FROM run WHERE id = {self._run})"
        return self._rows(
            f"SELECT {columns} FROM journal WHERE run = {self._run} AND {after} ORDER BY seq"
        )

    def latest(self) -> Iterator[JournalRow]:
        """The batches since the base, latest first."""
        columns = "seq, at_ns, firings, marking_hash, inputs"
        after = f"seq > (SELECT base_seq FROM run WHERE id = {self._run})"
        where = f"run = {self._run} AND {after}"
        return self._rows(f"SELECT {columns} FROM journal WHERE {where} ORDER BY seq DESC")

    def page(self, place: str, key: str, first: tuple[int, int, int], most: int) -> list[PagedRow]:
        """The tokens of a key from *first* on. Cost: O(log rows + most)."""
        sql = f"""
            SELECT place, key, o1, o2, serial, colour FROM paged
            WHERE run = {self._run} AND place = ? AND key = ? AND (o1, o2, serial) >= (?, ?, ?)
            ORDER BY o1, o2, serial LIMIT ?
        """
        with store_errors(self._path):
            return self._reading.execute(sql, (place, key, *first, most)).fetchall()

    def holding(self, place: str, key: str, text: bytes) -> list[PagedRow]:
        """The tokens of a key whose encoded colour contains *text*. Cost: O(tokens of the key)."""
        where = f"run = {self._run} AND place = ? AND key = ? AND instr(colour, ?)"
        sql = f"SELECT place, key, o1, o2, serial, colour FROM paged WHERE {where}"
        return list(self._rows(sql, (place, key, text)))

    def ahead(self, row: PagedRow, without: Collection[int]) -> int:
        """How many tokens of a row's key come before it, except the serials in *without*. Cost: O(result)."""
        place, key, first, second, serial, _ = row
        where = f"run = {self._run} AND place = ? AND key = ? AND (o1, o2, serial) < (?, ?, ?)"
        sql = f"SELECT serial FROM paged WHERE {where}"
        rows = self._rows(sql, (place, key, first, second, serial))
        return sum(number not in without for (number,) in rows)

    def metadata(self) -> dict[str, bytes]:
        """The named values of the run."""
        return dict(self._of("metadata", "name, value"))

    def texts(self, first: int, last: int | None = None) -> Iterator[TextRow]:
        """The texts that the run was created with, from number *first* on, up to *last*."""
        until = "" if last is None else f" AND n <= {last}"
        return self._of("text", "line, body", f" AND n >= {first}{until} ORDER BY n")

    def rows(self, sink: str) -> Iterator[SinkRow]:
        """The rows of a sink, oldest first. Cost: O(rows of all sinks)."""
        where = f"run = {self._run} AND sink = ?"
        return self._rows(
            f"SELECT sink, name, body FROM sink_row WHERE {where} ORDER BY n", (sink,)
        )

    def named(self, name: str) -> Iterator[SinkRow]:
        """The rows of all sinks with a given name, oldest first. Cost: O(rows of all sinks)."""
        where = f"run = {self._run} AND name = ?"
        return self._rows(
            f"SELECT sink, name, body FROM sink_row WHERE {where} ORDER BY n", (name,)
        )

    def items(self) -> Iterator[ItemRow]:
        """Items, oldest first."""
        return self._of("item", "fingerprint, visit, ordinal, body", " ORDER BY n")

    def tokens(self, places: Sequence[str]) -> Iterator[TokenRow]:
        """The tokens of some places that are not paged, by serial. Cost: O(tokens)."""
        columns, marks = "serial, place, ready_ns, expires_ns, colour", ", ".join("?" * len(places))
        where = f"run = {self._run} AND place IN ({marks})"
        return self._rows(f"SELECT {columns} FROM token WHERE {where} ORDER BY serial", places)

    def counts(self) -> dict[str, int]:
        """How many tokens each place has, including those that firings in flight hold. Cost: O(tokens)."""
        places: dict[str, int] = dict(self._of("token", "place, count(*)", " GROUP BY place"))
        return places | dict(self._of("paged", "place, count(*)", " GROUP BY place"))

    def backlog(self, place: str) -> dict[str, int]:
        """How many tokens a paged place has for each key. Cost: O(its tokens)."""
        where = f"run = {self._run} AND place = ?"
        return dict(
            self._rows(f"SELECT key, count(*) FROM paged WHERE {where} GROUP BY key", (place,))
        )

    def colours(self, places: Sequence[str]) -> Iterator[tuple[int, bytes]]:
        """Serial and colour of the tokens of some paged places. Cost: O(their tokens)."""
        marks = ", ".join("?" * len(places))
        where = f"run = {self._run} AND place IN ({marks})"
        return self._rows(f"SELECT serial, colour FROM paged WHERE {where}", places)

    def _saved(self, prefix: str) -> SavedMarking:
        """Read a marking from the columns and tables whose names begin with *prefix*."""
        head = structs.asdict(self.head())
        return SavedMarking(
            seq=head[f"{prefix}seq"],
            at_ns=head[f"{prefix}at_ns"],
            next_serial=head[f"{prefix}next_serial"],
            next_id=head[f"{prefix}next_id"],
            marking_hash=head[f"{prefix}marking_hash"],
            tokens=self._tokens(f"{prefix}token"),
            paged=self._paged(f"{prefix}paged"),
            numbers=self._of(f"{prefix}number", "counter, key, number"),
            seen=self._added("seen", "place, key", head[f"{prefix}seen"]),
            flights=self._of(f"{prefix}flight", "id, rest"),
            faulted=(rest for (rest,) in self._added("faulted", "rest", head[f"{prefix}faulted"])),
            sunk=self._sunk(f"{prefix}taken"),
        )

    def _tokens(self, table: str) -> Iterator[TokenRow]:
        return self._of(table, "serial, place, ready_ns, expires_ns, colour", " ORDER BY serial")

    def _paged(self, table: str) -> Iterator[PagedRow]:
        columns = "place, key, o1, o2, serial, colour"
        return self._of(table, columns, " ORDER BY place, key, o1, o2, serial")

    def _added(self, table: str, columns: str, most: int) -> Iterator[Row]:
        return self._of(table, columns, f" AND n <= {most} ORDER BY n")

    def _sunk(self, column: str) -> dict[str, int]:
        return dict(self._of("sink", f"sink, {column}", f" AND {column} > 0"))

    def _of(self, table: str, columns: str, more: str = "") -> Iterator[Row]:
        return self._rows(f"SELECT {columns} FROM {table} WHERE run = {self._run}{more}")

    def _rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[Row]:
        with store_errors(self._path):
            # Not `yield from`: it would close the cursor, which fails once the connection is closed.
            for row in self._reading.execute(sql, values):  # noqa: UP028
                yield row
