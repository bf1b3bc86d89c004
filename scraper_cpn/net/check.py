"""What a net's declaration must satisfy before it may run.

Owns: the checks at definition: of places and inputs here, of outcomes and outputs in `wiring.py`, of shares in
`dividing.py`, of the whole graph in `flow.py`. All problems are reported at once, one line each, naming net, place or
transition, arc, and what to do.
Must not know: how a net is executed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.bounding import bounding_problems
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.dividing import dividing_problems
from scraper_cpn.net.endless import endless
from scraper_cpn.net.errors import NetError, NetWarning
from scraper_cpn.net.flow import flow_problems
from scraper_cpn.net.hints import has_field
from scraper_cpn.net.locks import deadlocks
from scraper_cpn.net.paging import paging_problems
from scraper_cpn.net.places import Counter, KeySet, Place, Sink
from scraper_cpn.net.wiring import (
    gives_problems,
    length_problems,
    takes_problems,
    wiring_problems,
)


def checked(net: Net) -> Net:
    """The net itself, if it can work. Where its structure shows a deadlock, or a cycle without end, a `NetWarning` says so.

    Raises:
        NetError: with every problem that was found.
    """
    if not isinstance(net, Net):
        raise NetError(f"{net!r} is no net; give what Net(...) made")
    if net.problems:  # what was left out would be missed in what follows
        raise NetError(*net.problems)
    problems = list[str]()
    for place in net.places.values():
        texts = [*_place(place), *paging_problems(net, place)]
        problems += [f"net {net.name}, place {place.name}: {text}" for text in texts]
    if net.run is not None and not any(net.run in place.keys for place in net.places.values()):
        problems.append(
            f"net {net.name}: no place has the key {net.run}, which tells runs apart; name a key of places"
        )
    for transition in net.transitions.values():
        where = f"net {net.name}, transition {transition.name}"
        problems += [f"{where}{text}" for text in _transition(net, transition)]
    for look in (dividing_problems, flow_problems):
        problems += [] if problems else [f"net {net.name}, {text}" for text in look(net)]
    if problems:
        raise NetError(*problems)
    _warn(net)
    return net


def _warn(net: Net) -> None:
    """Tell what the structure of a net shows."""
    warnings_found = [f"may deadlock: {text}" for text in deadlocks(net)]
    warnings_found += [f"may fire endlessly: {text}" for text in endless(net)]
    for text in warnings_found:
        warnings.warn(f"net {net.name} {text}", NetWarning, stacklevel=3)


def _place(place: Any) -> Iterator[str]:
    if isinstance(place, Counter):
        yield from _counter(place)
        return
    for name in (*place.keys, *getattr(place, "order", ())):
        if not has_field(place.colour, name):
            yield f"{place.colour.__name__} has no field {name}; name one of its fields or properties"
    if len({*place.keys}) < len(place.keys):
        yield f"its key names a field twice: {', '.join(place.keys)}; name each once"
    if isinstance(place, KeySet):
        if not place.keys:
            yield "a set needs a key; name a field of its colour"
        return
    if place.capacity is not None and place.capacity < 1:
        yield f"its capacity is {place.capacity}; give at least 1, or None for no bound"


def _counter(place: Counter) -> Iterator[str]:
    if place.unless is not None and not place.budget:
        yield f"ends no run, so {place.unless.name} puts nothing off; declare it with budget=True"
    if callable(place.start):
        yield from takes_problems(place.start, (None,))
        if not place.keys:
            yield "a plain counter has no key to start with; give an integer from 0 up"
    elif type(place.start) is not int or place.start < 0:
        yield f"starts with {place.start!r}; give an integer from 0 up, or a function of the key"


def _transition(net: Net, transition: Transition) -> Iterator[str]:
    wrong = [f", {arc}: {text}" for arc in transition.arcs for text in _arc(net, arc)]
    yield from wrong
    yield from _inputs(transition)
    yield from () if wrong else bounding_problems(transition)
    yield from _attempts(transition)
    yield from _during(net, transition)
    yield from _still(net, transition)
    yield from _groups(transition)
    yield from wiring_problems(net, transition)


def _arc(net: Net, arc: Arc) -> Iterator[str]:
    place = arc.place
    if net.places.get(place.name) is not place:
        yield "is not a place of this net; use the one that this net declared"
    if isinstance(place, Sink):
        yield "a sink keeps no tokens, so none can be taken; take from a place"
    yield from _count(arc)
    if isinstance(place, KeySet) and arc.kind not in {"read", "absent"}:
        yield "nothing can be taken from a set; use read(...) or absent(...)"
    if isinstance(place, Counter) and arc.kind not in {"take", "hold", "read"}:
        yield "a counter has no such arc; use take(...), hold(...) or read(...)"
    if isinstance(place, Place):
        yield from _token_arc(arc, place)
    elif arc.when is not None or arc.include_in_use:
        yield "a counter has no tokens; leave out when and include_in_use"


def _token_arc(arc: Arc, place: Place[Any]) -> Iterator[str]:
    if arc.include_waiting and not place.timed:
        yield "include_waiting needs a timed place; declare it with timed=True, or leave this out"
    if arc.kind == "spend" and arc.after_ns != 0 and not place.timed:
        yield "after_ns needs a timed place; declare it with timed=True"
    yield from length_problems("after_ns", arc.after_ns)
    if arc.kind == "expired" and not place.expires:
        yield "its tokens never expire; declare the place with expires=True"
    for fn, several in ((arc.when, False), (arc.change, True)):
        if fn is not None:
            yield from takes_problems(fn, (place.colour,), several=several)
    if callable(arc.after_ns):
        yield from takes_problems(arc.after_ns, (None if arc.change else place.colour,))
    if arc.change is not None:
        yield from gives_problems(arc.change, place)


def _count(arc: Arc) -> Iterator[str]:
    """Whether the number of tokens that an arc needs is one."""
    place = arc.place
    if isinstance(place, KeySet) and arc.count != 1:
        yield "a set holds a key once at most; leave out at_least"
    least = 0 if arc.all else 1
    if not callable(arc.count) and (type(arc.count) is not int or arc.count < least):
        yield f"a count of {arc.count!r}; give an integer from {least} up, or a function of the key"
    if callable(arc.count):
        yield from takes_problems(arc.count, (None,))
    if callable(arc.count) and arc.all:
        yield "at_least must be a number; only a count can be a function of the key"
    bounded = isinstance(place, Place) and place.capacity is not None
    if bounded and not callable(arc.count) and 1 <= place.capacity < arc.count:  # type: ignore[union-attr,operator]
        yield f"needs {arc.count} tokens, but the capacity of {place.name} is {place.capacity}; raise it"  # type: ignore[union-attr]


def _inputs(transition: Transition) -> Iterator[str]:
    for arc, keys in zip(transition.arcs, plan.arc_keys(transition), strict=True):
        if callable(arc.count) and not keys:
            yield f", {arc}: its count is a function of the key, but no other input has the key; give a number"
    if plan.set_aside_at(transition) is None and plan.may_raise(transition):
        yield ": calls functions, which may raise, but binds nothing that could be set aside then; take or hold a token or a number"
    if any(arc.kind == "expired" for arc in transition.arcs) and not _is_expiry(transition):
        yield ": expired(...) must be the only input of a plain transition with unbounded outputs"
    if transition.deadline_ns is not None and (transition.instant or transition.deadline_ns <= 0):
        yield f": a deadline of {transition.deadline_ns} ns; give a positive one to a transition with an effect"


def _attempts(transition: Transition) -> Iterator[str]:
    """Whether an effect can be tried so often, after such outcomes."""
    attempts = transition.attempts
    if type(attempts) is not int or attempts < 1 or (attempts > 1 and transition.instant):
        yield f": attempts is {attempts!r}; give an integer from 1 up, to a transition with an effect"
        return
    yield from (f": {text}" for text in length_problems("pause_ns", transition.pause_ns))
    if callable(transition.pause_ns):
        yield from (f", pause_ns: {text}" for text in takes_problems(transition.pause_ns, (int,)))
    if attempts > 1 and transition.still:
        yield (
            ": still and attempts exclude each other, because a start that still refuses gives its inputs back, but the next "
            "attempt keeps them; leave out still, or put the inputs back on failure instead of attempts"
        )
    given = [case.outcome for case in transition.outcomes]
    for kind in transition.retry if attempts > 1 else ():
        if kind not in given:
            yield f", retry: {getattr(kind, '__name__', kind)} is not one of its outcomes; give some of them"


def _during(net: Net, transition: Transition) -> Iterator[str]:
    """A `during` place shows firings, and nothing else fills or empties it."""
    for during, shown in transition.shows:
        where = f", during {during.name}"
        if net.places.get(during.name) is not during:
            yield f"{where}: is not a place of this net; use one that this net declared"
            continue
        yield from _shown(transition, during, shown)
        if _is_special(during):
            yield f"{where}: must be an ordinary place: no sink, no source, no capacity, no time"
        users = [user for user in net.transitions.values() if _moves(user, during)]
        if users:
            yield f"{where}: holds firings alone, but transition {users[0].name} moves its tokens; use another place"


def _shown(transition: Transition, during: Place[Any], shown: int) -> Iterator[str]:
    """Whether an input can be shown in a `during` place."""
    where = f", during {during.name}"
    arc = transition.arcs[shown] if shown >= 0 else None
    if transition.instant or arc is None:
        yield f"{where}: needs an effect and an input token to show"
    elif arc.many:
        yield f"{where}: shows one token, but {arc} binds several; show another input"
    elif isinstance(arc.place, Place) and not issubclass(arc.place.colour, during.colour):
        yield f"{where}: shows {arc}, a {arc.place.colour.__name__}, but takes {during.colour.__name__}"


def _still(net: Net, transition: Transition) -> Iterator[str]:
    """Check `still`: its arcs test places by keys that the inputs determine."""
    if transition.still and transition.instant:
        yield ": still needs an effect; make its arcs inputs, or give an effect"
    for arc in transition.still:
        where, place = f", still {arc}", arc.place
        if net.places.get(place.name) is not place:
            yield f"{where}: is not a place of this net; use one that this net declared"
        elif arc.takes or not isinstance(place, Place) or place.paged:
            yield f"{where}: must be read(...) or absent(...) of a place that is not paged"
        if arc.many or arc.when is not None or arc.include_in_use:
            yield f"{where}: still only tests whether a token is there; leave out at_least, when and include_in_use"
        equal_keys = [name for name, _ in plan.still_keys(transition, arc)]
        for name in place.keys:
            if name not in equal_keys:
                yield f"{where}: no input has the key {name}; add an input that has it"


def _is_special(place: Place[Any]) -> bool:
    bounded = place.capacity is not None
    return isinstance(place, Sink) or place.source or bounded or place.timed or place.expires


def _moves(transition: Transition, place: Place[Any]) -> bool:
    """Whether a transition takes from *place* or puts into it."""
    takes = any(arc.place is place and arc.takes for arc in transition.arcs)
    puts = any(output.place is place for case in transition.outcomes for output in case.outputs)
    return takes or puts


def _is_expiry(transition: Transition) -> bool:
    plain = transition.instant and transition.choice is None and transition.scan is None
    return (
        plain and not transition.manual and len(transition.arcs) == 1 and not plan.slots(transition)
    )


def _groups(transition: Transition) -> Iterator[str]:
    names = plan.arc_keys(transition)
    yield from _unjoined(transition, names)
    for arc, keys in zip(transition.arcs, names, strict=True):
        lone = [name for name in arc.place.keys if name not in keys]
        if lone and not (arc.binds or (arc.kind == "absent" and isinstance(arc.place, Place))):
            yield f", {arc}: no other input has the key {lone[0]}; add an input that has it"
    for group in plan.groups(transition):
        if not group.keys:
            continue
        if group.lead is not None and not transition.arcs[group.lead].fewest:
            yield f", {transition.arcs[group.lead]}: is the first of its join, but may bind no token; put another input first"
            continue
        if group.lead is None:
            listed = ", ".join(str(transition.arcs[number]) for number in group.arcs)
            yield f": no input determines the key of {listed}; take a token that has it"
            continue
        missing = [name for name in group.keys if name not in names[group.lead]]
        if missing:
            yield (
                f", {transition.arcs[group.lead]}: is the first of its join but lacks the key {missing[0]}; "
                "put the input that has all the join's keys first"
            )


def _unjoined(transition: Transition, names: list[tuple[str, ...]]) -> Iterator[str]:
    """Inputs whose keys nothing else has, beside others that have keys: most likely a mistake."""
    keyed = [number for number, arc in enumerate(transition.arcs) if arc.binds and arc.place.keys]
    if transition.join is not None:
        for name in transition.join:
            if sum(name in keys for keys in names) < 2:
                yield f", join: fewer than two inputs have the key {name}; join on keys that two inputs share"
        return
    alone = [number for number in keyed if not names[number]]
    if len(keyed) > 1 and alone:
        arc = transition.arcs[alone[0]]
        listed = ", ".join(arc.place.keys)
        shared = [f'"{name}"' for name in dict.fromkeys(name for keys in names for name in keys)]
        written = f"({', '.join(shared)},)" if shared else "()"
        yield (
            f", {arc}: no other input has its key {listed}, so that any token of {arc.place.name} would do; "
            f"give the keys one name, or declare join={written} if that is meant"
        )
