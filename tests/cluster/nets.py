"""Small nets with a partition key, for tests of clusters."""

from __future__ import annotations

from msgspec import Struct

from scraper_cpn.cluster.work import Work
from scraper_cpn.net import Lost, Net, Place, channel, hold, leased, on, put, take
from scraper_cpn.nets.regions import Ball, Passed, hand, regions_net


class Regions:
    """Balls that go from region to region; see `scraper_cpn.nets.regions`."""

    def __init__(self, regions: int = 2, allowance: int | None = None) -> None:
        self.net, self.balls, self.out = regions_net(regions, allowance)

    def work(self, settings: dict[str, str] | None = None) -> Work:
        """The net as work of a cluster."""
        return Work(self.net, {"hand": hand}, settings=settings)


def _same(ball: Ball) -> Ball:
    return ball


class Proxy(Struct, frozen=True):
    """A leased token."""

    name: str


def with_proxies() -> tuple[Net, Place[Proxy], Place[Ball]]:
    """A net whose balls need a leased token to be passed."""
    net = Net("proxied", partition="where")
    pass_on = net.effect("hand", Passed)
    proxies = net.place("proxies", Proxy, key="name", source=True, share=leased)
    balls: Place[Ball] = net.place("balls", Ball, work=True, share=channel("where"))
    out = net.sink("out", Ball)
    net.release(proxies)
    ball = take(balls)
    net.transition(
        "pass",
        [ball, hold(proxies)],
        effect=pass_on(ball),
        outcomes=[on(Passed, put(out, _same, ball)), on(Lost, put(balls, _same, ball))],
    )
    return net, proxies, balls
