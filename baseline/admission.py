"""The way into the frontier: each URL once, and only if robots.txt lets it.

Owns: which URLs have been seen; domains and origins that are met for the first time.
Must not know: requests, proxies, time but what it is told.
"""

from __future__ import annotations

from baseline.frontier import Frontier
from baseline.lanes import Lane, Lanes
from baseline.robots import Robots
from scraper_cpn.net.marking import Row
from scraper_cpn.scrape.colours import FAILED_LOG, Allowed, Found, Target
from scraper_cpn.scrape.policy import Policy


class Admission:
    """Takes in what pages link to.

    Attributes:
        found: what has not been looked at.
        seen: the URLs that were.
    """

    __slots__ = ("_frontier", "_lanes", "_log", "_policy", "_robots", "found", "seen")

    def __init__(
        self, policy: Policy, lanes: Lanes, robots: Robots, frontier: Frontier, log: list[Row]
    ) -> None:
        self._policy = policy
        self._lanes = lanes
        self._robots = robots
        self._frontier = frontier
        self._log = log
        self.found: list[Found] = []
        self.seen: set[str] = set()

    def admit(self, now_ns: int) -> None:
        """Look at all that is found."""
        founds, self.found = self.found, []
        policy = self._policy
        for found in founds:
            for target in policy.frontier.to_ask(found):
                if self._is_new(target, now_ns):
                    self._ask(target, now_ns)
            for target in policy.frontier.to_fetch(found):
                if self._is_new(target, now_ns):
                    self.push(target, now_ns)

    def push(self, target: Target, now_ns: int) -> None:
        """A target may be fetched."""
        self._frontier.push(self._lanes.by_name[target.domain], target, now_ns)

    def _is_new(self, target: Target, now_ns: int) -> bool:
        if target.url in self.seen:
            return False
        self.seen.add(target.url)
        if target.domain not in self._lanes.by_name:
            self._lanes.open(self._policy.domains.domain(target), now_ns)
        return True

    def _ask(self, target: Target, now_ns: int) -> None:
        robots = self._robots
        robots.ask(target)
        if target.origin not in robots.known:
            job = self._policy.robots.robots_job(target)
            robots.known.add(job.origin)
            robots.push(self._lane(job.domain), job, now_ns, now_ns)

    def _lane(self, name: str) -> Lane:
        return self._lanes.by_name[name]

    def refresh(self, now_ns: int) -> None:
        """Rules that are a day old are fetched again."""
        for rules in self._robots.expired(now_ns):
            job = self._policy.robots.refresh(rules)
            self._robots.push(self._lane(job.domain), job, now_ns, now_ns)

    def clear(self, now_ns: int) -> None:
        """Targets whose rules have come go into the frontier, or end here."""
        for target, rules in self._robots.cleared():
            verdict = self._policy.robots.clearance(target, rules)
            if isinstance(verdict, Allowed):
                self.push(target, now_ns)
            else:
                self._log.append(Row(FAILED_LOG, self._policy.robots.denied(target, verdict)))
