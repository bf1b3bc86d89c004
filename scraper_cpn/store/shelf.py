"""A shelf that is a view of a store's table.

Owns: which tokens are on the shelf, among those in the table and those that are not committed yet.
The table lists every token of a paged place until the commit that removes it.
Must not know: SQL, what a net is for.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Any

from scraper_cpn.net.shelf import Bound, Order, Shelved
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.port import Batch, Store


class StoreShelf:
    """A `Shelf` on a store.

    Args:
        store: the store whose table of paged places is read.
        codec: the codec of the net.
        next_serial: the serial of the first token that the store does not have.
    """

    def __init__(self, store: Store, codec: Codec, next_serial: int) -> None:
        self._store = store
        self._codec = codec
        self._next_serial = next_serial
        self._fresh: dict[tuple[str, Hashable], dict[int, tuple[Order, Any]]] = {}
        """Tokens on the shelf that are not committed."""
        self._left: dict[int, None] = {}
        """Tokens that firings have taken, but that are still in the table."""

    @property
    def remembered(self) -> int:
        """How many tokens are held in memory, beside the table."""
        return len(self._left) + sum(map(len, self._fresh.values()))

    def put(self, place: str, key: Hashable, order: Order, serial: int, colour: Any) -> None:
        """Remember a token that is not in the table yet."""
        self._left.pop(serial, None)
        if serial >= self._next_serial:
            self._fresh.setdefault((place, key), {})[serial] = (order, colour)

    def left(self, _place: str, serial: int) -> None:
        """Remember that a token in the table was taken."""
        self._left[serial] = None

    def take(
        self, place: str, key: Hashable, order: Order, serial: int, most: int
    ) -> tuple[list[Shelved], Bound | None]:
        """The first tokens, from the table and from those that are not in it yet."""
        fresh = self._fresh.get((place, key), {})
        found = {number: (order, number, colour) for number, (order, colour) in fresh.items()}
        for row in self._rows(place, key, order, serial, most + 1):
            found[row[1]] = row
        taken = sorted(found.values(), key=_turn)
        for _, number, _ in taken[:most]:
            fresh.pop(number, None)
        rest = taken[most:]
        return [self._read(place, each) for each in taken[:most]], _turn(rest[0]) if rest else None

    def rest(self, place: str) -> Iterable[Shelved]:
        """All tokens of a place. Cost: O(tokens of all paged places)."""
        for row in self._store.saved().paged:
            if row[0] == place and row[4] not in self._left:
                yield (row[2], row[3]), row[4], self._codec.colour(place, row[5])
        for (name, _), fresh in self._fresh.items():
            if name == place:
                yield from ((order, serial, colour) for serial, (order, colour) in fresh.items())

    def committed(self, batch: Batch) -> None:
        """Forget what a committed batch has written to the table."""
        first, self._next_serial = self._next_serial, batch.next_serial
        there = {row[4] for row in batch.paged_born}
        for serial in [each for each in self._left if first <= each < batch.next_serial]:
            if serial not in there:  # it was put and taken within the batch: the table never had it
                del self._left[serial]
        for key, fresh in list(self._fresh.items()):
            kept = {serial: each for serial, each in fresh.items() if serial >= batch.next_serial}
            if kept:
                self._fresh[key] = kept
            else:
                del self._fresh[key]
        for gone in batch.paged_gone:
            self._left.pop(gone[4], None)

    def _rows(
        self, place: str, key: Hashable, order: Order, serial: int, most: int
    ) -> Iterator[Shelved]:
        """The first tokens of a key in the table that were not taken, still encoded."""
        first = (*order, serial)
        number = 0
        while number < most:
            page = self._store.page(place, self._codec.key(place, key), first, most)
            for row in page:
                if row[4] not in self._left:
                    number += 1
                    yield (row[2], row[3]), row[4], row[5]
            if len(page) < most:
                return
            last = page[-1]
            first = (last[2], last[3], last[4] + 1)

    def _read(self, place: str, each: Shelved) -> Shelved:
        """Decode a token's colour, if it came from the table."""
        order, serial, colour = each
        if isinstance(colour, bytes):
            return order, serial, self._codec.colour(place, colour)
        return each


def _turn(each: Shelved) -> Bound:
    return each[0], each[1]
