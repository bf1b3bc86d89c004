"""A network between a worker and its database that stalls, swallows, delays and resets harms nobody, and is survived."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import asyncpg
import pytest

from mocks.postgres import Postgres
from scraper_cpn.cluster.crawl import create, join
from scraper_cpn.cluster.port import Port
from scraper_cpn.cluster.worker import Pace, Worker
from tests.cluster.errands import OPENED, Errand, LoggedErrands, starts, too_late, too_soon
from tests.cluster.relay import ANSWERS, ASKS, Relay, opened
from tests.cluster.waiting import until

pytestmark = pytest.mark.anyio

PACE = Pace(lease_s=0.6, poll_s=0.01)
KEYS, ALLOWANCE = 6, 1000
SOME, VISITS = 9, 2
"""How many errands there are for each fault, and how many keys each of them visits."""


class Cut:
    """A crawl with two workers, one of which reaches its database through a relay.

    Attributes:
        relay: that of `far`.
        far: the worker behind the relay.
        near: the other one.
        fed: how many errands the crawl was given.
    """

    def __init__(self, relay: Relay, far: Worker, near: Worker, port: Port) -> None:
        self.relay = relay
        self.far = far
        self.near = near
        self.fed = 0
        self._port = port

    async def feed(self) -> None:
        """Give some more errands, and wait until they are on their way."""
        await self._port.feed(
            "waiting", [Errand(self.fed + n, n % KEYS, VISITS) for n in range(SOME)]
        )
        self.fed += SOME
        await until(lambda: len(self.far.mine) == len(self.near.mine) == 2)

    def close(self) -> None:
        """Drop its connection."""
        self._port.close()

    async def home(self) -> list[int]:
        """The errands that have come home."""
        return [row["number"] for row in (await self._port.consume("home")).rows]


@asynccontextmanager
async def _cut(postgres: Postgres, log: Path) -> AsyncIterator[Cut]:
    """The crawl at work; it is judged when all errands that it was given have come home."""
    direct = await anyio.to_thread.run_sync(postgres.new_database)
    name = direct.split("@/")[1].split("?")[0]

    def work() -> LoggedErrands:
        return LoggedErrands(KEYS, ALLOWANCE, log)

    mine = work()
    crawl = await create(
        f"{direct}&name=cut", mine, mine.errands.tokens(KEYS, 0, 0), partitions=4, serves=True
    )
    async with opened(postgres.socket) as relay, anyio.create_task_group() as tasks:
        there = await join(f"postgresql://postgres@127.0.0.1:{relay.port}/{name}?name=cut")
        far, near = Worker(there, mine, PACE), Worker(crawl, work(), PACE)
        cut = Cut(relay, far, near, Port(crawl, mine))
        tasks.start_soon(far.run)
        tasks.start_soon(near.run)
        yield cut
        with anyio.fail_after(60):
            while len(await cut.home()) < cut.fed:  # noqa: ASYNC110  (it is read, and nobody tells)
                await anyio.sleep(0.05)
        far.stop()
        near.stop()
    await _judge(direct, log, cut)


async def _judge(direct: str, log: Path, cut: Cut) -> None:
    """Nothing was lost, doubled, started too late or too soon; of the budget each unit is somewhere."""
    assert Counter(await cut.home()) == Counter(range(cut.fed))
    begun = starts(log)
    assert too_late(begun) == []
    assert too_soon(begun) == []
    session = await asyncpg.connect(direct)
    cut.close()
    left = await session.fetchval(
        "SELECT (SELECT sum(free) FROM scrape.credit)"
        " + (SELECT coalesce(sum(number), 0) FROM scrape.number WHERE counter = 'visits')"
        " + (SELECT coalesce(sum(tokens), 0) FROM scrape.outbox)"  # drawn, and not there yet
    )
    await session.close()
    assert left == ALLOWANCE - cut.fed * VISITS


async def test_a_worker_whose_link_is_cut_hands_over_and_comes_back(
    postgres: Postgres, tmp_path: Path
) -> None:
    """On either way, with stalled or swallowed bytes: the other worker goes on with all, until the link is back."""
    async with _cut(postgres, tmp_path / "starts.log") as cut:
        for fault in (cut.relay.stall, cut.relay.swallow):
            for way in (ASKS, ANSWERS):
                await cut.feed()
                fault(way)
                await until(lambda: len(cut.near.mine) == 4)
                cut.relay.heal()
        await cut.feed()
    assert cut.far.told.dropped


async def test_a_worker_goes_on_over_links_that_are_reset_or_slow(
    postgres: Postgres, tmp_path: Path
) -> None:
    """Connections are made again; answers that take their time cost no partition."""
    log = tmp_path / "starts.log"

    async def more() -> None:
        begun = len(starts(log))
        await until(lambda: len(starts(log)) > begun)

    async with _cut(postgres, log) as cut:
        await cut.feed()
        for _ in range(5):
            cut.relay.reset()
            await more()
        await cut.feed()
        cut.relay.delay_s = 0.02
        await more()
        await cut.feed()
        cut.relay.heal()
        opened = {each.pid for each in starts(log) if each.number == OPENED}
    assert opened == set(range(4))
