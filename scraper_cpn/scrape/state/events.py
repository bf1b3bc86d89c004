"""Events of a kept crawl, told when what they are about is durable.

Owns: which events wait for which batch. Must not know: what an event is, stores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]


class Events:
    """Holds events back until their batch is committed.

    Args:
        tell: is told of them, in order.
    """

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._next: list[Event] = []
        self._cut: list[Event] = []

    def add(self, event: Event) -> None:
        """Something happened, which the next batch has."""
        self._next.append(event)

    def cut(self) -> None:
        """A batch has all that happened so far."""
        self._cut += self._next
        self._next = []

    def durable(self) -> None:
        """The last batch is committed."""
        told, self._cut = self._cut, []
        for event in told:
            self._tell(event)
