"""Crawls of sites with endlessly many URLs come to an end, and say what they left out."""

from __future__ import annotations

import pytest

from mocks.inprocess import Crawled, crawl
from scraper_cpn.scrape.colours import Failure
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.virtual import virtual_crawl
from scraper_cpn.simulate.webspec import WebAnswer
from tests.guarantees.crawls import stored
from tests.guarantees.handmade import Handmade, moved, page

HOME = "http://h.example/"


def crawled(web: Handmade, seed: str = HOME, **options: object) -> Crawled:
    given = {"max_pages": 60, "delay_ns": 0} | options
    return crawl(Settings(**given), web, [seed], by=virtual_crawl)  # type: ignore[arg-type]


def traps(done: Crawled) -> dict[str, str]:
    rows = [row.colour for row in done.rows if isinstance(row.colour, Failure)]
    found = [row for row in rows if row.kind == "trap"]
    assert len({row.target.url for row in found}) == len(found)
    return {row.target.url: row.reason for row in found}


def endless(url: str) -> WebAnswer | None:
    """A page with a link that lacks its scheme, and a good one."""
    return None if url.endswith("/robots.txt") else page("www.google.com/policies/", "/about")


@pytest.mark.parametrize("depth", [None, 50])
def test_a_link_without_its_scheme_leads_nowhere(depth: int | None) -> None:
    """The path that repeats itself is cut at its third repetition, and is logged once."""
    done = crawled(Handmade(endless), max_depth=depth)
    assert done.run.ended == "finished"
    assert sorted(stored(done.rows)) == sorted(
        [
            HOME,
            f"{HOME}about",
            f"{HOME}www.google.com/policies/",
            f"{HOME}www.google.com/policies/www.google.com/policies/",
        ]
    )
    why = {f"{HOME}{'www.google.com/policies/' * 3}": "its path has www.google.com 3 times"}
    assert traps(done) == why


def test_without_rules_nothing_is_a_trap() -> None:
    """The crawl goes on until another limit ends it."""
    done = crawled(Handmade(endless), trap_rules=())
    assert (done.run.ended, len(stored(done.rows)), traps(done)) == ("spent", 60, {})


def test_a_seed_is_never_refused() -> None:
    """Neither is what it redirects to: the user has named it."""
    seed = f"{HOME}a/a/a/a/"

    def written(url: str) -> WebAnswer | None:
        return {seed: moved("/b/b/b/"), f"{HOME}b/b/b/": page("/c")}.get(url)

    assert f"{HOME}b/b/b/" in stored(crawled(Handmade(written), seed).rows)


def test_a_redirect_passes_the_rules_too() -> None:
    """It is in the log, with the reason."""

    def written(url: str) -> WebAnswer | None:
        return {HOME: page("/to"), f"{HOME}to": moved("/x/x/x/")}.get(url)

    done = crawled(Handmade(written))
    assert traps(done) == {f"{HOME}to": f"redirects to {HOME}x/x/x/: its path has x 3 times"}
    assert stored(done.rows) == [HOME]


def test_a_calendar_ends() -> None:
    """Two years ahead and forty back, from the day of the crawl; events far away are fetched."""

    def written(url: str) -> WebAnswer | None:
        if url == HOME:
            return page("/cal?month=2023-11", "/party/2099-12-31")
        _, mark, month = url.partition("/cal?month=")
        if not mark:
            return None if url.endswith("robots.txt") else page()
        year, number = map(int, month.split("-"))
        at = year * 12 + number - 1
        return page(*(f"/cal?month={each // 12}-{each % 12 + 1:02}" for each in (at - 1, at + 1)))

    done = crawled(Handmade(written), max_pages=None)
    assert set(traps(done)) == {f"{HOME}cal?month=1983-10", f"{HOME}cal?month=2025-12"}
    assert len(stored(done.rows)) == 2 + 24 + 480 + 1
    assert f"{HOME}party/2099-12-31" in stored(done.rows)
