"""The tables of docs/performance.md, from the files that the benchmark wrote.

Owns: the figures of the page, and their format. Must not know: how anything was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from bench import crawl
from bench.crawl import Cost, Crawled, CrawlReport, percentile
from bench.decisions import results
from bench.decisions.live import ALONE, Live
from bench.decisions.plots import growing
from bench.decisions.race import Result
from bench.decisions.results import OPPONENT, Report, cost_us, ratio, ratios, spread
from bench.decisions.subjects import BASELINE_NATIVE, NET_NATIVE
from bench.goals import Goal, goals
from bench.profile import Profile

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "bench" / "results"
BEGIN, END = "<!-- from bench/results: begin -->\n", "<!-- from bench/results: end -->\n"
NAMES = {
    "net": "the net",
    NET_NATIVE: "as machine code",
    OPPONENT: "by hand",
    crawl.ALONE: crawl.ALONE,
}
GOAL = 1.0
"""Below this rate, in those of the baseline, the net loses."""


def written() -> str:
    """The section as the files in `RESULTS` have it."""
    report = results.read(RESULTS / "decisions.json")
    crawls = crawl.read(RESULTS / "crawl.json")
    return "\n".join(lines(report, crawls)) + "\n"


def main() -> None:
    """Write the tables into the page, between its marks."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}{written()}{END}{after}", encoding="utf-8")


def lines(report: Report, crawls: CrawlReport) -> Iterator[str]:
    """The machine, tables of decisions, crawls and their CPU time, where the net loses, and the goals."""
    races = report.grid
    yield f"On {report.machine}:"
    yield ""
    yield "| decisions a second, CPU time, medians | the net | as machine code | by hand | net / by hand | machine code / by hand |"
    yield "|---|---|---|---|---|---|"
    for found in growing(races):
        yield _row(f"{found.point.targets:,} targets waiting", found)
    yield from _live(report.live)
    yield f"| over all {len(races)} points of the grid | | | | {_over(races, 'net')} | {_over(races, NET_NATIVE)} |"
    yield from _slow(report)
    yield ""
    yield from _losses(races)
    yield ""
    yield from _crawls(crawls.crawls, crawls.alone)
    if crawls.profiles:
        yield ""
        yield from _profiles(crawls.profiles)
    yield ""
    yield from _goals(goals(report, crawls))


def _row(name: str, found: Result) -> str:
    rates = [
        f"{1e6 / cost_us(found, each).median:,.0f}" if each in found.runs else ""
        for each in ("net", NET_NATIVE, OPPONENT)
    ]
    return (
        f"| {name} | {' | '.join(rates)} | {_ratio(found, 'net')} | {_ratio(found, NET_NATIVE)} |"
    )


def _ratio(found: Result, name: str) -> str:
    if name not in found.runs:
        return ""
    value = ratio(found, name)
    return "not the same dispatches" if value is None else f"{value:.2f}"


def _over(races: Sequence[Result], name: str) -> str:
    values = ratios(races, name)
    return f"median {median(values):.2f}, least {min(values):.2f}" if values else ""


def _live(live: Sequence[Live]) -> Iterator[str]:
    rates = {each.subject: 1e6 / spread(run.cpu_us for run in each.runs).median for each in live}
    if "net" in rates:
        what = f"through asyncio, fetches mocked (without a scheduler {rates[ALONE]:,.0f})"
        net, hand, native = rates["net"], rates[OPPONENT], rates.get(NET_NATIVE)
        native_cells = ("", "") if native is None else (f"{native:,.0f}", f"{native / hand:.2f}")
        yield f"| {what} | {net:,.0f} | {native_cells[0]} | {hand:,.0f} | {net / hand:.2f} | {native_cells[1]} |"


def _slow(report: Report) -> Iterator[str]:
    for found in report.races:
        if "interpreter" in found.runs:
            rate = 1e6 / cost_us(found, "interpreter").median
            size = f"{found.point.targets:,} targets, {found.point.domains:,} domains"
            yield f"| the same net interpreted, {size} | {rate:,.0f} | | | | |"
    for run in report.engines:
        if run.version:
            rate = run.decisions / run.cpu_s
            size = f"{run.targets:,} targets, {run.domains:,} domains"
            yield f"| the join alone in {run.engine} {run.version}, {size} | {rate:,.0f} | | | | |"


def _losses(races: Sequence[Result]) -> Iterator[str]:
    lost = {str(r.point): value for r in races if (value := ratio(r, "net") or 0) < GOAL}
    if lost:
        worst = sorted(lost, key=lambda point: lost[point])[:3]
        points = "; ".join(f"{lost[point]:.2f} with {point}" for point in worst)
        yield f"The net loses at {len(lost)} of {len(races)} points of the grid, most at these: {points}."
    else:
        yield "At no point of the grid is the net slower than the scheduler by hand."
    if values := ratios(races, BASELINE_NATIVE):
        yield (
            f"The scheduler by hand through the same Cython has {median(values):.2f} of its own rate "
            f"in the median ({min(values):.2f} to {max(values):.2f})."
        )


def _crawls(crawls: Sequence[Crawled], without: Sequence[Cost]) -> Iterator[str]:
    yield "| crawls on loopback | pages/s | pages per CPU-second | peak MB | start jitter p50, p99 | polite utilisation | violations |"
    yield "|---|---|---|---|---|---|---|"
    for found in crawls:
        yield f"| {found.web}: {_who(found)} | {_costs(found)} | {_jitter(found)} | {found.violations} |"
    for one in without:
        yield f"| {one.web}: {_who(one)} | {_costs(one)} | | | |"


def _costs(found: Cost) -> str:
    rates = f"{found.pages_per_s:,.0f} | {found.pages_per_cpu_s:,.0f}"
    return f"{rates} | {found.peak_bytes / 10**6:.0f}"


def _who(found: Cost | Profile) -> str:
    return f"{NAMES[found.subject]}, {found.fetcher}"


def _profiles(found: Sequence[Profile]) -> Iterator[str]:
    """Where the CPU of a page goes: the parts that take most first."""
    yield f"| us of CPU a page, {found[0].web} | {' | '.join(map(_who, found))} |"
    yield "|---" * (len(found) + 1) + "|"
    for part in found[0].us:
        yield f"| {part} | {' | '.join(f'{each.us.get(part, 0):.0f}' for each in found)} |"
    yield f"| all | {' | '.join(f'{sum(each.us.values()):.0f}' for each in found)} |"


def _goals(found: Sequence[Goal]) -> Iterator[str]:
    yield "| goal | wanted | the net | as machine code |"
    yield "|---|---|---|---|"
    for goal in found:
        reached = " | ".join(_reached(goal, name) for name in ("net", NET_NATIVE))
        yield f"| {goal.name} | {goal.wanted} | {reached} |"


def _reached(goal: Goal, name: str) -> str:
    if name not in goal.values:
        return ""
    return goal.form.format(goal.values[name]) + ("" if goal.met_by(name) else ", missed")


def _jitter(found: Crawled) -> str:
    if not found.jitter_ns:
        return " | "
    late = [percentile(found.jitter_ns, share) / 10**6 for share in (0.5, 0.99)]
    return f"{late[0]:.1f} ms, {late[1]:.1f} ms | {found.utilisation:.1%}"
