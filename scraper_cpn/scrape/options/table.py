"""Every option of a crawl and of the command, in one table.

Owns: the names, kinds, groups and help lines; the command line, the keys of the TOML file, the
keyword names of the Python API and `scrape --help` all come from here. Defaults are those of
`Settings`. To add an option, add a row, and a field to `Settings`.
Must not know: how a command line or a TOML file is parsed, how a value is used.
"""

from pathlib import Path

from msgspec import Struct

from scraper_cpn.scrape.options import quantities, values
from scraper_cpn.scrape.options.quantities import count
from scraper_cpn.scrape.options.statuses import status_rule, status_text
from scraper_cpn.scrape.options.values import Kind, choice, choices_of
from scraper_cpn.scrape.pages.kinds import KINDS
from scraper_cpn.scrape.redact import shown
from scraper_cpn.scrape.settings import FETCHERS, TRAP_RULES, FieldRule, Hours, Settings


def _field_rule(value: object) -> FieldRule:
    from scraper_cpn.scrape.pages.fields import field_rule
    from scraper_cpn.scrape.settings import UsageError

    try:
        return field_rule(values.text(value))
    except UsageError as error:
        raise ValueError(str(error)) from None


def _contact(value: object) -> str:
    from scraper_cpn.scrape.options.contact import contact

    return contact(value)


def _login(value: object) -> str:
    from scraper_cpn.scrape.settings import UsageError
    from scraper_cpn.scrape.urls import seed_url

    try:
        return seed_url(values.text(value))
    except UsageError as error:
        raise ValueError(str(error)) from None


def _hours(value: object) -> Hours:
    from scraper_cpn.scrape.options.hours import hours

    return hours(value)


def _hours_text(value: Hours) -> str:
    from scraper_cpn.scrape.options.hours import hours_text

    return hours_text(value)


def _state(value: object) -> str:
    from scraper_cpn.store.postgres.address import is_address

    text = values.file(value)
    if is_address(text):
        return text
    if not Path(text).is_file():
        raise ValueError(f"{shown(text)} does not exist; give the state of an earlier crawl")
    return str(Path(text).absolute())


def _cookie(value: object) -> tuple[str, str]:
    from scraper_cpn.scrape.options.cookies import cookie

    return cookie(value)


def _cookie_file(value: object) -> str:
    from scraper_cpn.scrape.options.cookies import cookie_file

    return cookie_file(value)


SHARES = Kind(values.shares, "N,N,...", values.statuses_text)
TIME = Kind(quantities.duration, "TIME", quantities.duration_text)
PERIOD = Kind(quantities.positive_duration, "TIME", quantities.duration_text)
HOURS = Kind(_hours, "HOURS", _hours_text)
SHARE = Kind(quantities.share, "SHARE", quantities.share_text)
SIZE = Kind(quantities.size, "SIZE", quantities.size_text)
AT_LEAST_0 = Kind(count(0), "N")
AT_LEAST_1 = Kind(count(1), "N")
UP_TO_100 = Kind(count(0, 100), "N")
AT_A_TIME = Kind(count(1, 10_000), "N")
SWITCH = Kind(values.switch)
TEXT = Kind(values.text, "TEXT")
NAME = Kind(values.text, "NAME")
STATE = Kind(_state, "FILE|postgres://...")
DATABASE = Kind(values.text, "postgres://...")
PARTITIONS = Kind(count(2, 4096), "N")
PORT = Kind(count(0, 65_535), "PORT")
PRODUCT = Kind(values.product_token, "NAME")
PATTERN = Kind(values.pattern, "REGEX")
HEADER = Kind(values.header, "'NAME: VALUE'")
HOST = Kind(values.host, "HOST")
LOGIN = Kind(_login, "URL")
COOKIE = Kind(_cookie, "'NAME=VALUE'")
COOKIE_FILE = Kind(_cookie_file, "FILE")
CONTACT = Kind(_contact, "URL-or-mail")
FIELD = Kind(_field_rule, "'NAME=SELECTOR'")
PROXY = Kind(values.text, "URL")
CLIENT = Kind(values.client, "|".join((*FETCHERS, "module:Class")))
STATUS = Kind(status_rule, "STATUS=WHAT", status_text)
FORMAT = Kind(values.text, "NAME")
PLACE = Kind(values.place, "DIR|FILE.warc.gz")
MEDIA_TYPES = Kind(values.media_types, "TYPES", ",".join)
FILE = Kind(values.file, "FILE")
READABLE = Kind(values.existing_file, "FILE")
PEM = Kind(values.certificates, "FILE")
LINKS = Kind(values.choices(*KINDS), "KINDS", ",".join)
SITEMAPS = Kind(values.sitemap, "auto|URL|off")
PARAMETERS = Kind(values.parameters, "NAMES", ",".join)
TRAPS = Kind(values.choices_or_none(*TRAP_RULES), "RULES", ",".join)
RESPECT = Kind(values.choices("nofollow", "noindex"), "nofollow,noindex", ",".join)
STATUSES = Kind(values.statuses, "N,N", values.statuses_text)
PROXY_FOR = Kind(values.proxy_for, "PATTERN=GROUP", values.proxy_for_text)
TABLES = Kind(values.tables)


