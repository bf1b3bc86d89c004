"""Committing batches to a store, one at a time, while the next one fills.

Owns: when a batch is cut (as soon as the store is idle), which work may start once it is durable, and
when firing has to wait (the store is busy, and the next batch is full).
Must not know: how a batch is written, what is in it, nets.

A commit is shielded from cancellation, since otherwise it would be unknown whether it is durable. After
an error nothing more is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import anyio
from anyio.lowlevel import checkpoint_if_cancelled

B = TypeVar("B")


class Cutting(Protocol):
    """The source of batches."""

    @property
    def filling(self) -> int:
        """Firings in the batch that is being filled."""


class Committer:
    """Commits the decisions of a recorded kernel.

    Args:
        recorder: reports how many firings are waiting.
        cut: returns a batch of what has happened since the last call; None for nothing.
        commit: makes a batch durable, or raises.
        durable: is called after each commit, before anything else continues.
        most: how many firings may accumulate while the store is busy, before firing has to wait.
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
        self._wake = asyncio.Event()
        self._busy = False
        self._broken = False

    @property
    def full(self) -> bool:
        """Whether firing has to wait until a batch is durable."""
        return self._busy and self._recorder.filling >= self.most

    @property
    def filling(self) -> int:
        """The number of firings that are in no batch yet."""
        return self._recorder.filling

    def after(self, then: Callable[[], Any]) -> None:
        """Call *then* when all decisions so far are durable."""
        self._then.append(then)

    def poke(self) -> None:
        """Report a new decision."""
        self._wake.set()

    async def run(self, done: Callable[[], None]) -> None:
        """Commit batches until cancelled; *done* is called after each batch."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if await self._one():
                done()

    async def flush(self) -> None:
        """Commit the rest, when nothing else runs or starts any more. After an error it does nothing."""
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
            await checkpoint_if_cancelled()  # after a cancellation nothing may start any more
        for call in then:
            call()
        return batch is not None
