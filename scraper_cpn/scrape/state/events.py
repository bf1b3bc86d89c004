"""Events of a kept crawl, delivered once their batch is durable.

Owns: which events wait for which batch. Must not know: the content of events, stores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]


class Events:
    """Holds events back until their batch is committed.

    Args:
        tell: is called with each event, in order.
    """

    def __init__(self, tell: Callable[[Event], None]) -> None:
        self._tell = tell
        self._next: list[Event] = []
        self._cut: list[Event] = []

    def add(self, event: Event) -> None:
        """Hold an event back, which belongs to the next batch."""
        self._next.append(event)

    def cut(self) -> None:
        """A batch was cut: it contains all events so far."""
        self._cut += self._next
        self._next = []

    def durable(self) -> None:
        """The last batch was committed: deliver its events."""
        events, self._cut = self._cut, []
        for event in events:
            self._tell(event)
