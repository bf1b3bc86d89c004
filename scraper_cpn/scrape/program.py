"""What a program declares of a crawl: its page handlers, and the functions around them.

Owns: the decorators. Must not know: options, how a crawl runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, overload

from scraper_cpn.scrape.hooks import Hooks, declared
from scraper_cpn.scrape.pages.handlers import Handlers

F = TypeVar("F", bound=Callable[..., Any])


class Program:
    """The functions of a program, each in the order of its declaration."""

    def __init__(self) -> None:
        self.handlers = Handlers()
        self.hooks = Hooks()

    @overload
    def page(self, pattern: F) -> F: ...

    @overload
    def page(
        self,
        pattern: str = "*",
        *,
        keep_partial: bool = False,
        status: int | Iterable[int] | None = None,
    ) -> Callable[[F], F]: ...

    def page(
        self,
        pattern: str | F = "*",
        *,
        keep_partial: bool = False,
        status: int | Iterable[int] | None = None,
    ) -> Callable[[F], F] | F:
        """Declare the decorated function the handler of pages whose URL matches a glob *pattern*.

        The function is given a `Page` and yields items and `Link`s (or returns one, or a list); it may
        be async. The function itself is unchanged: call it on a `Page.from_html(...)` to test it. The first
        declared handler that matches is used, unless a link names its handler (`to=`). A handler may raise `Retry`, `Drop`
        or `Stop`. *status* names the statuses of the pages that it takes (`status=[404, 410]`), by default those of success.
        Nothing of a page is kept if it raises anything else, or with *keep_partial* what it yielded before.
        `@crawl.page` alone is for all URLs.
        """
        if callable(pattern):
            return self.handlers.page()(pattern)
        return self.handlers.page(pattern, keep_partial=keep_partial, status=status)

    def before(self, function: F) -> F:
        """Have the decorated function called before each request for a page, with an `Outgoing`; it may be async.

        It returns headers to be sent (a dict or pairs), or None. It may raise `Retry`, `Drop` or `Stop`: then the
        request is not sent. If it raises anything else the page fails. The crawl's requests for robots.txt pass it by.
        """
        return declared(self.hooks.before)(function)

    def after(self, function: F) -> F:
        """Have the decorated function called with each page that arrives, before its handler; it may be async.

        It may raise `Retry`, `Drop` or `Stop`, as a handler may. If it raises anything else the page fails. Answers
        that bring no page are in the failed log, unless a handler takes their *status*.
        """
        return declared(self.hooks.after)(function)

    @overload
    def item(self, kind: type[Any]) -> Callable[[F], F]: ...

    @overload
    def item(self, kind: F) -> F: ...

    def item(self, kind: type[Any] | F) -> Callable[[F], F] | F:
        """Have the decorated function called with each item, or with `@crawl.item(Product)` each item of that type.

        It returns the item, changed or another one, which goes to the functions declared after it; or None, or raises
        `Drop(reason)`: then the item is dropped, which the summary counts by reason. It may be async. If it raises
        anything else the page fails, and nothing of it is kept. Items are checked against the type of the crawl's items
        afterwards.
        """
        return self.hooks.item(kind)

    def unique(self, *fields: str) -> None:
        """Keep only the first item of those that have the same values in these fields, in all pages.

        Items that lack one of the fields are kept. Called several times, each call is a rule. A kept crawl knows what
        earlier processes have kept. Memory: some 150 bytes an item. Raises `UsageError` for invalid names.
        """
        self.hooks.unique.add(fields)

    def priority(self, function: F) -> F:
        """Have the decorated function called with each URL that is found, as a `Candidate`; it says when that is fetched.

        It returns a priority (lower goes first, from -1,000,000 to 1,000,000), or None to leave it as it is. So a crawl
        goes for the best first: `return -score(candidate.url)`; or deep first: `return -candidate.depth`. It is called for links,
        the URLs of sitemaps and the first 2,000 seeds, and must be quick. If it raises, the page with these links
        fails.
        """
        return declared(self.hooks.priorities)(function)

    def done(self, function: F) -> F:
        """Have the decorated function called with the `Summary` once the crawl is over and its output is closed.

        It may be async. An error in it is written to the log `scraper_cpn`.
        """
        return declared(self.hooks.done)(function)
