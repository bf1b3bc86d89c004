"""robots.txt: which have to be fetched, which are known, and who waits for them.

Owns: the jobs and their turn, the rules and their expiry, the targets that ask.
Must not know: proxies, permits, what rules say.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

from baseline.lanes import Job, Lane
from baseline.timers import Timers
from scraper_cpn.scrape.colours import RobotsJob, Rules, Target

DAY_NS = 86_400 * 1_000_000_000


class Robots:
    """All authorities that are known.

    Attributes:
        known: the authorities whose robots.txt is known, wanted or being fetched.
        asking: targets that wait for rules.
        jobs: files that wait to be fetched.
        now_ns: the time of the last step.
    """

    __slots__ = (
        "_asks",
        "_expiring",
        "_ready",
        "_rules",
        "_serial",
        "_stirred",
        "_timers",
        "asking",
        "jobs",
        "known",
        "now_ns",
    )

    def __init__(self) -> None:
        self._asks: dict[str, list[tuple[int, Target]]] = {}
        self._expiring: deque[tuple[int, str]] = deque()
        self._ready: list[Job] = []
        self._rules: dict[str, Rules] = {}
        self._serial = 0
        self._stirred: dict[str, None] = {}
        self._timers: Timers[Lane] = Timers()
        self.asking = 0
        self.jobs = 0
        self.known: set[str] = set()
        self.now_ns = 0

    # Jobs.

    def push(self, lane: Lane, job: RobotsJob, ready_ns: int) -> None:
        """A file is to be fetched in *lane*, from *ready_ns* on."""
        self._serial += 1
        self.jobs += 1
        if ready_ns <= self.now_ns:
            heappush(lane.jobs, (self._serial, job, lane))
        else:
            heappush(lane.later, (ready_ns, self._serial, job))
        self.offer(lane)

    def restore(self, job: Job) -> None:
        """Put back what was popped, in its old place."""
        self.jobs += 1
        heappush(job[2].jobs, job)
        self.offer(job[2])

    def offer(self, lane: Lane) -> None:
        """List a domain, or set its timer, if it can start a job at all."""
        if lane.later and lane.later[0][0] <= self.now_ns:
            self._mature(lane)
        ready_ns = lane.job_ns
        if ready_ns is None:
            return
        if lane.jobs and ready_ns <= self.now_ns:
            heappush(self._ready, lane.jobs[0])
            ready_ns = lane.later[0][0] if lane.later else ready_ns
        if ready_ns > self.now_ns and lane.jobs_armed_ns != ready_ns:
            lane.jobs_armed_ns = ready_ns
            self._timers.add(ready_ns, lane)

    def _mature(self, lane: Lane) -> None:
        while lane.later and lane.later[0][0] <= self.now_ns:
            _, serial, job = heappop(lane.later)
            heappush(lane.jobs, (serial, job, lane))

    def mature(self, now_ns: int) -> None:
        """Go on to *now_ns*: list the domains that may start a job now."""
        self.now_ns = now_ns
        for time_ns, lane in self._timers.due(now_ns):
            if lane.jobs_armed_ns == time_ns:
                lane.jobs_armed_ns = None
                self.offer(lane)

    @property
    def first(self) -> Job | None:
        """The job that is next; None if no domain may start one."""
        ready = self._ready
        while ready:
            job = ready[0]
            lane = job[2]
            if lane.jobs and lane.jobs[0] is job and self._may_start(lane):
                return job
            heappop(ready)
        return None

    def _may_start(self, lane: Lane) -> bool:
        return lane.here and lane.slots > 0 and lane.ready_ns <= self.now_ns

    def pop(self) -> Job:
        """Take `first`, which is there, with its domain's token and a slot of it."""
        job = heappop(self._ready)
        lane = job[2]
        heappop(lane.jobs)
        lane.here = False
        lane.slots -= 1
        self.jobs -= 1
        return job

    def next_ns(self) -> int | None:
        """From when a job may start, as far as domains are concerned; None for never."""
        if self.first is not None:
            return self.now_ns
        return self._timers.next_ns(_counts)

    # Rules, and who waits for them.

    def learn(self, rules: Rules, now_ns: int) -> None:
        """Rules are known, for a day."""
        self._rules[rules.authority] = rules
        self._expiring.append((now_ns + DAY_NS, rules.authority))
        self._stirred[rules.authority] = None

    def expired(self, now_ns: int) -> Iterator[Rules]:
        """Forget the rules that are a day old."""
        while self._expiring and self._expiring[0][0] <= now_ns:
            yield self._rules.pop(self._expiring.popleft()[1])

    @property
    def expires_ns(self) -> int | None:
        """When the next rules expire."""
        return self._expiring[0][0] if self._expiring else None

    def ask(self, targets: Iterable[Target]) -> None:
        """Targets wait for the rules of their authorities."""
        for target in targets:
            self._serial += 1
            self._asks.setdefault(target.authority, []).append((self._serial, target))
            self._stirred[target.authority] = None
            self.asking += 1

    def cleared(self) -> list[tuple[Target, Rules]]:
        """Take the targets whose rules are known, the oldest first, with the rules."""
        found: list[tuple[int, Target]] = []
        for authority in self._stirred:
            if authority in self._rules:
                found += self._asks.pop(authority, ())
        self._stirred.clear()
        self.asking -= len(found)
        found.sort()
        return [(target, self._rules[target.authority]) for _, target in found]


def _counts(time_ns: int, lane: Lane) -> bool:
    """Whether a timer is still the lane's; if no job may start there, the lane has none any more."""
    if lane.jobs_armed_ns != time_ns:
        return False
    if lane.job_ns is None:
        lane.jobs_armed_ns = None
    return lane.jobs_armed_ns is not None
