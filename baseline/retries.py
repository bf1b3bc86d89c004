"""Targets that failed and wait for their next attempt.

Owns: when each may go back into the frontier, and which goes first.
Must not know: why they failed, domains, budgets.
"""

from __future__ import annotations

from heapq import heappop, heappush

from baseline.timers import Timers
from scraper_cpn.scrape.colours import Target


class Retries:
    """Targets that cool down. Of those that have, the one that failed first goes first."""

    __slots__ = ("_awake", "_serial", "_timers", "waiting")

    def __init__(self) -> None:
        self._awake: list[tuple[int, Target]] = []
        self._serial = 0
        self._timers: Timers[tuple[int, Target]] = Timers()
        self.waiting = 0

    def push(self, target: Target, ready_ns: int) -> None:
        """A target waits until *ready_ns*."""
        self._serial += 1
        self.waiting += 1
        self._timers.add(ready_ns, (self._serial, target))

    def mature(self, now_ns: int) -> bool:
        """Whether a target may go at *now_ns*."""
        for _, waiting in self._timers.due(now_ns):
            heappush(self._awake, waiting)
        return bool(self._awake)

    def pop(self) -> Target:
        """Take the target that goes first; one may go."""
        self.waiting -= 1
        return heappop(self._awake)[1]

    def next_ns(self, now_ns: int) -> int | None:
        """When a target may go; None for never."""
        return now_ns if self._awake else self._timers.first_ns
