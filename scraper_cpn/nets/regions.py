"""A ring whose places are in several regions: each may be run by another machine, and hands its balls to the next one.

It is the net with which DiPeN measures how long a token takes from one machine to another. On one machine it is one
net; with `--database ADDRESS`, given to as many processes as you like, each region is a partition:

    python -m scraper_cpn.nets.regions --database postgres://user@host/db?name=ring

    >>> from scraper_cpn.simulate.net import simulate_net
    >>> made = regions_net(2)
    >>> balls = [Ball(number, 0, 3) for number in range(2)]
    >>> done = simulate_net(made.net, {"hand": (1, Passed())}, {made.balls: balls})
    >>> done.ended, done.firings, [row.colour for row in done.rows]
    ('finished', 6, [Ball(number=0, region=1, left=0), Ball(number=1, region=1, left=0)])
"""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import Struct

from scraper_cpn.net import At, Lost, Net, Place, channel, consume, credit, hold, on, put, take
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.outputs import Output
from scraper_cpn.nets.scene import Scene, main


class Ball(Struct, frozen=True):
    """A ball, the region where it is, and how many times it is still to be passed."""

    number: int
    region: int
    left: int

    @property
    def where(self) -> At:
        """Its partition key: regions are partitions."""
        return At(self.region)


class Passed(Struct, frozen=True):
    """The outcome of passing it."""


class Regions(NamedTuple):
    """The net, and where its balls are."""

    net: Net
    balls: Place[Ball]
    out: Place[Ball]


def regions_net(regions: int, allowance: int | None = None) -> Regions:
    """A ring through so many regions, with at most *allowance* passes in all of them together."""
    net = Net("regions", partition="where")
    pass_on = net.effect("hand", Passed)
    balls: Place[Ball] = net.place("balls", Ball, work=True, share=channel("where"))
    out = net.sink("out", Ball)
    ball = take(balls, when=_goes_on)
    held: list[Arc[Any]] = []
    used: list[Output] = []
    if allowance is not None:
        passes = net.counter("passes", start=allowance, budget=True, share=credit)
        held, used = [hold(passes)], [consume(passes)]

    def onward(ball: Ball) -> Ball:
        return Ball(ball.number, (ball.region + 1) % regions, ball.left - 1)

    net.transition(
        "pass",
        [ball, *held],
        effect=pass_on(ball),
        outcomes=[on(Passed, put(balls, onward, ball), *used), on(Lost, put(balls, _same, ball))],
    )
    net.transition("leave", [take(balls, when=_is_over)], outputs=[put(out)])
    return Regions(net, balls, out)


def _goes_on(ball: Ball) -> bool:
    return ball.left > 0


def _is_over(ball: Ball) -> bool:
    return ball.left == 0


def _same(ball: Ball) -> Ball:
    return ball


async def hand(_ball: Ball) -> Passed:
    """Pass a ball: there is nothing to do."""
    return Passed()


def scene(regions: int = 2, balls: int = 4, passes: int = 100) -> Scene:
    """Some balls in some regions."""
    first = [Ball(number, number % regions, passes) for number in range(balls)]
    return Scene(regions_net(regions).net, {"hand": hand}, {"balls": first}, regions)


if __name__ == "__main__":
    raise SystemExit(main(scene()))
