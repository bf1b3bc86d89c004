"""Goals stand beside the measured values, and missed goals are marked."""

from __future__ import annotations

import msgspec
import pytest

from bench import performance_page
from bench.crawl import Crawled, CrawlReport
from bench.decisions.live import POINT, Live, LiveRun
from bench.decisions.race import Result, Run
from bench.decisions.results import Report
from bench.decisions.subjects import NET_NATIVE
from bench.decisions.workload import Point
from bench.goals import HEAP, Goal, goals
from bench.machine import machine
from bench.web import FAST, LARGE, POLITE


def result(targets: int, **cpu_us: float) -> Result:
    """A point at which each subject had a run, with a longest pause of so many ms as it has us."""
    runs = {
        name.replace("_", " "): [
            Run(decisions=1, firings=1, cpu_s=us / 1e6, wall_s=1.0, pause_s=us / 1e3, digest="a")
        ]
        for name, us in cpu_us.items()
    }
    return Result(point=Point(targets, 1_000, 100), runs=runs)


def crawled(web: str, subject: str, fetcher: str, rate: float, **more: object) -> Crawled:
    found = Crawled(
        web=web,
        subject=subject,
        fetcher=fetcher,
        pages=100,
        wall_s=1.0,
        cpu_s=100 / rate,
        peak_bytes=10**8,
        jitter_ns=(),
        utilisation=0.5,
        violations=0,
    )
    return msgspec.structs.replace(found, **more)


def calling(subject: str, cpu_us: float) -> Live:
    runs = [LiveRun(decisions=1, cpu_s=cpu_us / 1e6, wall_s=1.0)]
    return Live(subject=subject, point=POINT, runs=runs)


MEASURED = Report(
    machine=machine(),
    races=[
        result(1_000, net=10, net_native=5, baseline=12, baseline_heap=13),
        result(1_000_000, net=20, net_native=6, baseline=18, baseline_heap=24),
    ],
    live=[calling("net", 20), calling(NET_NATIVE, 4), calling("no scheduler", 3)],
)
CRAWLS = CrawlReport(
    machine=machine(),
    crawls=[
        crawled(FAST.name, "net", "aiohttp", 4_000),
        crawled(FAST.name, "net", "httpx", 6_500),
        crawled(FAST.name, "baseline", "aiohttp", 9_000, violations=7),
        crawled(LARGE.name, "net", "aiohttp", 4_999, violations=1),
        crawled(POLITE.name, "net", "aiohttp", 90, utilisation=0.981, jitter_ns=(10**6,) * 99),
        crawled(POLITE.name, "net", "httpx", 90, jitter_ns=(10**8,) * 99),
    ],
)


def by_name(report: Report, crawls: CrawlReport) -> dict[str, Goal]:
    return {goal.name: goal for goal in goals(report, crawls)}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        (
            "rate in rates of the scheduler by hand, in Python, median",
            {"net": 1.05, NET_NATIVE: 2.7},
        ),
        ("rate in rates of the scheduler by hand, in Python, least", {"net": 0.9, NET_NATIVE: 2.4}),
        ("the same beside its heaps, 10^6 targets", {"net": 1.2, NET_NATIVE: 4}),
        ("cost of a decision, 10^6 targets beside 10^3", {"net": 2, NET_NATIVE: 1.2}),
        ("longest pause of the collector, 10^6 targets", {"net": 20, NET_NATIVE: 6}),
        ("decisions a second through asyncio", {"net": 50_000, NET_NATIVE: 250_000}),
        (f"{FAST.name}: pages per CPU-second, the better client", {"net": 6_500}),
        (f"{LARGE.name}: pages per CPU-second, the better client", {"net": 4_999}),
        (f"{LARGE.name}: memory", {"net": 100}),
        (f"{POLITE.name}, aiohttp: start jitter, p99", {"net": 1}),
        (f"{POLITE.name}, aiohttp: polite utilisation", {"net": 0.981}),
        ("violations of politeness, all crawls", {"net": 1}),
    ],
)
def test_a_goal_is_about_what_was_measured(name: str, values: dict[str, float]) -> None:
    """Each is of the right points, subjects and clients: of the net's, whatever others have reached."""
    assert by_name(MEASURED, CRAWLS)[name].values == pytest.approx(values)


def test_there_is_no_other_goal() -> None:
    """The cases above are all."""
    assert len(goals(MEASURED, CRAWLS)) == 12


def test_what_is_missed_is_reported() -> None:
    """A goal is met at its bound and beyond; where nothing was measured, nothing is said."""
    lines = list(performance_page._goals(goals(MEASURED, CRAWLS)))
    for line in (
        "| rate in rates of the scheduler by hand, in Python, median | at least 1.15 | 1.05, missed | 2.70 |",
        "| cost of a decision, 10^6 targets beside 10^3 | at most 1.25 | 2.00, missed | 1.20 |",
        "| longest pause of the collector, 10^6 targets | at most 20 ms | 20 ms | 6 ms |",
        f"| {POLITE.name}, aiohttp: polite utilisation | at least 98.00% | 98.10% |  |",
        "| violations of politeness, all crawls | at most 0 | 1, missed |  |",
    ):
        assert line in lines


def test_of_several_crawls_none_is_chosen() -> None:
    """A rate is the median of a client's crawls; of pace and memory the worst counts."""
    crawls = [
        crawled(
            web,
            "net",
            "aiohttp",
            rate,
            utilisation=rate / 10_000,
            peak_bytes=int(rate) * 10**5,
            jitter_ns=(1,),
        )
        for web in (LARGE.name, POLITE.name)
        for rate in (3_000, 1_000, 2_000)
    ]
    found = by_name(Report(machine=machine()), CrawlReport(machine=machine(), crawls=crawls))
    assert found[f"{LARGE.name}: pages per CPU-second, the better client"].values["net"] == 2_000
    assert found[f"{LARGE.name}: memory"].values["net"] == 300
    assert found[f"{POLITE.name}, aiohttp: polite utilisation"].values["net"] == 0.1


def test_of_what_was_not_measured_there_is_no_goal() -> None:
    """A part of a measurement has the goals of that part; where dispatches differ, there is no ratio."""
    few = by_name(
        Report(machine=machine()), CrawlReport(machine=machine(), crawls=CRAWLS.crawls[:1])
    )
    assert list(few) == [
        f"{FAST.name}: pages per CPU-second, the better client",
        "violations of politeness, all crawls",
    ]
    only = result(1_000_000, net=20, baseline=18)
    other = msgspec.structs.replace(only.runs["baseline"][0], digest="b")
    unequal = msgspec.structs.replace(only, runs={**only.runs, "baseline": [other]})
    assert list(
        by_name(Report(machine=machine(), races=[unequal]), CrawlReport(machine=machine()))
    ) == ["longest pause of the collector, 10^6 targets"]
    assert HEAP not in only.runs
