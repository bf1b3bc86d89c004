"""Timers: which work is due at which time.

Owns: a timer wheel with one slot for each distinct time: adding to a time that is known costs no heap
operation. Timers are never cancelled: the caller that set one knows whether it still counts.
Must not know: what is timed, clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")

NEVER = 1 << 62
"""A time that does not come."""


class Timers(Generic[T]):
    """Items by time, in nanoseconds; those of the same time in the order of their coming.

    Attributes:
        times: a heap of the times that occur, and `NEVER`, so that there is always a first one.
    """

    __slots__ = ("_items", "times")

    def __init__(self) -> None:
        self._items: dict[int, list[T]] = {}
        self.times = [NEVER]

    def add(self, time_ns: int, item: T) -> None:
        """Let *item* be due at *time_ns*. Cost: O(1) for a time that is there, else O(log times)."""
        items = self._items.get(time_ns)
        if items is None:
            self._items[time_ns] = [item]
            heappush(self.times, time_ns)
        else:
            items.append(item)

    def due(self, now_ns: int) -> Iterator[tuple[int, T]]:
        """Take what is due by *now_ns*, with its time, the earliest first."""
        times = self.times
        while times[0] <= now_ns:
            time_ns = heappop(times)
            for item in self._items.pop(time_ns):
                yield time_ns, item

    def next_ns(self, counts: Callable[[int, T], bool]) -> int:
        """The first time of which an item still *counts*; what is before it is dropped."""
        times = self.times
        while (time_ns := times[0]) != NEVER:
            for item in self._items[time_ns]:
                if counts(time_ns, item):
                    return time_ns
            del self._items[heappop(times)]
        return NEVER
