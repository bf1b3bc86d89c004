"""Siphons and traps: what the structure of a net says of tokens that may all be gone for good.

Owns: searching for siphons, and the largest trap in a set. Nodes may be the names of places, or anything that has an order.
Must not know: nets.

A siphon is a set of nodes into which nothing puts without taking from it: once empty, it stays empty. A trap is a set
from which nothing takes without putting into it: once it has a token, it keeps one. A siphon that contains no trap with
tokens can run empty for good (F. Commoner, 1972).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T", bound=Any)


class TooManyError(Exception):
    """There are too many siphons to look at."""


@dataclass(frozen=True)
class Move(Generic[T]):
    """What one step takes from and puts into.

    Attributes:
        puts: into these in any case.
        may_put: into these at most.
    """

    takes: frozenset[T]
    puts: frozenset[T]
    may_put: frozenset[T]


def weak_siphons(
    moves: Sequence[Move[T]],
    starts: Iterable[T],
    marked: AbstractSet[T],
    *,
    ended: AbstractSet[T],
    most: int,
) -> Iterator[frozenset[T]]:
    """Siphons that contain one of *starts* and no trap with a *marked* node: the smallest that are met, not all.

    Args:
        moves: all that happens.
        starts: are tried in this order, the last one first.
        marked: the nodes that have tokens.
        ended: nodes that may be in no siphon.
        most: ways to fill up a set that are tried at most, which take a second for each million.

    Raises:
        TooManyError: more than *most* ways were tried.
    """
    fillers: dict[T, list[Move[T]]] = {}
    for move in moves:
        for node in sorted(move.may_put - ended):
            fillers.setdefault(node, []).append(move)
    todo = [frozenset([node]) for node in starts]
    known: set[frozenset[T]] = set()
    steps = 0
    while todo:
        some = todo.pop()
        if some in known:
            continue
        known.add(some)
        steps += sum(1 + len(fillers.get(node, ())) for node in some)
        if steps > most:
            raise TooManyError
        lacking = _unfed(some, fillers)
        if lacking is not None:
            todo += [some | {node} for node in sorted(lacking.takes - ended)]
        elif not trap_in(some, moves) & marked:
            yield some


def _unfed(some: frozenset[T], fillers: dict[T, list[Move[T]]]) -> Move[T] | None:
    """A move that puts into a set without taking from it."""
    moves = (move for node in sorted(some) for move in fillers.get(node, ()))
    return next((move for move in moves if not move.takes & some), None)


def trap_in(some: AbstractSet[T], moves: Iterable[Move[T]]) -> set[T]:
    """The largest trap within a set."""
    trap, moves = set(some), list(moves)
    while leaking := [m.takes & trap for m in moves if m.takes & trap and not m.puts & trap]:
        trap.difference_update(*leaking)
    return trap
