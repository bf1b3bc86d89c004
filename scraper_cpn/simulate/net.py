"""Running any net in virtual time.

Owns: `simulate_net`. Must not know: what a net is for, the real clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeAlias

from msgspec import Struct

from scraper_cpn.net import (
    Binding,
    Ended,
    Firing,
    Kernel,
    Marking,
    Net,
    Place,
    Row,
    Trace,
    compile_net,
)
from scraper_cpn.simulate.driver import VirtualEffect, run

Duration: TypeAlias = tuple[int, Any] | VirtualEffect
"""An effect's duration (ns) and outcome: constants, or a function of the tokens and the time."""


Chooser: TypeAlias = Callable[[tuple[Binding, ...], int], Binding | None]
"""Chooses the binding of a manual transition that begins at a time (ns); None for none."""


class Simulated(Struct, frozen=True):
    """The result of a net's run in virtual time.

    Attributes:
        ended: None if *until_ns* was reached first, or if nothing but a manual transition that nobody began could
            continue the run.
        now_ns: the virtual time at the end.
        firings: effects that were started.
        rows: what reached its sinks, oldest first.
        marking: the final marking.
    """

    ended: Ended | None
    now_ns: int
    firings: int
    rows: tuple[Row, ...]
    marking: Marking


def simulate_net(
    net: Net,
    durations: Mapping[str, Duration],
    tokens: Mapping[Place[Any], Iterable[Any]],
    *,
    until_ns: int | None = None,
    trace: Trace | None = None,
    manual: Mapping[str, Chooser] | None = None,
) -> Simulated:
    """Run a net to its end without waiting. The same durations always give the same trace.

    Args:
        net: is checked first.
        durations: for each effect, its duration and outcome.
        tokens: the initial tokens, by place.
        until_ns: the time to stop at.
        trace: is called with each event.
        manual: for each manual transition, who begins it: a function of its bindings and the time; gives the
            binding to begin, or None. It is called when nothing else fires at that time: after each event, and
            whenever a token becomes ready that the transition could take. Without one, it never fires.

    Raises:
        NetError: the net is not valid, a transition is not manual, a binding was not among those given, an effect has no duration, or a token does not fit.
    """
    kernel = compile_net(net, trace)
    rows: list[Row] = []
    for place, colours in tokens.items():
        for colour in colours:
            kernel.inject(place, colour, 0)
    effects = {name: effect_of(each) for name, each in durations.items()}
    choosers = manual or {}
    ran = run(
        kernel, effects, 0, until_ns=until_ns, on_rows=rows.extend, begin=partial(_begin, kernel, choosers),
        waits=partial(kernel.next_by_hand, choosers),
    )  # fmt: skip
    return Simulated(ran.ended, ran.now_ns, ran.firings, tuple(rows), kernel.marking())


def _begin(kernel: Kernel, manual: Mapping[str, Chooser], now_ns: int) -> Firing | None:
    """The first manual firing that begins now."""
    for name, choose in manual.items():
        found = kernel.bindings(name, now_ns)
        binding = choose(found, now_ns) if found else None
        if binding is not None:
            return kernel.begin(binding, now_ns)
    return None


def effect_of(duration: Duration) -> Callable[..., tuple[int, Any]]:
    """A duration as a function of the tokens and the time."""
    if callable(duration):
        return duration
    always = duration
    return lambda *_: always
