"""How fast decisions are, without a network, and repeated crawls of the net and by hand.

Owns: these tables. Must not know: how anything was measured.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from bench.crawl import Crawled, CrawlReport
from bench.decisions import results as decisions
from bench.decisions.live import ALONE
from bench.decisions.race import Result
from bench.decisions.subjects import NET_NATIVE
from bench.peers.results import Loop
from bench.profile import Profile
from bench.report.document import Block, Section, Table, Text, number

MIB = 2**20


def repeated(report: CrawlReport | None) -> Section:
    """Crawls of the net and of the scheduler by hand, several of each in turn."""
    title = "Speed of the net and of the scheduler by hand"
    if report is None:
        return Section(title, (Text("Not measured here (`python -m bench crawl`)."),))
    kinds = dict.fromkeys((each.web, each.fetcher, each.subject) for each in report.crawls)
    rows = tuple(
        _repeated(
            [each for each in report.crawls if (each.web, each.fetcher, each.subject) == kind]
        )
        for kind in kinds
    )
    said = Text(f"Measured on {report.machine}. Medians of several crawls, in turn.")
    head = (
        "",
        "client",
        "subject",
        "pages/s",
        "pages/CPU s",
        "memory, MiB",
        "utilisation",
        "violations",
    )
    whole = Table("Whole crawls of pages of 8 kB", head, rows)
    return Section(title, (said, whole, *_profiles(report.profiles)))


def _profiles(found: Sequence[Profile]) -> Iterator[Block]:
    """Where the CPU time of a crawl goes."""
    if found:
        head = ("part", *(f"{each.subject}, {each.fetcher}" for each in found))
        rows = [
            (part, *(number(each.us.get(part, 0), 1) for each in found)) for part in found[0].us
        ]
        rows.append(("all", *(number(sum(each.us.values()), 1) for each in found)))
        yield Table(f"CPU of a page by part, us: {found[0].web}", head, tuple(rows))


def _repeated(some: Sequence[Crawled]) -> tuple[str, ...]:
    first = some[0]
    return (
        first.web,
        first.fetcher,
        first.subject,
        number(median(each.pages_per_s for each in some)),
        number(median(each.pages_per_cpu_s for each in some)),
        number(median(each.peak_bytes for each in some) / MIB),
        f"{100 * median(each.utilisation for each in some):,.0f} %"
        if first.jitter_ns
        else number(None),
        number(sum(each.violations for each in some)),
    )


def decided(report: decisions.Report | None, loops: Sequence[Loop]) -> Section:
    """Decisions, without a network."""
    blocks: list[Block] = []
    if report is None:
        blocks.append(
            Text("The grid of decisions was not measured here (`python -m bench decisions`).")
        )
    else:
        blocks += [*_grid(report), *_live(report), *_engines(report)]
    if loops:
        where = f" Kept results of {loops[0].date}, on {loops[0].machine}."
        blocks += [_loops(loops), Text(LOOPS + where)]
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
    nets = [name for name in ("net", NET_NATIVE) if name in names]
    head = ("targets, domains, proxies", *names, *(f"{name}'s rate / by hand" for name in nets))
    rows = tuple(_race(race, names, nets) for race in report.races)
    yield Table("What a decision costs", head, rows)
    for name in nets:
        ratios = decisions.ratios(report.races, name)
        if ratios:
            yield Text(
                f"The {name} decides {median(ratios):.2f} times as fast as the scheduler by hand in the "
                f"median of these points, {min(ratios):.2f} times at the least, {max(ratios):.2f} at the most."
            )


def _race(race: Result, names: Sequence[str], nets: Sequence[str]) -> tuple[str, ...]:
    costs = (
        number(decisions.cost_us(race, name).median if name in race.runs else None, 1)
        for name in names
    )
    return (str(race.point), *costs, *(number(decisions.ratio(race, name), 2) for name in nets))


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


def _live(report: decisions.Report) -> Iterator[Block]:
    if report.live:
        rows = tuple(
            (each.subject, number(median(run.cpu_us for run in each.runs), 1))
            for each in report.live
        )
        caption = f"Through asyncio with a mocked fetch, {report.live[0].point} ({ALONE}: the shell alone)"
        yield Table(caption, ("", "us of CPU a decision"), rows)


def _engines(report: decisions.Report) -> Iterator[Block]:
    if report.engines:
        head = ("", "targets", "domains", "proxies", "us of CPU a decision")
        rows = tuple(
            (
                f"{each.engine} {each.version}",
                number(each.targets),
                number(each.domains),
                number(each.proxies),
                number(each.cpu_s / each.decisions * 1e6 if each.decisions else None),
            )
            for each in report.engines
        )
        yield Table("General engines for coloured nets on the same join", head, rows)
