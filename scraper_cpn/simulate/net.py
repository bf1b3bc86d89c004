"""Running any net in virtual time.

Owns: `simulate_net`. Must not know: what a net is for, the real clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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
    NetError,
    Place,
    Row,
    Trace,
    compile_net,
)
from scraper_cpn.net.refusal import listed_tokens
from scraper_cpn.simulate.driver import Connecting, VirtualEffect, run

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
    for place, colour in listed_tokens(net, tokens):
        kernel.inject(place, colour, 0)
    effects = effects_of(net, durations)
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


def effects_of(net: Net, durations: Mapping[str, Duration]) -> dict[str, Callable[..., Any]]:
    """The durations of a net's effects as functions of the tokens and the time; what these return is checked.

    Raises:
        NetError: something is no duration, or of no effect of the net.
    """
    problems = list(_duration_problems(net, durations))
    if problems:
        raise NetError(*problems)
    return {name: _effect(net, name, each) for name, each in durations.items()}


def _duration_problems(net: Net, durations: Any) -> Iterator[str]:
    """What is wrong with durations, one line each."""
    if not isinstance(durations, Mapping):
        yield f"net {net.name}: its durations are {durations!r}; give {{effect: (duration in ns, outcome)}}"
        return
    for name, duration in durations.items():
        where = f"net {net.name}, effect {name}"
        if name not in net.effects:
            yield f"{where}: is not in the net, which has {', '.join(net.effects) or 'none'}; leave it out"
        elif not callable(duration) and not _is_duration(duration):
            yield f"{where}: {_NO_DURATION.format(duration)}"


_NO_DURATION = (
    "{!r} is no duration; give (nanoseconds from 0 up, outcome), or a function that returns that"
)


def _is_duration(given: Any) -> bool:
    return isinstance(given, tuple) and len(given) == 2 and type(given[0]) is int and given[0] >= 0


def _effect(net: Net, name: str, duration: Duration) -> Callable[..., Any]:
    """The function for an effect."""

    def effect(*given: Any) -> Any:
        found = duration(*given) if callable(duration) else duration
        if not isinstance(found, Connecting) and not _is_duration(found):
            raise NetError(f"net {net.name}, effect {name}: {_NO_DURATION.format(found)}")
        return found

    return effect
