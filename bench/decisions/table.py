"""Results of races for people, on a terminal.

Owns: lines and columns. Must not know: how anything was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median, quantiles

from bench.decisions.race import REPLAY, Result, Run

OPPONENT = "baseline"


def table(results: Sequence[Result]) -> str:
    """Microseconds of CPU for a decision: the median, and the quartiles; ratios where they count."""
    return "\n".join(line for result in results for line in ["", *lines(result)])


def lines(result: Result) -> list[str]:
    """One point."""
    told = [str(result.point)]
    told += [
        f"  {name:<14}{_cost(runs)}{_ratio(result, name)}" for name, runs in result.runs.items()
    ]
    if not result.same:
        told.append("  the subjects did not decide the same: their times can't be compared")
    return told


def cost_us(runs: Sequence[Run]) -> float:
    """The median of CPU for a decision."""
    return median(run.cpu_us for run in runs)


def _cost(runs: Sequence[Run]) -> str:
    low, _, high = quantiles([run.cpu_us for run in runs], n=4, method="inclusive")
    pause_ms = max(run.pause_s for run in runs) * 1e3
    return (
        f"{cost_us(runs):>9.2f} us  {low:>8.2f} to {high:<8.2f} "
        f"{1e6 / cost_us(runs):>9,.0f}/s  pause {pause_ms:>5.1f} ms"
    )


def _ratio(result: Result, name: str) -> str:
    if name in {REPLAY, OPPONENT} or OPPONENT not in result.runs or not result.same:
        return ""
    return f"  {cost_us(result.runs[OPPONENT]) / cost_us(result.runs[name]):.2f} times the {OPPONENT}'s rate"
