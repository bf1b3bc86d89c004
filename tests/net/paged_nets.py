"""Random nets with paged places and sets: those of `nets.py`, with what a paged place may not have removed.

Owns: how a spec becomes one that is paged, and a kernel whose paged tokens and keys are in a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import msgspec

from scraper_cpn.net import KeySet, Marking, Net, Place
from scraper_cpn.net.changes import Changes
from scraper_cpn.net.compiled.kernel import Cold, Compiled
from scraper_cpn.net.marking import Standing, one_key
from scraper_cpn.net.shelf import Order
from tests.net.building import Built
from tests.net.folded import Folded, durable_of
from tests.net.nets import Draw, mended, net_spec
from tests.net.specs import ArcSpec, NetSpec, OutputSpec, PlaceSpec, TransitionSpec
from tests.net.tables import TableShelf


def paged_net(random: Random) -> Built | None:
    """A random net some of whose places are paged; None if there are none."""
    spec = net_spec(random)
    draw = Draw(random)
    keyed = [p.name for p in spec.places if p.name.startswith("p") and p.keys]
    names = set(draw.some(keyed, 1 + draw.below(2)))
    others = [p.name for p in spec.places if p.name.startswith("p") and p.name not in names]
    timing = Draw(Random(f"times {spec}"))
    times = set(timing.some(others, timing.one(0, 1, 2)))
    built = mended(_by_time(timing, _paged(draw, spec, names), times))
    return (
        built if built and any(p.paged and p.kind == "place" for p in built.spec.places) else None
    )


def _paged(draw: Draw, spec: NetSpec, names: set[str]) -> NetSpec:
    key = draw.one("host", "site")
    whole = draw.chance(40)
    places = tuple(_place(place, names, key, whole=whole) for place in spec.places)
    dead = {f"end_{name}" for name in names}
    kept = [_transition(each, names) for each in spec.transitions if each.name not in dead]
    keys = {place.name: place.keys for place in places}
    joined = tuple(_joined(draw, each, names, keys) for each in kept)
    tallies = {arc.place for each in joined for arc in each.arcs} - keys.keys()
    counters = [
        PlaceSpec(name, "counter", keys=(name.removeprefix("tally_"),), start=1 + draw.below(3))
        for name in sorted(tallies)
    ]
    return NetSpec((*places, *counters), joined)


def _by_time(draw: Draw, spec: NetSpec, names: set[str]) -> NetSpec:
    """With these places paged and timed: without keys and orders, since their tokens go by their times."""
    places = tuple(
        replace(p, keys=(), order=(), capacity=None, timed=True, expires=False, paged=True)
        if p.name in names
        else p
        for p in spec.places
    )
    dead = {f"end_{name}" for name in names}
    kept = [each for each in spec.transitions if each.name not in dead]
    return NetSpec(places, tuple(_transition(each, names, draw) for each in kept))


def _joined(
    draw: Draw, spec: TransitionSpec, names: set[str], keys: dict[str, tuple[str, ...]]
) -> TransitionSpec:
    """With a number for the key of a paged input that nothing joins."""
    shared = [name for arc in spec.arcs for name in keys[arc.place]]
    lone = [key for arc in spec.arcs if arc.place in names for key in keys[arc.place]]
    added = [
        ArcSpec(draw.one("hold", "hold", "read"), f"tally_{key}")
        for key in dict.fromkeys(lone)
        if shared.count(key) == 1
    ]
    return replace(spec, arcs=(*spec.arcs, *added))


def _place(place: PlaceSpec, names: set[str], key: str, *, whole: bool) -> PlaceSpec:
    """A place of the spec; a paged one keeps all its keys, or one."""
    keys = place.keys
    if place.name in names and not whole:
        keys = (key,) if key in keys else keys[:1]
    elif place.kind == "set":
        keys = ("host",)
    tagged = tuple("tag" if name == "host" else name for name in keys)
    if place.name not in names:
        return replace(place, keys=tagged, paged=place.kind == "set")
    return replace(place, keys=tagged, paged=True, capacity=None, timed=False, expires=False)


def _transition(spec: TransitionSpec, names: set[str], times: Draw | None = None) -> TransitionSpec:
    """What these places allow; *times*: they are timed, and get more times than were drawn."""
    arcs = tuple(_arc(arc, times) if arc.place in names else arc for arc in spec.arcs)
    cases = tuple(
        tuple(_output(each, times) if each.place in names else each for each in case)
        for case in spec.cases
    )
    return replace(spec, arcs=arcs, cases=cases, scan=None)


def _arc(arc: ArcSpec, times: Draw | None) -> ArcSpec:
    kind = "read" if arc.kind == "absent" else arc.kind
    after = times.one(0, 3, 7, (times.below(60),)) if times and kind == "spend" else 0
    return replace(arc, kind=kind, early=False, when=None, after=after)


def _output(output: OutputSpec, times: Draw | None) -> OutputSpec:
    after = times.one(0, 3, 7, (times.below(60),)) if times and output.kind == "put" else 0
    return replace(output, after=after, lasts=None)


class Stored(Folded):
    """A kernel as a state keeps it: its paged tokens and keys are in a table.

    Its changes reach the table at every *patience*-th look at it. It is loaded from what is there, and from some tokens
    that are in the table, too, as those that a recovery has just put.
    """

    def __init__(self, net: Net, trace: Any = None, *, shelf: Any = None, **options: Any) -> None:
        self.table = shelf or TableShelf()
        self.uncommitted: list[Changes] = []
        super().__init__(net, trace, shelf=self.table, **options)

    @classmethod
    def load(cls, net: Net, marking: Marking, trace: Any = None, **_: Any) -> Stored:
        paged = paged_places(net)
        table, durable = TableShelf(), durable_of(net, marking)
        table.commit(_rows(net, durable.tokens.values()), ())
        sets = [p.name for p in net.places.values() if isinstance(p, KeySet) and p.paged]
        shelved = [t for t in marking.tokens if t.place in paged and t.serial % 2]
        rest = msgspec.structs.replace(
            marking,
            tokens=tuple(token for token in marking.tokens if token not in shelved),
            sets={name: () if name in sets else keys for name, keys in marking.sets.items()},
        )
        keys: dict[str, Any] = {name: marking.sets[name] for name in sets}
        cold = list(_cold(net, shelved))
        kernel = super().load(net, rest, trace, shelf=table, cold=cold, keys=keys)
        assert isinstance(kernel, Stored)
        kernel.durable = durable
        return kernel

    def marking(self) -> Marking:
        self.asked += 1
        changes = self.changes()
        self.durable.fold(changes)
        self.uncommitted.append(changes)
        direct = Compiled.marking(self)
        self.durable.sunk = dict(direct.sunk)
        whole = self.durable.marking(self.net)
        assert direct.tokens == whole.tokens
        if self.asked % self.patience == 0:
            self.commit()
        return whole

    def commit(self) -> None:
        for changes in self.uncommitted:
            gone = [(token.place, token.serial) for token in changes.gone]
            self.table.commit(_rows(self.net, changes.born), gone)
        self.uncommitted.clear()


def paged_places(net: Net) -> dict[str, Place[Any]]:
    return {p.name: p for p in net.places.values() if isinstance(p, Place) and p.paged}


def _rows(net: Net, tokens: Iterable[Standing]) -> Iterator[tuple[str, Any, Order, int, Any]]:
    """The rows of a table of paged tokens."""
    paged = paged_places(net)
    for token in tokens:
        if token.place in paged:
            place = paged[token.place]
            fields = [getattr(token.colour, name) for name in place.order]
            order = (token.ready_at_ns, 0) if place.by_time else tuple([*fields, 0, 0][:2])
            key = one_key(getattr(token.colour, name) for name in place.keys)
            yield token.place, key, order, token.serial, token.colour


def _cold(net: Net, tokens: Iterable[Standing]) -> Iterator[Cold]:
    """What a store tells of the keys whose tokens it has."""
    keys: dict[Any, list[Any]] = {}
    for place, key, order, serial, _ in _rows(net, tokens):
        keys.setdefault((place, key), []).append((order, serial))
    for (place, key), turns in keys.items():
        order, serial = min(turns)
        yield place, key, len(turns), order, serial


def storing(draw: Draw) -> Any:
    """Make kernels whose changes reach the table after so many calls."""
    patience = draw.one(1, 2, 7)
    return lambda net, trace: Stored(net, trace, patience=patience)
