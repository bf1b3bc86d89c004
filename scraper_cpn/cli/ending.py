"""The end of the command: what has not ended by itself is left behind, and waited for by nobody.

Owns: running a job on an event loop, closing that loop, ending the process beside threads that go on.
Must not know: what runs there, signals.

`asyncio.run` waits for every task, however it takes its cancellation, and for each look-up of a name; Python's own
end waits for every thread. A page handler may keep either for ever.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from threading import Thread, current_thread
from threading import enumerate as running
from typing import TypeVar

from scraper_cpn.scrape.fetch.loop import loop_options
from scraper_cpn.scrape.settings import Settings

T = TypeVar("T")

PATIENCE_S = 0.5
"""How long what was cancelled, or is no longer needed, may take to end."""


def run_to_end(job: Callable[[], Awaitable[T]], settings: Settings) -> T:
    """Run a job on the event loop that suits the settings of a crawl, and close the loop."""
    loop = _new_loop(settings)
    try:
        return loop.run_until_complete(job())
    finally:
        _close(loop)


def threads() -> frozenset[Thread]:
    """The threads that run now, and that Python would wait for."""
    return frozenset(thread for thread in running() if not thread.daemon)


def end_beside(code: int, before: Iterable[Thread]) -> int:
    """Return *code*, or end the process with it where threads go on that were not there *before*."""
    others = threads() - frozenset(before) - {current_thread()}
    until_s = time.monotonic() + PATIENCE_S
    for thread in others:
        thread.join(max(0.0, until_s - time.monotonic()))
    if any(thread.is_alive() for thread in others):
        atexit._run_exitfuncs()  # noqa: SLF001 - what a program has asked for, and os._exit leaves out
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    return code


def _new_loop(settings: Settings) -> asyncio.AbstractEventLoop:
    options = loop_options(settings)
    if options.get("use_uvloop"):
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        return loop
    made: asyncio.AbstractEventLoop = options["loop_factory"]()
    return made


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Close a loop. Its threads may go on: no result of theirs is asked for any more."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    left.add(loop.create_task(loop.shutdown_asyncgens()))
    loop.run_until_complete(asyncio.wait(left, timeout=PATIENCE_S))
    for task in left:
        # asyncio would complain at the end of the process of a task that was left, or whose error nobody took.
        task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001
        if task.done() and not task.cancelled():
            task.exception()
    loop.close()
