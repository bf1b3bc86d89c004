"""Facts derived from a declaration, for both executions and for the checks.

Owns: which keys a transition joins its inputs on, which inputs form a join group, what each output
is made from, how many slots a firing reserves, in which order transitions are tried.
Must not know: tokens, time.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Any

from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.marking import Flying, Standing, span
from scraper_cpn.net.outputs import Lost, On, Output
from scraper_cpn.net.places import AnyPlace, Counter, Place

OUTCOME = -1
"""In `made_from`: the outcome itself, instead of an input arc's number."""


@dataclass(frozen=True)
class JoinGroup:
    """Inputs of a transition that are joined on their keys; unrelated groups never multiply.

    Attributes:
        lead: the number of the arc that carries all the group's keys; None if no token is bound.
        arcs: the numbers of all its arcs, in the order of declaration, the lead among them.
        keys: the key names that the group is joined on; empty for a group of one.
    """

    lead: int | None
    arcs: tuple[int, ...]
    keys: tuple[str, ...]


def ordered(net: Net) -> list[Transition]:
    """The transitions in the order in which they are tried: priority, then declaration."""
    return sorted(net.transitions.values(), key=lambda transition: transition.priority)


def joined(transition: Transition) -> frozenset[str]:
    """The key names that two or more inputs share, or that the transition declares."""
    if transition.join is not None:
        return frozenset(transition.join)
    names = [name for arc in transition.arcs for name in arc.place.keys]
    return frozenset(name for name in names if names.count(name) > 1)


def arc_keys(transition: Transition) -> list[tuple[str, ...]]:
    """For each arc, the keys that it is joined on, in the order of its place's declaration."""
    shared = joined(transition)
    return [tuple(name for name in arc.place.keys if name in shared) for arc in transition.arcs]


def groups(transition: Transition) -> list[JoinGroup]:
    """The join groups, in the order of their first arcs."""
    keys = arc_keys(transition)
    parts: list[set[int]] = []
    for number, names in enumerate(keys):
        touching = [part for part in parts if any(set(keys[other]) & set(names) for other in part)]
        parts = [part for part in parts if part not in touching] + [{number}.union(*touching)]
    return [_group(transition, keys, tuple(sorted(part))) for part in sorted(parts, key=min)]


def _group(transition: Transition, keys: list[tuple[str, ...]], arcs: tuple[int, ...]) -> JoinGroup:
    lead = next((number for number in arcs if transition.arcs[number].binds), None)
    names = tuple(dict.fromkeys(name for number in arcs for name in keys[number]))
    return JoinGroup(
        lead, arcs, names if lead is None else tuple(sorted(names, key=_place_in(keys[lead])))
    )


def _place_in(names: tuple[str, ...]) -> Any:
    return lambda name: names.index(name) if name in names else len(names)


def bound_at(transition: Transition, place: AnyPlace) -> int | None:
    """The number of the first arc that binds a token of *place*."""
    for number, arc in enumerate(transition.arcs):
        if arc.place is place and arc.binds:
            return number
    return None


def source_at(transition: Transition, source: Any) -> int | None:
    """The number of the arc that a function's source stands for; None if there is none."""
    for number, arc in enumerate(transition.arcs):
        binds = arc.binds or isinstance(arc.place, Counter)
        if binds and (arc is source or arc.place is source):
            return number
    return None


def arcs_at(transition: Transition, place: AnyPlace) -> list[int]:
    """The numbers of all arcs that bind tokens of *place*."""
    return [n for n, arc in enumerate(transition.arcs) if arc.place is place and arc.binds]


def amount(arc: Arc, key: Hashable) -> int | None:
    """How many tokens of a key an arc needs, or how much of a number; None if its function does not say."""
    if not callable(arc.count):
        return arc.count
    try:
        number = arc.count(key)
    except Exception:  # noqa: BLE001  (the user's function may raise anything)
        return None
    return number if type(number) is int and number > 0 else None


def value_of(arc: Arc, bound: Any) -> Any:
    """The argument that a function gets for an arc: a colour, a tuple of them, a key or a number."""
    if isinstance(arc.place, Counter):
        return bound if arc.place.keys else arc.count
    return tuple(token.colour for token in bound) if arc.many else bound.colour


def tokens_of(bound: Any) -> tuple[Any, ...]:
    """The tokens in what an arc that binds tokens has bound."""
    return bound if isinstance(bound, tuple) else (bound,)


