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
        p, given_up = self.p, self.given_up
        end_waiting(self, "give_up", given_up, p.ending, p.rules, targets, robots, known, log, also)

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


def end_waiting(
    part: Part,
    name: str,
    over: Place[Any],
    ending: Any,
    rules: Any,
    targets: Place[Target],
    robots: Robots,
    known: Sequence[KeySet[Any]],
    log: Sink[Failure],
    also: Sequence[Output],
) -> None:
    """Declare how what waits ends for a domain or host that was given up, before anything else starts there.

    Args:
        part: declares the transitions *name* and *name*_robots.
        name: of the first transition.
        over: the verdicts.
        ending: the policy's function for the last row of a target.
        rules: that for the rules of an origin whose robots.txt is not asked for any more.
        targets: what waits.
        robots: what is asked for first.
        known: the keys of targets beside those of the verdict.
        log: for the last rows.
        also: is put for each target.
    """
    reads = [read(each) for each in known]  # targets are found by their whole key
    part.transition(
        name,
        [targets, read(over), *reads],
        outputs=[put(log, ending, targets, over), *also],
        priority=-1,
    )
    part.transition(
        f"{name}_robots",
        [take(robots.jobs, include_waiting=True), read(over)],
        outputs=robots.answer(rules, robots.jobs, over),
        priority=-1,
    )
