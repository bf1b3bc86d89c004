"""The end of the command, which abandons tasks and threads that do not end by themselves.

Owns: running a job on an event loop, closing that loop, ending the process while threads still run.
Must not know: what runs there, signals.

`asyncio.run` waits for every task, even one that ignores its cancellation, and for each name lookup; Python
waits for every thread at exit. A page handler may block either forever.
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

from scraper_cpn.scrape.fetch.loop import precise_loop

T = TypeVar("T")

PATIENCE_S = 0.5
"""How long cancelled tasks, and threads that are no longer needed, may take to end."""


def run_to_end(job: Callable[[], Awaitable[T]]) -> T:
    """Run a job on the event loop of a crawl, and close the loop."""
    loop = precise_loop()
    try:
        return loop.run_until_complete(job())
    finally:
        _close(loop)


def threads() -> frozenset[Thread]:
    """The running threads that Python would wait for at exit."""
    return frozenset(thread for thread in running() if not thread.daemon)


def end_despite_threads(code: int, before: Iterable[Thread]) -> int:
    """Return *code*, or end the process with it if threads still run that did not exist *before*."""
    others = threads() - frozenset(before) - {current_thread()}
    until_s = time.monotonic() + PATIENCE_S
    for thread in others:
        thread.join(max(0.0, until_s - time.monotonic()))
    if any(thread.is_alive() for thread in others):
        atexit._run_exitfuncs()  # noqa: SLF001 - a program's exit functions, which os._exit skips
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
    return code


def _close(loop: asyncio.AbstractEventLoop) -> None:
    """Close a loop. Its threads may continue, since their results are no longer needed."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    left.add(loop.create_task(loop.shutdown_asyncgens()))
    loop.run_until_complete(asyncio.wait(left, timeout=PATIENCE_S))
    for task in left:
        # At exit asyncio would complain about an abandoned task, or one whose error was never retrieved.
        task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001
        if task.done() and not task.cancelled():
            task.exception()
    loop.close()
