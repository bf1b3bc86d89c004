"""The functions that a program adds to every request, page, item and end of a crawl.

Owns: `Hooks`, how these functions are called, and what becomes of their work if they raise.
Must not know: the net, how pages are fetched or parsed, outputs.

A hook is a plain function, sync or async. A plain one runs on the event loop (`after`: where the page handler
runs), so one that waits for something is better async. A hook that raises costs its page, never the crawl.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from copy import copy
from inspect import isawaitable
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.scrape.account.report import Summary
from scraper_cpn.scrape.asking import checked_headers
from scraper_cpn.scrape.colours import (
    PRIORITY_MAX,
    WITHHELD,
    Bad,
    Extracted,
    Failed,
    Link,
    Target,
    Valid,
    ValidateOutcome,
)
from scraper_cpn.scrape.items.unique import Unique
from scraper_cpn.scrape.options.quantities import duration
from scraper_cpn.scrape.pages.handlers import is_item
from scraper_cpn.scrape.pages.hooked import RAISED, Hook, HookError, bad, raised
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.parameters import name_of
from scraper_cpn.scrape.pages.verdicts import Drop, Retry, Stop
from scraper_cpn.scrape.policy.frontier import FrontierPolicy, asking
from scraper_cpn.scrape.redact import writable
from scraper_cpn.scrape.request import NEVER
from scraper_cpn.scrape.settings import Settings, UsageError

F = TypeVar("F", bound=Hook)

_log = logging.getLogger("scraper_cpn")


class Outgoing(Struct, frozen=True, kw_only=True):
    """A request for a page that is about to be sent, as `before` functions see it."""

    url: str
    """Normalised; after a redirect that of the next hop."""
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    """Those of its link, and of the `before` functions that were called first. Not those of the crawl (`-H`)."""
    body: bytes = b""
    content_type: str = ""
    attempt: int = 1
    """1 for the first."""
    session: str = ""
    """As of `Page.session`."""


class Candidate(Struct, frozen=True, kw_only=True):
    """A URL that was found, as a function of priorities sees it."""

    url: str
    """Normalised."""
    parent: str | None
    """The page or sitemap that links there; None for a seed."""
    depth: int
    """Links followed from a seed; a seed has 0."""
    priority: int
    """As its link and `--prefer` say."""


class Hooks:
    """The hooks of one program, in the order of their declaration."""

    def __init__(self) -> None:
        self.before: list[Hook] = []
        self.after: list[Hook] = []
        self.items: list[tuple[type[Any], Hook]] = []
        """For items of which types, and the function."""
        self.done: list[Hook] = []
        self.unique = Unique()
        self.priorities: list[Hook] = []
        self.again_after: Hook | None = None
        """Says when a page is visited again."""

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(
            self.before
            or self.after
            or self.items
            or self.done
            or self.unique
            or self.priorities
            or self.again_after
        )

    @property
    def change_items(self) -> bool:
        """Whether any of them is about items."""
        return bool(self.items or self.unique)

    def ending_with(self, function: Hook) -> Hooks:
        """Return these hooks with one more function of items."""
        more = copy(self)
        more.items = [*self.items, (object, function)]
        return more

    def item(self, kind: type[Any] | F) -> Callable[[F], F] | F:
        """Declare a function of items of a type, or of all items; used with or without a type."""
        return self._item_of(kind) if isinstance(kind, type) else self._item_of(object)(kind)

    def _item_of(self, kind: type[Any]) -> Callable[[F], F]:
        def declare(function: F) -> F:
            self.items.append((kind, _checked(function)))
            return function

        return declare

    async def sent(self, target: Target, stop: Callable[[str], None]) -> Target | Failed:
        """Return a target with the headers that the `before` functions add, or why it is not to be sent.

        *stop* is called with the reason of one that raises `Stop`. Names of headers that follow from the request are
        refused, as those of a link are.
        """
        for hook in self.before:
            try:
                more = hook(_outgoing(target))
                more = await more if isawaitable(more) else more
                if more is not None:
                    target = _with_headers(target, more)
            except Stop as verdict:
                stop(writable(verdict.reason) or f"{name_of(hook)} raised Stop")
                return Failed(WITHHELD, "the crawl was stopped", retry=True, sent=False)
            except (Drop, Retry) as verdict:
                return _unsent(verdict)
            except RAISED as error:
                return Failed("hook", raised(hook, error), retry=False, sent=False)
        return target

    async def changed(self, extracted: Extracted) -> Extracted | Bad:
        """Return a page with its items after the item functions; `cut` lists the dropped ones."""
        kept: list[Any] = []
        dropped: Counter[str] = Counter()
        for item in extracted.items:
            found = await self._through(item)
            if isinstance(found, Bad):
                return found
            if isinstance(found, Drop):
                dropped[found.reason] += 1
            else:
                kept.append(found)
        return replace(extracted, items=tuple(kept), dropped=tuple(dropped.items()))

    async def _through(self, item: Any) -> Any:
        """Return an item behind all functions, a `Drop`, or a `Bad` for the whole page."""
        for kind, hook in self.items:
            if not isinstance(item, kind):
                continue
            try:
                found = hook(item)
                item = await found if isawaitable(found) else found
                if item is None:
                    return Drop(f"{name_of(hook)} returned None")
                if not is_item(item) or isinstance(item, Link):
                    raise TypeError(f"it returned {item!r:.80}; an item or None is allowed")
            except Drop as drop:
                return Drop(writable(drop.reason))
            except RAISED as error:
                return bad(hook, error)
        return item

    def in_order(self, targets: tuple[Target, ...], frontier: FrontierPolicy) -> tuple[Target, ...]:
        """Return new targets with the priorities that the program gives them. Raises `HookError`."""
        for hook in self.priorities:
            targets = tuple(_prioritised(hook, target, frontier) for target in targets)
        return targets

    def seeds_in_order(self, seeds: tuple[str | Link, ...]) -> tuple[str | Link, ...]:
        """Return seeds with the priorities that the program gives them. Raises `UsageError` if it raises."""
        if not self.priorities:
            return seeds
        frontier = FrontierPolicy(Settings())
        found: list[str | Link] = []
        for seed in seeds:
            link = Link(seed) if isinstance(seed, str) else seed
            try:
                (target,) = self.in_order((frontier.seed(link),), frontier)
            except HookError as error:
                raise UsageError(f"{link.url}: {error}") from None
            found.append(
                seed
                if target.priority == link.priority
                else replace(link, priority=target.priority)
            )
        return tuple(found)

    def again_ns(self, page: Page) -> int | None:
        """Return the time to the next visit of a page; None if the program does not choose it. Raises `HookError`."""
        hook = self.again_after
        if hook is None:
            return None
        try:
            found = hook(page)
            return NEVER if found is None else duration(found)
        except RAISED as error:
            raise HookError(bad(hook, error)) from error

    async def end(self, summary: Summary) -> None:
        """Call the `done` functions. An error in one is logged, since the crawl is over."""
        for hook in self.done:
            try:
                found = hook(summary)
                if isawaitable(found):
                    await found
            except Exception as error:  # noqa: BLE001 - a program may raise anything
                _log.warning("%s, at the end of the crawl", raised(hook, error), exc_info=error)


def declared(hooks: list[Hook]) -> Callable[[F], F]:
    """Return a decorator that adds a function to *hooks*."""

    def declare(function: F) -> F:
        hooks.append(_checked(function))
        return function

    return declare


def _checked(function: Any) -> Any:
    if not callable(function):
        raise UsageError(f"a hook is a function, not {function!r:.80}; put the decorator above one")
    return function


def _prioritised(hook: Hook, target: Target, frontier: FrontierPolicy) -> Target:
    seen = Candidate(
        url=target.url, parent=target.parent, depth=target.depth, priority=target.priority
    )
    try:
        found = hook(seen)
        if found is None:
            return target
        if isinstance(found, bool) or not isinstance(found, int) or abs(found) > PRIORITY_MAX:
            raise TypeError(
                f"it returned {found!r:.80}; a whole number from {-PRIORITY_MAX:,} to {PRIORITY_MAX:,} or None is allowed"
            )
    except RAISED as error:
        raise HookError(bad(hook, error)) from error
    return frontier.at_level(target, found)


def _outgoing(target: Target) -> Outgoing:
    asked = target.request
    return Outgoing(
        url=target.url,
        method=asked.method,
        headers=asked.headers,
        body=asked.body,
        content_type=asked.content_type,
        attempt=target.attempt,
        session=asked.session,
    )


def _with_headers(target: Target, more: Any) -> Target:
    """Return a target with more headers, in place of those of the same names."""
    if not isinstance(more, Mapping | list | tuple):
        raise TypeError(f"it returned {more!r:.80}; a dict of headers or None is allowed")
    added = tuple(checked_headers(more))
    names = {name.lower() for name, _ in added}
    asked = target.request
    others = tuple(each for each in asked.headers if each[0].lower() not in names)
    return asking(target, replace(asked, headers=(*others, *added)))


def _unsent(verdict: Drop | Retry) -> Failed:
    """Return what becomes of a request that a `before` function does not want sent."""
    reason = writable(verdict.reason)
    if isinstance(verdict, Drop):
        return Failed("drop", reason, retry=False, sent=False)
    return Failed("retry", reason, retry=True, sent=False, wait_ns=verdict.after_ns or 0)


def with_dropped(outcome: ValidateOutcome, extracted: Extracted) -> ValidateOutcome:
    """Return the outcome of the validation of a page, with what was dropped before."""
    if isinstance(outcome, Valid) and extracted.dropped:
        return replace(outcome, dropped=extracted.dropped)
    return outcome
