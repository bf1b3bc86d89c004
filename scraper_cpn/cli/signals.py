"""What SIGINT and SIGTERM do to a crawl: the first one stops it, the second one ends it at once.

Owns: from when to when they are heard, and what is said then.
Must not know: how a crawl works, which files it has open.
"""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from scraper_cpn.scrape.account.report import Snapshot
from scraper_cpn.show.progress import View

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stoppable(Protocol):
    """What this file wants of a session."""

    def snapshot(self) -> Snapshot:
        """Return how it stands."""

    def stop(self) -> None:
        """Start nothing new, finish what runs."""

    def abort(self) -> None:
        """End at once."""


@contextmanager
def heard(obey: Callable[[int], None]) -> Iterator[None]:
    """Within `with`, tell *obey* of each signal, in a step of the running event loop.

    Nothing that runs there is interrupted by an exception: what closes files, and tasks, may not be.
    """
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, obey, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def hear_no_more() -> None:
    """Ignore further signals: who asked once is obeyed already, and to tell how it ended takes a moment."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


class Obedience:
    """Obeys the signals that come while a session runs, and notes them in *received*."""

    def __init__(self, session: Stoppable, view: View, received: list[int]) -> None:
        self.over = False
        """Whether the session has ended, so that there is nothing left to stop."""
        self._session = session
        self._view = view
        self._received = received

    def __call__(self, number: int) -> None:
        """Obey a signal."""
        if self.over:
            return
        self._received.append(number)
        if len(self._received) > 1:
            self._view.note("stopping at once")
            self._session.abort()
            return
        running = self._session.snapshot().in_flight
        self._view.note(f"stopping: no new requests, {running} running; again to stop at once")
        self._session.stop()
