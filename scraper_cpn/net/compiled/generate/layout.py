"""What a compiled net keeps: which indexes, under which names, and who is influenced by what.

Owns: the decisions of the compiler that follow from the declaration alone: an index for each way in
which an arc looks for its tokens, shared where two arcs look in the same way, and the masks of the
transitions that a gain or a loss of a place may concern.
Must not know: the text of the generated functions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property, reduce
from operator import or_
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.compiled.generate.indexes import (
    LIMITS,
    Index,
    Influence,
    Kind,
    Meeting,
    flat_groups,
    may_wait,
)
from scraper_cpn.net.compiled.generate.text import Names, plain
from scraper_cpn.net.compiled.runtime import choices as index_choices
from scraper_cpn.net.compiled.runtime import join as index_join
from scraper_cpn.net.compiled.runtime import keys as index_keys
from scraper_cpn.net.compiled.runtime import lines as index
from scraper_cpn.net.compiled.runtime import paged as index_paged
from scraper_cpn.net.compiled.runtime import records as index_records
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.places import Counter, KeySet, Place, Sink

RUNTIME = {
    **{name: getattr(index, name) for name in index.__all__},
    **{name: getattr(index_records, name) for name in index_records.__all__},
    **{name: getattr(index_keys, name) for name in index_keys.__all__},
    **{name: getattr(index_join, name) for name in index_join.__all__},
    **{name: getattr(index_paged, name) for name in index_paged.__all__},
    **{name: getattr(index_choices, name) for name in index_choices.__all__},
}
"""What the generated source uses of the indexes, by name."""

PREFIXES = tuple(
    f"{word}_"
    for word in (
        "again", "aside", "at", "back", "begin", "combine", "drop", "end", "expire", "fire", "free",
        "leave", "lost", "orders", "put", "release", "reserve", "spend", "stand", "sunk", "token", "undo",
        "unuse", "use", "used", "wake",
    )
)  # fmt: skip
"""What the functions and numbers of a place or a transition begin with, before its name."""


class Layout:
    """The names and indexes of a net.

    Args:
        net: has been checked.
        reserved: names that the generated source uses for itself, with what they stand for if that
            is an object that a declaration may name, too.
        recorded: whether the source keeps what changes.
        printed: whether paged sets keep fingerprints instead of keys.
    """

    def __init__(
        self, net: Net, reserved: dict[str, Any], *, recorded: bool = False, printed: bool = False
    ) -> None:
        self.net = net
        self.recorded = recorded
        self.printed = printed
        self.names = Names(reserved)
        self.transitions = plan.ordered(net)
        self._numbers = {each.name: number for number, each in enumerate(self.transitions)}
        self.variables = {
            name: self.names.free(name, PREFIXES) for name in (*net.places, *net.transitions)
        }
        self._stems: dict[tuple[Any, ...], str] = {}
        self.indexes: dict[Any, Index] = {}
        self._flat = flat_groups(self.transitions, plan.counted_up(net))
        self.met = {
            place.name: None
            for each, group in self._flat
            for place in (each.arcs[arc].place for arc in group.arcs)
        }
        """The places and counters that are in records."""
        self.meetings: dict[Any, Meeting] = {}
        self.noted = 0
        """The transitions of which the function that is written has noted that they are delayed."""
        self.timed = sum(self.bit(t) for t in self.transitions if may_wait(t))
        """The transitions that time alone may enable, but for those that take what has expired."""

    def var(self, thing: Place[Any] | Counter | KeySet[Any] | Transition) -> str:
        """The variable of a place, or the stem of a transition's functions."""
        return self.variables[thing.name]

    def free(self, place: Place[Any]) -> str:
        """The variable with the number of free slots."""
        return f"free_{self.var(place)}"

    def bit(self, transition: Transition) -> int:
        """The transition, in a mask."""
        return 1 << self._numbers[transition.name]

    def number(self, transition: Transition) -> int:
        """Its place in the order in which transitions are tried."""
        return self._numbers[transition.name]

    @property
    def scalars(self) -> list[str]:
        """The variables that are assigned, beside those of the frame."""
        return [
            *(self.var(counter) for counter in self.counters if not counter.keys),
            *map(self.free, self.limited),
            *(f"sunk_{self.var(sink)}" for sink in self.sinks),
            *(f"at_{self.var(transition)}" for transition in self.waiting),
            *(f"{each.name}_{what}" for each in self.meetings.values() for what in LIMITS),
        ]

    @property
    def limited(self) -> list[Place[Any]]:
        """The places that have a capacity."""
        return [place for place in self.standing if place.capacity is not None]

    @property
    def waiting(self) -> list[Transition]:
        """The transitions in `timed`."""
        return [t for t in self.transitions if self.bit(t) & self.timed]

    def stem(self, key: tuple[Any, ...], wanted: str, *prefixes: str) -> str:
        """A name like *wanted* for what *key* tells; the same one each time."""
        if key not in self._stems:
            self._stems[key] = self.names.free(wanted, prefixes)
        return self._stems[key]

    @property
    def standing(self) -> list[Place[Any]]:
        """The places that hold tokens."""
        places = self.net.places.values()
        return [
            place for place in places if isinstance(place, Place) and not isinstance(place, Sink)
        ]

    @property
    def shown(self) -> set[str]:
        """The places that show firings; what is in them follows from the firings."""
        return {place.name for t in self.transitions for place, _ in t.shows}

    @property
    def counters(self) -> list[Counter]:
        """The counters."""
        return [place for place in self.net.places.values() if isinstance(place, Counter)]

    @property
    def sets(self) -> list[KeySet[Any]]:
        """The sets."""
        return [place for place in self.net.places.values() if isinstance(place, KeySet)]

    @property
    def sinks(self) -> list[Sink[Any]]:
        """The sinks."""
        return [place for place in self.net.places.values() if isinstance(place, Sink)]

    def only_shows(self, place: Place[Any]) -> bool:
        """Whether a place is nothing but a view of firings: nobody puts there, and nobody looks."""
        outputs = [each for t in self.transitions for case in t.outcomes for each in case.outputs]
        return place.name in self.shown and not (
            self.of(place)
            or any(output.place is place for output in outputs)
            or self._looked(place)
        )

    def _looked(self, place: Place[Any]) -> bool:
        return any(arc.place is place for t in self.transitions for arc in t.arcs)

    def is_queue(self, place: Place[Any]) -> bool:
        """Whether the oldest token of a place is always the one that goes, so that a queue will do."""
        plain = not (place.order or place.timed or place.expires or place.paged)
        return (
            plain
            and place.name not in self.shown
            and all(
                found.kind == "line" and not (found.bit or found.scanned or found.in_use)
                for found in self.of(place)
            )
        )

    def comes_back(self, place: Place[Any]) -> bool:
        """Whether tokens are put back as they are."""
        arcs = [arc for transition in self.transitions for arc in transition.arcs]
        return any(arc.place is place and arc.kind in {"hold", "spend"} for arc in arcs)

    def pauses_alike(self, place: Place[Any]) -> bool:
        """Whether all that spend tokens of a place change them alike, for a time that depends on them.

        Then what that comes to, for a token that stays as it is, can be kept with it.
        """
        arcs = [arc for t in self.transitions for arc in t.arcs if arc.place is place]
        spends = [(arc.change, arc.after_ns) for arc in arcs if arc.kind == "spend"]
        return place.timed and spends.count(spends[0]) == len(spends)

    def guards(self, place: Place[Any]) -> list[Any]:
        """The guards on a place's tokens, each once; the n-th has the bit 1 << n."""
        return list(dict.fromkeys(plan.guards(self.net, place)))

    def of(self, place: Place[Any]) -> list[Index]:
        """The indexes of a place."""
        return [found for found in self.indexes.values() if found.place is place]

    def meeting(self, transition: Transition, group: plan.Group) -> Meeting | None:
        """The meeting of a join group, shared by those that are alike; None if its keys differ."""
        if (transition, group) not in self._flat:
            return None
        arcs = [transition.arcs[arc] for arc in group.arcs]
        assert group.lead is not None
        lead = self.looks(transition.arcs[group.lead], group.keys, held=True)
        bound = [arc for arc in arcs if arc.binds and arc is not transition.arcs[group.lead]]
        others = tuple(self.looks(arc, group.keys, held=True) for arc in bound)
        numbers = tuple(arc.place for arc in arcs if isinstance(arc.place, Counter))
        key = (lead, *others, *(each.name for each in numbers))
        known = self.meetings.get(key)
        name = known.name if known else self.names.free(
            f"{self.var(transition)}_by_{'_'.join(group.keys)}", ("look_", "ripen_", "next_")
        )  # fmt: skip
        mask = self.bit(transition) | (known.mask if known else 0)
        self.meetings[key] = Meeting(name, group.keys, lead, others, numbers, mask)
        return self.meetings[key]

    def is_twin(self, found: Index) -> bool:
        """Whether some look for a record's tokens that are ready, and others for all of them."""
        kinds = {each.early for each in self.of(found.place) if each.name == found.name}
        return found.place.timed and len(kinds) > 1

    def in_records(self, place: Place[Any]) -> Index | None:
        """The field of the records that have all tokens of a place, so that it needs nothing else."""
        absent = any(
            arc.place is place and arc.kind == "absent" for t in self.transitions for arc in t.arcs
        )
        held = [each for each in self.of(place) if each.kind == "held" and not each.bit]
        return held[0] if held and not (absent or place.name in self.shown) else None

    def meetings_of(self, found: Index | Counter) -> list[Meeting]:
        """The meetings for which an index or a counter matters."""
        return [each for each in self.meetings.values() if found in (*each.indexes, *each.numbers)]

    def records(self, names: tuple[str, ...]) -> str:
        """The variable with the records of these keys."""
        return self.stem(("records", names), f"by_{'_'.join(names)}")

    @property
    def families(self) -> list[tuple[str, ...]]:
        """The keys that have records."""
        return list(dict.fromkeys(each.keys for each in self.meetings.values()))

    def looks(
        self, arc: Arc, names: tuple[str, ...], *, scanned: bool = False, held: bool = False
    ) -> Index:
        """The index in which an arc finds its token, or its absence."""
        place = arc.place
        assert isinstance(place, Place)
        if arc.kind == "expired":
            return self._index("line", place, (), expired=True)
        bit = 0 if arc.when is None else 1 << self.guards(place).index(arc.when)
        used = arc.include_in_use
        if arc.kind == "absent":
            return self._index("presence", place, names, bit=bit, in_use=used)
        kind: Kind = "held" if held else "view" if names else "line"
        early = arc.include_waiting
        return self._index(kind, place, names, bit=bit, early=early, scanned=scanned, in_use=used)

    def is_empty(self, arc: Arc, names: tuple[str, ...]) -> bool:
        """Whether an absence needs nothing but that the place is empty."""
        plain = not (names or arc.when is not None or arc.include_in_use)
        return plain and arc.place.name not in self.claimed

    @cached_property
    def claimed(self) -> set[str]:
        """The places whose absence a running firing may keep."""
        return {a.place.name for t in self.transitions for a in t.arcs if plan.claims(t, a)}

    def claims(self, transition: Transition) -> list[tuple[int, Index]]:
        """The absences that a firing keeps: the arc's number, and an index that has to know."""
        names = plan.arc_keys(transition)
        return [
            (number, found)
            for number, arc in enumerate(transition.arcs)
            if plan.claims(transition, arc)
            for found in self.of(arc.place)  # type: ignore[arg-type]
            if found.kind == "presence" and found.names == names[number]
        ]

    def used(self, place: Place[Any]) -> list[Index]:
        """The indexes that have a place's tokens that are in use."""
        return [found for found in self.of(place) if found.in_use]

    def absences(self, place: Place[Any]) -> int:
        """The transitions that look for an absence in a place."""
        return self._lookers(place, lambda arc: arc.kind == "absent")

    def readers_in_use(self, place: Place[Any]) -> int:
        """The transitions that read a place's tokens that are in use."""
        return self._lookers(place, lambda arc: arc.kind == "read" and arc.include_in_use)

    def _lookers(self, place: Place[Any], look: Callable[[Arc], bool]) -> int:
        arcs = [(self.bit(t), arc) for t in self.transitions for arc in t.arcs]
        return reduce(or_, (bit for bit, arc in arcs if arc.place is place and look(arc)), 0)

    def most(self, place: Place[Any] | Counter) -> float:
        """The most tokens of a place, or of a number, that an arc needs; NEVER: nobody knows."""
        arcs = [arc for t in self.transitions for arc in t.arcs if arc.place is place]
        open_ended = any(arc.all or callable(arc.count) for arc in arcs)
        if open_ended:
            return index.NEVER
        return max((arc.count for arc in arcs if isinstance(arc.count, int)), default=1)

    def amount(self, arc: Arc, key: str) -> str:
        """The expression for how many tokens an arc needs."""
        if not callable(arc.count):
            return str(arc.count)
        return f"{self.amounts(arc)}[{key}]"

    def amounts(self, arc: Arc) -> str:
        """The variable with the numbers that a function of the key says."""
        return self.stem(("amounts", arc), f"{self.var(arc.place)}_amounts")

    def _index(
        self,
        kind: Kind,
        place: Place[Any],
        names: tuple[str, ...],
        *,
        bit: int = 0,
        early: bool = False,
        expired: bool = False,
        scanned: bool = False,
        in_use: bool = False,
    ) -> Index:
        key = (kind, place.name, names, bit, early, expired, scanned, in_use)
        if key not in self.indexes:
            words = [
                self.var(place),
                *(["by", *names] if names else []),
                *([] if names else [kind]),
            ]
            words += [f"passing_{bit}"] if bit else []
            if kind == "held":  # with or without notice of times: the tokens are the same
                name = self.stem((place.name, names, bit), "_".join(words))
            else:
                flags = (
                    ("early", early), ("expired", expired), ("scanned", scanned), ("in_use", in_use)
                )  # fmt: skip
                words += [word for word, has in flags if has]
                words += ["presence"] if names and kind == "presence" else []
                name = self.names.free("_".join(words))
            name = self.var(place) if place.paged else name
            self.indexes[key] = Index(
                kind, name, place, names, bit, early, expired, scanned, in_use
            )
        return self.indexes[key]

    # Influence: which transitions a change concerns.

    def wants_slots(self, place: Place[Any]) -> int:
        """The transitions that need slots of a place."""
        return sum(self.bit(t) for t in self.transitions if plan.slots(t).get(place.name, 0))

    def most_slots(self, place: Place[Any]) -> int:
        """The most slots that a transition needs of a place."""
        return max(plan.slots(t).get(place.name, 0) for t in self.transitions)

    def gain(self, places: Iterable[Any]) -> Influence:
        """What it means that something comes to these places."""
        return self._influence(places, came=True)

    def gain_of(self, place: Place[Any], *, bit: int = 0, expired: bool = False) -> Influence:
        """What it means for those that look for tokens that pass a guard, or have expired, alone.

        With *bit* 0 and not *expired*: for the others.
        """
        wants = fears = 0
        for number, transition in enumerate(self.transitions):
            for at, arc in enumerate(transition.arcs):
                if arc.place is not place or self._in_flat(transition, at):
                    continue
                guard = 0 if arc.when is None else 1 << self.guards(place).index(arc.when)
                alike = (arc.kind == "expired") == expired and guard == bit
                wants |= (arc.kind != "absent" and alike) << number
                fears |= (arc.kind == "absent" and alike) << number
        return Influence(wants, fears)

    def loss(self, places: Iterable[Any]) -> Influence:
        """What it means that something leaves these places."""
        return self._influence(places, came=False)

    def _influence(self, places: Iterable[Any], *, came: bool) -> Influence:
        wants = fears = 0
        listed = list(places)
        for number, transition in enumerate(self.transitions):
            for at, arc in enumerate(transition.arcs):
                if arc.place in listed:
                    told = came and self._in_flat(transition, at)  # its meeting tells
                    wants |= (arc.kind != "absent" and not told) << number
                    fears |= (arc.kind == "absent") << number
        return Influence(wants, fears) if came else Influence(fears, wants)

    def _in_flat(self, transition: Transition, arc: int) -> bool:
        return any(each is transition and arc in group.arcs for each, group in self._flat)

    def listed(self, mask: int) -> str:
        """The names of the transitions in a mask, on one line."""
        names = [t.name for number, t in enumerate(self.transitions) if mask >> number & 1]
        return plain(", ".join(names))

    def bounded(self, transition: Transition) -> list[Place[Any]]:
        """The bounded places in which a firing occupies slots."""
        return [
            place
            for place in self.standing
            if place.capacity is not None
            and (
                place.name in plan.slots(transition)
                or any(
                    arc.place is place and arc.kind not in {"read", "absent"}
                    for arc in transition.arcs
                )
            )
        ]
