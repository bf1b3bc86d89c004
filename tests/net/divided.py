"""Random nets that can be divided by a key; with functions that keep it, or some that don't."""

from __future__ import annotations

from random import Random
from typing import Any

from msgspec import Struct

from scraper_cpn.net import Lost, Net, channel, on, put, put_new

KEYS = ("a", "b", "c", "d", "e")


class Item(Struct, frozen=True):
    key: str
    id: int
    left: int


class Done(Struct, frozen=True):
    pass


def random_net(random: Random, *, wrong: int = 0) -> Net:
    """Places that keep a key, and channels that change it, with effects, sets and numbers, and without conflicts.

    *wrong*: per cent of the functions that change the key of a token that does not cross.
    """
    net = Net("random", partition="key")
    places: list[Any] = [net.place("p0", Item, key="key", source=True, work=True)]
    for number in range(1, random.randint(3, 5)):
        share = channel() if random.random() < 0.6 else None
        places.append(net.place(f"p{number}", Item, key="key", source=True, work=True, share=share))
    rest = net.place("rest", Item, key="key")
    out, work = net.sink("out", Item), net.effect("work", Done)
    tally = net.counter("tally", start=0, key="key")
    known = net.set("known", Item, key=("key", "id"))
    for number, place in enumerate(places):
        kind = (
            ("effect", "once")[number] if number < 2 else random.choice(("effect", "once", "plain"))
        )
        there = places[0] if kind == "once" else random.choice(places)
        free = there.share is not None or random.randrange(100) < wrong
        make = _moved(random.randrange(5) if free else 0)
        first = put_new(known, there, make, place) if kind == "once" else put(there, make, place)
        going = [first, put(out, _over, place), put(rest, _resting, place), put(tally)]
        if kind == "effect":
            ends = [on(Done, *going), on(Lost, put(place))]
            net.transition(f"t{number}", [place], effect=work(place), outcomes=ends)
        else:
            net.transition(f"t{number}", [place], outputs=going)
    net.transition("wake", [rest], outputs=[put(places[0])], manual=True)
    return net


def _moved(by: int) -> Any:
    def moved(item: Item) -> Item | None:
        """The item with the key that is so many further on, as long as it has steps left."""
        if item.left == 0:
            return None
        at = KEYS.index(item.key) + by * (item.id % 3)
        return Item(KEYS[at % len(KEYS)], item.id, item.left - 1)

    return moved


def _over(item: Item) -> Item | None:
    return item if item.left == 0 else None


def _resting(item: Item) -> Item | None:
    return item if item.left == 0 and item.id % 2 else None


def same(item: Item) -> Item:
    return item
