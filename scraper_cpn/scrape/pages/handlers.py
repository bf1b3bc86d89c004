"""The page handlers of a program: which one takes a page, and what it returned.

Owns: the registry, URL patterns, the forms in which a handler may answer, and the rule by which a
handler earns its place on the event loop.
Must not know: threads, settings, which links are followed, schemas.

A handler is a function of a `Page`. It returns or yields items and links: it may be a generator,
return an iterable, one item, one link, or nothing, and be `async` in each of these forms.
"""

import dataclasses
import inspect
import re
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Iterator
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.scrape.asking import ready
from scraper_cpn.scrape.colours import Link, Target
from scraper_cpn.scrape.pages.elements import handler_name
from scraper_cpn.scrape.pages.hooked import is_async
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.parameters import HandlerParameters, name_of
from scraper_cpn.scrape.request import Request
from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.scrape.statuses import PAUSES
from scraper_cpn.scrape.urls import seed_url

RESULTS_MAX = 100_000
"""Items and links of one page; a handler that yields more is taken for endless."""
QUICK_NS = 2_000_000
"""A call that is shorter leaves the event loop responsive."""
_ASKS_FOR_LOGIN = frozenset({401})
_ERRORS = range(400, 600)
_TAKES_A_PAGE = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)
QUICK_CALLS = 8
"""Quick calls in a row after which a handler runs on the event loop."""

_WANTED = "items (msgspec Structs, dataclasses or dicts) and links are allowed"

F = TypeVar("F", bound=Callable[..., Any])


class HandlerError(Exception):
    """A page handler returned something that is neither an item nor a link."""


