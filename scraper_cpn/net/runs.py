"""Many runs in one net: what belongs to which.

Owns: which tokens, firings and faults are of a run, by the key that the net declares (`Net.run`).
Must not know: how an execution keeps its tokens, when a run has ended.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.errors import NetError
from scraper_cpn.net.marking import Ended, Faulted
from scraper_cpn.net.places import AnyPlace


def key_of_runs(net: Net) -> str:
    """The key that tells a net's runs apart; `NetError` if it has none."""
    if net.run is None:
        raise NetError(
            f'net {net.name}: has no key for runs; declare one: Net("{net.name}", run="key")'
        )
    return net.run


def is_of(name: str, run: Hashable, place: AnyPlace, colour: Any) -> bool:
    """Whether a token belongs to a run: its place has the key, and it has the value."""
    return name in place.keys and bool(getattr(colour, name) == run)


def binds_of(name: str, run: Hashable, transition: Transition, inputs: Iterable[Any]) -> bool:
    """Whether one of the tokens, or of the numbers with a key, that a transition binds belongs to a run."""
    for arc, names, bound in zip(transition.arcs, plan.arc_keys(transition), inputs, strict=True):
        if arc.binds:
            if any(is_of(name, run, arc.place, token.colour) for token in plan.tokens_of(bound)):
                return True
        elif name in names:
            parts = bound if len(names) > 1 else (bound,)
            if parts[names.index(name)] == run:
                return True
    return False


def shares(name: str, transition: Transition) -> bool:
    """Whether a firing may give back what is of no run: another run may wait for it."""
    arcs = [arc.place for arc in transition.arcs if arc.takes]
    puts = [output.place for case in transition.outcomes for output in case.outputs]
    return any(name not in place.keys for place in (*arcs, *puts))


def is_fault_of(net: Net, name: str, run: Hashable, fault: Faulted) -> bool:
    """Whether a token that was set aside belongs to a run."""
    place = net.places.get(fault.place)
    if place is None or fault.colour is None:
        return False
    try:
        return is_of(name, run, place, fault.colour)
    except Exception:  # noqa: BLE001  (the key itself may be what raised)
        return False


def idle(net: Net, run: Hashable, faulted: Iterable[Faulted], *, working: bool) -> Ended:
    """How a run ended that can do nothing any more."""
    name = key_of_runs(net)
    if any(is_fault_of(net, name, run, fault) for fault in faulted):
        return "faulted"
    return "stuck" if working else "finished"
