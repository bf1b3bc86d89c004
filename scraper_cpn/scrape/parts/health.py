"""Domains that are given up: they have no answer any more, or nothing but refusals.

Owns: the verdicts, and how the URLs of such a domain end. The requests without an answer and the refusals add up
in the domain's pacing token, by the penalties of `parts/domains.py`.
Must not know: how a request is made, how long a pause is.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from scraper_cpn.net import KeySet, Net, Output, Part, Place, Sink, put, read, take
from scraper_cpn.scrape.colours import Domain, Failure, GivenUp, Hold, Penalty, Target
from scraper_cpn.scrape.parts.promises import pages_of
from scraper_cpn.scrape.parts.robots import Robots
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

    def give_up(
        self,
        targets: Place[Target],
        robots: Robots,
        known: Sequence[KeySet[Any]],
        log: Sink[Failure],
        also: Sequence[Output],
    ) -> None:
        """End what waits for a domain that was given up, before anything else starts there.

        *known* are the keys of targets beside their domains, *also* is put for each.
        """
        reads = [read(each) for each in known]  # targets are found by their whole key
        self.transition(
            "give_up",
            [targets, read(self.given_up), *reads],
            outputs=[put(log, self.p.ending, targets, self.given_up), *also],
            priority=-1,
        )
        jobs = robots.jobs
        self.transition(
            "give_up_robots",
            [take(jobs, include_waiting=True), read(self.given_up)],
            outputs=robots.answer(self.p.rules, jobs, self.given_up),
            priority=-1,
        )

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
