"""Which atoms a token, a number or a key stands for.

Owns: `Atoms`: the atom of each token, and the atoms that count a place's tokens for arcs that ask for none,
for all, or for those in use.
Must not know: transitions' bindings, events.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from scraper_cpn.analysis.forget import Forgetting
from scraper_cpn.analysis.instance import MANY, AnalysisError, Instance
from scraper_cpn.analysis.plain import Atom, AtomKind, PlainNet
from scraper_cpn.net import Counter, Net, Place, Sink, Transition, plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.marking import blame, key_of, order_of

Names = tuple[str, ...]


@dataclass(frozen=True, eq=False)
class PlainToken:
    """A live token: its atom, and what is worked out once."""

    atom: int
    colour: Any
    mortal: bool
    keys: dict[str, Hashable]
    order: tuple[int, ...]
    passes: frozenset[Any]


class ArcCounting(NamedTuple):
    """How an arc counts the tokens of a place.

    Attributes:
        names: the keys by which it counts.
        when: only tokens for which this is true count.
        in_use: whether those count that running firings have taken.
        claims: whether an absence that a running firing keeps counts, as if a token were there.
    """

    names: Names
    when: Any = None
    in_use: bool = False
    claims: bool = False


def looks(net: Net) -> dict[str, list[ArcCounting]]:
    """How the tokens of each place are counted."""
    found: dict[str, list[ArcCounting]] = defaultdict(list)
    for transition in plan.ordered(net):
        for arc, names in zip(transition.arcs, plan.arc_keys(transition), strict=True):
            if isinstance(arc.place, Place) and (arc.kind == "absent" or is_whole(arc)):
                found[arc.place.name].append(look_of(arc, names))
        for arc in transition.still:
            found[arc.place.name].append(ArcCounting(arc.place.keys))
    return {name: list(dict.fromkeys(each)) for name, each in found.items()}


def look_of(arc: Arc, names: Names) -> ArcCounting:
    """How an arc that asks for none, or takes all, counts tokens."""
    return ArcCounting(names, arc.when, arc.include_in_use, claims=arc.kind == "absent")


def is_whole(arc: Arc) -> bool:
    """Whether an arc takes exactly the tokens that are there: none of them waits, none has an end."""
    place: Any = arc.place
    return arc.all and not place.expires and (arc.include_waiting or not place.timed)


class Atoms:
    """The atoms of an instance.

    Args:
        net: a checked net.
        instance: one that fits it.
    """

    def __init__(self, net: Net, instance: Instance) -> None:
        self.net = net
        self.plain = PlainNet(net.name)
        self.forgetting = Forgetting(net.name, instance.forget)
        self.endless: set[str] = set()
        """Counters that never run out."""
        self.tokens: dict[int, PlainToken] = {}
        self._looks = looks(net)
        self._seen_in_use = {
            arc.place.name
            for transition in net.transitions.values()
            for arc in transition.arcs
            if arc.kind == "read" and arc.include_in_use
        }

    def token(self, place: Place[Any], colour: Any, *, mortal: bool) -> tuple[int, ...]:
        """The atoms of which there is one more with a token: it, and those that count it.

        One whose key, order or guard raises is set aside.
        """
        colour = self.forgetting.token(colour)
        try:
            kind: AtomKind = "row" if isinstance(place, Sink) else "token"
            atom = Atom(kind, place.name, colour, mortal)
            known = self.plain.index.get(atom)
        except TypeError as error:
            raise AnalysisError(
                f"net {self.net.name}, place {place.name}: a {type(colour).__name__} can't be distinguished from "
                f"others ({error}); give its fields values that can be hashed"
            ) from error
        if isinstance(place, Sink):
            return (self.plain.atom(atom),)
        if known is None:
            try:
                made = self._worked_out(place, colour, mortal=mortal)
            except AnalysisError:
                raise
            except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
                return (self.fault(place.name, colour, blame(error)),)
            known = self.plain.atom(atom)
            self.tokens[known] = PlainToken(known, *made)
        return (*self.standing(place, known), *self.used(place, known))

    def _worked_out(self, place: Place[Any], colour: Any, *, mortal: bool) -> tuple[Any, ...]:
        keys = self.forgetting.call(_keys, (colour, place))
        guards = plan.guards(self.net, place)
        passes = frozenset(g for g in guards if self.forgetting.call(g, (colour,)))
        named = dict(zip(place.keys, keys, strict=True))
        return colour, mortal, named, order_of(colour, place), passes

    def standing(self, place: Place[Any], number: int) -> Iterator[int]:
        """The atoms of which there is one fewer when a firing takes a token into its hands."""
        yield number
        if place.capacity is not None:
            yield self.slots(place)
        yield from self._counts(place, number, in_use=False)

    def used(self, place: Place[Any], number: int) -> Iterator[int]:
        """The atoms of which there is one fewer only when a token is gone for good."""
        if place.name in self._seen_in_use:
            yield self.present(number)
        yield from self._counts(place, number, in_use=True)

    def _counts(self, place: Place[Any], number: int, *, in_use: bool) -> Iterator[int]:
        token = self.tokens[number]
        for look in self._looks.get(place.name, ()):
            if look.in_use == in_use and (look.when is None or look.when in token.passes):
                yield self.count(place, look, token.keys)

    def present(self, number: int) -> int:
        """The atom that counts a token wherever it is: in its place or in use."""
        atom = self.plain.atoms[number]
        return self.plain.atom(Atom("present", atom.name, atom.value, atom.mark))

    def slots(self, place: Place[Any]) -> int:
        """The atom of the slots that are taken in a bounded place."""
        return self.plain.atom(Atom("slots", place.name))

    def count(self, place: Place[Any], look: ArcCounting, keys: Mapping[str, Hashable]) -> int:
        """The atom that counts a place's tokens with these keys, whether they are ready or not."""
        at = self._looks[place.name].index(look)
        values = tuple((name, keys[name]) for name in look.names)
        return self.plain.atom(Atom("count", place.name, (at, values)))

    def claims(
        self, place: Place[Any], names: Names, keys: Mapping[str, Hashable]
    ) -> Iterator[int]:
        """The atoms by which others see that a running firing keeps an absence to itself."""
        for look in self._looks.get(place.name, ()):
            if look.claims and look.names == names:
                yield self.count(place, look, keys)

    def number(self, place: Counter, key: Hashable) -> int | None:
        """The atom of a number; None for one that never runs out."""
        first = place.first(key)
        if first >= MANY:
            self.endless.add(place.name)
            return None
        return self.plain.atom(Atom("number", place.name, key), first)

    def fault(self, place: str, colour: Any, error: str) -> int:
        """The atom of a token that was set aside."""
        return self.plain.atom(Atom("fault", place, (colour, error)))

    def inputs(self, transition: Transition, bound: Sequence[Any]) -> tuple[Any, ...]:
        """What a firing has bound: a token, a tuple of them, or the values of keys by name."""
        names = plan.arc_keys(transition)
        return tuple(
            self._input(arc, keys, value)
            for arc, keys, value in zip(transition.arcs, names, bound, strict=True)
        )

    def _input(self, arc: Arc, names: Names, value: Any) -> Any:
        if not arc.binds:
            return dict(zip(names, _parts(names, value), strict=True))
        if arc.many:
            return tuple(self.tokens[each] for each in value)
        return self.tokens[value]


def tokens_in(arc: Arc, value: Any) -> Iterable[PlainToken]:
    """The tokens in what an arc has bound."""
    return plan.tokens_of(value) if arc.binds else ()


def _keys(colour: Any, place: Place[Any]) -> tuple[Hashable, ...]:
    return key_of(colour, place)


def _parts(names: Names, key: Hashable) -> tuple[Any, ...]:
    """The values of a key, one for each of its names."""
    if not names:
        return ()
    return (key,) if len(names) == 1 else key  # type: ignore[return-value]
