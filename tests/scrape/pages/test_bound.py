"""No page costs more than its bound, and the bound of ordinary pages is low."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from turbohtml import Node, parse

from mocks.pages import ELEMENTS, hostile_page
from scraper_cpn.scrape.pages.bound import Bound, parsing_bound
from scraper_cpn.scrape.pages.glance import glanced_bound
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.weight import HARMLESS_BYTES, HARMLESS_NS, QUICK_BYTES, QUICK_NS
from scraper_cpn.simulate.webtext import html as synthetic_page
from tests.scrape.sample_pages import URL


def tree_of(html: bytes) -> tuple[int, int]:
    """How many nodes a page has when it is parsed, and how deep they are nested."""
    nodes = deepest = 0
    root = parse(html, encoding="utf-8").root
    here: list[tuple[Node, int]] = [] if root is None else [(root, 0)]
    while here:
        node, depth = here.pop()
        nodes += 1
        deepest = max(deepest, depth)
        here += [(child, depth + 1) for child in node]
    return nodes, deepest


def glanced(html: bytes) -> Bound | None:
    return glanced_bound(html, html.count(b"<"))


def in_capitals(html: str) -> str:
    """A page with the names of its tags in capital letters."""
    return re.sub("</?[a-z0-9]+", lambda found: found[0].upper(), html)


def is_harmless(html: bytes) -> bool:
    """Whether a page is parsed in this process."""
    bound = parsing_bound(html)
    return bound.time_ns <= HARMLESS_NS and bound.memory_bytes <= HARMLESS_BYTES


def assert_bounded(html: bytes) -> None:
    """The tree of a page that is parsed in this process is as big as its bound says, or smaller."""
    if is_harmless(html):
        bound = parsing_bound(html)
        nodes, depth = tree_of(html)
        assert nodes <= bound.nodes
        assert depth <= bound.depth
    found = glanced(html)
    if found is not None and found.time_ns <= HARMLESS_NS:
        assert tree_of(html)[0] <= found.nodes


@pytest.mark.parametrize("size", [300, 3_000, 12_000])
def test_hostile_pages_stay_below_their_bound(size: int) -> None:
    """Out of pages made by a grammar, those that are held harmless are no bigger than their bound."""
    for seed in range(100):
        page = hostile_page(seed, size)
        charset = page.content_type.partition("charset=")[2] or None
        assert_bounded(Page(URL, page.body, charset=charset).utf8)


PIECES = st.one_of(
    st.sampled_from(ELEMENTS).map("<{}>".format),
    st.sampled_from(ELEMENTS).map("</{}>".format),
    st.sampled_from(ELEMENTS).map("<{0}>x</{0}>".format),
    st.sampled_from(ELEMENTS).map("<{} a='>' b=\"<\">".format),
    st.sampled_from(
        [
            "x",
            " ",
            "<!-- -->",
            "<!-- <p> -->",
            "<",
            "&lt;",
            "<![CDATA[",
            "]]>",
            "<a b=",
            "'",
            '"',
            "\0",
        ]
    ),
)
MOTIFS = st.tuples(st.lists(PIECES, min_size=1, max_size=4).map("".join), st.integers(1, 60))


@given(motifs=st.lists(MOTIFS, min_size=1, max_size=4))
def test_any_page_stays_below_its_bound(motifs: list[tuple[str, int]]) -> None:
    """Whatever the markup, a page that is held harmless is no bigger than its bound; so it is in capital letters."""
    html = "".join(motif * times for motif, times in motifs)
    assert_bounded(html.encode())
    assert_bounded(in_capitals(html).encode())


BOMBS = {
    "formatting elements in each paragraph": "<p>"
    + "".join(f"<i a{n}>" for n in range(400))
    + "<p>x" * 2_000,
    "a formatting element with many attributes": "<p><b "
    + " ".join(f"a{n}" for n in range(3_000))
    + ">"
    + "<p>x" * 3_000,
    "a formatting element with a long attribute": "<p><b a='"
    + "v" * 20_000
    + "'>"
    + "<p>x" * 3_000,
    "nested elements": "<div>" * 6_000,
    "nested ruby texts": "<rt>" * 8_000,
    "nested list items": "<ul><li>" * 4_000,
    "nested tables": "<table><td>" * 4_000,
    "end tags without an element": "<x>" * 4_000 + "</y>" * 4_000,
    "misnested elements": "<b>" * 2_000 + "<div>" * 2_000 + "</b>" * 2_000,
    "links around blocks": ("<a>" + "<div>" * 8 + "</a>") * 800,
    "nesting hidden by comments": "<div><!--</div>-->" * 4_000,
    "nesting hidden by scripts": "<svg><script><div></script></svg>" * 3_000,
    "nesting hidden by attributes": "<div><a b='</div>'>" * 4_000,
    "nesting in foreign elements": "<svg><link>" * 4_000,
    "options copied": "<select>"
    + "<selectedcontent></selectedcontent>" * 100
    + ("<option selected>" + "<br>" * 100 + "</option>") * 4,
    "attributes on one tag": "<a " + " ".join(f"a{n}" for n in range(40_000)) + ">",
    "attributes on many tags of one element": "".join(f"<html a{n}>" for n in range(10_000)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name: str) -> None:
    """Pages that take superlinear time or memory are not held harmless on the event loop."""
    for bound in (parsing_bound(BOMBS[name].encode()), glanced(BOMBS[name].encode())):
        assert bound is None or bound.time_ns > QUICK_NS or bound.memory_bytes > QUICK_BYTES


def test_upper_case_hides_nothing() -> None:
    """Names of elements are compared without their case."""
    bomb = BOMBS["formatting elements in each paragraph"].encode()
    assert parsing_bound(bomb.upper()) == parsing_bound(bomb)


CARD = (
    '<article class="card"><a href="/p/{n}" class="a b" title="It\'s > all"><img src="/i/{n}.jpg" alt="">'
    "<svg viewBox='0 0 1 1'><path d='M0 0'/></svg></a><h2><a href=/p/{n}>Product <b>{n}</b></a></h2>"
    "<!-- price --><p>Costs <em>1 < 2</em> and <span class=price>{n}.00 &euro;</span></p>"
    "<ul><li>one<li>two</ul><form action='/cart'><input name=n value={n}><button>Buy</button></form></article>"
)
LINKED_CARD = (
    "<a href=/p/{n}><article><figure><img src=/{n}.jpg></figure><section><h3><span>Product</span> {n}</h3>"
    "<p><span>Blue</span>, <span>new</span></p><span>9</span><br><time>now</time></section></article></a>"
)
ROW = '<tr><td><a href="/{n}">{n}</a></td><td>{n}<br>{n}</td><td><i>{n}</i></td></tr>'
HEAD = (
    "<!doctype html><html lang=en><head><meta charset=utf-8><title>A shop</title>"
    "<link rel=stylesheet href=/s.css><script>if (a < b && c) { document.write('<p>'); }</script></head><body>"
)


@pytest.mark.parametrize(
    "html",
    [
        HEAD + "".join(CARD.format(n=n) for n in range(50)) + "</body></html>",
        HEAD
        + "<table><thead><tr><th>n</thead><tbody>"
        + "".join(ROW.format(n=n) for n in range(200))
        + "</table>",
        HEAD + "<div>" * 40 + "<p>deep</p>" + "</div>" * 40,
        HEAD + "<p>A paragraph with <b>bold</b> and <i>italic</i> <a href=x>links</a>." * 200,
        synthetic_page("shop.example", 3, [f"/p/{n}" for n in range(20)], 32_000).decode(),
    ],
)
def test_ordinary_pages_are_quick(html: str) -> None:
    """What shops, tables, and articles look like is parsed on the event loop."""
    assert len(html.encode()) <= 32 * 1024
    for bound in (parsing_bound(html.encode()), glanced(html.encode())):
        assert bound is not None
        assert bound.time_ns <= QUICK_NS
        assert bound.memory_bytes <= QUICK_BYTES


def test_a_link_around_a_card_is_ended() -> None:
    """However many tags are in a link, it is active no longer behind its end, if few of them are special."""
    found = glanced((HEAD + "".join(LINKED_CARD.format(n=n) for n in range(60))).encode())
    assert found is not None
    assert found.time_ns <= QUICK_NS


def test_long_tags_that_overlap_are_read_a_bounded_number_of_times() -> None:
    """Where each tag could go on to the end of the page, their lengths are not added up for ever."""
    bound = parsing_bound(b"<a b='<" * 50_000)
    assert bound.time_ns > HARMLESS_NS


def test_a_glance_counts_links_that_may_stay_open() -> None:
    """The adoption agency gives a link up with eight blocks in it; then the next link does not end it."""
    open_ones = (
        "".join(f"<a href={n}>" + "<div>" * 9 + "</div>" * 9 for n in range(40)) + "<p>x" * 400
    )
    ended = open_ones.replace("<div>" * 9 + "</div>" * 9, "<div></div>x</a>")
    few, many = glanced(ended.encode()), glanced(open_ones.encode())
    assert few is not None
    assert few.time_ns <= QUICK_NS
    assert many is None or many.time_ns > QUICK_NS


def test_a_glance_reads_capitals() -> None:
    """A page as it was written once is bounded as quickly, and as low; what may be active counts each time."""
    page = synthetic_page("shop.example", 1, ["/2"], 8_000).decode()
    old = in_capitals(page)
    assert old != page
    assert glanced(old.encode()) == glanced(page.encode())
    low, high = glanced(b"<p>" + b"<b c=x>" * 9), glanced(b"<p>" + b"<B c=x>" * 9)
    assert low is not None
    assert high is not None
    assert low.nodes < high.nodes


def test_a_glance_distinguishes_tags_that_differ_only_in_case() -> None:
    """`<b a=X>` and `<b a=x>` are two elements to the parser, and both may be active three times over."""
    same, different = b"<p>" + b"<b c=x>" * 9, b"<p>" + b"<b c=x><b c=X><b c=y>" * 3
    alike, apart = glanced(same), glanced(different)
    assert alike is not None
    assert apart is not None
    assert alike.nodes < apart.nodes


PARTS_OF_TAGS = st.sampled_from(
    [
        ' a="b"',
        " c='d'",
        " e=f",
        " g",
        '="x">',
        "='",
        '="',
        "'",
        '"',
        "=",
        " ",
        ">",
        "<p",
        "/",
        "It's",
        "= '>' ",
    ]
)


@given(
    parts=st.lists(
        st.tuples(
            st.lists(PARTS_OF_TAGS, min_size=1, max_size=5).map("".join), st.integers(1, 400)
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_glance_overlooks_no_long_tag(parts: list[tuple[str, int]]) -> None:
    """Whatever is in quotes, a page that is bounded at a glance has no tag that goes on for more than two windows."""
    text = "".join(
        "".join(f"{part} n{at}-{n}" for n in range(times)) for at, (part, times) in enumerate(parts)
    )
    html = f"<div>{text}".encode()
    if glanced(html) is not None:
        most = 2 * max(1024, len(html) // 32)
        nodes = parse(html, encoding="utf-8").select("*")
        assert max(len(node.attrs) for node in nodes) <= max(200, most // 2)


def test_a_glance_believes_no_end_in_quotes() -> None:
    """What ends a link in the value of an attribute of a tag behind it does not count as its end."""
    ended, open_ones = "<a href={}><p x=''></a>" * 40, "<a href={}><p x='></a>'>" * 40
    few, many = (
        glanced(ended.format(*range(40)).encode()),
        glanced(open_ones.format(*range(40)).encode()),
    )
    assert few is not None
    assert many is not None
    assert few.nodes < many.nodes


@pytest.mark.parametrize(
    "html",
    [
        "<a a='<'>x</a>",
        '<b x"=" >y</b>',
        "<title><b </title a=1>",
        "<selectedcontent>",
        "<a " + " ".join(f"a{n}" for n in range(20)) + ">",
        "<p " + " ".join(f"a{n}" for n in range(9_999)) + ">",
        "<p " + "a='=\"x\">' " * 999 + ">",
    ],
)
def test_a_glance_passes_over_no_surprise(html: str) -> None:
    """Where a tag that counts may not end at its first `>`, or any may be long, a page is not bounded at a glance."""
    assert glanced(html.encode()) is None
