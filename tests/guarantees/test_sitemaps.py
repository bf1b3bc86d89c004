"""What sitemaps list is fetched like what pages link to, under the same rules."""

from __future__ import annotations

from itertools import pairwise

import pytest

from mocks.inprocess import Crawled, crawl
from scraper_cpn.scrape.colours import Failure
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.virtual import virtual_crawl
from scraper_cpn.simulate.webspec import WebAnswer
from tests.guarantees.crawls import stored
from tests.guarantees.handmade import Handmade, moved, page

HOME = "http://h.example/"
XML = (("Content-Type", "application/xml"),)


def listing(*entries: str, root: str = "urlset", entry: str = "url") -> WebAnswer:
    """A sitemap, or an index."""
    each = "".join(f"<{entry}>{text}</{entry}>" for text in entries)
    return WebAnswer(status=200, headers=XML, body=f"<{root}>{each}</{root}>".encode())


def loc(url: str, more: str = "") -> str:
    return f"<loc>{url}</loc>{more}"


def text(body: str) -> WebAnswer:
    return WebAnswer(status=200, headers=(("Content-Type", "text/plain"),), body=body.encode())


def crawled(web: dict[str, WebAnswer], **options: object) -> Crawled:
    """A crawl of the pages /, /a, /b, ... of a host, and of what is given."""

    def written(url: str) -> WebAnswer | None:
        if url in web:
            return web[url]
        return page() if url.count("/") == 3 and "." not in url.partition("//h.")[2][8:] else None

    settings = Settings(**{"sitemaps": ("auto",), "delay_ns": SECOND} | options)  # type: ignore[arg-type]
    return crawl(settings, Handmade(written), [HOME], by=virtual_crawl)


def remarks(done: Crawled) -> list[str]:
    rows = [row.colour for row in done.rows if isinstance(row.colour, Failure)]
    return [f"{row.target.url}: {row.reason}" for row in rows if row.kind == "sitemap"]


def asked(done: Crawled) -> list[str]:
    return [request.url for request in done.log]


MAP = listing(
    loc(f"{HOME}old", "<lastmod>2020-01-01</lastmod>"),
    loc(f"{HOME}new", "<lastmod>2023-01-01</lastmod>"),
    loc(f"{HOME}best", "<priority>0.9</priority>"),
    loc("http://other.example/x"),
    loc(f"{HOME}deny"),
    loc(f"{HOME}r/r/r/"),
)
ROBOTS = f"{HOME}robots.txt"


def test_urls_of_a_sitemap_pass_what_links_pass() -> None:
    """Scope, filters, traps, robots.txt; in the order of priority and time, and with the delay of the domain."""
    robots = text(f"User-agent: *\nDisallow: /new\nSitemap: {HOME}map.xml")
    done = crawled({ROBOTS: robots, f"{HOME}map.xml": MAP}, deny=("deny",))
    assert asked(done) == [ROBOTS, f"{HOME}map.xml", HOME, f"{HOME}best", f"{HOME}old"]
    starts = [request.start_ns for request in done.log]
    assert all(b - a >= SECOND for a, b in pairwise(starts))
    kinds = {row.colour.kind for row in done.rows if isinstance(row.colour, Failure)}
    assert (kinds, done.run.ended) == ({"robots", "trap"}, "finished")


@pytest.mark.parametrize("robots", ["obey", "ignore"])
def test_the_usual_places_are_tried(robots: str) -> None:
    """Where robots.txt names none, or is not asked for; a place with nothing is no failure."""
    done = crawled({f"{HOME}sitemap_index.xml": MAP}, robots=robots)
    assert asked(done)[-7:-4] == [f"{HOME}sitemap.xml", f"{HOME}sitemap_index.xml", HOME]
    assert f"{HOME}new" in stored(done.rows)
    assert remarks(done) == []


def test_an_index_is_read_newest_first_and_bit_by_bit() -> None:
    """One sitemap of it before the pages, the others when no page waits; a hop counts as a request."""
    index = listing(
        loc(f"{HOME}1.xml", "<lastmod>2021-01-01</lastmod>"),
        loc(f"{HOME}2.xml", "<lastmod>2022-01-01</lastmod>"),
        root="sitemapindex",
        entry="sitemap",
    )
    web = {
        ROBOTS: text(f"Sitemap: {HOME}all.xml"),
        f"{HOME}all.xml": moved("/index.xml"),
        f"{HOME}index.xml": index,
        f"{HOME}1.xml": listing(loc(f"{HOME}a")),
        f"{HOME}2.xml": listing(loc(f"{HOME}b")),
    }
    order = ["robots.txt", "all.xml", "index.xml", "2.xml", "", "b", "1.xml", "a"]
    assert asked(crawled(web)) == [HOME + path for path in order]
    two = asked(crawled(web, max_pages=2))
    assert two == [HOME + path for path in order[:6]]


def test_a_loop_of_indexes_ends() -> None:
    """Each sitemap is read once, and indexes in indexes are read to a depth."""

    def index(number: int) -> WebAnswer:
        urls = (loc(f"{HOME}{each}.xml") for each in (number, number + 1))
        return listing(*urls, root="sitemapindex", entry="sitemap")

    web = {f"{HOME}{number}.xml": index(number) for number in range(9)}
    done = crawled({ROBOTS: text(f"Sitemap: {HOME}0.xml"), **web})
    assert sum(url.endswith(".xml") for url in asked(done)) == 4
    assert remarks(done) == [f"{HOME}3.xml: its 2 sitemaps are nested too deeply"]


