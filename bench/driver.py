"""The loop of the shell in virtual time: the scrape net and its store, without a network.

Owns: one loop that steps, completes and commits as `run/shell.py` does, with effects that end at once.
Must not know: what is measured.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
from anyio.lowlevel import checkpoint

from scraper_cpn.net import Firing, Kernel
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.run.committer import Committer

PACED = frozenset({"fetch", "robots"})
"""Effects that start only after the commit of their firing."""


class Driver:
    """Runs a kernel on effects that end at once, within `async with`.

    Time stands still while anything can fire; then it advances to the next useful time.

    Args:
        kernel: recorded, where there is a committer.
        counted: the compiled kernel itself, whose `next_id` counts firings.
        outcome: gives the outcome of the effect of a firing.
        now_ns: the time to begin at.
        committer: None: nothing is durable.
    """

    def __init__(
        self,
        kernel: Kernel,
        counted: Compiled,
        outcome: Callable[[Firing], Any],
        now_ns: int,
        committer: Committer | None = None,
    ) -> None:
        self._kernel = kernel
        self._counted = counted
        self._outcome = outcome
        self._committer = committer
        self._most = 256 if committer is None else committer.most
        self._ready: deque[Firing] = deque()
        self._paced = 0
        """Firings that wait for their commit."""
        self._wake = anyio.Event()
        self.now_ns = now_ns
        self.pages = 0

    async def __aenter__(self) -> Driver:
        self._tasks = await anyio.create_task_group().__aenter__()
        if self._committer is not None:
            self._tasks.start_soon(self._committer.run, self._done)
        return self

    async def __aexit__(self, *error: Any) -> None:
        """Drop the firings that wait for their commit; they never start."""
        self._tasks.cancel_scope.cancel()
        await self._tasks.__aexit__(*error)

    async def run(self, firings: int) -> int:
        """Run the given number of firings, or to the end of the net, and until all is durable.

        Returns the number of firings.
        """
        first = self._counted.next_id
        while self._counted.next_id - first < firings and await self._turn():
            pass
        if self._committer is not None:
            durable = anyio.Event()
            self._committer.after(durable.set)
            self._committer.poke()
            await durable.wait()
        return self._counted.next_id - first

    @property
    def seen(self) -> int:
        """URLs that are known."""
        return self._kernel.count("seen")

    @property
    def asking(self) -> int:
        """Targets that wait for their robots.txt."""
        return self._kernel.count("asks")

    @property
    def waiting(self) -> int:
        """Targets that wait for their turn."""
        return self._kernel.count("prioritized_targets")

    async def _turn(self) -> bool:
        """One round of the loop; False when nothing is left to do."""
        self._wake = anyio.Event()
        self._complete()
        if self._committer is not None and self._committer.full:
            await self._wake.wait()
            return True
        step = self._kernel.step(self.now_ns, self._most)
        self._kernel.drain()
        for firing in step.firings:
            self._begin(firing)
        if self._committer is not None:
            self._committer.poke()
        if step.firings or self._ready:
            await checkpoint()
        elif self._paced:
            await self._wake.wait()
        elif step.wake_ns is None:
            return False
        else:
            self.now_ns = max(self.now_ns, step.wake_ns)
        return True

    def _begin(self, firing: Firing) -> None:
        if firing.effect in PACED and self._committer is not None:
            self._paced += 1
            self._committer.after(partial(self._start, firing))
        else:
            self._ready.append(firing)

    def _start(self, firing: Firing) -> None:
        self._paced -= 1
        self._ready.append(firing)

    def _complete(self) -> None:
        while self._ready:
            firing = self._ready.popleft()
            self.pages += firing.effect == "fetch"
            self._kernel.started(firing.id, self.now_ns, asked=True)
            self._kernel.complete(firing.id, self._outcome(firing), self.now_ns)

    def _done(self) -> None:
        self._wake.set()
