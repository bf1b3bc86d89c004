"""Virtual time: running a net to its end without waiting.

Owns: one heap of future events in the total order (time, serial), so that the same effects give the same
trace on any machine. Must not know: what a net is for, the real clock, asyncio.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from heapq import heappop, heappush
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from scraper_cpn.net import Ended, Firing, Lost, Net, NetError, Row, Step


class Connecting(Struct, frozen=True):
    """An effect that does not start at once.

    Attributes:
        takes_ns: the time from now to its start, if it may start then.
        go: is called with the time of the start; returns the duration from then on, and the outcome.
    """

    takes_ns: int
    go: Callable[[int], tuple[int, Any]]


VirtualEffect: TypeAlias = Callable[..., tuple[int, Any]]
"""Is called with a firing's tokens and the time; returns its duration (ns) and its outcome."""
SlowEffect: TypeAlias = Callable[..., Connecting]
"""The same for an effect that starts later."""


class Decider(Protocol):
    """What the driver runs: a kernel, or anything with these methods of a kernel. See `net.Kernel`."""

    def step(self, now_ns: int, limit: int = ...) -> Step:
        """Fire everything that is enabled now."""

    def started(self, firing_id: int, now_ns: int, *, asked: bool = False) -> bool:
        """Report that an effect starts; it is revoked if it may no longer start."""

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        """Report that an effect has ended."""

    def drain(self) -> list[Row]:
        """The rows since the last call."""

    def ended(self, now_ns: int) -> Ended | None:
        """How the run ended."""


class Run(Struct, frozen=True):
    """The result of a virtual run.

    Attributes:
        ended: None if *until_ns* was reached first, or if nothing but a manual transition that nobody began could
            continue the run.
        now_ns: the virtual time at the end.
        steps: calls of the kernel's `step`, a measure of wake-ups.
        firings: effects that were started.
    """

    ended: Ended | None
    now_ns: int
    steps: int
    firings: int


def run(
    kernel: Decider,
    effects: Mapping[str, VirtualEffect | SlowEffect],
    now_ns: int,
    *,
    until_ns: int | None = None,
    on_rows: Callable[[list[Row]], None] | None = None,
    begin: Callable[[int], Firing | None] = lambda _: None,
    waits: Callable[[int], int | None] = lambda _: None,
) -> Run:
    """Run a kernel, with its initial tokens injected, in virtual time.

    Args:
        kernel: either kernel, or another decider.
        effects: by their names in the net; each is called with the tokens and, last, the time.
        now_ns: the time to begin at.
        until_ns: the time to stop at, even if firings are in flight.
        on_rows: is called with the rows that reached a sink, in order.
        begin: begins a firing by hand at the given time, when no other one fires; None for none.
        waits: the next time after the given one at which time alone may give *begin* something; None for never.
    """
    refuse_unbound(kernel, effects)
    coming: list[tuple[int, int, Any]] = []
    steps = firings = 0
    while True:
        step = kernel.step(now_ns)
        steps += 1
        by_hand = None if step.firings else begin(now_ns)
        begun = step.firings if by_hand is None else (by_hand,) if by_hand.effect else ()
        for firing in begun:
            work = effects[firing.effect](*firing.args, now_ns)
            following = launched(kernel, firing, work, now_ns)
            if following is not None:
                heappush(coming, following)
        firings += len(begun)
        rows = kernel.drain()
        if rows and on_rows is not None:
            on_rows(rows)
        ended = kernel.ended(now_ns)
        if ended is not None:
            return Run(ended, now_ns, steps, firings)
        if not step.firings and by_hand is None:
            later = _next_time(coming, step.wake_ns, waits(now_ns))
            if later is None:
                return Run(None, now_ns, steps, firings)
            now_ns = later
        if until_ns is not None and now_ns >= until_ns:
            return Run(None, until_ns, steps, firings)
        while coming and coming[0][0] <= now_ns:
            _, firing_id, outcome = heappop(coming)
            if isinstance(outcome, Starting):
                if kernel.started(firing_id, now_ns, asked=outcome.late):
                    heappush(coming, outcome.ended(now_ns))
            else:
                completed(kernel, firing_id, outcome, now_ns)


def launched(
    kernel: Decider, firing: Firing, work: Connecting | tuple[int, Any], now_ns: int
) -> Coming | None:
    """The result of starting a firing's work; None if it may no longer start."""
    if isinstance(work, Connecting):
        return _connected(firing, work, now_ns)
    if kernel.started(firing.id, now_ns):
        takes_ns, outcome = work
        return _ended(firing, takes_ns, outcome, now_ns, firing.deadline_ns)
    return None


def refuse_unbound(kernel: Decider, effects: Mapping[str, VirtualEffect | SlowEffect]) -> None:
    """Raise `NetError` if an effect of the net has no function; deciders without a net are not checked."""
    net = getattr(kernel, "net", None)
    if isinstance(net, Net):
        missing = [name for name in net.effects if name not in effects]
        problems = [
            f"net {net.name}, effect {name}: is bound to nothing; give a function for it"
            for name in missing
        ]
        if problems:
            raise NetError(*problems)


Coming: TypeAlias = tuple[int, int, Any]
"""A future event: its time, the firing, and the outcome."""


def _ended(firing: Firing, takes_ns: int, outcome: Any, now_ns: int, left_ns: int | None) -> Coming:
    """When an effect ends, and its outcome; like a real effect, it ends at its deadline at the latest."""
    if left_ns is not None and takes_ns > left_ns:
        takes_ns, outcome = left_ns, Lost("took longer than its deadline")
    return now_ns + takes_ns, firing.id, outcome


class Starting(Struct, frozen=True):
    """A firing that is about to start, or reaches its deadline first (*late*)."""

    firing: Firing
    go: Callable[[int], tuple[int, Any]]
    left_ns: int | None
    late: bool

    def ended(self, now_ns: int) -> Coming:
        """When and how it ends after its start."""
        if self.late:
            return now_ns, self.firing.id, Lost("took longer than its deadline")
        return _ended(self.firing, *self.go(now_ns), now_ns, self.left_ns)


def _connected(firing: Firing, work: Connecting, now_ns: int) -> Coming:
    """When a firing starts, or reaches its deadline if that comes first."""
    most_ns = firing.deadline_ns
    late = most_ns is not None and work.takes_ns >= most_ns
    takes_ns = most_ns if late and most_ns is not None else work.takes_ns
    left_ns = None if most_ns is None else most_ns - takes_ns
    return now_ns + takes_ns, firing.id, Starting(firing, work.go, left_ns, late)


def completed(kernel: Decider, firing_id: int, outcome: Any, now_ns: int) -> None:
    """Complete a firing; an outcome that the net does not know becomes `Lost`, as in the shell."""
    try:
        kernel.complete(firing_id, outcome, now_ns)
    except NetError as error:
        kernel.complete(
            firing_id,
            Lost(f"the outcome of the effect was refused: {error}"),
            now_ns,
        )


def _next_time(coming: list[Coming], *wakes_ns: int | None) -> int | None:
    """The time of the next event, when nothing can happen now; None if there is none."""
    times = [time_ns for time_ns, _, _ in coming[:1]]
    return min(times + [wake_ns for wake_ns in wakes_ns if wake_ns is not None], default=None)
