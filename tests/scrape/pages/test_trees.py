"""HTML and XML answer the same questions: text, title, links, elements."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.pages.html_tree import HtmlTree
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.tree import (
    BREAKS,
    FOREIGN_BREAKS,
    FOREIGN_UNSEEN,
    UNSEEN,
    fold,
    has_odd_space,
    number_text,
)

RSS = """<?xml version="1.0"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom">
<channel><title>News &amp; more</title><link>https://news.example/</link><atom:link href="/feed"/>
<item><title><![CDATA[Tom & <b>Jerry</b>]]></title><link> /one </link><dc:creator>Bob</dc:creator>
<guid>https://news.example/1</guid><description>&lt;p&gt;Hi&nbsp;there &copy; R&D</description></item>
<item><title>Two</title><guid isPermaLink="false">https://news.example/no</guid></item>
</channel></rss>"""

ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://blog.example/b/"><title>Blog</title>
<entry><title>First</title><link rel="alternate" href="first"/><content type="xhtml">
<div xmlns="http://www.w3.org/1999/xhtml">One<br/>two<script>no</script> <a href="in">link</a></div>
</content></entry></feed>"""

XHTML = """<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>An&nbsp;X</title><base href="/b/"/></head>
<body><p>One<br/>two</p><script>no &lt; code</script><p hidden="">no</p><a href="l">link</a>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><title>no</title>
<a xlink:href="s"><text>drawn</text></a></svg></body></html>"""


def xml(
    text: str, content_type: str = "application/xml", url: str = "https://news.example/"
) -> Page:
    return Page(url, text.encode(), content_type=content_type, charset="utf-8")


def urls(page: Page) -> list[str]:
    return page.urls_of(("a", "area", "feed"))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<ul><li>a<li>b</ul>", "a b"),
        ("1 Main St<br>Springfield", "1 Main St Springfield"),
        ("<table><tr><td>a<td>b<tr><th>c</table>", "a b c"),
        ("<dl><dt>a<dd>b</dl><h2>c</h2>d", "a b c d"),
        ("<select><option>a<option>b</select>", "a b"),
        ("J<b>oh</b>n <a>Doe</a>, <span>x</span><span>y</span>", "John Doe, xy"),
        ("<my-a>a</my-a><my-a>b</my-a>", "ab"),
        ("a<wbr>b<img alt=no>c<button>d</button>", "abcd"),
        ("a<script>no</script><style>no</style><noscript>b</noscript>", "ab"),
        ("<textarea>no</textarea><iframe>no</iframe><video>no</video><canvas>no</canvas>a", "a"),
        ("<p hidden>no</p>a<p style='color:red; DISPLAY : none'>no</p>", "a"),
        ("<i style=visibility:hidden>no</i>a<dialog>no</dialog><dialog open>b</dialog>", "a b"),
        ("<span style=display:block>a</span><span style='display:inline'>b</span>c", "a bc"),
        ("<details><summary>a</summary>b</details>", "a b"),
        ("<svg><title>no</title><text>a</text><text>b</text><desc>no</desc></svg>", "a b"),
        ("<math><mi>x</mi><annotation>no</annotation></math>", "x"),
        ("<template>no</template><datalist><option>no</datalist>a", "a"),
        ("<ruby>a<rp>(</rp><rt>b</rt><rp>)</rp></ruby>", "ab"),
        ("<pre>a\n  b</pre>", "a b"),
        ("<title>no</title><div><div><b>a</b></div></div>b", "a b"),
        ("a&nbsp;&nbsp;b \u3000 c", "a b c"),
    ],
)
def test_one_meaning_of_text(html: str, text: str) -> None:
    """The text of a page, of an element and of a field is what a browser shows."""
    page = Page.from_html(html)
    assert page.text() == text
    assert page.text("body") == text
    assert page.css("body")[0].text() == text
    assert Page.from_html(f"<div id=it>{html}</div>").text("#it") == text


def test_what_is_never_shown_is_given_when_asked_for() -> None:
    """A script, a style or a hidden element has a text of its own, folded or as it is."""
    page = Page.from_html(
        '<script type=json>{"a":\n 1}</script><p hidden>x  y</p><pre>a\n  b</pre>'
    )
    assert page.text("script") == '{"a": 1}'
    assert page.raw_text("script") == '{"a":\n 1}'
    assert (page.text("p"), page.raw_text("p")) == ("x y", "x  y")
    assert page.raw_text("pre") == "a\n  b"
    assert page.css("pre")[0].raw_text() == "a\n  b"
    assert page.raw_text("i") is None


