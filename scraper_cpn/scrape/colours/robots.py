"""The jobs and results of robots.txt and of sitemaps.

Owns: these types.
"""

from msgspec import Struct

from scraper_cpn.scrape.colours.targets import url_host


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
    lost: int = 0
    """As `Target.lost`."""
    hops: int = 0

    @property
    def host(self) -> str:
        """The host of `url`, by which `--per-host` and `--host-delay` count."""
        return url_host(self.url)


class StagedJob(RobotsJob, frozen=True, gc=False, kw_only=True):
    """A robots.txt that has been given what its request needs; as `StagedTarget`."""


class RoutedJob(StagedJob, frozen=True, gc=False, kw_only=True):
    """A robots.txt that has been given a proxy; as `RoutedTarget`."""

    proxy: str
    watched: bool = False


class LocatedJob(StagedJob, frozen=True, gc=False, kw_only=True):
    """A robots.txt that has been given its address; as `LocatedTarget`."""

    address: str
    ip: str


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
    lost: int = 0
    """As `Target.lost`."""
    hops: int = 0

    @property
    def host(self) -> str:
        """The host of `url`, by which `--per-host` and `--host-delay` count."""
        return url_host(self.url)


class StagedMap(SitemapJob, frozen=True, gc=False, kw_only=True):
    """A sitemap that has been given what its request needs; as `StagedTarget`."""


class RoutedMap(StagedMap, frozen=True, gc=False, kw_only=True):
    """A sitemap that has been given a proxy; as `RoutedTarget`."""

    proxy: str
    watched: bool = False


class LocatedMap(StagedMap, frozen=True, gc=False, kw_only=True):
    """A sitemap that has been given its address; as `LocatedTarget`."""

    address: str
    ip: str


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
