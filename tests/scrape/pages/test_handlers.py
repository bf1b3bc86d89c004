"""Which handler takes a page, what it may answer, and when it may run on the event loop."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from scraper_cpn.scrape.colours import Link
from scraper_cpn.scrape.crawl import Crawl
from scraper_cpn.scrape.pages import handlers as module
from scraper_cpn.scrape.pages.handlers import (
    QUICK_CALLS,
    QUICK_NS,
    Handler,
    HandlerError,
    Handlers,
    collect,
    collect_async,
    is_item,
)
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.settings import UsageError

LINK = Link("https://a.example/")


def results_of(answer: object) -> list[Any]:
    """Return the items and links in the answer of a plain handler."""
    results: list[Any] = []
    collect(answer, results)
    return results


async def async_results_of(answer: object) -> list[Any]:
    """Return the items and links in the answer of an `async` handler."""
    results: list[Any] = []
    await collect_async(answer, results)
    return results


class Quote(Struct):
    text: str


@dataclass
class Author:
    name: str


def declared(*patterns: str) -> Handlers:
    """Handlers named h0, h1, ... for these patterns."""
    handlers = Handlers()
    for number, pattern in enumerate(patterns):

        def handler(page: Page) -> None: ...

        handler.__name__ = f"h{number}"
        handlers.page(pattern)(handler)
    return handlers


def found(handlers: Handlers, name: str, url: str) -> str | None:
    handler = handlers.find(name, url)
    return None if handler is None else handler.name


def test_a_handler_stays_a_function() -> None:
    """Declaring changes nothing, so that a handler is tested by calling it."""

    def quotes(page: Page) -> str | None:
        return page.title

    assert Handlers().page("*")(quotes) is quotes
    assert quotes(Page.from_html("<title>T</title>")) == "T"


def test_the_first_pattern_that_fits_wins() -> None:
    """Handlers are asked in the order of their declaration."""
    handlers = declared("*/page/*", "https://*", "*")
    assert found(handlers, "", "https://a.example/page/1") == "h0"
    assert found(handlers, "", "https://a.example/other") == "h1"
    assert found(handlers, "", "http://a.example/other") == "h2"
    assert found(declared("*/page/*"), "", "https://a.example/") is None


def test_a_link_names_its_handler() -> None:
    """A name decides, whatever the URL is."""
    handlers = declared("*", "")
    assert found(handlers, "h1", "https://a.example/") == "h1"
    assert found(handlers, "h2", "https://a.example/") is None
    assert ("h1" in handlers, "h2" in handlers, len(handlers)) == (True, False, 2)
    assert handlers.names == ("h0", "h1")
    assert "<Handler h0 for '*'>" in repr(handlers)


@pytest.mark.parametrize(
    ("pattern", "url", "fits"),
    [
        ("*/search?q=*", "https://a.example/search?q=x", True),
        ("*/search?q=*", "https://a.example/searchXq=x", False),
        ("*/a[1]", "https://a.example/a[1]", True),
        ("*/a[1]", "https://a.example/a1", False),
        ("https://a.example", "https://a.example/", False),
        ("", "https://a.example/", False),
    ],
)
def test_patterns(pattern: str, url: str, fits: bool) -> None:
    """Only `*` is special: `?` and brackets are parts of URLs."""
    assert (found(declared(pattern), "", url) == "h0") is fits


@given(
    parts=st.lists(st.text(alphabet="ab?[.\n", max_size=3), min_size=1, max_size=4), data=st.data()
)
def test_a_star_is_any_text(parts: list[str], data: st.DataObject) -> None:
    """A pattern fits each URL that is made by filling in its stars."""
    fill = [data.draw(st.text(alphabet="ab/?\n", max_size=3)) for _ in parts]
    url = parts[0] + "".join(f + p for f, p in zip(fill, parts[1:], strict=False))
    assert found(declared("*".join(parts)), "", url) == "h0"


def test_names_are_unique() -> None:
    """Links name handlers, so two of one name are refused when the second is declared."""
    handlers = declared("*")

    def h0(page: Page) -> None: ...

    with pytest.raises(UsageError, match="page handler 'h0' already"):
        handlers.page("x")(h0)


def test_a_handler_has_one_pattern() -> None:
    """A function that is decorated twice is refused with what to do, since it has no other name to take."""
    handlers = Handlers()
    with pytest.raises(UsageError, match=r"'order' has the pattern '\*/order/\*' already"):

        @handlers.page("*/ext/*")
        @handlers.page("*/order/*")
        def order(page: Page) -> None: ...


def generator() -> Iterator[object]:
    yield Quote("a")
    yield LINK


async def async_generator() -> AsyncIterator[object]:
    yield Quote("a")
    yield LINK


async def coroutine(answer: object) -> object:
    return answer


@pytest.mark.parametrize(
    ("answer", "results"),
    [
        (None, []),
        (Quote("a"), [Quote("a")]),
        (Author("x"), [Author("x")]),
        ({"text": "a"}, [{"text": "a"}]),
        (LINK, [LINK]),
        ([], []),
        ([Quote("a"), LINK], [Quote("a"), LINK]),
        (({"n": n} for n in range(2)), [{"n": 0}, {"n": 1}]),
        (generator(), [Quote("a"), LINK]),
    ],
)
def test_answers(answer: object, results: list[Any]) -> None:
    """A handler answers with nothing, one result, or any iterable of results."""
    assert results_of(answer) == results


@pytest.mark.parametrize(
    ("answer", "results"),
    [
        (async_generator, [Quote("a"), LINK]),
        (lambda: coroutine(None), []),
        (lambda: coroutine(Quote("a")), [Quote("a")]),
        (lambda: coroutine([Quote("a"), LINK]), [Quote("a"), LINK]),
        (lambda: coroutine(generator()), [Quote("a"), LINK]),
    ],
)
def test_async_answers(answer: Any, results: list[Any]) -> None:
    """The same holds for handlers that are async."""
    assert anyio.run(async_results_of, answer()) == results


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("text", "returned str 'text'"),
        (b"x", "returned bytes b'x'"),
        (7, "returned int 7"),
        (Quote, "returned StructMeta <class"),
        ([Quote("a"), "text"], "yielded str 'text'"),
        ([None], "yielded NoneType None"),
        ([Author], "yielded type <class"),
        ([["nested"]], "yielded list ['nested']"),
        ("x" * 1000, "xxx...;"),
    ],
)
def test_what_is_no_answer(answer: object, message: str) -> None:
    """Whatever else is returned or yielded is said, with what is allowed."""
    with pytest.raises(HandlerError, match=r"items .* and links are allowed") as error:
        results_of(answer)
    assert message in str(error.value)
    assert len(str(error.value)) < 250


def test_an_endless_handler_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A generator that never ends would fill the memory."""
    monkeypatch.setattr(module, "RESULTS_MAX", 3)

    def endless() -> Iterator[Quote]:
        while True:
            yield Quote("a")

    with pytest.raises(HandlerError, match="more than 3 items and links"):
        results_of(endless())


