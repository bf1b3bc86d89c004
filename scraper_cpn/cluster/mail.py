"""Tokens on their way between partitions, as rows of the outbox.

Owns: the bytes of such a row.
Must not know: the database, kernels, when tokens are sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from scraper_cpn.net import Place
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.port import StoreError

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[tuple[str, Any, int, int | None]]).decode


class Letter(Struct, frozen=True):
    """A token that is to be put into a source of another partition."""

    place: Place[Any]
    colour: Any
    ready_at_ns: int = 0
    expires_at_ns: int | None = None


def packed(codec: Codec, letters: Iterable[Letter]) -> bytes:
    """Encode letters to one partition."""
    return _encode(
        [
            (each.place.name, codec.pack(each.colour), each.ready_at_ns, each.expires_at_ns)
            for each in letters
        ]
    )


def opened(codec: Codec, body: bytes) -> Iterator[Letter]:
    """Decode letters. Raises `StoreError` ("damaged")."""
    try:
        for name, colour, ready_ns, expires_ns in _decode(body):
            place: Any = codec.net.places[name]
            yield Letter(place, codec.unpack(place.colour, colour), ready_ns, expires_ns)
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
        raise StoreError("damaged", f"a row of the outbox can't be read: {error}") from error


def by_partition(letters: Sequence[tuple[int, Letter]]) -> dict[int, list[Letter]]:
    """Letters by the partition that they are for, in order."""
    sorted_out: dict[int, list[Letter]] = {}
    for pid, letter in letters:
        sorted_out.setdefault(pid, []).append(letter)
    return sorted_out
