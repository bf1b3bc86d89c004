"""What a crawl says about itself: a look at it while it runs, and the account at its end.

Owns: the records that the engine fills in and that the command, the live view and programs read.
Must not know: how the numbers come about, how they are shown.
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


class Snapshot(Struct, frozen=True, kw_only=True):
    """A crawl at one moment."""

    elapsed_ns: int
    """Since the start."""
    pages: int
    """Fetched with success."""
    items: int
    """Kept in the output."""
    attempts: int
    """Requests for pages that were started, the first of each URL included."""
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
    least_left_ns: int | None = None
    """A lower bound of the time left; None when nothing is known."""


class FailureGroup(Struct, frozen=True):
    """The URLs that failed, or were skipped, in the same way."""

    kind: str
    """A key of `scraper_cpn.scrape.colours.KINDS`."""
    count: int
    meaning: str
    """The kind in words."""
    examples: tuple[Failure, ...] = ()
    """The first few."""


class Level(Struct, frozen=True, gc=False):
    """The waiting URLs of one priority."""

    priority: int
    urls: int
    longest_ns: int
    """How long the one has waited that was found first."""


class Summary(Struct, frozen=True, kw_only=True):
    """How a crawl ended, and what came of it."""

    ended: Literal["finished", "spent", "interrupted", "stuck", "faulted"]
    """No work left; a budget at its end; stopped by someone; work left that can never be done; tokens were set
    aside because a function raised on them."""
    reason: str = ""
    """What exactly: the budget that is spent, what the work that is stuck lacks."""
    pages: int = 0
    items: int = 0
    attempts: int = 0
    failed: int = 0
    skipped: int = 0
    bytes: int = 0
    elapsed_ns: int = 0
    left: int = 0
    """URLs that were found and came to no end."""
    cut: int = 0
    """Pages of which --max-links, --max-values or --max-text left something out."""
    cut_examples: tuple[str, ...] = ()
    """What was left out of the first few."""
    not_followed: int = 0
    """Links of pages that are out of scope, filtered out or too deep."""
    levels: tuple[Level, ...] = ()
    """Those that wait, by priority, where a program gives some; of a kept crawl `state_status` tells."""
    failures: tuple[FailureGroup, ...] = ()
    failed_urls: tuple[str, ...] = ()
    """What a retry would start from."""
    seeds_failed: tuple[str, ...] = ()
    """Seeds that were neither stored nor left for later."""
    connections_dropped: int = 0
    """Connections that ended because a server sent bytes that nobody had asked for."""


class Account(Struct, frozen=True):
    """What has come of a crawl so far, as far as its rows don't tell."""

    pages: int = 0
    attempts: int = 0
    bytes: int = 0
    stored: int = 0
    items: int = 0
    elapsed_ns: int = 0
    cut: int = 0
    not_followed: int = 0


class Ending(Struct, frozen=True):
    """How the last process of a crawl has ended."""

    how: str
    """`finished`, `spent`, `interrupted`, `stuck` or `faulted`."""
    reason: str
