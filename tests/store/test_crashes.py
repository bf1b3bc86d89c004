"""Power loss: what was acknowledged is there, and the state is that after some batch."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from scraper_cpn.store import sqlite
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.retention import JournalLimits
from tests.effort import effort
from tests.store.batches import Batches, Model, check
from tests.store.crashes import crash, put
from tests.store.disk import Disk, Op

STATES = effort(600, 20_000)
"""States that power loss may leave of the store as it is."""

FEWER = STATES // 3
"""For each of the settings that must be found to lose something."""

SESSIONS = (14, 9)
"""Batches of each session; between them the state is closed well."""


@dataclass
class Record:
    """A workload: its requests to the disk, and what was acknowledged as durable after how many of them."""

    start: bytes
    ops: list[Op] = field(default_factory=list)
    models: list[Model] = field(default_factory=list)
    """By seq."""
    durable: list[tuple[int, int, bytes]] = field(default_factory=list)
    """Requests so far, seq, the file's note then."""

    def acknowledged(self, requests: int) -> list[tuple[int, bytes]]:
        """The seqs that were acknowledged before so many requests, each with the note of that time."""
        return [(seq, note) for count, seq, note in self.durable if count <= requests]


async def work(path: Path, disk: Disk, record: Record) -> None:
    """Batches in two sessions, with moves of the -wal and new bases among them."""
    batches = Batches(seed=5, size=5)
    record.models.append(batches.model.copy())
    for count in SESSIONS:
        store = sqlite.open_run(path, limits=JournalLimits(size_bytes=1_000))
        try:
            for _ in range(count):
                made = batches.next()
                record.models.append(batches.model.copy())
                await store.commit(made)
                record.durable.append((len(disk.ops), made.seq, note_of(path)))
        finally:
            await store.close()


def note_of(path: Path) -> bytes:
    """What the store has noted beside its file."""
    return Path(f"{path}.lock").read_bytes()


def recorded(synchronous: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Record:
    """Run the workload over a recording disk with a setting of PRAGMA synchronous."""
    path = folder / "recorded.db"
    anyio.run(sqlite.create(path, "only").close)
    record = Record(path.read_bytes())
    disk = Disk(path, {"synchronous": synchronous})
    monkeypatch.setattr(sqlite, "WAL_MOST_BYTES", 60_000)
    with disk.under(monkeypatch):
        anyio.run(work, path, disk, record)
    record.ops = disk.ops
    return record


async def judged(record: Record, requests: int, dice: random.Random, path: Path) -> str:
    """What becomes of one state: "whole", "lost" (acknowledged batches), "refused: ...", "wrong"."""
    left = crash(record.start, record.ops[:requests], dice)
    failure = record.acknowledged(requests)
    if failure and dice.random() < 0.7:
        # The note is not synced: after power loss it may be any that there was.
        left[".lock"] = dice.choice(failure)[1]
    put(left, path)
    least = failure[-1][0] if failure else 0
    return await opened(record, path, least)


async def opened(record: Record, path: Path, least: int) -> str:
    """Open a state, and compare it with every prefix that it may be."""
    try:
        store = sqlite.open_run(path)
    except StoreError as error:
        return f"refused: {error.kind}" if is_clear(error, path) else "unclear"
    try:
        seq = store.saved().seq
        base = record.models[store.base().seq]
        check(store, record.models[seq], base)
    except (AssertionError, StoreError):
        return "wrong"
    finally:
        await store.close()
    return "whole" if seq >= least else "lost"


def is_clear(error: StoreError, path: Path) -> bool:
    """Whether an error is one line that names the file."""
    return str(path) in str(error) and "\n" not in str(error)


def explore(
    synchronous: str, states: int, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> Counter[str]:
    """Judge many states that power loss may leave."""
    record = recorded(synchronous, monkeypatch, folder)
    dice = random.Random(11)

    async def judge() -> Counter[str]:
        path = folder / "left.db"
        ends = [
            await judged(record, dice.randrange(len(record.ops) + 1), dice, path)
            for _ in range(states)
        ]
        return Counter(ends)

    return anyio.run(judge)


@pytest.mark.slow
def test_power_loss_loses_nothing(monkeypatch: pytest.MonkeyPatch, memory_folder: Path) -> None:
    """With synchronous=FULL, which the store sets, every state is whole and holds what was acknowledged."""
    assert explore("FULL", STATES, monkeypatch, memory_folder) == {"whole": STATES}


@pytest.mark.slow
def test_the_explorer_finds_what_normal_loses(
    monkeypatch: pytest.MonkeyPatch, memory_folder: Path
) -> None:
    """With NORMAL acknowledged batches are lost; where the note is there, the store says so."""
    found = explore("NORMAL", FEWER, monkeypatch, memory_folder)
    assert found["lost"] > FEWER / 20
    assert found["refused: damaged"] > FEWER / 100
    assert found["wrong"] == found["unclear"] == 0


@pytest.mark.slow
def test_the_explorer_finds_what_off_breaks(
    monkeypatch: pytest.MonkeyPatch, memory_folder: Path
) -> None:
    """With OFF states are damaged as well."""
    found = explore("OFF", FEWER, monkeypatch, memory_folder)
    assert found["lost"] > 0
    assert found["unclear"] == 0
    assert found["refused: damaged"] > FEWER / 20
