"""A kernel that is led at random, and whether the grounded net can do what it does.

Owns: `Follower`. Each call of the kernel must be an event of the grounded net that leads from the state that
the marking stood for to the one that it stands for now.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from scraper_cpn.analysis.abstraction import Abstraction
from scraper_cpn.analysis.ground import Grounder
from scraper_cpn.analysis.instance import Expiring, Instance
from scraper_cpn.analysis.plain import Event, happens, is_fault
from scraper_cpn.net import Marking, Net

HOUR_NS = 3_600_000_000_000


class Follower:
    """Leads a kernel of a net for an instance, and follows it in the grounded net."""

    def __init__(self, net: Net, instance: Instance, kernel: Callable[..., Any], seed: int) -> None:
        self.net, self.instance = net, instance
        self.grounder = Grounder(net, instance, most=2_000, cap=3)
        self.plain = self.grounder.relaxed()
        self.abstract = Abstraction(self.grounder)
        self.random, self.make = Random(seed), kernel
        self.said: list[tuple[Any, ...]] = []
        self.seen: set[tuple[str, str]] = set()
        self.calls = 0
        self.begin()

    def begin(self) -> None:
        """A new run."""
        self.kernel = self.make(self.net, self.said.append)
        self.now_ns = 0
        self.outside = [
            (name, t.token, True) if isinstance(t, Expiring) else (name, t, False)
            for name, tokens in self.instance.later.items()
            for t in tokens
        ]
        for name, tokens in self.instance.tokens.items():
            for token in tokens:
                self._inject(name, token)
        initial = [self.plain.initial[n] for n, _ in enumerate(self.plain.atoms)]
        assert self.state() == self._kept(initial)

    def _inject(self, name: str, token: Any) -> None:
        mortal = isinstance(token, Expiring)
        place: Any = self.net.places[name]
        ends_ns = self.now_ns + HOUR_NS if mortal else None
        self.kernel.inject(
            place, token.token if mortal else token, self.now_ns, expires_at_ns=ends_ns
        )

    def state(self) -> list[int]:
        """What the marking stands for, atom by atom."""
        found = self.abstract.numbers(self.kernel.marking(), self.outside)
        return self._kept([found.get(n, 0) for n, _ in enumerate(self.plain.atoms)])

    def _kept(self, numbers: list[int]) -> list[int]:
        """The numbers without those of rows, which a marking does not have, and of what ends a proof."""
        return [
            0 if atom.kind in {"row", "fault"} or atom.name.startswith("times of") else number
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
        choices += [self._come] * bool(self.outside and self.random.random() < 0.05)
        self.calls += 1
        return self.random.choice(choices)()

    def _manual(self) -> list[Any]:
        names = [t.name for t in self.net.transitions.values() if t.manual]
        return [each for name in names for each in self.kernel.bindings(name, self.now_ns)]

    def _by_hand(self) -> bool:
        before, marking = self.state(), self.kernel.marking()
        self.said.clear()
        self.kernel.begin(self.random.choice(self._manual()), self.now_ns)
        self._follow(before, self._what(marking))
        return True

    def _step(self) -> bool:
        before, marking = self.state(), self.kernel.marking()
        self.said.clear()
        step = self.kernel.step(self.now_ns, 1)
        if self.said:
            self._follow(before, self._what(marking))
            return True
        if step.wake_ns is not None and step.wake_ns > self.now_ns:
            late = self.random.random() < 0.1
            self.now_ns = step.wake_ns + (HOUR_NS if late else 0)
            return True
        return bool(self.kernel.marking().flights) or bool(self.outside)

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
        before = self.state()
        atom = self.plain.index[self.abstract.flight(flying)]
        events = [e for e in self.plain.events if e.kind in {"end", "again"} and atom in e.needs]
        event = self.random.choice(events)
        self.kernel.complete(flying.id, event.outcome, self.now_ns)
        self._follow(before, (event.kind, flying.transition))
        return True

    def _come(self) -> bool:
        before = self.state()
        name, token, mortal = self.outside.pop()
        self._inject(name, Expiring(token) if mortal else token)
        self._follow(before, ("inject", name))
        return True

    def _follow(self, before: list[int], what: tuple[str, str]) -> None:
        """What was done must be an event that can happen, and that nothing urgent goes before."""
        after = self.state()
        self.seen.add(what)
        events = [e for e in self.plain.events if _is(e, what)]
        whole = self._unlimited(before)
        led = [e for e in events if self._leads(e, whole, after)]
        assert led, (what, self._differences(before, after))
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
        found = happens(event, before)
        return found is not None and self._kept(found) == after

    def _differences(self, before: list[int], after: list[int]) -> list[Any]:
        return [
            (atom, one, two)
            for atom, one, two in zip(self.plain.atoms, before, after, strict=True)
            if one != two
        ]


def _is(event: Event, what: tuple[str, str]) -> bool:
    if what[0] == "fault":
        return is_fault(event)
    return (event.kind, event.name) == what
