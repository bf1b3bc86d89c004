"""A page is asked by selectors; what it holds is data, whatever it holds."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Link, Saved
from scraper_cpn.scrape.pages.cut import Cut
from scraper_cpn.scrape.pages.elements import handler_name
from scraper_cpn.scrape.pages.page import HostilePageError, Page, check_selector
from scraper_cpn.scrape.settings import PageLimits
from scraper_cpn.scrape.urls import URL_CHARS_MAX, normalise
from tests.scrape.sample_pages import URL, raw

QUOTES = """
<title> Quotes
  of the day </title>
<div class=quote id=first data-n=1 hidden><span class=text> One
   <b>and</b> only </span><i class=tag>a</i><i class=tag>b</i></div>
<div class=quote><span class=text>Two</span></div>
<li class=next><a href="../page/2#top">Next</a></li>
"""


def page(html: str = QUOTES, url: str = URL) -> Page:
    return Page.from_html(html, url)


def test_text_is_that_of_the_first_match_folded() -> None:
    """A text is as a browser shows it: inner elements included, white space folded."""
    assert page().text(".text") == "One and only"


def test_a_missing_text_is_the_default() -> None:
    """What no element matches is None, or what the caller would rather have."""
    assert page().text(".price") is None
    assert page().text(".price", "free") == "free"


def test_an_empty_text_is_no_missing_text() -> None:
    """An element without text is there, and its text is empty."""
    assert page("<p></p>").text("p", "default") == ""


def test_texts_and_attr() -> None:
    """All texts in the order of the page; the attribute of the first match."""
    assert page().texts(".tag") == ["a", "b"]
    assert page().attr(".quote", "data-n") == "1"
    assert page().attr(".quote", "hidden") == ""
    assert page().attr(".quote", "lang") is None
    assert page().attr(".price", "id") is None


def test_elements_are_asked_like_pages() -> None:
    """An element answers for what is inside of it."""
    first, second = page().css(".quote")
    assert (first.text(".text"), second.text(".text")) == ("One and only", "Two")
    assert (first.texts(".tag"), second.texts(".tag")) == (["a", "b"], [])
    assert first.attrs == {"class": "quote", "id": "first", "data-n": "1", "hidden": ""}
    assert (first.tag, first.text()) == ("div", "One and only ab")
    assert repr(first) == f"<Element div of {URL}>"
    assert second.html == '<div class="quote"><span class="text">Two</span></div>'


def test_an_element_does_not_match_itself() -> None:
    """`css` of an element finds what is inside of it, as everywhere else."""
    outer = page("<div id=a><div id=b></div></div>").css("div")[0]
    assert [inner.attrs["id"] for inner in outer.css("div")] == ["b"]


def test_links_are_absolute_and_normalised() -> None:
    """Relative links are joined with the page's URL; fragments are gone."""
    assert list(page().links("li.next a", to="quotes", priority=3)) == [
        Link("https://shop.example/page/2", "quotes", 3)
    ]


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("/shelf/", "https://shop.example/shelf/b"),
        ("https://cdn.example/x", "https://cdn.example/b"),
        ("mailto:x@y.example", "https://shop.example/list/b"),
        ("http://[", "https://shop.example/list/b"),
        ("", "https://shop.example/list/b"),
    ],
)
def test_the_base_is_honoured(base: str, expected: str) -> None:
    """`<base href>` moves relative links; one that is no base is ignored."""
    links = page(f'<base href="{base}"><a href=b>').links()
    assert [link.url for link in links] == [expected]


def test_only_the_first_base_counts() -> None:
    """The HTML standard lets the first `<base>` with an href win."""
    html = "<base target=_top><base href=/one/><base href=/two/><a href=b>"
    assert page(html).base == "https://shop.example/one/"


@pytest.mark.parametrize(
    "href",
    [
        "mailto:a@b.example",
        "javascript:void(0)",
        "data:text/html,x",
        "tel:1",
        "http://[",
        "ftp://a/",
    ],
)
def test_links_that_lead_nowhere_are_skipped(href: str) -> None:
    """Only http and https lead to pages."""
    assert list(page(f'<a href="{href}"><a href=ok>').links()) == [
        Link("https://shop.example/list/ok")
    ]


def test_endless_links_are_skipped() -> None:
    """A link that no server would take is a trap, and is not worth joining."""
    assert list(page(f"<a href=/{'x' * URL_CHARS_MAX}>").links()) == []


def test_nofollow_and_repetitions_are_links() -> None:
    """A page reports what is there; what is followed is the crawl's business."""
    assert len(list(page("<a rel=nofollow href=a><a href=a>").links())) == 2


def test_elements_without_href_are_no_links() -> None:
    """A selector may match more than links; an empty `href` is a link to the page itself."""
    assert list(page("<a name=x>a</a><b>b</b>").links("a, b")) == []
    assert list(page("<a href>c</a>").links("a, b")) == [Link(URL)]


def test_link_of_a_handler() -> None:
    """A handler links to a URL of its own making, and names the handler for it."""

    def details(_: Page) -> None: ...

    assert page().link("/d?id=7", to=details) == Link("https://shop.example/d?id=7", "details")


@pytest.mark.parametrize("url", [None, "mailto:x", "javascript:void(0)", "http://["])
def test_a_link_to_no_web_address(url: str | None) -> None:
    """Such a link has no URL: the crawl counts and skips it."""
    assert page().link(url) == Link("")


