"""Where the tokens of a paged place wait that a compiled kernel does not keep at hand.

Owns: the port, `Shelf`, and the shelf that is used where no other is given, `MemoryShelf`.
Must not know: nets, how a kernel chooses, files. A store's shelf reads the store's own table.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Hashable, Iterable
from heapq import heappop, heappush
from itertools import repeat
from typing import Any, Protocol, TypeAlias

Order: TypeAlias = tuple[int, int]
"""The values of a token's order fields; 0 where there is no field."""

Bound: TypeAlias = tuple[Order, int]
"""A token's turn among those of its key: its order, then its serial."""

Shelved: TypeAlias = tuple[Order, int, Any]
"""A token on the shelf: order, serial, colour."""

_Timed: TypeAlias = tuple[int, int, int, Any]
"""The same, flat."""


class Shelf(Protocol):
    """Tokens by place and key. Synchronous: a call is one piece of the kernel's decision.

    A timed place has no key: there it is None, and the first order is the time from which on a token is ready.

    A shelf may know of tokens that a kernel has in memory, for it may be a view of a table that
    has all of them; `take` never gives these out, because of where it begins.
    """

    def put(self, place: str, key: Hashable, order: Order, serial: int, colour: Any) -> None:
        """A token is in memory no more, or never was. One that has `left` is back."""

    def take(
        self, place: str, key: Hashable, order: Order, serial: int, most: int
    ) -> tuple[list[Shelved], Bound | None]:
        """The first tokens of a key, which are in memory from now on.

        Args:
            place: which is paged.
            key: of the place, of which the shelf has a token.
            order: of the first token that is on the shelf.
            serial: of the same; no token before these two is meant.
            most: of so many tokens; at least 1.

        Returns:
            The tokens in their order, as many as there are up to *most*, and the turn of the first
            one that stays; None if none does.
        """

    def left(self, place: str, serial: int) -> None:
        """A token that was in memory was taken by a firing: it is not given out, until it is put again."""

    def rest(self, place: str) -> Iterable[Shelved]:
        """All tokens of a place that have not left, in any order.

        It may list those that are in memory, too. Cost: O(tokens); for saving.
        """


class MemoryShelf:
    """A shelf in memory: two words for each token beside its colour; of a timed place, a small tuple.

    Cost: O(1) for a token that comes last of its order, or first; else O(tokens of its key and order).
    A new order of a key costs one move of a word for each order behind it. Of a timed place, in which orders
    are seldom equal: O(log tokens).
    """

    def __init__(self) -> None:
        self._places: dict[str, dict[Hashable, list[_Level]]] = {}
        self._timed: dict[str, list[_Timed]] = {}
        """Heaps of the tokens of timed places."""

    def put(self, place: str, key: Hashable, order: Order, serial: int, colour: Any) -> None:
        """Take a token in."""
        if key is None:
            heappush(self._timed.setdefault(place, []), (*order, serial, colour))
            return
        keys = self._places.setdefault(place, {})
        levels = keys.get(key)
        if levels is None:
            levels = keys[key] = [_Level(order)]
        at = bisect_left(levels, order, key=_order)
        if at == len(levels) or levels[at].order != order:
            levels.insert(at, _Level(order))
        levels[at].add(serial, colour)

    def take(
        self,
        place: str,
        key: Hashable,
        order: Order,  # noqa: ARG002  (what is before the first token is not here)
        serial: int,  # noqa: ARG002
        most: int,
    ) -> tuple[list[Shelved], Bound | None]:
        """Give the first tokens of a key away."""
        if key is None:
            return self._soonest(self._timed[place], most)
        levels = self._places[place][key]
        taken: list[Shelved] = []
        empty = 0
        while empty < len(levels) and len(taken) < most:
            taken += levels[empty].pop(most - len(taken))
            empty += not levels[empty].left()
        del levels[:empty]  # at once: there may be as many as tokens
        if not levels:
            del self._places[place][key]
            return taken, None
        return taken, levels[0].first()

    def left(self, place: str, serial: int) -> None:
        """Nothing to do: what was taken is not here."""

    def rest(self, place: str) -> Iterable[Shelved]:
        """All tokens of a place."""
        for levels in self._places.get(place, {}).values():
            for level in levels:
                yield from level.tokens()
        yield from map(_shelved, self._timed.get(place, ()))

    def _soonest(self, heap: list[_Timed], most: int) -> tuple[list[Shelved], Bound | None]:
        """Give the first tokens of a timed place away."""
        taken = [_shelved(heappop(heap)) for _ in range(min(most, len(heap)))]
        return taken, _shelved(heap[0])[:2] if heap else None


class _Level:
    """Tokens of one key and one order, the oldest first; those before `start` were given away."""

    __slots__ = ("colours", "order", "serials", "start")

    def __init__(self, order: Order) -> None:
        self.order = order
        self.start = 0
        self.serials = array("q")
        self.colours: list[Any] = []

    def left(self) -> int:
        return len(self.serials) - self.start

    def first(self) -> Bound:
        return self.order, self.serials[self.start]

    def tokens(self) -> Iterable[Shelved]:
        left = slice(self.start, None)
        return zip(repeat(self.order), self.serials[left], self.colours[left])

    def add(self, serial: int, colour: Any) -> None:
        if not self.serials or serial > self.serials[-1]:
            self.serials.append(serial)
            self.colours.append(colour)
        elif self.start and serial < self.serials[self.start]:
            self.start -= 1
            self.serials[self.start], self.colours[self.start] = serial, colour
        else:
            at = bisect_left(self.serials, serial, self.start)
            self.serials.insert(at, serial)
            self.colours.insert(at, colour)

    def pop(self, most: int) -> list[Shelved]:
        """The first tokens. What was given away is cut off once it is half of all: O(1) for each."""
        start, end = self.start, min(self.start + most, len(self.serials))
        taken = [(self.order, self.serials[at], self.colours[at]) for at in range(start, end)]
        self.colours[start:end] = [None] * (end - start)
        self.start = end
        if 2 * end > len(self.serials):
            del self.serials[:end], self.colours[:end]
            self.start = 0
        return taken


def _order(level: _Level) -> Order:
    return level.order


def _shelved(each: _Timed) -> Shelved:
    first, second, serial, colour = each
    return (first, second), serial, colour
