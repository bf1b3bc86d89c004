"""What a firing in flight can do: start or be revoked, be attempted again, and end.

Owns: `Flights`, the events of firings whose effects have not ended.
Must not know: how bindings are found, how the plain net is explored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from scraper_cpn.analysis.atoms import ArcCounting, tokens_in
from scraper_cpn.analysis.changes import Changes, Tested, add
from scraper_cpn.analysis.plain import Atom, Flying, PlainNet
from scraper_cpn.net import Net, Place, Transition, plan
from scraper_cpn.net.outputs import On

if TYPE_CHECKING:
    from scraper_cpn.analysis.ground import Grounder


class Flights:
    """The events of firings in flight."""

    def __init__(self, grounder: Grounder) -> None:
        self._grounder = grounder
        self._net: Net = grounder.net
        self._plain: PlainNet = grounder.plain

    def lives(self, number: int, atom: Atom) -> None:
        """Add what a firing can do in the stage in which it is."""
        transition = self._net.transitions[atom.name]
        bound: Any = atom.value
        inputs = self._grounder.atoms.inputs(transition, bound)
        stage = atom.mark
        if stage is False:
            self._starts(transition, inputs, number, bound)
        elif stage is True:
            self._ends(transition, inputs, number, bound, 1)
        elif stage[1] == "runs":
            self._ends(transition, inputs, number, bound, stage[0])
        else:
            self._next_attempt(transition, number, bound, *stage)

    def held_in_flight(
        self, transition: Transition, inputs: Sequence[Any], *, started: bool
    ) -> dict[int, int]:
        """The atoms of which there are more while a firing is in flight: slots, shown tokens, kept absences."""
        found = self.occupied(transition, inputs, started=started)
        for atom in (*self._shown(transition, inputs), *self.claimed(transition, inputs)):
            found[atom] = found.get(atom, 0) + 1
        return found

    def occupied(
        self, transition: Transition, inputs: Sequence[Any], *, started: bool
    ) -> dict[int, int]:
        """The slots that a firing in flight occupies."""
        found = {}
        for place in self._net.places.values():
            if isinstance(place, Place) and place.capacity is not None:
                bound = tuple(inputs)
                number = plan.occupies(transition, place, started=started, inputs=bound)
                if number:
                    found[self._grounder.atoms.slots(place)] = number
        return found

    def _shown(self, transition: Transition, inputs: Sequence[Any]) -> list[int]:
        atoms = self._grounder.atoms
        return [
            atom
            for place, number in transition.shows
            for atom in atoms.token(place, inputs[number].colour, mortal=False)
        ]

    def claimed(self, transition: Transition, inputs: Sequence[Any]) -> list[int]:
        """The absences that a firing keeps, because it puts there when it ends: as if a token were there."""
        arcs = zip(transition.arcs, inputs, plan.arc_keys(transition), strict=True)
        return [
            atom
            for arc, value, names in arcs
            if plan.claims(transition, arc)
            for atom in self._grounder.atoms.claims(arc.place, names, value)  # type: ignore[arg-type]
        ]

    def _starts(
        self, transition: Transition, inputs: tuple[Any, ...], number: int, bound: Any
    ) -> None:
        grounder = self._grounder
        started = self._plain.atom(Atom("flight", transition.name, bound, mark=True))
        change = Changes(int, {number: -1, started: 1})
        add(change, self.occupied(transition, inputs, started=False), -1)
        add(change, self.occupied(transition, inputs, started=True))
        grounder.respends(transition, inputs, change)
        needs, absent = self._still(transition, inputs)
        self._event("start", transition, {**needs, number: 1}, change, bound, absent)
        undone = Changes(int, {number: -1})
        add(undone, grounder.taken(transition, inputs), -1)
        add(undone, self.held_in_flight(transition, inputs, started=False), -1)
        self._event("revoke", transition, {number: 1}, undone, bound)

    def _still(
        self, transition: Transition, inputs: Sequence[Any]
    ) -> tuple[dict[int, int], tuple[int, ...]]:
        """The conditions of `still` when an effect starts."""
        needs, absent = dict[int, int](), list[int]()
        for arc in transition.still:
            place: Any = arc.place
            keys = {name: inputs[at].keys[name] for name, at in plan.still_keys(transition, arc)}
            counts = self._grounder.atoms.count(place, ArcCounting(place.keys), keys)
            if arc.kind == "absent":
                absent.append(counts)
            else:
                needs[counts] = 1
        return needs, tuple(absent)

    def _next_attempt(
        self, transition: Transition, number: int, bound: Any, attempt: int, stage: str
    ) -> None:
        """An attempt is given out; then it starts, or goes back."""

        def moves(kind: Any, to: str) -> None:
            mark: Flying = (attempt, to)
            other = self._plain.atom(Atom("flight", transition.name, bound, mark))
            change = Changes(int, {number: -1, other: 1})
            self._event(kind, transition, {number: 1}, change, bound)

        if stage == "waits":
            moves("attempt", "given")
        else:
            moves("start", "runs")
            moves("revoke", "waits")

    def _ends(
        self, transition: Transition, inputs: tuple[Any, ...], number: int, bound: Any, attempt: int
    ) -> None:
        for outcome, case, deposits, error in self._grounder.outcomes.endings(transition, inputs):
            if plan.pause_before(transition, attempt, outcome) is None:
                change = self._landed(transition, inputs, number, case, error)
                news = self._grounder.put(deposits, change)
                self._event("end", transition, {number: 1}, change, bound, (), news, outcome)
            else:
                mark: Flying = (attempt + 1, "waits")
                waits = self._plain.atom(Atom("flight", transition.name, bound, mark))
                change = Changes(int, {number: -1, waits: 1})
                self._event("again", transition, {number: 1}, change, bound, (), (), outcome)

    def _landed(
        self, transition: Transition, inputs: tuple[Any, ...], number: int, case: On, error: Any
    ) -> Changes:
        """The changes when a firing ends, apart from its outputs."""
        grounder = self._grounder
        change = Changes(int, {number: -1})
        add(change, self.held_in_flight(transition, inputs, started=True), -1)
        add(change, grounder.gone(transition, inputs, "take", "expired"))
        if error is not None:
            taken = False
            for arc, value in zip(transition.arcs, inputs, strict=True):
                for token in tokens_in(arc, value) if arc.uses_up else ():
                    change[grounder.atoms.fault(arc.place.name, token.colour, error)] += 1
                    taken = True
            if not taken:
                change[grounder.atoms.fault(transition.name, None, error)] += 1
        grounder.gives_back(transition, case, inputs, change)
        return change

    def _event(
        self, kind: Any, transition: Transition, needs: dict[int, int], change: Changes, bound: Any,
        absent: tuple[int, ...] = (), news: Any = (), outcome: Any = None,
    ) -> None:  # fmt: skip
        tested = Tested(needs, absent, {}, bound, urgent=False)
        self._grounder.event(kind, transition, tested, change, news, outcome)
