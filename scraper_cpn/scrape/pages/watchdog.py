"""Tells which page handler keeps a crawl from going on.

Owns: looking now and then at what threads do, and saying in one line what takes too long.
Must not know: pages, how handlers are called. It stops nothing.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import CodeType, FrameType

from msgspec import Struct

from scraper_cpn.scrape.pages.handlers import Handler

LOOK_S = 0.5
LOOP_S, THREAD_S = 2.0, 30.0
"""Seconds that a handler may block the event loop, or run in a thread, before a warning; then twice as long."""

_log = logging.getLogger("scraper_cpn")


class _Seen(Struct):
    """A call of a handler that was running at each check since."""

    since_s: float
    warn_at_s: float
    """The running time in seconds at which the next warning is due."""


class Watchdog:
    """Watches the threads of this process. Create it in the thread of the event loop.

    Args:
        handlers: whose calls it looks for.
        tell: is given each line.
    """

    def __init__(
        self, handlers: Iterable[Handler], tell: Callable[[str], None] = _log.warning
    ) -> None:
        self._names = {
            code: each.name
            for each in handlers
            if isinstance(code := getattr(each.function, "__code__", None), CodeType)
        }
        self._tell = tell
        self._loop_thread = threading.get_ident()
        self._seen: dict[tuple[int, FrameType], _Seen] = {}
        self._ended = threading.Event()

    def start(self) -> None:
        """Start watching, in a thread of its own."""
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Stop watching."""
        self._ended.set()

    def look(self, now_s: float) -> None:
        """Check all threads once."""
        found: dict[tuple[int, FrameType], _Seen] = {}
        for thread, frame in sys._current_frames().items():  # noqa: SLF001 - there is no other way to see them
            call = self._call(frame)
            if call is not None:
                first_s = LOOP_S if thread == self._loop_thread else THREAD_S
                seen = self._seen.get((thread, call)) or _Seen(now_s, first_s)
                found[thread, call] = seen
                self._judge(seen, now_s, thread, call, frame)
        self._seen = found

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_S):
            self.look(time.monotonic())
        self._seen.clear()

    def _call(self, frame: FrameType | None) -> FrameType | None:
        """Return the frame of the handler that a thread is in; None where it is in none."""
        while frame is not None and frame.f_code not in self._names:
            frame = frame.f_back
        return frame

    def _judge(
        self, seen: _Seen, now_s: float, thread: int, call: FrameType, at: FrameType
    ) -> None:
        elapsed_s = now_s - seen.since_s
        if elapsed_s < seen.warn_at_s:
            return
        seen.warn_at_s = 2 * elapsed_s
        where = f"{Path(at.f_code.co_filename).name}:{at.f_lineno}"
        name = self._names[call.f_code]
        if thread == self._loop_thread:
            what = f"has held the event loop for {elapsed_s:.0f} s; no request starts and no answer is read meanwhile"
        else:
            what = f"has been at work on a page for {elapsed_s:.0f} s, in a thread"
        self._tell(f"the page handler {name} {what} (it is at {where})")
