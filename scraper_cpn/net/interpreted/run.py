"""How one of many runs ended.

Owns: that decision, by searching a marking; a compiled kernel asks it where its own structures don't tell.
Must not know: what a firing does.

Cost: every combination of tokens in the places that a transition joins.
"""

from __future__ import annotations

from collections.abc import Hashable

from scraper_cpn.net import plan, runs
from scraper_cpn.net.interpreted.search import candidates, times_after
from scraper_cpn.net.interpreted.state import MutableMarking
from scraper_cpn.net.marking import Ended
from scraper_cpn.net.places import AnyPlace, Counter, Place


def run_ended(state: MutableMarking, run: Hashable, now_ns: int) -> Ended | None:
    """How a run ended; None while a firing of it is in flight, or it can still do something by itself."""
    name = runs.key_of_runs(state.net)
    flights = [flight.binding for flight in state.flights.values()]
    if any(runs.binds_of(name, run, each.transition, each.inputs) for each in flights):
        return None
    working = is_working(state, run)
    if _fires(state, run, now_ns, by_hand=working):
        return None
    at_end = [place for place in state.net.places.values() if _at_end(state, place, run)]
    if working and any(not _is_put_off(state, place, run) for place in at_end):
        return "spent"
    waits = working and any(runs.shares(name, each.transition) for each in flights)
    later = working and any(
        _fires(state, run, at, by_hand=True) for at in times_after(state, now_ns)
    )
    if at_end and working and not (waits or later):
        return "spent"
    return None if waits or later else runs.idle(state.net, run, state.faulted, working=working)


def is_working(state: MutableMarking, run: Hashable) -> bool:
    """Whether work of a run is left."""
    name = runs.key_of_runs(state.net)
    return any(
        runs.is_of(name, run, place, token.colour)
        for place in state.net.places.values()
        if isinstance(place, Place) and place.work
        for token in state.tokens[place.name].values()
    )


def _fires(state: MutableMarking, run: Hashable, now_ns: int, *, by_hand: bool) -> bool:
    """Whether something of a run can fire at a time."""
    name = runs.key_of_runs(state.net)
    return any(
        runs.binds_of(name, run, transition, binding.inputs)
        for transition in plan.ordered(state.net)
        if not transition.manual or (by_hand and plan.goes_on_by_hand(state.net, transition))
        for binding in candidates(state, transition, now_ns)
    )


def _is_put_off(state: MutableMarking, place: AnyPlace, run: Hashable) -> bool:
    """Whether the end of a budget waits for what is under way in a run."""
    unless = getattr(place, "unless", None)
    if unless is None:
        return False
    name = runs.key_of_runs(state.net)
    return any(
        runs.is_of(name, run, unless, token.colour) for token in state.tokens[unless.name].values()
    )


def _at_end(state: MutableMarking, place: AnyPlace, run: Hashable) -> bool:
    """Whether a budget is at its end for a run: its own one, or one of all runs."""
    if not getattr(place, "budget", False):
        return False
    name = runs.key_of_runs(state.net)
    if isinstance(place, Counter):
        numbers = state.counters[place.name]
        if not place.keys:
            return state.number(place, None) == 0
        at = place.keys.index(name) if name in place.keys else None
        own = (n for key, n in numbers.items() if at is None or _part(key, place, at) == run)
        return 0 in own
    colours = [token.colour for token in state.tokens[place.name].values()]
    if name not in place.keys:
        return not colours
    return not any(getattr(colour, name) == run for colour in colours)


def _part(key: Hashable, place: Counter, at: int) -> Hashable:
    """One of the values of a number's key."""
    return key[at] if len(place.keys) > 1 else key  # type: ignore[index]
