"""The parse effect: from a fetched page to its items and the targets behind its links.

Owns: where a page is parsed (on the event loop, in a thread or in a process), the built-in item or the
program's handlers, and what becomes of a handler that raises.
Must not know: the net, outputs, schemas, what is in scope (`discover` says so).

Small pages are parsed on the event loop, and the outcome is returned, not awaited: a task would
cost more than the parse. Big pages, and handlers that have not proved quick, go to a thread;
`async` handlers run on the event loop. Pages that may cost any amount of time or memory to parse
go to a process, which can be killed.
"""

import asyncio
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Self, TypeVar

import anyio
from anyio import to_thread
from msgspec.structs import asdict, replace

from scraper_cpn.scrape.colours import (
    Bad,
    Deferred,
    FileJob,
    Link,
    Parsed,
    ParsedWithFiles,
    ParseOutcome,
    Raw,
    Target,
)
from scraper_cpn.scrape.items.files import wanted_in, with_urls
from scraper_cpn.scrape.pages.apart import CAN_FORK, ApartError, call_apart
from scraper_cpn.scrape.pages.cut import Cut
from scraper_cpn.scrape.pages.extract import Item, extract, refreshes_of
from scraper_cpn.scrape.pages.fields import check_names
from scraper_cpn.scrape.pages.guard import BusyError, ParseGuard
from scraper_cpn.scrape.pages.handled import ended_by, is_cancelled, raised, unclaimed
from scraper_cpn.scrape.pages.handlers import (
    Handler,
    HandlerError,
    Handlers,
    collect,
    collect_async,
)
from scraper_cpn.scrape.pages.hooked import (
    DETAIL_CHARS_MAX,
    Hook,
    HookError,
    is_async,
    look,
    look_async,
)
from scraper_cpn.scrape.pages.jobs import ParseOverLimit
from scraper_cpn.scrape.pages.logins import SignOn, raising
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.verdicts import Drop, Retry, Stop
from scraper_cpn.scrape.pages.watchdog import Watchdog
from scraper_cpn.scrape.pages.weight import is_quick
from scraper_cpn.scrape.policy.depths import DepthPolicy
from scraper_cpn.scrape.policy.frontier import split
from scraper_cpn.scrape.redact import shown, writable
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from scraper_cpn.scrape.statuses import pages_of

THREADS = 4
"""In which pages are parsed, and handlers called."""
STOPPED = "Stop was raised"

T = TypeVar("T")
Discover = Callable[[Target, Iterable[Link], int], tuple[Target, ...]]
"""The targets of those links of a page that are followed; it had arrived at a time (ns). Pure."""
Refused = Callable[[Target, Iterable[str]], tuple[str, ...]]
"""Why refreshes of a page to some URLs are not followed, a line for each that is not. Pure."""


