"""G7: budgets are exact, and what they leave undone is all there."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mocks.inprocess import Crawled
from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.virtual import EPOCH_NS
from scraper_cpn.simulate.web import ROBOTS_PATHS, SyntheticWeb, WebSpec
from tests.guarantees.crawls import MS, ended_urls, stored
from tests.guarantees.subjects import Subject

WEB = SyntheticWeb(
    WebSpec(
        hosts=3, pages=12, fail=0.4, redirect=0.4, latency_ns=20 * MS, latency_spread_ns=40 * MS
    )
)
QUICK = Settings(delay_ns=0, per_domain=4, scope="any", backoff_ns=MS, timeout_ns=2 * SECOND)


def pages(done: Crawled) -> list[str]:
    return [r.url for r in done.log if r.fetched and not r.url.endswith(ROBOTS_PATHS)]


@pytest.mark.parametrize("most", [1, 2, 7, 35])
def test_exactly_so_many_pages_are_fetched(subject: Subject, most: int) -> None:
    """Not one page more or less than --max-pages, although failures and redirects give theirs back."""
    done, _ = subject.watch(replace(QUICK, max_pages=most), WEB)
    assert done.run.ended == "spent"
    assert len(pages(done)) == len(stored(done.rows)) == most
    assert any(r.status >= 300 for r in done.log if r.url.startswith("http://h")) or most < 7


def test_a_budget_that_is_just_enough_ends_nothing(subject: Subject) -> None:
    """With as many pages allowed as there are, the crawl is finished, not spent."""
    web = SyntheticWeb(WebSpec(hosts=3, pages=12, fail=0.4, latency_ns=20 * MS))
    done, _ = subject.watch(replace(QUICK, max_pages=len(web.pages())), web)
    assert done.run.ended == "finished"
    assert sorted(pages(done)) == sorted(web.pages())


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_links_are_followed_to_a_depth(subject: Subject, depth: int) -> None:
    """Pages at most so many links from a seed are fetched, all of them, and none deeper."""
    web = SyntheticWeb(WebSpec(pages=60, links=3, latency_ns=MS))
    one_by_one = Settings(delay_ns=0, concurrency=1, scope="any", max_depth=depth)
    done, _ = subject.watch(one_by_one, web)
    assert sorted(pages(done)) == sorted(url for url, far in web.reach().items() if far <= depth)


def test_nothing_starts_after_the_time_is_over(subject: Subject) -> None:
    """A host with a delay of 1 s gets the requests of 10 s, and what is left stays known."""
    web = SyntheticWeb(WebSpec(pages=60, latency_ns=20 * MS))
    done, kernel = subject.watch(Settings(max_time_ns=10 * SECOND), web)
    starts = [request.start_ns - EPOCH_NS for request in done.log]
    assert done.run.ended == "spent"
    assert 9 * SECOND < max(starts) < 10 * SECOND
    assert len(starts) == 10
    waiting = sum(kernel.count(place) for place in ("asks", "prioritized_targets", "cool_down"))
    assert waiting == kernel.count("seen") - len(ended_urls(done.rows)) > 0


def test_quotas_end_a_crawl_with_their_last_request(subject: Subject) -> None:
    """A pool carries what its quotas say in all, robots.txt included; then all are retired (G1, G3)."""
    pool = tuple(Proxy(name, f"http://{name}", quota=left) for name, left in (("a", 1), ("b", 4)))
    done, _ = subject.watch(replace(QUICK, proxies=pool), WEB)
    assert done.run.ended == "spent"
    assert sorted(request.proxy for request in done.log) == ["a", "b", "b", "b", "b"]
    retired = [row.colour for row in done.rows if row.sink == "retired_proxies"]
    assert [(proxy.proxy, proxy.quota) for proxy in retired] == [("a", 0), ("b", 0)]


def test_a_lease_is_kept_to_the_last_byte(subject: Subject) -> None:
    """Nothing runs before a lease or after it, even where an answer takes the whole timeout (G3)."""
    web = SyntheticWeb(
        WebSpec(hosts=9, pages=9, fail=1.0, fail_kinds=("stalled",), latency_ns=30 * MS)
    )
    first, last = EPOCH_NS + 5 * SECOND, EPOCH_NS + 20 * SECOND
    proxy = Proxy("p", "http://p", not_before_ns=first, not_after_ns=last)
    done, _ = subject.watch(replace(QUICK, proxies=(proxy,)), web)
    assert min(request.start_ns for request in done.log) == first
    assert last - 2 * SECOND < max(request.end_ns for request in done.log) <= last
    assert done.run.ended == "spent"
