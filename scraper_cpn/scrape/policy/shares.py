"""Shares of the levels of priority.

Owns: how many requests of each round are kept for a level.
Must not know: the net, how a level is chosen.
"""

from __future__ import annotations

from dataclasses import dataclass

from scraper_cpn.scrape.colours import KnownLevel, Raw, Round, RoundEnd, Target, Turn
from scraper_cpn.scrape.settings import Settings


@dataclass(frozen=True)
class SharePolicy:
    """The rounds of a crawl with shares."""

    settings: Settings

    def share(self, priority: int) -> int:
        """How many requests of a round are kept for a level.

        The first share is that of the best level that `--prefer` makes, or else of 0; better ones have it, too. Each
        level that is worse than all that are named has the last one.
        """
        shares = self.settings.shares
        place = priority + len(self.settings.prefer)
        return shares[max(0, min(place, len(shares) - 1))]

    def level(self, target: Target) -> KnownLevel:
        """The level of a new target."""
        return KnownLevel(target.priority)

    def turns(self, levels: tuple[KnownLevel, ...]) -> list[Turn]:
        """The turns of a new round."""
        return [Turn(each.priority) for each in levels for _ in range(self.share(each.priority))]

    def same(self, levels: tuple[KnownLevel, ...]) -> list[KnownLevel]:
        """The levels, which stay."""
        return list(levels)

    def end(self, now: Round) -> RoundEnd:
        """The end of a round."""
        del now
        return RoundEnd()

    def begin(self, end: RoundEnd) -> Round:
        """The next round."""
        del end
        return Round()

    def no_page(self, now: Round) -> Raw | None:
        """No page: the end of a round only needs room for one."""
        del now
        return None
