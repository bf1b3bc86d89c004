"""Calls whose work runs as an asyncio task of its own.

Owns: the tasks, their cancellation, and waiting for their cleanup.
Must not know: kernels, effects, the meaning of a task's exception.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from scraper_cpn.net import Lost
from scraper_cpn.run.calls import EffectCall

PATIENCE_S = 0.5
"""How long a cancelled task may take to clean up."""


class Tasks:
    """Plain asyncio tasks: a task group of anyio costs three times as much for each.

    Args:
        lost: turns an exception into an outcome.
    """

    def __init__(self, lost: Callable[[BaseException], Lost]) -> None:
        self._lost = lost
        self._running: dict[int, asyncio.Task[None]] = {}
        self.stopping = False
        """Whether the shell is stopping: from then on a cancelled call is settled by whether it had started."""

    def launch(
        self, call: EffectCall, fn: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
    ) -> None:
        """Run a call's work as a task: `await fn(*args, start)`; *start* is the call itself."""
        task = asyncio.get_running_loop().create_task(self._carry(call, fn, args))
        self._running[call.id] = task
        call.cancel = task.cancel

    async def _carry(
        self, call: EffectCall, fn: Callable[..., Awaitable[Any]], args: tuple[Any, ...]
    ) -> None:
        outcome: Any = Lost("cancelled")
        try:
            outcome = await fn(*args, call)
        except asyncio.CancelledError:
            if self.stopping:
                return
        except BaseException as error:  # noqa: BLE001  (an effect may raise anything; it becomes Lost)
            outcome = self._lost(error)
        finally:
            del self._running[call.id]
        call.done(outcome)

    async def ended(self) -> None:
        """Wait for all tasks, which were cancelled; a cancellation of this call waits for them, too.

        A task that does not end in time (a page handler that catches its cancellation) is abandoned: its
        later reports are ignored.
        """
        running = set(self._running.values())
        cancelled: asyncio.CancelledError | None = None
        loop = asyncio.get_running_loop()
        until = loop.time() + PATIENCE_S
        with anyio.CancelScope(shield=True):
            while running and (left_s := until - loop.time()) > 0:
                try:
                    _, running = await asyncio.wait(running, timeout=left_s)
                except asyncio.CancelledError as error:
                    cancelled = error
        if cancelled is not None:
            raise cancelled
