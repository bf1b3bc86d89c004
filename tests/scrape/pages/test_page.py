"""A page is asked by selectors; what it holds is data, whatever it holds."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scraper_cpn.scrape.colours import Link
from scraper_cpn.scrape.pages.page import (
    URL_CHARS_MAX,
    HostilePageError,
    Page,
    check_selector,
    fold,
    handler_name,
)
from scraper_cpn.scrape.urls import normalise
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
    assert (first.tag, first.content) == ("div", "One and only ab")
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
    """A selector may match more than links."""
    assert list(page("<a name=x>a</a><b>b</b><a href>c</a>").links("a, b")) == []


def test_link_of_a_handler() -> None:
    """A handler links to a URL of its own making, and names the handler for it."""

    def details(_: Page) -> None: ...

    assert page().link("/d?id=7", to=details) == Link("https://shop.example/d?id=7", "details")


def test_an_impossible_link_is_the_programs_mistake() -> None:
    """Unlike in a page, a URL that a program makes is worth an error that names it."""
    with pytest.raises(ValueError, match=r"cannot link to 'mailto:x'.*not an http"):
        page().link("mailto:x")


def test_links_go_to_handlers_only() -> None:
    """A link to what has no name is refused where it is made."""
    assert handler_name(None) == ""
    with pytest.raises(ValueError, match="not to 7"):
        handler_name(7)  # type: ignore[arg-type]


@pytest.mark.parametrize("selector", ["a[", "", ":nope", ">>", "a::attr(x)", "\ud800"])
def test_a_bad_selector_is_named(selector: str) -> None:
    """The error says which selector it was, on pages, on elements and before a crawl."""
    quoted = "bad CSS selector"
    for ask in (page().css, page().text, page().texts, page().css(".quote")[0].css, check_selector):
        with pytest.raises(ValueError, match=quoted) as error:
            ask(selector)
        assert repr(selector) in str(error.value)


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
    assert one.title == other.text("title")
    first = other.css("base[href]")[:1]
    hrefs = [element.attrs["href"] for element in first]
    assert one.base == (normalise(hrefs[0], URL) if hrefs and hrefs[0] else URL)
    assert list(one.all_links) == list(other.links("a[href], area[href]"))


def test_a_page_knows_how_it_was_found() -> None:
    """Status, depth and parent come from the fetch."""
    found = Page.of(raw("<p>x", depth=2, parent="https://shop.example/", requested_url="http://s/"))
    assert (found.url, found.requested_url, found.status) == (URL, "http://s/", 200)
    assert (found.depth, found.parent, found.content_type) == (
        2,
        "https://shop.example/",
        "text/html",
    )


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        ("<p>é€".encode(), "utf-8"),
        ("<p>é€".encode(), None),
        ("\ufeff<p>é€".encode(), "iso-8859-1"),
        ("\ufeff<p>é€".encode("utf-16-le"), "utf-8"),
        ("\ufeff<p>é€".encode("utf-16-be"), None),
        ("<p>é€".encode("utf-16-le"), "UTF-16"),
        ("<p>é€".encode("cp1252"), "ISO-8859-1"),
        ("<meta charset=utf-8><p>é€".encode("cp1252"), "windows-1252"),
        ("<meta charset='latin1'><p>é€".encode("cp1252"), None),
        ("<META content='text/html; charset=cp1252' http-equiv=x><p>é€".encode("cp1252"), None),
        ("<meta charset=utf-16><p>é€".encode(), None),
        ("<meta charset=nonsense><p>é€".encode(), "more-nonsense"),
        ("<meta charset=utf-7><p>é€".encode(), "punycode"),
        (b"<meta name=x>" + b" " * 1024 + "<meta charset=cp1252><p>é€".encode(), None),
    ],
)
def test_characters(body: bytes, charset: str | None) -> None:
    """Byte order mark, then header, then `<meta>` in the first kilobyte, then UTF-8."""
    found = Page.of(raw(body, charset=charset))
    assert found.text("p") == "é€"
    assert found.html.endswith("<p>é€")


def test_shift_jis_of_the_web_is_that_of_windows() -> None:
    """Labels mean what browsers take them for: `shift_jis` has the characters of windows-31j."""
    assert Page.of(raw("<p>①".encode("cp932"), charset="Shift_JIS")).text("p") == "①"


def test_broken_bytes_become_replacement_characters() -> None:
    """What is no UTF-8 is replaced, and the rest is read."""
    assert Page.of(raw(b"<p>a\xff\xfeb</p><i>c</i>")).text("p") == "a\ufffd\ufffdb"


def test_nothing_is_parsed_until_asked() -> None:
    """Making a page, and asking what the server said of it, parses nothing."""
    lazy = page()
    assert lazy.is_html
    assert lazy.url in repr(lazy)
    assert lazy._tree is None
    assert lazy.text("b") == "and"
    assert lazy._tree is not None


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("text/html", True),
        ("application/xhtml+xml", True),
        ("", True),
        ("text/plain", False),
        ("application/pdf", False),
    ],
)
def test_what_is_html(content_type: str, expected: bool) -> None:
    """The media type decides; a server that sends none most likely means HTML."""
    assert Page(URL, b"", content_type=content_type).is_html is expected


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
        element.attrs, element.content.encode(), element.html.encode()


@given(
    text=st.text(alphabet=st.sampled_from("ab \n\t\xa0\u3000\x1f\u200b\ud800é"), max_size=40),
    around=st.sampled_from(["", "long" * 50, " and" * 50]),
)
@example(text="a  b", around="")
@example(text="\x1c", around="long" * 50)
@example(text="\x85", around="long" * 50)
@example(text=" ", around=" and" * 50)
def test_fold_is_split_and_join(text: str, around: str) -> None:
    """The short cuts for texts without white space to fold change no result, long or short."""
    text = around + text + around
    assert fold(text) == " ".join(text.split())


def test_fold_knows_all_white_space() -> None:
    """Whatever character Python takes for white space is folded, inside of a long text too."""
    spaces = [chr(code) for code in range(0x3001) if chr(code).isspace()]
    assert len(spaces) >= 25
    long = "long" * 50
    assert {fold(f"{long}{space}{long}") for space in spaces} == {f"{long} {long}"}
