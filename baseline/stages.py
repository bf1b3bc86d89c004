"""A bounded stage of the pipeline: pages that wait, and room for those that are on their way.

Owns: the line of a stage and its room. A page keeps its place in the room until its work there has
ended; who works for a stage takes a place in it before it begins.
Must not know: what a stage does.
"""

from __future__ import annotations

from bisect import bisect
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Stage(Generic[T]):
    """Pages that wait for their work, the oldest first.

    Attributes:
        room: pages that may still be on their way here.
        line: pages that wait.
    """

    __slots__ = ("_back", "line", "room")

    def __init__(self, room: int) -> None:
        self.room = room
        self.line: deque[T] = deque()
        self._back: list[int] = []
        """The numbers of the pages at the head of the line whose work was called off."""

    def pop(self) -> T:
        """Take the oldest page, which is there; its place in the room stays taken."""
        if self._back:
            del self._back[0]
        return self.line.popleft()

    def restore(self, number: int, page: T) -> None:
        """Put back a page that was popped; the lower the number of its work, the older it is."""
        place = bisect(self._back, number)
        self._back.insert(place, number)
        self.line.insert(place, page)
