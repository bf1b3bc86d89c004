"""What a crawl is asked to request: links, targets and what was found of them, and the gate that lets requests start.

Owns: these types; their times are integer nanoseconds.
"""

from typing import Any

from msgspec import UNSET, Struct
from msgspec.structs import replace

from scraper_cpn.scrape.request import PLAIN, Request

PRIORITY_MAX = 1_000_000
"""The largest absolute priority of a link."""


class Link(Struct, frozen=True, omit_defaults=True):
    """A link that a handler wants followed, if it is in the scope of the crawl.

    `Page.link` takes the same options, and checks them at once; those of a link that is made by hand are checked
    when a handler yields it, or a crawl begins with it.
    """

    url: str
    """Absolute or relative to the page; empty for no address: it is counted and skipped."""
    to: Any = ""
    """Its page handler, or the handler's name; empty: chosen by URL."""
    priority: int = 0
    """Lower goes first; from -PRIORITY_MAX to PRIORITY_MAX."""
    data: Any = None
    """A dict for the handler: its parameters behind the page, or `page.data`. At most `DATA_BYTES_MAX`."""
    method: str | None = None
    """None: POST with a body, or else GET."""
    params: Any = None
    """A dict or pairs, added to the query of the URL. None as a value leaves it out; a list repeats the name."""
    json: Any = UNSET
    """The body: anything that msgspec writes as JSON."""
    form: Any = None
    """The body: a dict or pairs, as forms are sent (urlencoded)."""
    xml: Any = None
    """The body: XML, as text or bytes."""
    body: Any = None
    """The body: text or bytes."""
    headers: Any = None
    """A dict or pairs; sent to the origin of this URL only."""
    again: bool = False
    """Whether it is requested although the crawl has requested the same before."""
    idempotent: bool = False
    """Whether sending it twice does no harm; a method that is not safe is then retried like a GET."""
    session: str = ""
    """The name of a session; empty for the crawl's own."""
    request: Request | None = None
    """The request that results from these options; None: not computed yet, or a plain GET."""


def url_of(seed: str | Link) -> str:
    """Return the URL of a seed."""
    return seed if isinstance(seed, str) else seed.url


STEPS = "login"
"""The gate of the steps of logins, which is always open."""


def gate_of(session: str) -> str:
    """Return the gate of the pages of a session."""
    return f"session {session}"


class Target(Struct, frozen=True, gc=False, kw_only=True):
    """A URL that waits to be fetched, is being fetched, or travels down the pipeline."""

    url: str
    """Normalised, without fragment."""
    domain: str
    """The pacing key: the registrable domain or the host, as `Settings.limit_by` says."""
    origin: str
    """`scheme://host:port`, the key of robots.txt (RFC 9309 section 2.3)."""
    site: str
    """The domain or host that `Settings.scope` compares links with; a redirected seed renames it."""
    requested_url: str
    """The URL that was requested first; differs from `url` after a redirect."""
    parent: str | None = None
    """The page that linked here; None for a seed."""
    depth: int = 0
    """Links followed from a seed; a seed has 0, a redirect does not count."""
    priority: int = 0
    """Its level: lower goes first."""
    rank: int = 0
    """When its URL was found (UTC, nanoseconds since 1970); with ageing, plus one period for each level of its
    priority. Among targets of equal priority, or with ageing among all, lower goes first. Attempts and redirects
    keep it."""
    attempt: int = 1
    """1 for the first attempt."""
    lost: int = 0
    """How many of the attempts before were lost with the process that made them; `--retries` does not count those."""
    hops: int = 0
    """Redirects followed so far."""
    handler: str = ""
    """The name of the page handler that a program chose; empty: chosen by URL."""

    @property
    def seed(self) -> bool:
        """Whether a user gave this URL (or one that was redirected here)."""
        return self.parent is None

    @property
    def request(self) -> Request:
        """What is requested beside the URL."""
        return PLAIN

    @property
    def identity(self) -> str:
        """The string that identifies it: its URL, unless its request is more than a plain GET."""
        return self.url

    @property
    def host(self) -> str:
        """The host of its URL, by which `--per-host` and `--host-delay` count."""
        return url_host(self.origin)

    @property
    def session(self) -> str:
        """The session that it is requested in; see `Request.session`."""
        return self.request.session

    @property
    def gate(self) -> str:
        """The gate that must be open for it: that of its session, or of the steps of logins."""
        request = self.request
        return STEPS if request.login else gate_of(request.session)

    @property
    def late(self) -> int:
        """Lower for later attempts: retries go first, since otherwise they would wait behind all of a domain's URLs."""
        return -self.attempt


