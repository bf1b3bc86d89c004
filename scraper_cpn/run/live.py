"""Running any net live: async functions as effects, tokens that come while it runs, kept across crashes.

Owns: `run_net`, which runs a net to its end, and `running`, which serves one until it is stopped. Both use
the shell and the store that the scraper uses.
Must not know: what a net is for.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import anyio
from msgspec import Struct

from scraper_cpn.net import Ended, Kernel, Marking, Net, Place, Row, Trace, compile_net
from scraper_cpn.run.clock import Clock
from scraper_cpn.run.committer import Committer
from scraper_cpn.run.effects import Binding, Paced, Plain
from scraper_cpn.run.keeping import KeptRun, open_kept
from scraper_cpn.run.shell import Shell

Effects: TypeAlias = Mapping[str, Callable[..., Any] | Binding]
"""By the net's names: a function of the tokens that the transition gives, which returns an outcome or an
awaitable of one. What it raises is `Lost`."""

Tokens: TypeAlias = Mapping[Place[Any], Iterable[Any]]
"""Tokens to begin with, by the place that they go to, which must be a source."""


class Ran(Struct, frozen=True):
    """How a net ran.

    Attributes:
        ended: `finished`, `stuck`, `spent` or `faulted`; None if it was stopped.
        rows: what reached its sinks, oldest first; of a kept run, since this process began.
        marking: everything that is left.
    """

    ended: Ended | None
    rows: tuple[Row, ...]
    marking: Marking


class Live:
    """A net that runs. Made by `running`.

    Attributes:
        net: that runs.
        new: whether the run has just begun: False for a kept one that goes on.
    """

    def __init__(
        self,
        net: Net,
        effects: Effects,
        kernel: Kernel,
        clock: Clock,
        kept: KeptRun | None,
        on_row: Callable[[Row], None] | None,
    ) -> None:
        self.net = net
        self.new = kept is None or kept.new
        self._effects = {
            name: _bound(each, kept=kept is not None) for name, each in effects.items()
        }
        self._kernel = kernel
        self._clock = clock
        self._kept = kept
        self._on_row = on_row
        self._taken: list[Row] = []
        self._shell = self._new_shell()
        self._poked = anyio.Event()
        self._stopped = False

    def inject(
        self, place: Place[Any], colour: Any, *, after_ns: int = 0, lasts_ns: int | None = None
    ) -> None:
        """Put a token into a source: now, ready after a while, for as long as it lasts.

        Raises:
            NetError: it does not fit, or the place is full.
        """
        now_ns = self._clock.now_ns()
        ready_ns = now_ns + after_ns if after_ns else 0
        ends_ns = None if lasts_ns is None else now_ns + lasts_ns
        self._kernel.inject(place, colour, now_ns, ready_at_ns=ready_ns, expires_at_ns=ends_ns)
        self._poked.set()
        self._shell.poke()

    def count(self, place: Place[Any] | str) -> int:
        """What is in a place; see `Kernel.count`."""
        return self._kernel.count(place if isinstance(place, str) else place.name)

    def marking(self) -> Marking:
        """Everything. Cost: O(tokens)."""
        return self._kernel.marking()

    def rows(self, sink: Place[Any] | str) -> Iterator[Any]:
        """All that a sink of a kept run has taken, from its file, as plain data; the oldest first."""
        if self._kept is None:
            raise ValueError("a run that is not kept has no rows to read; give on_row, or keep it")
        return self._kept.rows(sink if isinstance(sink, str) else sink.name)

    def stop(self) -> None:
        """Stop: running effects are cancelled, and what had not started goes back."""
        self._stopped = True
        self._poked.set()
        self._shell.abort()

    async def finish(self) -> Ran:
        """Run until the net has ended.

        Raises:
            StoreError: what it did could not be kept.
        """
        ended = await self._shell.run()
        self._shell = self._new_shell()
        taken, self._taken = tuple(self._taken), []
        return Ran(ended, taken, self._kernel.marking())

    async def serve(self) -> None:
        """Run until `stop`, also while there is nothing to do."""
        while not self._stopped:
            self._poked = anyio.Event()
            await self.finish()
            if not self._stopped:
                await self._poked.wait()

    def _new_shell(self) -> Shell:
        kept = self._kept
        committer = None if kept is None else Committer(kept.recorder, kept.cut, kept.commit)
        return Shell(
            self._kernel, self._effects, self._clock, on_rows=self._take, committer=committer
        )

    def _take(self, rows: list[Row]) -> None:
        if self._on_row is None:
            self._taken += rows
            return
        for row in rows:
            self._on_row(row)


@asynccontextmanager
async def running(
    net: Net,
    effects: Effects,
    *,
    keep: str | Path | None = None,
    wait: bool = False,
    on_row: Callable[[Row], None] | None = None,
    trace: Trace | None = None,
) -> AsyncIterator[Live]:
    """A net, ready to run: `finish()` it, or `serve()` it until it is stopped.

    Args:
        net: is checked first.
        effects: what each of its effects does.
        keep: a file that keeps the run. If it is there, the run goes on: effects that were under way are
            `Lost`, everything else is as it was. Effects start once the decision for them is durable.
        wait: while another process has that file, wait until it ends, and take over.
        on_row: is called with what reaches a sink; without it, `finish` returns the rows.
        trace: is called with each event; see `scraper_cpn.net.Trace`.

    Raises:
        NetError: the net can't work, or an effect is bound to nothing.
        StoreError: the file is another net's, damaged, in use, or can't be written.
    """
    if keep is None:
        yield Live(net, effects, compile_net(net, trace), Clock(), None, on_row)
        return
    kept = await open_kept(net, Path(keep), wait=wait, trace=trace)
    try:
        yield Live(net, effects, kept.recorder, kept.clock, kept, on_row)
    finally:
        await kept.close()


async def run_net(
    net: Net,
    effects: Effects,
    tokens: Tokens | None = None,
    *,
    keep: str | Path | None = None,
    wait: bool = False,
    on_row: Callable[[Row], None] | None = None,
    trace: Trace | None = None,
) -> Ran:
    """Run a net to its end.

    Args:
        net: is checked first.
        effects: what each of its effects does: async functions, plain ones, or bindings of `run.effects`.
        tokens: to begin with; a kept run that goes on has them already, and they are left away.
        keep: see `running`.
        wait: see `running`.
        on_row: see `running`.
        trace: see `running`.

    Raises:
        NetError: the net can't work, an effect is bound to nothing, or a token does not fit.
        StoreError: the file is another net's, damaged, in use, or can't be written.
    """
    async with running(net, effects, keep=keep, wait=wait, on_row=on_row, trace=trace) as live:
        if live.new:
            for place, colours in (tokens or {}).items():
                for colour in colours:
                    live.inject(place, colour)
        return await live.finish()


def _bound(effect: Callable[..., Any] | Binding, *, kept: bool) -> Callable[..., Any] | Binding:
    """How a function is bound: what waits for something is a task, and starts once that is durable."""
    if isinstance(effect, Binding) or not callable(effect):
        return effect
    if inspect.iscoroutinefunction(effect) or kept:
        return Paced(_starting(effect))
    return Plain(effect)


def _starting(effect: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    """A function that starts as soon as it is called."""

    async def started(*given: Any) -> Any:
        *tokens, start = given
        start()
        outcome = effect(*tokens)
        return await outcome if inspect.isawaitable(outcome) else outcome

    return started
