"""Handling SIGINT, SIGTERM and SIGHUP: the first one stops a job, the second one ends it at once.

Owns: when signals are handled, the messages about them.
Must not know: how a crawl works, which files it has open, how long it may take to end.

The main thread handles signals; the guard, another process, hears of them in any case, and sends each on, which wakes
up an event loop that does not notice signals (uvloop's). The second signal needs no Python: on Linux each is
caught once (SA_RESETHAND), has its default effect from then on, and is caught again only after Python has processed it.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Protocol

from scraper_cpn.cli.guard import OVER, Guard
from scraper_cpn.cli.once import once
from scraper_cpn.scrape.account.report import Snapshot
from scraper_cpn.show.progress import ProgressView

SIGNALLED = 128
"""Plus the number of the signal gives the exit code, by the convention of shells."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """A signal came before there was a crawl to stop, for example while a kernel is built."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Stoppable(Protocol):
    """The part of a session that this file uses."""

    def snapshot(self) -> Snapshot:
        """Return the session's present numbers."""

    def stop(self) -> None:
        """Start nothing new, and finish running requests."""

    def abort(self) -> None:
        """End at once."""


class Hearing:
    """Handles signals within `with`, in the main thread of the process.

    Until `tell`, the first signal raises `Interrupted` in the main thread; if Python swallows that (it does
    so in destructors and weak references), it is raised at the end. From `tell` on each signal is passed to a
    function.

    An ignored SIGHUP (nohup) stays ignored. SIGINT is handled in any case: shells ignore it for background
    jobs of a script, but one that is sent to this process is meant for it.

    Args:
        grace_s: how long the job may take to end by itself after the first signal, in seconds.
    """

    def __init__(self, grace_s: float) -> None:
        self.received: list[int] = []
        """The signals that were passed to the job, or that have interrupted it."""
        self._grace_s = grace_s
        self._tell: Callable[[int], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._heard: list[int] = []
        self._last = 0

    def __enter__(self) -> Hearing:
        hang_up = signal.getsignal(signal.SIGHUP)
        numbers: list[int] = [n for n in SIGNALS if n != signal.SIGHUP or hang_up != signal.SIG_IGN]
        self._guard = Guard(self._grace_s)
        self._before = {number: signal.getsignal(number) for number in numbers}
        for number in numbers:
            signal.signal(number, self._in_main)
        self._again = {number: once(number) for number in numbers}
        self._wakeup = signal.set_wakeup_fd(self._guard.socket.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            # After a signal the job was already stopped, and its summary takes a moment: ignore further ones.
            signal.signal(number, signal.SIG_IGN if self.received else handler)
        signal.set_wakeup_fd(self._wakeup)
        self._guard.close()
        if not isinstance(error, KeyboardInterrupt):
            self.check()

    def check(self) -> None:
        """Raise `Interrupted` if a signal came before `tell`, even if the exception was swallowed."""
        if self._heard and self._tell is None:
            raise Interrupted(self._heard[0])

    def tell(self, obey: Callable[[int], None]) -> None:
        """From now on call *obey* with each signal, as a callback of the running event loop.

        No exception interrupts code on the loop: closing files, and tasks, must not be interrupted.
        """
        self.check()
        self._loop, self._tell = asyncio.get_running_loop(), obey
        self._loop.add_reader(self._guard.socket, self._from_guard)
        self.listen()

    def listen(self) -> None:
        """Receive signals again: an event loop (uvloop) takes over their socket while it runs, and then removes it."""
        signal.set_wakeup_fd(self._guard.socket.fileno(), warn_on_full_buffer=False)

    def _in_main(self, number: int, _frame: FrameType | None) -> None:
        self._last = number
        self._again[number]()
        self._from_guard()
        if self._tell is None:
            self._heard.append(number)
            raise Interrupted(number)
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: the job is over
                self._loop.call_soon_threadsafe(self._tell, number)

    def _from_guard(self) -> None:
        """Take what has woken up the loop, and end the process if its time is over."""
        with suppress(BlockingIOError):
            came = self._guard.socket.recv(64)
            if OVER in came:
                os._exit(SIGNALLED + self._last)
            if not came:  # the guard was killed
                self._without_guard()

    def _without_guard(self) -> None:
        signal.set_wakeup_fd(-1)
        if self._loop is not None:
            self._loop.remove_reader(self._guard.socket)


class Obedience:
    """Handles the signals that come while a session runs, and adds them to *received*."""

    def __init__(self, session: Stoppable, view: ProgressView, received: list[int]) -> None:
        self.over = False
        """Whether the session has ended, so that there is nothing left to stop."""
        self._session = session
        self._view = view
        self._received = received

    def __call__(self, number: int) -> None:
        """Handle a signal."""
        if self.over:
            return
        self._received.append(number)
        if len(self._received) > 1:
            self._view.note("stopping at once")
            self._session.abort()
            return
        running = self._session.snapshot().in_flight
        self._view.note(
            f"stopping: no new requests, {running} running; interrupt again to stop at once"
        )
        self._session.stop()
