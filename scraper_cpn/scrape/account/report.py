"""Reports of a crawl: a snapshot while it runs, and the summary at its end.

Owns: the records that the engine fills in and that the command, the live view and programs read.
Must not know: how the numbers are computed, how the command and the live view show them.
"""

from typing import Literal

from msgspec import Struct

from scraper_cpn.scrape.colours import Failure


class Stage(Struct, frozen=True, gc=False):
    """How full one stage of the pipeline is."""

    name: str
    filled: int
    capacity: int | None
    """None for a stage without a bound."""


HOLDS_SHOWN = 5


class PausedDomain(Struct, frozen=True, gc=False):
    """A domain that pauses."""

    domain: str
    until_ns: int
    """UTC."""
    wait_ns: int
    """From the moment of the snapshot."""
    reason: str


class Snapshot(Struct, frozen=True, kw_only=True):
    """A crawl at one moment."""

    elapsed_ns: int
    """Since the start."""
    pages: int
    """Fetched with success."""
    items: int
    """Kept in the output."""
    attempts: int
    """Requests for pages that were started, including the first one for each URL."""
    failed: int
    """URLs that ended as failed."""
    skipped: int
    """URLs that ended unfetched for a good reason: robots.txt, a redirect to a known page."""
    in_flight: int
    bytes: int
    """Bodies received, decompressed."""
    waiting: dict[str, int]
    """URLs that wait, by reason: "domain delay", "back-off", "proxy", "robots", "retry", ..."""
    stages: tuple[Stage, ...] = ()
    holds: tuple[PausedDomain, ...] = ()
    """The domains that pause longest, at most `HOLDS_SHOWN`."""
    least_left_ns: int | None = None
    """A lower bound of the time left; None if nothing is known."""


class FailureGroup(Struct, frozen=True):
    """The URLs that failed, or were skipped, in the same way."""

    kind: str
    """A key of `scraper_cpn.scrape.colours.KINDS`."""
    count: int
    meaning: str
    """The kind in words."""
    examples: tuple[Failure, ...] = ()
    """The first few."""

    def __str__(self) -> str:
        shown = "".join(f"; {each.target.url}: {each.reason}" for each in self.examples[:1])
        return f"{self.count} {self.kind}: {self.meaning}{shown}"


class Level(Struct, frozen=True, gc=False):
    """The waiting URLs of one priority."""

    priority: int
    urls: int
    longest_ns: int
    """How long the URL that was found first has waited."""


class Changes(Struct, frozen=True, gc=False):
    """Pages by what has become of them since the visit before, or since an earlier crawl."""

    new: int
    """Stored for the first time."""
    changed: int
    """Stored again, with another content."""
    unchanged: int
    """Not stored again: the server says so (304), or the content is the same."""
    gone: int
    """Not there any more (404, 410), or for good at another URL (301, 308)."""


class Summary(Struct, frozen=True, kw_only=True):
    """How a crawl ended, and its results."""

    ended: Literal["finished", "spent", "interrupted", "stuck", "faulted"]
    """In this order: no work is left; a budget is used up; the user stopped the crawl; work is left that can never
    be done; tokens were set aside because a function raised on them."""
    reason: str = ""
    """The details: which budget is used up, or what the stuck work lacks."""
    pages: int = 0
    items: int = 0
    attempts: int = 0
    failed: int = 0
    skipped: int = 0
    bytes: int = 0
    elapsed_ns: int = 0
    left: int = 0
    """URLs that were found, but neither stored nor failed."""
    unread_lines: int = 0
    """Lines of the input that were not read."""
    cut: int = 0
    """Pages of which --max-links, --max-values or --max-text left something out."""
    cut_examples: tuple[str, ...] = ()
    """The lines about what was left out of the first few pages."""
    not_followed: int = 0
    """Links of pages that are out of scope, filtered out or too deep."""
    no_address: int = 0
    """Links that handlers made to no web address."""
    sitemaps: int = 0
    """Sitemaps that were read."""
    mapped: int = 0
    """Their URLs that are in scope, whether known or not."""
    files: int = 0
    """Files that items name and that were saved."""
    dropped: dict[str, int] = {}
    """How many items functions of the program have dropped, by reason, most first."""
    changes: Changes | None = None
    """In a crawl that compares pages with what they were (`--revisit`, `--since`)."""
    levels: tuple[Level, ...] = ()
    """The waiting URLs by priority, if a program sets priorities; for a kept crawl see `state_status`."""
    failures: tuple[FailureGroup, ...] = ()
    failed_urls: tuple[str, ...] = ()
    """The URLs that a retry would start from."""
    failed_requests: int = 0
    """How many of them are more than a URL: with a body, data, or a handler that a link has named."""
    seeds_failed: tuple[str, ...] = ()
    """Seeds that were neither stored nor left for later."""
    connections_dropped: int = 0
    """Connections that were closed because a server sent unsolicited bytes."""
    sessions_given_up: int = 0
    """Sessions of the pool that others have taken the place of, after errors."""
    cookies_dropped: dict[str, int] = {}
    """Cookies that servers offered and that were not kept, by reason."""

    def __str__(self) -> str:
        """What a program prints: how the crawl ended, and each kind of failure with its first example."""
        head = f"{self.ended}: {self.reason}" if self.reason else self.ended
        totals = (
            f"pages: {self.pages}, items: {self.items}, URLs failed: {self.failed}, "
            f"skipped: {self.skipped}, left: {self.left}"
        )
        return "\n".join(map(_on_one_line, [head, totals, *map(str, self.failures)]))


class Account(Struct, frozen=True):
    """Totals of a crawl so far that can't be computed from its rows."""

    pages: int = 0
    attempts: int = 0
    bytes: int = 0
    stored: int = 0
    stored_again: int = 0
    changed: int = 0
    items: int = 0
    elapsed_ns: int = 0
    cut: int = 0
    not_followed: int = 0
    no_address: int = 0
    sitemaps: int = 0
    mapped: int = 0
    files: int = 0
    dropped: dict[str, int] = {}
    sessions_given_up: int = 0
    cookies: int = 0
    """In the jars, which a state does not keep."""


class Ending(Struct, frozen=True):
    """How the last process of a crawl has ended."""

    how: str
    """`finished`, `spent`, `interrupted`, `stuck` or `faulted`."""
    reason: str


def _on_one_line(text: str) -> str:
    """Text that may come from the web, without characters that could hide or fake other text."""
    return "".join(each if each.isprintable() else "\ufffd" for each in text)
