"""Random nets, for comparing the executions of a net: they use every feature that a net can have.

They are drawn from any source of random numbers: a `random.Random` with a seed, or one that
Hypothesis controls. What breaks a rule of `check.py` is mended, rule by rule.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any, TypeVar

from scraper_cpn.net import Lost, NetError, checked
from tests.net import wide
from tests.net.building import Built, build
from tests.net.specs import (
    KEYS,
    OUTCOMES,
    ArcSpec,
    NetSpec,
    OutputSpec,
    PlaceSpec,
    TransitionSpec,
)

T = TypeVar("T")


class Draw:
    """Random choices, with the odds in the open."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def below(self, number: int) -> int:
        return self.random.randrange(number)

    def one(self, *values: Any) -> Any:
        return values[self.random.randrange(len(values))]

    def some(self, values: list[T], number: int) -> list[T]:
        """Up to *number* different values, in a random order."""
        left = list(values)
        found: list[T] = []
        while left and len(found) < number:
            found.append(left.pop(self.random.randrange(len(left))))
        return found


def net_spec(random: Random) -> NetSpec:
    """A net that may still break a rule of `check.py`."""
    draw = Draw(random)
    places = list(_places(draw))
    transitions = [_transition(draw, places, f"t{n}") for n in range(2 + draw.below(4))]
    transitions += [
        TransitionSpec(
            f"end_{place.name}",
            "plain",
            (ArcSpec("expired", place.name),),
            (
                tuple(
                    _outputs(draw, places, (ArcSpec("expired", place.name),), None, bounded=False)
                ),
            ),
            priority=draw.one(0, 0, -2, 2),
        )
        for place in places
        if place.expires
    ]
    return NetSpec(tuple(places), tuple(transitions))


def _places(draw: Draw) -> Iterator[PlaceSpec]:
    for number in range(2 + draw.below(3)):
        kind = draw.one("Job", "Job", "Host", "Spot")
        expires = draw.chance(20)
        yield PlaceSpec(
            f"p{number}",
            "place",
            kind,
            keys=tuple(name for name in KEYS[kind] if draw.chance(70)),
            order=tuple(draw.some(["rank", "n"], draw.below(3))),
            capacity=1 + draw.below(3) if draw.chance(25) else None,
            timed=draw.chance(50),
            expires=expires,
            source=draw.chance(85),
            work=draw.chance(50),
            budget=draw.chance(12),
        )
    yield PlaceSpec(
        "shown", "place", draw.one("Job", "Host"), draw.one((), ("host",)), source=False
    )
    for number in range(1 + draw.below(2)):
        keys = draw.one((), ("host",), ("site",), ("site", "host"))
        yield PlaceSpec(
            f"c{number}",
            "counter",
            keys=keys,
            start=1 + draw.below(2),
            lazy=bool(keys) and draw.chance(50),
            budget=draw.chance(25),
        )
    yield PlaceSpec("sink", "sink", draw.one("Job", "Host"))
    yield PlaceSpec("seen", "set", "Job", draw.one(("host",), ("site",), ("host", "site")))


def _transition(draw: Draw, places: list[PlaceSpec], name: str) -> TransitionSpec:
    kind = draw.one("plain", "choice", "effect", "effect")
    inputs = _inputs(draw, places)
    arcs = tuple(_arc(draw, place, first=not at, kind=kind) for at, place in enumerate(inputs))
    cases: list[Any] = (
        [None] if kind == "plain" else [*OUTCOMES, *([Lost] if kind == "effect" else [])]
    )
    shown = next(place for place in places if place.name == "shown")
    return TransitionSpec(
        name,
        kind,
        arcs,
        tuple(tuple(_outputs(draw, places, arcs, case)) for case in cases),
        priority=draw.one(0, 0, 0, -1, 1),
        during="shown" if kind == "effect" and inputs[0].colour == shown.colour else "",
        deadline=5 if kind == "effect" and draw.chance(20) else None,
        scan=draw.below(60) if draw.chance(15) else None,
        picks=draw.below(60),
    )


def _inputs(draw: Draw, places: list[PlaceSpec]) -> list[PlaceSpec]:
    """A lead, tokens and numbers that join it or don't; none that asks for a key that nothing tells."""
    tokens = [place for place in places if place.name.startswith("p")]
    lead = max(draw.some(tokens, 2), key=lambda place: len(place.keys))
    others = [place for place in places if place != lead and place.kind != "sink"]
    fits = [
        place for place in others if place.name.startswith("p") or set(place.keys) <= {*lead.keys}
    ]
    keyed = [place for place in fits if place.kind == "counter" and place.keys]
    others = draw.some(fits, draw.below(4)) + (keyed[:1] if draw.chance(50) else [])
    return [lead, *dict.fromkeys(others)]


def _arc(draw: Draw, place: PlaceSpec, *, first: bool, kind: str) -> ArcSpec:
    if place.kind == "counter":
        return ArcSpec(draw.one("take", "hold", "hold", "read"), place.name)
    if place.kind == "set" or place.name == "shown":
        return ArcSpec(draw.one("read", "absent"), place.name)
    if not first:
        chosen = draw.one("take", "take", "hold", "spend", "spend", "read", "absent")
    else:
        chosen = draw.one("take", "take", "hold", "spend") if kind == "effect" else "take"
    if chosen == "take":
        early, when = place.timed and draw.chance(25), draw.below(60) if draw.chance(25) else None
        return ArcSpec(chosen, place.name, early=early, when=when)
    if chosen == "spend":
        change = draw.below(60) if draw.chance(60) else None
        return ArcSpec(chosen, place.name, change=change, after=_length(draw) if place.timed else 0)
    return ArcSpec(chosen, place.name)


