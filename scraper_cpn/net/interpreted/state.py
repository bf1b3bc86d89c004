"""The tokens of a running net, held in memory: what is where, and how it comes and goes.

Owns: every token, number, key and firing of an interpreted net; deposits, slots, faults, the trace.
Must not know: which binding is next, what an outcome puts.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.interpreted.binding import (
    Deposit,
    InterpretedBinding,
    InterpretedFlight,
    InterpretedToken,
    tokens_in,
)
from scraper_cpn.net.marking import (
    Faulted,
    Flying,
    Marking,
    Row,
    Standing,
    Trace,
    blame,
    key_of,
    one_key,
    order_of,
)
from scraper_cpn.net.outputs import On
from scraper_cpn.net.partitions import tells_of
from scraper_cpn.net.places import Counter, KeySet, Place, Sink
from scraper_cpn.net.shares import Partition

Put = tuple[str, int, Any, int]
"""A deposit in the trace: place, serial, colour, ready at."""


@dataclass
class MutableMarking:
    """A marking that changes."""

    net: Net
    trace: Trace | None = None
    partition: Partition | None = None
    now_ns: int = 0
    tokens: dict[str, dict[int, InterpretedToken]] = field(default_factory=dict)
    counters: dict[str, dict[Hashable, int]] = field(default_factory=dict)
    sets: dict[str, dict[Hashable, None]] = field(default_factory=dict)
    flights: dict[int, InterpretedFlight] = field(default_factory=dict)
    faulted: list[Faulted] = field(default_factory=list)
    sunk: dict[str, int] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    next_serial: int = 1
    next_id: int = 1

    def __post_init__(self) -> None:
        for name, place in self.net.places.items():
            if isinstance(place, Counter):
                self.counters[name] = {}
            elif isinstance(place, KeySet):
                self.sets[name] = {}
            elif isinstance(place, Sink):
                self.sunk[name] = 0
            else:
                self.tokens[name] = {}

    # Tokens come.

    def deposit_all(self, deposits: list[Deposit]) -> list[Put]:
        """Make deposits in order; those that a set has seen are left out."""
        puts = (
            self.deposit(deposit) if deposit.seen is None else self._deposit_new(deposit, deposit.seen)
            for deposit in deposits
        )  # fmt: skip
        return [put for put in puts if put is not None]

    def deposit(self, deposit: Deposit) -> Put:
        """Put a token; one whose key, order or guard raises is set aside."""
        place, colour = deposit.place, deposit.colour
        if isinstance(place, Counter):
            key, number = colour
            self.add(place, key, number)
            return (place.name, -1, key, 0)
        if isinstance(place, KeySet):
            return self._forget(place, colour)
        serial = self._new_serial()
        if isinstance(place, Sink):
            self.sunk[place.name] += 1
            self.rows.append(Row(place.name, colour))
        else:
            ready, expires = deposit.ready_at_ns, deposit.expires_at_ns
            if not self._arrive(Standing(place.name, serial, colour, ready, expires)):
                return self.deposit(Deposit(self.net.channels[place.name].out, colour))
        return (place.name, serial, colour, deposit.ready_at_ns)

    def _stays(
        self, place: Place[Any] | KeySet[Any], colour: Any, keys: dict[str, Hashable]
    ) -> bool:
        """Whether a token is for this partition; raises `Misplaced` if it is not and its place is no channel."""
        for number, tell in enumerate(tells_of(self.net, place)) if self.partition else ():
            assert self.partition is not None
            key = tell.key(colour, keys)
            routes = number == 0 and place.name in self.net.channels
            if routes and not self.partition.owns(key):
                return False
            self.partition.check(place.name, key)
        return True

    def _forget(self, seen: KeySet[Any], colour: Any) -> Put:
        """Take the key of a colour out of a set."""
        try:
            key = one_key(key_of(colour, seen))
            self._stays(seen, colour, {})
            self.sets[seen.name].pop(key, None)
        except Exception as error:  # noqa: BLE001  (the user's property may raise anything)
            self.fault(seen.name, -1, colour, blame(error))
        return (seen.name, -1, colour, 0)

    def lacks(self, seen: KeySet[Any], colour: Any) -> bool:
        """Whether a set lacks the key of a token, or the token has none."""
        try:
            return one_key(key_of(colour, seen)) not in self.sets[seen.name]
        except Exception:  # noqa: BLE001  (the user's property may raise anything)
            return True

    def _deposit_new(self, deposit: Deposit, seen: KeySet[Any]) -> Put | None:
        try:
            key = one_key(key_of(deposit.colour, seen))
            self._stays(seen, deposit.colour, {})
        except Exception as error:  # noqa: BLE001  (the user's property may raise anything)
            serial = self._new_serial()
            self.fault(deposit.place.name, serial, deposit.colour, blame(error))
            return (deposit.place.name, serial, deposit.colour, 0)
        if key in self.sets[seen.name]:
            return None
        self.sets[seen.name][key] = None
        return self.deposit(deposit)

    def _arrive(self, standing: Standing) -> bool:
        """Put a token into its place; False if that is a channel, and it belongs to another partition."""
        try:
            token = self.token(standing)
            if not self._stays(token.place, token.colour, token.keys):
                return False
            self.tokens[standing.place][standing.serial] = token
        except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
            self.fault(standing.place, standing.serial, standing.colour, blame(error))
        return True

    def token(self, standing: Standing) -> InterpretedToken:
        """A token with its keys, order and guards worked out; raises what the user's functions raise."""
        place = self.net.places[standing.place]
        assert isinstance(place, Place)
        return InterpretedToken(
            place,
            standing.serial,
            standing.colour,
            standing.ready_at_ns,
            standing.expires_at_ns,
            dict(zip(place.keys, key_of(standing.colour, place), strict=True)),
            (standing.ready_at_ns,) if place.by_time else order_of(standing.colour, place),
            frozenset(guard for guard in plan.guards(self.net, place) if guard(standing.colour)),
        )

    # Tokens go.

    def remove(self, binding: InterpretedBinding) -> None:
        """Take what a firing binds, except what it only looks at."""
        for arc, bound in binding.pairs("take", "spend", "hold", "expired"):
            if not arc.binds:
                self.add(arc.place, bound, -(plan.amount(arc, bound) or 0))
            for token in tokens_in(arc, bound):
                del self.tokens[token.place.name][token.serial]

    def restore(self, binding: InterpretedBinding) -> None:
        """Undo `remove`, exactly."""
        for arc, bound in binding.pairs("take", "spend", "hold", "expired"):
            if not arc.binds:
                self.add(arc.place, bound, plan.amount(arc, bound) or 0)
            for token in tokens_in(arc, bound):
                self.tokens[token.place.name][token.serial] = token

    def give_back(self, binding: InterpretedBinding, case: On) -> list[Put]:
        """Put back what was held and is not consumed, at the back of its place."""
        consumed = [output.place for output in case.outputs if output.kind == "consume"]
        puts = []
        for arc, bound in binding.pairs("hold"):
            if arc.place in consumed:
                continue
            if not arc.binds:
                self.add(arc.place, bound, plan.amount(arc, bound) or 0)
            for token in tokens_in(arc, bound):
                ready, expires = token.ready_at_ns, token.expires_at_ns
                puts.append(self.deposit(Deposit(token.place, token.colour, ready, expires)))
        return puts

    def due(self) -> list[InterpretedFlight]:
        """The firings that wait for their next attempt, the first one first."""
        waiting = [each for each in self.flights.values() if each.due_ns is not None]
        free = [flight for flight in waiting if not flight.handed]
        return sorted(free, key=lambda flight: (flight.due_ns, flight.id))

    def show(self, flight: InterpretedFlight) -> None:
        """Put a firing's tokens into the transition's `during` places, if it has some."""
        for number, (during, arc) in enumerate(flight.binding.transition.shows):
            serial = self.deposit(Deposit(during, flight.binding.inputs[arc].colour))[1]
            flight.shown = serial - number

    def hide(self, flight: InterpretedFlight) -> None:
        """Take a firing's tokens out of the `during` places; one is not there if it was set aside."""
        for number, (during, _) in enumerate(flight.binding.transition.shows):
            assert flight.shown is not None
            self.tokens[during.name].pop(flight.shown + number, None)

    def in_use(self, place: Any) -> list[InterpretedToken]:
        """The tokens that running firings have taken from a place."""
        return [
            token
            for flight in self.flights.values()
            for arc in plan.keeps(flight.binding.transition, started=flight.started)
            for token in plan.tokens_of(flight.binding.inputs[arc])
            if token.place is place
        ]

    def claimed(self) -> set[tuple[str, tuple[str, ...], Hashable]]:
        """The absences that running firings keep: place, the keys that it is joined on, and their values."""
        return {
            (arc.place.name, names, bound)
            for flight in self.flights.values()
            for arc, names, bound in zip(
                flight.binding.transition.arcs,
                plan.arc_keys(flight.binding.transition),
                flight.binding.inputs,
                strict=True,
            )
            if plan.claims(flight.binding.transition, arc)
        }

    def still(self, binding: InterpretedBinding, now_ns: int) -> bool:
        """Whether what must hold when a firing starts does."""
        for arc in binding.transition.still:
            keys = plan.still_keys(binding.transition, arc)
            found = any(
                (arc.kind == "absent" or token.visible_to(arc, now_ns))
                and all(token.keys[name] == binding.inputs[at].keys[name] for name, at in keys)
                for token in self.tokens[arc.place.name].values()
            )
            if found == (arc.kind == "absent"):
                return False
        return True

    # Tokens that a function of the user raised on.

    def set_aside_last(self, binding: InterpretedBinding, error: str) -> None:
        """Set aside the token or the number that was bound last; see `plan.set_aside_at`."""
        number = plan.set_aside_at(binding.transition)
        assert number is not None
        arc, bound = binding.transition.arcs[number], binding.inputs[number]
        if not arc.binds:
            self.add(arc.place, bound, -(plan.amount(arc, bound) or 0))
            self.fault(arc.place.name, -1, None, error)
            return
        token = plan.tokens_of(bound)[-1]
        del self.tokens[token.place.name][token.serial]
        self.fault(token.place.name, token.serial, token.colour, error)

    def fault(self, place: str, serial: int, colour: Any, error: str) -> None:
        """Set a token aside, with the error."""
        self.faulted.append(Faulted(place, serial, colour, error))
        self.say("fault", place, serial, error)

    # Numbers and slots.

    def number(self, place: Counter, key: Hashable) -> int:
        """The number of *key*; its start value if it has not changed."""
        numbers = self.counters[place.name]
        return numbers[key] if key in numbers else place.first(key)

    def add(self, place: Any, key: Hashable, change: int) -> None:
        """Move a number."""
        self.counters[place.name][key] = self.number(place, key) + change

    def has_room(self, transition: Transition) -> bool:
        """Whether every bounded place has the slots that a firing may fill."""
        for name, needed in plan.slots(transition).items():
            place = self.net.places[name]
            assert isinstance(place, Place)
            assert place.capacity is not None
            if self.occupied(place) + needed > place.capacity:
                return False
        return True

    def occupied(self, place: Place[Any]) -> int:
        """Tokens there, inputs taken from there whose firings last, and slots reserved by firings."""
        occupied = len(self.tokens[place.name])
        for flight in self.flights.values():
            binding = flight.binding
            occupied += plan.occupies(
                binding.transition, place, started=flight.started, inputs=binding.inputs
            )
        return occupied

    # Time, ids, the trace.

    def new_id(self) -> int:
        """The next firing's id."""
        self.next_id += 1
        return self.next_id - 1

    def _new_serial(self) -> int:
        self.next_serial += 1
        return self.next_serial - 1

    def say(self, *event: Any) -> None:
        """Trace an event."""
        if self.trace is not None:
            self.trace(event)

    # Saving.

    def saved(self) -> Marking:
        """Everything. Cost: O(tokens)."""
        return Marking(
            net=self.net.name,
            now_ns=self.now_ns,
            next_serial=self.next_serial,
            next_id=self.next_id,
            tokens=tuple(
                tokens[serial].standing()
                for tokens in self.tokens.values()
                for serial in sorted(tokens)
            ),
            counters={
                place.name: self.changed_numbers(place)
                for place in self.net.places.values()
                if isinstance(place, Counter)
            },
            sets={name: tuple(keys) for name, keys in self.sets.items()},
            flights=tuple(flight.flying() for _, flight in sorted(self.flights.items())),
            faulted=tuple(self.faulted),
            sunk=dict(self.sunk),
        )

    def changed_numbers(self, place: Counter) -> tuple[tuple[Hashable, int], ...]:
        """The numbers that differ from what they start with, by key."""
        numbers = self.counters[place.name].items()
        return tuple(
            sorted((pair for pair in numbers if pair[1] != place.first(pair[0])), key=repr)
        )

    def load(self, marking: Marking) -> None:
        """Fill an empty state from *marking*, which fits the net."""
        self.now_ns = marking.now_ns
        self.next_serial, self.next_id = marking.next_serial, marking.next_id
        for standing in marking.tokens:
            self.tokens[standing.place][standing.serial] = self.token(standing)
        self.counters.update({name: dict(numbers) for name, numbers in marking.counters.items()})
        self.sets.update({name: dict.fromkeys(keys) for name, keys in marking.sets.items()})
        self.flights = {flying.id: self._flight(flying) for flying in marking.flights}
        self.faulted = list(marking.faulted)
        self.sunk.update(marking.sunk)

    def _flight(self, flying: Flying) -> InterpretedFlight:
        transition = self.net.transitions[flying.transition]
        inputs = tuple(
            tuple(map(self.token, bound)) if arc.many else self.token(bound) if arc.binds else bound
            for arc, bound in zip(transition.arcs, flying.inputs, strict=True)
        )
        binding = InterpretedBinding(transition, inputs)
        return InterpretedFlight(
            flying.id, binding, flying.began_ns, flying.started, flying.shown,
            flying.attempt, flying.due_ns, flying.handed,
        )  # fmt: skip
