"""The job queue and the connection pool, used as their users would."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from scraper_cpn.nets.jobs import SECOND, JobQueue, Lease
from scraper_cpn.nets.jobs import main as jobs_main
from scraper_cpn.nets.pool import Pool
from scraper_cpn.nets.pool import main as pool_main

pytestmark = pytest.mark.anyio

LONG_NS = 60 * SECOND


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is true."""
    while not true():  # noqa: ASYNC110  (nothing tells)
        await anyio.sleep(0.001)


async def fetched(queue: JobQueue) -> Lease:
    lease = await queue.fetch(patience_ns=LONG_NS)
    assert lease is not None
    return lease


async def test_jobs_go_by_priority_and_are_acknowledged() -> None:
    """The lowest first, then the oldest."""
    async with JobQueue.open(lease_ns=LONG_NS) as queue:
        for what, priority in (("b", 1), ("a", 0), ("c", 1)):
            queue.push(what, priority=priority)
        taken = [await fetched(queue) for _ in range(3)]
        assert [lease.job.what for lease in taken] == ["a", "b", "c"]
        for lease in taken:
            queue.acknowledge(lease)
        await until(lambda: not (len(queue.finished) < 3))
        assert queue.waiting() == 0


async def test_a_job_that_fails_comes_back_until_it_is_a_dead_letter() -> None:
    """Three attempts, each later than the one before."""
    async with JobQueue.open(lease_ns=LONG_NS) as queue:
        queue.push("bad")
        for attempt in (1, 2, 3):
            lease = await fetched(queue)
            assert lease.job.attempt == attempt
            queue.fail(lease, "it is bad")
        await until(lambda: bool(queue.dead))
        assert queue.dead[0].reason == "it is bad"


async def test_a_lease_that_ran_out_gives_the_job_to_another() -> None:
    """Whoever had it acknowledges too late, which counts for nothing."""
    async with JobQueue.open(lease_ns=SECOND // 20) as queue:
        queue.push("slow")
        first = await fetched(queue)
        second = await fetched(queue)
        assert (second.job.what, second.job.attempt) == ("slow", 2)
        queue.acknowledge(first)
        await anyio.sleep(0.01)
        assert queue.finished == []


async def test_nobody_waits_longer_than_asked() -> None:
    """A worker whose patience is at its end gets nothing."""
    async with JobQueue.open() as queue:
        assert await queue.fetch(patience_ns=SECOND // 50) is None


async def test_a_kept_queue_goes_on(tmp_path: Path) -> None:
    """Jobs that nobody had are there in the next process; so is one whose lease runs out."""
    path = tmp_path / "jobs.db"
    async with JobQueue.open(path, lease_ns=SECOND // 20) as queue:
        for number in range(3):
            queue.push(f"job {number}")
        await fetched(queue)
        await anyio.sleep(0.05)
    async with JobQueue.open(path, lease_ns=LONG_NS) as queue:
        found = [(await fetched(queue)).job.what for _ in range(3)]
    assert sorted(found) == ["job 0", "job 1", "job 2"]


class Opened:
    """Connections that count themselves."""

    def __init__(self) -> None:
        self.open = self.most = self.made = 0
        self.sound = True

    async def connect(self) -> sqlite3.Connection:
        await anyio.lowlevel.checkpoint()
        self.made += 1
        self.open += 1
        self.most = max(self.most, self.open)
        return sqlite3.connect(":memory:")

    async def check(self, connection: sqlite3.Connection) -> bool:
        return self.sound and connection.execute("SELECT 1").fetchone() == (1,)

    async def close(self, connection: sqlite3.Connection) -> None:
        self.open -= 1
        connection.close()


async def test_connections_are_shared_and_closed_in_the_end() -> None:
    """Twelve users, three connections at most, none left open."""
    opened = Opened()
    async with (
        Pool.open(opened.connect, check=opened.check, close=opened.close, most=3) as pool,
        anyio.create_task_group() as tasks,
    ):

        async def use() -> None:
            async with pool.connection(patience_ns=LONG_NS) as connection:
                assert connection.execute("SELECT 2").fetchone() == (2,)
                await anyio.sleep(0.001)

        for _ in range(12):
            tasks.start_soon(use)
    assert (opened.open, opened.most) == (0, 3)


async def test_one_free_connection_is_ready_before_anybody_asks() -> None:
    """And no more than one."""
    opened = Opened()
    async with Pool.open(opened.connect, check=opened.check, close=opened.close) as pool:
        await until(lambda: not (pool.count("idle") < 1))
        await anyio.sleep(0.01)
        assert opened.made == 1
        async with pool.connection():
            await until(lambda: not (pool.count("idle") < 1))
            assert opened.made == 2


async def test_a_sick_connection_is_replaced() -> None:
    """What fails its check is closed, and another one is opened."""
    opened = Opened()
    async with Pool.open(opened.connect, check=opened.check, close=opened.close, most=1) as pool:
        opened.sound = False
        async with pool.connection(patience_ns=LONG_NS):
            pass
        await until(lambda: not (opened.made < 2))
        opened.sound = True
        async with pool.connection(patience_ns=LONG_NS):
            assert opened.open == 1


async def test_a_queue_has_a_deadline() -> None:
    """A caller that waits longer than its patience gets an error, and the connection stays good."""
    opened = Opened()
    async with Pool.open(opened.connect, check=opened.check, close=opened.close, most=1) as pool:
        async with pool.connection(patience_ns=LONG_NS):
            with pytest.raises(TimeoutError, match="no connection was free for"):
                async with pool.connection(patience_ns=SECOND // 50):
                    raise AssertionError
        async with pool.connection(patience_ns=LONG_NS):
            pass


def test_the_demonstrations_run(capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m scraper_cpn.nets.pool` and `.jobs`."""
    assert pool_main([]) == 0
    assert capsys.readouterr().out.count("lent") == 10
    assert jobs_main([]) == 0
    assert capsys.readouterr().out.endswith("5 finished, 1 dead\n")
