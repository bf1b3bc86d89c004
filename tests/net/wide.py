"""What random nets have beyond arcs that bind one token: counts, thresholds, guards, tokens in use, and more.

Drawn after the rest of a net, and from the net itself, so that what is drawn for one feature moves no other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.net.specs import ArcSpec, NetSpec, OutputSpec, PlaceSpec, TransitionSpec

TOKENS = {"take", "hold", "spend", "read"}


def widened(draw: Any, spec: NetSpec) -> NetSpec:
    """A net with more of these features."""
    places = {place.name: place for place in spec.places}
    wider = [_transition(draw, places, each) for each in spec.transitions]
    transitions = [
        new if new == old else replace(new, before=old)
        for new, old in zip(wider, spec.transitions, strict=True)
    ]
    if draw.chance(25):
        transitions.append(_counting(draw, spec))
    if draw.chance(85):
        shown = PlaceSpec("shown_too", "place", draw.one("Job", "Host"), source=False)
        found = [_showing(draw, places, shown, each) for each in transitions]
        if found != transitions:
            return NetSpec((*spec.places, shown), tuple(found))
    return replace(spec, transitions=tuple(transitions))


def late(draw: Any, spec: NetSpec) -> NetSpec:
    """A net with more of what is rare: manual transitions, effects that are tried again, thresholds of numbers."""
    plain = [place.name for place in spec.places if place.kind == "counter" and not place.keys]
    return replace(spec, transitions=tuple(_late(draw, plain, each) for each in spec.transitions))


def _late(draw: Any, plain: list[str], spec: TransitionSpec) -> TransitionSpec:
    if not spec.arcs or spec.arcs[0].kind == "expired":
        return spec
    manual, again, at_once = draw.chance(16), draw.chance(80), draw.chance(60)
    free = [name for name in plain if all(arc.place != name for arc in spec.arcs)]
    reads = [
        ArcSpec(draw.one("read", "take"), name, count=2)
        for name in draw.some(free, 1)
        if draw.chance(25)
    ]
    spec = replace(spec, manual=manual, arcs=(*spec.arcs, *reads))
    if not again:
        return spec
    retried = _retried(draw, spec)
    return replace(retried, pause=0) if at_once else retried


def _retried(draw: Any, spec: TransitionSpec) -> TransitionSpec:
    """A transition whose effect is tried again after a failure."""
    if spec.kind != "effect":
        return spec
    pause: Any = draw.one(0, draw.below(5), (draw.below(60),))
    bad = draw.chance(40)
    return replace(spec, attempts=draw.one(2, 3), pause=pause, retry_bad=bad)


def _transition(draw: Any, places: dict[str, PlaceSpec], spec: TransitionSpec) -> TransitionSpec:
    if spec.arcs[0].kind == "expired" or draw.chance(15):
        return spec
    arcs = [_arc(draw, places[arc.place], arc) for arc in spec.arcs]
    if draw.chance(15):
        arcs.append(_second(draw, places, arcs))
    if draw.chance(50):
        arcs += _look(draw, places, arcs)
    join = spec.join
    if draw.chance(7):
        join = draw.one((), ("host",), ("site",))
    cases = tuple(tuple(_outputs(draw, places, spec, case)) for case in spec.cases)
    if spec.kind == "effect" and draw.chance(30):
        spec = _retried(draw, spec)
    return replace(spec, arcs=tuple(arcs), cases=cases, join=join)


def _arc(draw: Any, place: PlaceSpec, arc: ArcSpec) -> ArcSpec:
    if place.kind == "counter":
        if not draw.chance(50):
            return arc
        return replace(arc, count=(draw.below(60),) if place.keys and draw.chance(50) else 2)
    if place.kind != "place":
        return arc
    if arc.kind in {"hold", "spend", "read", "absent"} and draw.chance(35):
        arc = replace(arc, when=draw.below(60))
    if arc.kind in {"read", "absent"} and draw.chance(45):
        return replace(arc, in_use=True)
    if arc.kind == "take" and draw.chance(15):
        return replace(arc, all=True, count=draw.one(0, 0, 1, 1, 2))
    if arc.kind in {"take", "hold", "read"} and draw.chance(40):
        return replace(arc, count=(draw.below(60),) if place.keys and draw.chance(50) else 2)
    return arc


def _look(draw: Any, places: dict[str, PlaceSpec], arcs: list[ArcSpec]) -> list[ArcSpec]:
    """A look at a place that no arc is on: that enough tokens are there, or none."""
    used = {arc.place for arc in arcs}
    free = [name for name in places if name.startswith("p") and name not in used]
    kind = draw.one("read", "absent", "hold", "all", "number")
    if kind == "number":
        plain = [p.name for p in places.values() if p.kind == "counter" and not p.keys]
        numbers = [name for name in plain if name not in used]
        return [ArcSpec("read", name, count=2) for name in draw.some(numbers, 1)]
    if kind == "all":
        return [ArcSpec("take", name, all=True, count=0) for name in draw.some(free, 1)]
    count: Any = 1 if kind == "absent" else draw.one(2, 2, (draw.below(60),))
    return [
        _arc(draw, places[name], ArcSpec(kind, name, count=count)) for name in draw.some(free, 1)
    ]


def _second(draw: Any, places: dict[str, PlaceSpec], arcs: list[ArcSpec]) -> ArcSpec:
    """Another arc on a place that an arc binds tokens of."""
    (arc,) = draw.some(
        [arc for arc in arcs if arc.kind in TOKENS and places[arc.place].kind == "place"], 1
    )
    when = draw.below(60) if draw.chance(30) else None
    kind = draw.one("take", "take", "hold", "read")
    return ArcSpec(kind, arc.place, when=when, count=draw.one(1, 1, 2))


def _outputs(
    draw: Any,
    places: dict[str, PlaceSpec],
    spec: TransitionSpec,
    case: tuple[OutputSpec, ...],
) -> Iterator[OutputSpec]:
    for output in case:
        if output.kind == "put" and places[output.place].kind == "counter" and draw.chance(40):
            yield replace(output, count=2)
        else:
            yield output
    keyed = [place for place in places.values() if place.kind == "counter" and place.keys]
    if keyed and draw.chance(12):
        yield OutputSpec("put", draw.one(*keyed).name, count=draw.one(1, 2))
    bound = [
        arc.place for arc in spec.arcs if arc.kind in TOKENS and places[arc.place].kind == "place"
    ]
    if bound and draw.chance(15):
        yield OutputSpec("remove", "seen", draw.below(60), (draw.one(*bound),))


def _counting(draw: Any, spec: NetSpec) -> TransitionSpec:
    """A transition without tokens: numbers in, numbers and tokens out."""
    counters = [place for place in spec.places if place.kind == "counter" and not place.keys]
    jobs = [place for place in spec.places if place.name.startswith("p") and place.capacity is None]
    kind = draw.one("plain", "effect")
    if not counters or not jobs:
        return TransitionSpec("counting", "plain", (), ((),))
    counter, job = draw.one(*counters), draw.one(*jobs)
    arcs = [ArcSpec(draw.one("take", "hold"), counter.name, count=draw.one(1, 1, 2))]
    if draw.chance(85):
        arcs.append(ArcSpec("absent", job.name, in_use=draw.chance(50)))
    puts = (OutputSpec("put", job.name, draw.below(60), (counter.name,)),)
    back = (OutputSpec("put", counter.name, count=1),) if draw.chance(40) else ()
    cases = ((*puts, *back),) if kind == "plain" else (puts, back, ())
    return TransitionSpec("counting", kind, tuple(arcs), cases, priority=draw.one(0, 0, 2))


def _showing(
    draw: Any, places: dict[str, PlaceSpec], shown: PlaceSpec, spec: TransitionSpec
) -> TransitionSpec:
    """A transition that shows another input, too."""
    fits = [
        number
        for number, arc in enumerate(spec.arcs)
        if arc.kind in TOKENS
        and (arc.count, arc.all) == (1, False)
        and places[arc.place].kind == "place"
        and places[arc.place].colour == shown.colour
    ]
    if spec.kind != "effect" or not fits:
        return spec
    return replace(spec, shows=((shown.name, draw.one(*fits)),))
