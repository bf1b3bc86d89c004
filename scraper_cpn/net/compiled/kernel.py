"""The compiled execution of a net: the same meaning as the interpreter, by specialised source.

Owns: the kernel that runs the source (`source.py`), and the calls that are not time-critical. `generate/` writes the
source; `runtime/` has the data structures that it uses.
Must not know: clocks, randomness, effects' implementations.

Cost: a step costs O(log keys + composite keys whose status changed) for each firing, whatever the number of tokens
and of blocked keys. A transition with a scan costs the number of its combinations.

The optimisations follow. Each is derived from the declaration alone and must not change behaviour:
`tests/net/test_differential.py` compares the two executions, and its mutants plant faults in these optimisations.

One function for a transition. It finds the binding, then makes, takes and puts tokens. Everything that may raise
  comes before everything that changes the marking (R15). A firing without an effect needs no tuple of its inputs. The
  function fires repeatedly until another transition has precedence.
Change propagation at thresholds. A transition is tried again (`dirty`) only if a missing input may have become
  available: the first token of a queue, a number that has become large enough, a free slot. Its next useful time is
  computed again (`late`) only if it depends on time, and only for an input that becomes available before it: the
  next useful time is the latest of the inputs' first times.
Queues. A place without order, times and guards, that is never searched by key, always gives its oldest token (R6).
  Nothing is sorted; the token of a revoked firing returns to the position of its serial.
Views of firings. A place that only shows firings is not stored: its tokens follow from the firings (R22).
Plain variables. A number without a key and the free slots of a place are integers.
Records. If all inputs of a join have the same key, one record for each key has all their tokens and numbers
  (`records.py`). Adding a token examines one record; taking a token invalidates the record. Apart from that only time
  can complete a key, and there are alarms for it. Equal joins of several transitions share their records. The tokens
  of such a place are nowhere else: listing them goes through the records.
Single tokens. A key usually has one token in a place: then the record has the token itself, without a heap. An output
  usually makes one token: then there is no tuple.
Sets first. Most links of a page are already known: only new keys are processed further.
Shared orders. Equal orders of several fields are one object, so that heaps seldom compare them field by field.
Alarms. Waiting keys are listed by time; a time is in the heap once, however many keys wait for it.
Unchanged tokens. A token that returns unchanged keeps its key, order and guards, which are functions of the colour
  (R4). The pause of a spent token is cached with it if spending leaves the colour unchanged.
Pages and shards. Few tokens of a paged place are in memory, and a big set is divided into many tables.
Optional code. Lines for tracing and recording are generated only on request.
Garbage. Tokens, firings and steps are records that the garbage collector does not follow. They can be in a cycle only
  if a colour refers to the kernel that contains it; then that kernel leaks.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias

from msgspec.structs import replace

from scraper_cpn.net import plan, refusal, runs
from scraper_cpn.net.by_hand import ByHand, done_at_once
from scraper_cpn.net.changes import Changes
from scraper_cpn.net.compiled.content import Content, saved
from scraper_cpn.net.compiled.runtime.lines import NEVER
from scraper_cpn.net.compiled.source import Build, Builder, Source, generated, in_python
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.explain import lacks
from scraper_cpn.net.interpreted.run import run_ended
from scraper_cpn.net.interpreted.state import MutableMarking
from scraper_cpn.net.marking import (
    Binding,
    Ended,
    Firing,
    Lack,
    Marking,
    Row,
    Step,
    Trace,
)
from scraper_cpn.net.partitions import refuse_foreign, refuse_moved, refuse_undivided
from scraper_cpn.net.places import Counter, Place
from scraper_cpn.net.plan import ordered
from scraper_cpn.net.shares import Partition
from scraper_cpn.net.shelf import MemoryShelf, Order, Shelf
from scraper_cpn.net.sound import refuse_misfit

Cold: TypeAlias = tuple[str, Hashable, int, Order, int]
"""A key whose tokens are all on the shelf: place, key, their number, order and serial of the first."""


def compile_net(
    net: Net,
    trace: Trace | None = None,
    *,
    recorded: bool = False,
    shelf: Shelf | None = None,
    builder: Builder = in_python,
    partition: Partition | None = None,
) -> Compiled:
    """A kernel that runs *net* without searching.

    Args:
        net: is checked first.
        trace: is called with each event; without it, the source has no code for tracing.
        recorded: whether `changes` will be called.
        shelf: has the tokens of paged places that are not in memory; by default it is in memory, too.
            With one, paged sets keep fingerprints of their keys, and no marking lists these.
        builder: runs the generated source; `scraper_cpn.native` has another one.
        partition: of which the kernel is; None: the net is not divided.

    Raises:
        NetError: the net can't work; with all its problems. Or it has no partition key.
    """
    found = _generated_for(net, trace, recorded=recorded, shelf=shelf, partition=partition)
    return Compiled(net, trace, shelf=shelf, build=builder(found), partition=partition)


def _generated_for(
    net: Net,
    trace: Trace | None,
    *,
    recorded: bool,
    shelf: Shelf | None,
    partition: Partition | None,
) -> Source:
    """The source for a kernel that is given these."""
    refuse_undivided(net, partition)
    traced, printed, divided = trace is not None, shelf is not None, partition is not None
    return generated(net, traced=traced, recorded=recorded, printed=printed, divided=divided)


class _Step(Protocol):
    def __call__(self, now_ns: int, limit: int = 100_000) -> Step: ...


class _Started(Protocol):
    def __call__(self, firing_id: int, now_ns: int, *, asked: bool = False) -> bool: ...


class _Complete(Protocol):
    def __call__(self, firing_id: int, outcome: Any, now_ns: int) -> None: ...


class Compiled(ByHand):
    """A kernel (see `marking.Kernel`) that runs generated source; `compile_net` says with what.

    The four calls that a decision makes are the generated functions themselves: a method around each
    would cost as much as a small firing.
    """

    step: _Step
    """Fire all that can fire at *now_ns*."""
    started: _Started
    """Put back what the firing spends, dated from now; or revoke it, if it may not start any more."""
    may_start: Callable[[int, int], bool]
    """Whether what must hold at the start of a firing does; of one that has started, too."""
    complete: _Complete
    """Deposit what the outcome's arcs say and give back what was held."""
    drain: Callable[[], list[Row]]
    """Take the rows since the last call."""

    def __init__(
        self,
        net: Net,
        trace: Trace | None = None,
        *,
        recorded: bool = False,
        shelf: Shelf | None = None,
        build: Build | None = None,
        partition: Partition | None = None,
    ) -> None:
        if build is None:
            found = _generated_for(net, trace, recorded=recorded, shelf=shelf, partition=partition)
            build = in_python(found)
        self.net = net
        self.partition = partition
        self._ordered = ordered(net)
        self._shelf = MemoryShelf() if shelf is None else shelf
        given = {"PARTITION": partition, "trace": trace}
        wanted = {name: each for name, each in given.items() if each is not None}
        self._parts = build(self.net, self._ordered, self._shelf, **wanted)
        self._content = Content(self.net, self._ordered, self._parts)
        self._by_hand = [
            wake
            for name, (*_, wake) in self._parts.get("BY_HAND", {}).items()
            if plan.goes_on_by_hand(net, net.transitions[name])
        ]
        self._inject = self._parts["inject"]
        self.step = self._parts["step"]
        self.started = self._parts["started"]
        self.may_start = self._parts["may_start"]
        self.complete = self._parts["complete"]
        self.drain = self._parts["drain"]
        self._occupied = self._parts["occupied"]
        self._numbers = self._parts["numbers"]

    @classmethod
    def load(
        cls,
        net: Net,
        marking: Marking,
        trace: Trace | None = None,
        *,
        recorded: bool = False,
        shelf: Shelf | None = None,
        cold: Iterable[Cold] = (),
        keys: Mapping[str, Iterable[str]] | None = None,
        build: Build | None = None,
        partition: Partition | None = None,
    ) -> Compiled:
        """A kernel that goes on where *marking* was saved.

        Args:
            net: is checked first.
            marking: all of it; but not what is given by *cold* and *keys*.
            trace: is called with each event.
            recorded: whether `changes` will be called.
            shelf: has the tokens of paged places that are not in memory.
            cold: what is on it. The tokens that firings in flight hold do not count, nor those in *marking*, which
                the shelf may know, too: a recovery has just put them there.
            keys: of paged sets.
            build: of this net's source, generated for the same trace, record and shelf; by default it is
                generated now, for Python.
            partition: of which the kernel is; None: the net is not divided.

        Raises:
            NetError: the marking does not fit the net, or has tokens of another partition.
        """
        kernel = cls(net, trace, recorded=recorded, shelf=shelf, build=build, partition=partition)
        refuse_misfit(net, marking)
        refuse_moved(net, marking, partition)
        kernel._leave_held(marking)
        kernel._parts["load"](marking, cold)
        for name, seen in (keys or {}).items():
            kernel._parts["SETS"][name].extend(seen)
        return kernel

    def _leave_held(self, marking: Marking) -> None:
        """Exclude from the shelf the tokens that firings in flight hold."""
        for flying in marking.flights:
            transition = self.net.transitions[flying.transition]
            for arc in plan.keeps(transition, started=flying.started):
                for held in plan.tokens_of(flying.inputs[arc]):
                    if self.net.places[held.place].paged:  # type: ignore[union-attr]
                        self._shelf.left(held.place, held.serial)

    def __repr__(self) -> str:
        return f"<compiled, {self.marking()!r}>"

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
        refusal.refuse_full(self.net, place, self._occupied().get(place.name, 0))
        self._inject(place.name, colour, ready_at_ns, expires_at_ns, now_ns)

    def revoke(self, firing_id: int) -> None:
        """Undo a firing that has not started."""
        self._parts["revoke"](firing_id)

    def ended(self, now_ns: int, *, run: Hashable = None) -> Ended | None:
        """How the run ended; with *run*, that one of many."""
        clock = self._parts["scalars"]()[0]
        refusal.refuse_time(self.net, now_ns, clock)
        if run is not None:
            return self._run_ended(run, clock, now_ns)
        soonest = NEVER if self._parts["flights"] else self._parts["earliest"](clock)
        if self._parts["flights"] or soonest <= now_ns:
            return None
        places = [place for place in self.net.places.values() if isinstance(place, Place)]
        working = any(place.work and self._parts["PLACES"][place.name] for place in places)
        begun = self._earliest_by_hand(clock) if working else NEVER
        if begun <= now_ns:
            return None
        at_end = working and list(filter(self._at_end, self.net.places.values()))
        if at_end and not all(map(self._is_put_off, at_end)):
            return "spent"
        if working and min(soonest, begun) != NEVER:
            return None
        if at_end:
            return "spent"
        return "faulted" if self._parts["faulted"] else "stuck" if working else "finished"

    def _run_ended(self, run: Hashable, clock: int, now_ns: int) -> Ended | None:
        name = runs.key_of_runs(self.net)
        for flight in self._parts["flights"].values():
            transition = self._ordered[flight.number]
            if runs.binds_of(name, run, transition, self._content.bound(flight)):
                return None
        work = [p for p in self.net.places.values() if isinstance(p, Place) and p.work]
        working = any(
            runs.is_of(name, run, place, token.colour)
            for place in work
            for token in self._content.standing(place)
        )
        if not working and self._parts["earliest"](clock) > now_ns:
            return runs.idle(self.net, run, self._parts["faulted"], working=False)
        state = MutableMarking(self.net)
        state.load(self.marking())
        state.sets.update(self._keys())
        return run_ended(state, run, now_ns)

    def _keys(self) -> dict[str, Any]:
        """The contents of the sets: keys, or fingerprints of them."""
        return {name: seen.keys for name, seen in self._parts["SETS"].items()}

    def _is_put_off(self, place: Any) -> bool:
        """Whether the end of a budget waits for what is under way."""
        unless = getattr(place, "unless", None)
        return unless is not None and bool(self._parts["PLACES"][unless.name])

    def _earliest_by_hand(self, now_ns: int) -> float:
        """The least time at which a manual transition has a binding."""
        return min((wake(now_ns) for wake in self._by_hand), default=NEVER)

    # Manual transitions; see `ByHand`.

    def _listed(self, transition: Transition, now_ns: int) -> Iterator[tuple[Any, ...]]:
        _, combine, _, wake = self._parts["BY_HAND"][transition.name]
        full = plan.slots(transition) and wake(now_ns) > now_ns
        for inputs in () if full else combine(now_ns):
            if self._agrees(transition, inputs):
                yield saved(transition, inputs)

    def _agrees(self, transition: Transition, inputs: tuple[Any, ...]) -> bool:
        """Whether the guard over several tokens is true."""
        scan = transition.scan
        if scan is None or scan.fn is None:
            return True
        arcs = [plan.source_at(transition, source) for source in scan.sources]
        given = [plan.value_of(transition.arcs[n], inputs[n]) for n in arcs if n is not None]
        try:
            return bool(scan.fn(*given))
        except Exception:  # noqa: BLE001  (the user's function may raise anything)
            return False

    def _found(
        self, transition: Transition, binding: Binding, now_ns: int
    ) -> tuple[Any, ...] | None:
        _, _, recall, _ = self._parts["BY_HAND"][transition.name]
        inputs: tuple[Any, ...] | None = recall(binding.serials, now_ns)
        same = inputs is not None and saved(transition, inputs) == binding.inputs
        return inputs if inputs and same and self._agrees(transition, inputs) else None

    def _fire_one(self, transition: Transition, found: tuple[Any, ...], now_ns: int) -> Firing:
        act, *_ = self._parts["BY_HAND"][transition.name]
        firings: list[Firing] = []
        before = self.next_id
        act(now_ns, firings, found)
        return (
            firings[0]
            if firings
            else done_at_once(transition, before if self.next_id > before else 0)
        )

    def _ready_times(self, place: Place[Any]) -> Iterable[int]:
        return (standing.ready_at_ns for standing in self._content.standing(place))

    def _pass_to(self, now_ns: int) -> None:
        self._parts["pass_to"](now_ns)

    def _refuse_past(self, now_ns: int) -> None:
        refusal.refuse_time(self.net, now_ns, self._parts["scalars"]()[0])

    def _at_end(self, place: Any) -> bool:
        """Whether a budget is at its end (of a keyed one: for some key)."""
        if not getattr(place, "budget", False):
            return False
        if isinstance(place, Counter):
            return 0 in self._numbers()[place.name].values()
        return not self._parts["PLACES"][place.name]

    def marking(self) -> Marking:
        """Save everything."""
        return self._content.marking()

    def changes(self) -> Changes:
        """The changes since the last call, or since the beginning; only if *recorded* was true.

        Cost: O(what changed); plus O(firings in flight) if a number has changed for good.
        """
        return self._content.changes()

    def explain(self, serial: int, now_ns: int) -> list[Lack]:
        """Explain for each transition that could take the token what is missing."""
        return lacks(self.net, replace(self.marking(), sets=self._keys()), serial, now_ns)

    def count(self, place: str) -> int:
        """The number of tokens in a place."""
        refusal.refuse_name(self.net, place)
        kind = self.net.places[place]
        if isinstance(kind, Counter):
            numbers = self._numbers()[place]
            return len(self._content.changed_numbers(place)) if kind.keys else numbers[None]
        if place in self._parts["PLACES"]:
            return len(self._parts["PLACES"][place])
        if place in self._parts["SETS"]:
            return len(self._parts["SETS"][place].keys)
        sunk: int = self._parts["sunk"]()[place]
        return sunk

    def in_flight(self) -> int:
        """Firings whose effects have not ended."""
        return len(self._parts["flights"])

    @property
    def next_id(self) -> int:
        """The id of the next firing: the number of firings so far, plus one."""
        next_id: int = self._parts["scalars"]()[2]
        return next_id
