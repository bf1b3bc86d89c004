"""The domains of a crawl: when a request may start in each, and what waits for that.

Owns: one record for each domain with its pace, its slots and its queues; the penalties.
Must not know: proxies, permits, what a request is.
"""

from __future__ import annotations

from typing import TypeAlias

from baseline.queues import Entry, Queue
from baseline.timers import NEVER
from scraper_cpn.scrape.colours import Domain, Penalty, RobotsJob
from scraper_cpn.scrape.policy import Policy

Job: TypeAlias = "tuple[int, RobotsJob, Lane]"
"""A robots.txt to be fetched: its serial number, itself, and the lane where it waits."""


class Lane:
    """A domain.

    Attributes:
        domain: its pacing token, as the policy last changed it.
        gap_ns: from a start to the next, as the policy has it for that token.
        here: whether the token is here; it is away while a request is prepared.
        ready_ns: from when a request may start.
        slots: requests that may run beside those that do.
        queue: targets that wait.
        listed: the entry of the queue that stands in the frontier's list of lanes.
        armed_ns: when the frontier's timer for this lane is due.
        jobs: robots.txt jobs that may run; a heap by age.
        later: robots.txt jobs that wait, by time.
        jobs_armed_ns: when the timer for them is due.
    """

    __slots__ = (
        "armed_ns",
        "domain",
        "gap_ns",
        "here",
        "jobs",
        "jobs_armed_ns",
        "later",
        "listed",
        "queue",
        "ready_ns",
        "slots",
    )

    def __init__(self, domain: Domain, gap_ns: int, slots: int, queue: Queue, now_ns: int) -> None:
        self.domain = domain
        self.gap_ns = gap_ns
        self.here = True
        self.ready_ns = now_ns
        self.slots = slots
        self.queue = queue
        self.listed: Entry | None = None
        self.armed_ns: int | None = None
        self.jobs: list[Job] = []
        self.later: list[tuple[int, int, RobotsJob]] = []
        self.jobs_armed_ns: int | None = None

    @property
    def job_ns(self) -> int:
        """From when one of its robots.txt jobs may start."""
        if not (self.here and self.slots):
            return NEVER
        if self.jobs:
            return self.ready_ns
        return max(self.ready_ns, self.later[0][0]) if self.later else NEVER


class Lanes:
    """All domains that are known.

    Attributes:
        by_name: the domains.
        punished: penalties that have not been applied, oldest first.
    """

    __slots__ = ("_policy", "_queue", "by_name", "punished")

    def __init__(self, policy: Policy, queue: type[Queue]) -> None:
        self._policy = policy
        self._queue = queue
        self.by_name: dict[str, Lane] = {}
        self.punished: list[tuple[Lane, Penalty]] = []

    def open(self, domain: Domain, now_ns: int) -> Lane:
        """A domain is known from now on."""
        gap_ns, slots = (
            self._policy.domains.gap_ns(domain),
            self._policy.domains.slots(domain.domain),
        )
        lane = Lane(domain, gap_ns, slots, self._queue(), now_ns)
        self.by_name[domain.domain] = lane
        return lane

    def spend(self, lane: Lane, now_ns: int) -> None:
        """A request has started: the pause begins."""
        domain = self._policy.domains.paced(lane.domain)
        if domain is not lane.domain:
            self._change(lane, domain)
        lane.here = True
        lane.ready_ns = now_ns + lane.gap_ns

    def punish(self, penalty: Penalty | None) -> None:
        """A domain has asked for something; the next step sees to it."""
        if penalty is not None:
            self.punished.append((self.by_name[penalty.domain], penalty))

    def is_punished(self, lane: Lane) -> bool:
        """Whether a penalty of a domain has not been applied."""
        return any(each is lane for each, _ in self.punished)

    def apply(self, now_ns: int) -> list[Lane]:
        """Apply the penalties of all domains whose tokens are here; these domains."""
        due = [each for each in self.punished if each[0].here]
        self.punished = [each for each in self.punished if not each[0].here]
        for lane, penalty in due:
            self._apply(lane, penalty, now_ns)
        return [lane for lane, _ in due]

    def _apply(self, lane: Lane, penalty: Penalty, now_ns: int) -> None:
        domain = lane.domain
        held_ns = now_ns + self._policy.domains.hold_ns(domain, penalty)
        self._change(lane, self._policy.domains.held(domain, penalty))
        lane.ready_ns = max(lane.ready_ns, held_ns)

    def _change(self, lane: Lane, domain: Domain) -> None:
        lane.domain = domain
        lane.gap_ns = self._policy.domains.gap_ns(domain)
