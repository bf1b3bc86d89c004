"""Every option of a crawl, once: names, units, defaults and ranges.

Owns: `Settings`, which the command, the TOML file and the Python API all fill in.
Must not know: the net, the command line's spelling, HTTP libraries.
"""

from typing import Any, Literal

from msgspec import Struct

from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.redact import redacted

LINKS = ("a", "area", "frame", "iframe", "refresh", "next", "feed")
"""The kinds of links that are followed by default; see `scraper_cpn.scrape.pages.kinds`."""
TRAP_RULES = ("long", "deep", "repeat", "query", "calendar")
"""The rules by which links count as traps; see `scraper_cpn.scrape.policy.traps`."""
FETCHERS = ("aiohttp", "httpx")
"""The HTTP clients of this package."""
MILLISECOND = 1_000_000
SECOND = 1_000_000_000


class UsageError(Exception):
    """A mistake of the user: one clear line that says what, where, and what is allowed; without secrets."""

    def __init__(self, line: str) -> None:
        super().__init__(redacted(line))


EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)


class Hours(Struct, frozen=True):
    """A window of each of some days, in which requests may start."""

    opens: int
    """Minutes after midnight."""
    closes: int
    """Minutes after the midnight of the same day; more than 1440 if the window passes midnight."""
    days: tuple[int, ...] = EVERY_DAY
    """The days on which it opens, in order; Monday is 0."""
    zone: str = "UTC"
    """A name of the IANA time zone database."""


class Site(Struct, frozen=True, kw_only=True):
    """Settings of one domain (a `[[domain]]` table)."""

    name: str
    """A registrable domain or host, in the form that `Settings.limit_by` makes pacing keys of."""
    delay_ns: int | None = None
    per_domain: int | None = None
    proxy_group: str | None = None
    """The group of proxies that serves it; None: as `Settings.proxy_for` says."""
    hours: Hours | None = None
    """Requests to it start only in these windows, and in those of `Settings.hours`; None: only those count."""


class StatusRule(Struct, frozen=True):
    """How answers with some statuses are treated, instead of the usual way."""

    first: int
    last: int
    """Included."""
    what: str
    """`page`: it brings a page; `fail`: it fails for good; `retry`: it is tried again."""


class FieldRule(Struct, frozen=True):
    """A field of an item, taken from the page by a selector."""

    name: str
    selector: str
    """CSS or XPath, in the syntax of `scraper_cpn.scrape.pages.selectors`."""
    many: bool = False
    """A list of all matches; otherwise the first match or null."""


