"""Writing the results of a whole measurement to a file, and reading them.

Owns: the file's schema, the statistics of runs, and which runs are comparable.
Must not know: how anything was measured, how it is shown.

Medians and quartiles are pytest-benchmark's. Its fixture is not used: it runs all rounds of one
subject before the next subject, so that other load on the machine would count against one of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct
from pytest_benchmark.stats import Stats

from bench.decisions.live import Live
from bench.decisions.parts import Parts
from bench.decisions.race import Result
from bench.machine import Machine

OPPONENT = "baseline"


class EngineRun(Struct, frozen=True, kw_only=True):
    """A general engine for coloured nets on the same join, in an environment of its own."""

    engine: str
    version: str
    """Empty: it is not there, and nothing was measured."""
    targets: int
    domains: int
    proxies: int
    decisions: int = 0
    cpu_s: float = 0.0


class Report(Struct, frozen=True, kw_only=True):
    """All results of one run of the benchmark."""

    machine: Machine
    races: list[Result] = []
    live: list[Live] = []
    engines: list[EngineRun] = []
    parts: list[Parts] = []

    @property
    def grid(self) -> list[Result]:
        """The races at the points of the grid, without those for the interpreter."""
        return [found for found in self.races if "interpreter" not in found.runs]


class Spread(Struct, frozen=True):
    """Median and quartiles of several runs."""

    median: float
    low: float
    """A quarter of the runs is below."""
    high: float
    """A quarter is above."""


def spread(values: Iterable[float]) -> Spread:
    """Median and quartiles."""
    stats = Stats()
    for value in values:
        stats.update(value)
    return Spread(stats.median, stats.q1, stats.q3)


def cost_us(result: Result, name: str) -> Spread:
    """CPU time for a decision, in microseconds."""
    return spread(run.cpu_us for run in result.runs[name])


def ratio(result: Result, name: str) -> float | None:
    """The rate of a subject divided by that of the baseline; None if one is missing or their decisions differ."""
    if not result.same or not {name, OPPONENT} <= result.runs.keys():
        return None
    return cost_us(result, OPPONENT).median / cost_us(result, name).median


def ratios(races: Iterable[Result], name: str) -> list[float]:
    """The ratios that are known."""
    return [value for each in races if (value := ratio(each, name)) is not None]


def read(path: Path) -> Report:
    """Read what `--out` wrote.

    Raises:
        ValueError: the file has no such results; the message is one line.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except OSError as error:
        raise ValueError(f"can't read {path}: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path} is no result of this benchmark: {error}") from error


def changes(now: Report, before: Report) -> list[tuple[Result, Result, str, float]]:
    """The results that both runs have: now, before, subject, and the ratio of the rates."""
    known = {result.point: result for result in before.races}
    return [
        (result, known[result.point], name, _faster(result, known[result.point], name))
        for result in now.races
        if result.point in known
        for name in result.runs
        if name in known[result.point].runs
    ]


def _faster(now: Result, before: Result, name: str) -> float:
    return cost_us(before, name).median / cost_us(now, name).median
