"""A state through any life: batches, kills, closings, new bases, backups, other runs."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from scraper_cpn.store import sqlite
from scraper_cpn.store.backup import backup
from scraper_cpn.store.reader import StateReader
from scraper_cpn.store.retention import JournalLimits
from scraper_cpn.store.sqlite import SqliteStore
from scraper_cpn.store.whole import verify
from tests.store.batches import Batches, Model, check, plain
from tests.store.conftest import QUICK, copy_of

LIMITS = JournalLimits(size_bytes=2_000)


class Life(RuleBasedStateMachine):
    """Two runs in one file, of which one is open; each must say what its model says."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=QUICK))
        self.path = self.folder / "0.db"
        self.loop = asyncio.new_event_loop()
        self.files = 0
        self.bases = {"first": Model(), "second": Model()}

    @initialize(seed=st.integers(0, 2**32))
    def begin(self, seed: int) -> None:
        """Make the file and both runs."""
        self.runs = {"first": Batches(seed, size=7), "second": Batches(seed + 1, size=3)}
        self.name = "first"
        store = sqlite.create(self.path, "first", limits=LIMITS)
        self.loop.run_until_complete(store.close())
        self.store: SqliteStore = sqlite.new_run(self.path, "second", limits=LIMITS)
        self.switch()

    @rule(count=st.integers(1, 6))
    def commit(self, count: int) -> None:
        """Commit batches to the run that is open."""
        for _ in range(count):
            made = self.runs[self.name].next()
            self.loop.run_until_complete(self.store.commit(made))
            if self.store.base().seq == made.seq:
                self.bases[self.name] = self.runs[self.name].model.copy()

    @rule()
    def switch(self) -> None:
        """Close the run well, and open the other."""
        self.loop.run_until_complete(self.store.close())
        self.name = "second" if self.name == "first" else "first"
        self.store = sqlite.open_run(self.path, self.name, limits=LIMITS)

    @rule()
    def kill(self) -> None:
        """Go on with what a kill would leave."""
        left = copy_of(self.path, self.another())
        self.go_on(left)

    @rule()
    def restore(self) -> None:
        """Go on with a backup that was made of the live state."""
        copy = self.another()
        backup(self.path, copy)
        self.go_on(copy)

    @precondition(lambda self: self.runs[self.name].model.journal)
    @rule()
    def look(self) -> None:
        """Both runs can be read beside the writer, and nothing is wrong with the file."""
        assert verify(self.path) == []
        with StateReader(self.path) as reader:
            for name, batches in self.runs.items():
                assert plain(reader.run(name).saved()) == batches.model.marking()

    @invariant()
    def is_as_its_model(self) -> None:
        """The open run holds what was committed to it."""
        if hasattr(self, "store"):
            check(self.store, self.runs[self.name].model, self.bases[self.name])

    def another(self) -> Path:
        """A name for a file."""
        self.files += 1
        return self.folder / f"{self.files}.db"

    def go_on(self, path: Path) -> None:
        """Leave the file for another."""
        self.loop.run_until_complete(self.store.close())
        self.path = path
        self.store = sqlite.open_run(self.path, self.name, limits=LIMITS)

    def teardown(self) -> None:
        """Close what is open."""
        if hasattr(self, "store"):
            self.loop.run_until_complete(self.store.close())
        self.loop.close()
        shutil.rmtree(self.folder)


TestLife = pytest.mark.slow(Life.TestCase)
TestLife.settings = settings(max_examples=40, stateful_step_count=15)
