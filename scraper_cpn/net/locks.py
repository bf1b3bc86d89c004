"""Deadlocks that the structure of a net shows: resources that can all be taken for good.

Owns: finding them. It ignores colours, guards, numbers and time, so that what is found is a question to its author and no
proof; `scraper_cpn.analysis.verify` with `ends()` or `alive()` answers it.
Must not know: how a net is executed.

A siphon is a set of places into which nothing puts without taking from it: once empty, it stays empty. A trap is a set
from which nothing takes without putting into it: once it has a token, it keeps one. A siphon that contains no trap with
tokens can run empty for good (F. Commoner, 1972). Two transitions that take the same two resources, one after
the other and in opposite orders, are the usual case. Only resources count, which come back: a siphon is passed over if it
has a place of work or one that nothing fills, or if what is taken from it may leave the net, for that ends by design.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TypeVar

from scraper_cpn.net.arcs import Output
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.flow import is_marked
from scraper_cpn.net.places import KeySet, Place, Sink

STEPS = 20_000
"""Ways that are tried at most to fill up sets of places; then nothing more is found."""
Nodes = frozenset[str]
T = TypeVar("T", bound=Hashable)


@dataclass(frozen=True)
class _Move:
    """What one step of a transition takes and puts; a firing in flight is a node, too."""

    transition: str
    takes: Nodes
    puts: Nodes
    """What it puts in any case."""
    may_put: Nodes


def deadlocks(net: Net) -> list[str]:
    """The resources of a net that can all be taken for good, one line for each set of them.

    Cost: milliseconds; bounded by `STEPS`.
    """
    moves = [move for transition in net.transitions.values() for move in _moves(transition)]
    found = [some for some in _weak_siphons(net, moves) if _returns(net, some, moves)]
    return [_line(net, some, moves) for some in found if not any(one < some for one in found)]


def _line(net: Net, some: Nodes, moves: list[_Move]) -> str:
    places = ", ".join(sorted(some & net.places.keys()))
    takers = dict.fromkeys(m.transition for m in moves if m.takes & some and not m.puts & some)
    return (
        f"{places}: {', '.join(takers)} may block each other for ever, because each takes another one before it gives one back; "
        "take them in one transition, or everywhere in the same order, or prove with ends() that it can't happen"
    )


def _moves(transition: Transition) -> Iterator[_Move]:
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
        if arc.fewest and (arc.kind in {"take", "expired"} or arc.place.name in consumed)
    )
    flight = frozenset([f"{transition.name} in flight"])
    if not transition.instant:
        yield _Move(transition.name, taken, flight, flight)
    for case in transition.outcomes:
        kept = consumed - {each.place.name for each in case.outputs if each.kind == "consume"}
        sure = {output.place.name for output in case.outputs if output.kind == "put"}
        maybe = {name for output in case.outputs for name in _filled(output)}
        takes = taken if transition.instant else flight
        yield _Move(transition.name, takes, frozenset(sure | kept), frozenset(maybe | kept))


def _filled(output: Output) -> Iterator[str]:
    """The places into which an output may put."""
    if output.kind in {"put", "put_new"}:
        yield output.place.name
        if output.seen is not None:
            yield output.seen.name


def _weak_siphons(net: Net, moves: list[_Move]) -> Iterator[Nodes]:
    """Siphons with a resource and without a trap that has tokens, as far as they are found."""
    fillers: dict[str, list[_Move]] = {}
    for move in moves:
        for name in sorted(move.may_put):
            fillers.setdefault(name, []).append(move)
    marked = {name for name, place in net.places.items() if is_marked(place)}
    for place in net.places.values():
        if isinstance(place, Place) and place.work:
            fillers.pop(place.name, None)
    todo = [frozenset([name]) for name in net.places if name in marked and name in fillers]
    known: set[Nodes] = set()
    steps = 0
    while todo and steps < STEPS:
        some = todo.pop()
        if some in known:
            continue
        known.add(some)
        steps += sum(len(fillers[name]) for name in some)
        lacking = next(_unfed(some, fillers), None)
        if lacking is not None:
            todo += [some | {name} for name in sorted(lacking.takes) if name in fillers]
        elif not trap_in(some, ((move.takes, move.puts) for move in moves)) & marked:
            yield some


def _unfed(some: Nodes, fillers: dict[str, list[_Move]]) -> Iterator[_Move]:
    """What puts into a set without taking from it."""
    for name in sorted(some):
        for move in fillers[name]:
            if not move.takes & some:
                yield move


def trap_in(some: AbstractSet[T], moves: Iterable[tuple[AbstractSet[T], AbstractSet[T]]]) -> set[T]:
    """The largest trap within a set; *moves* are what is taken and put in one step."""
    trap, moves = set(some), list(moves)
    while leaking := [takes & trap for takes, puts in moves if takes & trap and not puts & trap]:
        trap.difference_update(*leaking)
    return trap


def _returns(net: Net, some: Nodes, moves: list[_Move]) -> bool:
    """Whether what is taken from a set stays in the places to which it leads, so that it can come back."""
    leaves = {name for name, place in net.places.items() if isinstance(place, Sink | KeySet)}
    near = set(some)
    while more := {n for m in moves if m.takes & near for n in m.may_put - leaves} - near:
        near |= more
    return all(move.puts & near for move in moves if move.takes & near)
