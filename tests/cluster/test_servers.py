"""What else happens to the database of a run: a backup is restored, it only reads for a while, a pooler stands before it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
import asyncpg
import pytest

from mocks.postgres import Postgres
from scraper_cpn.cluster.crawl import create
from scraper_cpn.cluster.port import Port
from scraper_cpn.cluster.worker import Pace, Worker
from scraper_cpn.nets.regions import Ball
from scraper_cpn.run.shell import Shell
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.postgres.address import address_of
from scraper_cpn.store.postgres.link import connect
from tests.cluster.nets import Regions
from tests.cluster.waiting import until

pytestmark = pytest.mark.anyio

BALLS, PASSES = 8, 200
PACE = Pace(lease_s=60.0, poll_s=0.005)


@asynccontextmanager
async def _at_work(database: str) -> AsyncIterator[tuple[Worker, Port, list[str]]]:
    """A run with a worker, which ends before the context does; what the worker tells is in the list."""
    regions, said = Regions(), list[str]()
    balls = [Ball(number, number % 2, PASSES) for number in range(BALLS)]
    crawl = await create(
        f"{database}&name=run", regions.work(), {regions.balls: balls}, partitions=2
    )
    worker, port = Worker(crawl, regions.work(), PACE, said.append), Port(crawl, regions.work())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker.run)
        await until(lambda: len(worker.mine) == 2)
        yield worker, port, said
    assert await port.ended() == "finished"
    assert sorted(row["number"] for row in (await port.consume("out")).rows) == list(range(BALLS))
    port.close()


async def test_a_backup_that_is_restored_harms_nobody(own_postgres: Postgres) -> None:
    """A worker whose batches the database has lost says so, and goes on from what is there: nothing comes out twice."""
    in_thread, regions, said = anyio.to_thread.run_sync, Regions(), list[str]()
    database = await in_thread(own_postgres.new_database)
    crawl = await create(f"{database}&name=run", regions.work(), partitions=2, serves=True)
    worker, port = Worker(crawl, regions.work(), PACE, said.append), Port(crawl, regions.work())

    async def fed(number: int, rows: list[int]) -> None:
        await port.feed(regions.balls, [Ball(number, 0, 4)])
        with anyio.fail_after(60):
            while await _numbers(port) != rows:  # noqa: ASYNC110  (it is read, and nobody tells)
                await anyio.sleep(0.02)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(worker.run)
        await fed(0, [0])
        await in_thread(own_postgres.back_up)
        await fed(1, [0, 1])
        await in_thread(own_postgres.restore)
        await until(lambda: any("answers again" in line for line in said))
        port.close()
        await fed(2, [0, 2])
        worker.stop()
    port.close()
    assert worker.told.dropped.get("older"), said
    assert any("was a backup restored" in line for line in said)


async def test_a_server_that_only_reads_for_a_while_is_waited_for(database: str) -> None:
    """As a primary that has become a standby: workers tell of it once, and go on when it can be written again."""
    name = database.partition("?")[0].rpartition("/")[2]
    async with _at_work(database) as (worker, _, said):
        await _changed(database, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await until(lambda: bool(worker.told.dropped))
        await until(lambda: any("standby" in line and "trying again" in line for line in said))
        await _changed(database, f"ALTER DATABASE {name} RESET default_transaction_read_only")
    assert set(worker.told.dropped) <= {"standby", "io"}


async def test_a_page_that_cannot_be_read_costs_its_partition_alone(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that needs a page of the database fails amid the other tasks; the partition is claimed again."""
    fails, stepped = [True, True], Shell._run

    async def step(shell: Shell) -> Any:
        if fails:
            fails.pop()
            raise StoreError("io", "no server answers")
        return await stepped(shell)

    monkeypatch.setattr(Shell, "_run", step)
    async with _at_work(database) as (worker, _, _):
        await until(lambda: worker.told.dropped == {"io": 2})


async def test_a_crawl_that_is_gone_ends_its_workers_in_one_line(database: str) -> None:
    """After a backup that is older than the crawl there is nothing to work on."""
    regions = Regions()
    crawl = await create(f"{database}&name=run", regions.work(), partitions=2, serves=True)
    worker = Worker(crawl, regions.work(), PACE)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_gone, database, worker)
        with pytest.raises(StoreError, match="is not in this database any more") as refused:
            await worker.run()
    assert refused.value.kind == "foreign"


async def test_a_pooler_is_refused_in_one_line(postgres: Postgres) -> None:
    """Its clients would run each other's statements; it gives no number of a server's process."""
    relayed = anyio.Event()

    async def pool(client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        server, asks = await asyncio.open_unix_connection(postgres.socket)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_pass_on, client, asks, b"")
            tasks.start_soon(_pass_on, server, answers, b"K\x00\x00\x00\x0c")
        relayed.set()

    async with await asyncio.start_server(pool, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(StoreError, match="a pooler such as PgBouncer") as refused:
            await connect(address_of(f"postgres://postgres@127.0.0.1:{port}/postgres"))
        await relayed.wait()
    assert refused.value.kind == "refused"


async def _pass_on(
    source: asyncio.StreamReader, goal: asyncio.StreamWriter, numbered: bytes
) -> None:
    """Pass on what comes until its end, with another number behind the first bytes of a message."""
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            head, found, rest = data.partition(numbered) if numbered else (data, b"", b"")
            goal.write(head + found + (bytes(4) + rest[4:] if found else rest))
    goal.close()


async def _numbers(port: Port) -> list[int]:
    return sorted(row["number"] for row in (await port.consume("out")).rows)


async def _gone(database: str, worker: Worker) -> None:
    await until(lambda: len(worker.mine) == 2)
    await _changed(database, "TRUNCATE scrape.crawl CASCADE")


async def _changed(database: str, statement: str) -> None:
    """Change something, and end all other sessions of the database."""
    on = await asyncpg.connect(database, server_settings={"default_transaction_read_only": "off"})
    try:
        await on.execute(statement)
        await on.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    finally:
        await on.close()
