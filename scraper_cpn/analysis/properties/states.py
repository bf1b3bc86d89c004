"""What is true in every state, or of every token.

Owns: `always`, `each`, `StateWatch` and `StateView`.
Must not know: how a net is explored.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from scraper_cpn.analysis.instance import AnalysisError
from scraper_cpn.analysis.monitor import AgainError
from scraper_cpn.analysis.plain import PlainNet
from scraper_cpn.analysis.properties.base import (
    Property,
    Watch,
    names_problems,
)
from scraper_cpn.net import Net, Place


class StateView:
    """A state, as a property that is a function sees it."""

    def __init__(
        self, net: Net, plain: PlainNet, touched: set[str], numbers: dict[int, int]
    ) -> None:
        self._net, self._plain, self._touched, self._numbers = net, plain, touched, numbers

    def _look(self, name: str, known: Any) -> None:
        if name not in known:
            raise AnalysisError(f"net {self._net.name}: has no {name!r}; it has {', '.join(known)}")
        if name not in self._touched:
            self._touched.add(name)
            raise AgainError

    def tokens(self, place: str) -> list[Any]:
        """The tokens in a place, waiting ones included."""
        self._look(place, self._net.places)
        atoms = self._plain.atoms
        return [
            atoms[number].value
            for number, count in self._numbers.items()
            for _ in range(count)
            if atoms[number].name == place and atoms[number].kind in {"token", "row"}
        ]

    def count(self, place: str) -> int:
        """How many tokens are in a place."""
        return len(self.tokens(place))

    def number(self, counter: str, key: Hashable = None) -> int:
        """A counter's number."""
        self._look(counter, self._net.places)
        for number, atom in enumerate(self._plain.atoms):
            if (atom.kind, atom.name, atom.value) == ("number", counter, key):
                return self._numbers.get(number, 0)
        place: Any = self._net.places[counter]
        return int(place.first(key))

    def in_flight(self, transition: str) -> int:
        """How many firings of a transition are in flight."""
        self._look(transition, self._net.transitions)
        atoms = self._plain.atoms
        return sum(
            count
            for number, count in self._numbers.items()
            if atoms[number].kind == "flight" and atoms[number].name == transition
        )


class StateWatch(Watch):
    """A watch that asks functions of the state, and has in its states what these have looked at."""

    def __init__(self, net: Net, plain: PlainNet) -> None:
        self._net, self._plain = net, plain
        self._touched: set[str] = set()

    def observed(self, plain: PlainNet) -> Iterable[int]:
        return self.seen(plain)

    def seen(self, plain: PlainNet) -> Sequence[int]:
        kinds = ("token", "row", "number", "flight")
        return [
            number
            for number, atom in enumerate(plain.atoms)
            if atom.name in self._touched and atom.kind in kinds
        ]

    def alike(self, plain: PlainNet, one: int, other: int) -> bool:
        """A function of the state sees how many firings are in flight, in whichever stage."""
        atoms = (plain.atoms[one], plain.atoms[other])
        return {(atom.kind, atom.name) for atom in atoms} == {("flight", atoms[0].name)}

    def says(self, fn: Callable[[StateView], bool], numbers: dict[int, int]) -> bool:
        """What a function says of a state."""
        return fn(StateView(self._net, self._plain, self._touched, numbers))


@dataclass(frozen=True, eq=False)
class Always(Property):
    """See `always`."""

    fn: Callable[[StateView], bool]
    claim: str = ""

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _Always(self, net, plain)


class _Always(StateWatch):
    def __init__(self, asked: Always, net: Net, plain: PlainNet) -> None:
        super().__init__(net, plain)
        self._asked = asked

    def bad(self, numbers: dict[int, int]) -> bool:
        self.exercised = self.exercised or bool(numbers)
        return not self.says(self._asked.fn, numbers)


def always(fn: Callable[[StateView], bool], *, claim: str = "") -> Property:
    """A function of the state is true in every state; it may look at places, numbers and firings."""
    return Always(fn, claim or f"always {getattr(fn, '__name__', fn)}")


@dataclass(frozen=True, eq=False)
class Each(Property):
    """See `each`."""

    place: str
    fn: Callable[[Any], bool]
    claim: str = ""

    def problems(self, net: Net) -> Iterator[str]:
        return names_problems(net, [self.place], Place, "place")

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _Each(self, plain)


class _Each(Watch):
    vacuous = "there is never a token to look at"

    def __init__(self, asked: Each, plain: PlainNet) -> None:
        self._asked, self._plain = asked, plain

    def observed(self, plain: PlainNet) -> Iterable[int]:
        return self.seen(plain)

    def seen(self, plain: PlainNet) -> Sequence[int]:
        return [*plain.of("token", self._asked.place), *plain.of("row", self._asked.place)]

    def bad(self, numbers: dict[int, int]) -> bool:
        self.exercised = self.exercised or bool(numbers)
        return not all(self._asked.fn(self._plain.atoms[number].value) for number in numbers)


def each(place: str, fn: Callable[[Any], bool], *, claim: str = "") -> Property:
    """A function is true of every token that is ever in a place."""
    return Each(place, fn, claim or f"each of {place}: {getattr(fn, '__name__', fn)}")
