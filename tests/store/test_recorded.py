"""A recorded run is its batches: each leads to the marking that was, whenever it is read or replayed."""

from __future__ import annotations

from asyncio import Runner
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from scraper_cpn.net.compiled.runtime import paged as index_paged
from scraper_cpn.store import sqlite
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.memory import MemoryStore
from scraper_cpn.store.port import JournalRow, Store, StoreError
from scraper_cpn.store.recorder import STEP
from scraper_cpn.store.replay import JournalReplay
from scraper_cpn.store.restore import restore
from tests.net.nets import checked_net
from tests.net.paged_nets import paged_net
from tests.store.recorded import KeptPair

CALLS = 50
ROOMS = [(1, 1_000), (2, 1_000), (4, 3), (1, 1)]
"""Tokens of paged places in memory: of a key, and of a place."""
SEEDS = st.integers(0, 2**32)
"""Of runs: a run takes thousands of random numbers, too many for Hypothesis to make one by one."""
SETTINGS = settings(
    max_examples=12,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """Runs commits."""
    with Runner() as runner:
        yield runner


@SETTINGS
@given(SEEDS)
def test_random_runs_survive(runner: Runner, seed: int) -> None:
    """Cut and committed at any moment, the marking is the kernel's, and so is that of the replay."""
    random = Random(seed)
    built = checked_net(random)
    assume(built is not None)
    assert built is not None
    KeptPair(built, MemoryStore(), runner, random).go(CALLS)


@pytest.fixture(params=ROOMS, ids=lambda room: f"{room[0]}-of-{room[1]}")
def room(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How many tokens may be in memory."""
    monkeypatch.setattr(index_paged, "PAGE", request.param[0])
    monkeypatch.setattr(index_paged, "HOT", request.param[1])


def paged_run(random: Random, store: Store, runner: Runner, calls: int = CALLS) -> KeptPair | None:
    """A random run of a net with paged places; None if the draw gave none."""
    built = paged_net(random)
    if built is None:
        return None
    pair = KeptPair(built, store, runner, random)
    pair.go(calls)
    return pair


@pytest.mark.usefixtures("room")
@SETTINGS
@given(SEEDS)
def test_random_paged_runs_survive(runner: Runner, seed: int) -> None:
    """The same with waiting tokens in the store alone, whether they are committed or not."""
    pair = paged_run(Random(seed), MemoryStore(), runner)
    assume(pair is not None)
    assert pair is not None
    assert pair.kept.shelf.remembered <= len(list(pair.store.saved().paged)), (
        "it remembers the dead"
    )


@pytest.mark.slow
@pytest.mark.usefixtures("room")
def test_a_corpus_of_paged_runs_survives(runner: Runner) -> None:
    """Hundreds of runs, the same every time; in them shelves are read, and batches wait."""
    runs = [paged_run(Random(seed), MemoryStore(), runner) for seed in range(25)]
    kept = [pair.kept for pair in runs if pair is not None]
    assert len(kept) > 15
    assert sum(one.lag > 1 for one in kept) * 4 > len(kept)


@pytest.mark.slow
def test_random_paged_runs_survive_in_a_file(
    runner: Runner, monkeypatch: pytest.MonkeyPatch, memory_folder: Path
) -> None:
    """SQLite gives the same tokens in the same order."""
    monkeypatch.setattr(index_paged, "PAGE", 2)
    for seed in range(300, 312):
        store = sqlite.create(memory_folder / f"{seed}.db", "main", {})
        paged_run(Random(seed), store, runner)
        runner.run(store.close())


# What is damaged is noticed.

Damage = Callable[[list[JournalRow], int], None]


def dropped(rows: list[JournalRow], at: int) -> None:
    """A batch is missing, and the others are numbered anew."""
    del rows[at]
    rows[:] = [(seq, *row[1:]) for seq, row in enumerate(rows, 1)]


def swapped(rows: list[JournalRow], at: int) -> None:
    """A batch has the inputs of the next one."""
    rows[at], rows[at + 1] = (*rows[at][:4], rows[at + 1][4]), (*rows[at + 1][:4], rows[at][4])


def missing(rows: list[JournalRow], at: int) -> None:
    """There is a gap."""
    del rows[at]


def forgetful(rows: list[JournalRow], at: int) -> None:
    """A batch lacks an input that did something."""
    given = msgspec.msgpack.decode(rows[at][4])
    last = max(number for number, each in enumerate(given) if each[0] != STEP)
    del given[last]
    rows[at] = (*rows[at][:4], msgspec.msgpack.encode(given))


def changed(rows: list[JournalRow], at: int) -> None:
    """A batch has another hash."""
    rows[at] = (*rows[at][:3], rows[at][3] ^ 1, rows[at][4])


def miscounted(rows: list[JournalRow], at: int) -> None:
    """A batch tells of another number of firings."""
    rows[at] = (*rows[at][:2], rows[at][2] + 1, *rows[at][3:])


def misdated(rows: list[JournalRow], at: int) -> None:
    """A batch tells of another time."""
    rows[at] = (rows[at][0], rows[at][1] + 1, *rows[at][2:])


def garbled(rows: list[JournalRow], at: int) -> None:
    """The inputs of a batch are cut off."""
    rows[at] = (*rows[at][:4], rows[at][4][:-1])


@pytest.fixture(scope="module")
def journals(runner: Runner) -> list[KeptPair]:
    """Runs with journals of some batches."""
    runs = [paged_run(Random(seed), MemoryStore(), runner) for seed in range(500, 515)]
    return [pair for pair in runs if pair is not None and pair.kept.seq > 8]


@pytest.mark.parametrize(
    "damage", [dropped, swapped, missing, forgetful, changed, miscounted, misdated, garbled]
)
def test_a_damaged_journal_is_noticed(journals: list[KeptPair], damage: Damage) -> None:
    """Wherever it is, it says which batch, and that the state is damaged."""
    assert len(journals) > 5
    for pair in journals:
        whole = list(pair.store.journal())
        lively = [n for n, row in enumerate(whole[:-1]) if _differ(row, whole[n + 1])]
        for at in lively[:: max(1, len(lively) // 6)]:
            rows = list(whole)
            damage(rows, at)
            replay = JournalReplay(pair.store.base(), None, partial(_codec_of_opening, pair))
            with pytest.raises(StoreError, match=r"batch \d+") as error:
                replay.play(rows)
            assert error.value.kind == "damaged"


def _codec_of_opening(pair: KeptPair, _: Any) -> Codec:
    return Codec(pair.kept.net)


def _differ(row: JournalRow, other: JournalRow) -> bool:
    """Whether both batches did something, and not the same."""
    return {STEP} < _kinds(row) and row[4] != other[4] and bool(_kinds(other) - {STEP})


def _kinds(row: JournalRow) -> set[Any]:
    return {given[0] for given in msgspec.msgpack.decode(row[4])} | {STEP}


TABLES = ("tokens", "paged", "numbers", "seen", "flights", "faulted")
REPLACED = ("numbers", "flights")
"""Where a second row of a key would say the same once more."""


@pytest.mark.parametrize("table", TABLES)
def test_a_damaged_marking_is_noticed(journals: list[KeptPair], table: str) -> None:
    """A row that is gone, a second time there, or has another value in any column, is never loaded."""
    tried = 0
    for pair in journals:
        saved = pair.store.saved()
        codec = Codec(pair.kept.net)
        rows = list(getattr(saved, table))
        for at in range(len(rows)):
            for other in _spoiled(rows, at, twice=table not in REPLACED):
                tried += 1
                with pytest.raises(StoreError):
                    restore(msgspec.structs.replace(saved, **{table: other}), codec)
    assert tried > 3


@pytest.mark.parametrize("name", ["at_ns", "next_serial", "next_id", "marking_hash"])
def test_a_damaged_head_is_noticed(journals: list[KeptPair], name: str) -> None:
    """What a run is counted by belongs to its hash."""
    for pair in journals:
        saved = pair.store.saved()
        other = msgspec.structs.replace(saved, **{name: getattr(saved, name) + 1})
        with pytest.raises(StoreError, match="the marking's hash is"):
            restore(other, Codec(pair.kept.net))


def _spoiled(rows: list[Any], at: int, *, twice: bool) -> Iterator[list[Any]]:
    yield rows[:at] + rows[at + 1 :]
    if twice:
        yield [*rows, rows[at]]
    row = rows[at]
    if isinstance(row, tuple):
        for column in range(len(row)):
            spoiled = (*row[:column], _other(row[column]), *row[column + 1 :])
            yield [*rows[:at], spoiled, *rows[at + 1 :]]


def _other(value: Any) -> Any:
    if isinstance(value, bytes):
        return value[:-1] + bytes([value[-1] ^ 1])
    return f"{value}1" if isinstance(value, str) else (value or 0) + 1
