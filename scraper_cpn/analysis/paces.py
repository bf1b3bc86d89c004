"""A run of the real kernel in which two starts that spend the same token come too close.

Owns: `too_close`.
Must not know: why the pause is too short.

The declaration says which pause is too short, but not which run shows it. Runs at random do, as every start that follows
soon enough is one: the kernel goes on until it has to wait, and time passes only then.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from random import Random
from typing import Any, NamedTuple

from scraper_cpn.analysis import story
from scraper_cpn.analysis.abstraction import Abstraction
from scraper_cpn.analysis.ground import Grounder
from scraper_cpn.analysis.plain import Event
from scraper_cpn.analysis.replay import Call, begun
from scraper_cpn.net.marking import Flying

RUNS = 20
CALLS = 60
"""Of one run, at most."""
SECOND_NS = 1_000_000_000


class Example(NamedTuple):
    """A counterexample: lines for people, and the calls of a kernel."""

    story: tuple[str, ...]
    calls: tuple[Call, ...]


def too_close(
    grounder: Grounder, place: str, transitions: Sequence[str], at_least: Callable[[Any], int]
) -> Example | None:
    """Two starts of *transitions* that spend a token of *place* with the same key; None if no run shows such."""
    for seed in range(RUNS):
        found = _Run(grounder, place, transitions, at_least, Random(seed)).example()
        if found is not None:
            return found
    return None


class _Run:
    """One run."""

    def __init__(
        self, grounder: Grounder, place: str, transitions: Sequence[str], at_least: Callable[[Any], int], random: Random,
    ) -> None:  # fmt: skip
        self._grounder, self._net, self._plain = grounder, grounder.net, grounder.plain
        self._place, self._names, self._at_least = place, transitions, at_least
        self._random, self._now_ns = random, 0
        self._abstract = Abstraction(grounder)
        self._kernel, self._calls = begun(grounder)
        self._lines: list[str] = []
        self._starts: dict[Hashable, tuple[int, int]] = {}
        """When a token was spent last, and the pause that it asked for then."""

    def example(self) -> Example | None:
        """The run up to the second start, if one comes too soon."""
        for _ in range(CALLS):
            flights = self._kernel.marking().flights
            ready = [each for each in flights if not each.started and each.attempt == 1]
            running = [each for each in flights if each.started and each.due_ns is None]
            if ready and self._random.random() < 0.8:
                if self._started(self._random.choice(ready)):
                    return Example(tuple(self._lines), tuple(self._calls))
            elif running and self._random.random() < 0.3:
                self._ended(self._random.choice(running))
            elif not self._stepped() and not running:
                return None
        return None

    def _stepped(self) -> bool:
        """Let the kernel decide once, now or when something is ready."""
        before = len(self._kernel.marking().flights)
        step = self._kernel.step(self._now_ns, 1)
        self._calls.append(("step", self._now_ns, 1))
        for flying in self._kernel.marking().flights[before:]:
            self._tell("begin", flying, None)
        if not step.firings and step.wake_ns is not None:
            self._now_ns = step.wake_ns
            return True
        return bool(step.firings)

    def _started(self, flying: Flying) -> bool:
        """Start an effect; says whether its token was spent too short a time ago."""
        allowed = self._kernel.started(flying.id, self._now_ns)
        self._calls.append(("started", flying.id, self._now_ns))
        self._tell("start" if allowed else "revoke", flying, None)
        if not allowed or flying.transition not in self._names:
            return False
        arcs = self._net.transitions[flying.transition].arcs
        at = next((n for n, arc in enumerate(arcs) if arc.place.name == self._place), None)
        if at is None:
            return False
        token, keys = flying.inputs[at].colour, arcs[at].place.keys
        key = tuple(getattr(token, name) for name in keys)
        last_ns, least_ns = self._starts.get(key, (0, 0))
        known = key in self._starts
        self._starts[key] = (self._now_ns, self._at_least(token))
        return known and self._now_ns - last_ns < least_ns

    def _ended(self, flying: Flying) -> None:
        atom = self._plain.index.get(self._abstract.flight(flying))
        ends = [e for e in self._plain.events if e.kind in {"end", "again"} and atom in e.needs]
        if not ends:
            return
        event = self._random.choice(ends)
        self._tell("end", flying, event)
        self._kernel.complete(flying.id, event.outcome, self._now_ns)
        self._calls.append(("complete", flying.id, event.outcome, self._now_ns))

    def _tell(self, kind: Any, flying: Flying, event: Event | None) -> None:
        """A line for what happens to a firing, with its time."""
        bound = self._abstract.bound(flying)
        event = event or Event(kind, flying.transition, {}, {}, bound=bound)
        line = story.describe_event(self._net, self._plain, event)
        self._lines.append(f"{len(self._lines) + 1}. {line}, at {self._now_ns / SECOND_NS:g} s")
