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

from bisect import insort
from collections.abc import Hashable, Iterable
from typing import Any, TypeAlias

from scraper_cpn.net.compiled.runtime.join import Condition, Join
from scraper_cpn.net.compiled.runtime.lines import NEVER, Token
from scraper_cpn.net.errors import KernelBug
from scraper_cpn.net.shelf import MemoryShelf, Order, Shelf

__all__ = ["PagedRecords", "PagedView", "Pages"]

PAGE = 64
"""The maximum of tokens of a key in memory, and the number that is read at once."""

HOT = 100_000
"""The maximum of tokens of a place in memory; above half of it, pages shrink."""


class PagedLine:
    """The tokens of a key that has several, or some on the shelf: it is the first of those, as far as known.

    Attributes:
        ready: those in memory, sorted, which is quick for a page; an empty tuple while there are none.
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
        """NEVER: no token of a paged place waits for its time."""
        return NEVER


Has: TypeAlias = Token | PagedLine
"""The tokens of a key: its only token, or a line."""


class Pages:
    """What a paged place has in memory; who uses it keeps what each key has.

    Args:
        name: of the place.
        width: how many order fields it has: 0, 1 or 2.
        shelf: where those are that are not in memory.
        timed: whether its tokens go by the time from which on they are ready, which is their order then.

    Attributes:
        hot: how many tokens are in memory.
        shelved: how many are on the shelf.
        room: how many tokens of a key may be in memory: fewer, the more there are of all keys.
        limit: as long as there are at most so many of all keys, the room is no smaller.
        left: whom to tell what was taken, where the shelf has only what is not in memory.
    """

    __slots__ = ("hot", "left", "limit", "name", "room", "shelf", "shelved", "timed", "width")

    def __init__(self, name: str, width: int, shelf: Shelf, *, timed: bool = False) -> None:
        self.name = name
        self.width = width
        self.timed = timed
        self.shelf = shelf
        self.left = None if type(shelf) is MemoryShelf else shelf.left
        self.hot = 0
        self.shelved = 0
        self._measure()

    def __len__(self) -> int:
        return self.hot + self.shelved

    def add(self, has: Has | None, key: Hashable, token: Token) -> Has | None:
        """Add a token to those that its key *has*.

        Returns the key's tokens if that is another object or has another first token, else None.
        """
        if type(has) is PagedLine:
            return has if self._among(has, key, token) else None
        if has is None and self.hot < self.limit:
            self.hot += 1
            return token
        line = _line(has)  # type: ignore[arg-type]
        self._among(line, key, token)
        return line

    def _among(self, line: PagedLine, key: Hashable, token: Token) -> bool:
        """Add a token to a line; returns whether it is the first."""
        if line.shelved and (token.order, token.serial) > (line.order, line.serial):
            line.shelved += 1  # the key's first token is the same: no transition is influenced
            self.shelved += 1
            self.shelf.put(self.name, key, self._wide(token.order), token.serial, token.colour)
            return False
        ready = line.ready
        if ready:
            insort(ready, (token.order, token.serial, token))
        else:
            line.ready = ready = [(token.order, token.serial, token)]
        first: bool = ready[0][2] is token
        self.hot += 1
        if len(ready) > self.room or self.hot > self.limit:
            self._bound(key, line)
        return first

    def shelve(self, count: int, order: Order, serial: int) -> PagedLine:
        """The shelf has tokens of a key that has none yet: so many, and this is the first one's turn."""
        self.shelved += count
        line = PagedLine()
        line.shelved, line.order, line.serial = count, self._narrow(order), serial
        return line

    def lose(self, has: Has, serial: int) -> bool:
        """The first token of a key, which `head` gave, has been taken; whether it was the last."""
        self.hot -= 1
        if self.left is not None:
            self.left(self.name, serial)
        if type(has) is PagedLine:
            ready = has.ready
            if ready[0][1] == serial:
                del ready[0]
                if ready:
                    return False
                has.ready = ()
                return not has.shelved
        elif has.serial == serial:
            return True
        raise KernelBug(f"token {serial} of {self.name} was taken before its turn")

    def head(self, has: Has, key: Hashable) -> Token:
        """The token of a key that is taken first; from the shelf if need be."""
        if isinstance(has, Token):
            return has
        if not has.ready:
            self._fetch(key, has)
        token: Token = has.ready[0][2]
        return token

    def listed(self, all_have: Iterable[Has]) -> dict[int, tuple[int, Any]]:
        """Ready time and colour of all tokens, by serial, given what each key has. Cost: O(tokens)."""
        found = {
            serial: (order[0] if self.timed else 0, colour)
            for order, serial, colour in self.shelf.rest(self.name)
        }
        for has in all_have:
            tokens = [has] if isinstance(has, Token) else [entry[2] for entry in has.ready]
            found.update((token.serial, (token.ready, token.colour)) for token in tokens)
        return found

    def _measure(self) -> None:
        """Work out the room for a key."""
        self.room = min(PAGE, max(0, 2 * PAGE * (HOT - self.hot) // HOT))
        self.limit = HOT - -(-self.room * HOT // (2 * PAGE)) if self.room else 0

    def _bound(self, key: Hashable, line: PagedLine) -> None:
        """Move the later half of a key's tokens to the shelf if they exceed its room in memory."""
        self._measure()
        if len(line.ready) > self.room:
            self._spill(key, line, (self.room + 1) // 2)

    def _spill(self, key: Hashable, line: PagedLine, kept: int) -> None:
        spilled = line.ready[kept:]
        line.ready = line.ready[:kept] or ()
        for order, serial, token in spilled:
            self.shelf.put(self.name, key, self._wide(order), serial, token.colour)
        self.hot -= len(spilled)
        self.shelved += len(spilled)
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
        self.shelved -= len(tokens)
        line.shelved -= len(tokens)
        if bound is not None:
            line.order, line.serial = self._narrow(bound[0]), bound[1]

    def _entry(self, key: Hashable, order: Any, serial: int, colour: Any) -> Any:
        ready = order if self.timed else 0
        return order, serial, Token(serial, colour, ready, None, key, order, 0)

    def _wide(self, order: Any) -> Order:
        """The order that a shelf knows, of a token's own."""
        if self.width == 2:
            whole: Order = order
            return whole
        return (order, 0) if self.width else (0, 0)

    def _narrow(self, order: Order) -> Any:
        """The other way."""
        return order if self.width == 2 else order[0] if self.width else ()


def _line(token: Token | None) -> PagedLine:
    """A line with a key's only token."""
    line = PagedLine()
    if token is not None:
        line.ready = [(token.order, token.serial, token)]
    return line


class PagedRecords:
    """The tokens of a paged place that are in records: a view of these.

    Args:
        pages: of the place.
        records: by key.
        field: that has what a key has, or None.
    """

    def __init__(self, pages: Pages, records: dict[Any, Any], field: str) -> None:
        self._pages = pages
        self._records = records
        self._field = field

    def __len__(self) -> int:
        return len(self._pages)

    def listed(self) -> dict[int, tuple[int, Any]]:
        """Ready time and colour of all tokens, by serial. Cost: O(tokens)."""
        all_have = (getattr(record, self._field) for record in self._records.values())
        return self._pages.listed(has for has in all_have if has is not None)

    def shelve(self, _key: Hashable, count: int, order: Order, serial: int) -> PagedLine:
        """Register that the shelf has tokens of a key, and update the key's record."""
        return self._pages.shelve(count, order, serial)


class PagedView(Condition):
    """A paged place's tokens by its key, for joins of other keys, too.

    Args:
        name: of the place.
        width: how many order fields it has: 0, 1 or 2.
        shelf: where those are that are not in memory.
    """

    __slots__ = ("joins", "lines", "pages")

    def __init__(self, name: str, width: int, shelf: Shelf) -> None:
        super().__init__()
        self.pages = Pages(name, width, shelf)
        self.lines: dict[Hashable, PagedLine] = {}
        self.joins: list[Join] = []

    def __len__(self) -> int:
        return len(self.pages)

    def add(self, key: Hashable, token: Token) -> None:
        """Add a token."""
        line = self.lines.get(key)
        if line is None:
            line = self.lines[key] = PagedLine()
        self.pages.add(line, key, token)
        self._came(key)

    def shelve(self, key: Hashable, count: int, order: Order, serial: int) -> None:
        """The shelf has tokens of a key that has none yet: so many, and this is the first one's turn."""
        self.lines[key] = self.pages.shelve(count, order, serial)
        self._came(key)

    def lose(self, key: Hashable, serial: int) -> None:
        """The first token of a key, which `head` gave, has been taken."""
        self.lacking()
        for join in self.joins:
            join.losses += 1
        if self.pages.lose(self.lines[key], serial):
            del self.lines[key]
            for join in self.joins:
                join.drop(key)

    def head(self, key: Hashable, _now: float) -> Token | None:
        """The token of *key* that is taken first; from the shelf if need be."""
        line = self.lines.get(key)
        return None if line is None else self.pages.head(line, key)

    def earliest(self, key: Hashable, _now: float) -> float:
        """When *key* has a token that can be taken: 0 for now."""
        return 0 if key in self.lines else NEVER

    def listed(self) -> dict[int, tuple[int, Any]]:
        """Ready time and colour of all tokens, by serial. Cost: O(tokens)."""
        return self.pages.listed(self.lines.values())

    def _came(self, key: Hashable) -> None:
        for join in self.joins:
            join.led(key)
        if self.families:
            self.gained(key)
