"""The records of the interpreter: a token in its place, a binding, a firing in flight, a deposit.

Owns: these records. They hold what was worked out once, when a token was deposited.
Must not know: how bindings are found, what a firing does.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scraper_cpn.net import plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.declare import Transition
from scraper_cpn.net.marking import Flying, Standing
from scraper_cpn.net.places import Counter, KeySet, Place


@dataclass(frozen=True)
class InterpretedToken:
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

    @property
    def sort_key(self) -> tuple[tuple[int, ...], int]:
        """Its position in its place."""
        return (self.order, self.serial)

    def expired(self, now_ns: int) -> bool:
        """Whether its time has passed."""
        return self.expires_at_ns is not None and self.expires_at_ns <= now_ns

    def passes_guard(self, arc: Arc) -> bool:
        """Whether the guard of *arc*, if it has one, is true of it."""
        return arc.when is None or arc.when in self.passes

    def visible_to(self, arc: Arc, now_ns: int) -> bool:
        """Whether *arc* may bind it at *now_ns*."""
        if arc.kind == "expired":
            return self.expired(now_ns)
        ready = arc.include_waiting or self.ready_at_ns <= now_ns
        return ready and not self.expired(now_ns) and self.passes_guard(arc)

    def standing(self) -> Standing:
        """The token as it is saved."""
        return Standing(
            self.place.name, self.serial, self.colour, self.ready_at_ns, self.expires_at_ns
        )


def tokens_in(arc: Arc, bound: Any) -> tuple[InterpretedToken, ...]:
    """The tokens in what an arc has bound."""
    return plan.tokens_of(bound) if arc.binds else ()


@dataclass(frozen=True)
class InterpretedBinding:
    """What a firing would take: per arc a token or a tuple of them, the key of a number or absence, or None."""

    transition: Transition
    inputs: tuple[Any, ...]

    @property
    def serials(self) -> tuple[Any, ...]:
        """The bound tokens' serials, a tuple where an arc binds several, -1 where it binds none."""
        found: list[Any] = []
        for arc, bound in zip(self.transition.arcs, self.inputs, strict=True):
            serials = tuple(token.serial for token in tokens_in(arc, bound))
            found.append(serials if arc.many else serials[0] if serials else -1)
        return tuple(found)

    def saved(self) -> tuple[Any, ...]:
        """The tokens or keys that each arc has bound, in the form of a marking."""
        return tuple(
            tuple(token.standing() for token in bound) if arc.many
            else bound.standing() if arc.binds
            else bound
            for arc, bound in zip(self.transition.arcs, self.inputs, strict=True)
        )  # fmt: skip

    def pairs(self, *kinds: str) -> Iterator[tuple[Arc, Any]]:
        """The arcs of these kinds, each with what it bound."""
        for arc, bound in zip(self.transition.arcs, self.inputs, strict=True):
            if arc.kind in kinds:
                yield arc, bound

    def tokens(self, *kinds: str) -> list[InterpretedToken]:
        """The tokens that arcs of these kinds have bound, in the order of the arcs."""
        pairs = self.pairs(*kinds)
        return [token for arc, bound in pairs for token in tokens_in(arc, bound)]

    def taken(self) -> list[InterpretedToken]:
        """The tokens that the firing takes for good, in the order of its arcs."""
        return self.tokens("take", "expired")

    def value(self, arc: int) -> Any:
        """What a function is given of what an arc has bound."""
        return plan.value_of(self.transition.arcs[arc], self.inputs[arc])

    def values(self, sources: Sequence[Any]) -> tuple[Any, ...]:
        """What a function is given of its sources."""
        arcs = [plan.source_at(self.transition, source) for source in sources]
        return tuple(self.value(arc) for arc in arcs if arc is not None)


@dataclass
class InterpretedFlight:
    """A firing whose effect has not ended."""

    id: int
    binding: InterpretedBinding
    began_ns: int
    started: bool = False
    shown: int | None = None
    """The serial of its token in the first of the transition's `during` places."""
    attempt: int = 1
    due_ns: int | None = None
    handed: bool = False

    @property
    def running(self) -> bool:
        """Whether its effect is under way."""
        return self.started and self.due_ns is None

    def flying(self) -> Flying:
        """The firing as it is saved."""
        name = self.binding.transition.name
        return Flying(
            self.id, name, self.binding.saved(), self.started, self.began_ns, self.shown,
            self.attempt, self.due_ns, self.handed,
        )  # fmt: skip


@dataclass(frozen=True)
class Deposit:
    """A token that is about to be put."""

    place: Place[Any] | Counter | KeySet[Any]
    """A set forgets the key of the colour."""
    colour: Any
    """Of a counter: key and number."""
    ready_at_ns: int = 0
    expires_at_ns: int | None = None
    seen: KeySet[Any] | None = None
