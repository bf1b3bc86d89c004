"""Kinds of links, and what pages ask of crawlers."""

from __future__ import annotations

import pytest

from scraper_cpn.scrape.pages.cut import Cut
from scraper_cpn.scrape.pages.extract import extract
from scraper_cpn.scrape.pages.kinds import KINDS, directives, refresh
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.srcset import candidates
from scraper_cpn.scrape.settings import LINKS, PageLimits, Settings

HERE = "https://shop.example/"
HTML = """<!doctype html><head><meta http-equiv=Refresh content="5; url='/refresh'">
<link rel="NEXT nofollow" href=next><link rel=prev href=prev><link rel=canonical href=canonical>
<link rel="alternate stylesheet" href=style><link rel=alternate hreflang=de href=alternate>
<link rel=stylesheet href=no><meta http-equiv=content-type content="text/html; url=no"></head>
<body><a href=a>x</a><map><area href=area></map><iframe src=iframe></iframe><template><a href=no>x</a></template>
<a rel="noopener NoFollow" href=nofollow>x</a><svg><a href=svg>x</a><iframe src=no></iframe></svg>"""
XHTML = """<html xmlns="http://www.w3.org/1999/xhtml"><head><link rel="next" href="next"/>
<meta http-equiv="refresh" content="0,refresh"/><meta name="robots" content="noindex"/></head>
<body><a href="a" rel="nofollow">x</a><iframe src="iframe"/></body></html>"""
FEED = '<feed xmlns="http://www.w3.org/2005/Atom"><link href="feed"/></feed>'


def links(page: Page, kinds: tuple[str, ...] = LINKS, respect: tuple[str, ...] = ()) -> list[str]:
    """What is followed of a page, without the beginning that all have in common."""
    _, found = extract(page, 0, (), Cut(PageLimits(kinds=kinds, respect=respect)))
    return [link.url.removeprefix(HERE) for link in found]


def test_the_default_kinds_lead_to_each_page_once() -> None:
    """Links, frames, refresh and next; neither the addresses of the same page nor style sheets."""
    found = links(Page.from_html(HTML, HERE))
    assert found == ["refresh", "next", "a", "area", "iframe", "nofollow", "svg"]


@pytest.mark.parametrize("kind", ["next", "prev", "canonical", "alternate", "refresh", "iframe"])
def test_one_kind_alone(kind: str) -> None:
    """Each kind can be followed without any other."""
    found = links(Page.from_html(HTML, HERE), (kind,))
    assert found == [kind]


def test_a_frameset_leads_to_its_frames() -> None:
    """The pages of an old site are in its frames."""
    page = Page.from_html("<frameset><frame src=one><frame src=two></frameset>", HERE)
    assert links(page) == ["one", "two"]


def test_kinds_in_xml() -> None:
    """XHTML has the kinds of HTML, and feeds have a kind of their own."""
    xhtml = Page(HERE, XHTML.encode(), content_type="application/xhtml+xml")
    assert links(xhtml) == ["next", "refresh", "a", "iframe"]
    feed = Page(HERE, FEED.encode(), content_type="application/atom+xml")
    assert (links(feed), links(feed, ("a",))) == (["feed"], [])


def test_every_kind_is_known() -> None:
    """The defaults are kinds."""
    assert set(LINKS) < set(KINDS)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("0; url=/a", "/a"), ("3;URL = '/a b' x", "/a b"), ('1.5,url="/a"', "/a"), ("0 /a", "/a"), ("0;/a", "/a"),
        (".5; url=/a;b", "/a;b"), ("0", None), ("0;", None), ("url=/a", None), ("", None), ("x; url=/a", None),
        ("0; url=", None), ("9" * 5000 + ";" + " " * 5000, None),
    ],
)  # fmt: skip
def test_where_a_refresh_leads(value: str, url: str | None) -> None:
    """As browsers read it: a time, a separator, perhaps `url=`, perhaps quotes."""
    found = refresh(value)
    assert (found and found.url) == url


