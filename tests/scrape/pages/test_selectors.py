"""One notation of selectors, for fields and for page handlers."""

import pytest

from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.selectors import SelectorPart, read_selector

PAGE = """<base href=/shop/><h1>One <b>big</b> sale</h1><h2>Two</h2><div class="x y" data-n='a"b'>
<b>Price:</b> 12</div><a href="p?q=1" title="A &amp; B">l</a><a>none</a><img src=i.png alt=I>"""


def texts(selector: str, html: str = PAGE) -> list[str]:
    return Page.from_html(html, "https://shop.example/list/").texts(selector)


@pytest.mark.parametrize(
    ("selector", "parts"),
    [
        ("h1", [SelectorPart("h1")]),
        (" h1 , h2 ", [SelectorPart("h1"), SelectorPart("h2")]),
        ("h1::text, h2", [SelectorPart("h1", "text"), SelectorPart("h2")]),
        ("a::attr(href)", [SelectorPart("a", "attr", "href")]),
        ("a::attr( 'data-x' )", [SelectorPart("a", "attr", "data-x")]),
        ('a::ATTR("x:y")', [SelectorPart("a", "attr", "x:y")]),
        (":is(h1, h2)::url(href)", [SelectorPart(":is(h1, h2)", "url", "href")]),
        ("a[title='::text, x']", [SelectorPart("a[title='::text, x']")]),
        ('a[title="\\"::text"]::text', [SelectorPart('a[title="\\"::text"]', "text")]),
        ("a\\:\\:text", [SelectorPart("a\\:\\:text")]),
    ],
)
def test_css(selector: str, parts: list[SelectorPart]) -> None:
    """A list is split where CSS splits it, and `::` counts outside of strings and brackets."""
    assert read_selector(selector).parts == tuple(parts)


@pytest.mark.parametrize(
    "xpath", ["//a", "/html", "./b", "..//b", "(//a)[1]", "string(//a)", "count(//a)"]
)
def test_xpath_is_known_by_its_beginning(xpath: str) -> None:
    """No CSS selector begins like an XPath expression."""
    assert read_selector(xpath).xpath == xpath


@pytest.mark.parametrize("css", ["a:not(b)", "text", "a:is(b)", "*", "#x", ".x", "[x]", ":root"])
def test_css_is_no_xpath(css: str) -> None:
    """A function of CSS has a colon before its name."""
    assert not read_selector(css).xpath


@pytest.mark.parametrize(
    "selector", ["a::before", "a::attr", "a::attr()", "a::text b", "a::attr(x y)", "a::text::text"]
)
def test_what_stands_behind_a_double_colon(selector: str) -> None:
    """Anything else there is refused, with what is allowed."""
    with pytest.raises(
        ValueError,
        match=r"is not known: after ::, at the end of a selector, write text, raw_text, attr\(NAME\)",
    ):
        read_selector(selector)


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("h1", ["One big sale"]),
        ("h1::text", ["One", "sale"]),
        ("h1::text, h2::text", ["One", "sale", "Two"]),
        ("h2, h1", ["One big sale", "Two"]),
        ("div::text", ["12"]),
        ("a::attr(href)", ["p?q=1"]),
        ("a::attr('title')", ["A & B"]),
        ('.x::attr("class")', ["x y"]),
        ("div::attr(DATA-N)", ['a"b']),
        (
            "a::url(href), img::url(src)",
            ["https://shop.example/shop/p?q=1", "https://shop.example/shop/i.png"],
        ),
        ("img::attr(alt), h2::text", ["Two", "I"]),
        ("a::text, a::attr(href)", ["l", "p?q=1", "none"]),
        ("//a/@href", ["p?q=1"]),
        ("h1::raw_text, h2", ["One big sale", "Two"]),
        ("div::RAW_TEXT", ["\nPrice: 12"]),
        ("//h1/text()", ["One", "sale"]),
        ("//h1", ["One big sale"]),
        ("count(//a)", ["2"]),
        ("string(//h2)", ["Two"]),
        ("//a/@href = 'x'", ["false"]),
        ("//x:a", []),
        ("i::attr(x)", []),
    ],
)
def test_values(selector: str, expected: list[str]) -> None:
    """Texts are folded, attributes are as the page has them, all in the order of the page."""
    assert texts(selector) == expected


def test_css_finds_elements_or_texts() -> None:
    """A handler has the same notation as a field."""
    page = Page.from_html(PAGE, "https://shop.example/list/")
    assert page.css("a::attr(href)") == ["p?q=1"]
    assert [each.tag for each in page.css("h1, h2")] == ["h1", "h2"]
    assert page.css("h1::text") == ["One ", " sale"]
    assert page.xpath("//a/@href") == ["p?q=1"]
    assert [each.tag for each in page.xpath("//h2")] == ["h2"]
    assert page.css("div")[0].xpath(".//b")[0].text() == "Price:"
    assert [link.url for link in page.links("a::attr(href)")] == ["https://shop.example/shop/p?q=1"]


@pytest.mark.parametrize("css", ["1h", "h1 > 2x", "a:not(1x)", "a, 2x", "p:is(a, 3b)", "svg|1"])
def test_no_element_begins_with_a_digit(css: str) -> None:
    """Such a selector could never match, so that it is refused at once."""
    with pytest.raises(ValueError, match="which begins with a digit"):
        read_selector(css)


@pytest.mark.parametrize(
    "css", ["#1a", ".2b", "[data-x='1 2']", "i:nth-child( 2n + 1 )", r"#\31 a", "i[title=3c]"]
)
def test_digits_elsewhere(css: str) -> None:
    """Ids and classes of real pages begin with digits, and values have them anywhere."""
    page = Page.from_html("<i id=1a class=2b data-x='1 2' title=3c>x</i>")
    assert page.texts(css) == ["x"]


def test_what_is_not_folded() -> None:
    """White space of an attribute, and of a raw text, may mean something; that of a text does not."""
    html = """<pre title="a  b">c\n  d <script>{"e":  1}</script></pre>"""
    assert texts("pre, pre::text, pre::attr(title), pre::raw_text, script::raw_text", html) == [
        "c d",
        "c d",
        "a  b",
        'c\n  d {"e":  1}',
        '{"e":  1}',
    ]
