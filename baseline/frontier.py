"""The targets that wait, of all domains: which of them is next.

Owns: the list of domains that may start a request now, by their first targets, and the timers of
those that may later. Lists and timers are not corrected: an entry that is out of date is dropped when
it comes to the top.
Must not know: proxies, permits, robots.txt.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from operator import attrgetter

from baseline.lanes import Lane
from baseline.queues import Entry, Turn
from baseline.timers import Timers
from scraper_cpn.scrape.colours import Target


class Frontier:
    """All targets that may be fetched as far as robots.txt is concerned.

    Args:
        turn: the fields of a target that order it, two at least.

    Attributes:
        waiting: how many.
        now_ns: the time of the last step.
    """

    __slots__ = ("_ready", "_serial", "_timers", "_turn_of", "_turns", "now_ns", "waiting")

    def __init__(self, turn: tuple[str, ...]) -> None:
        self._turn_of: Callable[[Target], Turn] = attrgetter(*turn)
        self._ready: list[Entry] = []
        self._timers: Timers[Lane] = Timers()
        self._turns: dict[Turn, Turn] = {}
        self._serial = 0
        self.now_ns = 0
        self.waiting = 0

    def push(self, lane: Lane, target: Target) -> None:
        """A target waits from now on. Cost: O(log domains) if it is its domain's first, else O(1)."""
        self._serial += 1
        turn = self._turn_of(target)
        entry = (self._turns.setdefault(turn, turn), self._serial, target, lane)
        queue = lane.queue
        queue.push(entry)
        self.waiting += 1
        if queue.head is entry:
            self.offer(lane)

    def restore(self, entry: Entry) -> None:
        """Put back what was popped, in its old place."""
        lane = entry[3]
        lane.queue.restore(entry)
        self.waiting += 1
        self.offer(lane)

    def offer(self, lane: Lane) -> None:
        """List a domain, or set its timer, if it can start a request at all."""
        head = lane.queue.head
        if head is None or not (lane.here and lane.slots):
            return
        if lane.ready_ns <= self.now_ns:
            if head is not lane.listed:
                lane.listed = head
                heappush(self._ready, head)
        elif lane.armed_ns != lane.ready_ns:
            lane.armed_ns = lane.ready_ns
            self._timers.add(lane.ready_ns, lane)

    def mature(self, now_ns: int) -> None:
        """Go on to *now_ns*: list the domains whose pauses are over."""
        self.now_ns = now_ns
        for time_ns, lane in self._timers.due(now_ns):
            if lane.armed_ns == time_ns:
                lane.armed_ns = None
                self.offer(lane)

    @property
    def first(self) -> Entry | None:
        """The target that is next; None if no domain may start a request."""
        ready = self._ready
        while ready:
            entry = ready[0]
            lane: Lane = entry[3]
            if lane.queue.head is entry and _may_start(lane, self.now_ns):
                return entry
            heappop(ready)
            if lane.listed is entry:
                lane.listed = None
        return None

    def pop(self) -> Entry:
        """Take `first`, which is there, with its domain's token and a slot of it."""
        entry = heappop(self._ready)
        lane: Lane = entry[3]
        lane.listed = None
        lane.queue.pop()
        lane.here = False
        lane.slots -= 1
        self.waiting -= 1
        return entry

    def next_ns(self) -> int | None:
        """From when a target may be fetched, as far as domains are concerned; None for never."""
        if self.first is not None:
            return self.now_ns
        return self._timers.next_ns(_counts)


def _may_start(lane: Lane, now_ns: int) -> bool:
    return lane.here and lane.slots > 0 and lane.ready_ns <= now_ns


def _counts(time_ns: int, lane: Lane) -> bool:
    """Whether a timer is still the lane's."""
    return lane.armed_ns == time_ns
