"""The colours of the scraper: the types of its tokens, outcomes and rows.

Owns: every type that travels through the scrape net. All of them are frozen records without
behaviour that coordinates; times are integer nanoseconds, sizes are bytes.
Must not know: the net, the shell, HTTP libraries, clocks. A scheduler written by hand can use
these types as they are.
"""

from typing import Any, Literal

from msgspec import UNSET, Struct

from scraper_cpn.scrape.request import PLAIN, POOLED, Request, Visit

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
        return _host(self.origin)

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


class RoutedTarget(RequestTarget, frozen=True, gc=False, kw_only=True):
    """A target that has been given a proxy, and waits for its turn there. In crawls with routes only."""

    proxy: str
    watched: bool = False
    """Whether its domain has refused a proxy: how the request ends is then reported to the route."""


def _host(url: str) -> str:
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


class Domain(Struct, frozen=True, gc=False):
    """The pacing token of a domain: a firing that takes it may start one request."""

    domain: str
    delay_ns: int
    """Least time between the starts of two requests: the largest of policy and Crawl-delay."""
    strikes: int = 0
    """Refusals (429, 503) without Retry-After in a row; sets the growing back-off."""
    calm: int = 0
    """Requests started since the last strike or pause; only counted while the domain is in trouble."""
    silent: int = 0
    """Requests in a row that had no answer at all."""
    probes: int = 0
    """Pauses since the domain counts as dead: after each of them it is asked once."""
    pace_ns: int = 0
    """The time between two starts that the server's time asks for (`--adaptive`); the delay counts if it is longer."""
    throttled_ns: int = 0
    """How long it has refused requests in a row: the sum of the pauses."""


class Host(Struct, frozen=True, gc=False):
    """The pacing token of a host, if hosts have limits of their own."""

    host: str


class Proxy(Struct, frozen=True, gc=False):
    """The pacing token of a proxy, or of the direct connection."""

    proxy: str
    """Its name in logs: the URL without the password. `direct` for no proxy."""
    url: str | None = None
    """With credentials; None for the direct connection. Never logged."""
    slots: int = 1
    """Requests at a time."""
    delay_ns: int = 0
    """Least time between the starts of two requests through it."""
    quota: int | None = None
    """The total number of requests it may carry; None for no limit."""
    not_before_ns: int | None = None
    """UTC, nanoseconds since 1970; None for no limit."""
    not_after_ns: int | None = None
    """UTC, nanoseconds since 1970; the last moment at which a request may still be running."""
    strikes: int = 0
    """Separate incidents in a row in which the proxy itself failed."""
    calm: int = 0
    """Requests started since the last strike; only counted while `strikes` is above 0."""
    group: str = ""
    """Domains are sent through proxies of one group (`Settings.proxy_for`)."""
    bytes: int | None = None
    """The bytes of pages that it may still carry, decompressed; None for no limit."""
    spare: bool = False
    """Whether it has another token, with which it is probed in quarantine."""

    def __repr__(self) -> str:
        """Omit the URL, which may contain a password."""
        return f"<proxy {self.proxy}>"


class Penalty(Struct, frozen=True, gc=False):
    """A domain has asked for a pause, or for a slower pace."""

    domain: str
    wait_ns: int | None = None
    """The pause from now on; None: the growing back-off decides (a refusal without Retry-After)."""
    delay_ns: int = 0
    """A Crawl-delay: the new least time between starts, if larger than the present one."""
    sign: Literal["throttled", "silent", "answered", "paced", "crowded"] = "throttled"
    """The event: a refusal (or a Crawl-delay), no answer at all, an answer after requests without one, an
    answer that took another time than those before, or a page that waits for a process that parses it."""
    pace_ns: int = 0
    """The new pace, if it is `paced`."""


class GivenUp(Struct, frozen=True, gc=False):
    """A domain that is not asked any more."""

    domain: str
    reason: str


class Allowance(Struct, frozen=True, gc=False):
    """The bytes that may still come (`--max-bytes`)."""

    bytes: int


