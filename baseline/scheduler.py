"""The scheduler: what the scrape net decides, written by hand.

Owns: the order in which things are decided in a step, and when the next step is useful. Calls and
records are those of a kernel of the net, so that the same driver runs both. For the same calls the
same firings come in the same order, with the same rows and the same next useful time.
Must not know: nets, clocks, effects.
"""

from __future__ import annotations

from typing import Any, Literal

from baseline.admission import Admission
from baseline.asking import Asking
from baseline.attempts import Attempts
from baseline.fetching import Fetching
from baseline.flights import Flights, Request
from baseline.frontier import Frontier
from baseline.lanes import Lanes
from baseline.permits import Permits
from baseline.pipeline import PARSERS, Pipeline
from baseline.proxies import Pool
from baseline.queues import Heap, Levels, Queue
from baseline.robots import Robots
from baseline.stages import Stage
from baseline.timers import NEVER
from scraper_cpn.net.errors import NetError
from scraper_cpn.net.marking import Ended, Firing, Row, Step
from scraper_cpn.scrape.colours import RETIRED_PROXIES, Found, Proxy, Raw
from scraper_cpn.scrape.policy import Policy

NO_END = 1 << 62


Reported = Literal[
    "seen", "asks", "prioritized_targets", "cool_down", "in_progress", "raw_html", "parsed", "validated",
]  # fmt: skip


