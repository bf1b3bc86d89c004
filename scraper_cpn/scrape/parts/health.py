"""Domains that are given up: they have no answer any more, or nothing but refusals.

Owns: the verdicts, and how the URLs of such a domain end. The requests without an answer and the refusals add up
in the domain's pacing token, by the penalties of `parts/domains.py`.
Must not know: how a request is made, how long a pause is.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from scraper_cpn.net import KeySet, Net, Output, Part, Place, put
from scraper_cpn.scrape.colours import Domain, GivenUp, Hold, Penalty
from scraper_cpn.scrape.parts.promises import pages_of
from scraper_cpn.scrape.parts.waiting import Waiting
from scraper_cpn.scrape.policy.health import HealthPolicy


class Health(Part):
    """A domain that is given up is not asked any more; its URLs end in the log, its robots.txt forbids all."""

    def __init__(self, net: Net, p: HealthPolicy) -> None:
        super().__init__(net, "health")
        self.p = p
        self.given_up = self.place("given_up", GivenUp, key="domain")
        self.holds = self.sink("holds", Hold)

    def judged(self, pacing: Place[Domain], penalties: Place[Penalty]) -> Sequence[Output]:
        """What a penalty puts here: a row about the pause, and the verdict if it is the last one."""
        return [
            put(self.holds, self.p.hold, pacing, penalties),
            put(self.given_up, self.p.verdict, pacing, penalties),
        ]

    def give_up(self, waiting: Waiting, known: Sequence[KeySet[Any]]) -> None:
        """End what waits for a domain that was given up; *known* are the keys of targets beside their domains."""
        p = self.p
        waiting.give_up(self, "give_up", self.given_up, p.ending, p.rules, known)

    def properties(self) -> Iterator[Any]:
        """What is given up is left alone, where anything can be."""
        from scraper_cpn.analysis import begin, never

        settings = self.p.settings
        counted = settings.dead_after or settings.refusing_max_ns is not None
        if counted or settings.retry_after_max_ns is not None:
            yield never(
                begin(*pages_of(self.net)),
                while_in=self.given_up.name,
                by="domain",
                claim="G5 no request begins in a domain that was given up",
            )