@given(depth=st.integers(0, 2_000), tag=st.sampled_from(["div", "span", "b", "table", "svg"]))
def test_deep_pages_are_read(depth: int, tag: str) -> None:
    """However deeply elements are nested, the text inside is found."""
    assert Page.from_html(f"<{tag}>" * depth + "x").text() == "x"


def test_the_title_is_that_of_the_page() -> None:
    """An image has a title as well, which is no title of the page."""
    assert Page.from_html("<svg><title>no</title></svg><title> A\n b </title>").title == "A b"
    assert Page.from_html("<svg><title>no</title></svg>").title is None


def test_what_is_in_a_template_is_not_of_the_page() -> None:
    """Neither a title nor a base in it counts: it is another document."""
    page = Page.from_html(
        "<template><title>no</title><base href=/no/></template><title>yes</title><base href=/yes/>"
    )
    assert page.title == "yes"
    assert page.base == "https://example.com/yes/"


def test_links_of_html() -> None:
    """Links are those of `a` and `area`, in SVG too, and never inside of a template."""
    html = "<a href=1><svg><a href=2></a><a xlink:href=3></a></svg><template><a href=no></template>"
    page = Page.from_html(f"{html}<map><area href=4></map><link href=no><math><a href=no></math>")
    assert [url.rpartition("/")[2] for url in urls(page)] == ["1", "2", "3", "4"]
    assert page.css("template a") == []


def test_a_feed_of_rss() -> None:
    """CDATA, entities of HTML, stray ampersands, namespaces and links are read as they are meant."""
    page = xml(RSS, "application/rss+xml")
    assert page.title == "News & more"
    assert page.texts("item > title") == ["Tom & <b>Jerry</b>", "Two"]
    assert (
        page.texts("dc|creator") == page.texts("creator") == page.texts("//dc:creator") == ["Bob"]
    )
    assert page.text("description") == "<p>Hi there © R&D"
    assert page.css("creator")[0].tag == "dc:creator"
    assert (page.texts("no|such"), page.texts("//no:such")) == ([], [])
    assert page.texts("//item/title[re:test(., '^Tw')]") == page.texts("item > title")[1:]
    assert urls(page) == [
        "https://news.example/",
        "https://news.example/feed",
        "https://news.example/one",
        "https://news.example/1",
    ]
    text = page.text()
    assert text is not None
    assert text.startswith("News & more https://news.example/ Tom & <b>Jerry</b> /one Bob")


def test_a_feed_of_atom() -> None:
    """The links of Atom are attributes, its content may be XHTML, and `xml:base` counts."""
    page = xml(ATOM, "application/atom+xml")
    assert (page.title, page.base) == ("Blog", "https://blog.example/b/")
    assert urls(page) == ["https://blog.example/b/first", "https://blog.example/b/in"]
    assert page.text("content") == "One two link"
    assert page.css("link")[0].url() == "https://blog.example/b/first"


def test_xhtml_is_xml() -> None:
    """A page of XHTML means what the same HTML means, by CSS and by XPath."""
    page = xml(XHTML, "application/xhtml+xml")
    assert (page.title, page.text()) == ("An X", "One two link drawn")
    assert page.texts("//p") == page.texts("p") == ["One two", "no"]
    assert urls(page) == ["https://news.example/b/l", "https://news.example/b/s"]


def test_a_sitemap() -> None:
    """The pages of a sitemap are its links."""
    sitemap = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://s.example/a</loc></url></urlset>'
    assert urls(xml(sitemap)) == ["https://s.example/a"]


@pytest.mark.parametrize(
    ("broken", "text"),
    [
        ("", ""),
        ("no xml", ""),
        ("<a>one<b>two", "one two"),
        ("<a>one</b>two</a>", "one"),
        ("<a>1&#0;2&#xD800;3&#x41;4&#q;&#99999999;5</a>", "1\ufffd2\ufffd3A4\ufffd\ufffd5"),
        ("<a>R&D &undefined; &amp; \x01</a>", "R&D &undefined; &"),
        ("<a><![CDATA[&nbsp;]]><!-- &nbsp; --></a>", "&nbsp;"),
        ("<a/>rest", ""),
    ],
)
def test_xml_that_is_not_well_formed(broken: str, text: str) -> None:
    """As much is read as makes sense, and nothing raises."""
    page = xml(broken)
    assert page.text() == text
    assert (page.title, urls(page), page.texts("no"), page.texts("//no")) == (None, [], [], [])


def test_xml_bombs_do_nothing() -> None:
    """No entity is expanded, nothing is fetched, and elements nest no deeper than libxml2 allows."""
    entities = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    bomb = f'<!DOCTYPE l [<!ENTITY l0 "lol">{entities}<!ENTITY f SYSTEM "file:///etc/passwd">]><l>&l9;&f;</l>'
    assert xml(bomb).text() == "&l9;&f;"
    assert xml("<a>" * 100_000).text() == ""


