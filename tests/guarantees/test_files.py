"""Files that items name are fetched once, under the rules of all requests, and come into the items that name them."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from msgspec import structs

from mocks.inprocess import Crawled, crawl
from scraper_cpn.net import Row
from scraper_cpn.scrape.colours import Failure, Proxy, Stored
from scraper_cpn.scrape.pages.extract import Item
from scraper_cpn.scrape.pages.fields import field_rule
from scraper_cpn.scrape.parts import files
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.virtual import virtual_crawl
from scraper_cpn.simulate.webspec import WebAnswer
from tests.guarantees.handmade import HTML, Handmade, moved

HOME, CDN = "http://h.example/", "http://cdn.example/"
PNG = WebAnswer(status=200, headers=(("Content-Type", "image/png"),), body=b"png")
RULES = WebAnswer(
    status=200,
    headers=(("Content-Type", "text/plain"),),
    body=b"User-agent: *\nDisallow: /private",
)
BASE = Settings(
    files=("images",),
    fields=(field_rule("images[]=img::url(src)"),),
    save_bodies="bodies",
    delay_ns=SECOND,
    retries=1,
)


def shown(*images: str, links: tuple[str, ...] = ()) -> WebAnswer:
    """A page with images and links."""
    body = "".join(f"<img src={each}>" for each in images)
    body += "".join(f"<a href={each}>x</a>" for each in links)
    return WebAnswer(status=200, headers=HTML, body=body.encode())


def crawled(web: dict[str, WebAnswer], **options: object) -> Crawled:
    """A crawl from the home page of a host."""
    settings = structs.replace(BASE, **options)
    return crawl(settings, Handmade(web.get), [HOME], by=virtual_crawl)


def images(rows: list[Row]) -> dict[str, list[str]]:
    """For each item, what came of its files."""
    items = [item for row in rows if isinstance(row.colour, Stored) for item in row.colour.kept]
    return {
        item.url: [f"{each.url} {each.error or 'saved'}" for each in item.fields["images"]]
        for item in items
    }


def times(done: Crawled) -> dict[str, int]:
    """How often each URL was requested, without robots.txt."""
    urls = [each.url for each in done.log if not each.url.endswith("robots.txt")]
    return {url: urls.count(url) for url in urls}


def test_a_file_that_pages_share_is_fetched_once_with_the_delay_of_its_domain() -> None:
    """Each of the items has it, and its own."""
    web = {
        HOME: shown(f"{CDN}a", links=("1", "2")),
        f"{HOME}1": shown(f"{CDN}a", f"{CDN}b"),
        f"{HOME}2": shown(f"{CDN}b", f"{CDN}b", f"{CDN}a"),
        **{f"{CDN}{name}": PNG for name in "ab"},
    }
    done = crawled(web)
    a, b = f"{CDN}a saved", f"{CDN}b saved"
    assert images(done.rows) == {HOME: [a], f"{HOME}1": [a, b], f"{HOME}2": [b, b, a]}
    assert set(times(done).values()) == {1}
    starts = [each.start_ns for each in done.log if each.url.startswith(CDN)]
    assert all(later - before >= SECOND for before, later in pairwise(starts))
    assert done.run.ended == "finished"


def test_an_item_with_files_is_read_back() -> None:
    """From a state, for example, whose items are JSON."""
    done = crawled({HOME: shown(f"{CDN}a", f"{CDN}b"), f"{CDN}a": PNG})
    (item,) = (
        each for row in done.rows if isinstance(row.colour, Stored) for each in row.colour.kept
    )
    assert msgspec.json.decode(msgspec.json.encode(item), type=Item) == item


def test_what_is_not_saved_says_why() -> None:
    """In the item, in the failed log, and in the record of the page; the item itself is not lost."""
    web = {
        HOME: shown("/private/x", "/none", "/away", "/circle", f"{CDN}private/x"),
        f"{HOME}robots.txt": RULES,
        f"{HOME}away": moved("http://h.example/there"),
        f"{HOME}there": PNG,
        f"{HOME}circle": moved("http://h.example/circle"),
        f"{CDN}private/x": PNG,
    }
    done = crawled(web)
    assert images(done.rows) == {
        HOME: [
            f"{HOME}private/x robots.txt disallows it",
            f"{HOME}none HTTP 404 Not Found",
            f"{HOME}away saved",
            f"{HOME}circle redirects in a circle, back to itself",
            f"{CDN}private/x saved",
        ]
    }
    failures = [row.colour for row in done.rows if isinstance(row.colour, Failure)]
    assert sorted(row.target.url for row in failures if row.kind == "file") == [
        f"{HOME}circle", f"{HOME}none", f"{HOME}private/x",
    ]  # fmt: skip
    stored = [row.colour for row in done.rows if isinstance(row.colour, Stored)]
    assert stored[0].cut == (
        f"3 of its 5 files not saved: {HOME}private/x: robots.txt disallows it",
    )


@pytest.mark.parametrize("robots", ["obey", "ignore"])
def test_a_file_is_tried_again(robots: str) -> None:
    """As often as a page; a pause that its server asks for holds the domain."""
    busy = WebAnswer(status=503, headers=(("Retry-After", "9"),))
    done = crawled({HOME: shown(f"{CDN}a"), f"{CDN}a": busy}, robots=robots)
    assert images(done.rows) == {HOME: [f"{CDN}a HTTP 503"]}
    starts = [each.start_ns for each in done.log if each.url == f"{CDN}a"]
    assert len(starts) == 2
    assert starts[1] - starts[0] >= 9 * SECOND


def test_a_domain_that_is_given_up_ends_its_files() -> None:
    """No item waits for what is never asked for again."""
    silent = WebAnswer(status=0, headers=(), fate="dropped")
    names = [f"{CDN}{number}" for number in range(30)]
    web = {HOME: shown(*names), **dict.fromkeys(names, silent)}
    done = crawled(web, dead_after=3, retries=0)
    found = images(done.rows)[HOME]
    assert len(found) == 30
    assert not any(each.endswith("saved") for each in found)
    assert (done.run.ended, len(done.log) < 20) == ("finished", True)


def test_files_do_not_count_as_pages() -> None:
    """With a budget of one page, its files still come."""
    web = {HOME: shown(f"{HOME}a", links=("1",)), f"{HOME}a": PNG, f"{HOME}1": shown()}
    done = crawled(web, max_pages=1)
    assert images(done.rows) == {HOME: [f"{HOME}a saved"]}
    assert done.run.ended == "spent"


def test_bytes_of_files_count() -> None:
    """Once the bytes are used up, no file begins; the item has those that it has."""
    web = {HOME: shown(f"{CDN}a", f"{CDN}b"), f"{CDN}a": PNG, f"{CDN}b": PNG}
    size = len(web[HOME].body)
    assert crawled(web, max_bytes=size + 6).run.ended == "finished"
    done = crawled(web, max_bytes=size + 1)
    assert images(done.rows) == {HOME: [f"{CDN}a saved", f"{CDN}b the crawl was over before"]}


def test_an_item_is_kept_when_time_is_over() -> None:
    """With the files that have come; what was asked for before still comes."""
    web = {HOME: shown(*(f"{CDN}{n}" for n in range(9))), **{f"{CDN}{n}": PNG for n in range(9)}}
    done = crawled(web, max_time_ns=4 * SECOND)
    found = images(done.rows)[HOME]
    assert [each.partition(" ")[2] for each in (found[0], found[-1])] == [
        "saved", "the crawl was over before",
    ]  # fmt: skip
    assert done.run.ended == "spent"


def test_only_so_many_pages_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """While they do, no other is parsed; all are complete in the end."""
    monkeypatch.setattr(files, "PAGES", 2)
    links = tuple(str(number) for number in range(9))
    web = {HOME: shown(links=links)}
    web |= {f"{HOME}{each}": shown(f"{CDN}{each}") for each in links}
    web |= {f"{CDN}{each}": PNG for each in links}
    done = crawled(web, delay_ns=0, concurrency=8, per_domain=8)
    assert len(images(done.rows)) == 10
    assert done.run.ended == "finished"


@pytest.mark.parametrize(
    "limits",
    [
        {"address_delay_ns": 2 * SECOND},
        {
            "ban_status": (403,),
            "proxies": (
                Proxy("http://p.example:1", "http://p.example:1"),
                Proxy("http://q.example:1", "http://q.example:1"),
            ),
        },
    ],
)
def test_files_have_their_stage_like_pages(limits: dict[str, object]) -> None:
    """Files keep the pause of an address, which two hosts share here, and go through the proxies of their domain."""
    web = {HOME: shown(f"{CDN}a", f"{CDN}b"), f"{CDN}a": PNG, f"{CDN}b": PNG}
    done = crawled(web, **limits)
    assert done.run.ended == "finished"
    assert images(done.rows) == {HOME: [f"{CDN}a saved", f"{CDN}b saved"]}
    starts = sorted(each.start_ns for each in done.log)
    if "address_delay_ns" in limits:
        assert all(later - before >= 2 * SECOND for before, later in pairwise(starts))
    else:
        assert len({each.proxy for each in done.log}) == 2