def test_links_go_to_handlers_only() -> None:
    """A link to what has no name is refused where it is made."""
    assert handler_name(None) == ""
    with pytest.raises(ValueError, match="not to 7"):
        handler_name(7)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "selector", ["a[", "", ":nope", ">>", "a::before", "a::attr()", "//a[", "a, ::text(x)"]
)
def test_a_bad_selector_is_named(selector: str) -> None:
    """The error says which selector it was, on pages, on elements and before a crawl."""
    first = page().css(".quote")[0]
    for ask in (page().css, page().text, page().texts, first.css, check_selector):
        with pytest.raises(ValueError, match=re.escape(repr(selector))):
            ask(selector)


def test_title() -> None:
    """The title, folded; None where there is none."""
    assert page().title == "Quotes of the day"
    assert page("<p>x").title is None


SOUP = st.lists(
    st.sampled_from(
        [
            "<a href=/1>",
            "<A HREF=2>",
            "<a>",
            "<a href>",
            "</a>",
            "<area href=/3>",
            "<map>",
            "</map>",
            "<svg>",
            "</svg>",
            "<title>t",
            "</title>",
            "<base>",
            "<base href>",
            "<base href=/4/>",
            "<base target=x href=/5/>",
            "<template>",
            "</template>",
            "<table>",
            "<body>",
            "x",
            "<p>",
        ]
    ),
    max_size=12,
).map("".join)
"""Pages of tags in any order."""


@given(SOUP)
def test_shortcuts_are_selectors(html: str) -> None:
    """What is found by the names of tags is what selectors find."""
    one, other = page(html), page(html)
    if "<svg>" not in html:  # in SVG it is none, but a selector finds it
        hrefs = [element.attrs["href"] for element in other.css("base[href]")[:1]]
        assert one.base == (normalise(hrefs[0], URL) if hrefs and hrefs[0] else URL)
    assert one.urls_of(("a", "area")) == [link.url for link in other.links("a[href], area[href]")]


def test_a_page_knows_how_it_was_found() -> None:
    """Status, depth and parent come from the fetch."""
    found = Page.of(raw("<p>x", depth=2, parent="https://shop.example/", requested_url="http://s/"))
    assert (found.url, found.requested_url, found.status) == (URL, "http://s/", 200)
    assert (found.depth, found.parent, found.content_type) == (
        2,
        "https://shop.example/",
        "text/html",
    )


def test_nothing_is_parsed_until_asked() -> None:
    """Making a page, and asking what the server said of it, parses nothing."""
    lazy = page()
    assert lazy.has_tree
    assert lazy.url in repr(lazy)
    assert lazy._tree is None
    assert lazy.text("b") == "and"
    assert lazy._tree is not None


def test_a_page_that_is_refused_is_not_parsed() -> None:
    """The first question that needs parsing raises, with the reason; what is no markup can still be read."""
    refused = Page(URL, b"<p>x")
    refused.refusal = "it is a bomb"
    with pytest.raises(HostilePageError, match="it is a bomb"):
        refused.css("p")
    assert refused.html == "<p>x"


MARKUP = st.lists(
    st.sampled_from(
        [
            "<a",
            "href=",
            "<base",
            "href='/x",
            "<p>",
            "</p>",
            "<!--",
            "-->",
            "<table><td>",
            "<svg>",
            "<template>",
            "<script>",
            "</script>",
            "<title>",
            "\x00",
            "ÿ",
            "&#x110000;",
            "&amp",
            "'>",
            '"',
            "<select>",
            "<frameset>",
            "<plaintext>",
            "text",
            "é",
        ]
    )
    | st.text(max_size=5),
    max_size=30,
).map(lambda parts: " ".join(parts).encode("utf-8", "surrogatepass"))


@settings(max_examples=200)
@given(body=st.binary(max_size=300) | MARKUP, charset=st.none() | st.sampled_from(["utf-8", "gbk"]))
@example(body=b"", charset=None)
@example(body=b"<frameset>", charset=None)
@example(body=b"\xff\xfe\x00\xd8", charset=None)
def test_any_bytes_are_a_page(body: bytes, charset: str | None) -> None:
    """Whatever a server sends, each question has an answer."""
    any_page = Page.of(raw(body, charset=charset))
    any_page.html.encode()
    assert isinstance(any_page.title, str | None)
    for link in any_page.links("*"):
        assert link.url.startswith(("http://", "https://"))
    for element in any_page.css("*"):
        element.attrs, element.text().encode(), element.html.encode()


def test_the_headers_of_the_answer() -> None:
    """A page has the headers as they came, asked for in any case, and how long the answer took."""
    headers = (("link", "</a>; rel=next"), ("x-n", "1"), ("x-n", "2"))
    found = Page(URL, b"", headers=headers, elapsed_ns=7)
    assert (found.header("LINK"), found.header("X-N"), found.header("etag")) == (
        "</a>; rel=next",
        "1",
        None,
    )
    assert (found.headers, found.elapsed_ns) == (headers, 7)


def test_what_a_page_knows_of_its_answer() -> None:
    """The reason phrase, the hosts of the certificate, and where the body was saved."""
    fetched = raw("<p>x")
    response = replace(
        fetched.response,
        reason="Fine",
        certificate_hosts=("a.example",),
        saved=Saved("x.html", "0"),
    )
    found = Page.of(replace(fetched, response=response))
    assert (found.reason, found.certificate_hosts) == ("Fine", ("a.example",))
    assert found.saved == Saved("x.html", "0")


def test_long_urls_are_counted() -> None:
    """A URL that no server takes is left out and counted; data: and mail addresses are no such URLs."""
    long = "x" * URL_CHARS_MAX
    found = page(
        f"<a href=/{long}></a><a href=/{long[:-9]}></a><a href='data:,{long}'></a><a href=mailto:a>"
    )
    assert list(found.links()) == []
    assert found.too_long == 2
    cut = Cut(PageLimits())
    cut.long_links(found)
    assert cut.lines == ("2 URLs are longer than the 8,000 characters that are requested",)
