"""Sums of tokens: what is conserved, what has an upper bound, what a budget pays for.

Owns: `conserved`, `at_most`, `costs`.
Must not know: how a net is explored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from scraper_cpn.analysis.plain import PlainNet
from scraper_cpn.analysis.properties.base import (
    By,
    Property,
    Watch,
    key_of,
    names_problems,
    transition_problems,
)
from scraper_cpn.net import Counter, KeySet, Net, Place, plan

Weights: TypeAlias = dict[Hashable, dict[int, int]]
"""For each key, how much an atom counts."""


def in_hands(net: Net, plain: PlainNet, number: int) -> Iterator[tuple[str, Any]]:
    """The places and tokens (of a counter: keys) that a firing in flight has in its hands."""
    atom = plain.atoms[number]
    transition = net.transitions[atom.name]
    bound: Any = atom.value
    for arc, value in zip(transition.arcs, bound, strict=True):
        if arc.is_held(started=bool(atom.mark)):
            if isinstance(arc.place, Counter):
                yield from [(arc.place.name, value)] * (plan.amount(arc, value) or 0)
            elif arc.binds:
                yield from (
                    (arc.place.name, plain.atoms[each].value) for each in plan.tokens_of(value)
                )


def weights(
    net: Net,
    plain: PlainNet,
    places: Sequence[str],
    minus: Sequence[str],
    by: By,
    rows: By = None,
) -> Weights:
    """How much each atom counts for each key: tokens, keys and numbers of places, and firings that have them."""
    found: Weights = defaultdict(lambda: defaultdict(int))
    counters = {name for name in (*places, *minus) if isinstance(net.places[name], Counter)}
    for number, atom in enumerate(plain.atoms):
        sign = (atom.name in places) - (atom.name in minus)
        if atom.kind in {"token", "row"} and sign:
            key = key_of(rows or by if atom.kind == "row" else by, atom.value)
            if key is not None:
                found[key][number] += sign
        elif atom.kind in {"number", "key"} and sign:
            key = True if by is None else atom.value
            found[key][number] += sign
        elif atom.kind == "flight":
            for place, value in in_hands(net, plain, number):
                sign = (place in places) - (place in minus)
                key = (True if by is None else value) if place in counters else key_of(by, value)
                if sign and key is not None:
                    found[key][number] += sign
    return {key: dict(each) for key, each in found.items()}


class _Sums(Watch):
    """Watches sums of numbers of atoms."""

    def __init__(self, make: Callable[[], Weights], right: Callable[[Hashable, int], bool]) -> None:
        self._make, self._right = make, right
        self._weights: Weights = {}
        self._atoms = 0
        """How many atoms there were when the weights were made."""

    def observed(self, plain: PlainNet) -> Iterable[int]:
        return self.seen(plain)

    def seen(self, plain: PlainNet) -> Sequence[int]:
        if self._atoms != len(plain.atoms):
            self._weights, self._atoms = self._make(), len(plain.atoms)
        return sorted({atom for each in self._weights.values() for atom in each})

    def alike(self, plain: PlainNet, one: int, other: int) -> bool:
        self.seen(plain)
        return all(each.get(one, 0) == each.get(other, 0) for each in self._weights.values())

    def bad(self, numbers: dict[int, int]) -> bool:
        for key, each in self._weights.items():
            total = sum(weight * numbers.get(atom, 0) for atom, weight in each.items())
            self.exercised = self.exercised or bool(total)
            if not self._right(key, total):
                return True
        return False


@dataclass(frozen=True, eq=False)
class Conserved(Property):
    """See `conserved`."""

    places: tuple[str, ...]
    minus: tuple[str, ...] = ()
    by: By = None
    rows: By = None
    claim: str = ""
    invariant = True

    def problems(self, net: Net) -> Iterator[str]:
        return names_problems(net, (*self.places, *self.minus), (Place, Counter, KeySet), "place")

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        def make() -> Weights:
            return weights(net, plain, self.places, self.minus, self.by, self.rows)

        return _Conserved(make, plain)


class _Conserved(_Sums):
    vacuous = "there is never anything to conserve"

    def __init__(self, make: Callable[[], Weights], plain: PlainNet) -> None:
        def right(key: Hashable, total: int) -> bool:
            each = self._weights[key]
            return total == sum(weight * plain.initial[atom] for atom, weight in each.items())

        super().__init__(make, right)
        self._plain = plain

    def bad(self, numbers: dict[int, int]) -> bool:
        self.exercised = self.exercised or bool(numbers)
        return super().bad(numbers)

    def holds_always(self) -> bool:
        """Whether no event changes a sum: an invariant, which needs no states."""
        self.seen(self._plain)
        for each in self._weights.values():
            for event in self._plain.events:
                for change in (event.change, *(new_change(new) for new in event.news)):
                    if sum(each.get(atom, 0) * number for atom, number in change.items()):
                        return False
        self.exercised = bool(self._weights)
        return True


def new_change(new: Any) -> dict[int, int]:
    """What a `New` changes where it happens, its key included."""
    return {**new.change, new.key: -1 if new.forgets else 1}


def conserved(
    *places: str,
    minus: str | Sequence[str] = (),
    by: By = None,
    rows: By = None,
    claim: str = "",
) -> Property:
    """The number of tokens in *places*, or in the hands of firings that took them there, never changes.

    With *by*, separately for each key. What is in *minus* (a set, say) counts against it: `conserved("a",
    "b", minus="seen", by="url")` says that each URL in `seen` has exactly one token in a or b. *rows* tells rows of sinks apart,
    where that is not as *by* does.
    """
    against = (minus,) if isinstance(minus, str) else tuple(minus)
    return Conserved(places, against, by, rows, claim or f"conserved: {' + '.join(places)}")


@dataclass(frozen=True, eq=False)
class AtMost(Property):
    """See `at_most`."""

    most: int | Callable[[Any], int]
    places: tuple[str, ...]
    flights: tuple[str, ...]
    by: By = None
    started: bool = False
    claim: str = ""

    def problems(self, net: Net) -> Iterator[str]:
        yield from names_problems(net, self.places, (Place, Counter, KeySet), "place")
        yield from transition_problems(net, self.flights)

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        def make() -> Weights:
            found = weights(net, plain, self.places, (), self.by) if self.places else {}
            for number in plain.of("flight", *self.flights):
                if self.started and not plain.atoms[number].runs:
                    continue
                for key in _flight_keys(net, plain, number, self.by):
                    found.setdefault(key, {})[number] = 1
            return found

        def right(key: Hashable, total: int) -> bool:
            return total <= (self.most(key) if callable(self.most) else self.most)

        return _Sums(make, right)


def _flight_keys(net: Net, plain: PlainNet, number: int, by: By) -> Iterator[Hashable]:
    """What a firing counts as: by the first of its tokens that has a key."""
    if by is None:
        yield True
        return
    atom = plain.atoms[number]
    bound: Any = atom.value
    arcs = net.transitions[atom.name].arcs
    for arc, value in zip(arcs, bound, strict=True):
        for each in plan.tokens_of(value) if arc.binds else ():
            key = key_of(by, plain.atoms[each].value)
            if key is not None:
                yield key
                return


def at_most(
    most: int | Callable[[Any], int],
    *places: str,
    in_flight: str | Sequence[str] = (),
    by: By = None,
    started: bool = False,
    claim: str = "",
) -> Property:
    """There are never more than *most* tokens in *places* and firings of *in_flight* together.

    Args:
        most: a number, or a function of the key.
        places: names of places.
        in_flight: names of transitions.
        by: counts each key by itself.
        started: counts only firings whose effect has started.
        claim: in words, for the table.
    """
    flights = (in_flight,) if isinstance(in_flight, str) else tuple(in_flight)
    what = " + ".join((*places, *flights))
    return AtMost(most, places, flights, by, started, claim or f"at most {most}: {what}")


@dataclass(frozen=True, eq=False)
class Costs(Property):
    """See `costs`."""

    counter: str
    transition: str
    outcome: type[Any]
    claim: str = ""
    invariant = structural = True

    def problems(self, net: Net) -> Iterator[str]:
        yield from names_problems(net, [self.counter], Counter, "counter")
        yield from transition_problems(net, [self.transition])

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _Costs(self, net, plain)


class _Costs(Watch):
    vacuous = "the counter never runs out, or there is no such outcome"

    def __init__(self, asked: Costs, net: Net, plain: PlainNet) -> None:
        self._asked, self._net, self._plain = asked, net, plain

    def holds_always(self) -> bool:
        """Whether each such outcome consumes exactly one, and nothing else does."""
        counted = weights(self._net, self._plain, [self._asked.counter], (), None).get(True, {})
        for event in self._plain.events:
            costs = event.name == self._asked.transition and isinstance(
                event.outcome, self._asked.outcome
            )
            self.exercised = self.exercised or (costs and bool(counted))
            change = sum(counted.get(atom, 0) * number for atom, number in event.change.items())
            if change != (-1 if costs and counted else 0):
                return False
        return True


def costs(counter: str, transition: str, outcome: type[Any], *, claim: str = "") -> Property:
    """Each *outcome* of *transition* takes one of a counter for good, and nothing else ever does."""
    said = claim or f"each {outcome.__name__} of {transition} costs one of {counter}"
    return Costs(counter, transition, outcome, said)
