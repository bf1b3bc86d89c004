"""The time to resume a state with many waiting targets.

Owns: the measurement, and its parts. Must not know: SQL, the content of a batch.
"""

from __future__ import annotations

import gc
from pathlib import Path

from msgspec import Struct

from bench.figures import Figure, spent
from bench.files import copied, left
from bench.frontier import SETTINGS
from bench.running import OPENING
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.state.run import codec_of, opened
from scraper_cpn.store import sqlite
from scraper_cpn.store.restore import restore

PART = "resume"


class Run(Struct, frozen=True):
    """The times of one resume, in seconds."""

    file_s: float
    """Until the file is open and checked."""
    marking_s: float
    """From there, until its marking is loaded and what the resume changes is committed."""
    step_s: float
    """From there, until the first step has decided."""
    cpu_s: float
    """Of all."""

    @property
    def all_s(self) -> float:
        """Seconds from the beginning to the first step."""
        return self.file_s + self.marking_s + self.step_s


async def resumed(path: Path) -> Run:
    """Resume a state until its first step."""
    gc.collect()
    with spent() as file:
        store = sqlite.open_run(path)
    try:
        with spent() as marking:
            state = await opened(store, OPENING)
        with spent() as step:
            found = state.recorder.step(state.clock.now_ns(), 256)
        assert found.firings or found.wake_ns, "nothing was left to do"
    finally:
        await store.close()
    return Run(file.wall, marking.wall, step.wall, file.cpu + marking.cpu + step.cpu)


async def read(path: Path) -> float:
    """Read the marking and compare its hash, and nothing else; in seconds."""
    store = sqlite.open_run(path)
    try:
        with spent() as took:
            restore(store.saved(), codec_of(Policy(SETTINGS)))
    finally:
        await store.close()
    return took.wall


async def killed(filled: Path) -> Path:
    """A filled state whose process was killed just after it had resumed."""
    path = copied(filled)
    store = sqlite.open_run(path)
    try:
        await opened(store, OPENING)
        return left(path)
    finally:
        await store.close()


async def measure(filled: Path, runs: int) -> list[Figure]:
    """A state that was closed, one whose process was killed, and the parts of the first."""
    closed = [await resumed(copied(filled)) for _ in range(runs)]
    reading = [await read(copied(filled)) for _ in range(runs)]
    again = [await resumed(await killed(filled)) for _ in range(runs)]
    return [
        _figure("from opening to the first step", [run.all_s for run in closed], "under 3 s"),
        _figure("its CPU", [run.cpu_s for run in closed]),
        _figure("open and check the file", [run.file_s for run in closed]),
        _figure("load the marking", [run.marking_s for run in closed]),
        _figure("of that, read rows and hash them", reading),
        _figure("the first step", [run.step_s for run in closed]),
        _figure("after a kill, with the file checked whole", [run.all_s for run in again]),
    ]


def _figure(name: str, values: list[float], goal: str = "") -> Figure:
    return Figure(PART, name, "s", tuple(values), goal)
