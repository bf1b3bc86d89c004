"""A batch as the values of one call of `commit_batch`.

Owns: the order of its values, a column for each; it is the order in functions.sql.
Must not know: connections.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scraper_cpn.store import retention
from scraper_cpn.store.port import Batch
from scraper_cpn.store.postgres.claim import Claim
from scraper_cpn.store.postgres.text import all_kept
from scraper_cpn.store.retention import JournalLimits


def values_of(held: Claim, batch: Batch, limits: JournalLimits) -> list[Any]:
    """The values of the call that commits *batch* to the partition of a claim."""
    head = (batch.seq, batch.at_ns, batch.next_serial, batch.next_id, batch.firings)
    return [
        *held.mark, held.lease_ms, batch.idle,
        *head, batch.marking_hash, batch.inputs,
        limits.age_ns, limits.size_bytes, retention.DELETE_MOST,
        batch.gone,
        *_columns(batch.born, 5, texts=(1,)),
        *_columns(batch.paged_gone, 5, texts=(0, 1)),
        *_columns(batch.paged_born, 6, texts=(0, 1)),
        *_columns(batch.numbers, 3, texts=(0, 1)),
        *_columns(batch.seen, 2, texts=(0, 1)),
        batch.landed, *_columns(batch.flights, 2),
        batch.faulted,
        *_columns(batch.rows, 3, texts=(0, 1)),
        *_columns(batch.items, 4),
        *_columns(list(dict(batch.metadata).items()), 2, texts=(0,)),
        batch.received, *_columns(batch.sent, 3),
        *_columns(batch.credits, 2, texts=(0,)),
        *_columns(batch.texts, 3, texts=(2,)),
    ]  # fmt: skip


def _columns(
    rows: Sequence[tuple[Any, ...]], count: int, *, texts: Sequence[int] = ()
) -> list[Any]:
    """Rows as columns; *texts* are those that hold texts."""
    if not rows:
        return [()] * count
    columns: list[Any] = list(zip(*rows, strict=True))
    for number in texts:
        columns[number] = all_kept(columns[number])
    return columns