class RequestTarget(Target, frozen=True, gc=False, kw_only=True):
    """A target that is more than a GET of its URL, or carries data. Few are, so that others need no room for it."""

    request: Request = PLAIN

    @property
    def identity(self) -> str:
        """The string that identifies it. A step of a login may come to a URL again: `max_redirects` ends it, in every case."""
        found = self.request.identity(self.url)
        return f"{found} {self.hops}" if self.request.login else found


class StagedTarget(RequestTarget, frozen=True, gc=False, kw_only=True):
    """A target that has been given what its request needs, and waits for its turn there. In crawls with such a stage only."""


class RoutedTarget(StagedTarget, frozen=True, gc=False, kw_only=True):
    """A target that has been given a proxy."""

    proxy: str
    watched: bool = False
    """Whether its domain has refused a proxy: how the request ends is then reported to the route."""


class LocatedTarget(StagedTarget, frozen=True, gc=False, kw_only=True):
    """A target that has been given the address that it is requested from."""

    address: str
    """As `Address.address`."""
    ip: str
    """As `Address.ip`."""


def to_show(target: Target) -> Target:
    """Return a target without what its request sends, which may be secret: for a record that is written down as a whole."""
    if not isinstance(target, RequestTarget):
        return target
    return replace(target, request=replace(target.request, headers=(), body=b""))


def url_host(url: str) -> str:
    """The host of a normalised URL or origin; an IPv6 address keeps its brackets."""
    netloc = url.partition("://")[2].partition("/")[0]
    if netloc.startswith("["):
        return netloc[: netloc.find("]") + 1]
    return netloc.partition(":")[0].removesuffix(".")


TURN = ("priority", "late")
"""The order of waiting targets: smallest first, ties by age, oldest first."""

AGED_TURN = ("rank", "late")
"""The order of waiting targets with ageing."""


class Found(Struct, frozen=True, gc=False):
    """The links of one page, in scope and without repetition, on their way into the frontier."""

    targets: tuple[Target, ...]
    """LoginNews from others by their URLs."""
    requests: tuple[Target, ...] = ()
    """LoginNews from others by their identities."""
    page: str = ""
    """The identity of that page, in a crawl with a greatest depth; empty for seeds."""
    depth: int = 0
    """The depth of that page when it was fetched: its shortest path may be shorter by now."""
    trapped: tuple[Target, ...] = ()
    """Links that count as traps; they are logged, and not followed."""

    @property
    def every(self) -> tuple[Target, ...]:
        """All links that are followed: the targets, then the requests."""
        return (*self.targets, *self.requests)


class Path(Struct, frozen=True, gc=False):
    """A path to a page was found."""

    page: str
    """The identity of its target."""
    depth: int
    """The number of its links."""


class Reached(Struct, frozen=True, gc=False):
    """What is remembered of a URL in a crawl with a greatest depth."""

    page: str
    """The identity of its target."""
    depth: int
    """The number of links on the shortest path that is known."""
    links: Found | None = None
    """The links of the page, or the next hop of its redirect; None: not fetched, or not needed any more."""


class Gate(Struct, frozen=True, gc=False):
    """While this token exists, requests may start. Its expiry is the crawl's deadline."""


class StopAt(Struct, frozen=True, gc=False):
    """A stop request on its way to a partition."""

    partition: int
    reason: str


class StopRequest(Struct, frozen=True, gc=False):
    """The request to start no more requests."""

    reason: str = ""
    """Why, if a handler asked for it."""
