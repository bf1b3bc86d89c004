"""A shelf as a store's is: a view of a table that has all tokens, those in memory among them.

Owns: the awkward shelf, which lists all that was ever put or committed and has not left.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

from scraper_cpn.net.shelf import Bound, Order, Shelved


class TableShelf:
    """What a kernel tells it, and what `commit` writes, in one table.

    Attributes:
        rows: place, key, order and serial, with the colour.
        away: place and serial of what has left.
        reads: keys that were read, in turn.
    """

    def __init__(self) -> None:
        self.rows: dict[tuple[str, Hashable, Order, int], Any] = {}
        self.away: set[tuple[str, int]] = set()
        self.reads: list[Hashable] = []

    def put(self, place: str, key: Hashable, order: Order, serial: int, colour: Any) -> None:
        self.away.discard((place, serial))
        self.rows[place, key, order, serial] = colour

    def take(
        self, place: str, key: Hashable, order: Order, serial: int, most: int
    ) -> tuple[list[Shelved], Bound | None]:
        self.reads.append(key)
        found = [
            (row[2], row[3], colour)
            for row, colour in self.rows.items()
            if row[:2] == (place, key)
            and row[2:] >= (order, serial)
            and (place, row[3]) not in self.away
        ]
        found.sort(key=lambda token: token[:2])
        return found[:most], found[most][:2] if len(found) > most else None

    def left(self, place: str, serial: int) -> None:
        self.away.add((place, serial))

    def rest(self, place: str) -> Iterable[Shelved]:
        for (stands, _, order, serial), colour in self.rows.items():
            if stands == place and (place, serial) not in self.away:
                yield order, serial, colour

    def commit(
        self, born: Iterable[tuple[str, Hashable, Order, int, Any]], gone: Iterable[tuple[str, int]]
    ) -> None:
        """A batch is durable: it brings the rows of all tokens, wherever they are."""
        for place, key, order, serial, colour in born:
            self.rows[place, key, order, serial] = colour
        dead = set(gone)
        self.rows = {row: c for row, c in self.rows.items() if (row[0], row[3]) not in dead}
