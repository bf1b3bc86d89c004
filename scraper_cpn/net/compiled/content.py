"""What a compiled kernel contains, as plain records: its marking, and what has changed.

Owns: turning the tokens, numbers and firings of the generated source into those of a marking.
Must not know: what a step does, how a token is found.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.changes import Changes
from scraper_cpn.net.compiled.runtime.lines import Flight, Queued, Token
from scraper_cpn.net.compiled.runtime.recording import Recording
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.marking import Flying, Marking, Standing
from scraper_cpn.net.places import Counter


class Content:
    """The content of a compiled kernel.

    Args:
        net: the net.
        ordered: its transitions, in the order in which they are tried.
        parts: what its source has built.
    """

    def __init__(self, net: Net, ordered: Sequence[Transition], parts: Mapping[str, Any]) -> None:
        self._net = net
        self._ordered = ordered
        self._parts = parts
        self._counted = [plan.counted(transition) for transition in ordered]

    def marking(self) -> Marking:
        """Save everything."""
        now_ns, next_serial, next_id = self._parts["scalars"]()
        return Marking(
            net=self._net.name,
            now_ns=now_ns,
            next_serial=next_serial,
            next_id=next_id,
            tokens=tuple(
                standing
                for place in self._net.places.values()
                if place.name in self._parts["PLACES"]
                for standing in self.standing(place)
            ),
            counters={name: self.changed_numbers(name) for name in self._parts["numbers"]()},
            sets={name: seen.listed() for name, seen in self._parts["SETS"].items()},
            flights=tuple(
                self.flying(flight) for _, flight in sorted(self._parts["flights"].items())
            ),
            faulted=tuple(self._parts["faulted"]),
            sunk=self._parts["sunk"](),
        )

    def changes(self) -> Changes:
        """The changes since the last call, or since the beginning; only if *recorded* was true.

        Cost: O(what changed); plus O(firings in flight) for each number that has changed for good.
        """
        found: Recording = self._parts["recording"]
        now_ns, next_serial, next_id = self._parts["scalars"]()
        made = Changes(
            now_ns=now_ns,
            next_serial=next_serial,
            next_id=next_id,
            born=tuple(_standing(place, token) for place, token in found.born.values()),
            gone=tuple(_standing(place, token) for place, token in found.gone.values()),
            numbers=tuple(self._as_if_landed(found.changed)),
            seen=tuple(found.met),
            forgotten=tuple(found.unmet),
            begun=tuple(self.flying(flight) for flight in found.begun.values()),
            ended=tuple(found.ended),
            faulted=tuple(found.aside),
        )
        found.clear()
        return made

    def _as_if_landed(
        self, changed: Mapping[tuple[str, Hashable], None]
    ) -> Iterator[tuple[str, Hashable, int]]:
        """Numbers with all that firings in flight have taken of them."""
        if not changed:
            return
        numbers, more = self._parts["numbers"](), self._taken(changed)
        for name, key in changed:
            place: Any = self._net.places[name]
            known = numbers[name]
            yield name, key, (known[key] if key in known else place.first(key)) + more[name, key]

    def _taken(self, changed: Mapping[tuple[str, Hashable], None]) -> Counts[tuple[str, Hashable]]:
        """What firings in flight have taken of these numbers."""
        found: Counts[tuple[str, Hashable]] = Counts()
        for flight in self._parts["flights"].values():
            counted = self._counted[flight.number]
            bound = list(self.bound(flight)) if counted else []
            for arc, name in counted:
                if (name, bound[arc]) in changed:
                    declared = self._ordered[flight.number].arcs[arc]
                    found[name, bound[arc]] += plan.amount(declared, bound[arc]) or 0
        return found

    def standing(self, place: Any) -> Iterator[Standing]:
        """The tokens of a place, by serial."""
        tokens = self._parts["PLACES"][place.name]
        if place.paged:
            listed = sorted(tokens.listed().items())
            return (Standing(place.name, serial, colour, at) for serial, (at, colour) in listed)
        kept: Iterable[Token | Queued] = tokens.values() if isinstance(tokens, dict) else tokens
        return (_standing(place.name, token) for token in sorted(kept, key=_serial))

    def changed_numbers(self, name: str) -> tuple[tuple[Hashable, int], ...]:
        """The numbers that differ from what they start with, by key."""
        place = self._net.places[name]
        assert isinstance(place, Counter)
        numbers = self._parts["numbers"]()[name].items()
        return tuple(
            sorted((pair for pair in numbers if pair[1] != place.first(pair[0])), key=repr)
        )

    def bound(self, flight: Flight) -> Iterable[Any]:
        """The tokens or keys that the arcs of a firing have bound."""
        kept = self._parts["KEPT"][flight.number]
        if not kept:
            return flight.inputs
        return (each.key if arc in kept else each for arc, each in enumerate(flight.inputs))

    def flying(self, flight: Flight) -> Flying:
        """A firing in flight."""
        transition = self._ordered[flight.number]
        found = self.bound(flight)
        return Flying(
            flight.id, transition.name, saved(transition, found), flight.started, flight.began, flight.shown,
            flight.attempt, flight.due, flight.handed,
        )  # fmt: skip


def _serial(token: Token | Queued) -> int:
    return token.serial


def saved(transition: Transition, inputs: Iterable[Any]) -> tuple[Any, ...]:
    """The tokens or keys that each arc has bound, in the form of a marking."""
    return tuple(
        tuple(_standing(arc.place.name, token) for token in bound) if arc.many
        else _standing(arc.place.name, bound) if arc.binds
        else bound
        for arc, bound in zip(transition.arcs, inputs, strict=True)
    )  # fmt: skip


def _standing(place: str, token: Token | Queued) -> Standing:
    return Standing(place, token.serial, token.colour, token.ready, token.ends)
