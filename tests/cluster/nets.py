"""Small nets with a partition key, for tests of clusters."""

from __future__ import annotations

from msgspec import Struct

from scraper_cpn.cluster.work import Work
from scraper_cpn.net import Lost, Net, Place, consume, hold, on, put, take
from scraper_cpn.net.shares import At, channel, credit, leased


class Ball(Struct, frozen=True):
    """A ball in a region, and how often it is still to be passed."""

    number: int
    region: int
    left: int

    @property
    def where(self) -> At:
        """Its partition key: the region is the partition."""
        return At(self.region)


class Passed(Struct, frozen=True):
    """The outcome of passing it on."""


class Regions:
    """Balls that go from region to region, and come out when they have made their rounds.

    Args:
        regions: how many.
        allowance: how many passes all regions have together; None: there is no limit.
    """

    def __init__(self, regions: int = 2, allowance: int | None = None) -> None:
        net = self.net = Net("regions", partition="where")
        hand = net.effect("hand", Passed)
        self.balls: Place[Ball] = net.place("balls", Ball, work=True, share=channel("where"))
        self.out = net.sink("out", Ball)
        ball = take(self.balls, when=_goes_on)
        held = []
        used = []
        if allowance is not None:
            passes = net.counter("passes", start=allowance, budget=True, share=credit)
            held, used = [hold(passes)], [consume(passes)]

        def onward(ball: Ball) -> Ball:
            return Ball(ball.number, (ball.region + 1) % regions, ball.left - 1)

        net.transition(
            "pass",
            [ball, *held],
            effect=hand(ball),
            outcomes=[
                on(Passed, put(self.balls, onward, ball), *used),
                on(Lost, put(self.balls, _same, ball)),
            ],
        )
        net.transition("leave", [take(self.balls, when=_is_over)], outputs=[put(self.out)])

    def work(self, settings: dict[str, str] | None = None) -> Work:
        """The net as work of a cluster."""
        return Work(self.net, {"hand": pass_on}, settings=settings)


def _goes_on(ball: Ball) -> bool:
    return ball.left > 0


def _is_over(ball: Ball) -> bool:
    return ball.left == 0


def _same(ball: Ball) -> Ball:
    return ball


async def pass_on(_ball: Ball) -> Passed:
    """Pass a ball: there is nothing to do."""
    return Passed()


class Proxy(Struct, frozen=True):
    """A leased token."""

    name: str


def with_proxies() -> tuple[Net, Place[Proxy], Place[Ball]]:
    """A net whose balls need a leased token to be passed."""
    net = Net("proxied", partition="where")
    hand = net.effect("hand", Passed)
    proxies = net.place("proxies", Proxy, key="name", source=True, share=leased)
    balls: Place[Ball] = net.place("balls", Ball, work=True, share=channel("where"))
    out = net.sink("out", Ball)
    net.release(proxies)
    ball = take(balls)
    net.transition(
        "pass",
        [ball, hold(proxies)],
        effect=hand(ball),
        outcomes=[on(Passed, put(out, _same, ball)), on(Lost, put(balls, _same, ball))],
    )
    return net, proxies, balls