class ItemsLeft(Struct, frozen=True, gc=False):
    """The items that may still be kept (`--max-items`)."""

    items: int


class DomainAllowance(Struct, frozen=True, gc=False):
    """The bytes that may still come from a domain (`--max-bytes-per-domain`)."""

    domain: str
    bytes: int


class DomainReceived(Struct, frozen=True, gc=False):
    """The bytes of a page of a domain."""

    domain: str
    bytes: int


class Bandwidth(Struct, frozen=True, gc=False):
    """While this token is ready, the bytes received so far are within `--rate-limit`."""


class Window(Struct, frozen=True, gc=False):
    """While this token is ready, requests may start (`--hours`). Its expiry is the closing of the window."""


class Received(Struct, frozen=True, gc=False):
    """The bytes of a page."""

    bytes: int


class Hold(Struct, frozen=True, gc=False):
    """A row of `holds`: a domain pauses."""

    domain: str
    wait_ns: int
    """From now on."""
    reason: str


class PooledSession(Struct, frozen=True, gc=False):
    """The token of a session of the pool: a firing that takes it may start one request in it."""

    session: str
    """Its number."""
    generation: int = 1
    """How many sessions have had this number."""
    errors: int = 0
    """In a row."""
    calm: int = 0
    """Requests started since the last error, up to 2."""

    @property
    def name(self) -> str:
        """The name of its jar."""
        return f"{POOLED}{self.session}.{self.generation}"

    @property
    def before(self) -> str:
        """That of the session whose place it has taken."""
        return f"{POOLED}{self.session}.{self.generation - 1}"


class SessionFault(Struct, frozen=True, gc=False):
    """A session has met an error."""

    session: str
    generation: int
    calm: int = 0
    """`PooledSession.calm` when the request that met it was started."""


class ProxyFault(Struct, frozen=True, gc=False):
    """A proxy itself has failed, and one of its tokens is to rest."""

    proxy: str
    strikes: int = 0
    """Its incidents in a row with this one; 0: as its token says."""


class Carried(Struct, frozen=True, gc=False):
    """The bytes of a page that a proxy has brought."""

    proxy: str
    bytes: int


class Mark(Struct, frozen=True, gc=False):
    """What a route remembers of a proxy that its domain has refused."""

    proxy: str
    count: int
    """Refusals in a row."""
    state: Literal["rests", "due", "tried", "gone"] = "rests"
    """It rests for this domain, is due for one trial, is being tried, or has retired."""


class Route(Struct, frozen=True, gc=False):
    """Which proxies the requests to a domain go through."""

    domain: str
    group: str = ""
    """The group of proxies that serves it."""
    marks: tuple[Mark, ...] = ()
    streak: int = 0
    """Proxies that were refused in a row."""
    turn: int = 0
    """Where the search for the next proxy begins, if none that is free will do."""


class Sign(Struct, frozen=True, gc=False):
    """How a request to a domain through a proxy has ended, as far as it concerns their relation."""

    domain: str
    proxy: str
    what: Literal["banned", "passed", "unknown", "gone", "absolved"]


class Rest(Struct, frozen=True, gc=False):
    """A proxy rests for one domain that has refused it."""

    domain: str
    proxy: str
    count: int


class Repute(Struct, frozen=True, gc=False):
    """The domains that refuse a proxy at present."""

    proxy: str
    refused_by: tuple[str, ...] = ()


class Gone(Struct, frozen=True, gc=False):
    """A token of a proxy has retired."""

    proxy: str
    group: str = ""


class RobotsJob(Struct, frozen=True, gc=False, kw_only=True):
    """A robots.txt that must be fetched before any page of its origin."""

    origin: str
    url: str
    """`origin/robots.txt`, or the next hop of a redirect of it."""
    domain: str
    """The pacing key of `url`."""
    home: str
    """The pacing key of the origin, which may differ from `domain` after a redirect."""
    attempt: int = 1
    hops: int = 0

    @property
    def host(self) -> str:
        """The host of `url`, by which `--per-host` and `--host-delay` count."""
        return _host(self.url)


