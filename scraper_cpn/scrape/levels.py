"""How many URLs wait on each level of priority, and since when: whether one of them starves.

Owns: the record of a level, and how waiting targets are counted by it.
Must not know: where targets wait, how anything is shown.
"""

from __future__ import annotations

from msgspec import Struct

from scraper_cpn.scrape.policy import Policy


class Level(Struct, frozen=True, gc=False):
    """The waiting URLs of one priority."""

    priority: int
    urls: int
    oldest_ns: int
    """When the one was found that waits longest; UTC, nanoseconds since 1970."""


class Levels:
    """Counts waiting targets. A crawl has few levels, however many targets it has."""

    def __init__(self) -> None:
        self._levels: dict[int, list[int]] = {}
        """Of each level how many there are, and their least rank."""

    def add(self, priority: int, rank: int) -> None:
        """A target waits."""
        level = self._levels.get(priority)
        if level is None:
            level = self._levels[priority] = [0, rank]
        level[0] += 1
        if rank < level[1]:
            level[1] = rank

    def listed(self, policy: Policy) -> tuple[Level, ...]:
        """All levels under the policy that made the ranks, the one that goes first first."""
        return tuple(
            Level(priority, urls, policy.since_ns(priority, rank))
            for priority, (urls, rank) in sorted(self._levels.items())
        )
