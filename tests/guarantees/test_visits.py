"""Pages that are visited again: when, how often, and what is kept of those that have not changed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from msgspec.structs import replace

from mocks.inprocess import Crawled, crawl
from scraper_cpn.scrape.colours import Failure, Proxy
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.virtual import EPOCH_NS, virtual_crawl
from scraper_cpn.simulate.webspec import WebAnswer
from tests.guarantees.crawls import stored
from tests.guarantees.handmade import Handmade, moved, page

HOME = "http://h.example/"
HOUR = 3600 * SECOND


class Changing:
    """A site with a page that changes at each visit, one that never does, and one that says so by its ETag."""

    def __init__(self) -> None:
        self.asked: dict[str, int] = {}

    def __call__(self, url: str) -> WebAnswer | None:
        number = self.asked[url] = self.asked.get(url, 0) + 1
        if url == HOME:
            return page("/same", "/tagged", "/gone", f"/new{number}")
        if url.endswith("/tagged"):
            tag = (("ETag", '"1"'), ("Content-Type", "text/html"))
            return WebAnswer(status=200, headers=tag, body=b"%d" % number)
        if url.endswith("/gone") and number > 1:
            return None
        return None if url.endswith("robots.txt") else page()


def crawled(**options: object) -> Crawled:
    given = {"delay_ns": SECOND, "revisit_ns": HOUR} | options
    return crawl(Settings(**given), Handmade(Changing()), [HOME], by=virtual_crawl)  # type: ignore[arg-type]


def unchanged(done: Crawled) -> list[tuple[str, bool]]:
    rows = [row.colour for row in done.rows if isinstance(row.colour, Failure)]
    return [(row.target.url, row.final) for row in rows if row.kind == "unchanged"]


def test_each_page_is_visited_so_often() -> None:
    """What has changed is kept again, what has not is reported; new links are found; a page that is gone ends."""
    done = crawled(visits=3)
    assert done.run.ended == "finished"
    asked = [request.url.removeprefix(HOME) for request in done.log]
    assert [asked.count(path) for path in ("", "same", "tagged", "gone")] == [3, 3, 3, 2]
    assert [asked.count(f"new{number}") for number in (1, 2, 3)] == [3, 3, 3]
    kept = [url.removeprefix(HOME) for url in stored(done.rows)]
    assert [kept.count(path) for path in ("", "same", "tagged", "gone", "new1")] == [3, 1, 1, 1, 1]
    message = unchanged(done)
    assert message.count((f"{HOME}same", False)) == message.count((f"{HOME}same", True)) == 1
    assert message.count((f"{HOME}tagged", False)) == message.count((f"{HOME}tagged", True)) == 1


def test_a_visit_comes_after_its_time_and_keeps_the_delay() -> None:
    """An hour after the page was stored, and a second after the last request to its domain."""
    done = crawled(visits=2)
    starts: dict[str, list[int]] = {}
    for request in done.log:
        starts.setdefault(request.url, []).append(request.start_ns)
    both = [times for times in starts.values() if len(times) == 2]
    assert both
    assert all(times[1] - times[0] >= HOUR for times in both)
    every = sorted(request.start_ns for request in done.log)
    assert min(b - a for a, b in pairwise(every)) >= SECOND


def test_without_a_number_the_time_ends_it() -> None:
    """Half a day has twelve visits after the first."""
    done = crawled(max_time_ns=12 * HOUR + HOUR // 2)
    assert done.run.ended == "spent"
    assert stored(done.rows).count(HOME) == 13
    assert done.run.now_ns <= EPOCH_NS + 13 * HOUR


def test_a_site_that_is_down_for_a_while_is_visited_again() -> None:
    """At the next time; what was kept before is still what it is compared with."""
    down = Changing()

    def written(url: str) -> WebAnswer | None:
        if url == f"{HOME}tagged" and down.asked.get(url, 0) in (1, 2):
            down.asked[url] += 1
            return WebAnswer(status=500)
        return down(url)

    settings = Settings(delay_ns=SECOND, revisit_ns=HOUR, visits=4, retries=1, backoff_ns=SECOND)
    done = crawl(settings, Handmade(written), [HOME], by=virtual_crawl)
    assert done.run.ended == "finished"
    assert stored(done.rows).count(f"{HOME}tagged") == 1
    assert [end for url, end in unchanged(done) if url == f"{HOME}tagged"] == [False, True]
    failed = [row.colour for row in done.rows if isinstance(row.colour, Failure)]
    assert not any(row.final for row in failed if row.status == 500)


@pytest.mark.parametrize(("status", "visits"), [(302, 4), (301, 2)])
def test_a_page_that_redirects_for_a_while_is_visited_again(status: int, visits: int) -> None:
    """A site sends every URL to a notice; then the page is there again. A redirect for good is the end."""
    site = Changing()

    def written(url: str) -> WebAnswer | None:
        answer = site(url)
        if url == f"{HOME}same" and site.asked[url] == 2:
            return replace(moved("/notice"), status=status)
        return answer

    settings = Settings(delay_ns=SECOND, revisit_ns=HOUR, visits=4)
    done = crawl(settings, Handmade(written), [HOME], by=virtual_crawl)
    assert done.run.ended == "finished"
    assert [request.url for request in done.log].count(f"{HOME}same") == visits
    rows = [row.colour for row in done.rows if isinstance(row.colour, Failure)]
    assert [row.final for row in rows if row.kind == "redirected"] == [status == 301]


def test_visits_through_proxies_of_the_domain() -> None:
    """An answer that a page has not changed gives its proxy back, too."""
    proxies = tuple(Proxy(f"http://p{n}.example:1", f"http://p{n}.example:1") for n in (1, 2))
    done = crawled(visits=4, proxies=proxies, ban_status=(403,))
    assert done.run.ended == "finished"
    assert [request.url for request in done.log].count(f"{HOME}tagged") == 4


def test_pages_are_visited_once_by_default() -> None:
    """Then nothing is compared, and nothing is remembered."""
    done = crawled(revisit_ns=None)
    assert (done.run.ended, stored(done.rows).count(HOME)) == ("finished", 1)
