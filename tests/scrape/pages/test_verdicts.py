"""What a handler raises on purpose: another attempt, an end of the page, an end of the crawl; what it keeps."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from msgspec.structs import replace

from scraper_cpn import Drop, Page, Retry, Stop
from scraper_cpn.scrape.colours import (
    Bad,
    Deferred,
    Link,
    Parsed,
    ParseOutcome,
    Proxy,
    ProxyFault,
    Raw,
)
from scraper_cpn.scrape.pages.handlers import Handlers
from scraper_cpn.scrape.pages.parse import Parser
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from scraper_cpn.scrape.state.packing import GONE

URL = "https://shop.example/"
PROXY = Proxy("http://p:1", url="http://p:1", slots=2)
POLICY = Policy(Settings(proxies=(PROXY,)))
RAW = Raw(POLICY.frontier.seed(URL), replace(GONE, url=URL, status=200), "http://p:1")


def outcome(handler: Callable[..., Any], *, keep_partial: bool = False) -> ParseOutcome:
    """Return the outcome of a page with this handler."""
    handlers = Handlers()
    handlers.page(keep_partial=keep_partial)(handler)
    parser = Parser(POLICY.settings, POLICY.frontier.discover, handlers)

    return anyio.run(_parsed, parser)


def yields(error: Exception) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return a plain and an async handler that yield an item and a link, and raise."""

    def plain(page: Page) -> Iterator[Any]:
        yield {"n": 1}
        yield page.link("/next")
        raise error

    async def later(page: Page) -> AsyncIterator[Any]:
        yield {"n": 1}
        yield page.link("/next")
        raise error

    return plain, later


def test_retry() -> None:
    """Nothing is kept, and the page fails an attempt; the proxy rests if it should come another way."""
    for handler in yields(Retry("soft block", after=30, elsewhere=True)):
        found = outcome(handler)
        assert found == Deferred("soft block", 30 * SECOND, elsewhere=True)
        assert isinstance(found, Deferred)
        row = POLICY.pipeline.deferred(RAW, found)
        assert (row.kind, row.retry, row.wait_ns) == ("retry", True, 30 * SECOND)
        assert POLICY.proxies.elsewhere(RAW, found) == [ProxyFault("http://p:1")] * 2
    assert POLICY.proxies.elsewhere(RAW, Deferred("x")) == []
    assert POLICY.pipeline.deferred(RAW, Deferred("x")).wait_ns > 0
    with pytest.raises(ValueError, match="duration"):
        Retry("x", after="soon")


def test_drop() -> None:
    """The page ends, and nothing of it is kept."""
    for handler in yields(Drop("an empty page")):
        assert outcome(handler) == Bad("drop", "an empty page")


def test_stop() -> None:
    """What was yielded is kept, and the gate is asked to close."""
    for handler in yields(Stop("enough")):
        found = outcome(handler)
        assert isinstance(found, Parsed)
        assert (found.items, len(found.targets), found.stop) == (({"n": 1},), 1, "enough")
        assert POLICY.pipeline.stop(found) is not None
    assert POLICY.pipeline.stop(Parsed((), ())) is None


def test_all_or_nothing_by_default() -> None:
    """With `keep_partial` what came before is kept, and the error is a row of the log beside it."""
    for handler in yields(KeyError("price")):
        assert isinstance(outcome(handler), Bad)
        found = outcome(handler, keep_partial=True)
        assert isinstance(found, Parsed)
        assert (found.items, len(found.targets)) == (({"n": 1},), 1)
        (row,) = POLICY.pipeline.told(RAW, found)
        assert (row.kind, row.final) == ("partial", False)
        assert "raised KeyError: 'price'" in row.reason


def test_links_to_no_web_address_are_counted() -> None:
    """None, `javascript:` and `mailto:` are no errors of the page."""

    def handler(page: Page) -> list[Link]:
        return [page.link(None), page.link("javascript:x"), Link("mailto:x"), page.link("/a")]

    found = outcome(handler)
    assert isinstance(found, Parsed)
    assert (found.no_address, len(found.targets)) == (3, 1)


def test_a_saved_page(tmp_path: Path) -> None:
    """A handler is tried on a file, with what its link carried."""
    path = tmp_path / "a.html"
    path.write_bytes(b"<meta charset=latin1><h1>caf\xe9</h1>")
    page = Page.from_file(path, URL, {"n": 1})
    assert (page.text("h1"), page.data, page.url) == ("café", {"n": 1}, URL)


def test_error_pages_go_to_the_handler_that_takes_them() -> None:
    """The named one first, then the first that fits; without one the answer is a failure."""
    handlers = Handlers()

    def product(page: Page) -> None: ...
    def gone(page: Page) -> None: ...

    handlers.page("*/p/*")(product)
    handlers.page("*", status=[404, 410])(gone)
    target = replace(RAW.target, handler="product")
    assert handlers.statuses(target) == {404, 410}
    assert [
        getattr(handlers.find("product", URL, each), "name", None) for each in (200, 404, 500)
    ] == [
        "product",
        "gone",
        None,
    ]
    assert handlers.find("", URL) is None
    with pytest.raises(UsageError, match="429 brings no page"):
        handlers.page(status=429)


def test_a_page_asks_for_itself_again() -> None:
    """`page.retry(...)` is `raise Retry(...)`."""

    def handler(page: Page) -> None:
        page.retry("soft block", after=30, elsewhere=True)

    assert outcome(handler) == Deferred("soft block", 30 * SECOND, elsewhere=True)


def test_a_program_says_which_pages_are_refusals() -> None:
    """Such a page is fetched again another way, with and without handlers; a function that raises fails the page."""

    def wrong(page: Page) -> bool:
        raise ValueError(page.url)

    message = []
    for banned in (lambda page: page.url == URL, lambda page: page.url != URL, wrong):
        for handled in (True, False):
            handlers = Handlers(banned)
            if handled:
                handlers.page()(lambda _: None)
            parser = Parser(POLICY.settings, POLICY.frontier.discover, handlers)
            message.append(anyio.run(_parsed, parser))
    refused = Deferred("the page is a refusal (banned)", 0, elsewhere=True)
    assert message[:2] == [refused, refused]
    assert [type(each) for each in message[2:]] == [Parsed, Parsed, Bad, Bad]


async def _parsed(parser: Parser) -> ParseOutcome:
    found = parser.parse(RAW)
    return found if isinstance(found, ParseOutcome) else await found
