"""From a coloured net to a plain one: each function is called once for each combination of tokens.

Owns: `Grounder`, which finds the events of an instance, round by round.
Must not know: how the plain net is explored, what is to be proved.

Time is dropped: a waiting token may be taken at any moment, one that has an end may pass it at any
moment. Of the order in which transitions are tried, what does not depend on time is kept (`Event.urgent`).
This only adds behaviour: what never happens here never happens in the net. Every combination of *live*
tokens is bound; a token is live if some event makes it (`relaxed`), or if it was reached (`live`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from scraper_cpn.analysis.atoms import Atoms, is_whole, look_of, tokens_in
from scraper_cpn.analysis.bindings import Bindings
from scraper_cpn.analysis.changes import Changes, Tested, add
from scraper_cpn.analysis.flights import Flights
from scraper_cpn.analysis.instance import MANY, Expiring, Instance
from scraper_cpn.analysis.outcomes import Outcomes, PlainDeposit
from scraper_cpn.analysis.plain import Atom, Event, EventKind, New, PlainNet
from scraper_cpn.net import Counter, KeySet, Net, Place, Transition, plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.marking import one_key
from scraper_cpn.net.outputs import On


class TooMuchError(Exception):
    """Grounding did not end within its limit."""


class Grounder:
    """Grounds a net for an instance.

    Args:
        net: a checked net.
        instance: one that fits it.
        most: events that it may have; `TooMuchError` above.
        cap: how many equal tokens an arc that takes all tokens may find; `capped` lists what must keep it.
    """

    def __init__(self, net: Net, instance: Instance, most: int = 6_000, cap: int = 1) -> None:
        self.net, self.instance, self.most, self.cap = net, instance, most, cap
        self.atoms = Atoms(net, instance)
        self.plain: PlainNet = self.atoms.plain
        self.forgetting = self.atoms.forgetting
        self.bindings = Bindings(net, self._bound, cap)
        self.outcomes = Outcomes(net, instance, self.forgetting)
        self.flights = Flights(self)
        self._order = {t.name: rank for rank, t in enumerate(plan.ordered(net))}
        self._done: set[int] = set()
        self.takes_all = {
            arc.place.name for t in net.transitions.values() for arc in t.arcs if arc.all
        }
        for name, tokens in instance.tokens.items():
            for token in tokens:
                self._at_first(name, token)
        for name, tokens in instance.later.items():
            for token in tokens:
                self._from_outside(name, token)

    # Which atoms are live.

    def relaxed(self) -> PlainNet:
        """Ground until nothing new can be made, whatever else there must be; `TooMuchError` if that never ends."""
        todo: Sequence[int] = range(len(self.plain.atoms))
        self.live(todo)
        while todo := [n for n in range(len(self.plain.atoms)) if n not in self._done]:
            self.live(todo)
        return self.plain

    def live(self, atoms: Iterable[int]) -> list[Event]:
        """The events that can happen with these atoms and those that were live before."""
        before = len(self.plain.events)
        self.bindings.without_tokens()
        for number in atoms:
            if number not in self._done:
                self._done.add(number)
                self._lives(number)
                if len(self.plain.events) > self.most:
                    raise TooMuchError(self.growing())
        return self.plain.events[before:]

    def _lives(self, number: int) -> None:
        atom = self.plain.atoms[number]
        if atom.kind == "flight":
            self.flights.lives(number, atom)
        elif atom.kind == "outside":
            self._comes(number, atom)
        elif number in self.atoms.tokens:
            self.bindings.add(atom.name, self.atoms.tokens[number])

    def growing(self) -> str:
        """Which place has the most different tokens, and the last of them, for the error."""
        counts = {name: len(tokens) for name, tokens in self.bindings.live.items()}
        name = max(counts, key=counts.__getitem__, default="")
        last = [repr(token.colour) for token in self.bindings.live[name][-2:]]
        return f"{name} has {counts.get(name, 0)} different tokens, the last {' and '.join(last)}"

    def capped(self) -> list[int]:
        """The tokens of which there may be at most `cap` equal ones."""
        return self.plain.of("token", *self.takes_all)

    # Tokens that are there, and that come.

    def _at_first(self, name: str, token: Any) -> None:
        mortal = isinstance(token, Expiring)
        place: Any = self.net.places[name]
        for atom in self.atoms.token(place, token.token if mortal else token, mortal=mortal):
            self.plain.initial[atom] += 1

    def _from_outside(self, name: str, token: Any) -> None:
        mortal = isinstance(token, Expiring)
        colour = self.forgetting.token(token.token if mortal else token)
        atom = self.plain.atom(Atom("outside", name, colour, mortal))
        self.plain.initial[atom] += 1

    def _comes(self, number: int, atom: Atom) -> None:
        place: Any = self.net.places[atom.name]
        change = Changes(int, {number: -1})
        for each in self.atoms.token(place, atom.value, mortal=bool(atom.mark)):
            change[each] += 1
        room = {} if place.capacity is None else {self.atoms.slots(place): place.capacity - 1}
        event = Event("inject", atom.name, {number: 1}, change, room=room, bound=(atom.value,))
        self.plain.events.append(event)

    # Bindings.

    def _bound(self, transition: Transition, inputs: tuple[Any, ...]) -> None:
        """A binding: what it needs, and what comes of it."""
        needs, absent, room = Changes(int), list[int](), dict[int, int]()
        for arc, value, names in zip(
            transition.arcs, inputs, plan.arc_keys(transition), strict=True
        ):
            self._needs(arc, value, names, needs, absent, room)
        for name, wanted in plan.slots(transition).items():
            place: Any = self.net.places[name]
            room[self.atoms.slots(place)] = place.capacity - wanted
        bound = tuple(map(self._named, transition.arcs, inputs))
        urgent = _is_urgent(transition, inputs)
        tested = Tested(dict(needs), tuple(absent), room, bound, urgent)
        agreed = self.outcomes.agrees(transition, inputs)
        if isinstance(agreed, str):
            self._set_aside(transition, inputs, tested, agreed)
        elif agreed and transition.instant:
            self._fires(transition, inputs, tested)
        elif agreed:
            self._begins(transition, inputs, tested)

    def _named(self, arc: Arc, value: Any) -> Any:
        """The atoms or the key that an arc has bound, in the form of events."""
        if not arc.binds:
            return one_key(value.values())
        return tuple(token.atom for token in value) if arc.many else value.atom

    def _needs(
        self, arc: Arc, value: Any, names: tuple[str, ...],
        needs: Changes, absent: list[int], room: dict[int, int],
    ) -> None:  # fmt: skip
        place: Any = arc.place
        if arc.binds:
            for token in tokens_in(arc, value):
                in_use = arc.kind == "read" and arc.include_in_use
                needs[self.atoms.present(token.atom) if in_use else token.atom] += 1
            if is_whole(arc):
                keys = value[0].keys if value else dict.fromkeys(names)
                self._takes_whole(arc, names, keys, len(value), room)
        elif isinstance(place, Counter):
            key = one_key(value.values())
            number = self.atoms.number(place, key)
            if number is not None:
                needs[number] += plan.amount(arc, key) or MANY
        elif isinstance(place, KeySet):
            key_atom = self.plain.atom(Atom("key", place.name, one_key(value.values())))
            if arc.kind == "read":
                needs[key_atom] += 1
            else:
                absent.append(key_atom)
        else:
            absent.append(self.atoms.count(place, look_of(arc, names), value))

    def _takes_whole(
        self, arc: Arc, names: tuple[str, ...], keys: Any, number: int, room: dict[int, int]
    ) -> None:
        """No other token with these keys may be there."""
        place: Any = arc.place
        room[self.atoms.count(place, look_of(arc, names), keys)] = number

    # The effects of bindings.

    def taken(self, transition: Transition, inputs: Sequence[Any]) -> Changes:
        """How the numbers change when a firing takes its inputs into its hands."""
        change = Changes(int)
        for arc, value in zip(transition.arcs, inputs, strict=True):
            if not arc.takes:
                continue
            if isinstance(arc.place, Counter):
                self._count(arc, value, -1, change)
            for token in tokens_in(arc, value):
                self._add(self.atoms.standing(arc.place, token.atom), -1, change)  # type: ignore[arg-type]
        return change

    def gone(self, transition: Transition, inputs: Sequence[Any], *kinds: str) -> Changes:
        """How the numbers change when what arcs of these kinds have bound is in use no more."""
        change = Changes(int)
        for arc, value in zip(transition.arcs, inputs, strict=True):
            for token in tokens_in(arc, value) if arc.kind in kinds else ():
                self._add(self.atoms.used(arc.place, token.atom), -1, change)  # type: ignore[arg-type]
        return change

    def _add(self, atoms: Iterable[int], number: int, change: Changes) -> None:
        for atom in atoms:
            change[atom] += number

    def _count(self, arc: Arc, value: Any, sign: int, change: Changes) -> None:
        place: Any = arc.place
        key = one_key(value.values())
        number = self.atoms.number(place, key)
        if number is not None:
            change[number] += sign * (plan.amount(arc, key) or 0)

    def _fires(self, transition: Transition, inputs: tuple[Any, ...], tested: Tested) -> None:
        made = self.outcomes.instant(transition, inputs)
        if isinstance(made, str):
            self._set_aside(transition, inputs, tested, made)
            return
        outcome, case, deposits = made
        change = self.taken(transition, inputs)
        add(change, self.gone(transition, inputs, "take", "expired"))
        self.respends(transition, inputs, change)
        self.gives_back(transition, case, inputs, change)
        news = self.put(deposits, change)
        self.event("fire", transition, tested, change, news, outcome)

    def _begins(self, transition: Transition, inputs: tuple[Any, ...], tested: Tested) -> None:
        flight = self.plain.atom(Atom("flight", transition.name, tested.bound))
        change = self.taken(transition, inputs)
        change[flight] += 1
        add(change, self.flights.held_in_flight(transition, inputs, started=False))
        self.event("begin", transition, tested, change)

    def respends(self, transition: Transition, inputs: Sequence[Any], change: Changes) -> None:
        """Put back what a firing spends."""
        add(change, self.gone(transition, inputs, "spend"))
        for arc, value in zip(transition.arcs, inputs, strict=True):
            if arc.kind == "spend":
                self.put(self.outcomes.respent(arc, value), change)

    def gives_back(
        self, transition: Transition, case: On, inputs: Sequence[Any], change: Changes
    ) -> None:
        """Put back what a firing holds, unless the outcome consumes it."""
        consumed = [output.place for output in case.outputs if output.kind == "consume"]
        for arc, value in zip(transition.arcs, inputs, strict=True):
            if arc.kind != "hold":
                continue
            lost = arc.place in consumed
            if isinstance(arc.place, Counter) and not lost:
                self._count(arc, value, 1, change)
            for token in tokens_in(arc, value):
                atoms = self.atoms.used if lost else self.atoms.standing
                self._add(atoms(arc.place, token.atom), -1 if lost else 1, change)  # type: ignore[arg-type]

    def _set_aside(
        self, transition: Transition, inputs: Sequence[Any], tested: Tested, error: str
    ) -> None:
        """Remove only the last bound one of the consumed inputs."""
        change = Changes(int)
        at = plan.set_aside_at(transition)
        assert at is not None
        arc, value = transition.arcs[at], inputs[at]
        place: Any = arc.place
        colour = None
        if arc.binds:
            token = plan.tokens_of(value)[-1]
            colour = token.colour
            self._add(self.atoms.standing(place, token.atom), -1, change)
            self._add(self.atoms.used(place, token.atom), -1, change)
        else:
            self._count(arc, value, -1, change)
        change[self.atoms.fault(place.name, colour, error)] += 1
        self.event("fire", transition, tested, change, (), error)

    def put(self, deposits: Iterable[PlainDeposit], change: Changes) -> tuple[New, ...]:
        """Add what is put in any case to *change*; returns what depends on what a set has."""
        news = []
        for deposit in deposits:
            place = deposit.place
            if deposit.error is not None:
                change[self.atoms.fault(place.name, deposit.colour, deposit.error)] += 1
            elif isinstance(place, Counter):
                number = self.atoms.number(place, deposit.key)
                if number is not None:
                    change[number] += deposit.colour
            elif isinstance(place, KeySet):
                key = self.plain.atom(Atom("key", place.name, deposit.key))
                news.append(New(key, {}, forgets=True))
            elif deposit.seen is None:
                self._add(self.atoms.token(place, deposit.colour, mortal=deposit.mortal), 1, change)
            else:
                news.append(self._new(place, deposit.seen, deposit))
        return tuple(news)

    def _new(self, place: Place[Any], seen: KeySet[Any], deposit: PlainDeposit) -> New:
        puts = Changes(int)
        self._add(self.atoms.token(place, deposit.colour, mortal=deposit.mortal), 1, puts)
        key = self.plain.atom(Atom("key", seen.name, deposit.key))
        fresh = tuple(self.plain.atom(Atom("key", *each)) for each in deposit.fresh)
        return New(key, dict(puts), fresh)

    def event(
        self, kind: EventKind, transition: Transition, tested: Tested, change: Changes,
        news: tuple[New, ...] = (), outcome: Any = None,
    ) -> None:  # fmt: skip
        """Add an event."""
        needs, name = tested.needs, transition.name
        decided = kind in {"fire", "begin"}
        rank = self._order[name] if decided and not transition.manual else None
        if decided and name in self.instance.times:
            left = self.plain.atom(Atom("number", f"times of {name}"), self.instance.times[name])
            needs = {**needs, left: 1}
            change[left] -= 1
        whole = {atom: number for atom, number in change.items() if number}
        self.plain.events.append(
            Event(
                kind, name, needs, whole, tested.absent, tested.room, news, rank, tested.urgent,
                tested.bound, outcome,
            )
        )  # fmt: skip


def _is_urgent(transition: Transition, inputs: Sequence[Any]) -> bool:
    """Whether no input waits for time, so that nothing of a later rank goes first."""
    return transition.scan is None and not transition.manual and all(
        (arc.include_waiting or not arc.place.timed) and not any(t.mortal for t in tokens_in(arc, value))  # type: ignore[union-attr]
        for arc, value in zip(transition.arcs, inputs, strict=True)
        if arc.binds
    )  # fmt: skip
