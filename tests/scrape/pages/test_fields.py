"""`name=css` is read as written, or refused with a line that says how it is written."""

import pytest

from scraper_cpn.scrape.pages.cut import Cut
from scraper_cpn.scrape.pages.fields import check_names, field_rule, take_fields
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.settings import FieldRule, PageLimits, UsageError


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("price=.price", FieldRule("price", ".price")),
        (" price = .price ", FieldRule("price", ".price")),
        ("tags[]=.tag", FieldRule("tags", ".tag", many=True)),
        ("next=li.next a::attr(href)", FieldRule("next", "li.next a::attr(href)")),
        ("img[]=img::attr( SRC )", FieldRule("img", "img::attr( SRC )", many=True)),
        ("name=h1::text", FieldRule("name", "h1::text")),
        ("lang=html[lang=en] p", FieldRule("lang", "html[lang=en] p")),
        ("Größe (cm)=.size", FieldRule("Größe (cm)", ".size")),
    ],
)
def test_notation(text: str, rule: FieldRule) -> None:
    """Everything behind the first `=` is the selector."""
    assert field_rule(text) == rule


@pytest.mark.parametrize("text", ["", "price", "=.price", "price=", "[]=.x", " = ", "a\nb=.x"])
def test_no_rule(text: str) -> None:
    """A rule without name or selector is refused with examples of good ones."""
    with pytest.raises(UsageError, match=r"a field is NAME=SELECTOR, for example 'price=\.price'"):
        field_rule(text)


@pytest.mark.parametrize("css", ["a[", "::attr(href)", "p::before", "a::attr()", ":has("])
def test_bad_selectors(css: str) -> None:
    """A bad selector is named, in one line, before anything is fetched."""
    with pytest.raises(UsageError) as error:
        field_rule(f"x={css}")
    assert f"'x={css}'" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_name_is_taken_once() -> None:
    """Of two fields of one name the first would silently be lost."""
    check_names([field_rule("a=p"), field_rule("b=p")])
    with pytest.raises(UsageError, match="two fields have the name 'a'"):
        check_names([field_rule("a=p"), field_rule("a[]=i")])


def taken(html: str, *rules: str) -> dict[str, object]:
    return dict(take_fields(Page.from_html(html), map(field_rule, rules), Cut(PageLimits())))


def test_values() -> None:
    """A text, a list, an attribute as the page has it; null and [] where nothing matches."""
    html = "<p> a  b </p><p>c</p><a href='../x y'>1</a><a>2</a>"
    rules = ("one=p", "all[]=p", "href=a::attr(href)", "hrefs[]=a::attr(href)", "no=i", "none[]=i")
    assert taken(html, *rules) == {
        "one": "a b",
        "all": ["a b", "c"],
        "href": "../x y",
        "hrefs": ["../x y"],
        "no": None,
        "none": [],
    }


def test_a_text_that_is_empty_is_no_null() -> None:
    """An element that is there and empty gives an empty text."""
    assert taken("<p></p><i title>", "p=p", "t=i::attr(title)") == {"p": "", "t": ""}


def test_enormous_values_are_cut() -> None:
    """A selector that hits too much fills no item with it, and what was left out is reported."""
    html = f"<p title={'t' * 30}>{'x' * 30}</p>" + "<i>y</i>" * 12
    cut = Cut(PageLimits(values=10, text_chars=20))
    rules = [field_rule(text) for text in ("p=p", "t=p::attr(title)", "i[]=i", "ps[]=p", "b=b")]
    assert take_fields(Page.from_html(html), rules, cut) == {
        "p": "x" * 20,
        "t": "t" * 20,
        "i": ["y"] * 10,
        "ps": ["x" * 20],
        "b": None,
    }
    assert cut.lines == (
        "the field p has 30 characters; --max-text keeps 20",
        "the field t has 30 characters; --max-text keeps 20",
        "the field i has 12 values; --max-values keeps 10",
        "the field ps has 30 characters; --max-text keeps 20",
    )
