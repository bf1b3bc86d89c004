"""Random nets and random runs, for comparing the executions of a net.

Owns: specs of nets that use every feature of a net, drawn from any source of random numbers (a
`random.Random`, or one that Hypothesis controls), and the nets built from them. A spec is data, so
that a failing example can be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Literal

from scraper_cpn.net import (
    Arc,
    Lost,
    Net,
    NetError,
    Output,
    Place,
    absent,
    checked,
    choose,
    consume,
    expired,
    hold,
    on,
    plan,
    put,
    put_new,
    read,
    spend,
    take,
)


@dataclass(frozen=True)
class Job:
    host: int
    site: int
    rank: int
    n: int


@dataclass(frozen=True)
class Host:
    host: int
    site: int
    rank: int
    n: int


@dataclass(frozen=True)
class Spot:
    site: int
    rank: int
    n: int


@dataclass(frozen=True)
class Good:
    n: int


@dataclass(frozen=True)
class Bad:
    n: int


COLOURS: dict[str, type[Any]] = {"Job": Job, "Host": Host, "Spot": Spot}
KEYS = {"Job": ("host", "site"), "Host": ("host", "site"), "Spot": ("site",)}
OUTCOMES = (Good, Bad)
END = 14
"""Tokens whose `n` would pass this are not made any more, so that a run dies out."""

Maker = Callable[..., Any]
"""A function of the user."""


def colour(kind: type[Any], n: int, mix: int = 0) -> Any:
    """A token's colour, all of whose fields follow from two numbers."""
    fields = {"site": (n + mix) % 2, "rank": (n * 5 + mix) % 3, "n": n}
    return kind(**fields) if kind is Spot else kind(host=(n // 2 + mix) % 3 // 2, **fields)


# Specs.


@dataclass(frozen=True)
class PlaceSpec:
    name: str
    kind: Literal["place", "sink", "counter", "set"]
    colour: str = "Job"
    keys: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    capacity: int | None = None
    timed: bool = False
    expires: bool = False
    source: bool = True
    work: bool = False
    budget: bool = False
    start: int = 1
    lazy: bool = False


@dataclass(frozen=True)
class ArcSpec:
    kind: str
    place: str
    early: bool = False
    when: int | None = None
    change: int | None = None
    after: int | tuple[int] = 0
    """A tuple: a function, made from that number."""


@dataclass(frozen=True)
class OutputSpec:
    kind: str
    place: str
    make: int | None = None
    sources: tuple[str, ...] = ()
    after: int | tuple[int] = 0
    lasts: int | tuple[int] | None = None
    seen: str = ""


@dataclass(frozen=True)
class TransitionSpec:
    name: str
    kind: Literal["plain", "choice", "effect"]
    arcs: tuple[ArcSpec, ...]
    cases: tuple[tuple[OutputSpec, ...], ...]
    """For a plain one, one case; for an effect, the last is for `Lost`."""
    priority: int = 0
    during: str = ""
    deadline: int | None = None
    scan: int | None = None
    picks: int = 0
    """Of a choice, what it is made from."""


@dataclass(frozen=True)
class NetSpec:
    places: tuple[PlaceSpec, ...]
    transitions: tuple[TransitionSpec, ...]


# The user's functions, each made from a number; about every fourth raises on some tokens.


def maker(kind: type[Any], seed: int) -> Maker:
    """An output function: gives one token, several, or none; may raise."""

    def make(*sources: Any) -> Any:
        n = sum(source.n for source in sources if hasattr(source, "n")) + 1
        if seed % 4 == 0 and n % 7 == 3:
            raise ValueError(f"made nothing of {n}")
        if n > END or (seed % 3 == 0 and n % 4 == 1):
            return None
        if seed % 5 == 0:
            return [colour(kind, n, seed), colour(kind, n + 1, seed)][: n % 3]
        return colour(kind, n, seed)

    return make


def changer(kind: type[Any], seed: int) -> Maker:
    """What a spent token becomes: another, itself, nothing; may raise."""

    def change(token: Any) -> Any:
        if seed % 4 == 0 and token.n % 5 == 2:
            raise ValueError(f"kept nothing of {token.n}")
        if token.n >= END or (seed % 4 == 1 and token.n % 3 == 0):
            return None
        return token if seed % 3 == 0 else replace(token, n=token.n + 1, rank=seed % 3)

    return change


def guard(seed: int) -> Maker:
    """A guard on one token; may raise."""

    def passes(token: Any) -> bool:
        if seed % 5 == 0 and token.n % 7 == 5:
            raise ValueError(f"no guard for {token.n}")
        return bool((token.n + seed) % 3)

    return passes


def length(of: int | tuple[int]) -> Any:
    """A length of time, or a function that gives one, or raises, or gives nonsense."""
    if isinstance(of, int):
        return of
    seed = of[0]

    def lasts(*sources: Any) -> Any:
        n = sum(source.n for source in sources if hasattr(source, "n"))
        if seed % 4 == 0 and n % 6 == 4:
            return -n
        return (n * 3 + seed) % 7

    return lasts


def first(seed: int) -> Callable[[Any], int]:
    """What a keyed counter starts with; may raise."""

    def start(key: Any) -> int:
        number = sum(key) if isinstance(key, tuple) else key
        if seed % 3 == 0 and number == 1:
            raise ValueError(f"no start for {key}")
        return int((number + seed) % 3)

    return start


def picker(seed: int) -> Maker:
    """A choice; may raise, or pick what is no outcome."""

    def pick(*tokens: Any) -> Any:
        n = sum(token.n for token in tokens)
        if seed % 4 == 0 and n % 6 == 1:
            return n
        return Good(n) if (n + seed) % 3 else Bad(n)

    pick.__annotations__["return"] = Good | Bad
    return pick


def scanner(seed: int) -> Maker:
    """A guard over several tokens; may raise."""

    def scan(*tokens: Any) -> bool:
        n = sum(token.n for token in tokens)
        if seed % 4 == 0 and n % 6 == 5:
            raise ValueError(f"no scan of {n}")
        return bool((n + seed) % 3)

    return scan


# Drawing a spec.


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

    def some(self, values: list[Any], number: int) -> list[Any]:
        """Up to *number* different values, in a random order."""
        left = list(values)
        found: list[Any] = []
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
            start=1 + draw.below(3),
            lazy=bool(keys) and draw.chance(50),
            budget=draw.chance(25),
        )
    yield PlaceSpec("sink", "sink", draw.one("Job", "Host"))
    yield PlaceSpec("seen", "set", "Job", draw.one(("host",), ("site",), ("host", "site")))


def _transition(draw: Draw, places: list[PlaceSpec], name: str) -> TransitionSpec:
    kind = draw.one("plain", "choice", "effect", "effect")
    inputs = _inputs(draw, places)
    arcs = tuple(_arc(draw, place, first=not at, kind=kind) for at, place in enumerate(inputs))
    cases = {"plain": [None], "choice": list(OUTCOMES), "effect": [*OUTCOMES, Lost]}[kind]
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
    return [lead, *draw.some(fits, draw.below(4))]


def _arc(draw: Draw, place: PlaceSpec, *, first: bool, kind: str) -> ArcSpec:
    if place.kind == "counter":
        return ArcSpec(draw.one("take", "hold", "hold", "read"), place.name)
    if place.kind == "set" or place.name == "shown":
        return ArcSpec(draw.one("read", "absent"), place.name)
    if first:
        kinds = ("take", "take", "hold", "spend") if kind == "effect" else ("take",)
    else:
        kinds = ("take", "take", "hold", "spend", "spend", "read", "absent")
    chosen = draw.one(*kinds)
    if chosen == "take":
        early, when = place.timed and draw.chance(25), draw.below(60) if draw.chance(25) else None
        return ArcSpec(chosen, place.name, early=early, when=when)
    if chosen == "spend":
        change = draw.below(60) if draw.chance(60) else None
        return ArcSpec(chosen, place.name, change=change, after=_length(draw) if place.timed else 0)
    return ArcSpec(chosen, place.name)


def _length(draw: Draw) -> int | tuple[int]:
    return draw.one(draw.below(6), (draw.below(60),))


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


# Building a net.


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
        return net.set(spec.name, kind, key=spec.keys)
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


def checked_net(random: Random) -> Built | None:
    """A random net that can work, or None if what was drawn can't be mended."""
    spec = net_spec(random)
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
    if kind == "transition":
        kept = tuple(each for each in spec.transitions if each.name != name)
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
    used = {arc.place for arc in spec.arcs} | {spec.during}
    used |= {output.place for case in spec.cases for output in case}
    used |= {output.seen for case in spec.cases for output in case}
    return bool(used.intersection(names))


# What a net has.


def features(built: Built) -> set[str]:
    """The features of a net that its spec uses, by name."""
    found: set[str] = set()
    for place in built.spec.places:
        found |= _place_features(place)
    for transition in built.spec.transitions:
        found |= _transition_features(built, transition)
    return found


def _place_features(spec: PlaceSpec) -> set[str]:
    if spec.kind == "counter":
        kind = ("lazy" if spec.lazy else "keyed") if spec.keys else "plain"
        return {f"counter {kind}", *(["budget"] if spec.budget else [])}
    has = {
        "two keys": len(spec.keys) > 1,
        "order": bool(spec.order),
        "capacity": spec.capacity is not None,
        "timed": spec.timed,
        "expires": spec.expires,
        "work": spec.work,
        "budget": spec.budget,
        spec.kind: True,
    }
    return {name for name, use in has.items() if use}


def _transition_features(built: Built, spec: TransitionSpec) -> set[str]:
    places = {place.name: place for place in built.spec.places}
    found = {spec.kind, *_join_features(built, spec)}
    found |= {"during"} if spec.during else set()
    found |= {"scan"} if spec.scan is not None else set()
    found |= {"deadline"} if spec.deadline is not None else set()
    found |= {"priority"} if spec.priority else set()
    for arc in spec.arcs:
        kind = places[arc.place].kind
        found |= {f"{arc.kind} {kind}"}
        found |= {"early"} if arc.early else set()
        found |= {"when"} if arc.when is not None else set()
        found |= {"change"} if arc.change is not None else set()
        found |= {"change to none"} if arc.change is not None and arc.change % 4 == 1 else set()
        found |= {"after function"} if isinstance(arc.after, tuple) else set()
        found |= {"after constant"} if arc.kind == "spend" and arc.after else set()
    for case in spec.cases:
        for output in case:
            found |= _output_features(output)
    return found


def _output_features(output: OutputSpec) -> set[str]:
    found = {"consume"} if output.kind == "consume" else set()
    found |= {"put_new"} if output.seen else set()
    found |= {"lasts"} if output.lasts is not None else set()
    found |= {"after function"} if isinstance(output.after, tuple) else set()
    found |= {"moves"} if output.kind == "put" and output.make is None else set()
    if output.make is not None:
        makes = {4: "makes raise", 3: "makes none", 5: "makes several"}
        found |= {text for divisor, text in makes.items() if output.make % divisor == 0}
    return found


def _join_features(built: Built, spec: TransitionSpec) -> set[str]:
    transition = built.net.transitions[spec.name]
    found = set()
    for group in plan.groups(transition):
        if len(group.arcs) > 1:
            found.add("join")
            keys = plan.arc_keys(transition)
            found |= {"join on two keys"} if len(group.keys) > 1 else set()
            found |= (
                {"satellite"} if any(len(keys[a]) < len(group.keys) for a in group.arcs) else set()
            )
    found |= {"independent inputs"} if len(plan.groups(transition)) > 1 else set()
    return found
