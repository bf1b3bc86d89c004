"""Changes of a marking from outside the net, between two openings of a run.

Owns: `Edit`, which is written into the journal like any other input. The caller that opens the run
decides what to edit.
Must not know: SQL, files, what a net is for.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from scraper_cpn.net.changes import Changes, Durable
from scraper_cpn.net.marking import Standing
from scraper_cpn.net.places import Counter, KeySet, Place
from scraper_cpn.store.codec import Codec, key_from

T = TypeVar("T")


@dataclass
class Edit:
    """Tokens to remove and add, numbers to set, and keys to add to sets.

    Attributes:
        now_ns: the time of the edit; the kernel's time never goes back.
        gone: serials of the tokens to remove.
        born: tokens to add: place, colour, ready at, expires at.
        numbers: numbers to set: counter, key, number as if nothing were in flight.
        seen: keys to add: set and new key.
    """

    now_ns: int
    gone: list[int] = field(default_factory=list)
    born: list[tuple[str, Any, int, int | None]] = field(default_factory=list)
    numbers: list[tuple[str, Hashable, int]] = field(default_factory=list)
    seen: list[tuple[str, Hashable]] = field(default_factory=list)

    def put(
        self,
        place: Place[T],
        colour: T,
        ready_at_ns: int = 0,
        expires_at_ns: int | None = None,
    ) -> None:
        """Put a token into a place."""
        self.born.append((place.name, colour, ready_at_ns, expires_at_ns))

    def set_number(self, counter: Counter, key: Hashable, number: int) -> None:
        """Set the number of a key, as if nothing were in flight; the plain counter's key is None."""
        self.numbers.append((counter.name, key, number))

    def see(self, known: KeySet[Any], key: Hashable) -> None:
        """Add a key to a set."""
        self.seen.append((known.name, key))

    def replace(self, token: Standing, colour: Any, ready_at_ns: int) -> None:
        """Replace a token by another one."""
        self.gone.append(token.serial)
        self.born.append((token.place, colour, ready_at_ns, token.expires_at_ns))

    def changes(self, durable: Durable) -> Changes:
        """The changes of the edit. New tokens get new serials."""
        serial = durable.next_serial
        born = tuple(
            Standing(place, serial + number, colour, ready_ns, expires_ns)
            for number, (place, colour, ready_ns, expires_ns) in enumerate(self.born)
        )
        return Changes(
            now_ns=self.now_ns,
            next_serial=serial + len(born),
            next_id=durable.next_id,
            born=born,
            gone=tuple(durable.tokens[each] for each in self.gone),
            numbers=tuple(self.numbers),
            seen=tuple(self.seen),
            forgotten=(),
            begun=(),
            ended=(),
            faulted=(),
        )

    def packed(self, codec: Codec) -> Any:
        """Encode the edit."""
        born = [(place, codec.pack(colour), *times) for place, colour, *times in self.born]
        return (self.now_ns, self.gone, born, self.numbers, self.seen)

    @classmethod
    def unpack(cls, codec: Codec, packed: Any) -> Edit:
        """Decode an edit."""
        now_ns, gone, born, numbers, seen = packed
        places: Any = codec.net.places
        return cls(
            now_ns,
            gone,
            [
                (name, codec.unpack(places[name].colour, colour), *times)
                for name, colour, *times in born
            ],
            [(name, key_from(key), number) for name, key, number in numbers],
            [(name, key_from(key)) for name, key in seen],
        )
