"""Whoever waits for a thread's work waits to its end."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from scraper_cpn.store.shielded import in_thread


@pytest.mark.parametrize("fails", [False, True])
def test_a_cancelled_wait_ends_with_the_work_and_passes_its_error_on(fails: bool) -> None:
    """Cancelled twice meanwhile, it ends when the work has ended: cancelled, or with the error of the work."""
    go, ended = threading.Event(), []

    def work() -> None:
        go.wait()
        ended.append(True)
        if fails:
            raise OSError("full")

    async def run(thread: ThreadPoolExecutor) -> BaseException | None:
        waiting = asyncio.ensure_future(in_thread(thread, work))
        for _ in range(2):
            await asyncio.sleep(0)
            waiting.cancel()
        await asyncio.sleep(0)
        assert not waiting.done()
        go.set()
        (found,) = await asyncio.gather(waiting, return_exceptions=True)
        return found

    with ThreadPoolExecutor(1) as thread:
        found = asyncio.run(run(thread))
    assert ended
    assert isinstance(found, OSError if fails else asyncio.CancelledError)
