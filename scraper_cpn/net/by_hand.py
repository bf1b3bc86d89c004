"""Manual transitions: what they could take, and firing one of these bindings.

Owns: the calls `bindings`, `begin` and `try_begin` of both executions, and the references to bindings that they
hand out. A reference is data: it may be kept, shown to people, and begun after the kernel was loaded again.
Must not know: how an execution keeps its tokens, or finds bindings.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from itertools import islice
from typing import Any

from scraper_cpn.net import plan, refusal
from scraper_cpn.net.declare import Net, Transition
from scraper_cpn.net.errors import Stale
from scraper_cpn.net.marking import Binding, Firing, one_key
from scraper_cpn.net.places import Place


class ByHand(ABC):
    """The calls for manual transitions; an execution says how it finds and fires bindings."""

    net: Net

    def bindings(
        self, transition: str, now_ns: int, *, limit: int | None = None
    ) -> tuple[Binding, ...]:
        """What a manual transition could take at *now_ns*, in order; of many, the first *limit*."""
        which = refusal.manual(self.net, transition)
        self._pass_to(now_ns)
        found = _numbered(which, self._listed(which, now_ns))
        return tuple(islice(found, limit))

    def begin(self, binding: Binding, now_ns: int) -> Firing:
        """Fire a binding; `Stale` if it no longer holds."""
        which = refusal.manual(self.net, binding.transition)
        self._refuse_past(now_ns)
        found = self._found(which, binding, now_ns)
        if found is None:
            raise Stale(_stale(self.net, binding))
        self._pass_to(now_ns)
        return self._fire_one(which, found, now_ns)

    def try_begin(self, binding: Binding, now_ns: int) -> Firing | None:
        """Fire a binding; None if it no longer holds."""
        try:
            return self.begin(binding, now_ns)
        except Stale:
            return None

    def next_by_hand(self, transitions: Iterable[str], now_ns: int) -> int | None:
        """When, after *now_ns*, time alone may give some manual transitions another binding; None if never.

        Cost: O(tokens of their timed places).
        """
        manual = [refusal.manual(self.net, name) for name in transitions]
        places = dict.fromkeys(arc.place for each in manual for arc in each.arcs if arc.binds)
        times = [
            ready
            for place in places
            if isinstance(place, Place) and place.timed
            for ready in self._ready_times(place)
        ]
        return min((ready for ready in times if ready > now_ns), default=None)

    @abstractmethod
    def _ready_times(self, place: Place[Any]) -> Iterable[int]:
        """When each token of a place is ready, or was."""

    @abstractmethod
    def _listed(self, transition: Transition, now_ns: int) -> Iterator[tuple[Any, ...]]:
        """The inputs of each binding, in order, as a marking has them."""

    @abstractmethod
    def _found(self, transition: Transition, binding: Binding, now_ns: int) -> Any:
        """What the execution has for a binding; None if it is stale."""

    @abstractmethod
    def _fire_one(self, transition: Transition, found: Any, now_ns: int) -> Firing:
        """Fire what `_found` gave."""

    @abstractmethod
    def _pass_to(self, now_ns: int) -> None:
        """Let time pass."""

    @abstractmethod
    def _refuse_past(self, now_ns: int) -> None:
        """Refuse a time that lies before the kernel's."""


def done_at_once(transition: Transition, firing_id: int) -> Firing:
    """The result of `begin` for a transition without an effect: there is nothing to start."""
    return Firing(firing_id, transition.name, "", (), None)


def _numbered(transition: Transition, found: Iterable[tuple[Any, ...]]) -> Iterator[Binding]:
    seen: Counter[Hashable] = Counter()
    names = plan.arc_keys(transition)
    for inputs in found:
        key = _key(transition, names, inputs)
        yield Binding(transition.name, key, seen[key], inputs)
        seen[key] += 1


def _key(transition: Transition, keys: list[tuple[str, ...]], inputs: tuple[Any, ...]) -> Hashable:
    """The values of the keys that a binding's inputs join on; some token tells each of them."""
    values: dict[str, Hashable] = {}
    for arc, names, bound in zip(transition.arcs, keys, inputs, strict=True):
        for token in plan.tokens_of(bound)[:1] if arc.binds else ():
            values.update({name: getattr(token.colour, name) for name in names})
    return one_key(values.values())


def _stale(net: Net, binding: Binding) -> str:
    tokens = ", ".join(f"{token.place} {token.serial}" for token in binding.tokens)
    return (
        f"net {net.name}, transition {binding.transition}: its binding of {tokens or 'no token'} is stale, for "
        "a token, number, absence or slot that it needs is gone; list its bindings again"
    )
