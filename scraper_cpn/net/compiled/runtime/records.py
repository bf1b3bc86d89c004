"""The contents of records: the tokens of a key, one or several, and heaps of records.

Owns: the structures that generated code keeps in records and lists records with. Nothing here is
specific to a net.
Must not know: places, transitions, the user's functions, the trace.

Cost: every operation is O(log n) amortised, n being the tokens of the key; thinning costs what there is, and
comes only when half of it is dead.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heapify
from typing import Any, TypeVar

from scraper_cpn.net.compiled.runtime.lines import NEVER, Line, Token

__all__ = ["Held", "Twin", "thin", "thin_due", "with_token", "without"]

L = TypeVar("L", "Line", "Twin")


class Twin:
    """Tokens for those that wait until they are ready, and for those that do not: two lines of the same."""

    __slots__ = ("ignores_ready", "line")

    def __init__(self) -> None:
        self.line = Line()
        self.ignores_ready = Line()

    @property
    def live(self) -> int:
        """The number of tokens."""
        return self.line.live

    def add(self, token: Token, now: float) -> None:
        """Add a token."""
        self.line.add(token, now)
        self.ignores_ready.add(token, NEVER)

    def lose(self) -> None:
        """Count a token as removed."""
        self.line.lose()
        self.ignores_ready.lose()

    def tokens(self, now: float) -> Iterator[Token]:
        """All tokens that can be taken at *now*, in order; see `Line.tokens`."""
        return self.line.tokens(now)


def with_token(held: Token | L, token: Token, now: float, kind: type[L]) -> L:
    """Add a token to the tokens of a key; returns the result."""
    if isinstance(held, Token):
        line = kind()
        line.add(held, now)
    else:
        line = held
    line.add(token, now)
    return line


def without(line: L) -> L | None:
    """Count one of a key's tokens as removed; returns the rest, or None if it was the last."""
    line.lose()
    return line if line.live else None


class Held:
    """The tokens of a place that are in records: a view of these.

    Args:
        records: by key.
        field: that has a key's only token, or its tokens, or None.
        expired: those whose time has passed, where they have one.

    Cost: O(keys), but for the question whether there is any token as long as most keys have one.
    """

    def __init__(self, records: dict[Any, Any], field: str, expired: Line | None = None) -> None:
        self._records = records
        self._field = field
        self._expired = expired

    def __iter__(self) -> Iterator[Token]:
        for record in self._records.values():
            held = getattr(record, self._field)
            if held is not None:
                yield from (held,) if isinstance(held, Token) else held.tokens(NEVER)
        if self._expired is not None:
            yield from self._expired.tokens(NEVER)

    def of(self, key: Any) -> Iterator[Token]:
        """The tokens of a key, and all expired tokens. Cost: O(their number)."""
        held = getattr(self._records.get(key), self._field, None)
        if held is not None:
            yield from (held,) if isinstance(held, Token) else held.tokens(NEVER)
        if self._expired is not None:
            yield from self._expired.tokens(NEVER)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return any(True for _ in self)


def thin(heap: list[Any], field: str, at: int) -> None:
    """Drop the entries of a heap that differ from the *field* of their record."""
    heap[:] = [entry for entry in dict.fromkeys(heap) if getattr(entry[-1], field) == entry[at]]
    heapify(heap)


def thin_due(times: list[int], due: dict[int, list[Any]], field: str) -> int:
    """Drop the alarms that differ from the *field* of their record, and doubles; returns the number of the rest."""
    for at, records in list(due.items()):
        due[at] = list(dict.fromkeys(each for each in records if getattr(each, field) == at))
        if not due[at]:
            del due[at]
    times[:] = sorted(due)
    return sum(map(len, due.values()))