def _length(draw: Draw) -> int | tuple[int]:
    drawn: int | tuple[int] = draw.one(draw.below(6), (draw.below(60),))
    return drawn


def _outputs(
    draw: Draw,
    places: list[PlaceSpec],
    arcs: tuple[ArcSpec, ...],
    outcome: type[Any] | None,
    *,
    bounded: bool = True,
) -> Iterator[OutputSpec]:
    bound = [arc.place for arc in arcs if arc.kind != "absent" and arc.place.startswith("p")]
    sources = bound + ([outcome.__name__] if outcome in OUTCOMES and outcome else [])
    taken = [
        place.colour
        for place in places
        if any(arc.place == place.name and arc.kind in {"take", "expired"} for arc in arcs)
        and place.kind == "place"
    ]
    fits = [
        place
        for place in places
        if place.name not in {"shown", "seen"} and not (place.keys and place.kind == "counter")
    ]
    fits = [place for place in fits if bounded or place.capacity is None]
    for place in draw.some(fits, draw.one(0, 1, 1, 2)):
        if place.kind == "counter":
            yield OutputSpec("put", place.name)
            continue
        moves = taken.count(place.colour) == 1 and draw.chance(40)
        if not moves and not sources:
            continue
        make = None if moves else draw.below(60)
        new = make is not None and place.colour == "Job" and place.kind == "place"
        yield OutputSpec(
            "put",
            place.name,
            make,
            () if make is None else tuple(draw.some(sources, 1 + draw.below(2))),
            _length(draw) if place.timed else 0,
            _length(draw) if place.expires and draw.chance(60) else None,
            "seen" if new and place.capacity is None and draw.chance(75) else "",
        )
    for arc in arcs:
        if arc.kind == "hold" and draw.chance(30):
            yield OutputSpec("consume", arc.place)


def checked_net(random: Random, *, wide: bool = True, late: bool = True) -> Built | None:
    """A random net that can work, or None if what was drawn can't be mended.

    *wide*: whether its arcs may bind several tokens and look at more than one token of a place; *late*: whether
    such a net may have manual transitions, and has more attempts.
    """
    spec = _chained(net_spec(random))
    return mended(widened(spec, late=late) if wide else spec)


def widened(spec: NetSpec, *, late: bool = True) -> NetSpec:
    """With arcs that bind several tokens, thresholds, guards and more, as the spec itself decides."""
    wider = wide.widened(Draw(Random(f"wide {spec}")), spec)
    return wide.late(Draw(Random(f"manual {spec}")), wider) if late else wider


def _chained(spec: NetSpec) -> NetSpec:
    """With outputs that are made of what others find new, as the spec itself decides."""
    draw = Draw(Random(repr(spec)))
    jobs = [
        place.name
        for place in spec.places
        if place.colour == "Job" and place.kind in {"place", "sink"} and place.capacity is None
    ]
    transitions = tuple(
        replace(each, cases=tuple(_chain(draw, each, case, jobs) for case in each.cases))
        for each in spec.transitions
    )
    return replace(spec, transitions=transitions)


def _chain(
    draw: Draw, transition: TransitionSpec, case: tuple[OutputSpec, ...], jobs: list[str]
) -> tuple[OutputSpec, ...]:
    bound = {arc.place for arc in transition.arcs}
    new = [output.place for output in case if output.seen and output.place not in bound]
    if not new or draw.chance(20):
        return case
    (place,) = draw.some([name for name in jobs if name != "shown"], 1)
    return (*case, OutputSpec("put", place, draw.below(60), (new[0],), seen="seen"))


def mended(spec: NetSpec) -> Built | None:
    """The net of a spec, without what breaks a rule; None if nothing is left."""
    for _ in range(30):
        built = build(spec)
        try:
            checked(built.net)
        except NetError as error:
            spec = _mended(spec, error.problems)
        else:
            return built if spec.transitions else None
    return None


def _mended(spec: NetSpec, problems: tuple[str, ...]) -> NetSpec:
    """Without what the first problem complains of."""
    subject = problems[0].split(", ", 1)[1].split(":")[0].split(",")[0]
    kind, _, name = subject.partition(" ")
    if "is paged" in problems[0]:
        places = tuple(replace(p, paged=p.paged and p.name != name) for p in spec.places)
        return replace(spec, places=places)
    if kind == "transition" and "or declare join=" in problems[0]:
        declared = problems[0].split("or declare join=")[1].split(" if that is meant")[0]
        join = tuple(re.findall(r'"(\w+)"', declared))
        joined = (replace(t, join=join) if t.name == name else t for t in spec.transitions)
        return replace(spec, transitions=tuple(joined))
    if kind == "transition":
        others = [each if each.name != name else each.before for each in spec.transitions]
        kept = tuple(each for each in others if each is not None)
        return replace(spec, transitions=kept)
    if "nothing fills it" in problems[0] and kind == "place" and name.startswith("p"):
        places = tuple(replace(p, source=True) if p.name == name else p for p in spec.places)
        return replace(spec, places=places)
    if "nothing uses it" in problems[0] and kind == "place" and name.startswith("p"):
        drain = TransitionSpec(
            f"drain_{name}", "plain", (ArcSpec("take", name),), ((),), priority=2
        )
        return replace(spec, transitions=(*spec.transitions, drain))
    names = [name]
    places = tuple(place for place in spec.places if place.name not in names)
    left = tuple(each for each in spec.transitions if not _uses(each, names))
    return NetSpec(places, left)


def _uses(spec: TransitionSpec, names: list[str]) -> bool:
    used = {arc.place for arc in spec.arcs} | {spec.during} | {name for name, _ in spec.shows}
    used |= {output.place for case in spec.cases for output in case}
    used |= {output.seen for case in spec.cases for output in case}
    return bool(used.intersection(names))
