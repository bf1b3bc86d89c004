"""Results for people, on a terminal.

Owns: lines and columns. Must not know: how anything was measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from bench.decisions.live import ALONE, Live
from bench.decisions.parts import Parts
from bench.decisions.race import REPLAY, Result
from bench.decisions.results import (
    OPPONENT,
    EngineRun,
    Report,
    Spread,
    changes,
    cost_us,
    ratio,
    spread,
)
from bench.decisions.subjects import NET_NATIVE

COLUMNS = f"  {'':<16}{'us of CPU':>10}  {'quartiles':<19}{'a second':>9}  {'longest pause':>13}"
UNEQUAL = "  they did not decide the same: these times can't be compared"
SAME_MAX = 1.05
"""Less of a difference between two runs of the program is taken for noise."""


def race_lines(result: Result) -> Iterator[str]:
    """One point: CPU for a decision, its quartiles, decisions a second, the longest collection."""
    yield str(result.point)
    yield COLUMNS
    for name, runs in result.runs.items():
        cost = cost_us(result, name)
        pause_ms = max(run.pause_s for run in runs) * 1e3
        yield f"  {name:<16}{_cost(cost)}{pause_ms:>11.1f} ms{_ratio(result, name)}".rstrip()
    if not result.same:
        yield UNEQUAL


def live_lines(results: list[Live]) -> Iterator[str]:
    """The same through asyncio."""
    yield f"through asyncio with a mocked fetch, {results[0].point}"
    for result in results:
        cost = spread(run.cpu_us for run in result.runs)
        yield f"  {result.subject:<24}{_cost(cost)}".rstrip()
    yield f"  ({ALONE}: what the shell, the loop and the mocks cost)"


def part_lines(found: list[Parts]) -> Iterator[str]:
    """Where the time goes."""
    yield f"us of CPU for a decision by call, sampled, {found[0].point}"
    names = sorted({name for each in found for name in each.us})
    yield f"  {'':<18}" + "".join(f"{each.subject:>12}" for each in found)
    for name in names:
        yield f"  {name:<18}" + "".join(f"{each.us.get(name, 0):>12.2f}" for each in found)


def engine_lines(runs: list[EngineRun]) -> Iterator[str]:
    """General engines on the same join."""
    yield "general engines for coloured nets, on the same join of targets, domains and proxies"
    for run in runs:
        size = f"{run.targets:,} x {run.domains:,} x {run.proxies:,}"
        if run.version:
            cost = run.cpu_s / run.decisions * 1e6
            yield f"  {run.engine + ' ' + run.version:<16}{size:>18}{cost:>14,.0f} us"
        else:
            yield f"  {run.engine:<16}is not here; `make peers` installs it"


def summary_lines(report: Report) -> Iterator[str]:
    """The summary over all points."""
    unequal = sum(not result.same for result in report.races)
    yield f"dispatches compared in every round: {_unequal(unequal, len(report.races))}"
    for name in ("net", NET_NATIVE):
        yield from _over(report, name)


def _over(report: Report, name: str) -> Iterator[str]:
    ratios = {
        str(result.point): found
        for result in report.grid
        if (found := ratio(result, name)) is not None
    }
    if ratios:
        worst = min(ratios, key=lambda point: ratios[point])
        yield f"{name}, in rates of the {OPPONENT}: median {median(ratios.values()):.2f},"
        yield f"  least {ratios[worst]:.2f} at {worst}"


def change_lines(now: Report, before: Report) -> Iterator[str]:
    """What became faster or slower."""
    if now.machine.processor != before.machine.processor:
        yield f"the earlier run was on another machine: {before.machine}"
    for result, _, name, faster in changes(now, before):
        word = "as fast" if 1 / SAME_MAX < faster < SAME_MAX else _word(faster)
        yield f"  {result.point!s:<62}{name:<16}{faster:>6.2f} times the rate: {word}"


def _word(faster: float) -> str:
    return "faster" if faster > 1 else "slower"


def _unequal(unequal: int, points: int) -> str:
    if unequal:
        return f"they differ at {unequal} of {points} points"
    return f"the same for all subjects at all {points} points"


def _cost(cost: Spread) -> str:
    quartiles = f"{cost.low:.2f} to {cost.high:.2f}"
    return f"{cost.median:>10.2f}  {quartiles:<19}{1e6 / cost.median:>9,.0f}"


def _ratio(result: Result, name: str) -> str:
    found = None if name in {REPLAY, OPPONENT} else ratio(result, name)
    return "" if found is None else f"  {found:.2f} times the {OPPONENT}'s rate"
