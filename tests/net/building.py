"""Nets built from specs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scraper_cpn.net import (
    Arc,
    Lost,
    Net,
    Output,
    Place,
    absent,
    choose,
    consume,
    expired,
    hold,
    on,
    put,
    put_new,
    read,
    spend,
    take,
)
from tests.net.specs import (
    COLOURS,
    OUTCOMES,
    ArcSpec,
    Bad,
    Good,
    NetSpec,
    OutputSpec,
    PlaceSpec,
    TransitionSpec,
    changer,
    first,
    guard,
    length,
    maker,
    picker,
    scanner,
)


@dataclass
class Built:
    """A net, its spec, and its places by name."""

    spec: NetSpec
    net: Net
    places: dict[str, Any] = field(default_factory=dict)

    @property
    def sources(self) -> list[PlaceSpec]:
        """The places into which tokens may be injected."""
        places = self.spec.places
        return [each for each in places if each.name.startswith("p") and each.source]


def build(spec: NetSpec) -> Built:
    """The net of a spec; it is not checked."""
    built = Built(spec, Net("random"))
    for place in spec.places:
        built.places[place.name] = _declare(built.net, place)
    for transition in spec.transitions:
        _add(built, transition)
    return built


def _declare(net: Net, spec: PlaceSpec) -> Any:
    kind = COLOURS[spec.colour]
    if spec.kind == "sink":
        return net.sink(spec.name, kind)
    if spec.kind == "set":
        return net.set(spec.name, kind, key=spec.keys, paged=spec.paged)
    if spec.kind == "counter":
        start = first(spec.start) if spec.lazy else spec.start
        return net.counter(spec.name, start=start, key=spec.keys, budget=spec.budget)
    return net.place(
        spec.name,
        kind,
        key=spec.keys,
        order=spec.order,
        capacity=spec.capacity,
        timed=spec.timed,
        expires=spec.expires,
        source=spec.source,
        work=spec.work,
        budget=spec.budget,
        paged=spec.paged,
    )


def _add(built: Built, spec: TransitionSpec) -> None:
    net, places = built.net, built.places
    arcs = [_made_arc(built, arc) for arc in spec.arcs]
    tokens = [arc.place for arc in arcs if arc.binds and isinstance(arc.place, Place)]
    options: dict[str, Any] = {
        "priority": spec.priority,
        "during": places[spec.during] if spec.during else None,
        "deadline_ns": spec.deadline,
        "scan": None if spec.scan is None else choose(scanner(spec.scan), *tokens[:3]),
    }
    cases = [[_made_output(built, output) for output in case] for case in spec.cases]
    if spec.kind == "plain":
        net.transition(spec.name, arcs, outputs=cases[0], **options)
        return
    kinds = [*OUTCOMES, Lost][: len(cases)]
    outcomes = [on(kind, *outputs) for kind, outputs in zip(kinds, cases, strict=True)]
    if spec.kind == "effect":
        effect = net.effect(f"do_{spec.name}", Good | Bad)(*tokens)
        net.transition(spec.name, arcs, effect=effect, outcomes=outcomes, **options)
    else:
        choice = choose(picker(spec.picks), *tokens[:3])
        net.transition(spec.name, arcs, choice=choice, outcomes=outcomes, **options)


def _made_arc(built: Built, spec: ArcSpec) -> Arc:
    place = built.places[spec.place]
    when = None if spec.when is None else guard(spec.when)
    if spec.kind == "take":
        return take(place, early=spec.early, when=when)
    if spec.kind == "spend":
        change = None if spec.change is None else changer(place.colour, spec.change)
        return spend(place, change, after_ns=length(spec.after))
    return {"hold": hold, "read": read, "absent": absent, "expired": expired}[spec.kind](place)


def _made_output(built: Built, spec: OutputSpec) -> Output:
    place = built.places[spec.place]
    if spec.kind == "consume":
        return consume(place)
    named = {"Good": Good, "Bad": Bad}
    sources: Any = [named.get(name) or built.places[name] for name in spec.sources]
    make: Any = None if spec.make is None else maker(place.colour, spec.make)
    if spec.seen:
        return put_new(built.places[spec.seen], place, make, *sources)
    if spec.lasts is None:
        return put(place, make, *sources, after_ns=length(spec.after))
    return put(place, make, *sources, after_ns=length(spec.after), lasts_ns=length(spec.lasts))
