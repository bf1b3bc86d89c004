"""Nets built from specs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scraper_cpn.net import (
    Arc,
    Counter,
    KeySet,
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
    remove,
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
    needing,
    pausing,
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
    runs = any(place.work and "site" in place.keys for place in spec.places)
    built = Built(spec, Net("random", run="site" if runs else None))
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
    net = built.net
    arcs = [_made_arc(built, arc) for arc in spec.arcs]
    tokens: Any = [arc for arc in arcs if arc.binds]
    options: dict[str, Any] = {
        "priority": spec.priority,
        "join": spec.join,
        "attempts": spec.attempts,
        "pause_ns": spec.pause if isinstance(spec.pause, int) else pausing(spec.pause[0]),
        "manual": spec.manual,
        "retry": (Bad, Lost) if spec.retry_bad else Lost,
        "during": _shown(built, spec, arcs),
        "deadline_ns": spec.deadline,
        "scan": None if spec.scan is None else choose(scanner(spec.scan), *tokens[:3]),
    }
    named = {arc.place.name: arc for arc in reversed(arcs)}
    cases = [[_made_output(built, output, named) for output in case] for case in spec.cases]
    if spec.kind == "plain":
        net.transition(spec.name, arcs, outputs=cases[0], **options)
        return
    kinds = [*OUTCOMES, Lost][: len(cases)]
    outcomes = [on(kind, *outputs) for kind, outputs in zip(kinds, cases, strict=True)]
    if spec.kind == "effect":
        effect = net.effect(f"do_{spec.name}", Good | Bad)(*tokens)
        still = _still(built, spec, arcs)
        net.transition(spec.name, arcs, effect=effect, outcomes=outcomes, still=still, **options)
    else:
        choice = choose(picker(spec.picks), *tokens[:3])
        net.transition(spec.name, arcs, choice=choice, outcomes=outcomes, **options)


def _still(built: Built, spec: TransitionSpec, arcs: list[Arc]) -> list[Arc]:
    """A condition of the start for every second effect: a place whose keys the inputs tell."""
    message = {name for arc in arcs if arc.binds for name in arc.place.keys}
    fits = [
        built.places[place.name]
        for place in built.spec.places
        if place.kind == "place" and not place.paged and message.issuperset(place.keys)
    ]
    if spec.picks % 2 or not fits:
        return []
    place = fits[spec.picks // 2 % len(fits)]
    return [absent(place) if spec.picks % 4 else read(place)]


def _made_arc(built: Built, spec: ArcSpec) -> Arc:
    place = built.places[spec.place]
    when = None if spec.when is None else guard(spec.when)
    count: Any = spec.count if isinstance(spec.count, int) else needing(spec.count[0])
    if spec.kind == "take" and spec.all:
        return take(place, all=True, at_least=count, include_waiting=spec.early, when=when)
    if spec.kind == "take" and isinstance(place, Place):
        return take(place, count, include_waiting=spec.early, when=when)
    if spec.kind == "spend":
        change = None if spec.change is None else changer(place.colour, spec.change)
        return spend(place, change, after_ns=length(spec.after), when=when)
    if spec.kind == "expired":
        return expired(place)
    if not isinstance(place, Place):
        return _made_plain(spec, place, count)
    if spec.kind == "hold":
        return hold(place, count, when=when)
    if spec.kind == "read":
        return read(place, at_least=count, when=when, include_in_use=spec.in_use)
    return absent(place, when=when, include_in_use=spec.in_use)


def _made_plain(spec: ArcSpec, place: Any, count: Any) -> Arc:
    """An arc of a counter or a set."""
    if isinstance(place, KeySet):
        return read(place) if spec.kind == "read" else absent(place)
    if spec.kind == "read":
        return read(place, at_least=count)
    return {"take": take, "hold": hold}[spec.kind](place, count)


def _shown(built: Built, spec: TransitionSpec, arcs: list[Arc]) -> Any:
    """The places that show the firings of a transition, each with what it shows."""
    if not spec.shows:
        return built.places[spec.during] if spec.during else None
    first = (
        {built.places[spec.during]: next(arc for arc in arcs if arc.binds)} if spec.during else {}
    )
    return first | {built.places[name]: arcs[number] for name, number in spec.shows}


def _made_output(built: Built, spec: OutputSpec, arcs: dict[str, Arc]) -> Output:
    place = built.places[spec.place]
    if spec.kind == "consume":
        return consume(place)
    named: dict[str, Any] = {"Good": Good, "Bad": Bad, **arcs}
    sources: Any = [named.get(name) or built.places[name] for name in spec.sources]
    if spec.kind == "remove":
        return remove(place, maker(place.colour, spec.make or 1), *sources)
    if isinstance(place, Counter):
        return put(place, spec.count)
    make: Any = None if spec.make is None else maker(place.colour, spec.make)
    if spec.seen:
        return put_new(built.places[spec.seen], place, make, *sources)
    if spec.lasts is None:
        return put(place, make, *sources, after_ns=length(spec.after))
    return put(place, make, *sources, after_ns=length(spec.after), lasts_ns=length(spec.lasts))
