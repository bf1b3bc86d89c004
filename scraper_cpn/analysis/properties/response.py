"""Response: an event is always followed by another one. This is the liveness of finite runs.

Owns: `leads_to`, and the search for a path without the response.
Must not know: how a net is explored, or a way replayed.

Wherever *cause* is true, *effect* must come on every way. Ways are those of the explored states, which has more of them than
the net, so that what always comes there always comes. A way also ends where nothing can happen but what others decide: a
token from outside may never come, and nobody has to fire a manual transition. Of fairness, only this is assumed: no firing is
revoked for ever. Any other way that goes round and round without the answer is open, not proved.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from scraper_cpn.analysis.plain import Event, PlainNet
from scraper_cpn.analysis.properties.base import Property
from scraper_cpn.analysis.properties.states import StateView, StateWatch
from scraper_cpn.net import Net

Says = Callable[[StateView], bool]


class Explored(Protocol):
    """The states of a net."""

    parents: Mapping[int, int | None]
    successors: Callable[[int], Iterator[tuple[Event, int]]]

    def numbers(self, state: int) -> dict[int, int]:
        """How many there are of each atom in a state."""

    def path(self, state: int) -> list[tuple[Event, int]]:
        """The events that lead to a state."""

    def steps(self, states: Sequence[int]) -> list[tuple[Event, int]]:
        """The events between states that follow each other."""


@dataclass(frozen=True)
class Escape:
    """A way on which the answer never comes.

    Attributes:
        path: from the first state on.
        circular: whether it ends in a circle; otherwise it ends where nothing has to happen.
    """

    path: list[tuple[Event, int]]
    circular: bool


@dataclass(frozen=True, eq=False)
class LeadsTo(Property):
    """See `leads_to`."""

    cause: Says
    effect: Says
    claim: str = ""

    def monitor(self, net: Net, plain: PlainNet) -> ResponseWatch:
        return ResponseWatch(self, net, plain)


class ResponseWatch(StateWatch):
    """Watches over a `LeadsTo`: when all was explored, `escape` has the verdict."""

    def __init__(self, asked: LeadsTo, net: Net, plain: PlainNet) -> None:
        super().__init__(net, plain)
        self._asked = asked
        self.replaying = False
        """Whether a way with the cause is followed, so that it must not end without the effect."""
        self.vacuous = f"{name_of(asked.cause)} is never true"

    def bad(self, numbers: dict[int, int]) -> bool:
        """No state is bad alone; this finds out which places the functions look at."""
        self.says(self._asked.cause, numbers)
        self.says(self._asked.effect, numbers)
        return False

    def alike(self, plain: PlainNet, one: int, other: int) -> bool:
        """It follows whole ways, event by event."""
        return False

    def rested(self, plain: PlainNet) -> Sequence[int]:
        return self.seen(plain)

    def bad_rest(self, numbers: dict[int, int]) -> bool:
        """Whether a way that ends here ends without the answer; for a replay, which has seen the cause."""
        return self.replaying and not self.says(self._asked.effect, numbers)

    def escape(self, space: Explored) -> Escape | None:
        """A way from a cause on which the effect never comes; None if it always comes."""
        seen = set(self.seen(self._plain))
        known: dict[tuple[tuple[int, int], ...], tuple[bool, bool]] = {}

        def judged(state: int) -> tuple[bool, bool]:
            numbers = {a: n for a, n in space.numbers(state).items() if a in seen}
            key = tuple(numbers.items())
            if key not in known:
                cause, effect = self._asked.cause, self._asked.effect
                known[key] = self.says(cause, numbers), self.says(effect, numbers)
            return known[key]

        causes = []
        for state in space.parents:
            cause, effect = judged(state)
            self.exercised = self.exercised or cause
            if cause and not effect:
                causes.append(state)
        search = _Search(lambda state: judged(state)[1], space.successors, self._has_to_come)
        found = search.dead_end(causes) or search.circle()
        if found is None:
            return None
        return Escape([*space.path(found[0]), *space.steps(found)], circular=search.circular)

    def _has_to_come(self, event: Event) -> bool:
        """Whether an event comes at last if no other one does. A token that has an end can expire at any rate."""
        if event.kind in {"fire", "begin"}:
            return not self._net.transitions[event.name].manual
        return event.kind != "inject"


class _Search:
    """Looks for ways on which the answer never comes.

    Args:
        has: whether a state is the answer.
        successors: the events of a state, with the states after them.
        has_to_come: whether an event comes at last if no other one does.
    """

    def __init__(
        self,
        has: Callable[[int], bool],
        successors: Callable[[int], Iterator[tuple[Event, int]]],
        has_to_come: Callable[[Event], bool],
    ) -> None:
        self._has, self._successors, self._has_to_come = has, successors, has_to_come
        self._before: dict[int, int | None] = {}
        """The states without the answer that were reached, each with the one before it on its way."""
        self._onward: dict[int, list[int]] = {}
        """Where such a state leads, except by revoking a firing: no way does that for ever."""
        self.circular = False

    def dead_end(self, starts: Iterable[int]) -> list[int] | None:
        """The states from one of *starts* to one in which nothing has to happen, all without the answer."""
        self._before.update(dict.fromkeys(starts))
        todo = deque(self._before)
        while todo:  # breadth first: a short way is easier to read, and to replay
            state = todo.popleft()
            after = list(self._successors(state))
            if not any(self._has_to_come(event) for event, _ in after):
                return self._way(state)
            lacking = [(event, each) for event, each in after if not self._has(each)]
            self._onward[state] = [each for event, each in lacking if event.kind != "revoke"]
            for _, each in lacking:
                if each not in self._before:
                    self._before[each] = state
                    todo.append(each)
        return None

    def circle(self) -> list[int] | None:
        """The states up to a circle without the answer, and round it once; after `dead_end`."""
        good: set[int] = set()
        for start in self._before:
            way, on_way = [start], {start}
            todo = [iter(self._onward[start] if start not in good else ())]
            while todo:
                after = next(todo[-1], None)
                if after is None:
                    good.add(way[-1])
                    on_way.discard(way.pop())
                    todo.pop()
                elif after in on_way:
                    self.circular = True
                    return [*self._way(start)[:-1], *way, after]
                elif after not in good:
                    way.append(after)
                    on_way.add(after)
                    todo.append(iter(self._onward[after]))
        return None

    def _way(self, state: int) -> list[int]:
        way = [state]
        while (before := self._before[way[-1]]) is not None:
            way.append(before)
        return way[::-1]


def name_of(says: Says) -> str:
    """What a function is called in a claim."""
    return getattr(says, "__name__", "it").replace("_", " ")


def leads_to(cause: Says, effect: Says, *, claim: str = "") -> Property:
    """Wherever *cause* is true of a state, *effect* is true of it, or of a later one on every way.

    Args:
        cause: a function of the state, which may look at places, numbers and firings.
        effect: likewise.
        claim: what the report says; by default the names of the functions.

    Tokens may never come from outside, and nobody has to fire a manual transition. Of fairness, only this is assumed: no
    firing is revoked for ever. What may go round otherwise, without the effect, is
    `not proved`.
    """
    return LeadsTo(cause, effect, claim or f"{name_of(cause)} leads to {name_of(effect)}")