def _one_of(field: str) -> Kind:
    names = choices_of(field)
    return Kind(choice(*names), "|".join(names))


class Option(Struct, frozen=True, kw_only=True):
    """One option."""

    name: str
    """The name on the command line, without the dashes, and in a TOML file."""
    kind: Kind
    group: str
    help: str
    """One line; the default is added when it is shown."""
    short: str = ""
    field: str = ""
    """The field of `Settings` that it sets; empty for an option of the command alone."""
    many: bool = False
    """May be given more than once; a list in TOML and Python."""
    pair: str = ""
    """The separator of name and value, if a table may be given instead of a list of texts."""
    on_command_line: bool = True
    in_file: bool = True

    @property
    def key(self) -> str:
        """Its name in Python."""
        return self.name.replace("-", "_")

    @property
    def default(self) -> str:
        """The default in a user's spelling; empty for none."""
        value = getattr(Settings(), self.field) if self.field else None
        if value is None or value is False or value == ():
            return ""
        return self.kind.show(value)


_OUTPUT = "Input and output"
_FOLLOW = "What is fetched"
_PACE = "How fast"
_RETRY = "When it fails"
_REQUEST = "How it asks"
_PROXY = "Through proxies"
_SHOW = "What is shown"

GROUPS = (_OUTPUT, _FOLLOW, _PACE, _RETRY, _REQUEST, _PROXY, _SHOW)

