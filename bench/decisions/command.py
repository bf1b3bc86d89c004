"""`python -m bench decisions`: what a decision costs, over a grid.

Owns: the order of measurements, and the output. Must not know: how anything is measured.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from bench.decisions import engines, table
from bench.decisions.grid import BRIEF, WHOLE, Plan
from bench.decisions.live import Live, race_live
from bench.decisions.native import works_here
from bench.decisions.parts import parts
from bench.decisions.race import Result, race
from bench.decisions.results import EngineRun, Report, read
from bench.decisions.subjects import BASELINE_NATIVE, NET_NATIVE
from bench.machine import machine, written

FAST = ("net", NET_NATIVE, "baseline", BASELINE_NATIVE, "baseline heap")
SLOW = ("net", "baseline", "interpreter")
LIVE = ("net", NET_NATIVE, "baseline")
PARTED = ("net", "baseline")
"""What is compiled has no frames that a sample could tell apart."""


class Wanted(Struct, frozen=True, kw_only=True):
    """The options of the command.

    Attributes:
        plan: how much is measured.
        only: measure only points whose text contains this, and nothing else.
        as_json: print only JSON on standard output.
        out: a file for the results.
        plots: a folder for pictures.
        against: results of an earlier run, to compare with.
    """

    plan: Plan
    only: str = ""
    as_json: bool = False
    out: Path | None = None
    plots: Path | None = None
    against: Path | None = None


def plan_of(*, quick: bool, rounds: int | None) -> Plan:
    """The usual plan, or a small one; *rounds* changes its number of rounds."""
    plan = BRIEF if quick else WHOLE
    return plan if rounds is None else msgspec.structs.replace(plan, rounds=rounds)


def main(wanted: Wanted) -> Report:
    """Measure, print, write.

    Raises:
        ValueError: the earlier results can't be read, or no point matches; nothing was measured.
    """
    if not any(wanted.only in str(point) for point in (*wanted.plan.slow, *wanted.plan.points)):
        raise ValueError(f"--only {wanted.only}: no point has that in its name")
    before = None if wanted.against is None else read(wanted.against)
    report = Report(machine=machine())
    tell = _quiet if wanted.as_json else _tell
    tell([str(report.machine)])
    for result in _races(wanted.plan, wanted.only):
        report.races.append(result)
        tell(["", *table.race_lines(result)])
    if not wanted.only:
        report.live.extend(_live(wanted.plan))
        tell(["", *table.live_lines(report.live)])
        _say("parts")
        report.parts.extend(parts(wanted.plan.parted, PARTED, wanted.plan.decisions))
        tell(["", *table.part_lines(report.parts)])
        report.engines.extend(_engines(wanted.plan))
        tell(["", *table.engine_lines(report.engines)])
    tell(["", *table.summary_lines(report)])
    if before is not None:
        tell(["", *table.change_lines(report, before)])
    if wanted.as_json:
        print(msgspec.json.encode(report).decode())
    if wanted.out is not None:
        written(report, wanted.out)
    if wanted.plots is not None:
        from bench.decisions.plots import draw  # late: matplotlib takes a second

        draw(report, wanted.plots)
    return report


def _races(plan: Plan, only: str) -> Iterator[Result]:
    for points, subjects, decisions in (
        (plan.slow, SLOW, plan.slow_decisions),
        (plan.points, _here(FAST), plan.decisions),
    ):
        for point in points:
            if only in str(point):
                _say(str(point))
                yield race(point, subjects, decisions, plan.rounds)


def _here(subjects: Sequence[str]) -> list[str]:
    """The subjects that can run on this machine."""
    native = works_here()
    return [name for name in subjects if native or name not in {NET_NATIVE, BASELINE_NATIVE}]


def _live(plan: Plan) -> list[Live]:
    _say("through asyncio")
    return race_live(_here(LIVE), plan.decisions, plan.rounds)


def _engines(plan: Plan) -> Iterable[EngineRun]:
    _say("general engines")
    return engines.measure(plan.engines)


def _say(what: str) -> None:
    print(f"measuring {what}", file=sys.stderr)


def _tell(lines: Iterable[str]) -> None:
    print(*lines, sep="\n", flush=True)


def _quiet(lines: Iterable[str]) -> None:
    """Ignore progress: nobody reads it."""
