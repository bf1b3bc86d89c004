"""The tokens of a paged place of a compiled net: the first of each key, and how many more there are.

Owns: which tokens of a paged place are in memory, and what of the others is known there: of each key the
turn of the first one on the shelf, and their number. Nothing here is specific to a net.
Must not know: places, transitions, the user's functions, the trace, where a shelf has its tokens.

Every token in memory comes before every one of its key that is on the shelf, so that the first of a key is
known without asking the shelf; a key that stays blocked costs nothing and stays cold. The shelf is read when a
token is bound that is not in memory, in the middle of a step: the decision stays in one piece, for
which it is worth that the loop waits for a read, once for a page.

Cost: every operation is O(log n), n being the tokens of the key in memory, and what the shelf takes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from heapq import heappop, heappush
from typing import Any

from scraper_cpn.net.errors import KernelBug
from scraper_cpn.net.fingerprints import Fingerprints
from scraper_cpn.net.index import NEVER, Token
from scraper_cpn.net.index_join import Join
from scraper_cpn.net.index_keys import Condition
from scraper_cpn.net.shelf import MemoryShelf, Order, Shelf

__all__ = ["PagedView", "Printed", "Split"]

PAGE = 64
"""Tokens of a key that are in memory at most, and that are read at once."""

HOT = 100_000
"""Tokens of a place that are in memory at most: above half of them, pages shrink."""

SHARDS = 256
"""Tables of a set, a power of 2: with a million keys, the biggest step of one is 8,192 entries."""


class PagedLine:
    """The tokens of a key that has several, or some on the shelf: it is the first of those, as far as known.

    Attributes:
        ready: those in memory, as a heap; an empty tuple while there are none.
        shelved: how many are on the shelf.
        order: of the first one there.
        serial: of the same.
    """

    __slots__ = ("order", "ready", "serial", "shelved")

    def __init__(self) -> None:
        self.ready: Any = ()
        self.shelved = 0
        self.order: Any = ()
        self.serial = 0

    def head(self, _now: float) -> Token | PagedLine:
        """Order and serial of the token that is taken first."""
        token: Token | PagedLine = self.ready[0][2] if self.ready else self
        return token

    def next_ready(self) -> float:
        """No token waits for its time."""
        return NEVER


class PagedView(Condition):
    """A paged place's tokens by its key, and their number.

    Args:
        name: of the place.
        width: how many order fields it has: 0, 1 or 2.
        shelf: where those are that are not in memory.
        alone: whether the only token of a key is kept without a line; joins need one.

    Attributes:
        room: how many tokens of a key may be in memory: fewer, the more there are of all keys.
        limit: as long as there are at most so many of all keys, the room is no smaller.
    """

    __slots__ = (
        "alone",
        "hot",
        "joins",
        "left",
        "limit",
        "lines",
        "name",
        "room",
        "shelf",
        "total",
        "width",
    )

    def __init__(self, name: str, width: int, shelf: Shelf, *, alone: bool = False) -> None:
        super().__init__()
        self.name = name
        self.width = width
        self.shelf = shelf
        self.alone = alone
        self.left = None if type(shelf) is MemoryShelf else shelf.left
        """Whom to tell what was taken; that shelf has only what is not in memory."""
        self.total = 0
        self.hot = 0
        self.lines: dict[Hashable, Any] = {}
        """Of each key its line, or its only token."""
        self.joins: list[Join] = []
        self._measure()

    def __len__(self) -> int:
        return self.total

    def add(self, key: Hashable, token: Token) -> Token | PagedLine | None:
        """A token has come; what there is of its key, if that is another object, or has another first token."""
        self.total += 1
        line = self.lines.get(key)
        if line is None and self.alone and self.hot < self.limit:
            self.lines[key] = token
            self.hot += 1
            if self.watch:
                self._came(key)
            return token
        return self._beside(key, line, token)

    def _beside(self, key: Hashable, line: Any, token: Token) -> PagedLine | None:
        """A token comes to a key's line, which is made if need be."""
        old = type(line) is PagedLine
        if not old:
            line = self._opened(key, line)
        elif line.shelved and (token.order, token.serial) > (line.order, line.serial):
            line.shelved += 1  # the key's first token is the same, so that nobody needs to know
            self.shelf.put(self.name, key, self._wide(token.order), token.serial, token.colour)
            return None
        if not line.ready:
            line.ready = []
        heappush(line.ready, (token.order, token.serial, token))
        self.hot += 1
        if len(line.ready) > self.room or self.hot > self.limit:
            self._bound(key, line)
        if self.joins or self.watch:
            self._came(key)
        first = line.ready[0][2] if line.ready else line
        return None if old and first.serial != token.serial else line

    def _opened(self, key: Hashable, token: Token | None) -> PagedLine:
        """A line for a key, with the only token that it has."""
        line = self.lines[key] = PagedLine()
        if token is not None:
            line.ready = [(token.order, token.serial, token)]
        return line

    def shelve(self, key: Hashable, count: int, order: Order, serial: int) -> PagedLine:
        """The shelf has tokens of a key that has none yet: so many, and this is the first one's turn."""
        self.total += count
        line = self.lines[key] = PagedLine()
        line.shelved, line.order, line.serial = count, self._narrow(order), serial
        self._came(key)
        return line

    def lose(self, key: Hashable, serial: int) -> bool:
        """The first token of a key, which `head` gave, has been taken; whether it was the last."""
        line = self.lines[key]
        lone = type(line) is Token
        if (line.serial if lone else heappop(line.ready)[1]) != serial:
            raise KernelBug(f"token {serial} of {self.name} was taken before its turn")
        self.total -= 1
        self.hot -= 1
        if self.left is not None:
            self.left(self.name, serial)
        if not lone:
            if line.ready:
                return False
            line.ready = ()
            if line.shelved:
                return False
        del self.lines[key]
        for join in self.joins:
            join.drop(key)
        return True

    def head(self, key: Hashable, _now: float) -> Token | None:
        """The token of *key* that is taken first; from the shelf if need be."""
        line = self.lines.get(key)
        if line is None or type(line) is Token:
            return line
        if not line.ready:
            self._fetch(key, line)
        token: Token = line.ready[0][2]
        return token

    def earliest(self, key: Hashable, _now: float) -> float:
        """When *key* has a token that can be taken: 0 for now."""
        return 0 if key in self.lines else NEVER

    def listed(self) -> dict[int, Any]:
        """The colours of all tokens, by serial. Cost: O(tokens)."""
        found = dict(self.shelf.rest(self.name))
        for line in self.lines.values():
            tokens = [line] if type(line) is Token else [entry[2] for entry in line.ready]
            found.update((token.serial, token.colour) for token in tokens)
        return found

    def _came(self, key: Hashable) -> None:
        for join in self.joins:
            join.led(key)
        if self.watch:
            self.gained(key)

    def _measure(self) -> None:
        """Work out the room for a key."""
        self.room = min(PAGE, max(0, 2 * PAGE * (HOT - self.hot) // HOT))
        self.limit = HOT - -(-self.room * HOT // (2 * PAGE)) if self.room else 0

    def _bound(self, key: Hashable, line: PagedLine) -> None:
        """Beyond the room for a key in memory, the later half goes to the shelf."""
        self._measure()
        if len(line.ready) > self.room:
            self._spill(key, line, (self.room + 1) // 2)

    def _spill(self, key: Hashable, line: PagedLine, kept: int) -> None:
        line.ready.sort()
        spilled = line.ready[kept:]
        line.ready = line.ready[:kept] or ()
        for order, serial, token in spilled:
            self.shelf.put(self.name, key, self._wide(order), serial, token.colour)
        self.hot -= len(spilled)
        line.shelved += len(spilled)
        line.order, line.serial, _ = spilled[0]

    def _fetch(self, key: Hashable, line: PagedLine) -> None:
        """Read a page from the shelf."""
        self._measure()
        most = max(1, self.room)
        tokens, bound = self.shelf.take(self.name, key, self._wide(line.order), line.serial, most)
        number = min(most, line.shelved)
        ends = bound is None, tokens and tokens[0][1], len(tokens)
        if ends != (number == line.shelved, line.serial, number):
            raise KernelBug(
                f"the shelf of {self.name} has lost tokens of {key!r}: it gave {len(tokens)} "
                f"of {line.shelved}, and the first should be {line.serial}"
            )
        line.ready = [
            self._entry(key, self._narrow(order), serial, colour)
            for order, serial, colour in tokens
        ]
        self.hot += len(tokens)
        line.shelved -= len(tokens)
        if bound is not None:
            line.order, line.serial = self._narrow(bound[0]), bound[1]

    def _entry(self, key: Hashable, order: Any, serial: int, colour: Any) -> Any:
        return order, serial, Token(serial, colour, 0, None, key, order, 0)

    def _wide(self, order: Any) -> Order:
        """The order that a shelf knows, of a token's own."""
        if self.width == 2:
            whole: Order = order
            return whole
        return (order, 0) if self.width else (0, 0)

    def _narrow(self, order: Order) -> Any:
        """The other way."""
        return order if self.width == 2 else order[0] if self.width else ()


class Split(Condition):
    """The keys of a set that may be big, oldest first, in many tables: to rebuild one of them is no pause."""

    __slots__ = ("order", "tables")

    def __init__(self) -> None:
        super().__init__()
        self.order: list[Hashable] = []
        self.tables: list[set[Hashable]] = [set() for _ in range(SHARDS)]

    @property
    def keys(self) -> Split:
        """What can be asked for a key and for the number of keys."""
        return self

    def __len__(self) -> int:
        return len(self.order)

    def __contains__(self, key: Hashable) -> bool:
        return key in self.tables[hash(key) & SHARDS - 1]

    def add(self, key: Hashable) -> bool:
        """Whether *key* is new; then it is seen from now on."""
        table = self.tables[hash(key) & SHARDS - 1]
        if key in table:
            return False
        table.add(key)
        self.order.append(key)
        if self.watch:
            self.gained(key)
        return True

    def extend(self, keys: Iterable[Hashable]) -> None:
        """These were seen before the run went on."""
        for key in keys:
            self.add(key)

    def listed(self) -> tuple[Hashable, ...]:
        """All keys."""
        return tuple(self.order)


class Printed(Condition):
    """The keys of a set, as fingerprints: it can't list them."""

    __slots__ = ("keys",)

    def __init__(self) -> None:
        super().__init__()
        self.keys = Fingerprints()

    def add(self, key: Hashable) -> bool:
        """Whether *key* is new; then it is seen from now on."""
        if not self.keys.add(key):
            return False
        self.gained(key)
        return True

    def extend(self, keys: Iterable[Hashable]) -> None:
        """These were seen before the run went on."""
        self.keys.extend(keys)

    def listed(self) -> tuple[Hashable, ...]:
        """None: whoever needs the keys has to keep them."""
        return ()
