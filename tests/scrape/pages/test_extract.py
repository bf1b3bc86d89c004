"""Without a program, a page yields one item and all its links."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.pages.cut import Cut
from scraper_cpn.scrape.pages.extract import Item, extract, iso
from scraper_cpn.scrape.pages.fields import field_rule
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.settings import PageLimits
from tests.scrape.sample_pages import URL, raw


def test_the_item_of_a_page() -> None:
    """All that is known of the page, by the names that the outputs use."""
    page = Page.of(raw("<title>T</title><p>Hello</p>", depth=3, parent="https://shop.example/"))
    item, links = extract(page, 1_767_225_600_123_456_789, (field_rule("p=p"),), Cut(PageLimits()))
    assert msgspec.to_builtins(item) == {
        "url": URL,
        "requested_url": URL,
        "status": 200,
        "depth": 3,
        "parent": "https://shop.example/",
        "fetched_at": "2026-01-01T00:00:00.123Z",
        "content_type": "text/html",
        "title": "T",
        "text": "Hello",
        "fields": {"p": "Hello"},
    }
    assert links == []


def test_what_is_not_html_has_metadata_only() -> None:
    """An image or a JSON file is an item without title, text, fields and links."""
    page = Page.of(raw("<title>T</title><a href=x>", content_type="image/png"))
    item, links = extract(page, 0, (field_rule("p=p"),), Cut(PageLimits()))
    assert item is not None
    assert (item.title, item.text, item.fields, links) == (None, None, {}, [])
    assert item.content_type == "image/png"
    assert page._tree is None


def test_links_are_those_of_a_and_area() -> None:
    """Links for people, in the order of the page; style sheets and canonical URLs are none."""
    html = "<link rel=canonical href=c><a href=1><map><area href=2></map><img src=i><a href=1><a name=n>"
    _, links = extract(Page.from_html(html, URL), 0, (), Cut(PageLimits()))
    assert [link.url.rpartition("/")[2] for link in links] == ["1", "2"]


def test_limits() -> None:
    """Titles, texts and links without end are cut, and what was left out is reported."""
    html = f"<title>{'t' * 30}</title>{'x' * 40}" + "".join(
        f"<a href={n % 7}></a>" for n in range(10)
    )
    cut = Cut(PageLimits(links=5, text_chars=20))
    item, links = extract(Page.from_html(html), 0, (), cut)
    assert item is not None
    assert (item.title, item.text) == ("t" * 20, "x" * 20)
    assert [link.url[-1] for link in links] == ["0", "1", "2", "3", "4"]
    assert cut.lines == (
        "the title has 30 characters; --max-text keeps 20",
        "the text has 40 characters; --max-text keeps 20",
        "2 more links; --max-links follows 5",
    )


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ul><li>Home<li>About</ul>", "Home About"),
        ("<p>J<b>oh</b>n</p><p>Doe</p>", "John Doe"),
        ("<a>Foo</a>, bar", "Foo, bar"),
        ("one<div>two</div>three<div>four</div><span>five</span>", "one two three four five"),
        ("a<br>b<hr>c", "a b c"),
        ("a<!-- no -->b", "ab"),
        ("a<script>no</script>b<style>no</style>c<script></script>d", "abcd"),
        ("a<template>no</template>b", "ab"),
        ("<noscript>yes</noscript>", "yes"),
        (" a \n\t b&nbsp;&nbsp;c ", "a b c"),
        ("a<b> </b>b<i>\n</i>c", "a b c"),
        ("<title>no</title>yes", "yes"),
        ("<td>a</td><td>b</td>", "ab"),
        ("<table><td>a</td><td>b</td></table>", "a b"),
        ("<frameset><frame>", ""),
        ("", ""),
    ],
)
def test_visible_text(html: str, text: str) -> None:
    """Blocks keep words apart, in-line elements keep them together, scripts are no text."""
    assert Page.from_html(html).text() == text


INLINE = st.sampled_from(["b", "i", "span", "a"])
WORD = st.sampled_from(["one", "two", " ", "\n", "x\ny", "é\xa0z"])
INNER = st.lists(
    WORD | st.tuples(INLINE, WORD).map(lambda t: f"<{t[0]}>{t[1]}</{t[0]}>"), max_size=5
)


@given(blocks=st.lists(INNER, max_size=5))
def test_visible_text_of_blocks(blocks: list[list[str]]) -> None:
    """The text is that of each block, tags left out, blocks apart, all white space folded."""
    html = "".join(f"<div>{''.join(block)}</div>" for block in blocks)
    plain = html
    for tag in ("b", "i", "span", "a"):
        plain = plain.replace(f"<{tag}>", "").replace(f"</{tag}>", "")
    expected = " ".join(plain.replace("<div>", " ").replace("</div>", " ").split())
    assert Page.from_html(html).text() == expected


@given(time_ns=st.integers(0, 4_102_444_800 * 10**9))
def test_times_are_iso_8601(time_ns: int) -> None:
    """A time is read back to the millisecond by anyone who knows ISO 8601."""
    when = msgspec.convert(iso(time_ns), type=__import__("datetime").datetime)
    assert round(when.timestamp() * 1000) == time_ns // 1_000_000
    assert len(iso(time_ns)) == 24


@given(body=st.binary(max_size=300))
def test_any_bytes_are_an_item_of_json(body: bytes) -> None:
    """Whatever a server sends, its item can be written."""
    item, _ = extract(Page.of(raw(body)), 0, (), Cut(PageLimits()))
    assert msgspec.json.decode(msgspec.json.encode(item), type=Item) == item
