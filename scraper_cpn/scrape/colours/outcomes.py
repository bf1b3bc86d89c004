"""How the effects of the scrape net end.

Owns: the outcome of each effect, and their closed sets.
"""

from typing import Any

from msgspec import Struct

from scraper_cpn.scrape.colours.pipeline import Length, Response
from scraper_cpn.scrape.colours.robots import Rules
from scraper_cpn.scrape.colours.sessions import LoggedIn, LoggedOut, LoginStep
from scraper_cpn.scrape.colours.targets import Target
from scraper_cpn.scrape.request import Visit


class Fetched(Struct, frozen=True, gc=False):
    """A page arrived with a 2xx status."""

    response: Response
    bytes: int = 0
    """The length of its body, where a state has written down that instead of the body."""
    visit: Visit | None = None
    """Its validators and the digest of its content, in a crawl that keeps them; a state writes down these instead of the page."""

    @property
    def size(self) -> int:
        """The length of its body."""
        return self.bytes or len(self.response.body)


class Unchanged(Struct, frozen=True, gc=False):
    """The server says that a page has not changed since the last visit, or the earlier crawl (304)."""


class Redirected(Struct, frozen=True, gc=False):
    """A redirect; its next hop waits its turn in its own domain."""

    status: int
    url: str
    """Absolute and normalised."""
    wait_ns: int = 0
    """Retry-After: the next hop waits at least this long."""
    cookies: str = ""
    """Stands for the cookies that the next hop is sent; empty for none, or on the same URL for those of this request."""


class Throttled(Struct, frozen=True, gc=False):
    """420, 429, 503, or another error with a Retry-After: the server asks for a pause."""

    status: int
    wait_ns: int | None
    """Retry-After, from now; None when the header was absent or nonsense."""


class Failed(Struct, frozen=True, gc=False):
    """The fetch failed."""

    kind: str
    reason: str
    status: int | None = None
    retry: bool = True
    sent: bool = True
    """Whether the server may have processed the request: it was written, or that is unknown."""
    wait_ns: int = 0
    """The least wait before another attempt; 0: the usual back-off."""


class Mapped(Struct, frozen=True, gc=False):
    """A sitemap was read."""

    targets: tuple[Target, ...]
    """Its URLs that are in scope and not filtered out, in the order in which they are fetched."""
    sitemaps: tuple[str, ...] = ()
    """The sitemaps of an index, newest first."""
    troubles: tuple[str, ...] = ()
    """What is wrong with it, a line for each kind of mistake."""
    not_followed: int = 0
    """URLs that are out of scope or filtered out."""


SitemapOutcome = Mapped | Redirected | Throttled | Failed

VisitOutcome = Fetched | Unchanged | Redirected | Throttled | Failed

FetchOutcome = Fetched | Redirected | Throttled | Failed

RobotsOutcome = Rules | Redirected | Throttled | Failed


class Parsed(Struct, frozen=True):
    """The items and links of a page, and errors that did not prevent these."""

    items: tuple[Any, ...]
    targets: tuple[Target, ...]
    """Links in scope, in the order of the page."""
    cut: tuple[str, ...] = ()
    """What the limits for one page left out, a line for each."""
    not_followed: int = 0
    """Different links that are out of scope, filtered out or too deep."""
    requests: tuple[Target, ...] = ()
    """Links that their URLs alone do not tell from others; as `Found.requests`."""
    no_address: int = 0
    """Links that a handler made to no web address: `javascript:`, `mailto:`, None."""
    stop: str = ""
    """Why the handler wants the crawl to start no more requests; empty: it does not."""
    trouble: "Bad | None" = None
    """What the handler raised after it had yielded what is kept."""
    refused: tuple[str, ...] = ()
    """Why its refreshes are not followed, a line for each that is not."""
    again_ns: int | None = None
    """The time to its next visit that the program has chosen; see `Visit.after_ns`."""


class Bad(Struct, frozen=True, gc=False):
    """A page that can't be parsed, items that don't fit their schema, or a handler that raised."""

    kind: str
    reason: str
    detail: str = ""


class Deferred(Struct, frozen=True, gc=False):
    """The page is to be requested again: its handler wants that, or it waits for its turn."""

    reason: str
    after_ns: int | None = None
    """The least wait; None: the usual back-off."""
    elsewhere: bool = False
    """Whether the proxy that brought the page rests first."""
    status: int | None = None
    """That of the page. The net decides by what a journal keeps, and it keeps no answers."""
    crowded: bool = False
    """Whether it only waits for its turn to be parsed, which is no attempt more."""


class Valid(Struct, frozen=True):
    """The items that fit the schema, and a line about each that does not."""

    items: tuple[Any, ...]
    errors: tuple[str, ...] = ()
    dropped: tuple[tuple[str, int], ...] = ()
    """See `Extracted`."""
    number: int = 0
    """See `Checked`."""

    @property
    def size(self) -> int:
        """How many items fit."""
        return self.number or len(self.items)


class Kept(Struct, frozen=True, gc=False):
    """The items of a page are written."""

    items: int
    length: Length = None
    """The length of the output after these items."""


PageOutcome = Parsed | Bad | Deferred
"""The outcomes of a page in a crawl without a login."""

ParseOutcome = PageOutcome | LoginStep | LoggedIn | LoggedOut

ValidateOutcome = Valid | Bad

KeepOutcome = Kept


class Again(Struct, frozen=True, gc=False):
    """The target gets another attempt."""


class Over(Struct, frozen=True, gc=False):
    """The target has failed, and is not tried again."""


class Original(Struct, frozen=True, gc=False):
    """The content of the page is its own."""


class Duplicate(Struct, frozen=True, gc=False):
    """Another page had the same content before."""


class Allowed(Struct, frozen=True, gc=False):
    """robots.txt allows the URL."""


class Denied(Struct, frozen=True, gc=False):
    """robots.txt forbids the URL, or was unreachable."""

    reason: str
    kind: str = "robots"


Verdict = Again | Over

Clearance = Allowed | Denied
