"""The targets of one domain, in the order in which they are fetched.

Owns: two queues of the same order: by turn, then by age. `Levels` has a line for each turn, so that
coming and going costs the same however many wait; `Heap` serves turns of any number.
Must not know: domains, time.
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from heapq import heappop, heappush
from itertools import takewhile
from typing import Any, Protocol, TypeAlias

from scraper_cpn.scrape.colours import Target

Turn: TypeAlias = tuple[int, ...]
"""The fields of a target that order it, lower first; see `colours.TURN`."""
Entry: TypeAlias = tuple[Turn, int, Target, Any]
"""A target that waits: its turn, its serial number (its age), itself, and the lane where it waits."""


class Queue(Protocol):
    """The targets of a domain that wait."""

    head: Entry | None
    """The first; None if there is none."""

    def push(self, entry: Entry) -> None:
        """Add the youngest entry."""

    def pop(self) -> Entry:
        """Take the head, which is there."""

    def restore(self, entry: Entry) -> None:
        """Put back what was popped, in its old place."""


class Heap:
    """A binary heap. Cost of a change: O(log waiting)."""

    __slots__ = ("_entries", "head")

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self.head: Entry | None = None

    def push(self, entry: Entry) -> None:
        """Add an entry."""
        heappush(self._entries, entry)
        self.head = self._entries[0]

    restore = push

    def pop(self) -> Entry:
        """Take the head."""
        entries = self._entries
        first = heappop(entries)
        self.head = entries[0] if entries else None
        return first


class Levels:
    """A line for each turn that occurs. Cost of a change: O(turns), whatever waits.

    A line of one is the entry itself: most domains have few targets, of many turns.
    """

    __slots__ = ("_lines", "_turns", "head")

    def __init__(self) -> None:
        self._lines: dict[Turn, Entry | deque[Entry]] = {}
        self._turns: list[Turn] = []
        self.head: Entry | None = None

    def push(self, entry: Entry) -> None:
        """Add an entry that is younger than all that have its turn."""
        turn, lines = entry[0], self._lines
        line = lines.get(turn)
        if line is None:
            lines[turn] = entry
            insort(self._turns, turn)
            if self._turns[0] is turn:
                self.head = entry
        elif isinstance(line, tuple):
            lines[turn] = deque((line, entry))
        else:
            line.append(entry)

    def restore(self, entry: Entry) -> None:
        """Put back what was popped, in its old place."""
        line = self._lines.get(entry[0])
        if line is None:
            self.push(entry)
            return
        if isinstance(line, tuple):
            line = self._lines[entry[0]] = deque((line,))
        older = sum(1 for _ in takewhile(entry.__gt__, line))
        line.insert(older, entry)
        if self.head is None or entry < self.head:
            self.head = entry

    def pop(self) -> Entry:
        """Take the head."""
        turns, lines = self._turns, self._lines
        first = lines[turns[0]]
        if not isinstance(first, tuple):
            line, first = first, first.popleft()
            if line:
                self.head = line[0]
                return first
        del lines[turns.pop(0)]
        self.head = self._first_of(turns[0]) if turns else None
        return first

    def _first_of(self, turn: Turn) -> Entry:
        line = self._lines[turn]
        return line if isinstance(line, tuple) else line[0]
