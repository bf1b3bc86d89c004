"""A net whose balls are passed within regions or between them, for the measurements of clusters; and a worker of it.

Owns: the net. `python -m bench.relays DSN LEASE_SECONDS` is a worker. Must not know: what is measured.
"""

from __future__ import annotations

import sys

import anyio
from msgspec import Struct

from scraper_cpn.cluster.crawl import Tokens, join
from scraper_cpn.cluster.work import Work
from scraper_cpn.cluster.worker import Pace, run_worker
from scraper_cpn.net import Net, Place, put, take
from scraper_cpn.net.shares import At, channel


class Ball(Struct, frozen=True):
    """A ball in a region.

    Attributes:
        number: tells it from others.
        region: where it is.
        of: how many regions there are.
        here: passes within the region that are left before it goes on to the next one.
        rounds: how often it still goes on.
        stay: passes within each region.
    """

    number: int
    region: int
    of: int
    here: int
    rounds: int
    stay: int

    @property
    def where(self) -> At:
        """Its partition key."""
        return At(self.region)


class Relays:
    """The net: nothing in it takes time, so that what is measured is the way of its tokens."""

    def __init__(self) -> None:
        net = self.net = Net("relays", partition="where")
        self.balls: Place[Ball] = net.place("balls", Ball, work=True, share=channel("where"))
        out = net.sink("out", Ball)
        for name, when, change in (
            ("pass", _stays, _here), ("send", _goes_on, _onward)
        ):  # fmt: skip
            net.transition(
                name,
                [take(self.balls, when=when)],
                outputs=[put(self.balls, change, self.balls)],
            )
        net.transition("leave", [take(self.balls, when=_is_over)], outputs=[put(out)])

    def work(self) -> Work:
        """The net as work of a cluster."""
        return Work(self.net, {})

    def tokens(self, number: int, of: int, rounds: int, stay: int) -> Tokens:
        """Balls in all regions."""
        balls = [Ball(each, each % of, of, stay, rounds, stay) for each in range(number)]
        return {self.balls: balls}


def _stays(ball: Ball) -> bool:
    return ball.here > 0


def _goes_on(ball: Ball) -> bool:
    return ball.here == 0 and ball.rounds > 0


def _is_over(ball: Ball) -> bool:
    return ball.here == 0 and ball.rounds == 0


def _here(ball: Ball) -> Ball:
    return Ball(ball.number, ball.region, ball.of, ball.here - 1, ball.rounds, ball.stay)


def _onward(ball: Ball) -> Ball:
    region = (ball.region + 1) % ball.of
    return Ball(ball.number, region, ball.of, ball.stay, ball.rounds - 1, ball.stay)


async def _run(dsn: str, lease_s: float) -> None:
    work = Relays().work()
    crawl = await join(dsn, work)
    await run_worker(crawl, work, pace=Pace(lease_s=lease_s))


if __name__ == "__main__":
    anyio.run(_run, sys.argv[1], float(sys.argv[2]))
