"""Retention of a run's journal.

Owns: the limits, taking a new base, and deleting the journal's rows before it.
Must not know: when batches are written.

A journal that exceeds its limit of age or size begins anew: the current marking becomes the base, in
the transaction of a batch, and the rows before it are deleted in small parts with the batches after it.
With a million waiting tokens, taking the base delays that one batch by some seconds.
"""

# ruff: noqa: S608 - the statements are made of our own names and numbers

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.store.tables import MARKING_TABLES, Connection, RunHead

DELETE_MOST = 1_000
"""How many rows of the journal are deleted with one batch."""


class JournalLimits(Struct, frozen=True):
    """The limits of a journal. A new base is taken when either is exceeded."""

    age_ns: int = 7 * 24 * 3600 * 10**9
    """Kernel time between the first and the last batch after the base."""
    size_bytes: int = 10**9
    """The size of the inputs."""


def retain(connection: Connection, run: int, head: RunHead, limits: JournalLimits) -> RunHead:
    """Enforce the journal's limits within the transaction of a batch; returns the head after it."""
    if _over(head, limits):
        head = _rebased(connection, run, head)
    if head.journal_first <= head.base_seq:
        head = _shortened(connection, run, head)
    return head


def _over(head: RunHead, limits: JournalLimits) -> bool:
    age_ns = head.at_ns - head.journal_since_ns
    return age_ns > limits.age_ns or head.journal_bytes > limits.size_bytes


def _rebased(connection: Connection, run: int, head: RunHead) -> RunHead:
    for table in MARKING_TABLES:
        connection.execute(f"DELETE FROM base_{table} WHERE run = {run}")
        connection.execute(f"INSERT INTO base_{table} SELECT * FROM {table} WHERE run = {run}")
    connection.execute(f"UPDATE sink SET base_taken = taken WHERE run = {run}")
    return replace(
        head,
        journal_bytes=0,
        base_seq=head.seq,
        base_at_ns=head.at_ns,
        base_next_serial=head.next_serial,
        base_next_id=head.next_id,
        base_marking_hash=head.marking_hash,
        base_seen=head.seen,
        base_faulted=head.faulted,
    )


def _shortened(connection: Connection, run: int, head: RunHead) -> RunHead:
    first = min(head.base_seq + 1, head.journal_first + DELETE_MOST)
    connection.execute(f"DELETE FROM journal WHERE run = {run} AND seq < {first}")
    return replace(head, journal_first=first)
