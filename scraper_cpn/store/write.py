"""Writing a batch to a state, as one transaction.

Owns: the statements of a batch, and the refusal of a batch that contradicts the state.
Must not know: threads, files, which SQLite runs the statements.

A run's id is part of the statements' text: as a parameter it would have to be added to each row.
"""

# ruff: noqa: S608 - the statements are made of our own names and numbers

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from msgspec.structs import replace

from scraper_cpn.store.port import Batch, BatchError
from scraper_cpn.store.retention import JournalLimits, retain
from scraper_cpn.store.tables import Connection, Row, RunHead, save_head


def write(
    connection: Connection, run: int, head: RunHead, batch: Batch, limits: JournalLimits
) -> RunHead:
    """Commit *batch* to a run whose head is *head*; returns the new head.

    Raises `BatchError`, or what the connection raises: a transaction then is open, and closing the
    connection rolls it back. Cost: O(log rows) for each row of the batch; three syncs of the disk at most.
    """
    if batch.seq != head.seq + 1:
        raise BatchError(f"batch {batch.seq} does not follow batch {head.seq}")
    if batch.is_of_many:
        raise BatchError(f"batch {batch.seq} is for other partitions, too; a state file has one")
    connection.execute("BEGIN IMMEDIATE")
    after = retain(connection, run, _written(connection, run, head, batch), limits)
    save_head(connection, run, after)
    connection.execute("COMMIT")
    return after


def _written(connection: Connection, run: int, head: RunHead, batch: Batch) -> RunHead:
    tokens = _tokens(connection, run, batch)
    paged = _paged(connection, run, batch)
    numbers = _numbers(connection, run, batch)
    flights = _flights(connection, run, head, batch)
    _added(connection, run, head, batch)
    _sunk(connection, run, batch)
    _metadata(connection, run, batch)
    connection.executemany(f"INSERT INTO text VALUES ({run}, ?, ?, ?)", batch.texts)
    _journal(connection, run, batch)
    return replace(
        head,
        seq=batch.seq,
        at_ns=batch.at_ns,
        next_serial=batch.next_serial,
        next_id=batch.next_id,
        marking_hash=batch.marking_hash,
        tokens=head.tokens + tokens,
        paged=head.paged + paged,
        numbers=head.numbers + numbers,
        flights=head.flights + flights,
        seen=head.seen + len(batch.seen),
        faulted=head.faulted + len(batch.faulted),
        sunk=head.sunk + len(batch.rows),
        items=head.items + len(batch.items),
        journal_bytes=head.journal_bytes + len(batch.inputs),
        journal_since_ns=batch.at_ns if head.seq == head.base_seq else head.journal_since_ns,
    )


def _tokens(connection: Connection, run: int, batch: Batch) -> int:
    """Write the tokens; this and the functions below return by how many rows their table has grown."""
    gone = f"DELETE FROM token WHERE run = {run} AND serial = ?"
    _remove(connection, gone, [(serial,) for serial in batch.gone])
    born = f"INSERT INTO token VALUES ({run}, ?, ?, ?, ?, ?)"
    return _add(connection, born, batch.born) - len(batch.gone)


def _paged(connection: Connection, run: int, batch: Batch) -> int:
    where = "place = ? AND key = ? AND o1 = ? AND o2 = ? AND serial = ?"
    _remove(connection, f"DELETE FROM paged WHERE run = {run} AND {where}", batch.paged_gone)
    born = f"INSERT INTO paged VALUES ({run}, ?, ?, ?, ?, ?, ?)"
    return _add(connection, born, batch.paged_born) - len(batch.paged_gone)


def _numbers(connection: Connection, run: int, batch: Batch) -> int:
    before = f"DELETE FROM number WHERE run = {run} AND counter = ? AND key = ?"
    replaced = _change(connection, before, [(counter, key) for counter, key, _ in batch.numbers])
    after = f"INSERT INTO number VALUES ({run}, ?, ?, ?)"
    return _add(connection, after, batch.numbers) - replaced


def _flights(connection: Connection, run: int, head: RunHead, batch: Batch) -> int:
    gone = f"DELETE FROM flight WHERE run = {run} AND id = ?"
    _remove(connection, gone, [(flight,) for flight in batch.landed])
    before = [(flight,) for flight, _ in batch.flights if flight < head.next_id]
    replaced = _change(connection, gone, before)
    begun = f"INSERT INTO flight VALUES ({run}, ?, ?)"
    return _add(connection, begun, batch.flights) - len(batch.landed) - replaced


def _added(connection: Connection, run: int, head: RunHead, batch: Batch) -> None:
    """Append rows to the tables that only grow; numbering continues from the existing rows."""
    seen = [(n, *row) for n, row in enumerate(batch.seen, head.seen + 1)]
    _add(connection, f"INSERT INTO seen VALUES ({run}, ?, ?, ?)", seen)
    faulted = list(enumerate(batch.faulted, head.faulted + 1))
    _add(connection, f"INSERT INTO faulted VALUES ({run}, ?, ?)", faulted)
    rows = [(n, *row) for n, row in enumerate(batch.rows, head.sunk + 1)]
    _add(connection, f"INSERT INTO sink_row VALUES ({run}, ?, ?, ?, ?)", rows)
    items = [(n, *row) for n, row in enumerate(batch.items, head.items + 1)]
    _add(connection, f"INSERT INTO item VALUES ({run}, ?, ?, ?, ?, ?)", items)


def _sunk(connection: Connection, run: int, batch: Batch) -> None:
    counts = Counter(sink for sink, _, _ in batch.rows)
    more = "ON CONFLICT DO UPDATE SET taken = taken + excluded.taken"
    _add(connection, f"INSERT INTO sink VALUES ({run}, ?, ?, 0) {more}", list(counts.items()))


def _metadata(connection: Connection, run: int, batch: Batch) -> None:
    put = f"INSERT INTO metadata VALUES ({run}, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
    _add(connection, put, batch.metadata)


def _journal(connection: Connection, run: int, batch: Batch) -> None:
    row = (batch.seq, batch.at_ns, batch.firings, batch.marking_hash, batch.inputs)
    connection.execute(f"INSERT INTO journal VALUES ({run}, ?, ?, ?, ?, ?)", row)


def _add(connection: Connection, sql: str, rows: Sequence[Row]) -> int:
    if rows:
        connection.executemany(sql, rows)
    return len(rows)


def _change(connection: Connection, sql: str, rows: Sequence[Row]) -> int:
    """Run a statement for all rows; returns how many rows of the table it changed."""
    return connection.executemany(sql, rows).rowcount if rows else 0


def _remove(connection: Connection, sql: str, rows: Sequence[Row]) -> None:
    """Delete rows, each of which must exist."""
    missing = len(rows) - _change(connection, sql, rows)
    if missing:
        table = sql.split()[2]
        raise BatchError(f"{missing} of {len(rows)} rows of the table {table} are missing")
