"""What `scrape explain` says of a URL, as a record.

Owns: the record.
Must not know: how a URL is found, how the record is shown.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Target, to_show


class Wait(Struct, frozen=True):
    """One thing that a URL still needs in order to proceed."""

    transition: str
    place: str
    """The place of the net where it is missing; empty if the target itself is not ready."""
    key: str
    """The key for which it is missing there, such as a domain; empty for no key."""
    needs: str
    """The missing conditions, in words; empty if the URL only waits for its turn."""
    until_ns: int | None
    """The end of the wait, UTC; None if it ends with an event."""
    outlasts: bool
    """Whether a stopped crawl still has to wait for it when it is resumed."""


class Explanation(Struct, frozen=True, kw_only=True):
    """Where a URL is in a crawl."""

    url: str
    run: str
    now_ns: int
    """The time of the look, by the crawl's clock; UTC, like all times."""
    pid: int | None
    """The process that runs the crawl; None if there is none."""
    host: str = ""
    """The machine of that process; empty: this one."""
    stands: str
    """`found`, `asks`, `waits`, `cools down`, `rests` (until its next visit), `in flight`, `pipeline`, `failed once`, `set aside`, `stored`,
    `failed`, `skipped`, `file` (that items name), `unread` or `unknown`."""
    place: str = ""
    """The line of the input that names it, if it is a seed that was not read yet."""
    file: str = ""
    """What became of a file that items name."""
    target: Target | None = None
    """None if the URL is unknown, or was stored without a failed attempt."""
    domain: str
    ahead: int = 0
    """How many URLs of its domain (or with the same robots.txt to ask for) come before it."""
    level: int | None = None
    """With `--shares`, the level of priority of which these are: the levels take turns."""
    waits: tuple[Wait, ...] = ()
    robots: tuple[Wait, ...] = ()
    """The conditions that its robots.txt waits for; empty if the URL does not wait for robots.txt."""
    since_ns: int | None = None
    """When the firing that holds it began."""
    error: str = ""
    """Why it was set aside."""
    items: int | None = None
    """The number of its items, if it is stored."""
    stored: int = 0
    """How often the URL was stored: by requests that differ in their body, or on several visits."""
    connection: int = 0
    """The connection on which it came, if it is stored; see `StoredPage`."""
    ordinal: int = 0
    """The number of its request on that connection, from 1 on."""
    cut: tuple[str, ...] = ()
    """What the limits for one page left out of it."""
    change: str = ""
    """`new`, `changed`, `unchanged` or `gone`, if the crawl compares pages with what they were before."""
    attempts: tuple[dict[str, Any], ...] = ()
    """Its rows in the failed log, in the form of `--failed`, oldest first."""
    requests: tuple[RequestEnd, ...] = ()
    """What became of each of several requests of this URL, such as POSTs with other bodies; empty if there was only one."""
    handled: bool = False
    """Whether the page handlers belong to a program that calls the Python API, which alone can resume the crawl."""
    again: bool = False
    """Whether `retry` would put it back."""
    robots_says: tuple[str, ...] = ()
    """Other statements of its robots.txt, such as `Content-Signal: ai-train=no`."""
    kept_out: tuple[str, ...] = ()
    """The reasons that would exclude an unknown URL: `scope`, `filters`, `traps`, `robots`."""

    def to_show(self) -> Explanation:
        """Return it without what the request sends."""
        return self if self.target is None else replace(self, target=to_show(self.target))


class RequestEnd(Struct, frozen=True):
    """What became of one of several requests of a URL."""

    method: str
    stands: str
    """`stored`, `failed` or `skipped`; `open` if it has not ended."""
    items: int | None = None
    """The number of its items, if it is stored."""
    attempts: tuple[dict[str, Any], ...] = ()
    """Its rows in the failed log."""
