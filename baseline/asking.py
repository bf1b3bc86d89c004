"""Requests for robots.txt: which begin, and what becomes of each outcome.

Owns: the way of a robots.txt over attempts and redirects to its rules.
Must not know: targets, what rules say.
"""

from __future__ import annotations

from baseline.flights import Endings, Request
from baseline.permits import Permits
from scraper_cpn.net.marking import Firing, Row
from scraper_cpn.net.outputs import Lost
from scraper_cpn.scrape.colours import FAILED_LOG, Failed, Redirected, Rules, Throttled
from scraper_cpn.scrape.policy import Policy

NAMES = ("get_robots", "robots")


class Asking:
    """Takes jobs from the origins and gives them rules."""

    def __init__(self, policy: Policy, permits: Permits, log: list[Row]) -> None:
        self._policy = policy
        self._permits = permits
        self._robots = permits.robots
        self._lanes = permits.lanes
        self._log = log
        self.start = permits.start
        self.endings: Endings = {
            Rules: self._rules,
            Redirected: self._redirected,
            Throttled: self._throttled,
            Failed: self._failed,
            Lost: self._lost,
        }

    def run(self, now_ns: int, firings: list[Firing], limit: int) -> None:
        """A job, its domain, a proxy and a permit, or nothing."""
        permits, robots, pool = self._permits, self._robots, self._permits.pool
        while permits.left and permits.gate_ns > now_ns and len(firings) < limit:
            if robots.first(now_ns) is None or pool.first(now_ns) is None:
                return
            job = robots.pop()
            firings.append(permits.prepare(self, NAMES, job, job[1], job[2], now_ns))

    def undo(self, _: int, request: Request, now_ns: int) -> None:
        """A request that was prepared does not start."""
        self._robots.restore(request.entry)
        self._permits.undo(request, now_ns)

    def _rules(self, request: Request, rules: Rules, now_ns: int) -> None:
        self._robots.learn(rules, now_ns)
        self._lanes.punish(self._policy.domains.slower(request.work, rules))
        self._permits.release(request, now_ns)

    def _redirected(self, request: Request, redirect: Redirected, now_ns: int) -> None:
        policy, lanes = self._policy, self._lanes
        hop = policy.robots.robots_hop(request.work, redirect)
        if hop is not None:
            if hop.domain not in lanes.by_name:
                lanes.open(policy.domains.robots_hop_domain(redirect), now_ns)
            self._robots.push(lanes.by_name[hop.domain], hop, now_ns, now_ns)
        self._learn(policy.robots.rules_after_too_many_redirects(request.work), now_ns)
        self._permits.release(request, now_ns)

    def _throttled(self, request: Request, throttled: Throttled, now_ns: int) -> None:
        self._lanes.punish(self._policy.domains.robots_refusal_penalty(request.work, throttled))
        self._none(request, throttled, now_ns)

    def _failed(self, request: Request, failed: Failed, now_ns: int) -> None:
        self._permits.pool.blame(self._policy.proxies.own_faults(request.proxy, failed))
        self._none(request, failed, now_ns)

    def _lost(self, request: Request, lost: Lost, now_ns: int) -> None:
        self._none(request, lost, now_ns)

    def _none(self, request: Request, outcome: Throttled | Failed | Lost, now_ns: int) -> None:
        """Another attempt, or none is left: then all is forbidden."""
        policy, job = self._policy, request.work
        again = policy.robots.robots_again(job, outcome)
        if again is not None:
            ready_ns = now_ns + policy.robots.robots_wait_ns(job, outcome)
            self._robots.push(self._lanes.by_name[again.domain], again, ready_ns, now_ns)
        self._learn(policy.robots.robots_unreachable(job, outcome), now_ns)
        self._log.append(Row(FAILED_LOG, policy.robots.robots_failure(job, outcome)))
        self._permits.release(request, now_ns)

    def _learn(self, rules: Rules | None, now_ns: int) -> None:
        if rules is not None:
            self._robots.learn(rules, now_ns)
