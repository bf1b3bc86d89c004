"""The speed of whole crawls of all crawlers, and their polite utilisation.

Owns: these tables and plots. Must not know: how anything was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.peers.results import SavedResults
from bench.peers.run import Crawl
from bench.peers.scenarios import SCENARIOS
from bench.report.document import Bar, Block, Plot, Section, Table, Text, number
from bench.report.sections.correctness import marked, where

MIB = 2**20
PLOTTED = ("speed", "one host", "many pages")
"""Scenarios without a delay, whose pages a second are plotted."""


def end_to_end(results: SavedResults | None, fresh: frozenset[tuple[str, str]]) -> Section:
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
            "were broken; without a delay it is not shown."
        ),
        Text(where(results, fresh)),
    ]
    for scenario in SCENARIOS:
        crawls = [each for each in results.crawls if each.scenario == scenario.name]
        if crawls:
            if scenario.name in PLOTTED:
                blocks.append(_plot(scenario.name, crawls, fresh))
            caption = f"{scenario.name.capitalize()}: {scenario.about}"
            paced = scenario.delay_ns > 0
            rows = tuple((marked(each, fresh), *_row(each, paced=paced)) for each in crawls)
            blocks.append(Table(caption, HEAD, rows))
    return Section(title, tuple(blocks))


HEAD = ("", "pages", "s", "pages/s", "CPU s", "pages/CPU s", "memory, MiB", "utilisation")


def _row(crawl: Crawl, *, paced: bool) -> Iterator[str]:
    yield number(crawl.pages)
    yield number(crawl.wall_s, 2)
    yield number(crawl.pages_per_s)
    yield number(crawl.cpu_s, 2)
    yield number(crawl.pages_per_cpu_s)
    yield number(crawl.rss_bytes / MIB)
    yield f"{100 * crawl.utilisation:,.0f} %" if paced else number(None)


def _plot(name: str, crawls: Sequence[Crawl], fresh: frozenset[tuple[str, str]]) -> Plot:
    bars = [
        Bar(marked(each, fresh), (each.pages_per_cpu_s,), number(each.pages_per_cpu_s))
        for each in crawls
    ]
    file = f"pages-{name.replace(' ', '-')}"
    return Plot(file, f"Pages per second of CPU, scenario {name}", (), tuple(bars))