class RoutedJob(RobotsJob, frozen=True, gc=False, kw_only=True):
    """A robots.txt that has been given a proxy; as `RoutedTarget`."""

    proxy: str
    watched: bool = False


class Rules(Struct, frozen=True, gc=False):
    """The robots.txt of an origin. Also the outcome of fetching one."""

    origin: str
    text: str
    """At most 500 KiB (RFC 9309 section 2.5); all-disallow when it was unreachable."""
    crawl_delay_ns: int | None = None
    """For our user agent."""
    elapsed_ns: int = 0
    """From the start of the request to this outcome."""
    reason: str = "robots.txt disallows it"
    """The reason in the log for a URL that these rules deny."""
    kind: str = "robots"
    """The kind in the log: `robots`, `unreachable` if there was no answer, or `address` if the address was refused."""
    home: str = ""
    """The pacing key of the origin, as it was when the file was asked for."""


class SitemapJob(Struct, frozen=True, gc=False, kw_only=True):
    """A sitemap that is to be read."""

    url: str
    domain: str
    """The pacing key of `url`."""
    origin: str
    """Of `url`, the key of robots.txt."""
    site: str
    """The site whose sitemap it is, as the scope compares it with URLs."""
    nesting: int = 0
    """The indexes above it."""
    first: bool = True
    """Whether it is read before pages."""
    guess: bool = False
    """Whether it may well not exist: nobody has named it."""
    attempt: int = 1
    hops: int = 0

    @property
    def host(self) -> str:
        """The host of `url`, by which `--per-host` and `--host-delay` count."""
        return _host(self.url)


class MapSite(Struct, frozen=True, gc=False):
    """An origin whose sitemaps are looked for."""

    origin: str
    site: str
    """As `SitemapJob.site`."""


class Maps(Struct, frozen=True, gc=False):
    """Sitemaps that were named together."""

    jobs: tuple[SitemapJob, ...]


class Wired(Struct, frozen=True, gc=False):
    """The connection that an answer came on, so that others on the same connection can be found."""

    connection: int
    """The number of the connection within its process; 0 if there is none."""
    ordinal: int
    """1 for the first request on its connection."""
    service_ns: int = 0
    """How long the server took to begin its answer, by the operating system's clock of the connection; 0 if unknown."""


NOT_WIRED = Wired(0, 0)
"""An answer from an in-memory web, without a connection."""


class Saved(Struct, frozen=True, gc=False):
    """Where the body of a page was saved."""

    path: str
    """The file: relative to `--save-bodies DIR`, or the archive itself."""
    sha256: str
    """Of the body, in hexadecimal."""


class Response(Struct, frozen=True, gc=False, kw_only=True):
    """A page as it came off the wire."""

    url: str
    status: int
    content_type: str
    """Media type in lower case, without parameters; empty when the server sent none."""
    charset: str | None
    """From the Content-Type header."""
    body: bytes
    """Decompressed, at most `Settings.max_body_bytes`."""
    fetched_at_ns: int
    """UTC, nanoseconds since 1970, when the last byte had arrived."""
    elapsed_ns: int
    """From the start of the request to the last byte."""
    wired: Wired = NOT_WIRED
    headers: tuple[tuple[str, str], ...] = ()
    """Names in lower case, in the order of the answer. Bytes that are not UTF-8 are U+FFFD."""
    reason: str = ""
    """The reason phrase of the status line; empty if it has none, or the client does not tell."""
    certificate_hosts: tuple[str, ...] = ()
    """The names of hosts in the server's certificate; empty if it was not verified, or the client does not tell."""
    saved: Saved | None = None
    """Where the body was saved; None if it was not."""


class Raw(Struct, frozen=True, gc=False):
    """A page that waits to be parsed."""

    target: Target
    response: Response
    proxy: str = ""
    """The name of the proxy that brought it."""
    login: int = 0
    """The number of the login with which it was fetched; 0 where none is needed."""
    content: str = ""
    """What tells its content from others, in a crawl that compares them."""
    session: PooledSession | None = None
    """The session of the pool that brought it."""