def test_is_item() -> None:
    """Records are items; classes of records and plain values are not."""
    assert all(map(is_item, [Quote("a"), Author("x"), {}, LINK]))
    assert not any(map(is_item, [Quote, Author, "x", 1, None, [], (1,)]))


def test_a_handler_earns_its_place_on_the_loop() -> None:
    """After enough quick calls in a row it is quick, and one slow call ends that."""
    handler = Handler(lambda page: None, "*")
    for _ in range(QUICK_CALLS):
        assert not handler.is_quick
        handler.took(QUICK_NS - 1)
    assert handler.is_quick
    handler.took(QUICK_NS)
    assert not handler.is_quick


def test_async_handlers_are_known() -> None:
    """Both kinds of async functions, and no others."""

    async def one(page: Page) -> None: ...

    async def many(page: Page) -> AsyncIterator[Quote]:
        yield Quote("a")

    assert [Handler(f, "*").is_async for f in (one, many, generator)] == [True, True, False]


class Called:
    def __call__(self, page: Page) -> None: ...


def test_a_decorator_without_parentheses() -> None:
    """It declares a handler of all pages, as `page()` does; links find an object that is called by its class."""
    crawl: Crawl[Any] = Crawl()

    @crawl.page
    def every(page: Page) -> None: ...

    called = Called()
    crawl.page("")(called)
    assert crawl.handlers.find("", "http://a.example/") is not None
    link = crawl.handlers.checked(Link("http://a.example/", to=called))
    assert link is not None
    assert link.to == "Called"


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda crawl: crawl.page(5), "the pattern is 5; give a text"),
        (lambda crawl: crawl.page(["*/a", "*/b"]), "for each handler one"),
        (lambda crawl: crawl.page("*")(5), "is a function of a page, not 5"),
        (lambda crawl: crawl.page()(lambda: None), "'<lambda>' takes no page"),
        (lambda crawl: crawl.login(print), "is no URL; write @crawl.login"),
    ],
)
def test_a_wrong_declaration(declare: Any, said: str) -> None:
    """It is refused at once, in one line, and not by each page."""
    with pytest.raises(UsageError, match=re.escape(said)):
        declare(Crawl())
