"""How many URLs wait at each level of priority, and for how long, which shows whether a level starves.

Owns: counting waiting targets by level.
Must not know: stores, how anything is shown.
"""

from __future__ import annotations

from typing import Any

from scraper_cpn.net import Kernel
from scraper_cpn.scrape.account.report import Level
from scraper_cpn.scrape.colours import Found, Target
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy


class Levels:
    """Counts waiting targets. A crawl has few levels, however many targets it has."""

    def __init__(self) -> None:
        self._levels: dict[int, list[int]] = {}
        """For each level, the number of targets and their least rank."""

    def add(self, priority: int, rank: int) -> None:
        """Count a waiting target."""
        level = self._levels.get(priority)
        if level is None:
            level = self._levels[priority] = [0, rank]
        level[0] += 1
        if rank < level[1]:
            level[1] = rank

    def take(self, colour: Any) -> None:
        """Count the targets in a waiting token, if there are any."""
        found = isinstance(colour, Found)
        for target in colour.every if found else (colour,):
            if isinstance(target, Target):
                self.add(target.priority, target.rank)

    def listed(self, policy: Policy, now_ns: int) -> tuple[Level, ...]:
        """All levels, first in turn first; *policy* is the one that made the ranks."""
        return tuple(
            Level(priority, urls, max(0, now_ns - policy.frontier.since_ns(priority, rank)))
            for priority, (urls, rank) in sorted(self._levels.items())
        )


def waiting(kernel: Kernel, net: ScrapeNet, now_ns: int) -> tuple[Level, ...]:
    """The levels of the targets that wait in a kernel. Cost: O(tokens)."""
    levels = Levels()
    places = {net.frontier.found.name, *(place.name for place in net.known_urls)}
    for token in kernel.marking().tokens:
        if token.place in places:
            levels.take(token.colour)
    return levels.listed(net.policy, now_ns)
