"""The state of a grounded net that a marking of a kernel stands for.

Owns: `Abstraction`.
Must not know: how a net is explored, what is to be proved.
"""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Sequence
from typing import Any

from scraper_cpn.analysis.atoms import tokens_in
from scraper_cpn.analysis.ground import Grounder
from scraper_cpn.analysis.plain import Atom
from scraper_cpn.analysis.plain import Flying as Stage
from scraper_cpn.net import Marking, Row, Transition, plan
from scraper_cpn.net.marking import Flying, Standing


class Abstraction:
    """Markings in terms of a grounded net."""

    def __init__(self, grounder: Grounder) -> None:
        self._grounder, self._plain, self._net = grounder, grounder.plain, grounder.net

    def numbers(
        self,
        marking: Marking,
        outside: Sequence[tuple[str, Any, bool]],
        rows: Sequence[Row] = (),
    ) -> dict[int, int]:
        """How many there are of each atom; what has no atom is left out.

        Args:
            marking: of a kernel of the net.
            outside: what may still come: place, token, whether it has an end.
            rows: that have left through sinks.
        """
        found: dict[int, int] = {}

        def add(atom: Atom, number: int = 1) -> None:
            at = self._plain.index.get(atom)
            if at is not None and number:
                found[at] = found.get(at, 0) + number

        for standing in marking.tokens:
            for at in self._counted(standing):
                found[at] = found.get(at, 0) + 1
        found.update(self._counters(marking))
        for name, keys in marking.sets.items():
            for key in keys:
                add(Atom("key", name, key))
        for flying in marking.flights:
            add(self.flight(flying))
            transition = self._net.transitions[flying.transition]
            for at, number in self._held_in_flight(transition, flying).items():
                found[at] = found.get(at, 0) + number
        for fault in marking.faulted:
            add(
                Atom(
                    "fault",
                    fault.place,
                    (self._grounder.forgetting.token(fault.colour), fault.error),
                )
            )
        for row in rows:
            add(Atom("row", row.sink, self._grounder.forgetting.token(row.colour)))
        for name, colour, mortal in outside:
            add(Atom("outside", name, self._grounder.forgetting.token(colour), mortal))
        return found

    def _counters(self, marking: Marking) -> dict[int, int]:
        found: dict[int, int] = {}
        for number, atom in enumerate(self._plain.atoms):
            if atom.kind == "number" and atom.name in self._net.places:
                numbers = dict(marking.counters.get(atom.name, ()))
                if value := numbers.get(atom.value, self._plain.initial[number]):
                    found[number] = value
        return found

    def _counted(self, standing: Standing) -> list[int]:
        at = self.standing(standing)
        place: Any = self._net.places[standing.place]
        atoms = self._grounder.atoms
        return [] if at is None else [*atoms.standing(place, at), *atoms.used(place, at)]

    def _held_in_flight(self, transition: Transition, flying: Flying) -> Counts[int]:
        """The atoms that a firing in flight holds: slots, claimed absences, tokens in use."""
        grounder = self._grounder
        inputs = grounder.atoms.inputs(transition, self.bound(flying))
        found = Counts(grounder.flights.occupied(transition, inputs, started=flying.started))
        found.update(grounder.flights.claimed(transition, inputs))
        for number in plan.keeps(transition, started=flying.started):
            arc = transition.arcs[number]
            for token in tokens_in(arc, inputs[number]):
                found.update(grounder.atoms.used(arc.place, token.atom))  # type: ignore[arg-type]
        return found

    def standing(self, standing: Standing) -> int | None:
        """The atom of a token."""
        colour = self._grounder.forgetting.token(standing.colour)
        mortal = standing.expires_at_ns is not None
        return self._plain.index.get(Atom("token", standing.place, colour, mortal))

    def flight(self, flying: Flying) -> Atom:
        """The atom of a firing."""
        return Atom("flight", flying.transition, self.bound(flying), _stage(flying))

    def bound(self, flying: Flying) -> tuple[Any, ...]:
        """What a firing has bound, as events say it."""
        transition = self._net.transitions[flying.transition]
        return tuple(
            self._bound(transition, number, value) for number, value in enumerate(flying.inputs)
        )

    def _bound(self, transition: Transition, number: int, value: Any) -> Any:
        arc = transition.arcs[number]
        if not arc.binds:
            return value
        atoms = tuple(self.standing(each) for each in plan.tokens_of(value))
        return self.named(transition, number, atoms)

    def named(self, transition: Transition, number: int, atoms: tuple[Any, ...]) -> Any:
        """The atoms or the key that an arc has bound, in the form of events."""
        if not transition.arcs[number].many:
            return atoms[0]
        if None in atoms:
            return atoms
        return self._grounder.bindings.canonical(transition, number, atoms)


def _stage(flying: Flying) -> Stage:
    """The stage of a firing, as atoms name it."""
    if flying.attempt == 1:
        return flying.started
    if flying.handed:
        return (flying.attempt, "given")
    return (flying.attempt, "runs" if flying.due_ns is None else "waits")
