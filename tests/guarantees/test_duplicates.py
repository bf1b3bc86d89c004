"""Pages with the same content are kept once, and the others name the first one."""

from __future__ import annotations

from mocks.inprocess import Crawled, crawl
from scraper_cpn.scrape.colours import Failure
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.virtual import virtual_crawl
from scraper_cpn.simulate.webspec import WebAnswer
from tests.guarantees.crawls import stored
from tests.guarantees.handmade import Handmade, page

HOME = "http://h.example/"


def written(url: str) -> WebAnswer | None:
    """The home page has two pages with one content, which link to a third one."""
    if url == HOME:
        return page("/a", "/b", "/c")
    return page("deeper/") if url in (f"{HOME}a", f"{HOME}b") else page(url)


def crawled(**options: object) -> Crawled:
    settings = Settings(delay_ns=SECOND, robots="ignore", **options)  # type: ignore[arg-type]
    return crawl(settings, Handmade(written), [HOME], by=virtual_crawl)


def test_the_first_one_counts() -> None:
    """The second one is told, and nothing of it is kept."""
    done = crawled(dedupe="content")
    rows = [row.colour for row in done.rows if isinstance(row.colour, Failure)]
    message = {row.target.url: row.reason for row in rows if row.kind == "duplicate"}
    assert message == {f"{HOME}b": f"its content is that of {HOME}a"}
    assert f"{HOME}b" not in stored(done.rows)
    assert {HOME, f"{HOME}a", f"{HOME}c"} <= set(stored(done.rows))
    assert done.run.ended == "finished"


def test_a_page_is_no_duplicate_of_itself() -> None:
    """Visits of one page are compared with the page itself; its twin is told once."""
    done = crawled(dedupe="content", revisit_ns=60 * SECOND, visits=2)
    rows = [row.colour for row in done.rows if isinstance(row.colour, Failure)]
    kinds = [(row.kind, row.target.url) for row in rows]
    assert ("unchanged", f"{HOME}a") in kinds
    assert kinds.count(("duplicate", f"{HOME}b")) == 1
    assert done.run.ended == "finished"


def test_by_default_nothing_is_compared() -> None:
    """Both are kept."""
    assert {f"{HOME}a", f"{HOME}b"} <= set(stored(crawled().rows))
