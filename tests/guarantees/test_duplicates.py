"""Pages with the same content are kept once, and the others name the first one."""

from __future__ import annotations

from collections import Counter

import pytest

from mocks.inprocess import Crawled, crawl
from scraper_cpn.scrape.colours import Deferred, Failure, Raw
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.virtual import VirtualWeb, virtual_crawl
from scraper_cpn.simulate.driver import VirtualEffect
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
    """The second one is reported, and nothing of it is kept."""
    done = crawled(dedupe="content")
    rows = [row.colour for row in done.rows if isinstance(row.colour, Failure)]
    message = {row.target.url: row.reason for row in rows if row.kind == "duplicate"}
    assert message == {f"{HOME}b": f"its content is that of {HOME}a"}
    assert f"{HOME}b" not in stored(done.rows)
    assert {HOME, f"{HOME}a", f"{HOME}c"} <= set(stored(done.rows))
    assert done.run.ended == "finished"


def test_a_page_is_no_duplicate_of_itself() -> None:
    """Visits of one page are compared with the page itself; its twin is reported once."""
    done = crawled(dedupe="content", revisit_ns=60 * SECOND, visits=2)
    rows = [row.colour for row in done.rows if isinstance(row.colour, Failure)]
    kinds = [(row.kind, row.target.url) for row in rows]
    assert ("unchanged", f"{HOME}a") in kinds
    assert kinds.count(("duplicate", f"{HOME}b")) == 1
    assert done.run.ended == "finished"


def test_by_default_nothing_is_compared() -> None:
    """Both are kept."""
    assert {f"{HOME}a", f"{HOME}b"} <= set(stored(crawled().rows))


@pytest.mark.parametrize("parsing_ns", [0, 3 * SECOND])
def test_a_page_that_is_requested_again_has_no_twin(parsing_ns: int) -> None:
    """A site may answer with one refusal for each URL; a page that comes while it is parsed waits for what it is."""
    busy = page("/busy")
    asked = Counter[str]()

    def refusing(url: str) -> WebAnswer | None:
        asked[url] += 1
        return page("/a", "/b", "/c") if url == HOME else busy if asked[url] == 1 else page(url)

    def effects(web: VirtualWeb) -> dict[str, VirtualEffect]:
        def parse(raw: Raw, now_ns: int) -> tuple[int, object]:
            if raw.response.body == busy.body:
                return parsing_ns, Deferred("busy")
            return web.parse(raw, now_ns)

        return {**web.effects(), "parse": parse}

    settings = Settings(delay_ns=SECOND, robots="ignore", dedupe="content")
    done = crawl(settings, Handmade(refusing), [HOME], by=virtual_crawl, effects=effects)
    assert set(stored(done.rows)) == {HOME, f"{HOME}a", f"{HOME}b", f"{HOME}c"}
    assert done.run.ended == "finished"
