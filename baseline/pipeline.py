"""A bounded stage of the pipeline: pages that wait, and room for those that are on their way.

Owns: the line of a stage and its room. A page keeps its place in the room until its work there has
ended; who works for a stage takes a place in it before it begins.
Must not know: what a stage does.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")


class Stage(Generic[T]):
    """Pages that wait for their work, the oldest first.

    Attributes:
        room: pages that may still be on their way here.
        line: pages that wait.
        back: pages whose work was called off, with its number; they go first.
    """

    __slots__ = ("back", "line", "room")

    def __init__(self, room: int) -> None:
        self.room = room
        self.line: deque[T] = deque()
        self.back: list[tuple[int, T]] = []

    def __len__(self) -> int:
        return len(self.line) + len(self.back)

    def pop(self) -> T:
        """Take the oldest page, which is there; its place in the room stays taken."""
        return heappop(self.back)[1] if self.back else self.line.popleft()

    def restore(self, number: int, page: T) -> None:
        """Put back a page that was popped; the lower the number of its work, the older it is."""
        heappush(self.back, (number, page))
