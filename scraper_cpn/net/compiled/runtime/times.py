"""The tokens of a paged place of a compiled net that is timed: the first of them, and how many more there are.

Owns: when the first token can be taken. Nothing here is specific to a net.
Must not know: places, transitions, the user's functions, the trace, where a shelf has its tokens.

Tokens go in the order in which they become ready, so that the time of the first one is the next useful time, whether that
token is in memory or on the shelf. Those that become ready late are all on the shelf, which is read when the
first of them is due and bound.

Cost: every operation is O(log n), n being the tokens in memory (a page at most), and what the shelf takes.
"""

from __future__ import annotations

from typing import Any

from scraper_cpn.net.compiled.runtime.lines import NEVER, Token
from scraper_cpn.net.compiled.runtime.paged import PagedLine, Pages
from scraper_cpn.net.shelf import Order, Shelf

__all__ = ["PagedTimes"]


class PagedTimes:
    """The tokens of a place by the time from which on they are ready: one line of pages.

    Args:
        name: of the place.
        shelf: where those are that are not in memory.
    """

    __slots__ = ("line", "pages")

    def __init__(self, name: str, shelf: Shelf) -> None:
        self.pages = Pages(name, 1, shelf, timed=True)
        self.line = PagedLine()

    def __len__(self) -> int:
        return len(self.pages)

    def add(self, _key: None, token: Token) -> None:
        """Add a token."""
        token.order = token.ready
        self.pages.add(self.line, None, token)

    def shelve(self, _key: None, count: int, order: Order, serial: int) -> None:
        """The shelf has so many tokens, and this is the first one's turn; there are no others yet."""
        self.line = self.pages.shelve(count, order, serial)

    def lose(self, _key: None, serial: int) -> None:
        """The first token, which `head` gave, has been taken."""
        self.pages.lose(self.line, serial)

    def head(self, now: float) -> Token | None:
        """The token that is taken first at *now*; from the shelf if need be."""
        return self.pages.head(self.line, None) if self._first() <= now else None

    def earliest(self, now: float) -> float:
        """When there is a token that can be taken: 0 for now."""
        first = self._first()
        return 0 if first <= now else first

    def listed(self) -> dict[int, tuple[int, Any]]:
        """Ready time and colour of all tokens, by serial. Cost: O(tokens)."""
        return self.pages.listed([self.line])

    def _first(self) -> float:
        """The time of the first token, without a look at the shelf."""
        line = self.line
        if line.ready:
            first: int = line.ready[0][0]
            return first
        return line.order if line.shelved else NEVER
