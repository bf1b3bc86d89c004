"""Workers share the partitions of a net fairly, hand tokens over once, and know when all is done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import asyncpg
import msgspec
import pytest

from mocks.postgres import Postgres
from scraper_cpn.cluster.crawl import Crawl, Tokens, create, join, resume, stop
from scraper_cpn.cluster.port import Port
from scraper_cpn.cluster.work import Work
from scraper_cpn.cluster.worker import Pace, Worker, run_worker
from scraper_cpn.net import NetError
from scraper_cpn.nets.regions import Ball, hand
from scraper_cpn.store.port import StoreError
from tests.cluster.errands import OPENED, LoggedErrands, starts, too_late, too_soon
from tests.cluster.nets import Proxy, Regions, with_proxies
from tests.cluster.waiting import until

pytestmark = pytest.mark.anyio

PACE = Pace(lease_s=60.0, poll_s=0.005)
"""On a busy machine no lease ends by itself."""


async def test_balls_go_round_two_workers_and_come_out_once(database: str) -> None:
    """Tokens of a channel go to the worker that has their partition; what comes out is durable, each once."""
    regions = Regions(regions=4)
    dsn = f"{database}&name=ring"
    balls = [Ball(number, number % 4, 9) for number in range(10)]
    crawl = await create(dsn, regions.work(), {regions.balls: balls}, partitions=4)
    ended: list[str | None] = []

    async def one() -> None:
        ended.append(await run_worker(crawl, regions.work(), pace=PACE))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one)
        tasks.start_soon(one)
    assert ended == ["finished", "finished"]
    rows = await _rows(database, "out")
    assert sorted(row["number"] for row in rows) == list(range(10))
    assert await _value(database, "SELECT count(*) FROM scrape.outbox") == 0


async def test_workers_take_fair_shares_and_give_up_what_is_too_much(database: str) -> None:
    """One worker has all partitions until there is a second; when that leaves, it has all of them again."""
    async with _serving(database) as (crawl, start):
        first = start()
        await until(lambda: len(first.mine) == 5)
        second = start()
        await until(lambda: (len(first.mine), len(second.mine)) == (3, 2))
        second.stop()
        await until(lambda: (len(first.mine), len(second.mine)) == (5, 0))
        assert first.told.released == 2
        assert not first.told.dropped
        assert crawl.parts


async def test_a_partition_that_moves_in_order_does_nothing_twice(
    database: str, tmp_path: Path
) -> None:
    """Workers come and go while errands run: each visit starts once, and none too soon or under an old claim."""
    work = LoggedErrands(8, 200, tmp_path / "log")
    crawl = await create(
        f"{database}&name=errands", work, work.errands.tokens(8, 24, 4), partitions=8
    )
    workers = [Worker(crawl, work, PACE) for _ in range(4)]
    async with anyio.create_task_group() as tasks:
        for worker in workers:
            tasks.start_soon(worker.run)
            await anyio.sleep(0.1)
        workers[0].stop()
        workers[1].stop()
    log = starts(tmp_path / "log")
    visits = [(each.number, each.left) for each in log if each.number != OPENED]
    assert len(visits) == len(set(visits)) == 24 * 4
    assert not too_late(log)
    assert not too_soon(log)
    assert sum(worker.told.released for worker in workers) > 8


async def test_a_crawl_ends_only_when_no_token_is_on_its_way(database: str) -> None:
    """All partitions idle, and a token in the outbox: the crawl goes on until it has arrived."""
    regions = Regions()
    crawl = await create(f"{database}&name=ring", regions.work(), partitions=2)
    await _execute(database, "UPDATE scrape.part SET idle = true")
    port = Port(crawl, regions.work())
    await port.feed(regions.balls, [Ball(0, 0, 0)])
    assert await _value(database, f"SELECT scrape.end_if_done({crawl.id})") is None
    await _execute(database, "DELETE FROM scrape.outbox")
    await _execute(database, "UPDATE scrape.part SET idle = false WHERE pid = 1")
    assert await _value(database, f"SELECT scrape.end_if_done({crawl.id})") is None
    await _execute(database, "UPDATE scrape.part SET idle = true")
    assert await _value(database, f"SELECT scrape.end_if_done({crawl.id})") == "finished"
    with pytest.raises(StoreError, match="has ended"):
        await port.feed(regions.balls, [Ball(0, 0, 0)])
    port.close()


@pytest.mark.parametrize(("allowance", "how"), [(7, "spent"), (20, "finished"), (50, "finished")])
async def test_a_budget_of_all_partitions_is_exact(database: str, allowance: int, how: str) -> None:
    """Four balls want twenty passes: as many happen as there are units, and what is left is free or held."""
    regions = Regions(allowance=allowance)
    tokens = {regions.balls: [Ball(number, number % 2, 5) for number in range(4)]}
    crawl = await create(f"{database}&name=ring", regions.work(), tokens, partitions=2)
    with anyio.fail_after(60):
        assert await run_worker(crawl, regions.work(), pace=PACE) == how
    firings = await _passes(database)
    assert firings == min(20, allowance)
    free = await _value(database, "SELECT free FROM scrape.credit")
    held = await _value(database, "SELECT coalesce(sum(number), 0) FROM scrape.number")
    assert free + held == allowance - firings


async def test_units_that_are_not_needed_are_given_back(database: str) -> None:
    """A partition that has come to rest gives its units back: all that were not used are free again."""
    regions = Regions(allowance=100)
    dsn = f"{database}&name=ring"
    balls = {regions.balls: [Ball(0, 0, 3)]}
    crawl = await create(dsn, regions.work(), balls, partitions=2, serves=True)
    worker = Worker(crawl, regions.work(), PACE)
    free = 0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker.run)
        with anyio.fail_after(60):
            while free != 97:
                await anyio.sleep(0.02)
                free = await _value(database, "SELECT free FROM scrape.credit")
        worker.stop()


async def test_a_worker_of_another_net_is_refused_with_the_differences(database: str) -> None:
    """Laws are the net and the settings: a worker with others is told what differs."""
    dsn = f"{database}&name=ring"
    await create(dsn, Regions().work({"delay": "1s"}), partitions=2)
    await join(dsn, Regions().work({"delay": "1s"}))
    with pytest.raises(StoreError, match=r"setting delay was \(1s\), is \(2s\)"):
        await join(dsn, Regions().work({"delay": "2s"}))
    with pytest.raises(StoreError, match="counter passes is new"):
        await join(dsn, Regions(allowance=3).work({"delay": "1s"}))
    with pytest.raises(StoreError, match="no crawl of this name"):
        await join(f"{database}&name=other")
    with pytest.raises(StoreError, match="a crawl of this name already"):
        await create(dsn, Regions().work(), partitions=2)


async def test_leased_tokens_are_divided_once(database: str) -> None:
    """Each partition has leased tokens of its own; fewer of them than partitions are refused."""
    net, proxies, balls = with_proxies()
    work = Work(net, {"hand": hand})
    tokens: Tokens = {
        proxies: [Proxy(name) for name in "abc"],
        balls: [Ball(n, n % 2, 0) for n in range(6)],
    }
    with pytest.raises(NetError, match="3 tokens can't be divided among 4 partitions"):
        await create(f"{database}&name=many", work, tokens, partitions=4)
    crawl = await create(f"{database}&name=few", work, tokens, partitions=2)
    assert await run_worker(crawl, work, pace=PACE) == "finished"
    where = "SELECT count(*) FROM scrape.token WHERE place = 'proxies' GROUP BY part ORDER BY 1"
    session = await asyncpg.connect(database)
    assert [row[0] for row in await session.fetch(where)] == [1, 2]
    await session.close()


async def test_a_crawl_is_stopped_and_resumed(database: str) -> None:
    """Workers leave a crawl that is stopped, and run on when it is resumed."""
    async with _serving(database) as (crawl, start):
        await stop(f"{database}&name=ring")
        worker = Worker(crawl, Regions(5).work(), PACE)
        assert await worker.run() is None
        await resume(f"{database}&name=ring")
        again = start()
        await until(lambda: len(again.mine) == 5)


@asynccontextmanager
async def _serving(database: str) -> AsyncIterator[tuple[Crawl, Callable[[], Worker]]]:
    """A crawl of five partitions that waits for tokens, and a function that starts a worker."""
    regions = Regions(5)
    crawl = await create(f"{database}&name=ring", regions.work(), partitions=5, serves=True)
    async with anyio.create_task_group() as tasks:

        def start() -> Worker:
            worker = Worker(crawl, regions.work(), PACE)
            tasks.start_soon(worker.run)
            return worker

        yield crawl, start
        tasks.cancel_scope.cancel()


async def _passes(database: str) -> int:
    """How often balls were passed, by what is left of them in places and in the sink."""
    session = await asyncpg.connect(database)
    rows = await session.fetch("SELECT colour FROM scrape.token WHERE place = 'balls'")
    await session.close()
    left: int = sum(msgspec.msgpack.decode(row[0])[2] for row in rows)
    return 20 - left


async def _rows(database: str, sink: str) -> list[Any]:
    session = await asyncpg.connect(database)
    rows = await session.fetch("SELECT body FROM scrape.sink_row WHERE sink = $1", sink)
    await session.close()
    return [msgspec.json.decode(row[0]) for row in rows]


async def _value(database: str, call: str) -> Any:
    session = await asyncpg.connect(database)
    try:
        return await session.fetchval(call)
    finally:
        await session.close()


async def _execute(database: str, call: str) -> None:
    await _value(database, call)


async def test_a_worker_outlives_its_database(own_postgres: Postgres, anyio_backend: str) -> None:
    """While the server is away a worker tells it once and waits; when it is back the crawl goes on to its end."""
    database = await anyio.to_thread.run_sync(own_postgres.new_database)
    regions = Regions()
    balls = {regions.balls: [Ball(0, 0, 3)]}
    crawl = await create(f"{database}&name=ring", regions.work(), balls, partitions=2)
    await anyio.to_thread.run_sync(own_postgres.stop)
    told: list[str] = []
    worker = Worker(crawl, regions.work(), Pace(lease_s=1.0), told.append)
    ended: list[str | None] = []

    async def run() -> None:
        ended.append(await worker.run())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        await until(lambda: bool(told))
        await anyio.sleep(0.5)
        assert len(told) == 1
        await anyio.to_thread.run_sync(own_postgres.start)
    assert ended == ["finished"]
