"""A crawl that is divided into partitions keeps the guarantees of the whole: the referee sees one crawler."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mocks.inprocess import Crawled, crawl, expected
from mocks.referee import judge
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.virtual import virtual_partitions
from scraper_cpn.simulate.partitions import Hazards
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from scraper_cpn.simulate.webspec import WebAnswer
from tests.effort import effort
from tests.guarantees.crawls import MS, Case, cases, ended_urls, failures, stored

SLOW_DATA = [HealthCheck.too_slow, HealthCheck.data_too_large]
DELAYS = st.integers(0, 2_000).map(lambda ms: ms * MS)


def divided(
    settings: Settings, web: SyntheticWeb, seeds: tuple[str, ...], partitions: int, hazards: Hazards
) -> Crawled:
    by: Any = partial(virtual_partitions, partitions=partitions, hazards=hazards)
    return crawl(settings, web, seeds, by=by)


@settings(max_examples=effort(4, 600), suppress_health_check=SLOW_DATA)
@given(cases(), st.integers(2, 5), DELAYS, st.integers(0, 99))
def test_partitions_store_every_page_once_and_break_no_rule(
    case: Case, partitions: int, delay_ns: int, seed: int
) -> None:
    """G2-G5, G8: whatever the web, the settings and the channels' delays; nothing is lost, doubled or impolite."""
    done = divided(
        unlimited(case.settings),
        SyntheticWeb(case.spec),
        case.seeds,
        partitions,
        Hazards(seed=seed, delay_ns=delay_ns),
    )
    assert done.run.ended == "finished"
    assert sorted(stored(done.rows)) == sorted(case.reachable)
    verdict = judge(done.log, expected(unlimited(case.settings), tuple(case.reachable)))
    assert not verdict.violations, verdict.violations[:3]


def test_bytes_are_counted_over_all_partitions() -> None:
    """`--max-bytes` ends the crawl where it ends in one partition, but for the pages in flight; without it all are stored."""
    web = SyntheticWeb(WebSpec(hosts=6, pages=20, links=6, links_out=2, body_bytes=2_000))
    for most in (100, 60_000, 10_000_000):
        limits = Settings(max_bytes=most, scope="any", delay_ns=SECOND, robots="ignore")
        whole = crawl(limits, web, web.seeds())
        parts = divided(limits, web, web.seeds(), 4, Hazards(seed=1, delay_ns=20 * MS))
        assert parts.run.ended == whole.run.ended
        assert abs(len(stored(parts.rows)) - len(stored(whole.rows))) <= 6


def unlimited(given: Settings) -> Settings:
    """The settings with so many requests at a time that the limit of each partition is not judged."""
    return replace(given, concurrency=64)


@settings(max_examples=effort(3, 400), suppress_health_check=SLOW_DATA)
@given(cases(), st.integers(2, 4), st.integers(0, 99), st.integers(1, 9))
def test_partitions_that_crash_lose_and_double_nothing(
    case: Case, partitions: int, seed: int, crashes: int
) -> None:
    """G2-G5, G8, G9: every page is stored once; what a crash costs is an attempt, and an answer with its hold."""
    asked = replace(unlimited(case.settings), retries=20)
    case = Case(asked, replace(case.spec, crawl_delay_ns=0), case.seeds)
    hazards = Hazards(seed=seed, delay_ns=SECOND, crashes=crashes, between=9, away_ns=2 * SECOND)
    done = divided(asked, SyntheticWeb(case.spec), case.seeds, partitions, hazards)
    assert done.run.ended == "finished"
    assert sorted(stored(done.rows)) == sorted(case.reachable)
    assert set(Counter(ended_urls(done.rows)).values()) == {1}
    rules = replace(expected(asked), hold="none")
    found = [v for v in judge(done.log, rules).violations if v.kind != "fetched again"]
    assert not found, found[:3]


class Elsewhere(SyntheticWeb):
    """A web in which the robots.txt of each host is on the next one, whose Crawl-delay is long."""

    def respond(self, host: str, path: str, *visits: Any) -> WebAnswer:
        at = self.hosts.index(host)
        if path == "/robots.txt":
            there = f"http://{self.hosts[(at + 1) % len(self.hosts)]}/rules/robots.txt"
            return WebAnswer(status=302, headers=(("Location", there),))
        if path == "/rules/robots.txt":
            text = b"User-agent: *\nCrawl-delay: 7\nDisallow: /p1\n"
            return WebAnswer(status=200, headers=(("Content-Type", "text/plain"),), body=text)
        return super().respond(host, path, *visits)


@pytest.mark.parametrize("partitions", [2, 4])
@pytest.mark.parametrize("crashes", [0, 6])
def test_a_robots_txt_may_be_on_another_partition(partitions: int, crashes: int) -> None:
    """G8: the redirect leads there, the rules lead back, forbid the same, and their Crawl-delay is kept by their host."""
    web = Elsewhere(WebSpec(hosts=5, pages=3, links_out=2, seed=2))
    asked = Settings(scope="any", delay_ns=SECOND // 10, retries=5)
    whole = crawl(asked, web)
    hazards = Hazards(seed=7, delay_ns=SECOND, crashes=crashes, between=6)
    done = divided(asked, web, web.seeds(), partitions, hazards)
    assert done.run.ended == "finished"
    assert sorted(stored(done.rows)) == sorted(stored(whole.rows))
    assert sorted(row.target.url for row in failures(done.rows) if row.kind == "robots") == sorted(
        row.target.url for row in failures(whole.rows) if row.kind == "robots"
    )
    for host in web.hosts:
        starts = [r.start_ns for r in done.log if r.url.startswith(f"http://{host}/")]
        pages = [
            r.start_ns for r in done.log
            if r.url.startswith(f"http://{host}/") and not r.url.endswith("robots.txt")
        ]  # fmt: skip
        assert all(later - before >= 7 * SECOND for before, later in pairwise(sorted(pages)))
        assert all(later - before >= SECOND // 10 for before, later in pairwise(sorted(starts)))


@pytest.mark.parametrize("most", [1, 9, 30])
@pytest.mark.parametrize("crashes", [0, 8])
def test_the_budget_of_pages_is_one_of_all_partitions(most: int, crashes: int) -> None:
    """G7: exactly so many pages are stored, whichever partition finds them; a page that a crash has lost is paid for."""
    web = SyntheticWeb(WebSpec(hosts=6, pages=8, links=4, links_out=2, seed=5))
    asked = Settings(scope="any", delay_ns=SECOND // 10, max_pages=most, retries=9)
    hazards = Hazards(seed=most, delay_ns=SECOND, crashes=crashes, between=9)
    done = divided(asked, web, web.seeds(), 4, hazards)
    assert done.run.ended == "spent"
    assert len(set(stored(done.rows))) == len(stored(done.rows))
    assert len(stored(done.rows)) == most if not crashes else len(stored(done.rows)) <= most


def test_depths_and_sitemaps_cross_too() -> None:
    """G7: with --max-depth and --sitemaps the pages are those of one partition."""
    web = SyntheticWeb(WebSpec(hosts=5, pages=9, links=3, links_out=2, seed=4))
    asked = Settings(
        scope="any", delay_ns=SECOND // 10, max_depth=2, sitemaps=("auto",), per_host=1
    )
    whole = crawl(asked, web, web.seeds()[:1])
    done = divided(asked, web, web.seeds()[:1], 4, Hazards(seed=1, delay_ns=3 * SECOND))
    assert sorted(stored(done.rows)) == sorted(stored(whole.rows))
    assert done.run.ended == whole.run.ended == "finished"
