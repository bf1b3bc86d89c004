"""Dining philosophers: each takes the fork at its left, and then the one at its right.

With a chair for each, all may sit down, take one fork, and wait for ever: a deadlock. With one chair fewer, somebody
can always eat. A proof finds the first and shows the way to it, and proves the second:

    >>> from scraper_cpn.analysis import Instance, ends, verify
    >>> def proved(chairs: int) -> str:
    ...     tokens = {"hungry": guests(3), "forks": forks(3)}
    ...     instance = Instance(tokens=tokens, outcomes={"eat": lambda guest: [Eaten()]})
    ...     return verify(philosophers_net(3, chairs), instance, ends()).verdicts[0].status
    >>> proved(chairs=3), proved(chairs=2)
    ('refuted', 'proved')
"""

from __future__ import annotations

import anyio
from msgspec import Struct

from scraper_cpn.net import Lost, Net, on, put, take
from scraper_cpn.nets.scene import Scene, main


class Guest(Struct, frozen=True):
    """A philosopher: its seat, and the number of the fork that it takes next."""

    seat: int
    fork: int


class Fork(Struct, frozen=True):
    """A fork, at the left of the seat with its number."""

    fork: int


class Eaten(Struct, frozen=True):
    """The outcome of a meal."""


def philosophers_net(number: int, chairs: int) -> Net:
    """A number of philosophers, of whom a limited number may sit at the table at a time."""

    def right(guest: Guest) -> Guest:
        return Guest(guest.seat, (guest.seat + 1) % number)

    def both(guest: Guest) -> list[Fork]:
        return [Fork(guest.seat), Fork(guest.fork)]

    net = Net("philosophers")
    hungry = net.place("hungry", Guest, key="fork", source=True, work=True)
    free = net.place("forks", Fork, key="fork", source=True)
    waiting = net.place("waiting", Guest, key="fork", work=True)
    seats = net.counter("chairs", start=chairs)
    fed = net.sink("fed", Guest)
    eat = net.effect("eat", Eaten)
    net.transition("sit_down", [hungry, free, take(seats)], outputs=[put(waiting, right, hungry)])
    rises = [put(free, both, waiting), put(seats)]
    net.transition(
        "eat",
        [waiting, free],
        effect=eat(waiting),
        outcomes=[on(Eaten, *rises, put(fed)), on(Lost, *rises, put(hungry, _again, waiting))],
    )
    return net


def _again(guest: Guest) -> Guest:
    return Guest(guest.seat, guest.seat)


def guests(number: int) -> list[Guest]:
    """A number of hungry philosophers."""
    return [Guest(seat, seat) for seat in range(number)]


def forks(number: int) -> list[Fork]:
    """A number of forks."""
    return [Fork(fork) for fork in range(number)]


async def eat(_: Guest) -> Eaten:
    """Eat for a while."""
    await anyio.sleep(0.01)
    return Eaten()


def scene(number: int = 5) -> Scene:
    """Some philosophers, and one chair fewer."""
    return Scene(
        philosophers_net(number, number - 1),
        {"eat": eat},
        {"hungry": guests(number), "forks": forks(number)},
    )


if __name__ == "__main__":
    raise SystemExit(main(scene()))
