"""A handler that runs in a process of its own does what it does in the crawl's, and can be ended."""

import asyncio
import os
import signal
import threading
from collections.abc import Awaitable, Callable, Iterator
from inspect import isawaitable
from typing import Any

import anyio
import pytest
from msgspec import Struct

from scraper_cpn.scrape.colours import Bad, Link, Parsed, ParseOutcome
from scraper_cpn.scrape.pages.handlers import Handlers
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.parse import Parser
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from tests.scrape.sample_pages import raw

LONG_NS = 60 * SECOND
HTML = "<title>T</title><p>x<a href=/next>next</a>"


class Word(Struct, frozen=True):
    text: str


def words(page: Page) -> Iterator[Word | Link]:
    yield Word(page.title or "")
    yield from page.links()


async def async_words(page: Page) -> list[Any]:
    await asyncio.sleep(0)
    return list(words(page))


def outcome(handler: Callable[[Page], Any], timeout_ns: int | None = LONG_NS) -> ParseOutcome:
    """What comes of a page."""
    handlers = Handlers()
    handlers.page()(handler)
    parser = Parser(Settings(handler_timeout_ns=timeout_ns), lambda *_: (), handlers)

    async def parsed() -> ParseOutcome:
        async with parser:
            result: ParseOutcome | Awaitable[ParseOutcome] = parser.parse(raw(HTML))
            return await result if isawaitable(result) else result

    return anyio.run(parsed)


@pytest.mark.parametrize("handler", [words, async_words])
def test_items_are_the_same(handler: Callable[[Page], Any]) -> None:
    """Items and links are those that the handler gives in the crawl's own process."""
    assert outcome(handler) == outcome(handler, None)


def test_what_it_changes_stays_there() -> None:
    """The process is a copy: the program's variables stay as they are."""
    seen: list[str] = []

    def handler(page: Page) -> dict[str, int]:
        seen.append(page.url)
        return {"seen": len(seen)}

    assert outcome(handler) == Parsed(({"seen": 1},), ())
    assert seen == []


def test_a_handler_that_does_not_end_is_ended() -> None:
    """Its page is bad, with the time that it had."""

    def handler(page: Page) -> None:
        threading.Event().wait()

    assert outcome(handler, SECOND // 10) == Bad("handler", "handler took more than 0.1 s")


def test_a_handler_that_raises() -> None:
    """The reason and the traceback come back."""

    def handler(page: Page) -> None:
        raise ValueError("no")

    result = outcome(handler)
    assert isinstance(result, Bad)
    assert result.reason == "handler raised ValueError: no"
    assert "Traceback" in result.detail


def test_a_handler_that_ends_its_process() -> None:
    """It costs its page."""

    def handler(page: Page) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    assert outcome(handler) == Bad("handler", "handler ended its process (SIGKILL)")


def test_items_that_cannot_be_handed_over() -> None:
    """The reason says so."""

    class Local(Struct):
        text: str

    def handler(page: Page) -> Local:
        return Local("x")

    result = outcome(handler)
    assert isinstance(result, Bad)
    assert "can't be passed to another process" in result.reason


def test_a_timeout_without_handlers_is_refused() -> None:
    """It would mean nothing."""
    with pytest.raises(UsageError, match="page handlers of a program"):
        Parser(Settings(handler_timeout_ns=1), lambda *_: ())
