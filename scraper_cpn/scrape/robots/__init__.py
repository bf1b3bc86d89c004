"""What a robots.txt allows, and its Crawl-delay (RFC 9309).

Owns: whether rules allow a URL, Crawl-delay, the rules of an origin whose robots.txt can't be read.
Must not know: HTTP, sockets, clocks, the net. `records` reads a file, `paths` compares a path with rules, and
`agent` knows the crawler's name.
"""

from collections import OrderedDict
from threading import Lock
from typing import Final

from scraper_cpn.scrape.colours import Rules
from scraper_cpn.scrape.robots.agent import product_token
from scraper_cpn.scrape.robots.paths import PathRules, path_of
from scraper_cpn.scrape.robots.records import Group, group_of, named_sitemaps, text_of
from scraper_cpn.scrape.settings import SECOND
from scraper_cpn.scrape.urls import normalise

__all__ = [
    "WAIT_MAX_NS",
    "allowed",
    "crawl_delay_ns",
    "product_token",
    "sitemaps_in",
    "statements",
    "text_of",
    "too_many_hops_rules",
    "unreachable_rules",
]

WAIT_MAX_NS = 86_400 * SECOND
"""A day. A longer Retry-After or Crawl-delay is reduced to this: it is a mistake, or means no."""
_DISALLOW_ALL = "User-agent: *\nDisallow: /\n"
_FILES_REMEMBERED: Final = 1_024
_CHARS_REMEMBERED: Final = 4_000_000
"""The limit of the cache: a parsed rule takes ten times the memory of its text, and a file may have 500 KiB."""


def unreachable_rules(origin: str, why: str, home: str = "", kind: str = "") -> Rules:
    """Return the rules of an origin whose robots.txt is unreachable: everything is disallowed.

    *kind* is the failure's kind. If the address was refused, that is the reason for all URLs of the origin.
    """
    if kind == "address":
        return Rules(origin, _DISALLOW_ALL, reason=why, kind=kind, home=home)
    reason = f"robots.txt could not be fetched, which forbids all (RFC 9309): {why}"
    return Rules(origin, _DISALLOW_ALL, reason=reason, kind="unreachable", home=home)


def too_many_hops_rules(origin: str, home: str = "") -> Rules:
    """Return the rules of an origin whose robots.txt redirects too often: everything is allowed.

    By RFC 9309 section 2.3.1.2 it may count as unavailable.
    """
    return Rules(origin, "", home=home)


def allowed(rules_text: str, user_agent: str, url: str) -> bool:
    """Return whether a robots.txt allows *user_agent* to fetch *url*; robots.txt itself is always allowed.

    *user_agent* is a product token, or a User-Agent header (see `product_token`).
    Cost: some microseconds, plus parsing the rules if they are not cached.
    """
    path = path_of(url)
    if not rules_text or path == "/robots.txt":
        return True
    return _read(rules_text, product_token(user_agent)).paths.allow(path)


def crawl_delay_ns(rules_text: str, user_agent: str) -> int | None:
    """Return the Crawl-delay for *user_agent*, at most `WAIT_MAX_NS`; None if there is none."""
    seconds = _read(rules_text, product_token(user_agent)).crawl_delay_s
    return int(min(seconds * SECOND, WAIT_MAX_NS)) if seconds else None


def statements(rules_text: str, user_agent: str) -> tuple[str, ...]:
    """Return what a robots.txt says to *user_agent* beside rules, such as `Content-Signal: ai-train=no`."""
    return _read(rules_text, product_token(user_agent)).statements


def sitemaps_in(rules_text: str, root: str) -> tuple[str, ...]:
    """Return the URLs of the sitemaps that a robots.txt names, normalised, without repetition.

    They should be absolute (sitemaps.org); sites that write `Sitemap: /sitemap.xml` mean one below their *root*.
    """
    named = named_sitemaps(rules_text)
    urls = (normalise(each, f"{root}/" if each.startswith("/") else None) for each in named)
    return tuple(dict.fromkeys(url for url in urls if url))


class _Read:
    """The part of a robots.txt that applies to this crawler."""

    __slots__ = ("crawl_delay_s", "paths", "statements")

    def __init__(self, group: Group) -> None:
        self.crawl_delay_s = group.crawl_delay_s
        self.paths = PathRules(group.allow, group.disallow)
        self.statements = tuple(group.statements)


class _Memory:
    """A cache of the files that were read last; large files are read in threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read: OrderedDict[tuple[str, str], _Read] = OrderedDict()
        self._chars = 0

    def read(self, text: str, token: str) -> _Read:
        found = self._read.get((text, token))
        if found is None:
            found = _Read(group_of(text, token))
            with self._lock:
                self._remember(text, token, found)
        return found

    def _remember(self, text: str, token: str, read: _Read) -> None:
        if (text, token) not in self._read:
            self._chars += len(text)
        self._read[text, token] = read
        while len(self._read) > _FILES_REMEMBERED or self._chars > _CHARS_REMEMBERED:
            (oldest, _), _ = self._read.popitem(last=False)
            self._chars -= len(oldest)


_read = _Memory().read