class Content(Struct, frozen=True, gc=False):
    """A content that has come."""

    content: str
    """As `Raw.content`."""
    url: str
    """Of the page that had it first."""


class Extracted(Struct, frozen=True):
    """The items and links of a parsed page, waiting to be validated."""

    target: Target
    items: tuple[Any, ...]
    """Records ready for output: msgspec Structs or dicts."""
    wired: Wired = NOT_WIRED
    cut: tuple[str, ...] = ()
    """See `Parsed`."""
    dropped: tuple[tuple[str, int], ...] = ()
    """Why functions of the program dropped items of the page, and how many."""


class Checked(Struct, frozen=True):
    """Items that fit the schema, waiting to be kept."""

    target: Target
    items: tuple[Any, ...]
    wired: Wired = NOT_WIRED
    cut: tuple[str, ...] = ()
    """See `Parsed`."""
    number: int = 0
    """How many items it has, where a state has written down that instead of the items."""

    @property
    def size(self) -> int:
        """How many items it has."""
        return self.number or len(self.items)


class Stored(Struct, frozen=True):
    """A row of `stored`: a page whose items were kept."""

    target: Target
    items: int
    kept: tuple[Any, ...] = ()
    """The items themselves, for a store."""
    length: int | None = None
    """The length of the output including these items; None if it has no length."""
    wired: Wired = NOT_WIRED
    cut: tuple[str, ...] = ()
    """What the limits for one page left out, a line for each."""


class Failure(Struct, frozen=True, gc=False, kw_only=True):
    """An attempt that failed, or a URL that was skipped; also a row of `failed_log`."""

    target: Target
    kind: str
    """One of `KINDS`."""
    reason: str
    """One line for people."""
    status: int | None = None
    retry: bool = False
    """Whether another attempt may help."""
    wait_ns: int = 0
    """The server's Retry-After: the next attempt of this URL waits at least this long."""
    detail: str = ""
    """The traceback, if a handler raised."""
    final: bool = False
    """In a row of the log: whether the URL ended here."""


FAILED_LOG, STORED, RETIRED_PROXIES = "failed_log", "stored", "retired_proxies"
"""The names of the sinks whose rows a state stores."""

WITHHELD = "withheld"
"""The kind of a failure that was no attempt: the request was not written."""

KINDS: dict[str, str] = {
    "http": "the server answered with an error status",
    "throttled": "the server asked the crawl to slow down (429, 503, Retry-After)",
    "given up": "the domain was given up: it had no answer, or nothing but refusals",
    "limit": "its domain has reached --max-pages-per-domain or --max-bytes-per-domain",
    "slow": "the site's Crawl-delay is longer than --crawl-delay-max",
    "timeout": "no complete answer in time",
    "connect": "no connection to the server",
    "dns": "the name has no address",
    "tls": "no trusted TLS connection",
    "proxy": "the proxy failed",
    "banned": "the site has refused the proxy (--ban-status, or the program's `banned`)",
    "dropped": "the connection broke before the answer was complete",
    "protocol": "the answer was not valid HTTP",
    "coding": "the body's content coding could not be decoded",
    "too large": "the body was over the size limit",
    "redirect": "a redirect had no usable target, or there were too many",
    "address": "the host's address is private, loopback or otherwise not public",
    "robots": "robots.txt forbids the URL",
    "unreachable": "robots.txt could not be fetched, so that no page may be fetched",
    "duplicate": "the content is that of another page (--dedupe)",
    "unchanged": "the page has not changed since the visit before",
    "sitemap": "a sitemap could not be read, or has mistakes",
    "scope": "a redirect left the scope of the crawl",
    "filtered": "a redirect led to a URL that --allow or --deny keeps out",
    "trap": "one of endlessly many URLs, by --trap-rules",
    "redirected": "the URL redirects to another URL, which is fetched separately",
    "parse": "the page could not be parsed",
    "handler": "the page handler raised",
    "hook": "a function that the program declared (before, after, item) raised",
    "invalid": "an item does not fit the schema",
    "keep": "an item could not be written",
    "seed": "a line of the input is not a URL",
    WITHHELD: "the request was not sent: its domain was paused, or the crawl was stopped",
    "partial": "the page handler raised; what it had yielded before is kept",
    "retry": "the program asked for another attempt",
    "drop": "the program dropped the page",
    "login": "a page of the login, or the page that asks for it: it is not stored",
    "expired": "the site asked for a login instead",
    "unsure": "the server may have processed it, and it must not be sent twice",
    "lost": "the work was cancelled or crashed",
}
"""The kinds of `Failure`, with what each means."""


