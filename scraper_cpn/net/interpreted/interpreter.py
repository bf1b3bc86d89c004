"""The interpreter: the definition of what a net means.

Owns: the slow, obvious execution, call by call: `search.py` says which binding is next, `outputs.py`
what it puts, `state.py` where everything is; no index, no cache. `compiled/` must give the same
trace on every run.
Must not know: clocks, randomness, effects' implementations.

Cost: a step tries every combination of tokens in the places that a transition joins.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from scraper_cpn.net import marking as records
from scraper_cpn.net import plan, refusal
from scraper_cpn.net.by_hand import ByHand, done_at_once
from scraper_cpn.net.check import checked
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.explain import lacks
from scraper_cpn.net.interpreted.binding import Deposit, InterpretedBinding, InterpretedFlight
from scraper_cpn.net.interpreted.outputs import chosen, deposits, ending, respent
from scraper_cpn.net.interpreted.run import run_ended
from scraper_cpn.net.interpreted.search import first, listed, useful
from scraper_cpn.net.interpreted.state import MutableMarking, Put
from scraper_cpn.net.marking import Ended, Firing, Lack, Marking, Row, Step, Trace, blame
from scraper_cpn.net.partitions import refuse_foreign, refuse_moved, refuse_undivided
from scraper_cpn.net.places import Counter, KeySet, Place, Sink
from scraper_cpn.net.shares import Partition
from scraper_cpn.net.sound import refuse_misfit


class Interpreter(ByHand):
    """A kernel (see `marking.Kernel`) that searches.

    Args:
        net: is checked first; raises `NetError` with all its problems.
        trace: is called with each event.
        partition: of which the kernel is; None: the net is not divided.
    """

    def __init__(
        self, net: Net, trace: Trace | None = None, *, partition: Partition | None = None
    ) -> None:
        self.net = checked(net)
        refuse_undivided(net, partition)
        self.partition = partition
        self._state = MutableMarking(net, trace, partition)

    @classmethod
    def load(
        cls,
        net: Net,
        marking: Marking,
        trace: Trace | None = None,
        *,
        partition: Partition | None = None,
    ) -> Interpreter:
        """A kernel that goes on where *marking* was saved; `NetError` if it does not fit the net or the partition."""
        kernel = cls(net, trace, partition=partition)
        refuse_misfit(net, marking)
        refuse_moved(net, marking, partition)
        kernel._state.load(marking)
        return kernel

    def __repr__(self) -> str:
        return f"<interpreter, {self.marking()!r}>"

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
        refusal.refuse_inject(self.net, place, colour, ready_at_ns, expires_at_ns)
        refuse_foreign(self.net, place, colour, self.partition)
        refusal.refuse_full(self.net, place, self._state.occupied(place))
        self._pass_to(now_ns)
        put = self._state.deposit(Deposit(place, colour, ready_at_ns, expires_at_ns))
        self._state.say("inject", now_ns, put)

    def step(self, now_ns: int, limit: int = 100_000) -> Step:
        """Fire all that can fire at *now_ns*."""
        refusal.refuse_limit(self.net, limit)
        self._pass_to(now_ns)
        firings: list[Firing] = []
        for _ in range(limit):
            due = self._state.due()
            if due and (due[0].due_ns or 0) <= now_ns:
                firings.append(self._attempt(due[0], now_ns))
                continue
            found = first(self._state, now_ns)
            if found is None:
                return Step(tuple(firings), self._next_time(now_ns))
            binding, error = found
            if error is not None:
                self._state.set_aside_last(binding, error)
            elif binding.transition.instant:
                self._fire(binding, now_ns)
            else:
                firings.append(self._begin(binding, now_ns))
        return Step(tuple(firings), now_ns)

    def _attempt(self, flight: InterpretedFlight, now_ns: int) -> Firing:
        """Give out a firing's next attempt."""
        flight.handed = True
        self._state.say("attempt", now_ns, flight.id, flight.attempt)
        return self._firing(flight)

    def _next_time(self, now_ns: int) -> int | None:
        """The least time at which a binding exists, or an attempt may begin."""
        times = [useful(self._state, now_ns), *(flight.due_ns for flight in self._state.due())]
        return min((time_ns for time_ns in times if time_ns is not None), default=None)

    def _fire(self, binding: InterpretedBinding, now_ns: int) -> int:
        """An instant transition: everything in one go, or the last token is set aside, and the id is 0."""
        state = self._state
        transition = binding.transition
        try:
            outcome, case = chosen(binding)
            made = deposits(binding, case, outcome, now_ns, state.lacks)
        except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
            state.set_aside_last(binding, blame(error))
            return 0
        firing_id = state.new_id()
        state.remove(binding)
        puts = self._spend(binding, now_ns)
        puts += state.deposit_all(made) + state.give_back(binding, case)
        name = "" if transition.choice is None else case.outcome.__name__
        state.say("fire", now_ns, firing_id, transition.name, binding.serials, name, tuple(puts))
        return firing_id

    def _begin(self, binding: InterpretedBinding, now_ns: int) -> Firing:
        """Reserve the inputs of a transition with an effect."""
        state = self._state
        transition = binding.transition
        flight = InterpretedFlight(state.new_id(), binding, now_ns)
        state.remove(binding)
        state.flights[flight.id] = flight
        state.say("begin", now_ns, flight.id, transition.name, binding.serials)
        state.show(flight)
        return self._firing(flight)

    def _firing(self, flight: InterpretedFlight) -> Firing:
        transition = flight.binding.transition
        effect = transition.effect
        assert effect is not None
        args = flight.binding.values(effect.sources)
        name, deadline_ns = transition.name, transition.deadline_ns
        return Firing(flight.id, name, effect.name, args, deadline_ns, flight.attempt)

    def started(self, firing_id: int, now_ns: int, *, asked: bool = False) -> bool:
        """Put back what the firing spends, dated from now; or revoke it, if it may not start any more."""
        flight = self._flight(firing_id)
        begun = flight.handed if flight.attempt > 1 else not flight.started
        refusal.refuse_started(self.net, firing_id, started=not begun)
        self._pass_to(now_ns)
        if not asked and not self._state.still(flight.binding, now_ns):
            self._undo(flight)
            return False
        puts = [] if flight.started else self._spend(flight.binding, now_ns)
        flight.started, flight.due_ns, flight.handed = True, None, False
        self._state.say("started", now_ns, firing_id, tuple(puts))
        return True

    def may_start(self, firing_id: int, now_ns: int) -> bool:
        """Whether what must hold at the start of a firing does; of one that has started, too."""
        flight = self._flight(firing_id)
        refusal.refuse_time(self.net, now_ns, self._state.now_ns)
        return self._state.still(flight.binding, now_ns)

    def _spend(self, binding: InterpretedBinding, now_ns: int) -> list[Put]:
        """Put back what is spent; a token whose function raises is set aside."""
        puts: list[Put] = []
        for arc, token in binding.pairs("spend"):
            try:
                made = respent(arc, token, now_ns)
            except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
                self._state.fault(token.place.name, token.serial, token.colour, blame(error))
            else:
                puts += self._state.deposit_all(made)
        return puts

    def complete(self, firing_id: int, outcome: Any, now_ns: int) -> None:
        """Deposit what the outcome's arcs say and give back what was held."""
        flight = self._flight(firing_id)
        binding = flight.binding
        refusal.case_for(
            self.net, binding.transition, firing_id, outcome, started=flight.running
        )  # fmt: skip
        self._pass_to(now_ns)
        state = self._state
        if self._again(flight, outcome, now_ns):
            return
        del state.flights[firing_id]
        state.hide(flight)
        case, made, error = ending(binding, outcome, now_ns, state.lacks)
        if error is not None:
            self._set_aside(binding, error)
        puts = state.deposit_all(made) + state.give_back(binding, case)
        state.say("end", now_ns, firing_id, case.outcome.__name__, tuple(puts))

    def _again(self, flight: InterpretedFlight, outcome: Any, now_ns: int) -> bool:
        """Whether a failed firing has another attempt, for which it waits from now on."""
        pause_ns = plan.pause_before(flight.binding.transition, flight.attempt, outcome)
        if pause_ns is None:
            return False
        flight.attempt, flight.due_ns = flight.attempt + 1, now_ns + pause_ns
        self._state.say("again", now_ns, flight.id, type(outcome).__name__, flight.due_ns)
        return True

    def _set_aside(self, binding: InterpretedBinding, error: str) -> None:
        """Set aside all that a firing took; list the transition itself if it took no token."""
        for token in binding.taken():
            self._state.fault(token.place.name, token.serial, token.colour, error)
        if not binding.taken():
            self._state.fault(binding.transition.name, -1, None, error)

    def revoke(self, firing_id: int) -> None:
        """Undo a firing that has not started."""
        flight = self._flight(firing_id)
        if flight.handed:
            flight.handed = False
            self._state.say("revoke", firing_id)
            return
        refusal.refuse_started(self.net, firing_id, started=flight.started, revoking=True)
        self._undo(flight)

    def _undo(self, flight: InterpretedFlight) -> None:
        del self._state.flights[flight.id]
        self._state.hide(flight)
        self._state.restore(flight.binding)
        self._state.say("revoke", flight.id)

    def drain(self) -> list[Row]:
        """Take the rows since the last call."""
        rows, self._state.rows = self._state.rows, []
        return rows

    def ended(self, now_ns: int, *, run: Hashable = None) -> Ended | None:
        """How the run ended; with *run*, that one of many."""
        state = self._state
        refusal.refuse_time(self.net, now_ns, state.now_ns)
        if run is not None:
            return run_ended(state, run, now_ns)
        if state.flights or first(state, now_ns):
            return None
        places = [place for place in self.net.places.values() if isinstance(place, Place)]
        working = any(place.work and state.tokens[place.name] for place in places)
        if working and first(state, now_ns, by_hand=True):
            return None
        at_end = working and list(filter(self._at_end, self.net.places.values()))
        if at_end and not all(map(self._is_put_off, at_end)):
            return "spent"
        if working and useful(state, now_ns, by_hand=True) is not None:
            return None
        if at_end:
            return "spent"
        return "faulted" if state.faulted else "stuck" if working else "finished"

    def _is_put_off(self, place: Any) -> bool:
        """Whether the end of a budget waits for what is under way."""
        unless = getattr(place, "unless", None)
        return unless is not None and bool(self._state.tokens[unless.name])

    def _at_end(self, place: Any) -> bool:
        """Whether a budget is at its end (of a keyed one: for some key)."""
        if not getattr(place, "budget", False):
            return False
        if not isinstance(place, Counter):
            return not self._state.tokens[place.name]
        if place.keys:
            return 0 in self._state.counters[place.name].values()
        return self._state.number(place, None) == 0

    def marking(self) -> Marking:
        """Save everything."""
        return self._state.saved()

    def explain(self, serial: int, now_ns: int) -> list[Lack]:
        """Explain for each transition that could take the token what is missing."""
        return lacks(self.net, self.marking(), serial, now_ns)

    def count(self, place: str) -> int:
        """What is in a place."""
        refusal.refuse_name(self.net, place)
        state, kind = self._state, self.net.places[place]
        if isinstance(kind, Counter):
            return len(state.changed_numbers(kind)) if kind.keys else state.number(kind, None)
        if isinstance(kind, KeySet):
            return len(state.sets[place])
        return state.sunk[place] if isinstance(kind, Sink) else len(state.tokens[place])

    def in_flight(self) -> int:
        """Firings whose effects have not ended."""
        return len(self._state.flights)

    # Manual transitions; see `ByHand`.

    def _listed(self, transition: Transition, now_ns: int) -> Iterator[tuple[Any, ...]]:
        return (each.saved() for each in listed(self._state, transition, now_ns))

    def _found(
        self, transition: Transition, binding: records.Binding, now_ns: int
    ) -> InterpretedBinding | None:
        found = listed(self._state, transition, now_ns)
        return next((each for each in found if each.saved() == binding.inputs), None)

    def _fire_one(self, transition: Transition, found: InterpretedBinding, now_ns: int) -> Firing:
        if transition.instant:
            return done_at_once(transition, self._fire(found, now_ns))
        return self._begin(found, now_ns)

    def _refuse_past(self, now_ns: int) -> None:
        refusal.refuse_time(self.net, now_ns, self._state.now_ns)

    def _ready_times(self, place: Place[Any]) -> Iterable[int]:
        return (token.ready_at_ns for token in self._state.tokens[place.name].values())

    def _pass_to(self, now_ns: int) -> None:
        refusal.refuse_time(self.net, now_ns, self._state.now_ns)
        self._state.now_ns = now_ns

    def _flight(self, firing_id: int) -> InterpretedFlight:
        if firing_id not in self._state.flights:
            raise refusal.refuse_landed(self.net, firing_id)
        return self._state.flights[firing_id]
