"""The layout of a compiled net: all that is decided before a line of it is written, and the names.

Owns: bringing together the structures (`structures.py`), how each place is kept (`keeping.py`) and what transitions
watch (`watching.py`), and what follows from more than one of them.
Must not know: the text of the generated functions.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.compiled.generate.indexes import Index, may_wait
from scraper_cpn.net.compiled.generate.keeping import Keeping, keeping_of
from scraper_cpn.net.compiled.generate.structures import Structures
from scraper_cpn.net.compiled.generate.text import Names, plain
from scraper_cpn.net.compiled.generate.watching import Use, Watches
from scraper_cpn.net.compiled.runtime import choices as index_choices
from scraper_cpn.net.compiled.runtime import join as index_join
from scraper_cpn.net.compiled.runtime import keys as index_keys
from scraper_cpn.net.compiled.runtime import lines as index
from scraper_cpn.net.compiled.runtime import paged as index_paged
from scraper_cpn.net.compiled.runtime import recording as index_recording
from scraper_cpn.net.compiled.runtime import records as index_records
from scraper_cpn.net.compiled.runtime import times as index_times
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.partitions import Tell, tells_of
from scraper_cpn.net.places import Counter, KeySet, Place, Sink

RUNTIME = {
    **{name: getattr(index, name) for name in index.__all__},
    **{name: getattr(index_records, name) for name in index_records.__all__},
    **{name: getattr(index_keys, name) for name in index_keys.__all__},
    **{name: getattr(index_join, name) for name in index_join.__all__},
    **{name: getattr(index_paged, name) for name in index_paged.__all__},
    **{name: getattr(index_times, name) for name in index_times.__all__},
    **{name: getattr(index_choices, name) for name in index_choices.__all__},
    **{name: getattr(index_recording, name) for name in index_recording.__all__},
}
"""The objects of the runtime package that generated source uses, by name."""

PREFIXES = tuple(
    f"{word}_"
    for word in (
        "again", "aside", "at", "back", "begin", "combine", "drop", "end", "expire", "fire", "free",
        "leave", "lost", "orders", "put", "recall", "release", "reserve", "spend", "stand", "sunk", "token", "undo",
        "unuse", "use", "used", "wake",
    )
)  # fmt: skip
"""The prefixes of a place's or a transition's functions and numbers."""


class Layout:
    """The names and indexes of a net.

    Args:
        net: has been checked.
        reserved: names that the generated source uses for itself, with what they stand for if that
            is an object that a declaration may name, too.
        traced: whether the source calls a trace with each event.
        recorded: whether the source keeps what changes.
        printed: whether paged sets keep fingerprints instead of keys.
        divided: whether the kernel is one of several partitions.
    """

    def __init__(
        self,
        net: Net,
        reserved: dict[str, Any],
        *,
        traced: bool = False,
        recorded: bool = False,
        printed: bool = False,
        divided: bool = False,
    ) -> None:
        self.net = net
        self.traced = traced
        self.divided = divided
        self.recorded = recorded
        self.printed = printed
        self.names = Names(reserved)
        self.transitions = plan.ordered(net)
        self._numbers = {each.name: number for number, each in enumerate(self.transitions)}
        self.variables = {
            name: self.names.free(name, PREFIXES) for name in (*net.places, *net.transitions)
        }
        self._uses: dict[str, list[Use]] = {name: [] for name in net.places}
        for number, transition in enumerate(self.transitions):
            for at, arc in enumerate(transition.arcs):
                self._uses[arc.place.name].append(Use(number, transition, at, arc))
        self._guards: dict[str, list[Any]] = {name: [] for name in net.places}
        # As declared: that is the order in which guards are called.
        for transition in net.transitions.values():
            for arc in transition.arcs:
                if arc.when is not None and arc.when not in self._guards[arc.place.name]:
                    self._guards[arc.place.name].append(arc.when)
        self.kept = Structures(
            self.transitions, plan.counted_up(net), self._guards, self.var, self.names
        )
        self.endings = {
            place.name: self.names.free(f"{self.var(place)}_endings")
            for place in self.standing
            if place.expires
        }
        """The variables with the times at which tokens expire, by place."""
        self.amounts = {
            arc: self.names.free(f"{self.var(arc.place)}_amounts")
            for transition in self.transitions
            for arc in transition.arcs
            if callable(arc.count)
        }
        """The variables with the amounts that a function of the key returns."""
        self.ends = {
            (each, number): self.names.free(
                f"{self.var(each)}_{number}_{case.outcome.__name__}", ("end_",)
            )
            for each in self.transitions
            if not each.instant
            for number, case in enumerate(each.outcomes)
        }
        """The suffixes in the names of the functions of outcomes, by transition and number of the outcome."""
        self.timed = sum(self.bit(t) for t in self.transitions if may_wait(t) and not t.manual)
        """The transitions that time alone may enable, except those that take expired tokens."""
        self.manual = sum(self.bit(t) for t in self.transitions if t.manual)
        """The manual transitions, which a step never fires and no change enables."""
        self.watches = Watches(
            self.transitions, self._uses, self._guards, self.kept.in_joins, self.manual
        )
        self._keeping = {
            place.name: keeping_of(
                net,
                place,
                self.kept,
                self._uses,
                self._guards,
                shows=place.name in self.shown,
                divided=divided,
            )
            for place in self.standing
        }

    def var(self, thing: Place[Any] | Counter | KeySet[Any] | Transition) -> str:
        """The variable of a place, or the stem of a transition's functions."""
        return self.variables[thing.name]

    def free(self, place: Place[Any]) -> str:
        """The variable with the number of free slots."""
        return f"free_{self.var(place)}"

    def bit(self, transition: Transition) -> int:
        """The transition's bit in a mask."""
        return 1 << self._numbers[transition.name]

    def number(self, transition: Transition) -> int:
        """The transition's position in the order in which transitions are tried."""
        return self._numbers[transition.name]

    @cached_property
    def limited(self) -> list[Place[Any]]:
        """The places that have a capacity."""
        return [place for place in self.standing if place.capacity is not None]

    @cached_property
    def waiting(self) -> list[Transition]:
        """The transitions in `timed`."""
        return self.those_in(self.timed)

    def those_in(self, mask: int) -> list[Transition]:
        """The transitions in a mask, in their order."""
        found = []
        while mask:
            lowest = mask & -mask
            found.append(self.transitions[lowest.bit_length() - 1])
            mask ^= lowest
        return found

    @cached_property
    def standing(self) -> list[Place[Any]]:
        """The places that contain tokens."""
        places = self.net.places.values()
        return [
            place for place in places if isinstance(place, Place) and not isinstance(place, Sink)
        ]

    @cached_property
    def shown(self) -> set[str]:
        """The places that show firings; their tokens follow from the firings."""
        return {place.name for t in self.transitions for place, _ in t.shows}

    @cached_property
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

    def how(self, place: Place[Any]) -> Keeping:
        """How a place is kept."""
        return self._keeping[place.name]

    def tells(self, place: Place[Any] | KeySet[Any]) -> tuple[Tell, ...]:
        """What gives the partition keys of tokens that are deposited; nothing if the net is not divided."""
        return tells_of(self.net, place) if self.divided else ()

    def claims(self, transition: Transition) -> list[tuple[int, Index]]:
        """The absences that a firing claims: the arc's number, and an index that must be updated."""
        names = plan.arc_keys(transition)
        return [
            (number, found)
            for number, arc in enumerate(transition.arcs)
            if plan.claims(transition, arc)
            for found in self.kept.of(arc.place)  # type: ignore[arg-type]
            if found.kind == "presence" and found.names == names[number]
        ]

    def most(self, place: Place[Any] | Counter) -> float:
        """The largest number of tokens of a place, or of a number, that an arc needs; NEVER if it is unknown."""
        arcs = [use.arc for use in self._uses[place.name]]
        open_ended = any(arc.all or callable(arc.count) for arc in arcs)
        if open_ended:
            return index.NEVER
        return max((arc.count for arc in arcs if isinstance(arc.count, int)), default=1)

    def amount(self, arc: Arc, key: str) -> str:
        """The expression for how many tokens an arc needs."""
        if not callable(arc.count):
            return str(arc.count)
        return f"{self.amounts[arc]}[{key}]"

    def enabled_by(self, transition: Transition) -> int:
        """The transitions that a firing may enable: when it begins, if it has an effect; else by all that it does."""
        taken = [arc.place for arc in transition.arcs if arc.takes]
        put: list[Any] = [place for place, _ in transition.shows]
        if transition.instant:
            outputs = [output for case in transition.outcomes for output in case.outputs]
            put += [arc.place for arc in transition.arcs if arc.comes_back]
            put += [each for output in outputs for each in (output.place, output.seen) if each]
            taken += [output.place for output in outputs if output.kind == "remove"]
        found = self.watches.gain(put).enables | self.watches.loss(taken).enables
        for place in taken:
            if isinstance(place, Place):
                keeps = self.how(place).is_queue and not transition.instant  # the slot of its token
                found |= 0 if keeps else self.watches.wants_slots(place)
                found |= 0 if transition.instant else self.watches.readers_in_use(place)
        places = {place.name for place in (*taken, *put)}
        own = self.bit(transition)
        for each in self.kept.meetings:
            names = {found.place.name for found in each.indexes} | {c.name for c in each.numbers}
            found |= each.mask if each.mask & own or places & names else 0
        return found

    def listed(self, mask: int) -> str:
        """The names of the transitions in a mask, joined in one line."""
        return plain(", ".join(each.name for each in self.those_in(mask)))

    def bounded(self, transition: Transition) -> list[Place[Any]]:
        """The bounded places in which a firing occupies slots."""
        if not self.limited:
            return []
        taken = {arc.place.name for arc in transition.arcs if arc.takes}
        occupied = taken | plan.slots(transition).keys()
        return [place for place in self.limited if place.name in occupied]
