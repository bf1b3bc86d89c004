"""From the options of a link to a request: what is sent, what is kept, what is refused."""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from scraper_cpn.scrape.asking import BODY_BYTES_MAX, DATA_BYTES_MAX, ready
from scraper_cpn.scrape.colours import Link
from scraper_cpn.scrape.pages.handlers import HandlerError, Handlers
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.parameters import HandlerParameters, name_of
from scraper_cpn.scrape.request import PLAIN, Request
from scraper_cpn.scrape.settings import UsageError

URL = "https://shop.example/find"


def request(**options: Any) -> Request:
    """Return the request of a link with these options."""
    link = ready(Link(URL, **options))
    assert link is not None
    return link.request or PLAIN


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, PLAIN),
        ({"method": "get"}, PLAIN),
        ({"method": "delete"}, Request(method="DELETE")),
        ({"json": None}, Request(method="POST", body=b"null", content_type="application/json")),
        (
            {"json": {"q": "é"}, "method": "PUT"},
            Request(method="PUT", body='{"q":"é"}'.encode(), content_type="application/json"),
        ),
        (
            {"form": {"q": "a b", "n": [1, 2], "no": None, "on": True}},
            Request(
                method="POST",
                body=b"q=a+b&n=1&n=2&on=true",
                content_type="application/x-www-form-urlencoded",
            ),
        ),
        (
            {"xml": "<a/>", "headers": {"Content-Type": "text/xml", "X-Key": "1"}},
            Request(
                method="POST", body=b"<a/>", content_type="text/xml", headers=(("X-Key", "1"),)
            ),
        ),
        (
            {"body": b"\0"},
            Request(method="POST", body=b"\0", content_type="application/octet-stream"),
        ),
        ({"data": {"n": 1}}, Request(data=msgspec.msgpack.encode({"n": 1}))),
    ],
)
def test_options(options: dict[str, Any], wanted: Request) -> None:
    """Each option has one meaning, and the method follows from the body."""
    assert request(**options) == wanted


def test_parameters_are_added_to_the_query() -> None:
    """Behind what the URL has, in the order given."""
    link = ready(Link("/find?a=1#top", params={"q": "a&b", "n": [1, 2]}), URL)
    assert link == Link("https://shop.example/find?a=1&q=a%26b&n=1&n=2")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (
            {"json": 1, "form": {}},
            "json and form are given; a request has one body, so give one of them",
        ),
        ({"json": object()}, "json can't be written"),
        ({"form": "a=b"}, "form is 'a=b'; give a dict or a list of pairs"),
        ({"params": {"a": object()}}, "params, a: the value is"),
        ({"body": 7}, "body is 7; give text or bytes"),
        ({"body": "x" * (BODY_BYTES_MAX + 1)}, "the body has 1,000,001 bytes; at most 1,000,000"),
        ({"data": {"x": "y" * DATA_BYTES_MAX}}, "data has 65,544 bytes; at most 65,536 travel"),
        ({"data": {"x": object()}}, "data can't be kept"),
        ({"data": [1]}, "data is \\[1\\]; give a dict whose keys are text"),
        ({"method": "A B"}, "the method is 'A B'; give a word such as POST"),
        ({"method": "connect"}, "the method CONNECT does not ask for a page"),
        ({"headers": {"Host": "x"}}, "the header Host can't be set here; it follows from the URL"),
        ({"headers": {"X": "a\r\nY: b"}}, "Name: value"),
        ({"session": 1}, "session is 1; give the name of a session"),
        ({"session": "pool 1"}, "names that begin with 'pool ' are those of sessions=N"),
    ],
)
def test_refusals(options: dict[str, Any], line: str) -> None:
    """Nonsense is refused where the link is made, in one line that says what is allowed."""
    with pytest.raises(ValueError, match=line):
        Page.from_html("", url=URL).link("/x", **options)


def test_identity() -> None:
    """A GET is its URL; anything else is method, URL, body and session, whatever its headers and data."""
    same = request(json=[1], data={"a": 1}, headers={"X": "1"}).identity(URL)
    assert same == request(json=[1]).identity(URL)
    others = [
        request(),
        request(json=[2]),
        request(json=[1], method="PUT"),
        request(session="a"),
        request(session="b"),
    ]
    assert len({same, *(each.identity(URL) for each in others)}) == 6
    assert request(data={"a": 1}, headers={"X": "1"}).identity(URL) == URL


def product(page: Page, category: str, rank: int = 3) -> None: ...
def anything(page: Page, **data: Any) -> None: ...
def plain(page: Page) -> None: ...


class Shop:
    def product(self, page: Page, category: str) -> None: ...


@pytest.mark.parametrize(
    ("handler", "data", "given"),
    [
        (product, {"category": "a"}, {"category": "a"}),
        (product, {"category": "a", "rank": 7}, {"category": "a", "rank": 7}),
        (anything, {"x": 1}, {"x": 1}),
        (plain, {"x": 1}, {}),
        (Shop().product, {"category": "a"}, {"category": "a"}),
        (partial(product, rank=5), {"category": "a"}, {"category": "a"}),
    ],
)
def test_data_becomes_arguments(
    handler: Callable[..., Any], data: dict[str, Any], given: dict[str, Any]
) -> None:
    """The data of a link is what a handler takes behind the page; bound methods and partials are handlers, too."""
    assert HandlerParameters(handler).given(msgspec.msgpack.encode(data)) == given
    assert Page.from_html("").link("/x", to=handler, data=data).to == name_of(handler)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (None, "product takes category, rank, and the data does not fit: .*`category`"),
        ({"category": 1}, "does not fit: Expected `str`, got `int`"),
        ({"category": "a", "colour": "b"}, "product takes category, rank, but the data has colour"),
    ],
)
def test_data_is_checked_where_the_link_is_made(data: Any, line: str) -> None:
    """By the signature of its handler; for one that is only named, when the link is yielded."""
    with pytest.raises(ValueError, match=line):
        Page.from_html("").link("/x", to=product, data=data)
    handlers = Handlers()
    handlers.page("")(product)
    with pytest.raises(HandlerError, match=line):
        handlers.checked(Link(URL, "product", data=data))


def test_a_type_that_cannot_travel() -> None:
    """Is refused when the handler is declared."""

    def odd(page: Page, ids: list[int] | set[int]) -> None: ...

    with pytest.raises(UsageError, match="odd: a parameter has a type that can't travel"):
        Handlers().page()(odd)


def test_a_seed_may_be_a_link() -> None:
    """With all its options; a mistake is the user's."""
    handlers = Handlers()
    handlers.page("")(product)
    seed = handlers.seed(Link("HTTPS://shop.example", product, data={"category": "a"}), 0)
    assert isinstance(seed, Link)
    assert (seed.url, seed.to) == ("https://shop.example/", "product")
    with pytest.raises(UsageError, match="category"):
        handlers.seed(Link(URL, product), 0)