def key_source(transition: Transition, counter: Counter) -> int | None:
    """The number of the arc whose token determines the key of a keyed counter that is counted up."""
    for number, arc in enumerate(transition.arcs):
        if arc.binds and arc.fewest and set(counter.keys) <= set(arc.place.keys):
            return number
    return None


def combines(transition: Transition) -> bool:
    """Whether its bindings can only be found by trying combinations of tokens.

    It has a guard over several tokens, two arcs that bind different tokens of one place, or lists its bindings.
    """
    return transition.scan is not None or transition.manual or binds_twice(transition) is not None


def binds_twice(transition: Transition) -> str | None:
    """The name of a place of which two arcs bind different tokens."""
    places = [arc.place.name for arc in transition.arcs if arc.binds]
    return next((name for name in places if places.count(name) > 1), None)


def claims(transition: Transition, arc: Arc) -> bool:
    """Whether a running firing keeps the absence that *arc* found: its transition puts there when it ends."""
    return (
        arc.kind == "absent"
        and not transition.instant
        and isinstance(arc.place, Place)
        and any(
            output.place is arc.place for case in transition.outcomes for output in case.outputs
        )
    )


def set_aside_at(transition: Transition) -> int | None:
    """The arc whose token or number is set aside when a function raises: what is bound last.

    Of those that are taken for good; of those that are held or spent, if there are none.
    """
    for kinds in ({"take", "expired"}, {"hold", "spend"}):
        found = [n for n, arc in enumerate(transition.arcs) if arc.kind in kinds and arc.fewest]
        if found:
            return found[-1]
    return None


def made_from(transition: Transition, case: On, output: Output) -> tuple[int, ...] | None:
    """The arcs (or `OUTCOME`) that feed an output's function; None if one is unknown.

    Without a function, the one source is the token that moves.
    """
    if output.make is None and output.kind != "remove":
        return _moving(transition, case, output)
    found = [
        OUTCOME if source is case.outcome else source_at(transition, source)
        for source in output.sources
    ]
    return None if None in found else tuple(number for number in found if number is not None)


def fresh_from(transition: Transition, case: On, output: Output) -> list[int]:
    """The earlier `put_new`s of a case, by number, each of whose new tokens feeds an output's function."""
    number = case.outputs.index(output)
    (source,) = output.sources if len(output.sources) == 1 else (None,)
    if (
        output.seen is None
        or not isinstance(source, Place)
        or source_at(transition, source) is not None
    ):
        return []
    earlier = enumerate(case.outputs[:number])
    return [at for at, each in earlier if each.seen is not None and each.place is source]


def _moving(transition: Transition, case: On, output: Output) -> tuple[int, ...] | None:
    if not isinstance(output.place, Place):
        return ()
    if case.outcome is output.place.colour:
        return (OUTCOME,)
    same = [
        number
        for number, arc in enumerate(transition.arcs)
        if arc.uses_up and isinstance(arc.place, Place) and arc.place.colour is output.place.colour
    ]
    return tuple(same) if len(same) == 1 else None


def pause_before(transition: Transition, attempt: int, outcome: Any) -> int | None:
    """How long a firing waits before its next attempt; None if there is none after this outcome.

    A function that raises, or gives no time, gives no further attempt either.
    """
    if attempt >= transition.attempts or type(outcome) not in transition.retry:
        return None
    pause = transition.pause_ns
    try:
        return span(pause(attempt) if callable(pause) else pause)
    except Exception:  # noqa: BLE001  (the user's function may raise anything)
        return None


def calls_functions(case: On) -> bool:
    """Whether a function of the user is called for what a case puts."""
    return any(
        callable(fn) for each in case.outputs for fn in (each.make, each.after_ns, each.lasts_ns)
    )


def may_raise(transition: Transition) -> bool:
    """Whether a function of the user is called when a binding is chosen, or in a firing that has no effect."""
    if transition.scan is not None or transition.choice is not None:
        return True
    return transition.instant and any(calls_functions(case) for case in transition.outcomes)


