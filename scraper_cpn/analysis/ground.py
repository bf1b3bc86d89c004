"""From a coloured net to a plain one: each function is called once for each combination of tokens.

Owns: `Grounder`, which finds the atoms and events of an instance.
Must not know: how the plain net is explored, what is to be proved.

Time is dropped: a waiting token may be taken at any moment, one that has an end may pass it at any
moment. Of the order in which transitions are tried, what does not depend on time is kept (`Event.urgent`).
This only adds behaviour: what never happens here never happens in the net. Every combination of *live*
tokens is bound; a token is live if some event makes it (`relaxed`), or if it was reached (`live`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scraper_cpn.analysis.forget import Forgetting
from scraper_cpn.analysis.instance import MANY, AnalysisError, Expiring, Instance
from scraper_cpn.analysis.outcomes import Deposit, Outcomes
from scraper_cpn.analysis.plain import Atom, AtomKind, Event, New, PlainNet
from scraper_cpn.net import Counter, KeySet, Net, Place, Sink, plan
from scraper_cpn.net.arcs import Arc, On
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.marking import blame, key_of, one_key, order_of

Changes = defaultdict[int, int]


@dataclass(frozen=True, eq=False)
class Token:
    """A live token: its atom, and what is worked out once."""

    atom: int
    colour: Any
    mortal: bool
    keys: dict[str, Hashable]
    passes: frozenset[Any]


class TooMuchError(Exception):
    """Grounding did not end within its limit."""


class Grounder:
    """Grounds a net for an instance.

    Args:
        net: a checked net.
        instance: one that fits it.
        most: events that it may have; `TooMuchError` above.
    """

    def __init__(self, net: Net, instance: Instance, most: int = 6_000) -> None:
        self.net, self.instance, self.most = net, instance, most
        self.plain = PlainNet(net.name)
        self.forgetting = Forgetting(net.name, instance.forget)
        self.endless: set[str] = set()
        """Counters that never run out."""
        self.started: set[int] = set()
        self._outcomes = Outcomes(net, instance, self.forgetting)
        self._order = {t.name: rank for rank, t in enumerate(plan.ordered(net))}
        self._users: dict[str, list[tuple[Transition, int]]] = defaultdict(list)
        self._missed: dict[str, set[tuple[str, ...]]] = defaultdict(set)
        for transition in plan.ordered(net):
            names = plan.arc_keys(transition)
            for number, arc in enumerate(transition.arcs):
                if arc.binds:
                    self._users[arc.place.name].append((transition, number))
                elif isinstance(arc.place, Place):
                    self._missed[arc.place.name].add(names[number])
            for arc in transition.still:
                self._missed[arc.place.name].add(arc.place.keys)
        self._tokenless = [t for t in plan.ordered(net) if not any(arc.binds for arc in t.arcs)]
        """Transitions that bind no token, and are still to be bound: once."""
        self._live: dict[str, list[Token]] = defaultdict(list)
        self._tokens: dict[int, Token] = {}
        self._joined: dict[tuple[str, tuple[str, ...]], dict[Any, list[Token]]] = {}
        self._done: set[int] = set()
        for name, tokens in instance.tokens.items():
            for token in tokens:
                self._at_first(name, token)
        for name, tokens in instance.later.items():
            for token in tokens:
                self._from_outside(name, token)

    # Which atoms are live.

    def relaxed(self) -> PlainNet:
        """Ground until nothing new can be made, whatever else there must be; `TooMuchError` if that never ends."""
        self.live(range(len(self.plain.atoms)))
        todo = [atom for atom in range(len(self.plain.atoms)) if atom not in self._done]
        while todo:
            self.live(todo)
            todo = [atom for atom in range(len(self.plain.atoms)) if atom not in self._done]
        return self.plain

    def live(self, atoms: Iterable[int]) -> list[Event]:
        """The events that can happen with these atoms and those that were live before."""
        before = len(self.plain.events)
        for transition in self._tokenless:
            self._bound(transition, tuple({} for _ in transition.arcs))
        self._tokenless = []
        for number in atoms:
            if number not in self._done:
                self._done.add(number)
                atom = self.plain.atoms[number]
                if atom.kind == "flight":
                    self._flies(number, atom)
                elif atom.kind == "outside":
                    self._comes(number, atom)
                elif number in self._tokens:
                    self._stands(atom, self._tokens[number])
                if len(self.plain.events) > self.most:
                    raise TooMuchError(self.growing())
        return self.plain.events[before:]

    def growing(self) -> str:
        """Which place has the most different tokens, and the last of them, for the error."""
        counts = {name: len(tokens) for name, tokens in self._live.items()}
        name = max(counts, key=counts.__getitem__, default="")
        last = [repr(token.colour) for token in self._live[name][-2:]]
        return f"{name} has {counts.get(name, 0)} different tokens, the last {' and '.join(last)}"

    # Atoms.

    def token(self, place: Place[Any], colour: Any, *, mortal: bool) -> tuple[int, ...]:
        """The atoms of which there is one more with a token: it, and those that count it.

        One whose key, order or guard raises is set aside.
        """
        colour = self.forgetting.token(colour)
        try:
            kind: AtomKind = "row" if isinstance(place, Sink) else "token"
            atom = Atom(kind, place.name, colour, mortal)
            known = self.plain.index.get(atom)
        except TypeError as error:
            raise AnalysisError(
                f"net {self.net.name}, place {place.name}: a {type(colour).__name__} can't be told from "
                f"others ({error}); give its fields values that can be hashed"
            ) from error
        if known is None and not isinstance(place, Sink):
            try:
                keys = dict(
                    zip(place.keys, self.forgetting.call(_keys, (colour, place)), strict=True)
                )
                order_of(colour, place)
                guards = plan.guards(self.net, place)
                passes = frozenset(g for g in guards if self.forgetting.call(g, (colour,)))
            except AnalysisError:
                raise
            except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
                return (self.plain.atom(Atom("fault", place.name, (colour, blame(error)))),)
            known = self.plain.atom(atom)
            self._tokens[known] = Token(known, colour, mortal, keys, passes)
        elif known is None:
            known = self.plain.atom(atom)
        return (known, *self.counting(place, known))

    def counting(self, place: Place[Any], number: int) -> Iterator[int]:
        """The atoms that count the tokens of a place: its slots, and keys that an arc wants absent."""
        if place.capacity is not None:
            yield self.slots(place)
        if number in self._tokens:
            keys = self._tokens[number].keys
            for names in self._missed[place.name]:
                yield self.count(place, names, keys)

    def slots(self, place: Place[Any]) -> int:
        """The atom of the slots that are taken in a bounded place."""
        return self.plain.atom(Atom("slots", place.name))

    def count(self, place: Place[Any], names: tuple[str, ...], keys: dict[str, Hashable]) -> int:
        """The atom that counts a place's tokens with these keys, whether they are ready or not."""
        return self.plain.atom(
            Atom("count", place.name, tuple((name, keys[name]) for name in names))
        )

    def number(self, place: Counter, key: Hashable) -> int | None:
        """The atom of a number; None for one that never runs out."""
        first = place.first(key)
        if first >= MANY:
            self.endless.add(place.name)
            return None
        return self.plain.atom(Atom("number", place.name, key), first)

    def _at_first(self, name: str, token: Any) -> None:
        mortal = isinstance(token, Expiring)
        place: Any = self.net.places[name]
        for atom in self.token(place, token.token if mortal else token, mortal=mortal):
            self.plain.initial[atom] += 1

    def _from_outside(self, name: str, token: Any) -> None:
        mortal = isinstance(token, Expiring)
        colour = self.forgetting.token(token.token if mortal else token)
        atom = self.plain.atom(Atom("outside", name, colour, mortal))
        self.plain.initial[atom] += 1

    def _comes(self, number: int, atom: Atom) -> None:
        place: Any = self.net.places[atom.name]
        change = Changes(int, {number: -1})
        for each in self.token(place, atom.value, mortal=atom.mark):
            change[each] += 1
        room = {} if place.capacity is None else {self.slots(place): place.capacity - 1}
        event = Event("inject", atom.name, {number: 1}, change, room=room, bound=(atom.value,))
        self.plain.events.append(event)

    # Bindings.

    def _stands(self, atom: Atom, token: Token) -> None:
        self._live[atom.name].append(token)
        for (place, names), index in self._joined.items():
            if place == atom.name:
                index[tuple(token.keys[name] for name in names)].append(token)
        for transition, number in self._users[atom.name]:
            if _sees(transition.arcs[number], token):
                joined = plan.arc_keys(transition)
                env = {name: token.keys[name] for name in joined[number]}
                inputs: list[Any] = [None] * len(transition.arcs)
                inputs[number] = token
                self._bind(transition, joined, inputs, env, 0)

    def _bind(
        self,
        transition: Transition,
        names: list[tuple[str, ...]],
        inputs: list[Any],
        env: dict[str, Hashable],
        number: int,
    ) -> None:
        """Try every combination of live tokens for the arcs from *number* on."""
        while number < len(inputs) and (
            inputs[number] is not None or not transition.arcs[number].binds
        ):
            number += 1
        if number == len(inputs):
            for at, arc in enumerate(transition.arcs):
                if not arc.binds:
                    inputs[at] = {name: env[name] for name in names[at]}
            self._bound(transition, tuple(inputs))
            for at, arc in enumerate(transition.arcs):
                if not arc.binds:
                    inputs[at] = None
            return
        arc = transition.arcs[number]
        known = tuple(name for name in names[number] if name in env)
        values = tuple(env[name] for name in known)
        for token in self._matching(arc.place.name, known, values):
            if _sees(arc, token):
                inputs[number] = token
                more = {name: token.keys[name] for name in names[number]}
                self._bind(transition, names, inputs, env | more, number + 1)
        inputs[number] = None

    def _matching(self, place: str, names: tuple[str, ...], values: tuple[Any, ...]) -> list[Token]:
        index = self._joined.get((place, names))
        if index is None:
            index = self._joined[place, names] = defaultdict(list)
            for token in self._live[place]:
                index[tuple(token.keys[name] for name in names)].append(token)
        return list(index.get(values, ()))

    def _bound(self, transition: Transition, inputs: tuple[Any, ...]) -> None:
        """A binding: what it needs and takes, and what comes of it."""
        needs, change, absent, room = Changes(int), Changes(int), list[int](), dict[int, int]()
        bound: list[Any] = []
        for arc, value in zip(transition.arcs, inputs, strict=True):
            bound.append(value.atom if isinstance(value, Token) else one_key(value.values()))
            self._input(arc, value, needs, change, absent)
        for name, wanted in plan.slots(transition).items():
            place: Any = self.net.places[name]
            room[self.slots(place)] = place.capacity - wanted
        tested = (dict(needs), tuple(absent), room, tuple(bound), self._urgent(transition, inputs))
        if transition.instant:
            self._fires(transition, inputs, change, tested)
        else:
            self._begins(transition, inputs, change, tested)

    def _input(
        self, arc: Arc, value: Any, needs: Changes, change: Changes, absent: list[int]
    ) -> None:
        place: Any = arc.place
        if isinstance(value, Token):
            needs[value.atom] += 1
            if arc.kind != "read":
                for atom in (value.atom, *self.counting(place, value.atom)):
                    change[atom] -= 1
        elif isinstance(place, Counter):
            key = one_key(value.values())
            number, amount = self.number(place, key), plan.amount(arc, key) or MANY
            if number is not None:
                needs[number] += amount
                if arc.kind != "read":
                    change[number] -= amount
        elif isinstance(place, KeySet):
            key = self.plain.atom(Atom("key", place.name, one_key(value.values())))
            if arc.kind == "read":
                needs[key] += 1
            else:
                absent.append(key)
        else:
            absent.append(self.count(place, tuple(value), value))

    def _urgent(self, transition: Transition, inputs: tuple[Any, ...]) -> bool:
        """Whether no input waits for time, so that nothing of a later rank goes first."""
        return transition.scan is None and all(
            not isinstance(value, Token)
            or (not value.mortal and (arc.include_waiting or not arc.place.timed))  # type: ignore[union-attr]
            for arc, value in zip(transition.arcs, inputs, strict=True)
        )

    # What bindings do.

    def _fires(
        self, transition: Transition, inputs: tuple[Any, ...], change: Changes, tested: Any
    ) -> None:
        tokens = tuple(value for value in inputs)
        made = self._outcomes.instant(transition, tokens)
        if made is None:
            return
        needs, absent, room, bound, urgent = tested
        news: tuple[New, ...] = ()
        if isinstance(made, str):
            change = self._set_aside(transition, inputs, made)
            outcome: Any = made
        else:
            outcome, case, deposits = made
            for arc, value in zip(transition.arcs, inputs, strict=True):
                if arc.kind == "spend":
                    self._put(self._outcomes.respent(arc, value), change)
            self._gives_back(transition, case, inputs, change)
            news = self._put(deposits, change)
        self._event("fire", transition, needs, change, absent, room, news, bound, outcome, urgent)

    def _begins(
        self, transition: Transition, inputs: tuple[Any, ...], change: Changes, tested: Any
    ) -> None:
        needs, absent, room, bound, urgent = tested
        agreed = self._outcomes.agrees(transition, inputs)
        if agreed is not True:
            if agreed is not False:
                aside = self._set_aside(transition, inputs, agreed)
                self._event(
                    "fire", transition, needs, aside, absent, room, (), bound, agreed, urgent
                )
            return
        flight = self.plain.atom(Atom("flight", transition.name, bound))
        change[flight] += 1
        for place, number in self.occupied(transition, started=False).items():
            change[place] += number
        for atom in (*self._shown(transition, inputs), *self.claimed(transition, inputs)):
            change[atom] += 1
        self._event("begin", transition, needs, change, absent, room, (), bound, None, urgent)

    def occupied(self, transition: Transition, *, started: bool) -> dict[int, int]:
        """The slots that a firing in flight occupies."""
        found = {}
        for place in self.net.places.values():
            if isinstance(place, Place) and place.capacity is not None:
                number = plan.occupies(transition, place, started=started)
                if number:
                    found[self.slots(place)] = number
        return found

    def _shown(self, transition: Transition, inputs: Sequence[Any]) -> tuple[int, ...]:
        shown = [
            self.token(place, inputs[number].colour, mortal=False)
            for place, number in transition.shows
        ]
        return tuple(atom for atoms in shown for atom in atoms)

    def claimed(self, transition: Transition, inputs: Sequence[Any]) -> list[int]:
        """The absences that a firing keeps, because it puts there when it ends: as if a token were there."""
        return [
            self.count(arc.place, tuple(value), value)  # type: ignore[arg-type]
            for arc, value in zip(transition.arcs, inputs, strict=True)
            if plan.claims(transition, arc)
        ]

    def _flies(self, number: int, atom: Atom) -> None:
        """What a firing in flight can do: start or be revoked, and then end."""
        transition = self.net.transitions[atom.name]
        bound: tuple[Any, ...] = atom.value  # type: ignore[assignment]
        inputs = self.inputs(transition, bound)
        if atom.mark:
            self._ends(transition, inputs, number, bound)
        else:
            self._starts(transition, inputs, number, bound)

    def inputs(self, transition: Transition, bound: tuple[Any, ...]) -> tuple[Any, ...]:
        """What a firing has bound: a token, or the values of keys by name."""
        names = plan.arc_keys(transition)
        return tuple(
            self._tokens[value] if arc.binds else dict(zip(keys, _parts(keys, value), strict=True))
            for arc, keys, value in zip(transition.arcs, names, bound, strict=True)
        )

    def _starts(
        self, transition: Transition, inputs: tuple[Any, ...], number: int, bound: Any
    ) -> None:
        begun = self.occupied(transition, started=False)
        started = self.plain.atom(Atom("flight", transition.name, bound, mark=True))
        change = Changes(int, {number: -1, started: 1})
        for place, slots in begun.items():
            change[place] -= slots
        for place, slots in self.occupied(transition, started=True).items():
            change[place] += slots
        for arc, value in zip(transition.arcs, inputs, strict=True):
            if arc.kind == "spend":
                self._put(self._outcomes.respent(arc, value), change)
        needs, absent = self._still(transition, inputs)
        needs[number] = 1
        self._event("start", transition, needs, change, absent, {}, (), bound, None)
        undone, unused = Changes(int), Changes(int)
        for arc, value in zip(transition.arcs, inputs, strict=True):
            self._input(arc, value, unused, undone, [])
        back = Changes(int, {atom: -slots for atom, slots in undone.items()})
        back[number] -= 1
        for place, slots in begun.items():
            back[place] -= slots
        for atom in (*self._shown(transition, inputs), *self.claimed(transition, inputs)):
            back[atom] -= 1
        self._event("revoke", transition, {number: 1}, back, (), {}, (), bound, None)

    def _still(
        self, transition: Transition, inputs: Sequence[Any]
    ) -> tuple[dict[int, int], tuple[int, ...]]:
        """What must be there, or absent, when an effect starts."""
        needs, absent = dict[int, int](), list[int]()
        for arc in transition.still:
            place: Any = arc.place
            keys = {name: inputs[at].keys[name] for name, at in plan.still_keys(transition, arc)}
            counts = self.count(place, place.keys, keys)
            if arc.kind == "absent":
                absent.append(counts)
            else:
                needs[counts] = 1
        return needs, tuple(absent)

    def _ends(
        self, transition: Transition, inputs: tuple[Any, ...], number: int, bound: Any
    ) -> None:
        for outcome, case, deposits, error in self._outcomes.endings(transition, inputs):
            change = Changes(int, {number: -1})
            for place, slots in self.occupied(transition, started=True).items():
                change[place] -= slots
            for atom in (*self._shown(transition, inputs), *self.claimed(transition, inputs)):
                change[atom] -= 1
            if error is not None:
                for arc, value in zip(transition.arcs, inputs, strict=True):
                    if arc.kind in {"take", "expired"} and isinstance(value, Token):
                        change[self._fault(arc.place.name, value.colour, error)] += 1
            self._gives_back(transition, case, inputs, change)
            news = self._put(deposits, change)
            self._event("end", transition, {number: 1}, change, (), {}, news, bound, outcome)

    def _gives_back(
        self, transition: Transition, case: On, inputs: Sequence[Any], change: Changes
    ) -> None:
        consumed = [output.place for output in case.outputs if output.kind == "consume"]
        for arc, value in zip(transition.arcs, inputs, strict=True):
            if arc.kind == "hold" and arc.place not in consumed:
                self._restore(arc, value, change)

    def _restore(self, arc: Arc, value: Any, change: Changes) -> None:
        place: Any = arc.place
        if isinstance(value, Token):
            for atom in (value.atom, *self.counting(place, value.atom)):
                change[atom] += 1
        else:
            key = one_key(value.values())
            number = self.number(place, key)
            if number is not None:
                change[number] += plan.amount(arc, key) or 0

    def _set_aside(self, transition: Transition, inputs: Sequence[Any], error: str) -> Changes:
        """Only what was bound last goes, of what would be taken for good."""
        change = Changes(int)
        at = plan.set_aside_at(transition)
        assert at is not None
        arc, value = transition.arcs[at], inputs[at]
        place: Any = arc.place
        if isinstance(value, Token):
            for atom in (value.atom, *self.counting(place, value.atom)):
                change[atom] -= 1
            change[self._fault(place.name, value.colour, error)] += 1
            return change
        key = one_key(value.values())
        number = self.number(place, key)
        if number is not None:
            change[number] -= plan.amount(arc, key) or 0
        change[self._fault(place.name, None, error)] += 1
        return change

    def _fault(self, place: str, colour: Any, error: str) -> int:
        return self.plain.atom(Atom("fault", place, (colour, error)))

    def _put(self, deposits: Iterable[Deposit], change: Changes) -> tuple[New, ...]:
        """Add what is put in any case to *change*; returns what is put only if it is new."""
        news = []
        for deposit in deposits:
            place = deposit.place
            if deposit.error is not None:
                change[self._fault(place.name, deposit.colour, deposit.error)] += 1
            elif isinstance(place, Counter):
                number = self.number(place, deposit.key)
                if number is not None:
                    change[number] += deposit.colour
            elif deposit.seen is None:
                for atom in self.token(place, deposit.colour, mortal=deposit.mortal):
                    change[atom] += 1
            else:
                puts = Changes(int)
                for atom in self.token(place, deposit.colour, mortal=deposit.mortal):
                    puts[atom] += 1
                key = self.plain.atom(Atom("key", deposit.seen.name, deposit.key))
                fresh = tuple(self.plain.atom(Atom("key", *each)) for each in deposit.fresh)
                news.append(New(key, dict(puts), fresh))
        return tuple(news)

    def _event(
        self, kind: Any, transition: Transition, needs: Any, change: Any, absent: Any, room: Any,
        news: Any, bound: Any, outcome: Any, urgent: bool = False,
    ) -> None:  # fmt: skip
        rank = self._order[transition.name] if kind in {"fire", "begin"} else None
        if rank is not None and transition.name in self.instance.times:
            left = self.plain.atom(Atom("number", f"times of {transition.name}"), self.instance.times[transition.name])  # fmt: skip
            needs = {**needs, left: 1}
            change[left] -= 1
        whole = {atom: number for atom, number in change.items() if number}
        self.plain.events.append(
            Event(
                kind,
                transition.name,
                needs,
                whole,
                absent,
                room,
                news,
                rank,
                urgent,
                bound,
                outcome,
            )
        )


def _sees(arc: Arc, token: Token) -> bool:
    """Whether an arc may bind a token at some moment."""
    if arc.kind == "expired":
        return token.mortal
    return arc.when is None or arc.when in token.passes


def _keys(colour: Any, place: Place[Any]) -> tuple[Hashable, ...]:
    return key_of(colour, place)


def _parts(names: tuple[str, ...], key: Hashable) -> tuple[Any, ...]:
    """The values of a key, one for each of its names."""
    if not names:
        return ()
    return (key,) if len(names) == 1 else key  # type: ignore[return-value]
