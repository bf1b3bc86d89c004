"""A disk that fails: one typed error, nothing half-written, and all that was acknowledged is there."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import apsw
import pytest

from scraper_cpn.store import sqlite
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.retention import JournalLimits
from tests.effort import effort
from tests.store.batches import Batches, Model, batch, check
from tests.store.disk import Disk, Kind, Op

pytestmark = pytest.mark.slow


@dataclass
class Failing:
    """Fails one request to the disk, and counts what comes after it."""

    kind: Kind
    at: int
    error: int
    after: list[Op] = field(default_factory=list)
    failed: bool = False

    def __call__(self, op: Op) -> int | None:
        """Whether this one fails."""
        if self.failed:
            self.after.append(op)
        elif op.kind == self.kind:
            self.at -= 1
            self.failed = self.at < 0
            return self.error if self.failed else None
        return None


@dataclass
class Outcome:
    """How a workload ended."""

    models: list[Model]
    acknowledged: int = 0
    error: StoreError | None = None
    said_again: bool = True
    """By the next batch."""


async def work(path: Path, outcome: Outcome) -> None:
    """Open, commit some batches, close; stops at the first error."""
    batches = Batches(seed=3, size=4)
    outcome.models.append(batches.model.copy())
    store = sqlite.open_run(path, limits=JournalLimits(size_bytes=1_000))
    try:
        for _ in range(5):
            made = batches.next()
            outcome.models.append(batches.model.copy())
            await store.commit(made)
            outcome.acknowledged = made.seq
    except StoreError as error:
        outcome.error = error
        with pytest.raises(StoreError) as again:
            await store.commit(batch(outcome.acknowledged + 1))
        outcome.said_again = again.value is error
    finally:
        await store.close()


def run(path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Run the workload over a disk."""
    outcome = Outcome([])
    with disk.under(monkeypatch):
        try:
            anyio.run(work, path, outcome)
        except StoreError as error:
            outcome.error = error
    return outcome


async def holds_a_prefix(path: Path, outcome: Outcome) -> None:
    """Assert that the state opens and is that after the acknowledged batches, or one more."""
    store = sqlite.open_run(path)
    try:
        seq = store.saved().seq
        assert outcome.acknowledged <= seq <= outcome.acknowledged + 1
        check(store, outcome.models[seq], outcome.models[store.base().seq])
    finally:
        await store.close()


@pytest.mark.parametrize(
    ("kind", "error", "failure"),
    [
        ("write", apsw.SQLITE_FULL, "full"),
        ("write", apsw.SQLITE_IOERR_WRITE, "io"),
        ("sync", apsw.SQLITE_IOERR_FSYNC, "io"),
        ("truncate", apsw.SQLITE_IOERR_TRUNCATE, "io"),
    ],
)
def test_an_error_at_any_request(
    kind: Kind,
    error: int,
    failure: str,
    monkeypatch: pytest.MonkeyPatch,
    memory_folder: Path,
) -> None:
    """Wherever the disk fails, one error says so, the store writes nothing more to it, and no batch is lost."""
    monkeypatch.setattr(sqlite, "WAL_MOST_BYTES", 30_000)
    for n in itertools.count(step=effort(2, 1)):
        path = memory_folder / f"{n}.db"
        anyio.run(sqlite.create(path, "only").close)
        disk = Disk(path)
        disk.fails = failing = Failing(kind, n, error)
        outcome = run(path, disk, monkeypatch)
        if not failing.failed:
            break
        assert outcome.error is not None, f"the {n}th {kind} failed and nobody was told"
        assert outcome.error.kind == failure
        assert outcome.said_again
        assert str(path) in str(outcome.error)
        assert "\n" not in str(outcome.error)
        assert not {op.kind for op in failing.after} & {"write", "truncate"}
        anyio.run(holds_a_prefix, path, outcome)
    assert n > (1 if kind == "truncate" else 10)
