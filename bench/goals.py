"""What was to be reached, beside what was measured.

Owns: the goals, and which measured value each of them is about.
Must not know: how anything was measured, how it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import inf
from statistics import median

from msgspec import Struct

from bench.crawl import Crawled, CrawlReport, percentile
from bench.decisions.grid import LARGE as MANY
from bench.decisions.plots import growing
from bench.decisions.race import Result
from bench.decisions.results import Report, cost_us, ratio
from bench.decisions.subjects import NET_NATIVE
from bench.web import FAST, LARGE, MILLISECOND, POLITE

HEAP = "baseline heap"
SUBJECTS = ("net", NET_NATIVE)
FEW = 1_000
PACED = "aiohttp"
"""The client that tells when a request is written; what it is late is told from that."""


class Goal(Struct, frozen=True, kw_only=True):
    """A goal.

    Attributes:
        name: what is measured.
        least: what it should be at least.
        most: what it should be at most.
        form: how a value is written.
        values: by subject, where it was measured.
    """

    name: str
    least: float = -inf
    most: float = inf
    form: str
    values: dict[str, float]

    @property
    def wanted(self) -> str:
        """The bound, for people."""
        if self.most < inf:
            return f"at most {self.form.format(self.most)}"
        return f"at least {self.form.format(self.least)}"

    def met_by(self, subject: str) -> bool:
        """Whether a subject that was measured has reached it."""
        return self.least <= self.values[subject] <= self.most


def goals(report: Report, crawls: CrawlReport) -> list[Goal]:
    """All goals of which something was measured."""
    races = [found for found in report.races if "interpreter" not in found.runs]
    found = [*_of_decisions(races), *_through_asyncio(report), *_of_crawls(crawls.crawls)]
    return [goal for goal in found if goal.values]


def _of_decisions(races: Sequence[Result]) -> Iterator[Goal]:
    grid = "rate in rates of the scheduler by hand, in Python"
    rates = {name: [r for each in races if (r := ratio(each, name))] for name in SUBJECTS}
    some = {name: found for name, found in rates.items() if found}
    middle = {name: median(found) for name, found in some.items()}
    lowest = {name: min(found) for name, found in some.items()}
    yield Goal(name=f"{grid}, median", least=1.15, form="{:.2f}", values=middle)
    yield Goal(name=f"{grid}, least", least=0.95, form="{:.2f}", values=lowest)
    line = growing(races)
    ends = [each for each in line if each.same and each.point.targets in {FEW, MANY}]
    many = [each for each in ends if each.point.targets == MANY and HEAP in each.runs]
    yield Goal(
        name="the same beside its heaps, 10^6 targets",
        least=1.5,
        form="{:.2f}",
        values=_by_subject(many, lambda each, name: _cost(each, HEAP) / _cost(each, name)),
    )
    yield Goal(
        name="cost of a decision, 10^6 targets beside 10^3",
        most=1.25,
        form="{:.2f}",
        values=_by_subject(ends[1:], lambda each, name: _cost(each, name) / _cost(ends[0], name)),
    )
    pauses = [_by_subject([each], _pause_ms) for each in races if each.point.targets == MANY]
    yield Goal(
        name="longest pause of the collector, 10^6 targets",
        most=20,
        form="{:.0f} ms",
        values={
            name: max(each[name] for each in pauses if name in each)
            for name in SUBJECTS
            if any(name in each for each in pauses)
        },
    )


def _by_subject(found: Sequence[Result], value: Callable[[Result, str], float]) -> dict[str, float]:
    return {name: value(each, name) for each in found for name in SUBJECTS if name in each.runs}


def _pause_ms(found: Result, name: str) -> float:
    return max(run.pause_s for run in found.runs[name]) * 1e3


def _cost(found: Result, name: str) -> float:
    return cost_us(found, name).median


def _through_asyncio(report: Report) -> Iterator[Goal]:
    calling = [each for each in report.live if each.shape == "callback"]
    yield Goal(
        name="decisions a second through asyncio, a fetch that calls back",
        least=200_000,
        form="{:,.0f}",
        values={
            each.subject: 1e6 / median(run.cpu_us for run in each.runs)
            for each in calling
            if each.subject in SUBJECTS
        },
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
        values=_worst(large, max, lambda each: each.peak_bytes / 10**6),
    )
    yield Goal(
        name=f"{POLITE.name}, {PACED}: start jitter, p99",
        most=5,
        form="{:.1f} ms",
        values=_worst(polite, max, lambda each: percentile(each.jitter_ns, 0.99) / MILLISECOND),
    )
    yield Goal(
        name=f"{POLITE.name}, {PACED}: polite utilisation",
        least=0.98,
        form="{:.2%}",
        values=_worst(polite, min, lambda each: each.utilisation),
    )
    yield Goal(
        name="violations of politeness, all crawls",
        most=0,
        form="{:.0f}",
        values=_worst(crawls, max, lambda each: each.violations),
    )


def _rates(crawls: Sequence[Crawled]) -> dict[str, float]:
    """Pages per CPU-second of each subject: the median of its crawls with the client that has more."""
    kinds = dict.fromkeys((each.subject, each.fetcher) for each in crawls)
    rates = {
        kind: median(c.pages / c.cpu_s for c in crawls if (c.subject, c.fetcher) == kind)
        for kind in kinds
    }
    return {
        name: max(rate for (subject, _), rate in rates.items() if subject == name)
        for name in SUBJECTS
        if any(subject == name for subject, _ in kinds)
    }


def _worst(
    crawls: Sequence[Crawled],
    worse: Callable[[Iterator[float]], float],
    value: Callable[[Crawled], float],
) -> dict[str, float]:
    """The worst value of each subject."""
    return {
        name: worse(value(each) for each in crawls if each.subject == name)
        for name in SUBJECTS
        if any(each.subject == name for each in crawls)
    }
