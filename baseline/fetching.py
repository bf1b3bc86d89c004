"""Requests for pages: which begin, and what becomes of each outcome.

Owns: the budget of pages, the room for pages that are on their way.
Must not know: robots.txt, what pages are made into.
"""

from __future__ import annotations

from baseline.admission import Admission
from baseline.attempts import Attempts
from baseline.flights import Endings, Request
from baseline.permits import Permits
from baseline.stages import Stage
from scraper_cpn.net.marking import Firing, Row
from scraper_cpn.net.outputs import Lost
from scraper_cpn.scrape.colours import FAILED_LOG, Failed, Fetched, Raw, Redirected, Throttled
from scraper_cpn.scrape.policy import Policy

NAMES = ("scrape_target", "fetch")


class Fetching:
    """Takes targets from the frontier and puts pages into the first stage.

    Attributes:
        budget: pages that may be fetched beside those that are.
        running: requests that are prepared or run.
    """

    def __init__(
        self,
        policy: Policy,
        budget: int,
        permits: Permits,
        raw: Stage[Raw],
        admission: Admission,
        attempts: Attempts,
        log: list[Row],
    ) -> None:
        self._policy = policy
        self._permits = permits
        self._raw = raw
        self._admission = admission
        self._attempts = attempts
        self._log = log
        self.budget = budget
        self.running = 0
        self.start = permits.start
        self.endings: Endings = {
            Fetched: self._fetched,
            Redirected: self._redirected,
            Throttled: self._throttled,
            Failed: self._failed,
            Lost: self._lost,
        }

    def run(self, now_ns: int, firings: list[Firing], limit: int) -> None:
        """The three-way join: a target, its domain, a proxy and every permit, or nothing."""
        permits, raw = self._permits, self._raw
        frontier, pool = permits.frontier, permits.pool
        while permits.left and self.budget and raw.room and permits.gate_ns > now_ns:
            if (
                len(firings) >= limit
                or frontier.first(now_ns) is None
                or pool.first(now_ns) is None
            ):
                return
            entry = frontier.pop()
            self.budget -= 1
            raw.room -= 1
            self.running += 1
            firings.append(permits.prepare(self, NAMES, entry, entry[2], entry[3], now_ns))

    def undo(self, _: int, request: Request, now_ns: int) -> None:
        """A request that was prepared does not start."""
        self._permits.frontier.restore(request.entry)
        self._permits.undo(request, now_ns)
        self._give_back()

    def _fetched(self, request: Request, fetched: Fetched, now_ns: int) -> None:
        self._raw.line.append(self._policy.requests.raw(request.work, fetched))
        self.running -= 1
        self._permits.release(request, now_ns)

    def _redirected(self, request: Request, redirect: Redirected, now_ns: int) -> None:
        hop = self._policy.requests.hop(request.work, redirect)
        if hop is not None:
            self._admission.found.append(hop)
        self._log.append(Row(FAILED_LOG, self._policy.requests.redirect(request.work, redirect)))
        self._leave(request, now_ns)

    def _throttled(self, request: Request, throttled: Throttled, now_ns: int) -> None:
        self._attempts.failed.append(self._policy.requests.throttled(request.work, throttled))
        self._permits.lanes.punish(self._policy.domains.refusal(request.work, throttled))
        self._leave(request, now_ns)

    def _failed(self, request: Request, failed: Failed, now_ns: int) -> None:
        self._attempts.failed.append(self._policy.requests.failed(request.work, failed))
        self._permits.pool.blame(self._policy.proxies.own_faults(request.proxy, failed))
        self._leave(request, now_ns)

    def _lost(self, request: Request, lost: Lost, now_ns: int) -> None:
        self._attempts.failed.append(self._policy.requests.lost(request.work, lost))
        self._leave(request, now_ns)

    def _leave(self, request: Request, now_ns: int) -> None:
        """No page came of it."""
        self._give_back()
        self._permits.release(request, now_ns)

    def _give_back(self) -> None:
        self.budget += 1
        self._raw.room += 1
        self.running -= 1
