"""Deadlocks that the structure of a net shows: resources that can all be taken for good.

Owns: finding them. It ignores colours, guards, numbers and time, so that what is found is a question to its author and no
proof; `scraper_cpn.analysis.verify` with `ends()` or `alive()` answers it.
Must not know: how a net is executed.

They are siphons (`siphons.py`) without a trap that has tokens. Two transitions that take the same two resources, one after
the other and in opposite orders, are the usual case. Only resources count, which come back: a siphon is passed over if it
has a place of work or one that nothing fills, or if what is taken from it may leave the net, for that ends by design.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.flow import is_marked
from scraper_cpn.net.outputs import Output
from scraper_cpn.net.places import KeySet, Place, Sink
from scraper_cpn.net.siphons import Move, TooManyError, weak_siphons

STEPS = 20_000
"""Ways that are tried at most to fill up sets of places; then nothing more is found."""
Nodes = frozenset[str]


@dataclass(frozen=True)
class _Step(Move[str]):
    """A move of a transition; a firing in flight is a node, too."""

    transition: str


def deadlocks(net: Net) -> list[str]:
    """The resources of a net that can all be taken for good, one line for each set of them.

    Cost: milliseconds; bounded by `STEPS`.
    """
    moves = [move for transition in net.transitions.values() for move in _moves(transition)]
    found = [some for some in _weak(net, moves) if _returns(net, some, moves)]
    return [_line(net, some, moves) for some in found if not any(one < some for one in found)]


def _line(net: Net, some: Nodes, moves: list[_Step]) -> str:
    places = ", ".join(sorted(some & net.places.keys()))
    takers = dict.fromkeys(m.transition for m in moves if m.takes & some and not m.puts & some)
    return (
        f"{places}: {', '.join(takers)} may block each other for ever, because each takes another one before it gives one back; "
        "take them in one transition, or everywhere in the same order, or prove with ends() that it can't happen"
    )


def _moves(transition: Transition) -> Iterator[_Step]:
    """The steps of a transition: one, or the begin of its effect and the end of each outcome.

    What is read, spent or held comes back by itself, and nobody waits with it for something else: it is left out.
    """
    consumed = {
        output.place.name
        for case in transition.outcomes
        for output in case.outputs
        if output.kind == "consume"
    }
    taken = frozenset(
        arc.place.name
        for arc in transition.arcs
        if arc.fewest and (arc.uses_up or arc.place.name in consumed)
    )
    flight = frozenset([f"{transition.name} in flight"])
    if not transition.instant:
        yield _Step(taken, flight, flight, transition.name)
    for case in transition.outcomes:
        kept = consumed - {each.place.name for each in case.outputs if each.kind == "consume"}
        sure = {output.place.name for output in case.outputs if output.kind == "put"}
        maybe = {name for output in case.outputs for name in _filled(output)}
        takes = taken if transition.instant else flight
        yield _Step(takes, frozenset(sure | kept), frozenset(maybe | kept), transition.name)


def _filled(output: Output) -> Iterator[str]:
    """The places into which an output may put."""
    if output.kind in {"put", "put_new"}:
        yield output.place.name
        if output.seen is not None:
            yield output.seen.name


def _weak(net: Net, moves: list[_Step]) -> Iterator[Nodes]:
    """Siphons with a resource and without a trap that has tokens, as far as they are found."""
    filled = {name for move in moves for name in move.may_put}
    working = {
        place.name for place in net.places.values() if isinstance(place, Place) and place.work
    }
    ended = frozenset(name for name in net.places if name not in filled or name in working)
    marked = {name for name, place in net.places.items() if is_marked(place)}
    starts = [name for name in net.places if name in marked and name not in ended]
    with suppress(TooManyError):
        yield from weak_siphons(moves, starts, marked, ended=ended, most=STEPS)


def _returns(net: Net, some: Nodes, moves: list[_Step]) -> bool:
    """Whether what is taken from a set stays in the places to which it leads, so that it can come back.

    It can't from a place that nothing takes from, such as one of things that have retired.
    """
    taken = {name for move in moves for name in move.takes}
    leaves = {
        name
        for name, place in net.places.items()
        if isinstance(place, Sink | KeySet) or name not in taken
    }
    near = set(some)
    while more := {n for m in moves if m.takes & near for n in m.may_put - leaves} - near:
        near |= more
    return all(move.puts & near for move in moves if move.takes & near)
