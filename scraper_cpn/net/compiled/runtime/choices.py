"""Combinations of tokens, for transitions that must try them all.

Owns: the iterables of the loops over combinations. Nothing here is specific to a net.
Must not know: places, transitions, the user's functions.

Cost: the number of combinations.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any

from scraper_cpn.net.compiled.runtime.lines import Token

__all__ = ["choices", "choices_by_key", "others", "ready_times", "recall", "recall_all"]


def others(tokens: Iterable[Token], *bound: Any) -> Iterator[Token]:
    """The tokens that earlier arcs on the same place have not bound."""
    taken = {
        id(token) for each in bound for token in (each if isinstance(each, tuple) else (each,))
    }
    return (token for token in tokens if id(token) not in taken)


def choices(tokens: Iterable[Token], number: float, *, every: bool) -> Iterable[tuple[Token, ...]]:
    """The options of an arc among the tokens of its key: each selection of its count, or all tokens if these are enough."""
    found = tuple(tokens)
    if len(found) < number:
        return ()
    return (found,) if every else combinations(found, int(number))


def choices_by_key(
    tokens: Iterable[Token],
    key_of: Callable[[Token], Hashable],
    numbers: Mapping[Hashable, float] | float,
    *,
    every: bool,
) -> list[tuple[Token, ...]]:
    """The options of the first arc of a join: tokens of one key, in lexicographic order."""
    alike: dict[Hashable, list[Token]] = {}
    for token in tokens:
        alike.setdefault(key_of(token), []).append(token)
    found = [
        bound
        for key, group in alike.items()
        for bound in choices(
            group, numbers[key] if isinstance(numbers, Mapping) else numbers, every=every
        )
    ]
    return sorted(found, key=lambda bound: [(token.order, token.serial) for token in bound])


def ready_times(places: Iterable[Any], now: float) -> list[float]:
    """*now*, and the later times at which a token of some places becomes ready."""
    listed = (place.values() if isinstance(place, dict) else place for place in places)
    return sorted(
        {now, *(token.ready for tokens in listed for token in tokens if token.ready > now)}
    )


def recall(
    standing: Mapping[int, Token],
    used: Mapping[int, Token],
    serial: int,
    now: int,
    passes: int,
    *,
    ignores_ready: bool,
) -> Token | None:
    """The token with a serial number if it may be bound: it is ready, or it is in *used*; else None."""
    token = standing.get(serial)
    if token is None:
        token = used.get(serial)
    elif (token.ready > now and not ignores_ready) or (
        token.ends is not None and token.ends <= now
    ):
        return None
    return token if token is not None and token.passes & passes == passes else None


def recall_all(
    standing: Mapping[int, Token],
    used: Mapping[int, Token],
    serials: Iterable[int],
    now: int,
    passes: int,
    *,
    ignores_ready: bool,
) -> tuple[Token, ...] | None:
    """The tokens with several serial numbers; None unless all may be bound."""
    found = [
        recall(standing, used, each, now, passes, ignores_ready=ignores_ready) for each in serials
    ]
    return None if None in found else tuple(each for each in found if each is not None)