class Scheduler:
    """Decides what a crawl does next. Times are integer nanoseconds that never go back.

    A call that can't be taken raises `NetError` and changes nothing.

    Args:
        policy: of the crawl.
        queue: what targets of a domain wait in; both kinds make the same order. By default lines for
            each turn; with ageing a heap, since nearly every page's links have a turn of their own.
    """

    def __init__(self, policy: Policy, queue: type[Queue] | None = None) -> None:
        settings = policy.settings
        if queue is None:
            queue = Levels if settings.ageing_ns is None else Heap
        log: list[Row] = []
        raw: Stage[Raw] = Stage(2 * settings.concurrency + PARSERS)
        self._now_ns = 0
        self._wake_ns = 0
        """The next useful time as the last step knew it; `_now_ns` if it has been overtaken."""
        self._log = log
        self._raw = raw
        self._flights = Flights()
        self._running = self._flights.running
        self._pool = Pool(policy)
        self._lanes = Lanes(policy, queue)
        self._frontier = Frontier(policy.frontier.turn)
        self._robots = Robots()
        self._permits = Permits(
            settings.concurrency,
            2 * settings.timeout_ns,
            self._flights,
            self._pool,
            self._lanes,
            self._frontier,
            self._robots,
        )
        self._admission = Admission(policy, self._lanes, self._robots, self._frontier, log)
        self._attempts = Attempts(policy, log)
        self._asking = Asking(policy, self._permits, log)
        self._fetching = Fetching(
            policy,
            settings.max_pages or NO_END,
            self._permits,
            raw,
            self._admission,
            self._attempts,
            log,
        )
        self._pipeline = Pipeline(policy, self._flights, raw, self._admission, self._attempts, log)
        self._parsed = self._pipeline.validate.stage
        self._validated = self._pipeline.keep.stage

    # Opening calls.

    def find(self, found: Found, now_ns: int) -> None:
        """Targets are found."""
        self._pass_to(now_ns)
        self._admission.found.append(found)

    def add_proxy(
        self,
        proxy: Proxy,
        now_ns: int,
        *,
        ready_at_ns: int = 0,
        expires_at_ns: int | None = None,
    ) -> None:
        """A token of a proxy may carry requests, from one time to another."""
        self._pass_to(now_ns)
        self._pool.add(proxy, ready_at_ns, expires_at_ns, now_ns)

    def open_gate(self, now_ns: int, *, expires_at_ns: int | None = None) -> None:
        """Requests may start, until the deadline."""
        self._pass_to(now_ns)
        self._permits.gate_ns = NEVER if expires_at_ns is None else expires_at_ns

    def stop(self, now_ns: int) -> None:
        """No request starts any more."""
        self._pass_to(now_ns)
        self._permits.stops += 1

    # A step.

    def step(self, now_ns: int, limit: int = 100_000) -> Step:
        """Decide all that can be decided at *now_ns*; at most *limit* firings begin.

        Most steps have little to decide, so that each part is asked only if it has something to do.
        Cost: O(log of what waits) for each decision.
        """
        self._pass_to(now_ns)
        firings: list[Firing] = []
        admission, robots, attempts = self._admission, self._robots, self._attempts
        frontier, pool = self._frontier, self._pool
        self._prepare(now_ns)
        if admission.found:
            admission.admit(now_ns)
        if robots.expires_ns <= now_ns:
            admission.refresh(now_ns)
        if robots.ready:
            self._asking.run(now_ns, firings, limit)
        if robots.stirred:
            admission.clear(now_ns)
        if frontier.ready and pool.ready:
            self._fetching.run(now_ns, firings, limit)
        if attempts.failed:
            attempts.judge(now_ns)
        if attempts.awake or attempts.timers.times[0] <= now_ns:
            self._retry(now_ns, firings, limit)
        if self._raw.line or self._parsed.line or self._validated.line:
            self._pipeline.run(firings, limit)
        if len(firings) < limit:
            self._wake_ns = self._useful_ns(now_ns)
        return Step(tuple(firings), None if self._wake_ns == NEVER else self._wake_ns)

    def _prepare(self, now_ns: int) -> None:
        """What is to be seen to before anything can be used, and the pauses that are over."""
        lanes, pool, permits = self._lanes, self._pool, self._permits
        if lanes.punished:
            for lane in lanes.apply(now_ns):
                permits.offer(lane, now_ns)
        if pool.faults:
            pool.rest(now_ns)
        if pool.used_up or (pool.leases and pool.leases[0][0] <= now_ns):
            self._log += [Row(RETIRED_PROXIES, proxy) for proxy in pool.retire(now_ns)]
        if permits.stops or permits.gate_ns <= now_ns:
            permits.watch_gate(now_ns)
        if pool.timers.times[0] <= now_ns:
            pool.mature(now_ns)
        if self._frontier.timers.times[0] <= now_ns:
            self._frontier.mature(now_ns)
        if self._robots.timers.times[0] <= now_ns:
            self._robots.mature(now_ns)

    def _retry(self, now_ns: int, firings: list[Firing], limit: int) -> None:
        """Targets that have cooled down go back, one by one: the first may take what the second would."""
        permits, fetching, attempts = self._permits, self._fetching, self._attempts
        attempts.mature(now_ns)
        while attempts.awake and permits.gate_ns > now_ns and fetching.budget:
            self._admission.push(attempts.pop(), now_ns)
            fetching.run(now_ns, firings, limit)

    def _useful_ns(self, now_ns: int) -> int:
        """The least time at which something can be decided if nothing else happens."""
        permits = self._permits
        useful_ns = self._robots.expires_ns
        if self._pool.leases:
            useful_ns = min(useful_ns, self._pool.ends_ns)
        if permits.gate_ns <= now_ns:
            return useful_ns
        if permits.gate_ns < useful_ns:
            useful_ns = permits.gate_ns
        if self._fetching.budget and self._attempts.timers.times[0] < useful_ns:
            useful_ns = self._attempts.timers.times[0]
        if permits.left:
            return self._request_ns(now_ns, useful_ns)
        return useful_ns

    def _request_ns(self, now_ns: int, useful_ns: int) -> int:
        """From when a request may start; *useful_ns* if that is sooner."""
        lane_ns = NEVER
        if self._fetching.budget and self._raw.room:
            lane_ns = self._frontier.next_ns(now_ns)
        if self._robots.jobs:
            lane_ns = min(lane_ns, self._robots.next_ns(now_ns))
        if lane_ns >= useful_ns:
            return useful_ns
        return min(useful_ns, max(lane_ns, self._pool.next_ns(now_ns)))

    # A firing's life.

    def may_start(self, firing_id: int, now_ns: int) -> bool:
        """Whether a request may still be written: its domain has asked for nothing, and the gate is open."""
        flight = self._running.get(firing_id)
        if flight is None or now_ns < self._now_ns:
            raise self._refusal(firing_id, now_ns)
        return not isinstance(flight, Request) or self._permits.allows(flight, now_ns)

    def started(self, firing_id: int, now_ns: int, *, asked: bool = False) -> bool:
        """A firing's effect really starts: the pauses of its domain and its proxy begin.

        Where it may not any more, it is undone instead, and this is False; but not if the caller has *asked*.
        """
        flight = self._running.get(firing_id)
        if flight is None or flight.started or now_ns < self._now_ns:
            raise self._refusal(firing_id, now_ns)
        self._now_ns = self._wake_ns = now_ns
        if not (asked or self.may_start(firing_id, now_ns)):
            self.revoke(firing_id)
            return False
        flight.started = True
        if flight.kind.start is not None:
            flight.kind.start(flight, now_ns)
        return True

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        """A firing's effect has ended in one of its outcomes, or is `Lost`."""
        flight = self._running.get(firing_id)
        if flight is None or not flight.started or now_ns < self._now_ns:
            raise self._refusal(firing_id, now_ns)
        ending = flight.kind.endings.get(type(outcome))
        if ending is None:
            raise NetError(f"{type(outcome).__name__} is no outcome of firing {firing_id}")
        self._now_ns = self._wake_ns = now_ns
        del self._running[firing_id]
        ending(flight, outcome, now_ns)

    def revoke(self, firing_id: int) -> None:
        """Undo a firing that has not started, exactly."""
        flight = self._running.get(firing_id)
        if flight is None or flight.started:
            raise self._refusal(firing_id, self._now_ns)
        self._wake_ns = self._now_ns
        del self._running[firing_id]
        flight.kind.undo(firing_id, flight, self._now_ns)

    def _refusal(self, firing_id: int, now_ns: int) -> NetError:
        """Why a call about a firing can't be taken."""
        if now_ns < self._now_ns:
            return NetError(
                f"time went back from {self._now_ns} to {now_ns} ns; give one that grows"
            )
        flight = self._running.get(firing_id)
        if flight is None:
            return NetError(f"firing {firing_id} is not in flight; look at the last step")
        if flight.started:
            return NetError(f"firing {firing_id} has started; it can only complete")
        return NetError(f"firing {firing_id} has not started; say so first, or revoke it")

    def drain(self) -> list[Row]:
        """Take the rows since the last call, oldest first."""
        log = self._log
        if not log:
            return []
        rows = log[:]
        log.clear()
        return rows

    # Looks.

    def ended(self, now_ns: int) -> Ended | None:
        """How the crawl ended; None while anything runs, is due or has not been seen by a step."""
        if self._running or self._wake_ns <= now_ns:
            return None
        if not self._has_work:
            return "finished"
        if not (self._pool.seats and self._fetching.budget and self._permits.gate_ns > now_ns):
            return "spent"
        return "stuck" if self._wake_ns == NEVER else None

    @property
    def _has_work(self) -> bool:
        pages = self._raw.line or self._parsed.line or self._validated.line
        urls = self._frontier.waiting + self._robots.asking + self._attempts.cooling
        return bool(pages or urls or self._robots.jobs)

    def count(self, place: Reported) -> int:
        """The number of targets or pages in a place that a crawl reports; places have the net's names."""
        counts: dict[Reported, int] = {
            "seen": len(self._admission.seen),
            "asks": self._robots.asking,
            "prioritized_targets": self._frontier.waiting,
            "cool_down": self._attempts.cooling,
            "in_progress": self._fetching.running,
            "raw_html": len(self._raw.line),
            "parsed": len(self._parsed.line),
            "validated": len(self._validated.line),
        }
        return counts[place]

    def in_flight(self) -> int:
        """Firings whose effects have not ended."""
        return len(self._running)

    def _pass_to(self, now_ns: int) -> None:
        """Go on to *now_ns*; what the last step knew about the next useful time counts no more."""
        if now_ns < self._now_ns:
            raise self._refusal(0, now_ns)
        self._now_ns = self._wake_ns = now_ns