def test_the_header_counts_as_well() -> None:
    """Also for what is no page with elements."""
    page = Page(HERE, b"gone", content_type="text/plain", headers=(("refresh", "0;url=there"),))
    assert links(page) == ["there"]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("noindex", {"noindex"}), ("none", {"nofollow", "noindex"}), ("NoArchive, NOFOLLOW", {"nofollow"}),
        ("otherbot: noindex, nofollow", set()), ("otherbot: noindex, mybot: nofollow", {"nofollow"}),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noindex", {"noindex"}), ("MyBot:none", {"nofollow", "noindex"}),
        ("max-snippet:20", set()), ("", set()),
    ],
)  # fmt: skip
def test_what_a_header_says(header: str, said: set[str]) -> None:
    """A name before a colon addresses one crawler."""
    assert directives([header], "mybot") == said


def test_what_a_page_asks_is_left_out_and_counted() -> None:
    """Links and items go only where that is respected, and a line says how many or why."""
    page = Page.from_html(f'<meta name=MyBot content="noindex">{HTML}', HERE)
    limits = Settings(user_agent="MyBot/1", respect=("nofollow", "noindex")).page_limits
    cut = Cut(limits)
    item, found = extract(page, 0, (), cut)
    assert item is None
    assert len(found) == 5
    assert cut.lines == (
        "its item left out: the page says noindex (--respect noindex)",
        "2 links are nofollow (--respect nofollow)",
    )
    closed = Page(HERE, HTML.encode(), headers=(("x-robots-tag", "nofollow"),))
    assert links(closed, respect=("nofollow",)) == []
    assert links(closed, respect=("noindex",)) == links(closed)


# Images and other files.


@pytest.mark.parametrize(
    ("srcset", "expected"),
    [
        ("a.png", ["a.png"]),
        ("a.png 1x, b.png 2x", ["a.png", "b.png"]),
        ("a.png, b.png 100w", ["a.png", "b.png"]),
        (" , a.png ,, b.png,", ["a.png", "b.png"]),
        ("a,b.png 1x,c.png", ["a,b.png", "c.png"]),
        ("data:,a ( , data:b, 1x, ), c 2x", ["data:,a", "c"]),
        ("\n a.png\t1x\f,\nb.png", ["a.png", "b.png"]),
        ("a.png 1x,b.png 2x", ["a.png", "b.png"]),
        ("", []),
        (",", []),
        ("a.png (unclosed, b.png", ["a.png"]),
    ],
)
def test_srcset(srcset: str, expected: list[str]) -> None:
    """Each candidate is a URL, by the standard's own algorithm."""
    assert candidates(srcset) == expected


FILES = """<base href="/b/"><img src=1 srcset="2 1x, 3 2x" data-src=4 data-srcset="5 1w"><img src="">
<picture><source srcset="6 1x" type=image/webp><img></picture><input type=image src=7><input src=no>
<video src=8 poster=9><source src=10><track src=11></video><audio><source data-src=12></audio>
<template><img src=no></template><svg><img2 src=no /></svg><a href=13>x</a>"""


def test_files_of_a_page() -> None:
    """Images in all their attributes, posters, video and audio, as kinds of links."""
    page = Page.from_html(FILES, "https://a.example/")

    def links(*kinds: str) -> list[int]:
        return [int(url.rpartition("/b/")[2]) for _, url in page.links_of(kinds)]

    assert links("img") == [1, 4, 2, 3, 5, 6, 7, 9]
    assert links("media") == [8, 10, 11, 12]
    assert links("a") == [13]


def test_a_srcset_as_absolute_urls() -> None:
    """Each of its candidates is a URL; the attribute itself is as the page has it."""
    page = Page.from_html(FILES, "https://a.example/")
    assert page.css("img::url(srcset)") == ["https://a.example/b/2", "https://a.example/b/3"]
    assert page.css("img::attr(srcset)") == ["2 1x, 3 2x"]
    assert page.css("img[srcset]")[0].url("srcset") == "https://a.example/b/2"


@pytest.mark.parametrize("value", ["", " \n"])
def test_an_empty_attribute_names_the_page_only_where_it_is_a_link(value: str) -> None:
    """An image with an empty `src` is none, which a browser does not fetch; an empty `href` leads to the page."""
    url = "https://a.example/b"
    html = f"<a href='{value}'>x</a><img src='{value}' srcset='{value}' data-src='{value}'>"
    page = Page.from_html(html, url)
    assert page.css("a::url(href)") == [url] == page.urls_of(["a"])
    assert page.css("a")[0].url() == url
    image = page.css("img")[0]
    for name in ("src", "srcset", "data-src"):
        assert page.css(f"img::url({name})") == []
        assert image.url(name) is None
    assert page.urls_of(["img"]) == []
