"""What a proof is about: the tokens that a run begins with, and how its effects may end.

Owns: `Instance`, `Expiring` and the errors about them.
Must not know: how it is explored, what is to be proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scraper_cpn.net import Net, NetError, Place

MANY = 1 << 31
"""A counter that starts with so many never runs out: it is not counted."""


class AnalysisError(NetError):
    """A question that can't be asked: each line says what, where, and what to do."""


@dataclass(frozen=True)
class Expiring:
    """A token that has an end, after which only `expired` sees it."""

    token: Any


@dataclass(frozen=True)
class Instance:
    """A finite case of a net: everything that may happen in it is looked at.

    Attributes:
        tokens: what each source holds at first. A token with an end is an `Expiring`.
        later: tokens that may come into a source at any moment, each of them once, or never.
        outcomes: for each effect, a function of the tokens that it is given, which lists what it may
            end in. `Lost` is always among them.
        forget: for a colour, fields whose values are ignored. They must decide nothing: each
            function that was called with one value is called again with others, and must do the same.
        times: for a transition, how often it may fire in all; an assumption that verdicts name.
        note: in a few words, for the table of verdicts.
    """

    tokens: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    later: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    outcomes: Mapping[str, Callable[..., Sequence[Any]]] = field(default_factory=dict)
    forget: Mapping[type[Any], str | tuple[str, ...]] = field(default_factory=dict)
    times: Mapping[str, int] = field(default_factory=dict)
    note: str = ""


def refuse_misfit(net: Net, instance: Instance) -> None:
    """Raise `AnalysisError` with all that is wrong with an instance of *net*."""
    problems = [f"net {net.name}, instance: {text}" for text in _problems(net, instance)]
    if problems:
        raise AnalysisError(*problems)


def _problems(net: Net, instance: Instance) -> Iterator[str]:
    for which in ("tokens", "later"):
        for name, tokens in getattr(instance, which).items():
            for text in _source(net, name, tokens):
                yield f"{which}[{name!r}]: {text}"
    used = {t.effect.name: t.effect for t in net.transitions.values() if t.effect is not None}
    for name, call in used.items():
        if name not in instance.outcomes:
            given = ", ".join(source.name for source in call.sources)
            kinds = ", ".join(f"{kind.__name__}(...)" for kind in call.outcomes)
            yield f"outcomes has no {name!r}; add {name!r}: lambda {given}: [{kinds}]"
    for name in instance.outcomes:
        if name not in net.effects:
            yield f"outcomes[{name!r}]: the net has no such effect; it has {', '.join(net.effects)}"
    for name in instance.times:
        if name not in net.transitions:
            yield f"times[{name!r}]: the net has no such transition; it has {', '.join(net.transitions)}"
    yield from _forgotten(net, instance)


def _forgotten(net: Net, instance: Instance) -> Iterator[str]:
    for colour, names in instance.forget.items():
        for name in (names,) if isinstance(names, str) else names:
            if name not in getattr(colour, "__struct_fields__", getattr(colour, "__dataclass_fields__", ())):  # fmt: skip
                yield f"forget: {colour.__name__} has no field {name!r}"
            for place in net.places.values():
                if getattr(place, "colour", None) is colour and name in getattr(place, "keys", ()):
                    yield f"forget: {name!r} is the key of {place.name}; a key can't be forgotten"


def _source(net: Net, name: str, tokens: Sequence[Any]) -> Iterator[str]:
    place = net.places.get(name)
    if not isinstance(place, Place):
        listed = [each.name for each in net.places.values() if getattr(each, "source", False)]
        yield f"the net has no such place; its sources are {', '.join(listed)}"
        return
    if not place.source:
        yield "is no source; declare it with source=True, or let a transition fill it"
    for token in tokens:
        colour = token.token if isinstance(token, Expiring) else token
        if not isinstance(colour, place.colour):
            yield f"takes {place.colour.__name__}, not {type(colour).__name__}"
        if isinstance(token, Expiring) and not place.expires:
            yield "its tokens never expire; give the token without Expiring"
        try:
            hash(colour)
        except TypeError as error:
            yield f"a token can't be distinguished from others ({error}); give it tuples instead of lists"