class Handler:
    """A page handler with its pattern, and its record of how long it takes.

    A plain function runs in a worker thread, since it is unknown whether it computes for seconds
    or waits for something. Once `QUICK_CALLS` calls in a row took less than `QUICK_NS` each, it
    runs on the event loop, where a call costs a tenth as much; one slower call sends it back.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        pattern: str,
        *,
        keep_partial: bool = False,
        statuses: frozenset[int] = frozenset(),
    ) -> None:
        self.function = function
        self.pattern = pattern
        self.statuses = statuses
        """The statuses of the pages that it takes; empty for those of success."""
        self.keep_partial = keep_partial
        """Whether what it has yielded is kept if it raises then."""
        self.name = name_of(function)
        self.parameters = HandlerParameters(function)
        """The parameters that it takes from the data of a link."""
        self.is_async = is_async(function)
        self._matches = _compiled(pattern).fullmatch
        self._streak = 0

    def takes(self, url: str) -> bool:
        """Return whether the pattern fits *url*."""
        return self._matches(url) is not None

    def takes_status(self, status: int, *, is_page: bool = False) -> bool:
        """Return whether it takes pages of that status; *is_page*: the crawl takes it for one of success."""
        if self.statuses:
            return status in self.statuses
        return is_page or status < _ERRORS.start

    @property
    def is_quick(self) -> bool:
        """Whether the handler may run on the event loop."""
        return self._streak >= QUICK_CALLS

    def call(self, page: Page, data: bytes = b"") -> Any:
        """Call the handler with a page and what its link carried. Raises whatever it raises."""
        if not self.parameters:
            return self.function(page)
        try:
            given = self.parameters.given(data)
        except ValueError as error:
            raise HandlerError(f"can't be called: {error}") from None
        return self.function(page, **given)

    def took(self, elapsed_ns: int) -> None:
        """Note how long a call took, in nanoseconds of real time."""
        self._streak = self._streak + 1 if elapsed_ns < QUICK_NS else 0

    def __repr__(self) -> str:
        return f"<Handler {self.name} for {self.pattern!r}>"


class Handlers:
    """The page handlers of one program, in the order of their declaration.

    *banned* says whether a site has refused the proxy by a page; None: nothing does.
    """

    def __init__(self, banned: Callable[[Page], bool] | None = None) -> None:
        self.banned = banned
        self._by_name: dict[str, Handler] = {}
        self._errors: set[int] = set()
        """The error statuses that some handler takes."""
        self.login: Handler | None = None
        """Takes the page at which the program logs in."""
        self.login_request: Request | None = None
        """How that page is requested; None: by a GET. It may hold a password, and is not kept in a state."""
        self.expired: Callable[[Page], Any] | None = None
        """Says of a page whether it asks for a login."""

    def page(
        self,
        pattern: str = "*",
        *,
        keep_partial: bool = False,
        status: int | Iterable[int] | None = None,
    ) -> Callable[[F], F]:
        """Declare a handler for the URLs that *pattern* fits; the first that fits takes a page.

        In a pattern `*` stands for any characters, and everything else for itself, `?` included;
        it has to fit all of the URL. A pattern that fits nothing (the empty one) makes a handler
        that only links name. *status* names the statuses that it takes, by
        default those of success. With *keep_partial*, what the handler yielded before it raised is kept. Raises `UsageError` for a second handler of the same name.
        """
        statuses = _statuses(status)
        if not isinstance(pattern, str):
            raise UsageError(
                f"page: the pattern is {pattern!r:.80}; give a text with * for any text, such as '*/product/*', for each handler one"
            )

        def declare(function: F) -> F:
            _check_callable(function)
            handler = Handler(function, pattern, keep_partial=keep_partial, statuses=statuses)
            known = self._by_name.get(handler.name)
            if known is not None and known.function is function:
                raise UsageError(
                    f"the page handler {handler.name!r} has the pattern {known.pattern!r} already, and a handler "
                    "has one; make it wider, or call this function in a second handler"
                )
            if known is not None:
                raise UsageError(
                    f"there is a page handler {handler.name!r} already; links name handlers, "
                    "so rename one of the two"
                )
            self._by_name[handler.name] = handler
            self._errors.update(statuses.intersection(_ERRORS))
            return function

        return declare

    def logging_in(
        self, first: str | Link, expired: Callable[[Page], Any] | None
    ) -> Callable[[F], F]:
        """Declare the handler of the page at which the program logs in, and what says that a page asks for it.

        *first* is the URL of that page, or a link with its request. Raises `UsageError` for a second one, and where *expired* is no plain function.
        """
        if not isinstance(first, str | Link):
            raise UsageError(
                f"login: {first!r:.80} is no URL; write @crawl.login('https://...') above the handler"
            )
        if expired is not None and (not callable(expired) or is_async(expired)):
            raise UsageError("login: expired is a plain function of a page, which is not async")

        def declare(function: F) -> F:
            if self.login is not None:
                raise UsageError(f"there is a login already, {self.login.name!r}; a crawl has one")
            self.page("")(function)
            self.login = self._by_name[name_of(function)]
            self.expired = expired
            if isinstance(first, Link):
                link = self.seed(first, 0)
                self.login_request = link.request if isinstance(link, Link) else None
            return function

        return declare

    def find(
        self, name: str, url: str, status: int = 200, *, is_page: bool = False
    ) -> Handler | None:
        """Return the handler called *name*, or for an empty name the first that fits *url* and *status*.

        An error page that the named handler does not take goes to the first that fits. *is_page*: the crawl takes
        pages of an error status; they go to the handlers that ask for it, or else to those of success.
        """
        if name:
            named = self._by_name.get(name)
            if status < _ERRORS.start or (named and named.takes_status(status, is_page=is_page)):
                return named
        fits = [
            each for each in self._by_name.values() if each.takes_status(status, is_page=is_page)
        ]
        if is_page:
            fits.sort(key=lambda each: not each.statuses)
        return next((each for each in fits if each.takes(url)), None)

    def of_other_statuses(self, url: str) -> list[str]:
        """Return what to say of the handlers whose patterns fit *url*, but which ask for certain statuses."""
        fits = [each for each in self._by_name.values() if each.statuses and each.takes(url)]
        return [f"{each.name} takes {' '.join(map(str, sorted(each.statuses)))}" for each in fits]

    def statuses(self, target: Target) -> frozenset[int]:
        """Return the error statuses whose pages some handler takes, for a target."""
        found = frozenset(
            status
            for status in self._errors
            if self.find(target.handler, target.url, status) is not None
        )
        return found if self.login is None else found | _ASKS_FOR_LOGIN

    def checked(self, link: Link, base: str | None = None, number: int = 0) -> Link | None:
        """Return a link ready to be followed, with the name of its handler; None where it leads to no web address.

        *number* is its number on its page. Raises `HandlerError` for a link that makes no sense.
        """
        try:
            name = handler_name(link.to)
            found = ready(link if name == link.to else replace(link, to=name), base, number)
            if name and name not in self:
                known = ", ".join(self.names)
                raise ValueError(f"there is no page handler {name!r}; there are: {known}")
            taker = None if found is None else self.find(name, found.url)
            if taker is not None and taker.parameters and found is not None:
                taker.parameters.given(found.request.data if found.request else b"")
        except ValueError as error:
            raise HandlerError(f"yielded a link to {link.url!r:.200}: {error}") from None
        return found

    def check(self) -> None:
        """Raise `UsageError` for a handler of all error pages that needs data which links to other handlers lack."""
        for taker in self:
            if taker.pattern != "*" or not taker.statuses.intersection(_ERRORS):
                continue
            for other in self:
                missing = taker.parameters.lacks(other.parameters)
                if other is not taker and other is not self.login and missing:
                    raise UsageError(
                        f"the page handler {taker.name!r} takes error pages of links to {other.name!r}, too, whose data need not "
                        f"have {missing!r}; give that parameter a default, or the handler a narrower pattern"
                    )

    def seed(self, given: str | Link, number: int) -> str | Link:
        """Return a seed of a program, normalised: a URL, or a link ready to be followed. Raises `UsageError`."""
        if not isinstance(given, Link):
            return seed_url(given)
        try:
            link = self.checked(replace(given, url=seed_url(given.url)), None, number)
        except HandlerError as error:
            raise UsageError(f"a seed of the crawl is not allowed: it {error}") from None
        assert link is not None, "its URL is one"
        return link

    def __iter__(self) -> Iterator[Handler]:
        return iter(self._by_name.values())

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all handlers."""
        return tuple(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __repr__(self) -> str:
        return f"<Handlers {', '.join(map(repr, self._by_name.values()))}>"


def _check_callable(function: object) -> None:
    """Raise `UsageError` for what can't be called with a page."""
    if not callable(function):
        raise UsageError(f"a page handler is a function of a page, not {function!r:.80}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # a function of C may not say
        return
    if not any(each.kind in _TAKES_A_PAGE for each in signature.parameters.values()):
        raise UsageError(
            f"the page handler {name_of(function)!r} takes no page; give it a parameter for that"
        )


def _statuses(given: int | Iterable[int] | None) -> frozenset[int]:
    if given is None:
        return frozenset()
    if isinstance(given, str) or not isinstance(given, int | Iterable):
        raise UsageError(f"status: {given!r:.50} is none; give a number such as 404, or several")
    found = frozenset([given] if isinstance(given, int) else given)
    for status in found:
        if status not in range(200, 300) and (status not in _ERRORS or status in PAUSES):
            raise UsageError(
                f"status: {status!r:.50} brings no page; 200 to 299 and 400 to 599 do, but 420, 429 and 503 ask for a pause"
            )
    return found


def collect(answer: object, results: list[Any]) -> None:
    """Add the items and links in the answer of a plain handler to *results*.

    Raises `HandlerError` for anything else in it, and whatever a generator raises; what came before stays.
    """
    for result in _each(answer):
        _append(results, result)


async def collect_async(answer: object, results: list[Any]) -> None:
    """Add the items and links in the answer of an `async` handler; as `collect`."""
    if not isinstance(answer, AsyncIterable):
        return collect(await answer if isinstance(answer, Awaitable) else answer, results)
    async for result in answer:
        _append(results, result)
    return None


def is_item(value: object) -> bool:
    """Return whether *value* can be an item: a dict, a msgspec Struct, a dataclass, attrs.

    A `Link` is a Struct too, and passes.
    """
    kind = type(value)
    return (
        isinstance(value, (dict, Struct))
        or dataclasses.is_dataclass(kind)
        or hasattr(kind, "__attrs_attrs__")
    )


def _each(answer: object) -> Iterable[object]:
    if answer is None:
        return ()
    if is_item(answer):
        return (answer,)
    if isinstance(answer, Iterable) and not isinstance(answer, (str, bytes)):
        return answer
    raise HandlerError(f"returned {_described(answer)}; {_WANTED}")


def _append(results: list[Any], result: object) -> None:
    if not is_item(result):
        raise HandlerError(f"yielded {_described(result)}; {_WANTED}")
    if len(results) >= RESULTS_MAX:
        raise HandlerError(f"yielded more than {RESULTS_MAX:,} items and links from one page")
    results.append(result)


def _described(value: object) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 80 else text[:77] + '...'}"


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
