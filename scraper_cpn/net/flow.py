"""Where tokens can flow: reachability, dead ends, and cycles that could lock up.

Owns: the checks that look at a net as a graph. They ignore colours, guards and time, which only adds
behaviour: what is unreachable here is unreachable in the net (a safe verdict), and what is refused
as a lock-up is a cycle of bounded places that has no way out of it even so.
Must not know: how a net is executed.
"""

from __future__ import annotations

from collections.abc import Iterator

from scraper_cpn.net import plan
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.places import AnyPlace, Counter, KeySet, Place, Sink


def flow_problems(net: Net) -> Iterator[str]:
    """What a net's graph says against it, one line each, without the net's name."""
    yield from _never_fits(net)
    filled = {name for transition in net.transitions.values() for name in _outputs(transition)}
    yield from _unfilled(net, filled)
    yield from _unused(net, filled)
    yield from _expiry(net)
    yield from _unreachable(net)
    yield from _locked(net)


def _outputs(transition: Transition) -> list[str]:
    """The places, counters and sets that a transition may put into."""
    outputs = [
        output
        for case in transition.outcomes
        for output in case.outputs
        if output.kind not in {"consume", "remove"}
    ]
    names = [output.place.name for output in outputs]
    names += [output.seen.name for output in outputs if output.seen is not None]
    return names + [place.name for place, _ in transition.shows]


def _never_fits(net: Net) -> Iterator[str]:
    for transition in net.transitions.values():
        for name in plan.slots(transition):
            place = net.places[name]
            assert isinstance(place, Place)
            assert place.capacity is not None
            whole = plan.occupies(transition, place, started=False)
            if whole > place.capacity:
                yield (
                    f"transition {transition.name}: needs {whole} slots in {name}, whose capacity is "
                    f"{place.capacity}; raise it or put fewer"
                )


def _unfilled(net: Net, filled: set[str]) -> Iterator[str]:
    for place in net.places.values():
        if isinstance(place, Counter) or place.name in filled:
            continue
        if isinstance(place, KeySet):
            yield f"set {place.name}: nothing fills it; fill it with put_new, or remove it"
        elif isinstance(place, Sink):
            yield f"sink {place.name}: nothing fills it; put into it, or remove it"
        elif not place.source:
            yield f"place {place.name}: nothing fills it; put into it, or declare it with source=True"


def _unused(net: Net, filled: set[str]) -> Iterator[str]:
    used = {arc.place.name for transition in net.transitions.values() for arc in transition.arcs}
    used |= {arc.place.name for transition in net.transitions.values() for arc in transition.still}
    shown = {place.name for t in net.transitions.values() for place, _ in t.shows}
    for place in net.places.values():
        if isinstance(place, Counter) and place.name in filled:
            continue  # the last place of a classic net: its number is the result
        if place.name not in used | shown and not isinstance(place, Sink | KeySet):
            kind = "counter" if isinstance(place, Counter) else "place"
            yield f"{kind} {place.name}: nothing uses it; wire it, make it a sink, or remove it"
    called = {
        transition.effect.name for transition in net.transitions.values() if transition.effect
    }
    for name in net.effects:
        if name not in called:
            yield f"effect {name}: no transition has it; give it to one, or remove it"


def _expiry(net: Net) -> Iterator[str]:
    for place in net.places.values():
        if isinstance(place, Place) and place.expires:
            users = [
                transition.name
                for transition in net.transitions.values()
                for arc in transition.arcs
                if arc.kind == "expired" and arc.place is place
            ]
            if len(users) != 1:
                yield f"place {place.name}: its tokens expire, so one transition must take expired({place.name}), not {len(users)}"


def _unreachable(net: Net) -> Iterator[str]:
    marked = {place.name for place in net.places.values() if is_marked(place)}
    lacks = {name: _needed(each) - marked for name, each in net.transitions.items()}
    waiting: dict[str, list[str]] = {}
    for name, places in lacks.items():
        for place in places:
            waiting.setdefault(place, []).append(name)
    todo = [name for name, places in lacks.items() if not places]
    while todo:
        for place in _outputs(net.transitions[todo.pop()]):
            for name in waiting.pop(place, ()):
                lacks[name].discard(place)
                todo += [] if lacks[name] else [name]
    for name, places in lacks.items():
        if places:
            first = next(a.place.name for a in net.transitions[name].arcs if a.place.name in places)
            yield f"transition {name}: can never fire; no token ever reaches {first}"


def _needed(transition: Transition) -> set[str]:
    """The places of which a transition needs something."""
    return {arc.place.name for arc in transition.arcs if arc.kind != "absent" and arc.fewest}


def is_marked(place: AnyPlace) -> bool:
    """Whether a place may have something before any transition fires."""
    if isinstance(place, Counter):
        return callable(place.start) or place.start > 0
    return isinstance(place, Place) and place.source


def _locked(net: Net) -> Iterator[str]:
    """Cycles of bounded places (one may do) in which every way on needs a slot within the cycle."""
    bounded = {
        place.name
        for place in net.places.values()
        if isinstance(place, Place) and place.capacity is not None
    }
    edges: dict[str, list[tuple[str, set[str]]]] = {name: [] for name in sorted(bounded)}
    for transition in net.transitions.values():
        needs = set(plan.slots(transition))
        for arc in transition.arcs:
            if arc.place.name in bounded and arc.uses_up:
                edges[arc.place.name].append((transition.name, needs))
    for cycle in _cycles(edges):
        if all(needs & cycle for name in cycle for _, needs in edges[name]):
            listed = ", ".join(sorted(cycle))
            yield (
                f"places {listed}: form a bounded cycle without an exit, which locks up when all are full; "
                "make one unbounded, or give one a transition that leaves the cycle"
            )


def _cycles(edges: dict[str, list[tuple[str, set[str]]]]) -> list[set[str]]:
    """Sets of places that can all reach each other, and themselves.

    Found as the strongly connected components of the graph (Kosaraju's two passes), so that a long chain of
    bounded places costs no more than its length.
    """
    onward = {
        name: sorted({to for _, needs in found for to in needs if to in edges})
        for name, found in edges.items()
    }
    back: dict[str, list[str]] = {name: [] for name in edges}
    for name, targets in onward.items():
        for target in targets:
            back[target].append(name)
    seen: set[str] = set()
    found: list[set[str]] = []
    for name in reversed(_finished(onward)):
        if name not in seen:
            cycle = _reached(name, back, seen)
            if len(cycle) > 1 or name in onward[name]:
                found.append(cycle)
    return sorted(found, key=min)


def _finished(onward: dict[str, list[str]]) -> list[str]:
    """The places in the order in which a search in depth leaves them."""
    order: list[str] = []
    seen: set[str] = set()
    for start, first in onward.items():
        todo = [(start, iter(first))] if start not in seen else []
        seen.add(start)
        while todo:
            name, targets = todo[-1]
            target = next((each for each in targets if each not in seen), None)
            if target is None:
                order.append(name)
                todo.pop()
            else:
                seen.add(target)
                todo.append((target, iter(onward[target])))
    return order


def _reached(start: str, back: dict[str, list[str]], seen: set[str]) -> set[str]:
    """All that a place reaches and that was not *seen*, which is seen from now on."""
    found, todo = {start}, [start]
    seen.add(start)
    while todo:
        for name in back[todo.pop()]:
            if name not in seen:
                seen.add(name)
                found.add(name)
                todo.append(name)
    return found