def test_an_index_names_sitemaps_of_its_site() -> None:
    """Others are reported and not read; robots.txt may name any."""
    there = "http://cdn.example/"
    index = listing(
        *(loc(url) for url in (f"{there}1.xml", f"{HOME}1.xml", "http://other.example/1.xml")),
        root="sitemapindex",
        entry="sitemap",
    )
    web = {
        ROBOTS: text(f"Sitemap: {there}all.xml\nSitemap: {HOME}turns.xml"),
        f"{there}all.xml": index,
        f"{there}1.xml": listing(loc(f"{HOME}a")),
        f"{HOME}1.xml": listing(loc(f"{HOME}b")),
        f"{HOME}turns.xml": moved("/turns.xml"),
    }
    done = crawled(web)
    assert set(stored(done.rows)) == {HOME, f"{HOME}a", f"{HOME}b"}
    assert not any("other.example" in url for url in asked(done))
    assert sorted(remarks(done)) == [
        f"{there}all.xml: 1 of its sitemaps are on hosts out of scope",
        f"{HOME}turns.xml: redirects in a circle, back to itself",
    ]


def test_of_many_sitemaps_the_last_ones_wait() -> None:
    """A robots.txt names as many as it likes; those after the tenth are read when no page waits."""
    maps = [f"{HOME}{number}.xml" for number in range(12)]
    web = {each: listing(loc(f"{HOME}{number}p")) for number, each in enumerate(maps)}
    urls = asked(crawled({ROBOTS: text("\n".join(f"Sitemap: {each}" for each in maps)), **web}))
    assert urls[1:12] == [*maps[:10], HOME]
    assert urls[-4:] == [maps[10], f"{HOME}10p", maps[11], f"{HOME}11p"]


def test_mistakes_are_reported_and_the_rest_is_kept() -> None:
    """A broken one keeps what was read; one that is not there, or forbidden, is named."""
    broken = WebAnswer(
        status=200, headers=XML, body=f"<urlset><url><loc>{HOME}a</loc></ur".encode()
    )
    robots = "\n".join(
        ["User-agent: *", "Disallow: /no", *(f"Sitemap: /{n}.xml" for n in ("x", "gone", "no"))]
    ).replace("Sitemap: /", f"Sitemap: {HOME}")
    done = crawled({ROBOTS: text(robots), f"{HOME}x.xml": broken}, retries=0)
    assert stored(done.rows) == [HOME, f"{HOME}a"]
    gone, forbidden, wrong = sorted(remarks(done))
    assert gone == f"{HOME}gone.xml: HTTP 404 Not Found"
    assert forbidden == f"{HOME}no.xml: robots.txt disallows it"
    assert wrong.startswith(f"{HOME}x.xml: it is broken in line 1: ")


def test_a_server_that_fails_is_asked_again() -> None:
    """As often as for a page; then that is reported."""
    web = {ROBOTS: text(f"Sitemap: {HOME}x.xml"), f"{HOME}x.xml": WebAnswer(status=500)}
    done = crawled(web)
    assert asked(done).count(f"{HOME}x.xml") == 3
    assert remarks(done) == [f"{HOME}x.xml: HTTP 500 Internal Server Error"]
    assert done.run.ended == "finished"


def test_named_ones_alone() -> None:
    """A URL that the user gives is read, and no other is looked for; its site is in scope."""
    mine = "http://cdn.example/mine.txt"
    web = {mine: text(f"{HOME}a\nhttp://cdn.example/b\n"), f"{HOME}sitemap.xml": MAP}
    done = crawled(web | {"http://cdn.example/b": page()}, sitemaps=(mine,))
    assert set(stored(done.rows)) == {HOME, f"{HOME}a", "http://cdn.example/b"}
    assert f"{HOME}sitemap.xml" not in asked(done)


def test_a_greatest_depth_counts_from_the_sitemap() -> None:
    """Its URLs are links of a seed."""
    web = {ROBOTS: text(f"Sitemap: {HOME}x.xml"), f"{HOME}x.xml": MAP}
    assert f"{HOME}best" in stored(crawled(web, max_depth=1).rows)
    done = crawled(web, max_depth=0)
    assert (stored(done.rows), done.run.ended) == ([HOME], "finished")


def test_a_sitemap_may_redirect_as_far_as_the_scope() -> None:
    """To another host of its registrable domain, and to hosts in scope; elsewhere it is not followed, and told."""
    elsewhere, cdn = "http://other.example/map.xml", "http://www.cdn.example/map.xml"
    named = "\n".join(f"Sitemap: {url}" for url in (f"{HOME}a.xml", "http://cdn.example/map.xml"))
    web = {
        ROBOTS: text(named),
        f"{HOME}a.xml": moved(elsewhere),
        elsewhere: MAP,
        "http://cdn.example/map.xml": moved(cdn),
        cdn: listing(loc(f"{HOME}found")),
    }
    done = crawled(web)
    assert elsewhere not in asked(done)
    assert {cdn, f"{HOME}found"} <= set(asked(done))
    assert remarks(done) == [f"{HOME}a.xml: redirects out of scope, to {elsewhere}"]
    assert f"{HOME}best" in asked(crawled(web, domains=("other.example",)))
    guess = crawled({f"{HOME}sitemap.xml": moved(elsewhere), elsewhere: MAP})
    assert (elsewhere in asked(guess), remarks(guess)) == (False, [])
