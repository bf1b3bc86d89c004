"""Limits on how much is fetched: pages of a domain, bytes in all, and bytes a second, in virtual time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from mocks.inprocess import Crawled, crawl
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.urls import host_of
from scraper_cpn.scrape.verify import verify_crawl
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from tests.guarantees.crawls import MS, stored

BODY = 2_000
WEB = WebSpec(
    hosts=4, pages=12, links=6, links_out=3, latency_ns=100 * MS, body_bytes=BODY, fail=0.3
)


def crawled(**options: Any) -> Crawled:
    """A crawl of that web, with several requests at a time."""
    web = SyntheticWeb(WEB)
    given = {"scope": "any", "per_domain": 3, "delay_ns": 10 * MS, "backoff_ns": MS, **options}
    return crawl(Settings(**given), web, web.seeds())


@pytest.mark.parametrize("most", [1, 5])
def test_pages_of_a_domain_are_exact(most: int) -> None:
    """Each domain has so many pages, whatever failed, and its other URLs are reported as skipped."""
    done = crawled(max_pages_per_domain=most, retries=5)
    pages = Counter(host_of(url) for url in stored(done.rows))
    assert set(pages.values()) == {most}
    assert (len(pages), done.run.ended) == (4, "finished")
    skipped = [row.colour for row in done.rows if getattr(row.colour, "kind", "") == "limit"]
    assert skipped
    assert len({row.target.url for row in skipped}) == len(skipped)


def test_a_domain_budget_that_nobody_reaches_changes_nothing() -> None:
    """The crawl finishes as it would without it."""
    done = crawled(max_pages_per_domain=12, retries=5)
    assert (len(stored(done.rows)), done.run.ended) == (48, "finished")


def test_bytes_of_a_domain_end_its_pages() -> None:
    """Each domain stops once it has sent so many bytes: its other URLs are reported as skipped, the crawl finishes."""
    done = crawled(max_bytes_per_domain=4 * BODY, retries=5, per_domain=1)
    pages = Counter(host_of(url) for url in stored(done.rows))
    assert (done.run.ended, len(pages)) == ("finished", 4)
    assert set(pages.values()) <= {3, 4}
    skipped = [row.colour for row in done.rows if getattr(row.colour, "kind", "") == "limit"]
    assert len({row.target.url for row in skipped}) == len(skipped) > 0


def test_bytes_end_a_crawl() -> None:
    """Nothing starts once so many bytes have come: what is over it was in flight then."""
    done = crawled(max_bytes=10 * BODY, concurrency=4, retries=5)
    assert done.run.ended == "spent"
    assert 10 <= len(stored(done.rows)) <= 10 + 3


def test_bytes_a_second() -> None:
    """At 4,000 bytes a second 48 pages of 2,000 bytes take 24 seconds, or a little less for the last ones."""
    done = crawled(rate_bytes=2 * BODY, retries=5)
    assert (len(stored(done.rows)), done.run.ended) == (48, "finished")
    starts = sorted(each.start_ns for each in done.log)
    assert 20 * SECOND <= starts[-1] - starts[0] <= 26 * SECOND


def test_their_claims_are_proved() -> None:
    """A crawl with all of these limits keeps its guarantees, and a page costs one of its domain's budget."""
    given = Settings(
        max_pages_per_domain=1,
        max_bytes=1,
        max_bytes_per_domain=1,
        rate_bytes=1,
        robots="ignore",
        retries=0,
    )
    report = verify_crawl(given)
    verdicts = {verdict.claim: verdict.status for verdict in report.verdicts}
    assert verdicts["G7 each page fetched costs one of its domain's budget"] == "proved"
    assert set(verdicts.values()) == {"proved"}, verdicts
