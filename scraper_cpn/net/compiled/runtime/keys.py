"""Tokens, numbers, absences and sets of a compiled net, by key.

Owns: conditions, and the records that wait for one. Nothing here is specific to a net.
Must not know: places, transitions, the user's functions, the trace, how keys are joined.

Cost: every operation is O(log n) amortised, n being the tokens of the key, and O(1) for each record that
waited for it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING

from scraper_cpn.net.compiled.runtime.fingerprints import Fingerprints
from scraper_cpn.net.compiled.runtime.join import Condition
from scraper_cpn.net.compiled.runtime.lines import NEVER, Line, Token

if TYPE_CHECKING:
    from scraper_cpn.net.compiled.runtime.join import Join

__all__ = ["Amounts", "Presence", "Printed", "Seen", "Split", "Tally", "View"]

SHARDS = 256
"""Tables of a set, a power of 2: with a million keys, the biggest step of one is 8,192 entries."""


class View(Condition):
    """A place's tokens by key: a line for each key that has one."""

    __slots__ = ("joins", "lines")

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[Hashable, Line] = {}
        self.joins: list[Join] = []

    def add(self, key: Hashable, token: Token, now: float) -> None:
        """Add a token."""
        line = self.lines.get(key)
        if line is None:
            line = self.lines[key] = Line()
        line.add(token, now)
        for join in self.joins:
            join.led(key)
        if self.families:
            self.gained(key)

    def lose(self, key: Hashable) -> None:
        """Remove a token."""
        line = self.lines[key]
        line.lose()
        self.lacking()
        for join in self.joins:
            join.losses += 1
        if not line.live:
            del self.lines[key]
            for join in self.joins:
                join.drop(key)

    def head(self, key: Hashable, now: float) -> Token | None:
        """The token of *key* that is taken first."""
        line = self.lines.get(key)
        return None if line is None else line.head(now)

    def earliest(self, key: Hashable, now: float) -> float:
        """The time at which *key* has a token that can be taken: 0 for now."""
        line = self.lines.get(key)
        return NEVER if line is None else line.earliest(now)

    def enough(self, key: Hashable, number: float, now: float) -> float:
        """The time at which *key* has a number of tokens that can be taken: 0 for now."""
        line = self.lines.get(key)
        if line is None:
            return NEVER if number else 0
        return line.enough(number, now)

    def tokens(self, key: Hashable, now: float) -> Iterable[Token]:
        """All tokens of *key* that can be taken at *now*, in order."""
        line = self.lines.get(key)
        return () if line is None else line.tokens(now)

    def firsts(self, key: Hashable, number: int, now: float) -> tuple[Token, ...]:
        """The first tokens of *key* that can be taken at *now*; the caller has checked that they exist."""
        return self.lines[key].firsts(number, now)

    def every(self, key: Hashable, now: float) -> tuple[Token, ...]:
        """All tokens of *key* that can be taken at *now*, in order."""
        return tuple(self.tokens(key, now))


class Presence(Condition):
    """The number of tokens of a place for each key, ready or not."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[Hashable, int] = {}

    def add(self, key: Hashable) -> None:
        """Add a token."""
        self.counts[key] = self.counts.get(key, 0) + 1
        self.lacking()

    def lose(self, key: Hashable) -> None:
        """Remove a token."""
        left = self.counts[key] - 1
        if left:
            self.counts[key] = left
        else:
            del self.counts[key]
            self.gained(key)


class Amounts(dict[Hashable, float]):
    """How many tokens an arc needs of a key, where a function says it: it is asked once for each key.

    Args:
        amount: gives the number, or None for what is none: then no number of tokens will do.
    """

    def __init__(self, amount: Callable[[Hashable], int | None]) -> None:
        super().__init__()
        self._amount = amount

    def __missing__(self, key: Hashable) -> float:
        number = self._amount(key)
        self[key] = NEVER if number is None else number
        return self[key]


class Tally(Condition):
    """A number for each key.

    Args:
        first: what a key's number starts with.
        most: the most that anybody needs of a number: from there on, nobody waits for more.
    """

    __slots__ = ("first", "most", "numbers")

    def __init__(self, first: Callable[[Hashable], int], most: float = 1) -> None:
        super().__init__()
        self.first = first
        self.most = most
        self.numbers: dict[Hashable, int] = {}

    def number(self, key: Hashable) -> int:
        """The number of *key*."""
        number = self.numbers.get(key)
        return self.first(key) if number is None else number

    def take(self, key: Hashable, count: int = 1) -> None:
        """Decrease the number of *key*."""
        self.numbers[key] = self.number(key) - count
        self.lacking()

    def give(self, key: Hashable, count: int = 1) -> bool:
        """Increase the number of *key*; returns whether a record may have waited for that."""
        number = self.number(key)
        self.numbers[key] = number + count
        if number < self.most:
            self.gained(key)
        return number < self.most


class Seen(Condition):
    """The keys of a set, oldest first."""

    __slots__ = ("keys",)

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[Hashable, None] = {}

    def add(self, key: Hashable) -> None:
        """Add *key*, which is new."""
        self.keys[key] = None
        if self.families:
            self.gained(key)
            self.lacking()

    def remove(self, key: Hashable) -> bool:
        """Remove *key*; returns whether it was there."""
        if key not in self.keys:
            return False
        del self.keys[key]
        if self.families:
            self.gained(key)
            self.lacking()
        return True

    def extend(self, keys: Iterable[Hashable]) -> None:
        """Load the keys that were seen before the kernel was loaded."""
        self.keys.update(dict.fromkeys(keys))

    def listed(self) -> tuple[Hashable, ...]:
        """All keys."""
        return tuple(self.keys)


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
        """Add *key*; returns whether it was new."""
        table = self.tables[hash(key) & SHARDS - 1]
        if key in table:
            return False
        table.add(key)
        self.order.append(key)
        if self.families:
            self.gained(key)
            self.lacking()
        return True

    def extend(self, keys: Iterable[Hashable]) -> None:
        """Load the keys that were seen before the kernel was loaded."""
        for key in keys:
            self.add(key)

    def listed(self) -> tuple[Hashable, ...]:
        """All keys."""
        return tuple(self.order)


class Printed(Condition):
    """The keys of a set as fingerprints, which can't be listed."""

    __slots__ = ("keys",)

    def __init__(self) -> None:
        super().__init__()
        self.keys = Fingerprints()

    def add(self, key: Hashable) -> bool:
        """Add *key*; returns whether it was new."""
        if not self.keys.add(key):
            return False
        self.gained(key)
        self.lacking()
        return True

    def extend(self, keys: Iterable[Hashable]) -> None:
        """Load the keys that were seen before the kernel was loaded."""
        self.keys.extend(keys)

    def listed(self) -> tuple[Hashable, ...]:
        """An empty tuple: a caller that needs the keys must keep them."""
        return ()
