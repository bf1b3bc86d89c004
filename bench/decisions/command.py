"""`python -m bench decisions`: what a decision costs, over a grid.

Owns: the order of races, what is printed. Must not know: how anything is measured.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.decisions.grid import BRIEF, WHOLE, Plan
from bench.decisions.race import Result, race
from bench.decisions.table import lines
from bench.figures import head

FAST = ("net", "baseline", "baseline heap")
SLOW = ("net", "baseline", "interpreter")


def main(*, quick: bool, as_json: bool, only: str) -> None:
    """Measure and print. *only*: points whose text contains it."""
    known = head(Path())
    if not as_json:
        for what, value in known.items():
            print(f"{what:<8} {value}")
    results = []
    for result in measured(BRIEF if quick else WHOLE, only):
        results.append(result)
        if not as_json:
            print("", *lines(result), sep="\n", flush=True)
    if as_json:
        print(msgspec.json.encode({"head": known, "results": results}).decode())


def measured(plan: Plan, only: str) -> Iterator[Result]:
    """Race at one point after the other."""
    for point in plan.slow:
        if only in str(point):
            _say(point)
            yield race(point, SLOW, plan.slow_decisions, plan.rounds)
    for point in plan.points:
        if only in str(point):
            _say(point)
            yield race(point, FAST, plan.decisions, plan.rounds)


def _say(what: object) -> None:
    print(f"measuring {what}", file=sys.stderr)
