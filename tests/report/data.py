"""Small results, as they come out of measurements."""

from functools import cache

from bench.crawl import Crawled, CrawlReport
from bench.decisions.grid import QUICK
from bench.decisions.race import REPLAY, Result, Run
from bench.decisions.results import Report
from bench.machine import Machine
from bench.peers.results import Loop, SavedResults
from bench.peers.run import Crawl
from bench.report.gather import the_code as measured
from bench.report.sections.size import Code

MACHINE = Machine(
    processor="a processor",
    processors=2,
    system="Linux",
    python="CPython 3.11",
    scrape="0.1.0",
    commit="abc",
    libraries={},
    load=0.0,
)


@cache
def the_code() -> Code:
    """The code as it is, measured once."""
    return measured()


def a_crawl(subject: str = "net", **given: object) -> Crawl:
    """A crawl in order, of 100 pages in 2 s, but for what is given."""
    usual: dict[str, object] = {
        "scenario": "speed",
        "subject": subject,
        "program": f"{subject} 1.0",
        "settings": {"at_once": 64},
        "ended": True,
        "reachable": 100,
        "requests": 110,
        "pages": 100,
        "received": 100,
        "wall_s": 2.0,
        "cpu_s": 1.0,
        "rss_bytes": 50 * 2**20,
        "utilisation": 0.5,
        "violations": {},
        "examples": {},
        "date": "2026-01-02",
        "machine": "a machine",
    }
    return Crawl(**{**usual, **given})  # type: ignore[arg-type]


def a_kept(*crawls: Crawl) -> SavedResults:
    """Results with these crawls and one of spider's loops."""
    loop = Loop(
        mode="gate",
        program="spider 2.52.4",
        decisions=1000,
        cpu_s=(0.001, 0.003, 0.002),
        date="2026-01-02",
        machine="a machine",
    )
    return SavedResults(crawls=crawls, loops=(loop,))


def a_report() -> Report:
    """One race, in which a decision costs the net 4 us and the scheduler by hand 2."""
    runs = {"net": [_run(4)], "baseline": [_run(2)], REPLAY: [_run(1)]}
    return Report(machine=MACHINE, races=[Result(point=QUICK[0], runs=runs)])


def a_crawl_report(*wall_s: float) -> CrawlReport:
    """A crawl of the net of 100 pages for each time, with a violation in each."""
    crawls = [
        Crawled(
            web="a web",
            subject="net",
            fetcher="aiohttp",
            pages=100,
            wall_s=each,
            cpu_s=1.0,
            peak_bytes=10 * 2**20,
            jitter_ns=(),
            utilisation=0.9,
            violations=1,
        )
        for each in wall_s
    ]
    return CrawlReport(machine=MACHINE, crawls=crawls)


def _run(cost_us: float) -> Run:
    return Run(
        decisions=100, firings=200, cpu_s=cost_us / 1e4, wall_s=1.0, pause_s=0.0, digest="same"
    )
