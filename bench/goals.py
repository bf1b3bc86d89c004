"""The goals for the measured values.

Owns: the goals, and the measured value of each.
Must not know: how anything was measured, how it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf
from statistics import median

from msgspec import Struct

from bench.crawl import JITTER_MAX_MS, UTILISATION_MIN, Crawled, CrawlReport, percentile
from bench.decisions.plots import FLOOR, GOAL, growing
from bench.decisions.race import Result
from bench.decisions.results import Report, cost_us, ratios
from bench.decisions.subjects import NET_NATIVE
from bench.web import FAST, LARGE, MILLISECOND, POLITE

HEAP = "baseline heap"
SUBJECTS = ("net", NET_NATIVE)
FEW, MANY = 1_000, 1_000_000
"""Targets."""
PACED = "aiohttp"
"""The client that tells when a request is written; its delays are computed from that."""


class Goal(Struct, frozen=True, kw_only=True):
    """A goal.

    Attributes:
        name: what is measured.
        least: the lower bound.
        most: the upper bound.
        form: the format of a value.
        values: the measured values by subject.
    """

    name: str
    least: float = -inf
    most: float = inf
    form: str
    values: dict[str, float]

    @property
    def wanted(self) -> str:
        """The bound as text."""
        if self.most < inf:
            return f"at most {self.form.format(self.most)}"
        return f"at least {self.form.format(self.least)}"

    def met_by(self, subject: str) -> bool:
        """Whether a measured subject has reached the goal."""
        return self.least <= self.values[subject] <= self.most


def goals(report: Report, crawls: CrawlReport) -> list[Goal]:
    """All goals that have measured values."""
    found = [*_of_decisions(report.grid), *_through_asyncio(report), *_of_crawls(crawls.crawls)]
    return [goal for goal in found if goal.values]


def _of_decisions(races: Sequence[Result]) -> Iterator[Goal]:
    grid = "rate in rates of the scheduler by hand, in Python"
    rates = [(name, value) for name in SUBJECTS for value in ratios(races, name)]
    middle, lowest = _by_subject(rates, median), _by_subject(rates, min)
    yield Goal(name=f"{grid}, median", least=GOAL, form="{:.2f}", values=middle)
    yield Goal(name=f"{grid}, least", least=FLOOR, form="{:.2f}", values=lowest)
    ends = [each for each in growing(races) if each.same and each.point.targets in {FEW, MANY}]
    many = [each for each in ends if each.point.targets == MANY and HEAP in each.runs]
    ratios_to_heaps = [(name, _cost(each, HEAP) / _cost(each, name)) for each, name in _runs(many)]
    grown = [(name, _cost(each, name) / _cost(ends[0], name)) for each, name in _runs(ends[1:])]
    yield Goal(
        name="the same beside its heaps, 10^6 targets",
        least=1.5,
        form="{:.2f}",
        values=dict(ratios_to_heaps),
    )
    yield Goal(
        name="cost of a decision, 10^6 targets beside 10^3",
        most=1.25,
        form="{:.2f}",
        values=dict(grown),
    )
    large = [each for each in races if each.point.targets == MANY]
    pauses_ms = [(name, r.pause_s * 1e3) for each, name in _runs(large) for r in each.runs[name]]
    yield Goal(
        name="longest pause of the collector, 10^6 targets",
        most=20,
        form="{:.0f} ms",
        values=_by_subject(pauses_ms, max),
    )


def _runs(races: Sequence[Result]) -> list[tuple[Result, str]]:
    """The subjects of each race."""
    return [(each, name) for each in races for name in SUBJECTS if name in each.runs]


def _cost(found: Result, name: str) -> float:
    return cost_us(found, name).median


def _through_asyncio(report: Report) -> Iterator[Goal]:
    rates = [(each.subject, 1e6 / median(run.cpu_us for run in each.runs)) for each in report.live]
    yield Goal(
        name="decisions a second through asyncio",
        least=200_000,
        form="{:,.0f}",
        values=_by_subject(rates, max),
    )


def _of_crawls(crawls: Sequence[Crawled]) -> Iterator[Goal]:
    fast = [each for each in crawls if each.web == FAST.name]
    large = [each for each in crawls if each.web == LARGE.name]
    polite = [each for each in crawls if each.web == POLITE.name and each.fetcher == PACED]
    per_cpu = "pages per CPU-second, the better client"
    yield Goal(name=f"{FAST.name}: {per_cpu}", least=6_000, form="{:,.0f}", values=_rates(fast))
    yield Goal(name=f"{LARGE.name}: {per_cpu}", least=5_000, form="{:,.0f}", values=_rates(large))
    yield Goal(
        name=f"{LARGE.name}: memory",
        most=300,
        form="{:.0f} MB",
        values=_by_subject(((each.subject, each.peak_bytes / 10**6) for each in large), max),
    )
    late_ms = [(each.subject, percentile(each.jitter_ns, 0.99) / MILLISECOND) for each in polite]
    yield Goal(
        name=f"{POLITE.name}, {PACED}: start jitter, p99",
        most=JITTER_MAX_MS,
        form="{:.1f} ms",
        values=_by_subject(late_ms, max),
    )
    yield Goal(
        name=f"{POLITE.name}, {PACED}: polite utilisation",
        least=UTILISATION_MIN,
        form="{:.2%}",
        values=_by_subject(((each.subject, each.utilisation) for each in polite), min),
    )
    yield Goal(
        name="violations of politeness, all crawls",
        most=0,
        form="{:.0f}",
        values=_by_subject(((each.subject, each.violations) for each in crawls), max),
    )


def _rates(crawls: Sequence[Crawled]) -> dict[str, float]:
    """Pages per CPU-second of each subject: the median of its crawls with its faster client."""
    clients: dict[tuple[str, str], list[float]] = {}
    for each in crawls:
        clients.setdefault((each.subject, each.fetcher), []).append(each.pages_per_cpu_s)
    return _by_subject(((name, median(rates)) for (name, _), rates in clients.items()), max)


def _by_subject(
    found: Iterable[tuple[str, float]], choose: Callable[[list[float]], float]
) -> dict[str, float]:
    """The value of a goal for each subject that has one."""
    values: dict[str, list[float]] = {}
    for name, value in found:
        values.setdefault(name, []).append(value)
    return {name: choose(values[name]) for name in SUBJECTS if name in values}
