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
    yield from _unfilled(net)
    yield from _unused(net)
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


def _unfilled(net: Net) -> Iterator[str]:
    filled = {name for transition in net.transitions.values() for name in _outputs(transition)}
    for place in net.places.values():
        if isinstance(place, Counter) or place.name in filled:
            continue
        if isinstance(place, KeySet):
            yield f"set {place.name}: nothing fills it; fill it with put_new, or remove it"
        elif isinstance(place, Sink):
            yield f"sink {place.name}: nothing fills it; put into it, or remove it"
        elif not place.source:
            yield f"place {place.name}: nothing fills it; put into it, or declare it with source=True"


def _unused(net: Net) -> Iterator[str]:
    used = {arc.place.name for transition in net.transitions.values() for arc in transition.arcs}
    shown = {place.name for t in net.transitions.values() for place, _ in t.shows}
    for place in net.places.values():
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
    marked = {place.name for place in net.places.values() if _is_marked(place)}
    waiting = dict(net.transitions)
    while True:
        ready = [
            name
            for name, transition in waiting.items()
            if all(arc.place.name in marked or arc.kind == "absent" for arc in transition.arcs)
        ]
        if not ready:
            break
        for name in ready:
            marked.update(_outputs(waiting.pop(name)))
    for name, transition in waiting.items():
        empty = next(
            arc for arc in transition.arcs if arc.place.name not in marked and arc.kind != "absent"
        )
        yield f"transition {name}: can never fire; no token ever reaches {empty.place.name}"


def _is_marked(place: AnyPlace) -> bool:
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
            if arc.place.name in bounded and arc.kind in {"take", "expired"}:
                edges[arc.place.name].append((transition.name, needs))
    for cycle in _cycles(edges):
        if all(needs & cycle for name in cycle for _, needs in edges[name]):
            listed = ", ".join(sorted(cycle))
            yield (
                f"places {listed}: form a bounded cycle without an exit, which locks up when all are full; "
                "make one unbounded, or give one a transition that leaves the cycle"
            )


def _cycles(edges: dict[str, list[tuple[str, set[str]]]]) -> list[set[str]]:
    """Sets of places that can all reach each other, and themselves."""
    reach = {name: _reachable(name, edges) for name in edges}
    found: list[set[str]] = []
    for name in edges:
        cycle = {other for other in reach[name] if name in reach[other]} | {name}
        if name in reach[name] and cycle not in found:
            found.append(cycle)
    return found


def _reachable(start: str, edges: dict[str, list[tuple[str, set[str]]]]) -> set[str]:
    found: set[str] = set()
    todo = [start]
    while todo:
        for _, needs in edges[todo.pop()]:
            fresh = {name for name in needs if name in edges} - found
            found |= fresh
            todo += sorted(fresh)
    return found
