"""Events that may not happen.

Owns: `never`, and the patterns `begin`, `start`, `end`, `fire`.
Must not know: how a net is explored.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from scraper_cpn.analysis.plain import Event, PlainNet
from scraper_cpn.analysis.properties.base import (
    By,
    Property,
    Watch,
    key_of,
    names_problems,
    transition_problems,
)
from scraper_cpn.net import KeySet, Net, Place, plan


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


def pattern_problems(net: Net, pattern: Pattern) -> Iterator[str]:
    """A line for each transition that the net does not have, or that has no such event."""
    yield from transition_problems(net, pattern.names)
    for name in pattern.names:
        transition = net.transitions.get(name)
        if transition is None:
            continue
        if transition.instant and pattern.kind != "fire":
            yield f"{name} has no effect; use fire({name!r})"
        elif not transition.instant and pattern.kind == "fire":
            yield f"{name} has an effect; use begin({name!r}), start({name!r}) or end({name!r})"


@dataclass(frozen=True, eq=False)
class Never(Property):
    """See `never`."""

    pattern: Pattern
    while_in: str | None = None
    without: str | None = None
    by: By = None
    claim: str = ""

    def problems(self, net: Net) -> Iterator[str]:
        yield from pattern_problems(net, self.pattern)
        named = [name for name in (self.while_in, self.without) if name is not None]
        yield from names_problems(net, named, (Place, KeySet), "place")

    def monitor(self, net: Net, plain: PlainNet) -> Watch:
        return _Never(self, net, plain)


class _Never(Watch):
    def __init__(self, asked: Never, net: Net, plain: PlainNet) -> None:
        self._asked, self._net, self._plain = asked, net, plain
        self.vacuous = f"there is never a {asked.pattern}" + (f", or never anything in {asked.while_in}" if asked.while_in else "")  # fmt: skip
        self._event = self._token = False
        self.exercised = asked.while_in is None and asked.without is None

    def observed(self, plain: PlainNet) -> Iterable[int]:
        return self._named()

    def _named(self) -> list[int]:
        names = [name for name in (self._asked.while_in, self._asked.without) if name is not None]
        return [*self._plain.of("token", *names), *self._plain.of("key", *names)]

    def seen(self, plain: PlainNet) -> Sequence[int]:
        return self._named()

    def bad(self, numbers: dict[int, int]) -> bool:
        self._token = self._token or bool(numbers)
        self._judge()
        return False

    def _judge(self) -> None:
        """It was put to the test if there was such an event, and something that forbids it."""
        asked = self._asked
        tested = asked.while_in is None or self._token
        self.exercised = self.exercised or (self._event and tested)

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
        self._judge()
        if self._asked.without is not None:
            return not numbers
        return bool(numbers) or self._asked.while_in is None


def _bound_keys(net: Net, plain: PlainNet, event: Event, by: By) -> Iterator[Hashable]:
    for arc, value in zip(net.transitions[event.name].arcs, event.bound, strict=True):
        if arc.binds:
            keys = (key_of(by, plain.atoms[atom].value) for atom in plan.tokens_of(value))
            yield from (key for key in keys if key is not None)


def never(
    pattern: Pattern,
    *,
    while_in: str | None = None,
    without: str | None = None,
    by: By = None,
    claim: str = "",
) -> Property:
    """Such an event never happens; never while a place has a token; or never without one.

    Args:
        pattern: `begin("t")`, `start("t")`, `end("t")` or `fire("t")`.
        while_in: a place that must then have no token, not even one that is not ready yet.
        without: a place in which there must then be one.
        by: only tokens with the same key as the event's count.
        claim: in words, for the table.
    """
    where = (
        f" while there is a token in {while_in}"
        if while_in
        else f" without {without}"
        if without
        else ""
    )
    return Never(pattern, while_in, without, by, claim or f"never {pattern}{where}")
