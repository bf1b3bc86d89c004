"""The interpreter: the definition of what a net means.

Owns: the slow, obvious execution. A search over every combination of tokens, in the order that the
rules name; no index, no cache. `compile.py` must give the same trace on every run.
Must not know: clocks, randomness, effects' implementations.

Cost: a step tries every combination of tokens in the places that a transition joins.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc, Lost, On, Output
from scraper_cpn.net.check import checked
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.errors import NetError
from scraper_cpn.net.explain import lacks
from scraper_cpn.net.marking import (
    Ended,
    Faulted,
    Firing,
    Flying,
    Lack,
    Marking,
    Row,
    Standing,
    Step,
    Trace,
    blame,
    key_of,
    made,
    order_of,
    span,
)
from scraper_cpn.net.places import Counter, KeySet, Place, Sink


@dataclass(frozen=True)
class Token:
    """A token in a place, with what was worked out once when it was deposited."""

    place: Place[Any]
    serial: int
    colour: Any
    ready_at_ns: int
    expires_at_ns: int | None
    keys: dict[str, Hashable]
    order: tuple[int, ...]
    passes: frozenset[Any]
    """The single-token guards (`when`) that are true of it."""

    def expired(self, now_ns: int) -> bool:
        """Whether its time has passed."""
        return self.expires_at_ns is not None and self.expires_at_ns <= now_ns

    @property
    def sort_key(self) -> tuple[tuple[int, ...], int]:
        """Where it stands in its place."""
        return (self.order, self.serial)


@dataclass(frozen=True)
class Binding:
    """What a firing would take: per arc a token, the key of a number, or None."""

    transition: Transition
    inputs: tuple[Any, ...]

    def colour(self, arc: int) -> Any:
        """The colour bound by an arc."""
        return self.inputs[arc].colour

    @property
    def serials(self) -> tuple[int, ...]:
        """The bound tokens' serials, -1 where an arc binds none."""
        return tuple(bound.serial if isinstance(bound, Token) else -1 for bound in self.inputs)


@dataclass
class Flight:
    """A firing whose effect has not ended."""

    id: int
    binding: Binding
    began_ns: int
    started: bool = False
    shown: int | None = None


@dataclass(frozen=True)
class Deposit:
    """A token that is about to be put."""

    place: Place[Any] | Counter
    colour: Any
    ready_at_ns: int = 0
    expires_at_ns: int | None = None
    seen: KeySet[Any] | None = None