class Parser:
    """Parses the pages of one crawl.

    *handlers* is a program's, and may be empty or None: then each page yields one `Item` and all
    its links. *clock_ns* measures handlers (see `Handler`); it decides where they run, and never
    what comes out. *after* are called with each page, before its handler. *again_ns* says of each
    page, after its handler, when it is visited again. *refused* says which refreshes are not followed.
    *file_job* makes the job for a file that an item names; None: items keep what they name.

    An async context manager, which ends the processes. Raises `UsageError` where two fields have one name.
    """

    def __init__(
        self,
        settings: Settings,
        discover: Discover,
        handlers: Handlers | None = None,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        after: Sequence[Hook] = (),
        crowded: Callable[[str, float], None] = lambda _domain, _wait_s: None,
        sign_on: SignOn | None = None,
        file_job: Callable[[str, Target], FileJob] | None = None,
        again_ns: Callable[[Page], int | None] | None = None,
        refused: Refused = lambda _page, _urls: (),
    ) -> None:
        check_names(settings.fields)
        if file_job is not None and not handlers:
            _check_files(settings)
        self._after = after
        self._again_ns = again_ns
        self._sign_on = sign_on
        self._files, self._file_job = settings.files, file_job
        self._page_statuses = pages_of(settings.statuses)
        self._after_waits = any(map(is_async, after))
        self._rules = settings.fields
        self._discover, self._refused_refreshes = discover, refused
        self._depths = DepthPolicy(settings.max_depth)
        self._handlers = handlers or None
        self._banned = None if handlers is None else handlers.banned
        self._clock_ns = clock_ns
        self._timeout_ns = settings.handler_timeout_ns
        if self._timeout_ns is not None:
            _check_timeout(self._handlers)
        self._limits = settings.page_limits
        self._guard = ParseGuard(self._limits, crowded)
        self._watchdog: Watchdog | None = None
        self._threads = anyio.CapacityLimiter(THREADS)
        self._heavy = anyio.Lock()
        """Pages that a process has parsed without harm are parsed here one at a time."""

    async def __aenter__(self) -> Self:
        if self._handlers is not None:
            self._watchdog = Watchdog(self._handlers)
            self._watchdog.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watchdog is not None:
            self._watchdog.stop()
        await self._guard.close()

    def parse(self, raw: Raw) -> ParseOutcome | Awaitable[ParseOutcome]:
        """Return the outcome of a page, or an awaitable of it when that takes a while.

        A page's content never raises. Cancelling the awaitable leaves a thread behind that ends
        by itself and changes nothing.
        """
        page = Page.of(raw)
        if self._handlers is None:
            return (
                _in_turn(self._looked_at(page, raw)) if self._after else self._built_in(page, raw)
            )
        is_page = page.status in self._page_statuses
        handler = self._handlers.find(raw.target.handler, page.url, page.status, is_page=is_page)
        if self._sign_on is not None:
            handler = self._with_login(self._sign_on, page, raw, handler)
        if handler is None:
            return unclaimed(page, raw.target, self._handlers)
        if not is_quick(page):
            return _in_turn(self._handled_with_care(handler, page, raw))
        if self._timeout_ns is not None:
            return self._in_thread(self._handled_apart, handler, page, raw)
        if handler.is_async or self._after_waits:
            return self._on_the_loop(handler, page, raw)
        if handler.is_quick:
            return self._handled(handler, page, raw)
        return self._in_thread(self._handled, handler, page, raw)

    def _with_login(
        self, sign_on: SignOn, page: Page, raw: Raw, handler: Handler | None
    ) -> Handler:
        """Return who takes a page: those that no handler takes may ask for a login, too."""
        assert self._handlers is not None
        if raw.target.request.login:
            handler = sign_on.handler(raw.target)
        return handler or raising(unclaimed(page, raw.target, self._handlers))

    def _built_in(self, page: Page, raw: Raw) -> ParseOutcome | Awaitable[ParseOutcome]:
        if not page.has_tree or is_quick(page):
            try:
                return self._refused(page) or self._visited_again(page, self._extracted(page, raw))
            except HookError as error:
                return error.outcome
        return _in_turn(self._extracted_elsewhere(raw))

    async def _extracted_elsewhere(self, raw: Raw) -> ParseOutcome:
        answer = await self._guard.parse(raw, self._rules)
        if isinstance(answer, ParseOverLimit):
            return Bad("parse", answer.reason)
        try:
            outcome = self._outcome(raw, _listed(answer.item), answer.links, answer.cut)
        except HookError as error:
            return error.outcome
        outcome = self._with_refused(outcome, raw, lambda: answer.refreshes)
        return self._with_files(outcome, raw, raw.response.url)

    async def _looked_at(self, page: Page, raw: Raw) -> ParseOutcome:
        """Return the outcome of a page without a handler, if the `after` functions let it pass."""
        if not is_quick(page):
            page.refusal = (await self._guard.try_out(raw)).refusal
        try:
            for hook in self._after:
                await look_async(hook, page)
        except Stop as error:
            return Parsed((), (), stop=writable(error.reason) or STOPPED)
        except (Retry, Drop, HookError) as error:
            ended = ended_by(error)
            assert ended is not None
            return ended
        outcome = self._built_in(page, raw)
        return await outcome if isinstance(outcome, Awaitable) else outcome

    def _visited_again(self, page: Page, parsed: Parsed) -> Parsed:
        """Return the outcome of a page with the time of its next visit, if the program chooses it."""
        return parsed if self._again_ns is None else replace(parsed, again_ns=self._again_ns(page))

    def _extracted(self, page: Page, raw: Raw) -> Parsed:
        cut = Cut(self._limits)
        item, links = extract(page, raw.response.fetched_at_ns, self._rules, cut)
        outcome = self._outcome(raw, _listed(item), links, cut.lines)
        outcome = self._with_refused(outcome, raw, lambda: refreshes_of(page, self._limits.kinds))
        return self._with_files(outcome, raw, page.base) if self._files else outcome

    def _with_refused(
        self, parsed: Parsed, raw: Raw, refreshes: Callable[[], Iterable[str]]
    ) -> Parsed:
        """Return the outcome of a page with its refreshes that are not followed. They are looked for where a link is not."""
        if not parsed.not_followed:
            return parsed
        lines = self._refused_refreshes(raw.target, refreshes())
        return replace(parsed, refused=lines) if lines else parsed

    async def _handled_with_care(self, handler: Handler, page: Page, raw: Raw) -> ParseOutcome:
        """Call a handler with a page that takes long, or that may be a bomb.

        Handlers run in this process, as they may change the program's variables. So a process parses
        the page first, and what did no harm there does none here. A page that is refused is given to
        the handler all the same: it fails only if the handler asks for what needs parsing.
        """
        if not _may_be_markup(page):
            page.refusal = f"it is {page.content_type}, and may take very long to parse as HTML"
            return await self._handled_elsewhere(handler, page, raw)
        trial = await self._guard.try_out(raw)
        page.refusal = trial.refusal
        if not trial.is_heavy:
            return await self._handled_elsewhere(handler, page, raw)
        async with self._heavy:
            return await self._handled_elsewhere(handler, page, raw)

    async def _handled_elsewhere(self, handler: Handler, page: Page, raw: Raw) -> ParseOutcome:
        if self._timeout_ns is not None:
            return await self._in_thread(self._handled_apart, handler, page, raw)
        if not (handler.is_async or self._after_waits):
            return await self._in_thread(self._handled, handler, page, raw, False)
        if page.has_tree and page.refusal is None:
            # The handler would parse the page on the loop, at its first question.
            await self._in_thread(lambda: page.tree)
        return await self._on_the_loop(handler, page, raw)

    def _handled_apart(self, handler: Handler, page: Page, raw: Raw) -> ParseOutcome:
        """Call a handler in a process of its own, which is ended when it takes too long."""
        assert self._timeout_ns is not None

        def handled() -> ParseOutcome:
            if handler.is_async or self._after_waits:
                return asyncio.run(self._on_the_loop(handler, page, raw))
            return self._handled(handler, page, raw, False)

        try:
            return call_apart(handled, self._timeout_ns / SECOND)
        except ApartError as error:
            return Bad("handler", writable(f"{handler.name} {error}"))

    def _handled(self, handler: Handler, page: Page, raw: Raw, quick: bool = True) -> ParseOutcome:
        started_ns, results = self._clock_ns(), list[Any]()
        if (refusal := self._refused(page)) is not None:
            return refusal
        try:
            if self._sign_on is not None and (asks := self._sign_on.asks(page, raw)):
                return asks
            for hook in self._after:
                look(hook, page)
            collect(handler.call(page, raw.target.request.data), results)
            if quick:
                # The time of a big page is no evidence about pages that could run on the loop.
                handler.took(self._clock_ns() - started_ns)
            return self._outcome_of(page, raw, results)
        except BaseException as error:  # noqa: BLE001 - a program may raise anything
            return self._ended(handler, page, raw, results, error)

    async def _on_the_loop(self, handler: Handler, page: Page, raw: Raw) -> ParseOutcome:
        results: list[Any] = []
        if (refusal := self._refused(page)) is not None:
            return refusal
        try:
            if self._sign_on is not None and (asks := self._sign_on.asks(page, raw)):
                return asks
            for hook in self._after:
                await look_async(hook, page)
            await collect_async(handler.call(page, raw.target.request.data), results)
            return self._outcome_of(page, raw, results)
        except BaseException as error:
            if is_cancelled(error):
                raise
            return self._ended(handler, page, raw, results, error)

    def _refused(self, page: Page) -> ParseOutcome | None:
        """Return the outcome of a page by which the site refuses the proxy; None for any other page."""
        if self._banned is None:
            return None
        try:
            if not self._banned(page):
                return None
        except Exception as error:  # noqa: BLE001 - a program may raise anything
            detail = writable(traceback.format_exc())[-DETAIL_CHARS_MAX:]
            return Bad("handler", writable(f"banned raised {error!r}"), detail)
        return Deferred("the page is a refusal (banned)", after_ns=0, elsewhere=True)

    def _ended(
        self, handler: Handler, page: Page, raw: Raw, results: list[Any], error: BaseException
    ) -> ParseOutcome:
        """Return what becomes of a page whose handler raised, after it had yielded *results*."""
        if (ended := ended_by(error)) is not None:
            return ended
        partial = handler.keep_partial and results and isinstance(error, Exception)
        if raw.target.request.login or not (partial or isinstance(error, Stop)):
            return raised(handler, error)
        try:
            kept = self._sorted(page, raw, results)
        except HandlerError as wrong:
            return raised(handler, wrong)
        if isinstance(error, Stop):
            return replace(kept, stop=writable(error.reason) or STOPPED)
        return replace(kept, trouble=raised(handler, error))

    def _in_thread(self, work: Callable[..., T], *given: Any) -> Awaitable[T]:
        return to_thread.run_sync(work, *given, abandon_on_cancel=True, limiter=self._threads)

    def _outcome_of(self, page: Page, raw: Raw, results: Iterable[Any]) -> ParseOutcome:
        if self._sign_on is not None and raw.target.request.login:
            return self._sign_on.led(page, raw, results)
        return self._visited_again(page, self._sorted(page, raw, results))

    def _sorted(self, page: Page, raw: Raw, results: Iterable[Any]) -> Parsed:
        assert self._handlers is not None
        items: list[Any] = []
        links: list[Link] = []
        skipped = 0
        for result in results:
            if not isinstance(result, Link):
                items.append(result)
            elif (link := self._handlers.checked(result, page.base, len(links))) is not None:
                links.append(link)
            else:
                skipped += 1
        cut = Cut(self._limits)
        links = [] if cut.leaves_out(page, "nofollow", "its links") else cut.links(links)
        if cut.leaves_out(page, "noindex", "its items"):
            items = []
        cut.long_links(page)
        outcome = self._outcome(raw, tuple(items), links, cut.lines, skipped)
        return self._with_files(outcome, raw, page.base) if self._files and items else outcome

    def _outcome(
        self,
        raw: Raw,
        items: tuple[Any, ...],
        links: list[Link],
        cut: tuple[str, ...],
        skipped: int = 0,
    ) -> Parsed:
        """Return the outcome of a page with different *links*; *skipped* others led to no web address."""
        targets = self._discover(raw.target, links, raw.response.fetched_at_ns)
        not_followed = len(links) - len(self._depths.near(targets))
        if all(link.request is None for link in links):
            return Parsed(items, targets, cut, not_followed, no_address=skipped)
        found = split(targets)
        return Parsed(items, found.targets, cut, not_followed, found.requests, skipped)

    def _with_files(self, parsed: Parsed, raw: Raw, base: str) -> Parsed:
        """Return the outcome of a page with the files that its items name; their URLs may be relative to *base*."""
        if self._file_job is None or not self._files:
            return parsed
        items = with_urls(parsed.items, self._files, base)
        jobs = tuple(self._file_job(url, raw.target) for url in wanted_in(items, self._files))
        if not jobs:
            return replace(parsed, items=items)
        return ParsedWithFiles(**asdict(parsed) | {"items": items}, files=jobs)


async def _in_turn(outcome: Awaitable[ParseOutcome]) -> ParseOutcome:
    """Return an outcome; of a page for which there is no time now, that it comes again when there is."""
    try:
        return await outcome
    except BusyError as error:
        return Deferred(str(error), after_ns=int(error.wait_s * SECOND), crowded=True)


def _listed(item: Item | None) -> tuple[Item, ...]:
    return () if item is None else (item,)


def _check_timeout(handlers: Handlers | None) -> None:
    if handlers is None:
        raise UsageError(
            "handler-timeout: it applies to page handlers of a program, and there are none"
        )
    if not CAN_FORK:
        raise UsageError("handler-timeout: this system can't copy processes (fork); leave it out")


def _check_files(settings: Settings) -> None:
    named = [rule.name for rule in settings.fields]
    for name in settings.files:
        if name not in named:
            raise UsageError(
                f"files: there is no field {shown(name)}; give one, such as --field '{name}[]=img::url(src)'"
            )


def _may_be_markup(page: Page) -> bool:
    return page.has_tree or "xml" in page.content_type or page.content_type.startswith("text/")
