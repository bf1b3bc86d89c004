"""How fast: pages end to end, decisions, and what of politeness is used.

Owns: these tables and plots. Must not know: how anything was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from bench.decisions import results as decisions
from bench.decisions.race import Result
from bench.peers.results import Kept, Loop
from bench.peers.run import Crawl
from bench.peers.scenarios import SCENARIOS
from bench.report.document import Bar, Block, Plot, Section, Table, Text, number
from bench.report.sections.correctness import marked, where

MIB = 2**20
PLOTTED = ("speed", "one host", "many pages")
"""Scenarios without a delay, whose pages a second are plotted."""


def end_to_end(results: Kept | None, fresh: frozenset[tuple[str, str]]) -> Section:
    """Pages of whole crawls."""
    title = "Speed of whole crawls"
    if results is None:
        return Section(title, (Text("Not measured here."),))
    blocks: list[Block] = [
        Text(
            "One run each, on loopback, so that the server shares the processors with the crawler. "
            "Seconds are from the first request to the end of the last; CPU is the crawler's own, "
            "user and system, start and end of its process included. Utilisation is the least time "
            "that politeness allowed these requests over the time that they took; above 100 % rules "
            "were broken."
        ),
        Text(where(results, fresh)),
    ]
    for scenario in SCENARIOS:
        crawls = [each for each in results.crawls if each.scenario == scenario.name]
        if crawls:
            if scenario.name in PLOTTED:
                blocks.append(_plot(scenario.name, crawls, fresh))
            caption = f"{scenario.name.capitalize()}: {scenario.about}"
            rows = tuple((marked(each, fresh), *_row(each)) for each in crawls)
            blocks.append(Table(caption, HEAD, rows))
    return Section(title, tuple(blocks))


HEAD = ("", "pages", "s", "pages/s", "CPU s", "pages/CPU s", "memory, MiB", "utilisation")


def _row(crawl: Crawl) -> Iterator[str]:
    yield number(crawl.pages)
    yield number(crawl.wall_s, 2)
    yield number(crawl.pages_per_s)
    yield number(crawl.cpu_s, 2)
    yield number(crawl.pages_per_cpu_s)
    yield number(crawl.rss_bytes / MIB)
    yield f"{100 * crawl.utilisation:,.0f} %"


def _plot(name: str, crawls: Sequence[Crawl], fresh: frozenset[tuple[str, str]]) -> Plot:
    bars = [
        Bar(marked(each, fresh), (each.pages_per_cpu_s,), number(each.pages_per_cpu_s))
        for each in crawls
    ]
    file = f"pages-{name.replace(' ', '-')}"
    return Plot(file, f"Pages per second of CPU, scenario {name}", (), tuple(bars))


def decided(report: decisions.Report | None, loops: Sequence[Loop]) -> Section:
    """Decisions, without a network."""
    blocks: list[Block] = []
    if report is None:
        blocks.append(
            Text("The grid of decisions was not measured here (`python -m bench decisions`).")
        )
    else:
        blocks += _grid(report)
    if loops:
        blocks += [_loops(loops), Text(LOOPS)]
    else:
        blocks.append(Text("spider's gate and loop were not measured here."))
    return Section("Speed of decisions", tuple(blocks))


LOOPS = (
    "The gate is what spider asks of a link before it fetches it, and the note that it has been seen: no "
    "queue, delay, proxy, permit, retry or outcome. The loop is spider's own with a fetcher that answers at "
    "once; its CPU includes reading the links out of each page's HTML. A decision of the grid above is a "
    "whole dispatch with its outcome. The three are different work, and none stands for another."
)


def _grid(report: decisions.Report) -> Iterator[Block]:
    names = list(dict.fromkeys(name for race in report.races for name in race.runs))
    yield Text(f"Measured on {report.machine}. Medians of CPU for a decision, in microseconds.")
    head = ("targets, domains, proxies", *names, "net's rate / by hand")
    yield Table("What a decision costs", head, tuple(_race(race, names) for race in report.races))
    ratios = [found for race in report.races if (found := decisions.ratio(race, "net")) is not None]
    if ratios:
        yield Text(
            f"The net decides {median(ratios):.2f} times as fast as the scheduler by hand in the median "
            f"of these points, {min(ratios):.2f} times at the least, {max(ratios):.2f} at the most."
        )


def _race(race: Result, names: Sequence[str]) -> tuple[str, ...]:
    costs = (
        number(decisions.cost_us(race, name).median if name in race.runs else None, 1)
        for name in names
    )
    return (str(race.point), *costs, number(decisions.ratio(race, "net"), 2))


def _loops(loops: Sequence[Loop]) -> Table:
    rows = tuple(
        (
            f"{each.program}: {each.mode}",
            number(each.decisions),
            number(each.cpu_us, 2),
            number(1e6 / each.cpu_us),
        )
        for each in loops
    )
    head = ("", "pages", "us of CPU for each, median", "a CPU second")
    return Table("spider without a network", head, rows)
