"""Every combination of live tokens that a transition may bind at some moment.

Owns: `Bindings`, the search that is repeated for each token that comes to life.
Must not know: what a binding does.

The same number of equal tokens is bound in every order that functions could see. Of an arc that takes all tokens,
each multiset with at most `cap` equal ones is bound; whoever explores must see that there are never more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import combinations_with_replacement, permutations, product
from typing import Any

from scraper_cpn.analysis.atoms import Names, PlainToken
from scraper_cpn.net import Net, Transition, plan
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.marking import one_key

Env = dict[str, Hashable]
Found = Callable[[Transition, tuple[Any, ...]], None]


class Bindings:
    """Finds bindings, each of them once.

    Args:
        net: a checked net.
        found: is called with each binding: a token, a tuple of tokens, or the values of keys for each arc.
        cap: how many equal tokens an arc that takes all tokens may find.
    """

    def __init__(self, net: Net, found: Found, cap: int) -> None:
        self._found, self.cap = found, cap
        self.live: dict[str, list[PlainToken]] = defaultdict(list)
        self._joined: dict[tuple[str, Names], dict[Any, list[PlainToken]]] = {}
        self._known: set[Any] = set()
        self._users: dict[str, list[tuple[Transition, int]]] = defaultdict(list)
        self._ordered: dict[tuple[str, int], bool] = {}
        self._names: dict[str, list[Names]] = {}
        for transition in plan.ordered(net):
            self._names[transition.name] = plan.arc_keys(transition)
            for number, arc in enumerate(transition.arcs):
                if arc.binds:
                    self._users[arc.place.name].append((transition, number))
                    self._ordered[transition.name, number] = _is_ordered(transition, number)
        self._free = [
            transition
            for transition in plan.ordered(net)
            if not any(arc.binds and arc.fewest for arc in transition.arcs)
        ]
        """Transitions that may bind no token, and are still to be bound: once."""

    def without_tokens(self) -> None:
        """The bindings that need no token."""
        for transition in self._free:
            self._bind(transition, [None] * len(transition.arcs), {}, 0)
        self._free = []

    def add(self, place: str, token: PlainToken) -> None:
        """The bindings with a token that has come to life."""
        self.live[place].append(token)
        for (name, names), index in self._joined.items():
            if name == place:
                index[tuple(token.keys[each] for each in names)].append(token)
        for transition, number in self._users[place]:
            arc = transition.arcs[number]
            if not _sees(arc, token):
                continue
            names = self._names[transition.name][number]
            env = {name: token.keys[name] for name in names}
            for value in self._options(transition, number, env, token):
                inputs: list[Any] = [None] * len(transition.arcs)
                inputs[number] = value
                self._bind(transition, inputs, env, 0)

    def canonical(self, transition: Transition, number: int, atoms: tuple[int, ...]) -> Any:
        """The atoms or the key that an arc has bound, in the form of events: ordered only if a function could see the order."""
        return atoms if self._ordered[transition.name, number] else tuple(sorted(atoms))

    def _bind(self, transition: Transition, inputs: list[Any], env: Env, number: int) -> None:
        """Try every combination of live tokens for the arcs from *number* on."""
        arcs = transition.arcs
        while number < len(arcs) and (inputs[number] is not None or not arcs[number].binds):
            number += 1
        if number == len(arcs):
            self._whole(transition, inputs, env)
            return
        names = self._names[transition.name][number]
        for value, keys in self._choices(transition, number, names, env):
            inputs[number] = value
            self._bind(transition, inputs, env | keys, number + 1)
        inputs[number] = None

    def _whole(self, transition: Transition, inputs: Sequence[Any], env: Env) -> None:
        names = self._names[transition.name]
        whole = tuple(
            value if arc.binds else {name: env[name] for name in names[number]}
            for number, (arc, value) in enumerate(zip(transition.arcs, inputs, strict=True))
        )
        known = (transition.name, tuple(_mark(value) for value in whole))
        if known not in self._known:
            self._known.add(known)
            self._found(transition, whole)

    def _choices(
        self, transition: Transition, number: int, names: Names, env: Env
    ) -> Iterator[tuple[Any, Env]]:
        """The options of an arc for the known keys, each with its keys."""
        arc = transition.arcs[number]
        known = tuple(name for name in names if name in env)
        values = tuple(env[name] for name in known)
        tokens = [t for t in self._matching(arc.place.name, known, values) if _sees(arc, t)]
        if not arc.many:
            for token in tokens:
                yield token, {name: token.keys[name] for name in names}
            return
        keys = [tuple(token.keys[name] for name in names) for token in tokens]
        if len(known) == len(names):
            keys.append(values)  # an arc that takes all may find none
        for key in dict.fromkeys(keys):
            alike = dict(zip(names, key, strict=True))
            for value in self._options(transition, number, alike, None):
                yield value, alike

    def _options(
        self, transition: Transition, number: int, keys: Env, token: PlainToken | None
    ) -> Iterator[Any]:
        """The options of an arc among tokens with these keys that include *token*."""
        arc = transition.arcs[number]
        if not arc.many:
            yield token
            return
        names = tuple(keys)
        least = plan.amount(arc, one_key(keys.values()))
        if least is None:
            return
        tokens = [t for t in self._matching(arc.place.name, names, tuple(keys.values())) if _sees(arc, t)]  # fmt: skip
        several = self._up_to_cap(tokens) if arc.all else combinations_with_replacement(tokens, least)  # fmt: skip
        for some in several:
            if len(some) >= least and (token is None or token in some):
                yield from self._orders(transition, number, some)

    def _up_to_cap(self, tokens: Sequence[PlainToken]) -> Iterator[tuple[PlainToken, ...]]:
        for numbers in product(range(self.cap + 1), repeat=len(tokens)):
            yield tuple(t for t, times in zip(tokens, numbers, strict=True) for _ in range(times))

    def _orders(
        self, transition: Transition, number: int, some: Sequence[PlainToken]
    ) -> Iterator[tuple[PlainToken, ...]]:
        """The orders in which tokens may stand: by the place's order, and among equals any."""
        by_atom = sorted(some, key=lambda token: token.atom)
        if not self._ordered[transition.name, number]:
            yield tuple(by_atom)
            return
        ranks: dict[tuple[int, ...], list[PlainToken]] = defaultdict(list)
        for token in by_atom:
            ranks[token.order].append(token)
        for parts in product(*(dict.fromkeys(permutations(ranks[rank])) for rank in sorted(ranks))):
            yield tuple(token for part in parts for token in part)

    def _matching(self, place: str, names: Names, values: tuple[Any, ...]) -> list[PlainToken]:
        index = self._joined.get((place, names))
        if index is None:
            index = self._joined[place, names] = defaultdict(list)
            for token in self.live[place]:
                index[tuple(token.keys[name] for name in names)].append(token)
        return list(index.get(values, ()))


def _sees(arc: Arc, token: PlainToken) -> bool:
    """Whether an arc may bind a token at some moment."""
    if arc.kind == "expired":
        return token.mortal
    return arc.when is None or arc.when in token.passes


def _mark(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(value.values())
    return tuple(token.atom for token in plan.tokens_of(value))


def _is_ordered(transition: Transition, number: int) -> bool:
    """Whether the order of the tokens that an arc binds could be seen: by a function, or when one is set aside."""
    calls = [call for call in (transition.effect, transition.choice, transition.scan) if call]
    given = [plan.source_at(transition, source) for call in calls for source in call.sources]
    for case in transition.outcomes:
        for output in case.outputs:
            if output.kind != "consume":
                given += plan.made_from(transition, case, output) or ()
    aside = plan.may_raise(transition) and plan.set_aside_at(transition) == number
    return number in given or aside
