"""Virtual time: a net run to its end without waiting.

Owns: one heap of what will happen, ordered by (time, serial): total, so that the same effects give the
same trace on any machine. Must not know: what a net is for, the real clock, asyncio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from scraper_cpn.net import Ended, Firing, Lost, Net, NetError, Row, Step

VirtualEffect: TypeAlias = Callable[..., tuple[int, Any]]
"""Is called with a firing's tokens and the time; gives how long it takes (ns) and its outcome."""


class Decider(Protocol):
    """What is driven: a kernel, or anything else with these calls of one. See `net.Kernel`."""

    def step(self, now_ns: int, limit: int = ...) -> Step:
        """Decide all that can be decided now."""

    def started(self, firing_id: int, now_ns: int) -> None:
        """An effect really starts."""

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        """It has ended."""

    def drain(self) -> list[Row]:
        """The rows since the last call."""

    def ended(self, now_ns: int) -> Ended | None:
        """How the run ended."""


class Run(Struct, frozen=True):
    """How a virtual run went.

    Attributes:
        ended: None if *until_ns* was reached first.
        now_ns: the virtual time at the end.
        steps: calls of the kernel's `step`, the price of waking up.
        firings: effects that were started.
    """

    ended: Ended | None
    now_ns: int
    steps: int
    firings: int


def run(
    kernel: Decider,
    effects: Mapping[str, VirtualEffect],
    now_ns: int,
    *,
    until_ns: int | None = None,
    on_rows: Callable[[list[Row]], None] | None = None,
) -> Run:
    """Run a kernel, with its first tokens injected, in virtual time.

    Args:
        kernel: either execution, or another decider.
        effects: by the net's names; each is told the tokens and, last, the time.
        now_ns: the time to begin at.
        until_ns: stop at this time at the latest, whatever is in flight.
        on_rows: is given what reached a sink, in order.
    """
    _refuse_unbound(kernel, effects)
    coming: list[tuple[int, int, Any]] = []
    steps = firings = 0
    while True:
        step = kernel.step(now_ns)
        steps += 1
        for firing in step.firings:
            kernel.started(firing.id, now_ns)
            takes_ns, outcome = _work(effects[firing.effect], firing, now_ns)
            heappush(coming, (now_ns + takes_ns, firing.id, outcome))
        firings += len(step.firings)
        rows = kernel.drain()
        if rows and on_rows is not None:
            on_rows(rows)
        ended = kernel.ended(now_ns)
        if ended is not None:
            return Run(ended, now_ns, steps, firings)
        if not step.firings:
            now_ns = _next_time(coming, step.wake_ns)
        if until_ns is not None and now_ns >= until_ns:
            return Run(None, until_ns, steps, firings)
        while coming and coming[0][0] <= now_ns:
            _, firing_id, outcome = heappop(coming)
            _complete(kernel, firing_id, outcome, now_ns)


def _refuse_unbound(kernel: Decider, effects: Mapping[str, VirtualEffect]) -> None:
    """Raise `NetError` where an effect of the net has no function; other deciders tell no net."""
    net = getattr(kernel, "net", None)
    if isinstance(net, Net):
        missing = [name for name in net.effects if name not in effects]
        problems = [
            f"net {net.name}, effect {name}: is bound to nothing; give a function for it"
            for name in missing
        ]
        if problems:
            raise NetError(*problems)


def _work(effect: VirtualEffect, firing: Firing, now_ns: int) -> tuple[int, Any]:
    """What an effect ends in, and when; like real ones, it is cut off at its deadline."""
    takes_ns, outcome = effect(*firing.args, now_ns)
    if firing.deadline_ns is not None and takes_ns > firing.deadline_ns:
        return firing.deadline_ns, Lost("passed its deadline")
    return takes_ns, outcome


def _complete(kernel: Decider, firing_id: int, outcome: Any, now_ns: int) -> None:
    """Give a firing its outcome; one that the net does not know is `Lost`, as it is in the shell."""
    try:
        kernel.complete(firing_id, outcome, now_ns)
    except NetError as error:
        kernel.complete(firing_id, Lost(f"the effect broke its contract: {error}"), now_ns)


def _next_time(coming: list[tuple[int, int, Any]], wake_ns: int | None) -> int:
    """When something happens next; only asked when nothing can happen now."""
    times = [] if wake_ns is None else [wake_ns]
    return min(times + [time_ns for time_ns, _, _ in coming[:1]])
