"""A race at one point: every subject in turn, round after round, each time from the beginning.

Owns: the order of runs, the measurement of each, and whether all made the same decisions.
Must not know: how a subject decides, how results are shown.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from msgspec import Struct

from bench.decisions.drive import Drive, Subject
from bench.decisions.subjects import SUBJECTS, Recorder, Replay
from bench.decisions.workload import Point, Tape, Workload
from bench.figures import spent
from scraper_cpn.scrape.virtual import EPOCH_NS

REPLAY = "replay"
WARM_MAX = 20_000


class Run(Struct, frozen=True, kw_only=True):
    """One run of one subject."""

    decisions: int
    firings: int
    """Effects of all kinds."""
    cpu_s: float
    wall_s: float
    pause_s: float
    """The longest garbage collection."""
    digest: str
    """Of the dispatches: equal for subjects that have decided the same."""

    @property
    def cpu_us(self) -> float:
        """CPU time for a decision, in microseconds."""
        return self.cpu_s / self.decisions * 1e6


class Result(Struct, frozen=True, kw_only=True):
    """The result of a race."""

    point: Point
    runs: dict[str, list[Run]]

    @property
    def same(self) -> bool:
        """Whether all subjects made the same decisions in every round."""
        return len({run.digest for runs in self.runs.values() for run in runs}) == 1


class Pauses:
    """Times the garbage collections within a `with` block."""

    longest_s = 0.0

    def __enter__(self) -> Pauses:
        gc.callbacks.append(self._noted)
        return self

    def __exit__(self, *error: object) -> None:
        gc.callbacks.remove(self._noted)

    def _noted(self, phase: str, _: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self.longest_s = max(self.longest_s, time.perf_counter() - self._began)


def race(point: Point, subjects: Sequence[str], decisions: int, rounds: int) -> Result:
    """Measure *subjects* and a replay of the first one, with *decisions* decisions in each run."""
    workload = Workload(point)
    tape, noted = recorded(workload, subjects[0], decisions)
    names = [*subjects, REPLAY]
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            subject = Replay(noted) if name == REPLAY else SUBJECTS[name](workload)
            runs[name].append(measured(workload, subject, tape, decisions))
    return Result(point=point, runs=runs)


def warming(point: Point) -> int:
    """The dispatches before the measurement: enough for every proxy and, up to a limit, every domain."""
    return max(50, min(point.domains, WARM_MAX), 2 * point.proxies)


def recorded(workload: Workload, name: str, decisions: int) -> tuple[Tape, Recorder]:
    """Record a run with the given number of decisions: outcomes in order, and all decisions."""
    tape, noted = Tape(workload), Recorder(SUBJECTS[name](workload))
    drive = Drive(noted, tape.fetch, tape.parse, workload.keeping_ns, EPOCH_NS)
    drive.run(warming(workload.point) + decisions)
    return tape, noted


def measured(workload: Workload, subject: Subject, tape: Tape, decisions: int) -> Run:
    """Run a subject that has its initial tokens, and measure it after the warm-up."""
    warm = warming(workload.point)
    drive = Drive(
        subject, _following(tape.fetches()), _following(tape.pages()), workload.keeping_ns, EPOCH_NS
    )
    drive.run(warm)
    firings = drive.firings
    gc.collect()
    gc.freeze()
    try:
        with Pauses() as pauses, spent() as took, suppress(StopIteration):
            drive.run(warm + decisions)  # who decides otherwise may come to the end of the tape
    finally:
        gc.unfreeze()
    return Run(
        decisions=len(drive.times) - warm,
        firings=drive.firings - firings,
        cpu_s=took.cpu,
        wall_s=took.wall,
        pause_s=pauses.longest_s,
        digest=drive.digest(),
    )


def _following(outcomes: list[Any]) -> Any:
    """An effect that returns the recorded outcomes in order."""
    return partial(_next, iter(outcomes))


def _next(outcomes: Any, _: Any) -> Any:
    return next(outcomes)
