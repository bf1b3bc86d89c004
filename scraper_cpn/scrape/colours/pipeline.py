"""What a page becomes, from the response to the stored item, and the row of what failed.

Owns: these types, and the kinds of failures; sizes are bytes.
"""

from typing import Any

from msgspec import Struct

from scraper_cpn.scrape.colours.robots import NOT_WIRED, Wired
from scraper_cpn.scrape.colours.sessions import PooledSession
from scraper_cpn.scrape.colours.targets import Target

Length = int | tuple[int | None, ...] | None
"""How much of an output is durable; of several outputs, the length of each. None: it has no length."""


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
    length: Length = None
    """The length of the output including these items."""
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

CROWDED = "crowded"
"""The kind of a failure that was no attempt: the page waits for its turn to be parsed."""

LOST = "lost"
"""The kind of an attempt that went with the process that made it."""

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
    "unchanged": "the page has not changed since it was kept before",
    "file": "a file that an item names was not saved",
    "sitemap": "a sitemap could not be read, or has mistakes",
    "scope": "a redirect left the scope of the crawl",
    "filtered": "a redirect led to a URL that --allow or --deny keeps out",
    "refresh": "a refresh of a page leads where no link may; the page itself is stored",
    "trap": "one of endlessly many URLs, by --trap-rules",
    "redirected": "the URL redirects to another URL, which is fetched separately",
    "parse": "the page could not be parsed",
    "handler": "the page handler raised",
    "hook": "a function of the program raised, or returned what is not allowed",
    "invalid": "an item does not fit the schema",
    "keep": "an item could not be written",
    "seed": "a line of the input is not a URL",
    WITHHELD: "the request was not sent: its domain was paused, or the crawl was stopped",
    CROWDED: "parsing it may take long: it waits its turn, and is then requested again",
    "partial": "the page handler raised; what it had yielded before is kept",
    "retry": "the program asked for another attempt",
    "drop": "the program dropped the page",
    "login": "a page of the login, or the page that asks for it: it is not stored",
    "expired": "the site asked for a login instead",
    "unsure": "the server may have processed it, and it must not be sent twice",
    LOST: "the work was cancelled or crashed, or its process has ended",
}
"""The kinds of `Failure`, with what each means."""
