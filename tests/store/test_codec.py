"""How colours become bytes and come back."""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from scraper_cpn.net import Net
from scraper_cpn.store.codec import Codec


class Inner(msgspec.Struct, frozen=True):
    word: str
    more: tuple[int, ...] = ()


class Plain(msgspec.Struct, frozen=True):
    host: str
    inner: Inner
    limit: int | None = None
    keys: frozenset[str] = frozenset()


class Empty(msgspec.Struct, frozen=True):
    pass


class Renamed(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    ready_at: int
    tried_by: tuple[str, ...] = ()


class Tagged(msgspec.Struct, frozen=True, tag=True, kw_only=True, forbid_unknown_fields=True):
    host: str
    inner: Inner


class Listed(msgspec.Struct, frozen=True, array_like=True):
    host: str
    times: tuple[int, ...]


class TaggedList(Listed, frozen=True, tag="listed"):
    pass


class Positive(msgspec.Struct):
    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError("is below 0")


@dataclass(frozen=True)
class Data:
    host: str
    times: tuple[int, ...]


INNER = Inner("a", (1, 2))
STORED: list[tuple[Any, Any]] = [
    (Plain("h", INNER, None, frozenset({"k"})), ["h", {"word": "a", "more": [1, 2]}, None, ["k"]]),
    (Empty(), []),
    (Renamed(7), [7, []]),
    (Tagged(host="h", inner=INNER), ["h", {"word": "a", "more": [1, 2]}]),
    (Listed("h", (1, 2)), ["h", [1, 2]]),
    (TaggedList("h", (1, 2)), ["h", [1, 2]]),
    (Positive(3), [3]),
    (Data("h", (1, 2)), {"host": "h", "times": [1, 2]}),
    ("text", "text"),
    (2**63, 2**63),
    (1.0, 1.0),
]


@pytest.mark.parametrize(("colour", "stored"), STORED, ids=lambda each: type(each).__name__)
def test_a_colour_is_stored_by_field_and_comes_back(colour: Any, stored: Any) -> None:
    """The stored form, which states on disk have, is pinned; decoded it is the same value and type."""
    codec = Codec(Net("small"))
    packed = msgspec.msgpack.decode(msgspec.msgpack.encode(codec.pack(colour)))
    assert packed == stored
    back = codec.unpack(type(colour), packed)
    assert back == colour
    assert type(back) is type(colour)


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        (Plain, ["h"]),
        (Plain, ["h", {"word": "a"}, None, [], 1]),
        (Plain, [1, {"word": "a"}, None, []]),
        (Plain, ["h", {}, None, []]),
        (Listed, ["h"]),
        (Positive, [-1]),
        (Plain, 5),
        (int, "text"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_an_error(kind: type[Any], stored: Any) -> None:
    """Too few or too many fields and wrong types raise what a damaged state is reported by."""
    with pytest.raises((msgspec.MsgspecError, ValueError, TypeError)):
        Codec(Net("small")).unpack(kind, stored)
