"""A kernel that is led at random, and whether the grounded net can do what it does.

Owns: `Follower`. Each call of the kernel must be an event of the grounded net that leads from the state that
the marking stood for to the one that it stands for now. With the explored space, that edge must be one of the
space, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from scraper_cpn.analysis.abstraction import Abstraction
from scraper_cpn.analysis.explore import Explorer
from scraper_cpn.analysis.ground import Grounder, TooMuchError
from scraper_cpn.analysis.instance import Expiring, Instance
from scraper_cpn.analysis.outcomes import LOST
from scraper_cpn.analysis.plain import Event, happens, is_fault
from scraper_cpn.analysis.space import Space
from scraper_cpn.net import Firing, Interpreter, Marking, Net, Row
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.compiled.source import generated, in_python

HOUR_NS = 3_600_000_000_000
HALF = 0.5
COMES, CRASHES, LATE = 0.05, 0.15, 0.03
"""How often a token comes from outside, a process ends, or a step is an hour late; in a random order of calls."""


class Follower:
    """Leads a kernel of a net for an instance, and follows it in the grounded net.

    Args:
        net: the net, and *instance* one of it.
        kernel: the execution with which each run begins; after a crash, either goes on.
        seed: of all that is left to chance.
        explored: whether each edge must be one of the explored space, which must be small.
        most: events that there may be, `TooMuchError` above; 0: only those of what is reached are looked at.
    """

    def __init__(
        self,
        net: Net,
        instance: Instance,
        kernel: Callable[..., Any],
        seed: int,
        *,
        explored: bool = False,
        most: int = 2_000,
    ) -> None:
        self.net, self.instance = net, instance
        self.grounder, self.live = self._grounded(most)
        self.plain = self.grounder.plain
        self.abstract = Abstraction(self.grounder)
        self.random, self.make = Random(seed), kernel
        self.build = in_python(generated(net, traced=True))
        self.said: list[tuple[Any, ...]] = []
        self.seen: set[tuple[str, str]] = set()
        self.taken: set[Event] = set()
        """Events that alone led where a call of the kernel did."""
        self.calls = 0
        self.space = _space(self.grounder) if explored else None
        self.begin()

    def _grounded(self, most: int) -> tuple[Grounder, bool]:
        """The grounded net: all of it, or what has been reached so far where it has no end or is large."""
        grounder = Grounder(self.net, self.instance, most=most, cap=3)
        try:
            grounder.relaxed()
        except TooMuchError:
            if most:
                raise
            return Grounder(self.net, self.instance, cap=3), True
        return grounder, False

    def begin(self) -> None:
        """A new run."""
        self.kernel = self._made()
        self.rows: list[Row] = []
        self.ends: dict[int, list[Any]] = {}
        self.now_ns = 0
        self.outside = [
            (name, t.token, True) if isinstance(t, Expiring) else (name, t, False)
            for name, tokens in self.instance.later.items()
            for t in tokens
        ]
        for name, tokens in self.instance.tokens.items():
            for token in tokens:
                self._inject(name, token)
        state = self.state()
        assert state == self._kept(self.plain.initial)

    def _made(self) -> Any:
        if self.make is Interpreter:
            return Interpreter(self.net, self.said.append)
        return Compiled(self.net, self.said.append, build=self.build)

    def _loaded(self, marking: Marking) -> Any:
        """A kernel that goes on from a marking, in either execution."""
        if self.random.random() < HALF:
            return Interpreter.load(self.net, marking, self.said.append)
        return Compiled.load(self.net, marking, self.said.append, build=self.build)

    def _inject(self, name: str, token: Any) -> None:
        mortal = isinstance(token, Expiring)
        place: Any = self.net.places[name]
        ends_ns = self.now_ns + HOUR_NS if mortal else None
        self.kernel.inject(
            place, token.token if mortal else token, self.now_ns, expires_at_ns=ends_ns
        )

    def state(self) -> list[int]:
        """What the marking stands for, atom by atom."""
        self.rows += self.kernel.drain()
        marking = self.kernel.marking()
        found = self.abstract.numbers(marking, self.outside, self.rows)
        while self.live and self.grounder.live(found):
            found = self.abstract.numbers(marking, self.outside, self.rows)
        return self._kept([found.get(n, 0) for n, _ in enumerate(self.plain.atoms)])

    def _grown(self, numbers: list[int]) -> list[int]:
        """A state with the atoms that have come to be known after it."""
        return [*numbers, *self.plain.initial[len(numbers) :]]

    def _kept(self, numbers: list[int]) -> list[int]:
        """The numbers without those of what ends a proof."""
        return [
            0 if atom.name.startswith("times of") else number
            for atom, number in zip(self.plain.atoms, numbers, strict=True)
        ]

    def go(self, calls: int) -> None:
        """Make calls; a run that has ended begins anew."""
        for _ in range(calls):
            if not self._call():
                self.begin()

    def _call(self) -> bool:
        flights = self.kernel.marking().flights
        waiting = [f for f in flights if f.handed or not f.started]
        flying = [f for f in flights if f.started and f.due_ns is None]
        choices: list[Callable[[], bool]] = [self._step] * 4
        choices += [lambda: self._start(self.random.choice(waiting))] * (3 if waiting else 0)
        choices += [lambda: self._revoke(self.random.choice(waiting))] * bool(waiting)
        choices += [lambda: self._end(self.random.choice(flying))] * (3 if flying else 0)
        choices += [self._by_hand] * (2 * bool(self._manual()))
        choices += [self._come] * bool(self.outside and self.random.random() < COMES)
        choices += [self._crash] * (self.random.random() < CRASHES)
        self.calls += 1
        return self.random.choice(choices)()

    def _manual(self) -> list[Any]:
        names = [t.name for t in self.net.transitions.values() if t.manual]
        return [each for name in names for each in self.kernel.bindings(name, self.now_ns)]

    def _by_hand(self) -> bool:
        before, marking = self.state(), self.kernel.marking()
        self.said.clear()
        self._given(self.kernel.begin(self.random.choice(self._manual()), self.now_ns))
        self._follow(before, self._what(marking))
        return True

    def _step(self) -> bool:
        before, marking = self.state(), self.kernel.marking()
        self.said.clear()
        step = self.kernel.step(self.now_ns, 1)
        for firing in step.firings:
            self._given(firing)
        if self.said:
            self._follow(before, self._what(marking))
            return True
        if step.wake_ns is not None and step.wake_ns > self.now_ns:
            late = self.random.random() < LATE
            self.now_ns = step.wake_ns + (HOUR_NS if late else 0)
            return True
        if self.kernel.marking().flights:
            return True
        return bool(self.outside) and self._come()

    def _given(self, firing: Firing | None) -> None:
        """Remember how a firing's effect may end: as the instance says, whatever the grounded net does."""
        if firing is not None and firing.effect:
            ends = self.instance.outcomes[firing.effect](*firing.args)
            self.ends[firing.id] = [*ends, LOST]

    def _what(self, marking: Marking) -> tuple[str, str]:
        wanted = {"fire", "begin", "attempt"}
        done = next((event for event in self.said if event[0] in wanted), None)
        if done is None:  # a function raised, and a token was set aside
            return ("fault", "")
        kind, *rest = done
        if kind == "attempt":
            return (kind, next(f.transition for f in marking.flights if f.id == rest[1]))
        return (kind, rest[2])

    def _start(self, flying: Any) -> bool:
        before = self.state()
        starts = self.kernel.started(flying.id, self.now_ns)
        self._follow(before, ("start" if starts else "revoke", flying.transition))
        return True

    def _revoke(self, flying: Any) -> bool:
        before = self.state()
        self.kernel.revoke(flying.id)
        self._follow(before, ("revoke", flying.transition))
        return True

    def _end(self, flying: Any) -> bool:
        self._completed(flying, self.random.choice(self.ends[flying.id]))
        return True

    def _completed(self, flying: Any, outcome: Any) -> None:
        before = self.state()
        self.kernel.complete(flying.id, outcome, self.now_ns)
        again = any(each.id == flying.id for each in self.kernel.marking().flights)
        self._follow(before, ("again" if again else "end", flying.transition))

    def _come(self) -> bool:
        before = self.state()
        name, token, mortal = self.outside.pop()
        self._inject(name, Expiring(token) if mortal else token)
        self._follow(before, ("inject", name))
        return True

    def _crash(self) -> bool:
        """The process ends; another one goes on with the marking, in either execution.

        What was in flight is lost, as a store does it: what had begun may have started, whatever holds it back now.
        """
        before, marking = self.state(), self.kernel.marking()
        self.kernel = self._loaded(marking)
        assert self.state() == before
        for flying in marking.flights:
            if flying.handed:
                self._revoke(flying)
            if flying.due_ns is not None:
                continue
            if not flying.started:
                before = self.state()
                assert self.kernel.started(flying.id, self.now_ns, asked=True)
                self._follow(before, ("start", flying.transition), asked=True)
            self._completed(flying, LOST)
        self.seen.add(("crash", ""))
        self._reached()
        return True

    def _reached(self) -> None:
        """The exploration knows this state."""
        if self.space is not None:
            assert _packed(self.space, self.state()) in self.space.parents

    def _follow(self, before: list[int], what: tuple[str, str], *, asked: bool = False) -> None:
        """What was done must be an event that can happen, and that nothing urgent goes before."""
        after = self.state()
        before, after = self._grown(before), self._grown(after)
        self.seen.add(what)
        events = [e for e in self.plain.events if _is(e, what)]
        if asked:
            events = [replace(e, needs={}, absent=()) for e in events]
        whole = self._unlimited(before)
        led = [e for e in events if self._leads(e, whole, after)]
        assert led, (what, self._differences(before, after))
        if len(led) == 1 and not asked:
            self.taken.add(led[0])
        if self.space is not None and not asked:
            one, two = _packed(self.space, before), _packed(self.space, after)
            assert any(e in led and to == two for e, to in self.space.successors(one)), what
        ranks = [e.rank for e in led if e.rank is not None]
        if ranks:
            urgent = [
                e.rank
                for e in self.plain.events
                if e.urgent and e.rank is not None and happens(e, whole) is not None
            ]
            assert min(ranks) <= min(urgent, default=min(ranks)), (
                what,
                "something urgent goes first",
            )

    def _unlimited(self, numbers: list[int]) -> list[int]:
        return [
            1_000 if atom.name.startswith("times of") else number
            for atom, number in zip(self.plain.atoms, numbers, strict=True)
        ]

    def _leads(self, event: Event, before: list[int], after: list[int]) -> bool:
        found = happens(event, self._grown(before))
        return found is not None and self._kept(found) == after

    def _differences(self, before: list[int], after: list[int]) -> list[Any]:
        return [
            (atom, one, two)
            for atom, one, two in zip(self.plain.atoms, before, after, strict=True)
            if one != two
        ]


def _space(grounder: Grounder) -> Space:
    """Everything that can be reached."""
    space = Explorer(grounder.plain).run()
    assert space.whole
    return space


def _packed(space: Space, numbers: list[int]) -> int:
    """A state as the exploration has it: without what decides nothing."""
    return sum(numbers[atom] << shift for atom, shift in space.layout.shifts.items())


def _is(event: Event, what: tuple[str, str]) -> bool:
    if what[0] == "fault":
        return is_fault(event)
    return (event.kind, event.name) == what