def slots(transition: Transition) -> dict[str, int]:
    """The slots that a firing needs in each bounded place beside those that its own inputs have there."""
    needed: dict[str, int] = {}
    for case in transition.outcomes:
        count: dict[str, int] = {}
        for output in case.outputs:
            if (
                output.kind not in {"consume", "remove"}
                and isinstance(output.place, Place)
                and output.place.capacity is not None
            ):
                count[output.place.name] = count.get(output.place.name, 0) + 1
        for name, number in count.items():
            needed[name] = max(needed.get(name, 0), number)
    for arc in transition.arcs:
        if arc.uses_up and arc.place.name in needed:
            needed[arc.place.name] -= arc.fewest
    return {name: number for name, number in needed.items() if number > 0}


def occupies(
    transition: Transition,
    place: Place[Any],
    *,
    started: bool,
    inputs: tuple[Any, ...] | None = None,
) -> int:
    """The slots of *place* that a firing in flight occupies: its inputs' and those it may fill.

    What it spends is back in its place once the firing has *started*. Without the *inputs* that it has
    bound, the least number.
    """
    occupied = slots(transition).get(place.name, 0)
    for number, arc in enumerate(transition.arcs):
        if arc.place is place and arc.is_held(started=started):
            occupied += arc.fewest if inputs is None else len(tokens_of(inputs[number]))
    return occupied


def still_keys(transition: Transition, arc: Arc) -> tuple[tuple[str, int], ...]:
    """The keys of a condition of the start, each with the number of the input whose token tells it.

    A key that no input of one token tells is left out.
    """
    found = []
    for name in arc.place.keys:
        inputs = (
            n
            for n, each in enumerate(transition.arcs)
            if each.binds and not each.many and name in each.place.keys
        )
        found += [(name, number) for number in inputs][:1]
    return tuple(found)


def guards(net: Net, place: Place[Any]) -> list[Any]:
    """The single-token guards on *place*, in the order of declaration."""
    return [
        arc.when
        for transition in net.transitions.values()
        for arc in transition.arcs
        if arc.place is place and arc.when is not None
    ]


def case_of(transition: Transition, outcome: type[Any]) -> On | None:
    """The outputs that are declared for an outcome's type."""
    return next((case for case in transition.outcomes if case.outcome is outcome), None)


def lost(transition: Transition) -> On:
    """The outputs for `Lost`, which a checked net has for every effect."""
    case = case_of(transition, Lost)
    if case is None:
        raise AssertionError("unreachable: a checked effect wires Lost")
    return case


def counted(transition: Transition) -> list[tuple[int, str]]:
    """The arcs by which a firing in flight has taken from a number, with the counter's name."""
    return [
        (number, arc.place.name)
        for number, arc in enumerate(transition.arcs)
        if arc.takes and isinstance(arc.place, Counter)
    ]


def taken(net: Net, flights: Iterable[Flying]) -> Counts[tuple[str, Hashable]]:
    """The amounts that firings in flight have taken from numbers, by the counter's name and key."""
    found: Counts[tuple[str, Hashable]] = Counts()
    for flying in flights:
        transition = net.transitions[flying.transition]
        for number, name in counted(transition):
            key = flying.inputs[number]
            found[name, key] += amount(transition.arcs[number], key) or 0
    return found


def keeps(transition: Transition, *, started: bool) -> list[int]:
    """The arcs whose tokens belong to a firing in flight and are in no place."""
    return [
        number
        for number, arc in enumerate(transition.arcs)
        if arc.is_held(started=started) and not isinstance(arc.place, Counter)
    ]


def held(net: Net, flying: Flying) -> list[Standing]:
    """The tokens that a firing in flight has in its hands."""
    transition = net.transitions[flying.transition]
    arcs = keeps(transition, started=flying.started)
    return [token for arc in arcs for token in tokens_of(flying.inputs[arc])]


def counted_up(net: Net) -> frozenset[str]:
    """The names of the counters that outputs count up, whose numbers may pass what they start with."""
    return frozenset(
        output.place.name
        for transition in net.transitions.values()
        for case in transition.outcomes
        for output in case.outputs
        if isinstance(output.place, Counter) and output.kind == "put"
    )


def goes_on_by_hand(net: Net, transition: Transition) -> bool:
    """Whether somebody who begins a manual transition goes on with the work of its net.

    Those by which units of a budget and leased tokens leave a partition do not: they are for others.
    """
    gives = {each.give_back for each in net.credits.values()}
    gives |= {each.release for each in net.leases.values()}
    return transition.manual and transition.name not in gives
