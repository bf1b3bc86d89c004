"""Running any net live: async functions as effects, tokens injected while it runs, durability across crashes.

Owns: `run_net`, which runs a net to its end, and `running`, which serves a net until it is stopped. Both
use the same shell and store as the scraper.
Must not know: what a net is for.
"""

from __future__ import annotations

import inspect
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import anyio
from msgspec import Struct

from scraper_cpn.net import (
    Binding,
    Ended,
    Firing,
    Kernel,
    Marking,
    Net,
    NetError,
    Place,
    Row,
    Stale,
    Trace,
    Transition,
    compile_net,
)
from scraper_cpn.net.refusal import listed_tokens
from scraper_cpn.run.clock import Clock
from scraper_cpn.run.committer import Committer
from scraper_cpn.run.effects import Binding as Bound
from scraper_cpn.run.effects import Paced, Plain
from scraper_cpn.run.keeping import KeptRun, open_kept
from scraper_cpn.run.shell import Shell
from scraper_cpn.store.states import location_of

Effects: TypeAlias = Mapping[str, Callable[..., Any] | Bound]
"""Effects by their names in the net: a function of the transition's tokens, which returns an outcome or an
awaitable of one. An exception becomes `Lost`."""

Tokens: TypeAlias = Mapping[Place[Any], Iterable[Any]]
"""Initial tokens, by their place, which must be a source."""


class Ran(Struct, frozen=True):
    """How a net ran.

    Attributes:
        ended: `finished`, `stuck`, `spent` or `faulted`; None if it was stopped.
        rows: what reached its sinks, oldest first; of a kept run, only the rows since this process began.
        marking: the final marking.
    """

    ended: Ended | None
    rows: tuple[Row, ...]
    marking: Marking


class Live:
    """A running net; made by `running`.

    Attributes:
        net: the net.
        new: whether the run has just begun, or was killed before anything was kept; False for a kept run that is continued.
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
        if not isinstance(effects, Mapping):
            raise NetError(f"net {net.name}: its effects are {effects!r}; give {{name: function}}")
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
        """Put a token into a source, optionally with a delay until it is ready and a lifetime.

        Raises:
            NetError: the token does not fit the place, or the place is full.
        """
        now_ns = self._clock.now_ns()
        ready_ns = now_ns + after_ns if after_ns else 0
        ends_ns = None if lasts_ns is None else now_ns + lasts_ns
        self._kernel.inject(place, colour, now_ns, ready_at_ns=ready_ns, expires_at_ns=ends_ns)
        self._poked.set()
        self._shell.poke()

    def bindings(
        self, transition: Transition | str, *, limit: int | None = None
    ) -> tuple[Binding, ...]:
        """What a manual transition could take now, in order; of many, the first *limit*.

        Raises:
            NetError: it is not manual.
        """
        name = transition if isinstance(transition, str) else transition.name
        return self._kernel.bindings(name, self._clock.now_ns(), limit=limit)

    def begin(self, binding: Binding) -> Firing:
        """Fire a binding; its effect, if it has one, starts as soon as the net runs.

        Raises:
            Stale: a token, a number, an absence or a slot that it needs is gone; list the bindings again.
        """
        firing = self._kernel.begin(binding, self._clock.now_ns())
        self._shell.begin(firing)
        self._poked.set()
        return firing

    def try_begin(self, binding: Binding) -> Firing | None:
        """The same; None if the binding is stale."""
        try:
            return self.begin(binding)
        except Stale:
            return None

    def ended(self, run: Hashable) -> Ended | None:
        """How one of many runs in the net has ended; None while it goes on. See `scraper_cpn.net.Net.run`."""
        return self._kernel.ended(self._clock.now_ns(), run=run)

    def count(self, place: Place[Any] | str) -> int:
        """The number of tokens or keys in a place, or a counter's number; see `Kernel.count`."""
        return self._kernel.count(place if isinstance(place, str) else place.name)

    def marking(self) -> Marking:
        """The whole marking. Cost: O(tokens)."""
        return self._kernel.marking()

    def rows(self, sink: Place[Any] | str) -> Iterator[Any]:
        """The rows of a kept run's sink, from its file, as plain data, oldest first."""
        if self._kept is None:
            raise ValueError("a run that is not kept has no rows to read; give on_row, or keep it")
        return self._kept.rows(sink if isinstance(sink, str) else sink.name)

    def stop(self) -> None:
        """Stop: cancel running effects, and revoke firings that had not started."""
        self._stopped = True
        self._poked.set()
        self._shell.abort()

    async def finish(self) -> Ran:
        """Run until the net has ended.

        Raises:
            StoreError: the run could not be written to its file.
        """
        ended = await self._shell.run()
        self._shell = self._new_shell()
        taken, self._taken = tuple(self._taken), []
        return Ran(ended, taken, self._kernel.marking())

    async def serve(self) -> None:
        """Run until `stop` is called, even while there is nothing to do."""
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
    """Prepare a net to run; then `finish()` it, or `serve()` it until it is stopped.

    Args:
        net: is checked first.
        effects: the function for each of its effects.
        keep: a file that keeps the run, or an address on PostgreSQL. If it exists, the run is continued:
            effects that were under way are `Lost`, everything else is unchanged. Effects start only once the
            decision for them is durable.
        wait: if another process has it, wait until it ends, and take over.
        on_row: is called with each row that reaches a sink; without it, `finish` returns the rows.
        trace: is called with each event; see `scraper_cpn.net.Trace`.

    Raises:
        NetError: the net is not valid, or an effect has no binding.
        StoreError: the file belongs to another net, is damaged, in use, or can't be written.
    """
    if keep is None:
        yield Live(net, effects, compile_net(net, trace), Clock(), None, on_row)
        return
    kept = await open_kept(net, location_of(keep), wait=wait, trace=trace)
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
        effects: the function for each of its effects: async, plain, or a binding of `run.effects`.
        tokens: the initial tokens; they are ignored if a kept run is continued, which already has them.
        keep: see `running`.
        wait: see `running`.
        on_row: see `running`.
        trace: see `running`.

    Raises:
        NetError: the net is not valid, an effect has no binding, or a token does not fit.
        StoreError: the file belongs to another net, is damaged, in use, or can't be written.
    """
    async with running(net, effects, keep=keep, wait=wait, on_row=on_row, trace=trace) as live:
        if live.new:
            for place, colour in listed_tokens(net, tokens or {}):
                live.inject(place, colour)
        return await live.finish()


def _bound(effect: Callable[..., Any] | Bound, *, kept: bool) -> Callable[..., Any] | Bound:
    """Bind a function: one that is async, or belongs to a kept run, starts only once its firing is durable."""
    if isinstance(effect, Bound) or not callable(effect):
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
