"""What a state could not give back as it was is refused before it is written, in one line."""

from __future__ import annotations

import datetime as dt
import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from msgspec import Struct

from scraper_cpn.net import Marking, Net, put, put_new, take
from scraper_cpn.run.live import Ran, running
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.port import StoreError


class Colour(enum.Enum):
    RED = 1


class Part(Struct, frozen=True):
    number: int


class Exact(Struct, frozen=True):
    """Values that are annotated with their types."""

    key: tuple[int, bytes]
    part: Part
    day: dt.date
    colours: frozenset[Colour]
    ratio: float = float("nan")


class Loose(Struct, frozen=True):
    key: Any
    more: Any = None


@dataclass(frozen=True, eq=False)
class Apart:
    """A record that is equal to itself alone."""

    key: str
    more: Any = None


class Wrong(Struct, frozen=True):
    key: str
    number: int = 0


def desk(kind: type[Any]) -> Net:
    """Tokens whose keys are counted and remembered, and that wait for a stamp."""
    net = Net("desk")
    come = net.place("come", kind, key="key", source=True)
    waiting = net.place("waiting", kind, key="key", work=True)
    stamps = net.place("stamps", kind, source=True)
    slots = net.counter("slots", start=2, key="key")
    seen = net.set("seen", kind, key="key")
    new = put_new(seen, waiting, lambda one: one, come)
    net.transition("come_in", [come, take(slots)], outputs=[new])
    stamped = put(net.sink("out", kind), lambda one: one, waiting)
    net.transition("stamp", [waiting, take(slots), stamps], outputs=[stamped], join="key")
    return net


def kept(path: Path, token: Any) -> tuple[Marking, Marking, Ran]:
    """The marking with a token that waits, the same of another process, and what becomes of it."""

    async def first() -> Marking:
        net = desk(type(token))
        async with running(net, {}, keep=path) as live:
            live.inject(net.places["come"], token)  # type: ignore[arg-type]
            return (await live.finish()).marking

    async def second() -> tuple[Marking, Ran]:
        net = desk(type(token))
        async with running(net, {}, keep=path) as live:
            before = live.marking()
            live.inject(net.places["stamps"], token)  # type: ignore[arg-type]
            return before, await live.finish()

    return (anyio.run(first), *anyio.run(second))


def test_what_is_annotated_comes_back_as_it_was(tmp_path: Path) -> None:
    """Records, dates, enumerations, sets, NaN; keys of bytes and tuples, in numbers and sets, too."""
    token = Exact((1, b"x"), Part(2), dt.date(2026, 1, 2), frozenset({Colour.RED}))
    before, after, ran = kept(tmp_path / "state.db", token)
    assert (repr(before.tokens), before.counters, before.sets) == (
        repr(after.tokens),
        after.counters,
        after.sets,
    )
    assert after.counters["slots"] == (((1, b"x"), 1),)
    assert (ran.ended, repr(ran.rows[0].colour)) == ("finished", repr(token))


def test_a_record_that_is_not_compared_by_its_fields_comes_back(tmp_path: Path) -> None:
    """What counts is what is in it."""
    before, after, ran = kept(tmp_path / "state.db", Apart("a", 5))
    assert (repr(before.tokens), ran.ended) == (repr(after.tokens), "finished")


@pytest.mark.parametrize(
    ("token", "why"),
    [
        (Loose((1, 2)), "the field key of Loose is a tuple, and would come back as a list; annotate it with the type that it has"),
        (Loose(1, Part(2)), "the field more of Loose is a Part, and would come back as a dict; annotate it with the type that it has"),
        (Loose(1, [(1, 2)]), "the field more of Loose would come back as another list"),
        (Loose(1, object()), "Encoding objects of type object is unsupported"),
        (Loose(Colour.RED), "the field key of Loose is a Colour, and would come back as a int; annotate it with the type that it has"),
        (Apart("a", (1, 2)), "the field more of Apart is a tuple, and would come back as a list; annotate it with the type that it has"),
        (Wrong(5), "Wrong could not be read back: Expected `str`, got `int`"),  # type: ignore[arg-type]
        (Wrong("\ud800"), "'utf-8' codec can't encode character"),
        (Wrong("a", 2**64), "can't serialize ints"),
    ],
)  # fmt: skip
def test_what_would_come_back_otherwise_is_refused(tmp_path: Path, token: Any, why: str) -> None:
    """The error names the field; the state can still be opened, as it was before."""
    with pytest.raises(StoreError) as error:
        kept(tmp_path / "state.db", token)
    assert error.value.kind == "unfit"
    assert str(error.value).startswith("net desk: something can't be kept: ")
    assert why in str(error.value)
    assert "\n" not in str(error.value)


def test_keys_that_json_does_not_know_are_refused() -> None:
    """A key of a number or a set is text, bytes, a number, a truth value, None, or a tuple of them."""
    codec = Codec(desk(Exact))
    with pytest.raises(TypeError, match="a key of type date can't be kept"):
        codec.number("slots", dt.date(2026, 1, 2), 1)
    for key in ("x", b"x", 1, 1.5, None, True, (1, (b"", "y"))):
        assert codec.number_key(codec.number("slots", key, 1)) == ("slots", key)
