"""Which binding fires next, and when there will be one.

Owns: the search over every combination of tokens, in the order that the rules name. It is complete,
and it changes nothing.
Must not know: what a firing does.

Cost: every combination of tokens in the places that a transition joins.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from itertools import combinations
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.interpreted.binding import InterpretedBinding, InterpretedToken
from scraper_cpn.net.interpreted.state import MutableMarking
from scraper_cpn.net.marking import blame, one_key
from scraper_cpn.net.places import Counter, KeySet

Env = dict[str, Hashable]
"""The values of the joined keys, by name."""


def first(
    state: MutableMarking, now_ns: int, *, by_hand: bool = False
) -> tuple[InterpretedBinding, str | None] | None:
    """The binding that fires next, or None; with *by_hand*, somebody may have to begin it.

    With a text, it does not fire: its guard over several tokens raised that error.
    """
    for transition in plan.ordered(state.net):
        if by_hand and plan.goes_on_by_hand(state.net, transition):
            for binding in listed(state, transition, now_ns):
                return binding, None
        elif not transition.manual and state.has_room(transition):
            for binding in _bindings(state, transition, now_ns):
                agreed, error = _agrees(binding)
                if agreed or error is not None:
                    return binding, error
    return None


def listed(
    state: MutableMarking, transition: Transition, now_ns: int
) -> Iterator[InterpretedBinding]:
    """Every binding of a transition, in order; not those on which its guard over several tokens raises."""
    if state.has_room(transition):
        yield from (each for each in _bindings(state, transition, now_ns) if _agrees(each)[0])


def candidates(
    state: MutableMarking, transition: Transition, now_ns: int
) -> Iterator[InterpretedBinding]:
    """The bindings of a transition that fire, or on which its guard over several tokens raises in a step."""
    if transition.manual:
        yield from listed(state, transition, now_ns)
    elif state.has_room(transition):
        yield from (each for each in _bindings(state, transition, now_ns) if any(_agrees(each)))


def useful(state: MutableMarking, now_ns: int, *, by_hand: bool = False) -> int | None:
    """The least time after *now_ns* at which there is a binding, if nothing else happens."""
    later = times_after(state, now_ns)
    fires = (at for at in later if first(state, at, by_hand=by_hand) is not None)
    return next(fires, None)


def times_after(state: MutableMarking, now_ns: int) -> list[int]:
    """The times after *now_ns* at which a token becomes ready or expires."""
    times = set()
    for tokens in state.tokens.values():
        for token in tokens.values():
            times.update({token.ready_at_ns, token.expires_at_ns or 0})
    return [time_ns for time_ns in sorted(times) if time_ns > now_ns]


def _bindings(
    state: MutableMarking, transition: Transition, now_ns: int
) -> Iterator[InterpretedBinding]:
    """Every binding, in lexicographic order over the arcs as declared."""
    names = plan.arc_keys(transition)
    for inputs, env in _combinations(state, transition, names, now_ns, (), {}):
        whole = _with_keys(state, transition, names, inputs, env)
        if whole is not None:
            yield InterpretedBinding(transition, whole)


def _combinations(
    state: MutableMarking,
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
    before = {
        token.serial
        for at, bound in enumerate(inputs)
        if transition.arcs[at].binds
        for token in plan.tokens_of(bound)
    }
    seen = [token for token in _visible(state, arc, now_ns) if token.serial not in before]
    for bound, keys in _options(arc, names[number], seen, env):
        if all(env.get(name, key) == key for name, key in keys.items()):
            yield from _combinations(state, transition, names, now_ns, (*inputs, bound), env | keys)


def _visible(state: MutableMarking, arc: Arc, now_ns: int) -> list[InterpretedToken]:
    """The tokens that an arc may bind, in their order."""
    tokens = [
        token for token in state.tokens[arc.place.name].values() if token.visible_to(arc, now_ns)
    ]
    if arc.include_in_use:
        tokens += [token for token in state.in_use(arc.place) if token.passes_guard(arc)]
    return sorted(tokens, key=lambda token: token.sort_key)


def _options(
    arc: Arc, names: tuple[str, ...], tokens: list[InterpretedToken], env: Env
) -> Iterator[tuple[Any, Env]]:
    """The options of an arc, each with the values of its joined keys, in lexicographic order."""
    if not arc.many:
        for token in tokens:
            yield token, {name: token.keys[name] for name in names}
        return
    by_key: dict[Hashable, list[InterpretedToken]] = {}
    if arc.all and all(name in env for name in names):
        by_key[one_key(env[name] for name in names)] = []
    for token in tokens:
        by_key.setdefault(one_key(token.keys[name] for name in names), []).append(token)
    several = [
        (bound, dict(zip(names, _parts(key, names), strict=True)))
        for key, alike in by_key.items()
        for bound in _several(arc, key, alike)
    ]
    yield from sorted(several, key=lambda each: [token.sort_key for token in each[0]])


def _several(
    arc: Arc, key: Hashable, alike: list[InterpretedToken]
) -> list[tuple[InterpretedToken, ...]]:
    """The tokens of a key that an arc binds together: all, or every choice of as many as it needs."""
    needed = plan.amount(arc, key)
    if needed is None or len(alike) < needed:
        return []
    return [tuple(alike)] if arc.all else list(combinations(alike, needed))


def _parts(key: Hashable, names: tuple[str, ...]) -> tuple[Hashable, ...]:
    """The parts of a key made by `one_key`."""
    return key if len(names) > 1 else (key,) * len(names)  # type: ignore[return-value]


def _with_keys(
    state: MutableMarking,
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
            if not _allows(state, arc, names[number], keys):
                return None
            whole[number] = one_key(keys.values())
    return tuple(whole)


def _allows(state: MutableMarking, arc: Arc, names: tuple[str, ...], keys: Env) -> bool:
    """Whether a number is high enough, a set has (or lacks) the key, or no token has the keys."""
    place, key = arc.place, one_key(keys.values())
    if isinstance(place, Counter):
        needed = plan.amount(arc, key)
        return needed is not None and state.number(place, key) >= needed
    if isinstance(place, KeySet):
        return (key in state.sets[place.name]) == (arc.kind == "read")
    tokens = list(state.tokens[place.name].values())
    tokens += state.in_use(place) if arc.include_in_use else []
    return (place.name, names, key) not in state.claimed() and not any(
        token.passes_guard(arc) and all(token.keys[name] == value for name, value in keys.items())
        for token in tokens
    )


def _agrees(binding: InterpretedBinding) -> tuple[bool, str | None]:
    """Whether the guard over several tokens is true, or the error that it raised."""
    scan = binding.transition.scan
    if scan is None or scan.fn is None:
        return True, None
    try:
        return bool(scan.fn(*binding.values(scan.sources))), None
    except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
        return False, blame(error)
