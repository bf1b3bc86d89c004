"""Waiting for a commit to its end, whoever cancels the wait.

Owns: `finished`, and `in_thread`, by which a thread's work wakes the event loop once.
Must not know: stores.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

from anyio import CancelScope

T = TypeVar("T")


async def finished(work: asyncio.Future[T]) -> T:
    """The result of *work*, for which even a caller waits that is cancelled: it is cancelled afterwards."""
    cancelled: asyncio.CancelledError | None = None
    with CancelScope(shield=True):
        while not work.done():
            try:
                await asyncio.wait([work])
            except asyncio.CancelledError as error:
                cancelled = error
    result = work.result()
    if cancelled is not None:
        raise cancelled
    return result


class _Uncancelled(asyncio.Future[T]):
    """A future that a cancellation of its task leaves alone: the task is cancelled when it is done."""

    def cancel(self, msg: Any = None) -> bool:  # noqa: ARG002  (the name of the argument is asyncio's)
        return False


async def in_thread(thread: Executor, work: Callable[[], T]) -> T:
    """Run *work* in a thread, and wait as `finished` does.

    `run_in_executor` and `asyncio.wait` pass the event loop three times for each end, this once: a twelfth of the CPU
    time of a batch of one firing.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = _Uncancelled(loop=loop)

    def run() -> None:
        try:
            found = work()
        except BaseException as error:  # noqa: BLE001  (whoever waits gets it)
            loop.call_soon_threadsafe(done.set_exception, error)
        else:
            loop.call_soon_threadsafe(done.set_result, found)

    thread.submit(run)
    with CancelScope(shield=True):
        try:
            await done
        except asyncio.CancelledError:
            done.result()  # an error of the work counts more
            raise
    return done.result()
