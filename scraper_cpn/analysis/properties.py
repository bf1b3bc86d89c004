"""What can be asked of a net.

Owns: the properties that a user names: `conserved`, `at_most`, `always`, `never`, `ends`, and the
patterns `begin`, `start`, `end`, `fire`. Each becomes a monitor of the atoms of a grounded net.
Must not know: how a net is explored.

`by` tells tokens apart: the name of a field, or a function of a token (None: it is not counted). A
firing counts by the first token it has in its hands that has the field.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from scraper_cpn.analysis.explore import AgainError, Monitor
from scraper_cpn.analysis.instance import AnalysisError
from scraper_cpn.analysis.plain import Event, PlainNet
from scraper_cpn.net import Counter, KeySet, Net, Place

By: TypeAlias = str | Callable[[Any], Hashable] | None
Weights: TypeAlias = dict[Hashable, dict[int, int]]
"""For each key, how much an atom counts."""


class Property:
    """Something that a net may or may not have. Each subclass says what."""

    claim: str
    invariant = False
    """Whether it may follow from the events alone."""
    structural = False
    """Whether it follows from them or from nothing: no state is looked at for it."""
    everywhere = False
    """Whether it then holds for any number of tokens like those that were looked at."""

    def problems(self, net: Net) -> Iterator[str]:
        """Names that the net does not have, one line each."""
        yield from ()

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        """What watches over it during an exploration."""
        raise NotImplementedError


class Watch(Monitor):
    """A monitor that knows whether it has seen anything to judge."""

    exercised = False
    vacuous = "nothing that it speaks of ever happens"

    def holds_always(self) -> bool:
        """Whether every event keeps it, whatever the state."""
        return False


def key_of(by: By, token: Any) -> Hashable:
    """What a token counts as; None if it does not count."""
    if by is None:
        return True
    if callable(by):
        return by(token)
    return getattr(token, by, None)


def _names(net: Net, names: Iterable[str], kinds: Any, what: str) -> Iterator[str]:
    for name in names:
        if not isinstance(net.places.get(name), kinds):
            listed = ", ".join(
                each for each, place in net.places.items() if isinstance(place, kinds)
            )
            yield f"the net has no {what} {name!r}; it has {listed}"


def _transitions(net: Net, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name not in net.transitions:
            yield f"the net has no transition {name!r}; it has {', '.join(net.transitions)}"


# Sums.


def in_hands(net: Net, plain: PlainNet, number: int) -> Iterator[tuple[str, Any]]:
    """The places and tokens (of a counter: keys) that a firing in flight has in its hands."""
    atom = plain.atoms[number]
    transition = net.transitions[atom.name]
    kinds = {"take", "hold", "expired"} if atom.mark else {"take", "hold", "expired", "spend"}
    bound: Any = atom.value
    for arc, value in zip(transition.arcs, bound, strict=True):
        if arc.kind in kinds:
            counts = isinstance(arc.place, Counter)
            yield arc.place.name, value if counts else plain.atoms[value].value


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

    def observed(self, plain: PlainNet) -> Iterable[int]:
        return self.seen(plain)

    def seen(self, plain: PlainNet) -> Sequence[int]:
        self._weights = self._make()
        return sorted({atom for each in self._weights.values() for atom in each})

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
        return _names(net, (*self.places, *self.minus), (Place, Counter, KeySet), "place")

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
    return {**new.change, new.key: 1}


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
        yield from _names(net, self.places, (Place, Counter, KeySet), "place")
        yield from _transitions(net, self.flights)

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        def make() -> Weights:
            found = weights(net, plain, self.places, (), self.by) if self.places else {}
            for number in plain.of("flight", *self.flights):
                if self.started and not plain.atoms[number].mark:
                    continue
                for key in _flight_keys(net, plain, number, self.by):
                    found.setdefault(key, {})[number] = 1
            return found

        def right(key: Hashable, total: int) -> bool:
            return total <= (self.most(key) if callable(self.most) else self.most)

        return _Sums(make, right)


def _flight_keys(net: Net, plain: PlainNet, number: int, by: By) -> Iterator[Hashable]:
    """What a firing counts as: by the first of its tokens that has a key."""
    atom = plain.atoms[number]
    bound: Any = atom.value
    arcs = net.transitions[atom.name].arcs
    for arc, value in zip(arcs, bound, strict=True):
        if arc.binds:
            key = key_of(by, plain.atoms[value].value)
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


# Events.


@dataclass(frozen=True)
class Pattern:
    """Which events are meant. Made by `begin`, `start`, `end` and `fire`."""

    kind: str
    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} {' or '.join(self.names)}"


def begin(*transitions: str) -> Pattern:
    """Firings of these begin: their inputs are taken."""
    return Pattern("begin", transitions)


def start(*transitions: str) -> Pattern:
    """Effects of these really start."""
    return Pattern("start", transitions)


def end(*transitions: str) -> Pattern:
    """Effects of these end."""
    return Pattern("end", transitions)


def fire(*transitions: str) -> Pattern:
    """These fire, in one go."""
    return Pattern("fire", transitions)


@dataclass(frozen=True, eq=False)
class Never(Property):
    """See `never`."""

    pattern: Pattern
    beside: str | None = None
    without: str | None = None
    by: By = None
    claim: str = ""

    def problems(self, net: Net) -> Iterator[str]:
        yield from _transitions(net, self.pattern.names)
        if self.pattern.kind in {"begin", "start", "end"}:
            for name in self.pattern.names:
                if name in net.transitions and net.transitions[name].instant:
                    yield f"{name} has no effect and fires in one go; say fire({name!r})"
        named = [name for name in (self.beside, self.without) if name is not None]
        yield from _names(net, named, (Place, KeySet), "place")

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _Never(self, net, plain)


class _Never(Watch):
    def __init__(self, asked: Never, net: Net, plain: PlainNet) -> None:
        self._asked, self._net, self._plain = asked, net, plain
        self.vacuous = f"there is never a {asked.pattern}" + (f", or never anything in {asked.beside}" if asked.beside else "")  # fmt: skip
        self._event = self._token = False

    def observed(self, plain: PlainNet) -> Iterable[int]:
        return self._named()

    def _named(self) -> list[int]:
        names = [name for name in (self._asked.beside, self._asked.without) if name is not None]
        return [*self._plain.of("token", *names), *self._plain.of("key", *names)]

    def seen(self, plain: PlainNet) -> Sequence[int]:
        return self._named()

    def bad(self, numbers: dict[int, int]) -> bool:
        self._token = self._token or bool(numbers)
        self.exercised = self._event and (self._token or not self._named())
        return False

    def watched(self, event: Event) -> Sequence[int] | None:
        asked = self._asked
        if event.kind != asked.pattern.kind or event.name not in asked.pattern.names:
            return None
        if asked.by is None:
            return self._named()
        keys = set(_bound_keys(self._net, self._plain, event, asked.by))
        return [atom for atom in self._named() if self._key(atom) in keys]

    def _key(self, number: int) -> Hashable:
        atom = self._plain.atoms[number]
        return atom.value if atom.kind == "key" else key_of(self._asked.by, atom.value)

    def forbids(self, event: Event, numbers: dict[int, int]) -> bool:
        self._event = True
        self.exercised = self._token or not self._named() or self._asked.without is not None
        if self._asked.without is not None:
            return not numbers
        return bool(numbers) or self._asked.beside is None


def _bound_keys(net: Net, plain: PlainNet, event: Event, by: By) -> Iterator[Hashable]:
    for arc, value in zip(net.transitions[event.name].arcs, event.bound, strict=True):
        if arc.binds:
            key = key_of(by, plain.atoms[value].value)
            if key is not None:
                yield key


def never(
    pattern: Pattern,
    *,
    beside: str | None = None,
    without: str | None = None,
    by: By = None,
    claim: str = "",
) -> Property:
    """Such an event never happens; or never beside a token in a place; or never without one.

    Args:
        pattern: `begin("t")`, `start("t")`, `end("t")` or `fire("t")`.
        beside: a place in which there may then be no token, waiting ones included.
        without: a place in which there must then be one.
        by: only tokens with the same key as the event's count.
        claim: in words, for the table.
    """
    where = f" beside {beside}" if beside else f" without {without}" if without else ""
    return Never(pattern, beside, without, by, claim or f"never {pattern}{where}")


# States.


class View:
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


@dataclass(frozen=True, eq=False)
class Always(Property):
    """See `always`."""

    fn: Callable[[View], bool]
    claim: str = ""

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _Always(self, net, plain)


class _Always(Watch):
    def __init__(self, asked: Always, net: Net, plain: PlainNet) -> None:
        self._asked, self._net, self._plain = asked, net, plain
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

    def bad(self, numbers: dict[int, int]) -> bool:
        self.exercised = self.exercised or bool(numbers)
        return not self._asked.fn(View(self._net, self._plain, self._touched, numbers))


def always(fn: Callable[[View], bool], *, claim: str = "") -> Property:
    """A function of the state is true in every state; it may look at places, numbers and firings."""
    return Always(fn, claim or f"always {getattr(fn, '__name__', fn)}")


@dataclass(frozen=True, eq=False)
class Ends(Property):
    """See `ends`."""

    claim: str = "what can go on no more is finished, or a budget is spent"

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _Ends(net, plain)


class _Ends(Watch):
    vacuous = "a run can always go on; nothing ever ends"

    def __init__(self, net: Net, plain: PlainNet) -> None:
        self._net, self._plain = net, plain
        self._work = [name for name, place in net.places.items() if getattr(place, "work", False)]
        self._budgets = [
            name for name, place in net.places.items() if getattr(place, "budget", False)
        ]

    def observed(self, plain: PlainNet) -> Iterable[int]:
        return self.rested(plain)

    def rested(self, plain: PlainNet) -> Sequence[int]:
        names = (*self._work, *self._budgets)
        return [*plain.of("token", *names), *plain.of("number", *names)]

    def bad_rest(self, numbers: dict[int, int]) -> bool:
        self.exercised = True
        atoms = self._plain.atoms
        work = [atoms[number].name for number in numbers if atoms[number].kind == "token"]
        return any(name in self._work for name in work) and not any(
            self._spent(name, numbers) for name in self._budgets
        )

    def _spent(self, name: str, numbers: dict[int, int]) -> bool:
        place = self._net.places[name]
        if not isinstance(place, Counter):
            return not any(self._plain.atoms[number].name == name for number in numbers)
        return any(not numbers.get(number) for number in self._plain.of("number", name))


def ends(*, claim: str = "") -> Property:
    """Where nothing can happen any more, no work is left, or a budget is spent."""
    return Ends(claim) if claim else Ends()


@dataclass(frozen=True, eq=False)
class Each(Property):
    """See `each`."""

    place: str
    fn: Callable[[Any], bool]
    claim: str = ""

    def problems(self, net: Net) -> Iterator[str]:
        return _names(net, [self.place], Place, "place")

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


@dataclass(frozen=True, eq=False)
class Costs(Property):
    """See `costs`."""

    counter: str
    transition: str
    outcome: type[Any]
    claim: str = ""
    invariant = structural = True

    def problems(self, net: Net) -> Iterator[str]:
        yield from _names(net, [self.counter], Counter, "counter")
        yield from _transitions(net, [self.transition])

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _Costs(self, net, plain)


class _Costs(Watch):
    vacuous = "the counter never runs out, or there is no such outcome"

    def __init__(self, asked: Costs, net: Net, plain: PlainNet) -> None:
        self._asked, self._net, self._plain = asked, net, plain

    def holds_always(self) -> bool:
        """Whether each such outcome takes exactly one for good, and nothing else does."""
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


@dataclass(frozen=True, eq=False)
class NoFaults(Property):
    """No function of the user raises, or returns what it may not."""

    claim: str = "no function raises"

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _NoFaults(plain)


class _NoFaults(Watch):
    exercised = True

    def __init__(self, plain: PlainNet) -> None:
        self._plain = plain

    def observed(self, plain: PlainNet) -> Iterable[int]:
        return self.seen(plain)

    def seen(self, plain: PlainNet) -> Sequence[int]:
        return [number for number, atom in enumerate(plain.atoms) if atom.kind == "fault"]

    def bad(self, numbers: dict[int, int]) -> bool:
        return bool(numbers)

    def holds_always(self) -> bool:
        return not self.seen(self._plain)


def no_faults() -> Property:
    """No function of the user raises, or returns what it may not."""
    return NoFaults()