# Outcomes. Each effect ends in one of a closed set of them (or in the net's built-in `Lost`).


class Fetched(Struct, frozen=True, gc=False):
    """A page arrived with a 2xx status."""

    response: Response
    bytes: int = 0
    """The length of its body, where a state has written down that instead of the body."""
    visit: Visit | None = None
    """Its validators and the digest of its content, where a state has written down these instead of the page."""

    @property
    def size(self) -> int:
        """The length of its body."""
        return self.bytes or len(self.response.body)


class Unchanged(Struct, frozen=True, gc=False):
    """The server says that a page has not changed since the last visit (304)."""


class Redirected(Struct, frozen=True, gc=False):
    """A redirect; its next hop waits its turn in its own domain."""

    status: int
    url: str
    """Absolute and normalised."""
    wait_ns: int = 0
    """Retry-After: the next hop waits at least this long."""
    cookies: str = ""
    """Stands for the cookies that the next hop is sent; empty for none, or on the same URL for those of this request."""
    session: str = ""
    """The session of the pool in which the next hop is requested; empty for none."""


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


class Bad(Struct, frozen=True, gc=False):
    """A page that can't be parsed, items that don't fit their schema, or a handler that raised."""

    kind: str
    reason: str
    detail: str = ""


class Deferred(Struct, frozen=True, gc=False):
    """The handler wants the page to be requested again."""

    reason: str
    after_ns: int | None = None
    """The least wait; None: the usual back-off."""
    elsewhere: bool = False
    """Whether the proxy that brought the page rests first."""


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
    length: int | None = None
    """The length of the output after these items; None if it has no length."""


class LoginStep(Struct, frozen=True, gc=False):
    """A page of a login leads to the next one."""

    target: Target


class LoggedIn(Struct, frozen=True, gc=False):
    """The last page of a login has come."""


class LoggedOut(Struct, frozen=True, gc=False):
    """A page that asks for a login came instead of one that needs it."""


PageOutcome = Parsed | Bad | Deferred
"""The outcomes of a page in a crawl without a login."""
ParseOutcome = PageOutcome | LoginStep | LoggedIn | LoggedOut
ValidateOutcome = Valid | Bad
KeepOutcome = Kept


# Choices.


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


class Login(Struct, frozen=True, gc=False):
    """A session of a crawl with a login."""

    gate: str
    """That of its pages."""
    session: str = ""
    """Its name."""
    number: int = 0
    """Of its login, from 1 on."""
    state: Literal["out", "going", "in", "failed"] = "out"


class LoginNews(Struct, frozen=True, gc=False):
    """News about a login."""

    gate: str
    number: int
    """Of the login that it is about."""
    state: Literal["out", "in", "failed"]


class LoginChanged(Struct, frozen=True, gc=False):
    """The news is new: the session is logged in, or logged out."""


class LoginBroken(Struct, frozen=True, gc=False):
    """The login has failed, and is not tried again."""


class LoginStale(Struct, frozen=True, gc=False):
    """The news is about an earlier login."""


Hearing = LoginChanged | LoginBroken | LoginStale
Verdict = Again | Over
Clearance = Allowed | Denied


class Gate(Struct, frozen=True, gc=False):
    """While this token exists, requests may start. Its expiry is the crawl's deadline."""


class StopRequest(Struct, frozen=True, gc=False):
    """The request to start no more requests."""

    reason: str = ""
    """Why, if a handler asked for it."""
