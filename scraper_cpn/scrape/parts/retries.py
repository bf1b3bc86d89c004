"""What happens to a target after a failed attempt: another attempt later, or its end.

Owns: failures without a verdict yet, and targets that wait for their next attempt.
Must not know: how an attempt can fail.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from scraper_cpn.net import Net, Part, Place, Sink, choose, keyed, on, put, read
from scraper_cpn.scrape.colours import CROWDED, WITHHELD, Again, Failure, Over, Target
from scraper_cpn.scrape.parts.logins import Logins
from scraper_cpn.scrape.parts.permits import Budget, GateKeeper
from scraper_cpn.scrape.parts.revisits import Revisits
from scraper_cpn.scrape.parts.sessions import Sessions
from scraper_cpn.scrape.policy.partitions import domain_of_page
from scraper_cpn.scrape.policy.retries import RetryPolicy

NO_ATTEMPT = (WITHHELD, CROWDED)
"""Kinds of failures after which the next attempt has the same number."""


class Retries(Part):
    """Every failed attempt is logged; while attempts are left, the target cools down and is tried again."""

    def __init__(self, net: Net, p: RetryPolicy) -> None:
        super().__init__(net, "retries")
        self._p = p
        self._targets: list[Place[Target]] = []
        self.cool_down = self.place(
            "cool_down", Target, timed=True, work=True, paged=True, share=keyed("domain")
        )
        self.failed = self.place("failed", Failure, work=True, share=keyed(domain_of_page))

    def judge(
        self,
        targets: Place[Target],
        gate: GateKeeper,
        budget: Budget,
        log: Sink[Failure],
        logins: Sequence[Logins],
        sessions: Sequence[Sessions],
        revisits: Revisits | None,
    ) -> None:
        """Judge failures; a target that has cooled down returns to *targets* while requests may still start."""
        p, failed = self._p, self.failed
        ended = [login.at_end(failed) for login in logins]
        ended += [] if revisits is None else [revisits.at_failure(failed)]
        self._targets.append(targets)
        again = put(self.cool_down, p.next_attempt, failed, after_ns=p.again_after_ns)
        self.transition(
            "judge",
            [failed],
            choice=choose(p.verdict, failed),
            outcomes=[on(Again, again, put(log)), on(Over, put(log, p.over, failed), *ended)],
        )
        moved = [
            new
            for pool in sessions
            for limit in (pool, *logins)
            for new in limit.brings(self.cool_down)
        ]
        self.transition(
            "wake",
            [self.cool_down, read(gate.open), read(budget.left)],
            outputs=[put(targets), *moved],
        )

    def properties(self) -> Iterator[Any]:
        """The end of attempts."""
        from scraper_cpn.analysis import each, every, fire

        most, losses = self._p.settings.retries + 1, self._p.settings.losses
        failed, later = self.failed.name, self.cool_down.name
        if self._targets:
            yield every(
                fire("judge"),
                lambda seen: (
                    seen[failed].kind in NO_ATTEMPT
                    or all(each.attempt > seen[failed].target.attempt for each in seen.puts(later))
                ),
                claim="G5 each attempt counts, unless nothing was sent",
            )
        for targets in self._targets:
            yield each(
                targets.name,
                lambda target: target.attempt - target.lost <= most and target.lost < losses,
                claim="G5 attempts end at the cap",
            )
