"""robots.txt: which have to be fetched, which are known, and who waits for them.

Owns: the jobs and their turn, the rules and their expiry, the targets that ask.
Must not know: proxies, permits, what rules say.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

from baseline.lanes import Job, Lane
from baseline.timers import NEVER, Timers
from scraper_cpn.scrape.colours import RobotsJob, Rules, Target

DAY_NS = 86_400 * 1_000_000_000


class Robots:
    """All origins that are known.

    Attributes:
        known: the origins whose robots.txt is known, wanted or being fetched.
        asking: targets that wait for rules.
        jobs: files that wait to be fetched.
        ready: a heap of domains' first jobs; `first` says which of them counts.
        timers: of the domains that may start a job later.
        stirred: origins of which targets may have become clear.
        expires_ns: when the next rules expire.
    """

    __slots__ = (
        "_asks",
        "_expiring",
        "_rules",
        "_serial",
        "asking",
        "expires_ns",
        "jobs",
        "known",
        "ready",
        "stirred",
        "timers",
    )

    def __init__(self) -> None:
        self._asks: dict[str, list[tuple[int, Target]]] = {}
        self._expiring: deque[tuple[int, str]] = deque()
        self._rules: dict[str, Rules] = {}
        self._serial = 0
        self.asking = 0
        self.expires_ns = NEVER
        self.jobs = 0
        self.known: set[str] = set()
        self.ready: list[Job] = []
        self.stirred: dict[str, None] = {}
        self.timers: Timers[Lane] = Timers()

    # Jobs.

    def push(self, lane: Lane, job: RobotsJob, ready_ns: int, now_ns: int) -> None:
        """A file is to be fetched in *lane*, from *ready_ns* on."""
        self._serial += 1
        self.jobs += 1
        if ready_ns <= now_ns:
            heappush(lane.jobs, (self._serial, job, lane))
        else:
            heappush(lane.later, (ready_ns, self._serial, job))
        self.offer(lane, now_ns)

    def restore(self, job: Job) -> None:
        """Put back what was popped, in its old place; the holder of the lane's slot offers the lane."""
        heappush(job[2].jobs, job)
        self.jobs += 1

    def offer(self, lane: Lane, now_ns: int) -> None:
        """List a domain, or set its timer, if it can start a job at all."""
        later = lane.later
        while later and later[0][0] <= now_ns:
            _, serial, job = heappop(later)
            heappush(lane.jobs, (serial, job, lane))
        ready_ns = lane.job_ns
        if lane.jobs and ready_ns <= now_ns:
            heappush(self.ready, lane.jobs[0])
            ready_ns = later[0][0] if later else NEVER
        if ready_ns not in (NEVER, lane.jobs_armed_ns):
            lane.jobs_armed_ns = ready_ns
            self.timers.add(ready_ns, lane)

    def mature(self, now_ns: int) -> None:
        """List the domains that may start a job now."""
        for time_ns, lane in self.timers.due(now_ns):
            if lane.jobs_armed_ns == time_ns:
                lane.jobs_armed_ns = None
                self.offer(lane, now_ns)

    def first(self, now_ns: int) -> Job | None:
        """The job that is next; None if no domain may start one."""
        ready = self.ready
        while ready:
            job = ready[0]
            lane = job[2]
            if lane.jobs and lane.jobs[0] is job and lane.job_ns <= now_ns:
                return job
            heappop(ready)
        return None

    def pop(self) -> Job:
        """Take `first`, which is there, with its domain's token and a slot of it."""
        job = heappop(self.ready)
        lane = job[2]
        heappop(lane.jobs)
        lane.here = False
        lane.slots -= 1
        self.jobs -= 1
        return job

    def next_ns(self, now_ns: int) -> int:
        """From when a job may start, as far as domains are concerned."""
        if self.first(now_ns) is not None:
            return now_ns
        return self.timers.next_ns(_counts)

    # Rules, and who waits for them.

    def learn(self, rules: Rules, now_ns: int) -> None:
        """Rules are known, for a day."""
        self._rules[rules.origin] = rules
        self._expiring.append((now_ns + DAY_NS, rules.origin))
        self.expires_ns = self._expiring[0][0]
        self.stirred[rules.origin] = None

    def expired(self, now_ns: int) -> list[Rules]:
        """Forget the rules that are a day old; these rules."""
        gone = []
        while self.expires_ns <= now_ns:
            gone.append(self._rules.pop(self._expiring.popleft()[1]))
            self.expires_ns = self._expiring[0][0] if self._expiring else NEVER
        return gone

    def ask(self, target: Target) -> None:
        """A target waits for the rules of its origin."""
        self._serial += 1
        self.asking += 1
        origin = target.origin
        self._asks.setdefault(origin, []).append((self._serial, target))
        self.stirred[origin] = None

    def cleared(self) -> list[tuple[Target, Rules]]:
        """Take the targets whose rules are known, the oldest first, with the rules."""
        found: list[tuple[int, Target]] = []
        for origin in self.stirred:
            if origin in self._rules:
                found += self._asks.pop(origin, ())
        self.stirred.clear()
        self.asking -= len(found)
        found.sort()
        return [(target, self._rules[target.origin]) for _, target in found]


def _counts(time_ns: int, lane: Lane) -> bool:
    """Whether a timer is still the lane's; where no job may start, the lane has none any more."""
    if lane.jobs_armed_ns != time_ns:
        return False
    if lane.job_ns == NEVER:
        lane.jobs_armed_ns = None
    return lane.jobs_armed_ns is not None