OPTIONS: tuple[Option, ...] = (
    Option(name="input", short="i", kind=FILE, group=_OUTPUT,
           help="read more URLs from FILE, one per line, or from a --failed file; - is stdin"),
    Option(name="skip-bad-seeds", kind=SWITCH, group=_OUTPUT,
           help="log the lines of --input that are not URLs, instead of refusing them before the crawl"),
    Option(name="output", short="o", kind=FILE, group=_OUTPUT,
           help="write items to FILE: .jsonl, .json, .csv, .sqlite, .db or .parquet; .jsonl.gz and .csv.zst "
                "compress; - is stdout (default)"),
    Option(name="format", kind=FORMAT, group=_OUTPUT, field="format",
           help="the format of the output, if its name does not show it: jsonl, json, csv, jsonl.gz, ..."),
    Option(name="csv-excel", kind=SWITCH, group=_OUTPUT, field="csv_excel",
           help="CSV for spreadsheets: a byte order mark, texts in quotes, formulas made harmless"),
    Option(name="overwrite", short="O", kind=SWITCH, group=_OUTPUT,
           help="replace an output that exists"),
    Option(name="append", kind=SWITCH, group=_OUTPUT,
           help="add to an output that exists"),
    Option(name="field", short="f", kind=FIELD, group=_OUTPUT, field="fields", many=True, pair="=",
           help="add a field to the items, by CSS, CSS::attr(href) or XPath; NAME[]= takes all matches"),
    Option(name="max-values", kind=AT_LEAST_0, group=_OUTPUT, field="max_values",
           help="at most N values of a field NAME[] on one page; the others are counted"),
    Option(name="max-text", kind=AT_LEAST_0, group=_OUTPUT, field="max_text_chars",
           help="at most N characters of a title, text or value; cuts are counted"),
    Option(name="save-bodies", kind=PLACE, group=_OUTPUT, field="save_bodies",
           help="save the bodies of pages and files in a folder or in a web archive (WARC); items refer to them"),
    Option(name="save-types", kind=MEDIA_TYPES, group=_OUTPUT, field="save_types",
           help="save only bodies of these media types, such as image/*,application/pdf"),
    Option(name="max-saved", kind=SIZE, group=_OUTPUT, field="max_saved_bytes",
           help="do not save larger bodies; they are counted"),
    Option(name="files", kind=NAME, group=_OUTPUT, field="files", many=True,
           help="fetch the files whose URLs are in this field of the items, such as images, and put where they are saved "
                "in their place; with --save-bodies"),
    Option(name="schema", kind=READABLE, group=_OUTPUT, field="schema",
           help="keep only items that match this JSON Schema"),
    Option(name="state", kind=FILE, group=_OUTPUT,
           help="keep the crawl in FILE, or in a database at postgres://USER@HOST/DATABASE?name=NAME, so that "
                "`scrape resume FILE` can continue it after any crash; its items are there too"),
    Option(name="run", kind=TEXT, group=_OUTPUT, in_file=False,
           help="the name of this crawl in the state; crawls of one state share their pauses (default main)"),
    Option(name="database", kind=DATABASE, group=_OUTPUT, in_file=False,
           help="keep the crawl in a PostgreSQL database, for workers on many machines: see scrape worker -h"),
    Option(name="name", kind=NAME, group=_OUTPUT, in_file=False,
           help="the name of this crawl in the database (default main)"),
    Option(name="partitions", kind=PARTITIONS, group=_OUTPUT,
           help="into how many parts of their own domains the crawl is divided: the most workers that it can use "
                "(default 32)"),
    Option(name="failed", kind=FILE, group=_OUTPUT,
           help="write the URLs that failed to FILE (JSONL), for a retry with -i"),
    Option(name="trace", kind=FILE, group=_OUTPUT,
           help="write every event of the net to FILE (JSONL)"),
    Option(name="config", kind=FILE, group=_OUTPUT, in_file=False,
           help="read options from a TOML file, and limits for single sites from its [[domain]] tables; "
                "the command line takes precedence"),
    Option(name="scope", kind=_one_of("scope"), group=_FOLLOW, field="scope",
           help="follow links to the host of the seed, to its domain, or anywhere"),
    Option(name="domains", short="D", kind=HOST, group=_FOLLOW, field="domains", many=True,
           help="also follow links to this host or domain"),
    Option(name="allow", kind=PATTERN, group=_FOLLOW, field="allow", many=True,
           help="follow only links that match one of these"),
    Option(name="deny", kind=PATTERN, group=_FOLLOW, field="deny", many=True,
           help="do not follow links that match one of these"),
    Option(name="revisit", kind=PERIOD, group=_FOLLOW, field="revisit_ns",
           help="fetch each page again so long after it was stored, if it has changed; see --visits, --max-time"),
    Option(name="visits", kind=AT_LEAST_1, group=_FOLLOW, field="visits",
           help="visit each page at most N times, with --revisit (default: until the crawl ends)"),
    Option(name="since", kind=STATE, group=_FOLLOW, field="since",
           help="ask again for what the crawl in this state knew, and keep only what is new or has changed since; fixed "
                "once a state is created"),
    Option(name="since-run", kind=TEXT, group=_FOLLOW, field="since_run",
           help="the name of that crawl in its state, if there are several (default: the only one)"),
    Option(name="dedupe", kind=_one_of("dedupe"), group=_FOLLOW, field="dedupe",
           help="keep pages with the same content once, and follow their links once"),
    Option(name="prefer", kind=PATTERN, group=_FOLLOW, field="prefer", many=True,
           help="fetch URLs that match this first; of several, the first one counts most"),
    Option(name="sitemaps", kind=SITEMAPS, group=_FOLLOW, field="sitemaps", many=True,
           help="also fetch what sitemaps list: auto for those that robots.txt names or that are at the usual "
                "places, URL for your own (default: off)"),
    Option(name="strip-params", kind=PARAMETERS, group=_FOLLOW, field="strip_params",
           help="remove these parameters from URLs; a name may end in *; tracking (utm_*, gclid, ...) and "
                "session (PHPSESSID, ...) stand for lists; none keeps all"),
    Option(name="sort-params", kind=SWITCH, group=_FOLLOW, field="sort_params",
           help="request URLs with their parameters sorted by name"),
    Option(name="trap-rules", kind=TRAPS, group=_FOLLOW, field="trap_rules",
           help="do not follow links that one of these rules takes for a trap: one of endlessly many; none turns the rules off"),
    Option(name="links", kind=LINKS, group=_FOLLOW, field="links",
           help="the kinds of links to follow: of " + ", ".join(KINDS)),
    Option(name="respect", kind=RESPECT, group=_FOLLOW, field="respect",
           help="obey nofollow, noindex or both in meta robots, X-Robots-Tag and rel=nofollow "
                "(default: neither; robots.txt is obeyed)"),
    Option(name="follow-seeds", kind=SWITCH, group=_FOLLOW, field="follow_seeds",
           help="a seed that redirects to another site brings that site into the scope; otherwise only "
                "that page is fetched there"),
    Option(name="max-pages", kind=AT_LEAST_1, group=_FOLLOW, field="max_pages",
           help="fetch at most N pages"),
    Option(name="max-pages-per-domain", kind=AT_LEAST_1, group=_FOLLOW,
           field="max_pages_per_domain",
           help="fetch at most N pages of each domain; fixed once a state is created"),
    Option(name="max-items", kind=AT_LEAST_1, group=_FOLLOW, field="max_items",
           help="stop once exactly N items are kept"),
    Option(name="max-bytes", kind=SIZE, group=_FOLLOW, field="max_bytes",
           help="start no more requests after this many bytes of pages, decompressed; fixed once a state is created"),
    Option(name="max-bytes-per-domain", kind=SIZE, group=_FOLLOW, field="max_bytes_per_domain",
           help="request no more pages of a domain after this many bytes of its pages, decompressed; fixed once a "
                "state is created"),
    Option(name="max-depth", kind=AT_LEAST_0, group=_FOLLOW, field="max_depth",
           help="follow at most N links from a seed; seeds have depth 0"),
    Option(name="max-links", kind=AT_LEAST_0, group=_FOLLOW, field="max_links",
           help="follow at most N different URLs of one page; the others are counted"),
    Option(name="max-time", kind=PERIOD, group=_FOLLOW, field="max_time_ns",
           help="start no more requests after this time"),
    Option(name="robots", kind=_one_of("robots"), group=_FOLLOW, field="robots",
           help="whether to obey robots.txt, including Crawl-delay"),
    Option(name="delay", kind=TIME, group=_PACE, field="delay_ns",
           help="least time between the starts of two requests to a domain, including those for robots.txt"),
    Option(name="per-domain", kind=AT_A_TIME, group=_PACE, field="per_domain",
           help="at most N requests to one domain at a time"),
    Option(name="host-delay", kind=TIME, group=_PACE, field="host_delay_ns",
           help="least time between the starts of two requests to one host, in addition to --delay; fixed "
                "once a state is created"),
    Option(name="per-host", kind=AT_A_TIME, group=_PACE, field="per_host",
           help="at most N requests to one host at a time, in addition to --per-domain; fixed once a state "
                "is created"),
    Option(name="address-delay", kind=TIME, group=_PACE, field="address_delay_ns",
           help="least time between the starts of two requests to one IP address, whatever hosts share it; "
                "without effect through proxies; fixed once a state is created"),
    Option(name="per-address", kind=AT_A_TIME, group=_PACE, field="per_address",
           help="at most N requests to one IP address at a time, whatever hosts share it; without effect "
                "through proxies; fixed once a state is created"),
    Option(name="concurrency", kind=AT_A_TIME, group=_PACE, field="concurrency",
           help="at most N requests at a time in total"),
    Option(name="adaptive", kind=SHARE, group=_PACE, field="adaptive",
           help="slow down below the rate of --delay, so that the server of a domain spends at most this "
                "share of its time on this crawl, such as 25%"),
    Option(name="rate-limit", kind=SIZE, group=_PACE, field="rate_bytes",
           help="bytes of pages a second, decompressed, on average; fixed once a state is created"),
    Option(name="hours", kind=HOURS, group=_PACE, field="hours",
           help="start requests only at these times of day, such as 22:00-06:00@Europe/Berlin or 'Mon-Fri 22:00-06:00'; "
                "UTC without a zone; fixed once a state is created"),
    Option(name="shares", kind=SHARES, group=_PACE, field="shares",
           help="keep so many of each round of requests for the levels of priority, best first: with 8,4,1 even the worst "
                "has 1 of 13; fixed once a state is created"),
    Option(name="ageing", kind=PERIOD, group=_PACE, field="ageing_ns",
           help="raise the priority of a waiting page by one level each time this has passed "
                "(default: never); fixed once a state is created"),
    Option(name="limit-by", kind=_one_of("limit_by"), group=_PACE, field="limit_by",
           help="whether --delay and --per-domain count by registrable domain or by host"),
    Option(name="domain", kind=TABLES, group=_PACE, field="sites", on_command_line=False,
           help="limits for one domain: name, delay, per-domain, hours, proxy-group"),
    Option(name="kernel", kind=_one_of("kernel"), group=_PACE, field="kernel",
           help="what executes the net: native is machine code, built once with Cython and a C compiler, "
                "which takes about a minute"),
    Option(name="seed", kind=AT_LEAST_0, group=_PACE, field="seed",
           help="the seed of all jitter; the same seed gives the same decisions"),
    Option(name="retries", kind=UP_TO_100, group=_RETRY, field="retries",
           help="attempts after the first"),
    Option(name="status", kind=STATUS, group=_RETRY, field="statuses", many=True, pair="=",
           help="treat answers with this status as a page, as a failure (fail), or try again (retry); such "
                "as 404=page, 5xx=fail or 520-529=retry"),
    Option(name="backoff", kind=TIME, group=_RETRY, field="backoff_ns",
           help="wait before the first retry, randomly reduced by up to half; doubles with each retry"),
    Option(name="backoff-max", kind=TIME, group=_RETRY, field="backoff_max_ns",
           help="the longest wait between retries"),
    Option(name="backoff-scope", kind=_one_of("backoff_scope"), group=_RETRY,
           field="backoff_scope",
           help="whether a 429 or 503 holds its whole domain or only its URL"),
    Option(name="crawl-delay-max", kind=TIME, group=_RETRY, field="crawl_delay_max_ns",
           help="skip sites whose robots.txt asks for a longer Crawl-delay"),
    Option(name="retry-after-max", kind=TIME, group=_RETRY, field="retry_after_max_ns",
           help="give up a domain that asks for a longer pause (default: never; no pause is longer than a day)"),
    Option(name="dead-after", kind=AT_LEAST_0, group=_RETRY, field="dead_after",
           help="after N requests in a row without any answer, try a domain only once per growing pause, "
                "and give it up after 6 pauses; 0 never"),
    Option(name="dead-host-after", kind=AT_LEAST_0, group=_RETRY, field="dead_host_after",
           help="give up a host after N requests in a row without any answer, while other hosts of its domain "
                "answer; 0 never; fixed once a state is created"),
    Option(name="refusing-max", kind=PERIOD, group=_RETRY, field="refusing_max_ns",
           help="give up a domain that has refused all requests for this long (429, 503)"),
    Option(name="timeout", kind=PERIOD, group=_REQUEST, field="timeout_ns",
           help="the longest time for one request, from connecting to the last byte"),
    Option(name="max-body", kind=SIZE, group=_REQUEST, field="max_body_bytes",
           help="give up on a page that is larger than this after decompression"),
    Option(name="handler-timeout", kind=PERIOD, group=_REQUEST, field="handler_timeout_ns",
           help="the longest time for a program's handler of one page; handlers then run in separate processes"),
    Option(name="max-redirects", kind=UP_TO_100, group=_REQUEST, field="max_redirects",
           help="at most N redirects in a row; each waits its turn"),
    Option(name="user-agent", short="A", kind=TEXT, group=_REQUEST, field="user_agent",
           help="the name of the crawler, also for robots.txt"),
    Option(name="contact", kind=CONTACT, group=_REQUEST, field="contact",
           help="a web page or mail address of yours; it is added to the user agent"),
    Option(name="robots-agent", kind=PRODUCT, group=_REQUEST, field="robots_agent",
           help="obey the group of this name in robots.txt instead of the one of --user-agent"),
    Option(name="header", short="H", kind=HEADER, group=_REQUEST, field="headers", many=True,
           pair=": ", help="send this to the origins of the seeds: the same scheme, host and port"),
    Option(name="sessions", kind=Kind(count(1, 1_000), "N"), group=_REQUEST, field="sessions",
           on_command_line=False,
           help="divide pages among N sessions, each with its own cookies and one request at a time"),
    Option(name="session-delay", kind=TIME, group=_REQUEST, field="session_delay_ns", on_command_line=False,
           help="least time between the starts of two requests of one of these sessions"),
    Option(name="sticky-proxies", kind=SWITCH, group=_REQUEST, field="sticky_proxies", on_command_line=False,
           help="each of these sessions keeps one proxy"),
    Option(name="login", kind=LOGIN, group=_REQUEST, field="login", on_command_line=False,
           help="the page at which a program logs in; its @crawl.login sets it"),
    Option(name="cookies", kind=_one_of("cookies"), group=_REQUEST, field="cookies",
           help="whether to keep the cookies of servers, and send them where they belong"),
    Option(name="keep-cookies", kind=SWITCH, group=_REQUEST, field="keep_cookies",
           help="keep the cookies in the state, encrypted with the key in SCRAPE_KEY or the system's keyring"),
    Option(name="cookie", short="b", kind=COOKIE, group=_REQUEST, field="cookie", many=True, pair="=",
           help="send this cookie to the hosts of the seeds"),
    Option(name="cookie-file", kind=COOKIE_FILE, group=_REQUEST, field="cookie_file",
           help="begin with the cookies of FILE, in the Netscape format that curl and browsers' extensions write"),
    Option(name="fetcher", kind=CLIENT, group=_REQUEST, field="fetcher",
           help="the HTTP client; httpx speaks HTTP/2"),
    Option(name="allow-private", kind=SWITCH, group=_FOLLOW, field="allow_private",
           help="also follow links and redirects to private, loopback and other addresses that are not "
                "public; the hosts of seeds are always allowed"),
    Option(name="insecure", short="k", kind=SWITCH, group=_REQUEST, field="insecure",
           help="do not verify TLS certificates"),
    Option(name="cacert", kind=PEM, group=_REQUEST, field="cacert",
           help="trust the certificates in this PEM file instead of the system's"),
    Option(name="proxy", short="x", kind=PROXY, group=_PROXY, field="proxies", many=True,
           help="fetch through this proxy, http://[user:password@]host:port"),
    Option(name="proxies", kind=READABLE, group=_PROXY, field="proxies",
           help="read proxies from FILE, one per line: URL [slots=N] [delay=TIME] [quota=N] "
                "[bytes=SIZE] [group=NAME] [not_before=WHEN] [not_after=WHEN]"),
    Option(name="proxy-for", kind=PROXY_FOR, group=_PROXY, field="proxy_for", many=True, pair="=",
           help="send domains that match a glob pattern through the proxies of a group (group= in --proxies); "
                "the first that matches counts; fixed once a state is created"),
    Option(name="ban-status", kind=STATUSES, group=_PROXY, field="ban_status",
           help="statuses by which a site refuses the proxy: the proxy rests for that domain, and the page is "
                "tried through another one; fixed once a state is created"),
    Option(name="ban-rest", kind=PERIOD, group=_PROXY, field="ban_rest_ns",
           help="how long a proxy rests for a domain that has refused it; doubles with each refusal in a row, "
                "up to 16 times"),
    Option(name="per-proxy", kind=AT_A_TIME, group=_PROXY, field="per_proxy",
           help="at most N requests through one proxy at a time; slots= in a line of --proxies overrides it"),
    Option(name="share-proxy-connections", kind=SWITCH, group=_PROXY, field="share_proxy_connections",
           help="reuse a connection to a proxy for plain HTTP to any host; some proxies then send "
                "requests and headers to the wrong host"),
    Option(name="json", kind=SWITCH, group=_SHOW,
           help="print events on stderr as JSON, one per line; the last is the summary"),
    Option(name="quiet", short="q", kind=SWITCH, group=_SHOW,
           help="show errors only"),
    Option(name="verbose", short="v", kind=SWITCH, group=_SHOW,
           help="show every event"),
    Option(name="color", kind=Kind(choice("auto", "always", "never"), "auto|always|never"),
           group=_SHOW, help="when to use colour; auto respects NO_COLOR"),
    Option(name="version", short="V", kind=SWITCH, group=_SHOW, in_file=False,
           help="print the version and exit"),
    Option(name="help", short="h", kind=SWITCH, group=_SHOW, in_file=False,
           help="print this and exit"),
)  # fmt: skip

BY_KEY = {option.key: option for option in OPTIONS}
