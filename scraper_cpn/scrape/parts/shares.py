"""Shares of the levels of priority: of each round of requests, some are kept for each level. A crawl has them with `--shares`.

Owns: the turns that are left in a round, and its end.
Must not know: which level a target has, how a page is fetched.

A request takes a turn of its level. When no target that could begin has one left, the round is over, and each level has all
its turns again. So a level whose targets could always begin gets its whole share of every round, and what other
levels leave is not wasted. A round has as many turns as all shares together, so that twice as many requests in a row,
less one, include a whole round.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from scraper_cpn.net import Arc, Limit, Net, Output, Place, Wording, put, put_new, read, take
from scraper_cpn.scrape.colours import KnownLevel, Raw, Round, RoundEnd, Target, Turn
from scraper_cpn.scrape.parts.promises import pages_of
from scraper_cpn.scrape.parts.stages import there
from scraper_cpn.scrape.policy.shares import SharePolicy


class Shares(Limit):
    """Each request for a page takes a turn of its level of priority."""

    counts_by = ("priority",)

    def __init__(self, net: Net, p: SharePolicy) -> None:
        super().__init__(net, "shares")
        self._p = p
        self.levels = self.place("levels", KnownLevel)
        self.known = self.set("known_levels", KnownLevel, key="priority")
        self.turns = self.place("turns", Turn, key="priority")
        self.round = self.place("round", Round, source=True)
        self.over = self.place("round_over", RoundEnd)
        self.takes = [take(self.turns)]
        self.wording = {self.turns: Wording("the next round of requests, for its level (--shares)")}

    def brings(self, source: Place[Any] | type[Any]) -> Sequence[Output]:
        """Puts the level of a new URL, if it is the first of its level; it has turns from the next round on."""
        make: Any = self._p.level
        return [put_new(self.known, self.levels, make, source)]

    def connect(self, targets: Place[Target], limits: Sequence[Limit], fetched: Place[Raw]) -> None:
        """End a round when a target could begin by all other *limits*, but no such target has a turn left.

        Requests are tried before `end_round`, so that it fires only where each of them lacks its turn. The room
        in *fetched* is needed as for a request: without it none can begin, whatever turns are left.
        """
        p = self._p
        could: list[Arc[Any]] = [
            there(arc) for limit in limits if limit is not self for arc in limit.takes
        ]
        self.ends = self.transition(
            "end_round",
            [self.round, read(targets), read(self.known), *could],
            outputs=[put(self.over, p.end, self.round), put(fetched, p.no_page, self.round)],
        )
        self.transition("forget_turn", [self.turns, read(self.over)], priority=-1)
        levels = take(self.levels, all=True)
        self.transition(
            "begin_round",
            [self.over, levels],
            outputs=[
                put(self.levels, p.same, levels),
                put(self.turns, p.turns, levels),
                put(self.round, p.begin, self.over),
            ],
            priority=-1,
        )

    def properties(self) -> Iterator[Any]:
        """No level has more of a round than its share."""
        from scraper_cpn.analysis import begin, fire, never

        yield never(
            fire("begin_round"),
            while_in=self.turns.name,
            claim="a round has no turns of the one before",
        )
        yield never(
            begin(*pages_of(self.net)),
            while_in=self.over.name,
            claim="no request begins between two rounds",
        )


def shares_of(net: Net, p: SharePolicy) -> list[Shares]:
    """The shares of levels, if the user has given them."""
    return [Shares(net, p)] if p.settings.shares else []