class PageLimits(Struct, frozen=True):
    """What is taken from one page, and how much of it. Everything left out is counted."""

    links: int = 10_000
    """Different URLs that are followed."""
    values: int = 10_000
    """Values of one field that is a list."""
    text_chars: int = 1_000_000
    """Characters of one text: the title, the text, a value."""
    kinds: tuple[str, ...] = LINKS
    """The kinds of links that are followed."""
    respect: tuple[str, ...] = ()
    """Which of `nofollow` and `noindex` of a page are obeyed."""
    agent: str = ""
    """The crawler's name, as in robots.txt, by which a page may address it."""


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of a crawl: its scope, limits and pace."""

    delay_ns: int = SECOND
    """Least time between the starts of two requests to one domain; 0 for none."""
    per_domain: int = 1
    """Requests to one domain at a time; at least 1."""
    host_delay_ns: int = 0
    """Least time between the starts of two requests to one host, in addition to its domain's delay; 0 for none."""
    per_host: int | None = None
    """Requests to one host at a time, in addition to its domain's limit; None for no limit of its own."""
    address_delay_ns: int = 0
    """Least time between the starts of two requests to one IP address, in addition to its domains' delays; 0 for none."""
    per_address: int | None = None
    """Requests to one IP address at a time, whatever hosts share it; None for no limit of its own."""
    concurrency: int = 32
    """Requests at a time in all; at least 1."""
    ageing_ns: int | None = None
    """The wait that raises a page's priority by one level; None for no ageing."""
    shares: tuple[int, ...] = ()
    """How many of a round of requests are kept for each level of priority, best first; empty: priority alone decides."""
    limit_by: Literal["domain", "host"] = "domain"
    """Whether delay and per_domain count by registrable domain or by host."""
    scope: Literal["host", "domain", "any"] = "domain"
    """Which links are followed: same host as the seed, same registrable domain, or all."""
    domains: tuple[str, ...] = ()
    """Domains that are in scope in addition to those of the seeds, including subdomains."""
    allow: tuple[str, ...] = ()
    """Regular expressions; if there are any, a link must match one of them."""
    deny: tuple[str, ...] = ()
    """Regular expressions; a link that matches one is not followed."""
    strip_params: tuple[str, ...] = ("tracking", "session")
    """Parameters that no requested URL has: names, and of the lists in `scraper_cpn.scrape.policy.parameters`."""
    sort_params: bool = False
    """Whether the parameters of requested URLs are sorted by name."""
    trap_rules: tuple[str, ...] = TRAP_RULES
    """The rules by which links and redirects count as traps, and are not followed."""
    links: tuple[str, ...] = LINKS
    """The kinds of links that are followed, where no program chooses them; see `scraper_cpn.scrape.pages.kinds`."""
    respect: tuple[str, ...] = ()
    """Which of `nofollow` and `noindex` of pages and links are obeyed."""
    revisit_ns: int | None = None
    """The time from storing a page to its next visit; None: pages are visited once."""
    visits: int | None = None
    """The visits of each page, if pages are visited again; None: any number."""
    since: str | None = None
    """The state of an earlier crawl, by its absolute path or its address: what it knew is asked for again; None: none."""
    since_run: str | None = None
    """The name of that crawl in its state; None: its only one."""
    dedupe: Literal["off", "content"] = "off"
    """Whether pages with the same content are kept once."""
    prefer: tuple[str, ...] = ()
    """Regular expressions; a URL that matches one goes before those that match a later one, or none."""
    sitemaps: tuple[str, ...] = ()
    """URLs of sitemaps to read, and `auto` to look for those of each site; empty: none."""
    follow_seeds: bool = False
    """Whether a seed that redirects to another registrable domain brings that site into the scope."""
    max_pages: int | None = None
    """Pages fetched with success; at least 1."""
    max_pages_per_domain: int | None = None
    """Pages of one domain fetched with success; at least 1. Domains are counted as `limit_by` says."""
    max_items: int | None = None
    """Items that are kept; at least 1."""
    max_bytes: int | None = None
    """No request starts after so many bytes of pages, decompressed."""
    max_bytes_per_domain: int | None = None
    """No request to a domain starts after so many bytes of its pages, decompressed."""
    adaptive: float | None = None
    """The share of its time that a server may work for this crawl, above 0 and at most 1; None: only the delay counts."""
    rate_bytes: int | None = None
    """Bytes of pages a second, decompressed, on average."""
    hours: Hours | None = None
    """Requests start only in these windows; None: at any time."""
    max_depth: int | None = None
    """Links followed from a seed; a seed has depth 0."""
    max_time_ns: int | None = None
    """No request starts later than this after the start."""
    retries: int = 2
    """Attempts after the first, beside those that were lost with their process."""
    losses: int = 3
    """A URL is given up after so many attempts that were lost with their process. A proof makes the number smaller."""
    backoff_ns: int = SECOND
    """Before the first retry; doubles with each further one."""
    backoff_max_ns: int = 60 * SECOND
    backoff_scope: Literal["domain", "url"] = "domain"
    """Whether a 429 or 503 holds its whole domain or only its URL."""
    crawl_delay_max_ns: int = 300 * SECOND
    """Sites with a longer Crawl-delay are skipped."""
    retry_after_max_ns: int | None = None
    """Domains that ask for a longer pause are given up; None: such a pause is made, a day at most."""
    dead_after: int = 10
    """Requests in a row without an answer after which a domain is asked once per growing pause; 0: never."""
    dead_host_after: int = 0
    """Requests to a host in a row without an answer, while others of its domain answer, after which it is given up; 0: never."""
    refusing_max_ns: int | None = 900 * SECOND
    """A domain that has refused all requests for this long is given up; None: never."""
    timeout_ns: int = 30 * SECOND
    """For one request, from connecting to the last byte."""
    max_body_bytes: int = 10_000_000
    """After decompression."""
    max_redirects: int = 10
    max_links: int = 10_000
    """Different URLs that one page may lead to."""
    max_values: int = 10_000
    """Values of a field that is a list, on one page."""
    max_text_chars: int = 1_000_000
    """Characters of one text of an item: the title, the text, a value."""
    statuses: tuple[StatusRule, ...] = ()
    """The user's rules for statuses; of several rules for a status the last counts."""
    robots: Literal["obey", "ignore"] = "obey"
    user_agent: str = "scraper_cpn/0.1"
    """The name of the crawler. The header that is sent is `agent`."""
    contact: str | None = None
    """A URL (mailto: for mail) that is added to the user agent, so that operators of sites can get in touch."""
    handler_timeout_ns: int | None = None
    """Page handlers run in separate processes, which are ended after this time; None: in the crawl's process."""
    robots_agent: str | None = None
    """The product token in robots.txt; None: the one in `user_agent`."""
    headers: tuple[tuple[str, str], ...] = ()
    """Sent to the origins (scheme, host, port) of the seeds only."""
    login: str | None = None
    """The page at which the program logs in, normalised; None: it does not."""
    sessions: int | None = None
    """The number of sessions among which pages are divided; None: all pages share the crawl's own."""
    session_delay_ns: int = 0
    """Least time between the starts of two requests of one session of the pool."""
    sticky_proxies: bool = False
    """Whether each session keeps one proxy, as long as it lasts."""
    cookies: Literal["on", "off"] = "on"
    """Whether cookies are kept, and sent where they belong."""
    keep_cookies: bool = False
    """Whether a state keeps the cookies, encrypted."""
    cookie: tuple[tuple[str, str], ...] = ()
    """Names and values of cookies for the hosts of the seeds."""
    cookie_file: str | None = None
    """Path of a file with cookies in the Netscape format."""
    fetcher: str = "aiohttp"
    """The HTTP client: one of `FETCHERS`, or the name `module:Class` of the user's own."""
    kernel: Literal["python", "native"] = "python"
    """The kernel that executes the net: Python, or machine code that is built once for each net."""
    insecure: bool = False
    """Do not verify TLS certificates."""
    allow_private: bool = False
    """Whether links and redirects may lead to addresses that are not public."""
    cacert: str | None = None
    """Path of a PEM file to trust instead of the system's."""
    fields: tuple[FieldRule, ...] = ()
    format: str | None = None
    """The format of the output, such as `csv` or `jsonl.gz`; None: its name says it."""
    csv_excel: bool = False
    """Whether CSV is for spreadsheets."""
    save_bodies: str | None = None
    """Absolute path of the folder or the web archive in which bodies are saved; None: nowhere."""
    save_types: tuple[str, ...] = ("*",)
    """Glob patterns of the media types whose bodies are saved."""
    max_saved_bytes: int | None = None
    """Larger bodies are not saved."""
    files: tuple[str, ...] = ()
    """The fields of items whose URLs are fetched as files."""
    schema: str | None = None
    """Path of a JSON Schema file that every item must fit."""
    sites: tuple[Site, ...] = ()
    per_proxy: int = 1
    """Requests through one proxy at a time, unless its line says otherwise."""
    share_proxy_connections: bool = False
    """Whether a connection to a proxy may carry plain HTTP for any host; see `docs/proxies.md`."""
    proxies: tuple[Proxy, ...] = ()
    """Empty: connect directly."""
    proxy_for: tuple[tuple[str, str], ...] = ()
    """Glob patterns of domains, each with the group of proxies that serves them; the first that matches counts."""
    ban_status: tuple[int, ...] = ()
    """Statuses by which a site refuses the proxy, and not the crawl."""
    page_bans: bool = False
    """Whether a program says of pages that the site has refused the proxy by them."""
    ban_rest_ns: int = 300 * SECOND
    """A proxy rests so long for a domain that has refused it; doubles with each refusal in a row, up to 16 times."""
    seed: int = 0
    """The seed of all jitter and every seeded order."""

    @property
    def has_routes(self) -> bool:
        """Whether each domain has its own choice of proxies."""
        grouped = self.proxy_for or any(site.proxy_group is not None for site in self.sites)
        return bool(self.ban_status or self.page_bans or grouped)

    @property
    def compares(self) -> bool:
        """Whether pages are compared with what they were before: on an earlier visit, or in an earlier crawl."""
        return self.revisit_ns is not None or self.since is not None

    @property
    def has_site_hours(self) -> bool:
        """Whether any domain has hours of its own."""
        return any(site.hours is not None for site in self.sites)

    @property
    def has_addresses(self) -> bool:
        """Whether requests are counted by IP address: not through proxies, which look names up by themselves."""
        return bool((self.per_address or self.address_delay_ns) and not self.proxies)

    @property
    def output_form(self) -> dict[str, Any]:
        """The form of the output, as `open_output` takes it."""
        return {
            "format": self.format,
            "csv_excel": self.csv_excel,
            "bodies": bool(self.save_bodies),
        }

    @property
    def max_file_bytes(self) -> int:
        """The most bytes of a file that an item names; what is larger than `max_saved_bytes` is not saved."""
        return max(self.max_body_bytes, self.max_saved_bytes or 0)

    @property
    def page_limits(self) -> PageLimits:
        """How much is taken from one page."""
        return PageLimits(
            self.max_links,
            self.max_values,
            self.max_text_chars,
            self.links,
            self.respect,
            self.robots_name,
        )

    @property
    def robots_name(self) -> str:
        """The name that selects the group in a robots.txt: a product token, or a User-Agent header that has one."""
        return self.robots_agent or self.user_agent

    @property
    def agent(self) -> str:
        """The User-Agent header: the name and, in the usual form, the contact after a plus."""
        return self.user_agent if self.contact is None else f"{self.user_agent} (+{self.contact})"
