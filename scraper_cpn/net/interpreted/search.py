"""Which binding fires next, and when there will be one.

Owns: the search over every combination of tokens, in the order that the rules name. It is complete,
and it changes nothing.
Must not know: what a firing does.

Cost: every combination of tokens in the places that a transition joins.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.interpreted.binding import Binding
from scraper_cpn.net.interpreted.state import State
from scraper_cpn.net.marking import blame, one_key
from scraper_cpn.net.places import Counter, KeySet

Env = dict[str, Hashable]
"""The values of the joined keys, by name."""


def first(state: State, now_ns: int) -> tuple[Binding, str | None] | None:
    """The binding that fires next, or None.

    With a text, it does not fire: its guard over several tokens raised that error.
    """
    for transition in plan.ordered(state.net):
        if state.has_room(transition):
            for binding in _bindings(state, transition, now_ns):
                agreed, error = _agrees(binding)
                if agreed or error is not None:
                    return binding, error
    return None


def useful(state: State, now_ns: int) -> int | None:
    """The least time after *now_ns* at which there is a binding, if nothing else happens."""
    times = set()
    for tokens in state.tokens.values():
        for token in tokens.values():
            times.update({token.ready_at_ns, token.expires_at_ns or 0})
    later = (time_ns for time_ns in sorted(times) if time_ns > now_ns)
    return next((time_ns for time_ns in later if first(state, time_ns) is not None), None)


def _bindings(state: State, transition: Transition, now_ns: int) -> Iterator[Binding]:
    """Every binding, in lexicographic order over the arcs as declared."""
    names = plan.arc_keys(transition)
    for inputs, env in _combinations(state, transition, names, now_ns, (), {}):
        whole = _with_keys(state, transition, names, inputs, env)
        if whole is not None:
            yield Binding(transition, whole)


def _combinations(
    state: State,
    transition: Transition,
    names: list[tuple[str, ...]],
    now_ns: int,
    inputs: tuple[Any, ...],
    env: Env,
) -> Iterator[tuple[tuple[Any, ...], Env]]:
    """Every combination of visible tokens whose joined keys agree, with the values of these keys."""
    number = len(inputs)
    if number == len(transition.arcs):
        yield inputs, env
        return
    arc = transition.arcs[number]
    if not arc.binds:
        yield from _combinations(state, transition, names, now_ns, (*inputs, None), env)
        return
    tokens = [
        token for token in state.tokens[arc.place.name].values() if token.visible_to(arc, now_ns)
    ]
    for token in sorted(tokens, key=lambda token: token.sort_key):
        keys = {name: token.keys[name] for name in names[number]}
        if all(env.get(name, key) == key for name, key in keys.items()):
            bound = (*inputs, token)
            yield from _combinations(state, transition, names, now_ns, bound, env | keys)


def _with_keys(
    state: State,
    transition: Transition,
    names: list[tuple[str, ...]],
    inputs: tuple[Any, ...],
    env: Env,
) -> tuple[Any, ...] | None:
    """The inputs with the keys of numbers filled in; None if a number, absence or set says no."""
    whole = list(inputs)
    for number, arc in enumerate(transition.arcs):
        if not arc.binds:
            keys = {name: env[name] for name in names[number]}
            if not _allows(state, arc, keys):
                return None
            whole[number] = one_key(keys.values())
    return tuple(whole)


def _allows(state: State, arc: Arc, keys: Env) -> bool:
    """Whether a number is above 0, a set has (or lacks) the key, or no token has the keys."""
    place = arc.place
    if isinstance(place, Counter):
        return state.number(place, one_key(keys.values())) > 0
    if isinstance(place, KeySet):
        return (one_key(keys.values()) in state.sets[place.name]) == (arc.kind == "read")
    return not any(
        all(token.keys[name] == value for name, value in keys.items())
        for token in state.tokens[place.name].values()
    )


def _agrees(binding: Binding) -> tuple[bool, str | None]:
    """Whether the guard over several tokens is true, or the error that it raised."""
    scan = binding.transition.scan
    if scan is None or scan.fn is None:
        return True, None
    try:
        return bool(scan.fn(*binding.colours(scan.sources))), None
    except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
        return False, blame(error)
