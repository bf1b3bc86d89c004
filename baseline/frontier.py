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

TURNS_MAX = 1_000
"""Turns that are shared by all targets that have them; where there are more, few have the same."""


class Frontier:
    """All targets that may be fetched as far as robots.txt is concerned.

    Args:
        turn: the fields of a target that order it, two at least.

    Attributes:
        waiting: how many.
        ready: a heap of domains' first targets; `first` says which of them counts.
        timers: of the domains that may start a request later.
    """

    __slots__ = ("_serial", "_turn_of", "_turns", "ready", "timers", "waiting")

    def __init__(self, turn: tuple[str, ...]) -> None:
        self._turn_of: Callable[[Target], Turn] = attrgetter(*turn)
        self._turns: dict[Turn, Turn] = {}
        self._serial = 0
        self.ready: list[Entry] = []
        self.timers: Timers[Lane] = Timers()
        self.waiting = 0

    def push(self, lane: Lane, target: Target, now_ns: int) -> None:
        """A target waits from now on. Cost: O(log domains) if it is its domain's first, else O(1)."""
        self._serial += 1
        self.waiting += 1
        turn = self._turn_of(target)
        if len(self._turns) < TURNS_MAX:
            turn = self._turns.setdefault(turn, turn)
        entry = (turn, self._serial, target, lane)
        queue = lane.queue
        queue.push(entry)
        if queue.head is entry:
            self.offer(lane, now_ns)

    def restore(self, entry: Entry) -> None:
        """Put back what was popped, in its old place; the holder of the lane's slot offers the lane."""
        entry[3].queue.restore(entry)
        self.waiting += 1

    def offer(self, lane: Lane, now_ns: int) -> None:
        """List a domain, or set its timer, if it can start a request at all."""
        head = lane.queue.head
        if head is None or not lane.here or not lane.slots:
            return
        ready_ns = lane.ready_ns
        if ready_ns <= now_ns:
            if head is not lane.listed:
                lane.listed = head
                heappush(self.ready, head)
        elif lane.armed_ns != ready_ns:
            lane.armed_ns = ready_ns
            self.timers.add(ready_ns, lane)

    def mature(self, now_ns: int) -> None:
        """List the domains whose pauses are over."""
        for time_ns, lane in self.timers.due(now_ns):
            if lane.armed_ns == time_ns:
                lane.armed_ns = None
                self.offer(lane, now_ns)

    def first(self, now_ns: int) -> Entry | None:
        """The target that is next; None if no domain may start a request."""
        ready = self.ready
        while ready:
            entry = ready[0]
            lane: Lane = entry[3]
            if lane.queue.head is entry and lane.here and lane.slots and lane.ready_ns <= now_ns:
                return entry
            heappop(ready)
            if lane.listed is entry:
                lane.listed = None
        return None

    def pop(self) -> Entry:
        """Take `first`, which is there, with its domain's token and a slot of it."""
        entry = heappop(self.ready)
        lane: Lane = entry[3]
        lane.listed = None
        lane.queue.pop()
        lane.here = False
        lane.slots -= 1
        self.waiting -= 1
        return entry

    def next_ns(self, now_ns: int) -> int:
        """From when a target may be fetched, as far as domains are concerned."""
        if self.ready and self.first(now_ns) is not None:
            return now_ns
        return self.timers.next_ns(_counts)


def _counts(time_ns: int, lane: Lane) -> bool:
    """Whether a timer is still the lane's."""
    return lane.armed_ns == time_ns
