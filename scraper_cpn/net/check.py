"""What a net's declaration must satisfy before it may run.

Owns: the checks at definition: of places and inputs here, of outcomes and outputs in `wiring.py`, of
the whole graph in `flow.py`. All problems are reported at once, one line each, naming net, place or
transition, arc, and what to do.
Must not know: how a net is executed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.errors import NetError
from scraper_cpn.net.flow import flow_problems
from scraper_cpn.net.paging import paging_problems
from scraper_cpn.net.places import Counter, KeySet, Place, Sink
from scraper_cpn.net.wiring import (
    gives_problems,
    length_problems,
    takes_problems,
    wiring_problems,
)


def checked(net: Net) -> Net:
    """The net itself, if it can work.

    Raises:
        NetError: with every problem that was found.
    """
    problems = list(net.problems)
    for place in net.places.values():
        texts = [*_place(place), *paging_problems(net, place)]
        problems += [f"net {net.name}, place {place.name}: {text}" for text in texts]
    for transition in net.transitions.values():
        where = f"net {net.name}, transition {transition.name}"
        problems += [f"{where}{text}" for text in _transition(net, transition)]
    if not problems:
        problems += [f"net {net.name}, {text}" for text in flow_problems(net)]
    if problems:
        raise NetError(*problems)
    return net


def _place(place: Any) -> Iterator[str]:
    if isinstance(place, Counter):
        yield from _counter(place)
        return
    for name in (*place.keys, *getattr(place, "order", ())):
        if not _has_field(place.colour, name):
            yield f"{place.colour.__name__} has no field {name}; name one of its fields or properties"
    if isinstance(place, KeySet):
        if not place.keys:
            yield "a set needs a key; name a field of its colour"
        return
    if place.capacity is not None and place.capacity < 1:
        yield f"a capacity of {place.capacity} fits nothing; give at least 1, or None for no bound"


def _counter(place: Counter) -> Iterator[str]:
    if callable(place.start):
        if not place.keys:
            yield "a plain counter has no key to start with; give an integer from 0 up"
    elif type(place.start) is not int or place.start < 0:
        yield f"starts with {place.start!r}; give an integer from 0 up, or a function of the key"


def _has_field(colour: type[Any], name: str) -> bool:
    declared = {field for kind in colour.__mro__ for field in getattr(kind, "__annotations__", {})}
    return name in declared or hasattr(colour, name)


def _transition(net: Net, transition: Transition) -> Iterator[str]:
    for arc in transition.arcs:
        for text in _arc(net, arc):
            yield f", {arc}: {text}"
    yield from _inputs(transition)
    yield from _during(net, transition)
    yield from _groups(transition)
    yield from wiring_problems(net, transition)


def _arc(net: Net, arc: Arc) -> Iterator[str]:
    place = arc.place
    if net.places.get(place.name) is not place:
        yield "is not a place of this net; use the one that this net declared"
    if isinstance(place, Sink):
        yield "a sink's tokens are gone; take from a place"
    if isinstance(place, KeySet) and arc.kind not in {"read", "absent"}:
        yield "a set can only be read, absent, or filled by put_new"
    if isinstance(place, Counter) and arc.kind not in {"take", "hold", "read"}:
        yield "a counter can be taken from, held or read"
    if not isinstance(place, Place):
        return
    if arc.early and not place.timed:
        yield "early has no meaning here; its place is not timed"
    if arc.kind == "spend" and arc.after_ns != 0 and not place.timed:
        yield "after_ns needs a timed place; declare it with timed=True"
    yield from length_problems("after_ns", arc.after_ns)
    if arc.kind == "expired" and not place.expires:
        yield "its tokens never expire; declare the place with expires=True"
    for fn in (arc.when, arc.change):
        if fn is not None:
            yield from takes_problems(fn, (place.colour,))
    if arc.change is not None:
        yield from gives_problems(arc.change, place)


def _inputs(transition: Transition) -> Iterator[str]:
    seen: list[Any] = []
    for arc in transition.arcs:
        if arc.place in seen:
            yield f", {arc}: is a second arc on {arc.place.name}; a transition may have one arc on a place"
        seen.append(arc.place)
    takes = [arc for arc in transition.arcs if arc.kind in {"take", "expired"} and arc.binds]
    if transition.instant and not takes:
        yield ": takes no token, so that it would fire for ever; take one"
    if transition.scan is not None and not transition.instant and not takes:
        yield f", {transition.scan.name}: a scan needs a token that is taken; take one"
    if any(arc.kind == "expired" for arc in transition.arcs) and not _is_expiry(transition):
        yield ": expired(...) must be the only input of a plain transition with unbounded outputs"
    if transition.deadline_ns is not None and (transition.instant or transition.deadline_ns <= 0):
        yield f": a deadline of {transition.deadline_ns} ns; give a positive one to a transition with an effect"


def _during(net: Net, transition: Transition) -> Iterator[str]:
    """A `during` place shows firings, and nothing else fills or empties it."""
    during = transition.during
    if during is None:
        return
    where = f", during {during.name}"
    if net.places.get(during.name) is not during:
        yield f"{where}: is not a place of this net; use one that this net declared"
        return
    shown = next((arc.place for arc in transition.arcs if arc.binds), None)
    if transition.instant or not isinstance(shown, Place):
        yield f"{where}: needs an effect and an input token to show"
    elif not issubclass(shown.colour, during.colour):
        yield f"{where}: shows the first input, a {shown.colour.__name__}, but takes {during.colour.__name__}"
    if _is_special(during):
        yield f"{where}: must be an ordinary place: no sink, no source, no capacity, no time"
    users = [user for user in net.transitions.values() if _moves(user, during)]
    if users:
        yield f"{where}: holds firings alone, but transition {users[0].name} moves its tokens; use another place"


def _is_special(place: Place[Any]) -> bool:
    bounded = place.capacity is not None
    return isinstance(place, Sink) or place.source or bounded or place.timed or place.expires


def _moves(transition: Transition, place: Place[Any]) -> bool:
    """Whether a transition takes from *place* or puts into it."""
    takes = any(
        arc.place is place and arc.kind not in {"read", "absent"} for arc in transition.arcs
    )
    puts = any(output.place is place for case in transition.outcomes for output in case.outputs)
    return takes or puts


def _is_expiry(transition: Transition) -> bool:
    plain = transition.instant and transition.choice is None and transition.scan is None
    return plain and len(transition.arcs) == 1 and not plan.slots(transition)


def _groups(transition: Transition) -> Iterator[str]:
    names = plan.arc_keys(transition)
    for arc, keys in zip(transition.arcs, names, strict=True):
        lone = [name for name in arc.place.keys if name not in keys]
        if lone and not (arc.binds or (arc.kind == "absent" and isinstance(arc.place, Place))):
            yield f", {arc}: no other input has the key {lone[0]}; add an input that tells which"
    for group in plan.groups(transition):
        if not group.keys:
            continue
        if group.lead is None:
            listed = ", ".join(str(transition.arcs[number]) for number in group.arcs)
            yield f": no token tells the key of {listed}; take one that has it"
            continue
        missing = [name for name in group.keys if name not in names[group.lead]]
        if missing:
            yield (
                f", {transition.arcs[group.lead]}: is the first of its join but lacks the key {missing[0]}; "
                "put the input that has all the join's keys first"
            )
