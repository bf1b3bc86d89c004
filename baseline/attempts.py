"""Failed attempts: another one after a pause, or the end.

Owns: the failures that are not judged, and the targets that cool down.
Must not know: why they failed, domains, budgets.
"""

from __future__ import annotations

from heapq import heappop, heappush

from baseline.timers import Timers
from scraper_cpn.net.marking import Row
from scraper_cpn.scrape.colours import FAILED_LOG, Again, Failure, Target
from scraper_cpn.scrape.policy import Policy


class Attempts:
    """Failures and retries. Of the targets that have cooled down, the first that failed goes first.

    Attributes:
        failed: what has not been judged.
        cooling: targets that wait for their next attempt.
        timers: of those that cool down.
        awake: those that have; a heap by age.
    """

    __slots__ = ("_log", "_policy", "_serial", "awake", "cooling", "failed", "timers")

    def __init__(self, policy: Policy, log: list[Row]) -> None:
        self._policy = policy
        self._log = log
        self.awake: list[tuple[int, Target]] = []
        self._serial = 0
        self.timers: Timers[tuple[int, Target]] = Timers()
        self.cooling = 0
        self.failed: list[Failure] = []

    def judge(self, now_ns: int) -> None:
        """Decide about each failure."""
        failures, self.failed = self.failed, []
        policy = self._policy
        for failure in failures:
            if isinstance(policy.retries.verdict(failure), Again):
                self._cool(
                    policy.retries.next_attempt(failure),
                    now_ns + policy.retries.again_after_ns(failure),
                )
            else:
                failure = policy.retries.over(failure)
            self._log.append(Row(FAILED_LOG, failure))

    def _cool(self, target: Target, ready_ns: int) -> None:
        self._serial += 1
        self.cooling += 1
        self.timers.add(ready_ns, (self._serial, target))

    def mature(self, now_ns: int) -> None:
        """Note the targets that have cooled down."""
        for _, waiting in self.timers.due(now_ns):
            heappush(self.awake, waiting)

    def pop(self) -> Target:
        """Take the target that goes first of those that are awake."""
        self.cooling -= 1
        return heappop(self.awake)[1]
