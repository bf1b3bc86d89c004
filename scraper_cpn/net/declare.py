"""The net as its author writes it: `Net` and its transitions.

Owns: the declaration, as data. Nothing here runs a net; `check.py` judges a declaration,
`interpret.py` and `compile.py` execute it.
Must not know: effects' implementations, clocks, randomness, I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, TypeVar, get_args

from scraper_cpn.net.arcs import Arc, Call, Effect, On, Output
from scraper_cpn.net.places import AnyPlace, Counter, KeySet, Place, Share, Sink

T = TypeVar("T")
P = TypeVar("P", Place[Any], Sink[Any], Counter, KeySet[Any])


@dataclass(frozen=True, eq=False)
class Transition:
    """A transition. Made by `Net.transition`."""

    name: str
    arcs: tuple[Arc, ...]
    outcomes: tuple[On, ...]
    effect: Call | None = None
    choice: Call | None = None
    scan: Call | None = None
    priority: int = 0
    during: Place[Any] | None = None
    deadline_ns: int | None = None

    def __repr__(self) -> str:
        return f"<transition {self.name}>"

    @property
    def instant(self) -> bool:
        """Whether it fires in one go, without an effect."""
        return self.effect is None


class Done:
    """The outcome of a transition that has neither effect nor choice."""


@dataclass(eq=False)
class Net:
    """A net under construction. `checked()` of `check.py` says whether it can work.

    Args:
        name: for error messages and drawings.
    """

    name: str
    places: dict[str, AnyPlace] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    transitions: dict[str, Transition] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<net {self.name}: {len(self.places)} places, {len(self.transitions)} transitions>"

    def place(
        self,
        name: str,
        colour: type[T],
        *,
        key: str | tuple[str, ...] = (),
        order: str | tuple[str, ...] = (),
        capacity: int | None = None,
        timed: bool = False,
        expires: bool = False,
        source: bool = False,
        work: bool = False,
        budget: bool = False,
        share: Share | None = None,
        paged: bool = False,
    ) -> Place[T]:
        """Declare a place of tokens of type *colour*.

        Args:
            name: unique in the net, transitions included.
            colour: the type of its tokens: a frozen record.
            key: fields of the colour. Inputs of a transition whose places have a key of the same
                name are joined on it.
            order: integer fields of the colour, the lowest first; then the oldest token. Without
                it, the oldest.
            capacity: tokens it may hold, slots that are reserved for running firings included.
            timed: tokens may be put there that are ready only later.
            expires: tokens may have an end, after which only `expired(place)` sees them.
            source: `inject` may fill it.
            work: a token here is work left to do.
            budget: without a token here, the run is spent.
            share: how it would be divided over partitions; by default by its key, if it has one.
            paged: a kernel need not have all its tokens in memory. It means nothing else, and asks for
                one key, on which all that take from it join, at most two order fields, and no times.
        """
        keys = _names(key)
        return self._add(
            Place(
                self.name, name, colour, keys, _names(order), capacity, timed, expires, source, work,
                budget, share or ("keyed" if keys else "constant"), paged,
            )
        )  # fmt: skip

    def sink(self, name: str, colour: type[T]) -> Sink[T]:
        """Declare a place whose tokens leave as rows."""
        return self._add(Sink(self.name, name, colour, share="channel"))

    def counter(
        self,
        name: str,
        *,
        start: int | Callable[[Any], int],
        key: str | tuple[str, ...] = (),
        budget: bool = False,
        share: Share | None = None,
    ) -> Counter:
        """Declare a number of nameless tokens, or one number per *key*, first *start* (of the key)."""
        keys = _names(key)
        chosen = share or ("keyed" if keys else "credit")
        return self._add(Counter(self.name, name, keys, start, budget, chosen))

    def set(
        self, name: str, colour: type[T], *, key: str | tuple[str, ...], paged: bool = False
    ) -> KeySet[T]:
        """Declare a set of the keys of *colour* that `put_new` has seen.

        A *paged* one has one key, a string, and a kernel that is given a shelf keeps fingerprints.
        """
        return self._add(KeySet(self.name, name, colour, _names(key), paged=paged))

    def effect(self, name: str, outcomes: type[Any] | UnionType) -> Effect:
        """Name an effect and the types that it may end in; `Lost` is understood."""
        types = get_args(outcomes) or (outcomes,)
        if name in self.effects:
            self.problems.append(
                f"net {self.name}, effect {name}: the name is taken; choose another"
            )
        self.effects[name] = Effect(self.name, name, types)
        return self.effects[name]

    def transition(
        self,
        name: str,
        take: Sequence[Arc | Place[Any] | Counter],
        *,
        effect: Call | None = None,
        choice: Call | None = None,
        outcomes: Sequence[On] = (),
        outputs: Sequence[Output] = (),
        scan: Call | None = None,
        priority: int = 0,
        during: Place[Any] | None = None,
        deadline_ns: int | None = None,
    ) -> Transition:
        """Declare a transition: with an effect, with a choice, or with plain outputs.

        Args:
            name: unique in the net, places included.
            take: the inputs. Bindings are tried in the order of these, each by its place's order.
            effect: the work, and the tokens that it is given.
            choice: a pure function that picks the outcome.
            outcomes: for an effect or a choice, every outcome.
            outputs: for a transition with neither.
            scan: a guard over several tokens, tried on every combination of tokens that join.
                Cost: their number. Prefer a key or a choice.
            priority: lower goes first; then the order of declaration.
            during: a place that shows the first input for as long as the firing lasts.
            deadline_ns: the effect is `Lost` this long after its start.
        """
        arcs = tuple(arc if isinstance(arc, Arc) else Arc("take", arc) for arc in take)
        plain = effect is None and choice is None
        ons = (On(Done, tuple(outputs)),) if plain else tuple(outcomes)
        if outcomes if plain else outputs:
            self.problems.append(
                f"net {self.name}, transition {name}: has {'outcomes' if plain else 'outputs'}; "
                "give outcomes to an effect or a choice, outputs to a plain transition"
            )
        made = Transition(name, arcs, ons, effect, choice, scan, priority, during, deadline_ns)
        if name in self.transitions or name in self.places:
            self.problems.append(
                f"net {self.name}, transition {name}: the name is taken; choose another"
            )
        self.transitions[name] = made
        return made

    def _add(self, place: P) -> P:
        if place.name in self.places or place.name in self.transitions:
            self.problems.append(
                f"net {self.name}, place {place.name}: the name is taken; choose another"
            )
        self.places[place.name] = place
        return place


def _names(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names