@dataclass
class Interpreter:
    """A kernel (see `marking.Kernel`) that searches.

    Args:
        net: is checked first; raises `NetError` with all its problems.
        trace: is called with each event.
    """

    net: Net
    trace: Trace | None = None
    now_ns: int = 0
    _tokens: dict[str, dict[int, Token]] = field(default_factory=dict)
    _counters: dict[str, dict[Hashable, int]] = field(default_factory=dict)
    _sets: dict[str, dict[Hashable, None]] = field(default_factory=dict)
    _flights: dict[int, Flight] = field(default_factory=dict)
    _faulted: list[Faulted] = field(default_factory=list)
    _sunk: dict[str, int] = field(default_factory=dict)
    _rows: list[Row] = field(default_factory=list)
    _next_serial: int = 1
    _next_id: int = 1

    def __post_init__(self) -> None:
        checked(self.net)
        for name, place in self.net.places.items():
            if isinstance(place, Counter):
                self._counters[name] = {}
            elif isinstance(place, KeySet):
                self._sets[name] = {}
            elif isinstance(place, Sink):
                self._sunk[name] = 0
            else:
                self._tokens[name] = {}

    # The surface.

    def inject(
        self,
        place: Place[Any],
        colour: Any,
        now_ns: int,
        *,
        ready_at_ns: int = 0,
        expires_at_ns: int | None = None,
    ) -> None:
        """Put a token into a source."""
        self._refuse_bad_inject(place, colour, ready_at_ns, expires_at_ns)
        self._pass_to(now_ns)
        put = self._deposit(Deposit(place, colour, ready_at_ns, expires_at_ns))
        self._say("inject", now_ns, put)

    def step(self, now_ns: int, limit: int = 100_000) -> Step:
        """Fire all that can fire at *now_ns*."""
        self._pass_to(now_ns)
        firings: list[Firing] = []
        for _ in range(limit):
            binding = self._first(now_ns)
            if binding is None:
                return Step(tuple(firings), self._useful(now_ns))
            if binding.transition.instant:
                self._fire(binding, now_ns)
            else:
                firings.append(self._begin(binding, now_ns))
        return Step(tuple(firings), now_ns)

    def started(self, firing_id: int, now_ns: int) -> None:
        """Put back what the firing spends, dated from now."""
        flight = self._flight(firing_id)
        if flight.started:
            raise NetError(f"net {self.net.name}, firing {firing_id}: has started already")
        self._pass_to(now_ns)
        flight.started = True
        self._say("started", now_ns, firing_id, self._spend(flight.binding, now_ns))

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        """Deposit what the outcome's arcs say and give back what was held."""
        flight = self._flight(firing_id)
        transition = flight.binding.transition
        case = plan.case_of(transition, type(outcome))
        if not flight.started:
            raise NetError(
                f"net {self.net.name}, firing {firing_id}: has not started; call started first, or revoke"
            )
        if case is None:
            raise NetError(
                f"net {self.net.name}, transition {transition.name}: {type(outcome).__name__} is none of its outcomes "
                f"({', '.join(case.outcome.__name__ for case in transition.outcomes)})"
            )
        self._pass_to(now_ns)
        del self._flights[firing_id]
        self._hide(flight)
        ending, case, deposits = self._ending(flight.binding, case, outcome, now_ns)
        if deposits is None:
            self._set_aside(flight.binding, "take", f"the outputs of Lost raised: {ending.reason}")
            deposits = []
        puts = self._deposit_all(deposits) + self._give_back(flight.binding, case)
        self._say("end", now_ns, firing_id, case.outcome.__name__, tuple(puts))

    def revoke(self, firing_id: int) -> None:
        """Undo a firing that has not started."""
        flight = self._flight(firing_id)
        if flight.started:
            raise NetError(
                f"net {self.net.name}, firing {firing_id}: has started; it can only complete"
            )
        del self._flights[firing_id]
        self._hide(flight)
        for arc, bound in zip(flight.binding.transition.arcs, flight.binding.inputs, strict=True):
            if isinstance(bound, Token):
                self._tokens[bound.place.name][bound.serial] = bound
            elif arc.kind in {"take", "hold"}:
                self._add(arc.place, bound, 1)
        self._say("revoke", firing_id)

    def drain(self) -> list[Row]:
        """Take the rows since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def ended(self, now_ns: int) -> Ended | None:
        """How the run ended."""
        if self._flights or self._first(now_ns, trial=True) or self._useful(now_ns) is not None:
            return None
        places = [
            place for place in self.net.places.values() if isinstance(place, Place) and place.work
        ]
        if not any(self._tokens[place.name] for place in places):
            return "finished"
        return (
            "spent" if any(self._at_end(place) for place in self.net.places.values()) else "stuck"
        )

    def marking(self) -> Marking:
        """Save everything."""
        return Marking(
            net=self.net.name,
            now_ns=self.now_ns,
            next_serial=self._next_serial,
            next_id=self._next_id,
            tokens=tuple(
                _standing(tokens[serial])
                for tokens in self._tokens.values()
                for serial in sorted(tokens)
            ),
            counters={name: self._moved(name) for name in self._counters},
            sets={name: tuple(keys) for name, keys in self._sets.items()},
            flights=tuple(_flying(flight) for _, flight in sorted(self._flights.items())),
            faulted=tuple(self._faulted),
            sunk=dict(self._sunk),
        )

    @classmethod
    def load(cls, net: Net, marking: Marking, trace: Trace | None = None) -> Interpreter:
        """A kernel that goes on where *marking* was saved."""
        if marking.net != net.name:
            raise NetError(
                f"net {net.name}: the marking is of net {marking.net}; load it into that one"
            )
        kernel = cls(net, trace, marking.now_ns)
        for standing in marking.tokens:
            kernel._tokens[standing.place][standing.serial] = kernel._token(standing)
        kernel._counters.update({name: dict(numbers) for name, numbers in marking.counters.items()})
        kernel._sets.update({name: dict.fromkeys(keys) for name, keys in marking.sets.items()})
        kernel._flights = {flying.id: kernel._restore(flying) for flying in marking.flights}
        kernel._faulted = list(marking.faulted)
        kernel._sunk.update(marking.sunk)
        kernel._next_serial, kernel._next_id = marking.next_serial, marking.next_id
        return kernel

    def explain(self, serial: int, now_ns: int) -> list[Lack]:
        """What each transition that could take the token lacks."""
        return lacks(self.net, self.marking(), serial, now_ns)

    def count(self, place: str) -> int:
        """Tokens, rows or keys of a place."""
        for held in (self._tokens, self._sets):
            if place in held:
                return len(held[place])
        return self._sunk[place] if place in self._sunk else sum(self._counters[place].values())

    def in_flight(self) -> int:
        """Firings whose effects have not ended."""
        return len(self._flights)

    # Finding a binding.

    def _first(self, now_ns: int, *, trial: bool = False) -> Binding | None:
        """The binding that fires next. In a *trial*, nothing is set aside."""
        for transition in plan.ordered(self.net):
            if self._room(transition):
                for binding in self._search(transition, now_ns, (), {}):
                    if self._agrees(binding, trial=trial):
                        return binding
        return None

    def _search(
        self, transition: Transition, now_ns: int, inputs: tuple[Any, ...], env: dict[str, Hashable]
    ) -> Iterator[Binding]:
        """Every binding, in lexicographic order over the arcs as declared."""
        number = len(inputs)
        if number == len(transition.arcs):
            whole = self._with_keys(transition, inputs, env)
            if whole is not None:
                yield Binding(transition, whole)
            return
        arc = transition.arcs[number]
        if not arc.binds:
            yield from self._search(transition, now_ns, (*inputs, None), env)
            return
        names = plan.arc_keys(transition)[number]
        for token in sorted(self._visible(arc, now_ns), key=lambda token: token.sort_key):
            keys = {name: token.keys[name] for name in names}
            if all(env.get(name, key) == key for name, key in keys.items()):
                yield from self._search(transition, now_ns, (*inputs, token), env | keys)

    def _visible(self, arc: Arc, now_ns: int) -> list[Token]:
        tokens = self._tokens[arc.place.name].values()
        if arc.kind == "expired":
            return [token for token in tokens if token.expired(now_ns)]
        return [
            token
            for token in tokens
            if not token.expired(now_ns)
            and (arc.early or token.ready_at_ns <= now_ns)
            and (arc.when is None or arc.when in token.passes)
        ]

    def _with_keys(
        self, transition: Transition, inputs: tuple[Any, ...], env: dict[str, Hashable]
    ) -> tuple[Any, ...] | None:
        """The inputs with the keys of numbers filled in; None if a number, absence or set says no."""
        whole = list(inputs)
        for number, (arc, names) in enumerate(
            zip(transition.arcs, plan.arc_keys(transition), strict=True)
        ):
            if arc.binds:
                continue
            key = _one([env[name] for name in names])
            if not self._allows(arc, key, {name: env[name] for name in names}):
                return None
            whole[number] = key
        return tuple(whole)

    def _allows(self, arc: Arc, key: Hashable, keys: dict[str, Hashable]) -> bool:
        place = arc.place
        if isinstance(place, Counter):
            return self._number(place, key) > 0
        if isinstance(place, KeySet):
            return (key in self._sets[place.name]) == (arc.kind == "read")
        return not any(
            all(token.keys[name] == value for name, value in keys.items())
            for token in self._tokens[place.name].values()
        )

    def _agrees(self, binding: Binding, *, trial: bool) -> bool:
        """Whether the guard over several tokens is true; if it raises, the last token is set aside."""
        scan = binding.transition.scan
        if scan is None or scan.fn is None:
            return True
        arcs = [plan.bound_at(binding.transition, place) for place in scan.sources]
        if any(self._gone(bound) for bound in binding.inputs):
            return False
        try:
            return bool(scan.fn(*(binding.colour(arc) for arc in arcs if arc is not None)))
        except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
            if not trial:
                self._set_aside_last(binding, blame(error))
            return False

    def _gone(self, bound: Any) -> bool:
        return isinstance(bound, Token) and bound.serial not in self._tokens[bound.place.name]

    def _room(self, transition: Transition) -> bool:
        for name, needed in plan.slots(transition).items():
            place = self.net.places[name]
            assert isinstance(place, Place)
            if place.capacity is not None and self._occupied(place) + needed > place.capacity:
                return False
        return True

    def _occupied(self, place: Place[Any]) -> int:
        """Tokens there, inputs taken from there whose firings last, and slots reserved by firings."""
        occupied = len(self._tokens[place.name])
        for flight in self._flights.values():
            occupied += plan.slots(flight.binding.transition).get(place.name, 0)
            for arc in flight.binding.transition.arcs:
                if arc.place is place and arc.binds and arc.kind != "read":
                    occupied += not (arc.kind == "spend" and flight.started)
        return occupied

    def _useful(self, now_ns: int) -> int | None:
        """The least time after now at which a binding exists."""
        times = set()
        for tokens in self._tokens.values():
            for token in tokens.values():
                times.update({token.ready_at_ns, token.expires_at_ns or 0})
        for time_ns in sorted(times):
            if time_ns > now_ns and self._first(time_ns, trial=True) is not None:
                return time_ns
        return None

    # Firing.

    def _fire(self, binding: Binding, now_ns: int) -> None:
        """An instant transition: everything in one go, or the last token is set aside."""
        transition = binding.transition
        try:
            outcome, case = self._choice(binding)
            deposits = self._made(binding, case, outcome, now_ns)
        except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
            self._set_aside_last(binding, blame(error))
            return
        firing_id = self._new_id()
        self._remove(binding)
        puts = self._spend(binding, now_ns)
        puts += tuple(self._deposit_all(deposits) + self._give_back(binding, case))
        name = "" if transition.choice is None else case.outcome.__name__
        self._say("fire", now_ns, firing_id, transition.name, binding.serials, name, puts)

    def _choice(self, binding: Binding) -> tuple[Any, On]:
        transition = binding.transition
        choice = transition.choice
        if choice is None or choice.fn is None:
            return None, transition.outcomes[0]
        outcome = choice.fn(*self._args(binding, choice.sources))
        case = plan.case_of(transition, type(outcome))
        if case is None:
            raise TypeError(
                f"the choice {choice.name} returned a {type(outcome).__name__}, which is no outcome of it"
            )
        return outcome, case

    def _args(self, binding: Binding, sources: Sequence[Place[Any]]) -> tuple[Any, ...]:
        arcs = [plan.bound_at(binding.transition, place) for place in sources]
        return tuple(binding.colour(arc) for arc in arcs if arc is not None)

    def _begin(self, binding: Binding, now_ns: int) -> Firing:
        """Reserve the inputs of a transition with an effect."""
        transition = binding.transition
        effect = transition.effect
        assert effect is not None
        flight = Flight(self._new_id(), binding, now_ns)
        self._remove(binding)
        self._flights[flight.id] = flight
        self._say("begin", now_ns, flight.id, transition.name, binding.serials)
        self._show(flight)
        args = self._args(binding, effect.sources)
        return Firing(flight.id, transition.name, effect.name, args, transition.deadline_ns)

    def _show(self, flight: Flight) -> None:
        during = flight.binding.transition.during
        if during is None:
            return
        lead = next(bound for bound in flight.binding.inputs if isinstance(bound, Token))
        put = self._deposit(Deposit(during, lead.colour))
        flight.shown = put[1]

    def _hide(self, flight: Flight) -> None:
        during = flight.binding.transition.during
        if during is not None and flight.shown is not None:
            self._tokens[during.name].pop(flight.shown, None)

    def _remove(self, binding: Binding) -> None:
        for arc, bound in zip(binding.transition.arcs, binding.inputs, strict=True):
            if arc.kind in {"read", "absent"}:
                continue
            if isinstance(bound, Token):
                del self._tokens[bound.place.name][bound.serial]
            else:
                self._add(arc.place, bound, -1)

    def _spend(self, binding: Binding, now_ns: int) -> tuple[Any, ...]:
        """Put back what is spent; a token whose function raises is set aside."""
        puts = []
        for arc, token in zip(binding.transition.arcs, binding.inputs, strict=True):
            if arc.kind != "spend":
                continue
            try:
                changed = token.colour if arc.change is None else arc.change(token.colour)
                tokens = made(changed, token.place)
                ready = [now_ns + _span_of(arc.after_ns, (colour,)) for colour in tokens]
            except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
                self._fault(token.place.name, token.serial, token.colour, blame(error))
                continue
            for colour, ready_at_ns in zip(tokens, ready, strict=True):
                when = ready_at_ns if token.place.timed else 0
                puts.append(self._deposit(Deposit(token.place, colour, when, token.expires_at_ns)))
        return tuple(puts)

    def _ending(
        self, binding: Binding, case: On, outcome: Any, now_ns: int
    ) -> tuple[Any, On, list[Deposit] | None]:
        """The outcome that counts, its case and its deposits: `Lost` if an output function raises."""
        try:
            return outcome, case, self._made(binding, case, outcome, now_ns)
        except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
            outcome = Lost(f"an output function raised: {blame(error)}")
        case = plan.lost(binding.transition)
        try:
            return outcome, case, self._made(binding, case, outcome, now_ns)
        except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
            return Lost(blame(error)), case, None

    def _made(self, binding: Binding, case: On, outcome: Any, now_ns: int) -> list[Deposit]:
        """All deposits of a case, worked out before any is made."""
        deposits: list[Deposit] = []
        for output in case.outputs:
            deposits += self._made_by(binding, case, output, outcome, now_ns)
        return deposits

    def _made_by(
        self, binding: Binding, case: On, output: Output, outcome: Any, now_ns: int
    ) -> list[Deposit]:
        place = output.place
        if output.kind == "consume":
            return []
        if isinstance(place, Counter):
            return [Deposit(place, None)]
        assert isinstance(place, Place)
        sources = plan.made_from(binding.transition, case, output) or ()
        args = tuple(outcome if arc == plan.OUTCOME else binding.colour(arc) for arc in sources)
        tokens = made(args[0] if output.make is None else output.make(*args), place)
        if not tokens:
            return []
        ready_at_ns = now_ns + _span_of(output.after_ns, args) if place.timed else 0
        expires_at_ns = (
            None if output.lasts_ns is None else now_ns + _span_of(output.lasts_ns, args)
        )
        arc = plan.bound_at(binding.transition, place)
        if arc is not None and binding.transition.arcs[arc].kind == "take":
            old = binding.inputs[arc]
            ready_at_ns = max(ready_at_ns, old.ready_at_ns)
            expires_at_ns = old.expires_at_ns if output.lasts_ns is None else expires_at_ns
        return [Deposit(place, token, ready_at_ns, expires_at_ns, output.seen) for token in tokens]

    def _give_back(self, binding: Binding, case: On) -> list[Any]:
        """What was held and not consumed, with its keys as they were, at the back of its place."""
        consumed = [output.place for output in case.outputs if output.kind == "consume"]
        puts = []
        for arc, bound in zip(binding.transition.arcs, binding.inputs, strict=True):
            if arc.kind != "hold" or arc.place in consumed:
                continue
            if isinstance(bound, Token):
                puts.append(
                    self._deposit(
                        Deposit(bound.place, bound.colour, bound.ready_at_ns, bound.expires_at_ns)
                    )
                )
            else:
                self._add(arc.place, bound, 1)
        return puts

    # Tokens.

    def _deposit_all(self, deposits: list[Deposit]) -> list[Any]:
        puts = []
        for deposit in deposits:
            if deposit.seen is None:
                puts.append(self._deposit(deposit))
            else:
                put = self._deposit_new(deposit, deposit.seen)
                puts += [] if put is None else [put]
        return puts

    def _deposit_new(self, deposit: Deposit, seen: KeySet[Any]) -> Any:
        try:
            key = _one(list(key_of(deposit.colour, seen)))
        except Exception as error:  # noqa: BLE001  (the user's property may raise anything)
            serial = self._new_serial()
            self._fault(deposit.place.name, serial, deposit.colour, blame(error))
            return (deposit.place.name, serial, deposit.colour, 0)
        if key in self._sets[seen.name]:
            return None
        self._sets[seen.name][key] = None
        return self._deposit(deposit)

    def _deposit(self, deposit: Deposit) -> tuple[str, int, Any, int]:
        """Put a token; one whose key, order or guard raises is set aside."""
        place = deposit.place
        if isinstance(place, Counter):
            self._add(place, None, 1)
            return (place.name, -1, None, 0)
        serial = self._new_serial()
        if isinstance(place, Sink):
            self._sunk[place.name] += 1
            self._rows.append(Row(place.name, deposit.colour))
        else:
            standing = Standing(
                place.name, serial, deposit.colour, deposit.ready_at_ns, deposit.expires_at_ns
            )
            try:
                self._tokens[place.name][serial] = self._token(standing)
            except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
                self._fault(place.name, serial, deposit.colour, blame(error))
        return (place.name, serial, deposit.colour, deposit.ready_at_ns)

    def _token(self, standing: Standing) -> Token:
        place = self.net.places[standing.place]
        assert isinstance(place, Place)
        guards = [
            arc.when
            for transition in self.net.transitions.values()
            for arc in transition.arcs
            if arc.place is place and arc.when is not None
        ]
        return Token(
            place,
            standing.serial,
            standing.colour,
            standing.ready_at_ns,
            standing.expires_at_ns,
            dict(zip(place.keys, key_of(standing.colour, place), strict=True)),
            order_of(standing.colour, place),
            frozenset(guard for guard in guards if guard(standing.colour)),
        )

    def _number(self, place: Counter, key: Hashable) -> int:
        numbers = self._counters[place.name]
        return numbers[key] if key in numbers else place.first(key)

    def _moved(self, name: str) -> tuple[tuple[Hashable, int], ...]:
        """The numbers that differ from what they start with, by key."""
        place = self.net.places[name]
        assert isinstance(place, Counter)
        numbers = self._counters[name].items()
        return tuple(
            sorted((pair for pair in numbers if pair[1] != place.first(pair[0])), key=repr)
        )

    def _add(self, place: Any, key: Hashable, change: int) -> None:
        self._counters[place.name][key] = self._number(place, key) + change

    def _set_aside_last(self, binding: Binding, error: str) -> None:
        """Set aside the token that was bound last, of those that the firing would take for good."""
        arcs = zip(binding.transition.arcs, binding.inputs, strict=True)
        token = [
            bound
            for arc, bound in arcs
            if arc.kind in {"take", "expired"} and isinstance(bound, Token)
        ][-1]
        del self._tokens[token.place.name][token.serial]
        self._fault(token.place.name, token.serial, token.colour, error)

    def _set_aside(self, binding: Binding, kind: str, error: str) -> None:
        for arc, bound in zip(binding.transition.arcs, binding.inputs, strict=True):
            if arc.kind == kind and isinstance(bound, Token):
                self._fault(bound.place.name, bound.serial, bound.colour, error)

    def _fault(self, place: str, serial: int, colour: Any, error: str) -> None:
        self._faulted.append(Faulted(place, serial, colour, error))
        self._say("fault", place, serial, error)

    # Small things.

    def _refuse_bad_inject(
        self, place: Place[Any], colour: Any, ready_at_ns: int, expires_at_ns: int | None
    ) -> None:
        where = f"net {self.net.name}, place {place.name}"
        if self.net.places.get(place.name) is not place:
            raise NetError(f"{where}: is not a place of this net")
        if not place.source:
            raise NetError(f"{where}: is no source; declare it with source=True to inject into it")
        if not isinstance(colour, place.colour):
            raise NetError(f"{where}: takes {place.colour.__name__}, not {type(colour).__name__}")
        if ready_at_ns and not place.timed:
            raise NetError(
                f"{where}: is not timed; declare it with timed=True to give tokens a ready time"
            )
        if expires_at_ns is not None and not place.expires:
            raise NetError(f"{where}: its tokens don't expire; declare it with expires=True")
        if place.capacity is not None and self._occupied(place) >= place.capacity:
            raise NetError(f"{where}: is full ({place.capacity}); wait until a step has emptied it")

    def _pass_to(self, now_ns: int) -> None:
        if now_ns < self.now_ns:
            raise NetError(
                f"net {self.net.name}: time went back from {self.now_ns} to {now_ns} ns; give a time that grows"
            )
        self.now_ns = now_ns

    def _flight(self, firing_id: int) -> Flight:
        if firing_id not in self._flights:
            raise NetError(f"net {self.net.name}, firing {firing_id}: is not in flight")
        return self._flights[firing_id]

    def _restore(self, flying: Flying) -> Flight:
        inputs = tuple(
            self._token(bound) if isinstance(bound, Standing) else bound for bound in flying.inputs
        )
        binding = Binding(self.net.transitions[flying.transition], inputs)
        return Flight(flying.id, binding, flying.began_ns, flying.started, flying.shown)

    def _at_end(self, place: Any) -> bool:
        if not getattr(place, "budget", False):
            return False
        if isinstance(place, Counter):
            return self._number(place, None) == 0
        return not self._tokens[place.name]

    def _new_serial(self) -> int:
        self._next_serial += 1
        return self._next_serial - 1

    def _new_id(self) -> int:
        self._next_id += 1
        return self._next_id - 1

    def _say(self, *event: Any) -> None:
        if self.trace is not None:
            self.trace(event)


def _one(keys: list[Hashable]) -> Hashable:
    """No key: None; one: itself; several: their tuple."""
    return keys[0] if len(keys) == 1 else tuple(keys) if keys else None


def _span_of(length: Any, args: tuple[Any, ...]) -> int:
    return span(length(*args) if callable(length) else length)


def _standing(token: Token) -> Standing:
    return Standing(
        token.place.name, token.serial, token.colour, token.ready_at_ns, token.expires_at_ns
    )


def _flying(flight: Flight) -> Flying:
    inputs = tuple(
        _standing(bound) if isinstance(bound, Token) else bound for bound in flight.binding.inputs
    )
    transition = flight.binding.transition.name
    return Flying(flight.id, transition, inputs, flight.started, flight.began_ns, flight.shown)