def test_elements_know_their_neighbours() -> None:
    """Parent, children and siblings are elements, in HTML and in XML."""
    for page in (
        Page.from_html("x<p>y<i>1</i>z<b>2</b></p>"),
        xml("<r>x<p>y<i>1</i><!-- --><b>2</b></p></r>"),
    ):
        first, second = page.css("p")[0].children
        assert (first.tag, second.tag) == ("i", "b")
        assert first.next is not None
        assert first.next.tag == "b"
        assert second.previous is not None
        assert second.previous.text() == "1"
        assert (first.previous, second.next) == (None, None)
        assert first.parent is not None
        assert first.parent.tag == "p"
        top = first
        while top.parent is not None:
            top = top.parent
        assert (top.parent, top.next) == (None, None)
        assert first.matches("p > i")
        assert not first.matches("b")


def test_attributes() -> None:
    """Names of HTML are in lower case; those of XML have their prefixes; a URL can be made absolute."""
    element = Page.from_html(
        "<base href=/b/><a HREF=x class='a b' hidden>", "https://h.example/"
    ).css("a")[0]
    assert element.attrs == {"href": "x", "class": "a b", "hidden": ""}
    assert (element.url(), element.url("src"), element.url("CLASS")) == (
        "https://h.example/b/x",
        None,
        "https://h.example/b/a%20b",
    )
    page = xml('<r xmlns:x="urn:x" a="1" x:b="2" xml:lang="en"/>')
    assert page.attr("r", "a") is None  # a selector finds what is inside of the root
    assert page.xpath("/r")[0].attrs == {"a": "1", "x:b": "2", "xml:lang": "en"}
    assert page.texts("/r/@x:b") == ["2"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (3.0, "3"),
        (-0.5, "-0.5"),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_numbers_of_xpath(number: float, text: str) -> None:
    """A number is written as XPath 1.0 writes it."""
    assert number_text(number) == text


@pytest.mark.parametrize(
    ("html", "body"),
    [
        ("<b>1<p>2</b>3</p>", "<b>1</b><p><b>2</b>3</p>"),
        ("<table>x<tr><td>y", "x<table><tbody><tr><td>y</td></tr></tbody></table>"),
        ("<!doctype html><p><table>", "<p></p><table></table>"),
        ("<a href=1>1<a href=2>2", '<a href="1">1</a><a href="2">2</a>'),
    ],
)
def test_the_parser_follows_the_standard(html: str, body: str) -> None:
    """Shapes that parsers get wrong: the adoption agency, foster parents, and what closes what."""
    assert Page.from_html(html).css("body")[0].html == f"<body>{body}</body>"


NAMES = sorted(
    BREAKS
    | UNSEEN
    | FOREIGN_BREAKS
    | FOREIGN_UNSEEN
    | {"a", "b", "font", "slot", "x-y", "svg", "math", "mi"}
)
ATTRIBUTES = ["", "", "", " hidden", " style='display:none'", " style='display:block'", " open"]
BITS = st.one_of(
    st.builds("<{}{}>".format, st.sampled_from(NAMES), st.sampled_from(ATTRIBUTES)),
    st.sampled_from(NAMES).map("</{}>".format),
    st.sampled_from(
        [
            "x",
            "y",
            " ",
            "\n",
            " z  ",
            "&nbsp;",
            "\u3000",
            "\x0b",
            "<!-- c -->",
            "<?p?>",
            "<![CDATA[q]]>",
        ]
    ),
)


@given(html=st.lists(BITS, max_size=40).map("".join))
def test_the_quick_way_to_a_text_finds_the_same(html: str) -> None:
    """The text for which a tree is given up is the text of the page; asked again, the tree says what it said before."""
    tree = HtmlTree(html)
    text = tree.last_text()
    assert text == HtmlTree(html).page_text()
    assert text == tree.page_text()


def test_names_of_svg_mean_nothing_in_mathml() -> None:
    """Only the `<foreignObject>` of SVG ends a word, on both ways to a text."""
    for html, text in (("<math>a<foreignObject>b", "ab"), ("<svg>a<foreignObject>b", "a b")):
        tree = HtmlTree(html)
        assert (tree.page_text(), tree.last_text()) == (text, text)


def test_all_white_space_is_folded() -> None:
    """The quick test for white space knows each character at which a text is folded."""
    spaces = [each for each in map(chr, range(0x110000)) if not fold(each)]
    assert all(has_odd_space(each) for each in spaces if each != " ")
    assert not has_odd_space("a b\u200b")
