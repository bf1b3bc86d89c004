"""What each partition of a net has of a place, and which partition a key belongs to.

Owns: the words for shares (`keyed`, `local`, `constant`, `channel`, `credit`, `leased`), `partition_of`, and `Partition`,
which a kernel asks whether a key is its own. `partitions.py` checks what a net declares with these words.
Must not know: nets, tokens, how partitions are run or meet.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Literal, NamedTuple

from msgspec import Struct
from xxhash import xxh3_64_intdigest

ShareKind = Literal["keyed", "local", "constant", "channel", "credit", "leased"]

OWNERS_REMEMBERED = 262_144
"""Keys of which a kernel remembers whether they are its own: some 30 MB at most."""

_SHORT_BYTES = 8
_KEY_TYPES = "give texts, bytes, numbers, None, At, or tuples of these"


class Share(NamedTuple):
    """What a partition has of a place.

    Attributes:
        kind: see the functions and names of this module.
        by: what tells the partition key of a token: a field of its colour, or a pure function of it; of a counter, of
            its key. None: a key of the place does.
    """

    kind: ShareKind
    by: str | Callable[[Any], Hashable] | None = None


def keyed(by: str | Callable[[Any], Hashable] | None = None) -> Share:
    """Each token is in the partition that its partition key belongs to.

    Args:
        by: a field of the colour, or a pure function of it, where no key of the place tells the partition key.
    """
    return Share("keyed", by)


def channel(by: str | Callable[[Any], Hashable] | None = None) -> Share:
    """Tokens may be put here by any partition, and come out in the one that their partition key belongs to.

    Args:
        by: as that of `keyed`.
    """
    return Share("channel", by)


local = Share("local")
"""Each partition has tokens of its own, which never leave it and need no key: permits, stages, what it has begun."""
constant = Share("constant")
"""Each partition has the same tokens, and they never change: settings. They are only read."""
credit = Share("credit")
"""A plain counter that is one budget of all partitions: each draws units of it, and returns those that it needs no more."""
leased = Share("leased")
"""Each token is in one partition at a time, and moves when it is released: proxies, machines."""


class Credit(Struct, frozen=True):
    """One unit of a budget, on its way into a partition or out of it."""


class At(Struct, frozen=True):
    """A partition key that is the number of its partition (modulo their number), for those who place keys themselves."""

    partition: int


class Misplaced(Exception):  # noqa: N818  (named after what it is)
    """A token was put where its key does not belong: the error with which it is set aside."""


def partition_of(key: Hashable, partitions: int) -> int:
    """Return the partition of a key, from 0 to *partitions* - 1; the same on every machine and in every version.

    It is the 64-bit XXH3 of the packed key, modulo *partitions*. Keys that are equal are packed alike: 1, 1.0 and True.

    Raises:
        TypeError: the key has no packed form.
    """
    if isinstance(key, At):
        return key.partition % partitions
    return xxh3_64_intdigest(_packed(key)) % partitions


def _packed(key: Hashable) -> bytes:
    """A key as bytes: a letter for its type, and its value; the parts of a tuple with their lengths."""
    if isinstance(key, str):
        return b"s" + key.encode("utf-8", "surrogatepass")
    if isinstance(key, float) and not key.is_integer():
        return b"f" + key.hex().encode()
    if isinstance(key, int | float):
        return b"i%d" % int(key)
    if isinstance(key, bytes):
        return b"b" + key
    if isinstance(key, tuple):
        parts = [_packed(part) for part in key]
        return b"t" + b"".join(len(part).to_bytes(_SHORT_BYTES, "big") + part for part in parts)
    if key is None:
        return b"n"
    raise TypeError(f"{type(key).__name__} is no partition key; {_KEY_TYPES}")


class Partition:
    """One partition of several: a kernel is given it, and keeps to the keys that belong to it.

    >>> partition = Partition(1, 4)
    >>> [key for key in ("a.test", "b.test", "c.test", "d.test", "e.test") if partition.owns(key)]
    ['d.test']

    Args:
        number: from 0 to *of* - 1.
        of: how many there are.
    """

    def __init__(self, number: int, of: int) -> None:
        if type(number) is not int or type(of) is not int or not 0 <= number < of:
            raise ValueError(
                f"partition {number!r} of {of!r}: give a number from 0 up, below the second"
            )
        self.number, self.of = number, of
        self._known: dict[Hashable, bool] = {}

    def __repr__(self) -> str:
        return f"<partition {self.number} of {self.of}>"

    def owns(self, key: Hashable) -> bool:
        """Whether a partition key belongs to it; `TypeError` if it is none. Cost: a dict look-up for a known key."""
        known = self._known.get(key)
        if known is None:
            known = partition_of(key, self.of) == self.number
            if len(self._known) >= OWNERS_REMEMBERED:
                self._known.clear()
            self._known[key] = known
        return known

    def check(self, place: str, key: Hashable) -> None:
        """Raise `Misplaced` if a token with this key must not be put into *place* here."""
        if not self.owns(key):
            raise Misplaced(self.objection(place, key))

    def objection(self, place: str, key: Hashable) -> str:
        """Why a token with a key must not be put into *place* here."""
        owner = partition_of(key, self.of)
        return (
            f"{key!r} belongs to partition {owner} of {self.of}, but was put into {place} of partition {self.number}; "
            "put it into a channel, or keep the key of what is taken"
        )
