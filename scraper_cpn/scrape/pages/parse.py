"""The parse effect: from a fetched page to its items and the targets behind its links.

Owns: where a page is parsed (on the event loop or in a worker thread), the built-in item or the
program's handlers, and what becomes of a handler that raises.
Must not know: the net, outputs, schemas, what is in scope (`discover` says so).

Small pages are parsed where they stand, and the outcome is returned, not awaited: a task would
cost more than the parse. Big pages, and handlers that have not proved quick, go to a thread
(lexbor parses without the interpreter lock); `async` handlers run on the event loop.
"""

import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from anyio import to_thread

from scraper_cpn.scrape.colours import PRIORITY_MAX, Bad, Link, Parsed, ParseOutcome, Raw, Target
from scraper_cpn.scrape.pages.extract import LINKS_MAX, extract
from scraper_cpn.scrape.pages.fields import check_names
from scraper_cpn.scrape.pages.handlers import (
    Handler,
    HandlerError,
    Handlers,
    async_results_of,
    results_of,
)
from scraper_cpn.scrape.pages.page import HostilePageError, Page
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import normalise

DETAIL_CHARS_MAX = 10_000
"""A longer traceback is cut at its beginning."""

Discover = Callable[[Target, Iterable[Link], int], tuple[Target, ...]]
"""The targets of those links of a page that are followed; it had arrived at a time (ns). Pure."""


class Parser:
    """Parses the pages of one crawl.

    *handlers* is a program's, and may be empty or None: then each page yields one `Item` and all
    its links. *clock_ns* measures handlers (see `Handler`); it decides where they run, and never
    what comes out. Raises `UsageError` where two fields have one name.
    """

    def __init__(
        self,
        settings: Settings,
        discover: Discover,
        handlers: Handlers | None = None,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
    ) -> None:
        check_names(settings.fields)
        self._rules = settings.fields
        self._discover = discover
        self._handlers = handlers or None
        self._clock_ns = clock_ns

    def parse(self, raw: Raw) -> ParseOutcome | Awaitable[ParseOutcome]:
        """Return the outcome of a page, or an awaitable of it when that takes a while.

        A page's content never raises. Cancelling the awaitable leaves a thread behind that ends
        by itself and changes nothing.
        """
        page = Page.of(raw)
        if self._handlers is None:
            return self._built_in(page, raw)
        handler = self._handlers.find(raw.target.handler, page.url)
        if handler is None:
            return _unclaimed(raw.target, self._handlers)
        if handler.is_async:
            return self._on_the_loop(handler, page, raw)
        if handler.is_quick and page.is_quick:
            return self._handled(handler, page, raw)
        return to_thread.run_sync(self._handled, handler, page, raw, abandon_on_cancel=True)

    def _built_in(self, page: Page, raw: Raw) -> ParseOutcome | Awaitable[ParseOutcome]:
        if page.is_quick or not page.is_html:
            return self._extracted(page, raw)
        return to_thread.run_sync(self._extracted, page, raw, abandon_on_cancel=True)

    def _extracted(self, page: Page, raw: Raw) -> ParseOutcome:
        try:
            item, links = extract(page, raw.response.fetched_at_ns, self._rules)
        except HostilePageError as error:
            return Bad("parse", str(error))
        return Parsed((item,), self._targets(raw, links))

    def _handled(self, handler: Handler, page: Page, raw: Raw) -> ParseOutcome:
        started_ns = self._clock_ns()
        try:
            results = results_of(handler.function(page))
            if page.is_quick:
                # How long a big page takes says nothing about those that could run on the loop.
                handler.took(self._clock_ns() - started_ns)
            return self._sorted(page, raw, results)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a program may raise anything
            return _raised(handler, error)

    async def _on_the_loop(self, handler: Handler, page: Page, raw: Raw) -> ParseOutcome:
        try:
            if page.is_html and not page.is_quick:
                # The handler would parse the page on the loop, at its first question.
                await to_thread.run_sync(lambda: page.tree, abandon_on_cancel=True)
            results = await async_results_of(handler.function(page))
            return self._sorted(page, raw, results)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a program may raise anything
            return _raised(handler, error)

    def _sorted(self, page: Page, raw: Raw, results: Iterable[Any]) -> Parsed:
        items: list[Any] = []
        links: list[Link] = []
        for result in results:
            if isinstance(result, Link):
                links.append(self._checked(page, result))
            else:
                items.append(result)
        return Parsed(tuple(items), self._targets(raw, links))

    def _checked(self, page: Page, link: Link) -> Link:
        """Return a link that a program may have made by hand, absolute and normalised."""
        url = normalise(link.url, page.base) if isinstance(link.url, str) else None
        if url is None:
            raise HandlerError(f"yielded a link to {link.url!r}, which is no http or https URL")
        assert self._handlers is not None
        if link.to and link.to not in self._handlers:
            known = ", ".join(self._handlers.names)
            raise HandlerError(f"yielded a link to the handler {link.to!r}; there are: {known}")
        level = link.priority
        if type(level) is not int or not -PRIORITY_MAX <= level <= PRIORITY_MAX:
            most = f"a whole number from -{PRIORITY_MAX} to {PRIORITY_MAX}"
            raise HandlerError(f"yielded a link of priority {level!r:.50}; it is {most}")
        return link if url == link.url else Link(url, link.to, level)

    def _targets(self, raw: Raw, links: Iterable[Link]) -> tuple[Target, ...]:
        """Return the targets of the first `LINKS_MAX` links, each URL once, in their order."""
        distinct: dict[str, Link] = {}
        for link in links:
            if link.url not in distinct:
                distinct[link.url] = link
                if len(distinct) >= LINKS_MAX:
                    break
        return self._discover(raw.target, distinct.values(), raw.response.fetched_at_ns)


def _unclaimed(target: Target, handlers: Handlers) -> Bad:
    known = ", ".join(handlers.names)
    if target.handler:
        return Bad("handler", f"there is no page handler {target.handler!r}; there are: {known}")
    return Bad("handler", f"no page handler's pattern fits the URL; there are: {known}")


def _raised(handler: Handler, error: BaseException) -> Bad:
    if isinstance(error, HostilePageError):
        return Bad("parse", str(error))
    if isinstance(error, HandlerError):
        return Bad("handler", _writable(f"{handler.name} {error}"))
    line = " ".join(f"{handler.name} raised {type(error).__name__}: {error}".split())
    detail = "".join(traceback.format_exception(error))
    return Bad("handler", _writable(line.removesuffix(":")), _writable(detail[-DETAIL_CHARS_MAX:]))


def _writable(text: str) -> str:
    """What a handler says, which may be anything, such that it can be written as UTF-8."""
    return text.encode(errors="replace").decode()
