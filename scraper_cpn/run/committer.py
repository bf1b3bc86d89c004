"""Batches on their way to a store, one at a time, while the next one fills.

Owns: when a batch is cut (as soon as the store is idle), what may start once it is durable, and when
firing has to wait (the store is busy, and the next batch is full).
Must not know: how a batch is written, what is in it, nets.

A commit is shielded from cancellation: nobody would know whether it is there. After an error nothing
is written any more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

B = TypeVar("B")


class Cutting(Protocol):
    """Where batches come from."""

    @property
    def filling(self) -> int:
        """Firings in the batch that is being filled."""


class Committer:
    """Commits what a recorded kernel decides.

    Args:
        recorder: says how much is waiting.
        cut: gives what has happened since the last call; None for nothing.
        commit: makes it durable, or raises.
        durable: is called after each batch, before anything else goes on.
        most: firings that wait while the store is busy, before firing waits for the store.
    """

    def __init__(
        self,
        recorder: Cutting,
        cut: Callable[[], B | None],
        commit: Callable[[B], Awaitable[None]],
        *,
        durable: Callable[[], None] = lambda: None,
        most: int = 256,
    ) -> None:
        self.most = most
        self._recorder = recorder
        self._cut: Callable[[], Any] = cut
        self._commit: Callable[[Any], Awaitable[None]] = commit
        self._durable = durable
        self._then: list[Callable[[], Any]] = []
        self._wake = anyio.Event()
        self._busy = False
        self._broken = False

    @property
    def full(self) -> bool:
        """Whether firing has to wait until a batch is durable."""
        return self._busy and self._recorder.filling >= self.most

    def after(self, then: Callable[[], Any]) -> None:
        """Call *then* when all that has been decided so far is durable."""
        self._then.append(then)

    def poke(self) -> None:
        """Something was decided."""
        self._wake.set()

    async def run(self, done: Callable[[], None]) -> None:
        """Commit whatever comes, until cancelled; *done* is called after each batch."""
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            while await self._one():
                done()

    async def flush(self) -> None:
        """Commit what is left; nothing else runs any more, and nothing starts. After an error, nothing."""
        self._then.clear()
        while not self._broken and await self._one():
            pass

    async def _one(self) -> bool:
        """Commit a batch; False if there was nothing to commit."""
        batch, then, self._then = self._cut(), self._then, []
        if batch is not None:
            self._busy = True
            try:
                with anyio.CancelScope(shield=True):
                    await self._commit(batch)
            except BaseException:
                self._broken = True
                raise
            finally:
                self._busy = False
            self._durable()
            await checkpoint_if_cancelled()  # then nothing is to start any more
        for call in then:
            call()
        return batch is not None
