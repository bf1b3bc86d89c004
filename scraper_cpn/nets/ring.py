"""Rings in which a ball goes round: the net that DiPeN's benchmark runs.

Each ring has two places, P1 and P2, and two transitions that pass the ball on, T1 and T2, until it has made its
rounds; I puts it in and takes it out. One ring can do one thing at a time, so that it measures how long a
firing takes from its decision to its end; many rings measure how many firings go on at once.

    >>> from scraper_cpn.simulate.net import simulate_net
    >>> net = ring_net(copies=2, passes=3)
    >>> done = simulate_net(net, {"hand": (1, Passed())}, {})
    >>> done.ended, done.firings, [row.colour for row in done.rows]
    ('finished', 6, [Ball(ring=0, left=0), Ball(ring=1, left=0)])
"""

from __future__ import annotations

from msgspec import Struct

from scraper_cpn.net import Lost, Net, on, put, take
from scraper_cpn.nets.scene import Scene, main


class Ball(Struct, frozen=True):
    """A ball, and how many times it is still to be passed."""

    ring: int
    left: int


class Passed(Struct, frozen=True):
    """The outcome of passing it."""


def ring_net(copies: int, passes: int) -> Net:
    """A number of rings; in each, a ball is passed a number of times."""
    net = Net("ring")
    hand = net.effect("hand", Passed)
    out = net.sink("out", Ball)
    for ring in range(copies):
        new = net.counter(f"new{ring}", start=1)
        p1, p2 = (net.place(f"{name}_{ring}", Ball, work=True) for name in ("P1", "P2"))

        def first(_: int, ring: int = ring) -> Ball:
            return Ball(ring, passes)

        net.transition(f"I_{ring}", [new], outputs=[put(p1, first, new)])
        for name, here, there in (("T1", p1, p2), ("T2", p2, p1)):
            net.transition(
                f"{name}_{ring}",
                [take(here, when=_goes_on)],
                effect=hand(here),
                outcomes=[on(Passed, put(there, _passed, here)), on(Lost, put(here))],
            )
            net.transition(f"{name}_{ring}_out", [take(here, when=_is_over)], outputs=[put(out)])
    return net


def _goes_on(ball: Ball) -> bool:
    return ball.left > 0


def _is_over(ball: Ball) -> bool:
    return ball.left == 0


def _passed(ball: Ball) -> Ball:
    return Ball(ball.ring, ball.left - 1)


async def hand(_ball: Ball) -> Passed:
    """Pass a ball: there is nothing to do."""
    return Passed()


def scene(copies: int = 4, passes: int = 100) -> Scene:
    """Some rings."""
    return Scene(ring_net(copies, passes), {"hand": hand}, {})


if __name__ == "__main__":
    raise SystemExit(main(scene()))
