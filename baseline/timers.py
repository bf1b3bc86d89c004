"""What is due when.

Owns: a timer wheel with one slot for each distinct time: adding to a time that is known costs no heap
operation. Timers are never cancelled: whoever set one knows whether it still counts.
Must not know: what is timed, clocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")


class Timers(Generic[T]):
    """Items by time, in nanoseconds; those of the same time in the order of their coming."""

    __slots__ = ("_items", "_times")

    def __init__(self) -> None:
        self._items: dict[int, list[T]] = {}
        self._times: list[int] = []

    def add(self, time_ns: int, item: T) -> None:
        """Let *item* be due at *time_ns*. Cost: O(1) for a time that is there, else O(log times)."""
        items = self._items.get(time_ns)
        if items is None:
            self._items[time_ns] = [item]
            heappush(self._times, time_ns)
        else:
            items.append(item)

    def due(self, now_ns: int) -> Iterator[tuple[int, T]]:
        """Take what is due by *now_ns*, with its time, the earliest first."""
        times = self._times
        while times and times[0] <= now_ns:
            time_ns = heappop(times)
            for item in self._items.pop(time_ns):
                yield time_ns, item

    @property
    def first_ns(self) -> int | None:
        """The first time of all."""
        return self._times[0] if self._times else None

    def next_ns(self, counts: Callable[[int, T], bool]) -> int | None:
        """The first time of which an item still *counts*; what is before it is dropped."""
        times = self._times
        while times:
            time_ns = times[0]
            if any(counts(time_ns, item) for item in self._items[time_ns]):
                return time_ns
            del self._items[heappop(times)]
        return None
