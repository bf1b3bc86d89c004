"""`python -m bench cluster`: what workers on one PostgreSQL do, and how long a token takes from one to another.

Owns: the measurements, each with worker processes of its own, and the output.
Must not know: how a cluster works.

Rates and times are those of the journals of the partitions, which all have the database's clock: what a process needs to
start does not count. The server syncs.
"""

from __future__ import annotations

import json
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import anyio
import asyncpg

from bench.relays import Relays
from scraper_cpn.cluster.crawl import create

LEASE_S = 10.0
SHORT_LEASE_S = 3.0
DIPEN_MS = 100.0
"""What DiPeN's authors published for handing one token over between two machines; 5 a second in their test."""

Say = Callable[[str], None]


def measured(new_database: Callable[[], str], say: Say, *, quick: bool) -> dict[str, float]:
    """All figures, by name."""
    part = 0.2 if quick else 1.0
    found: dict[str, float] = {}
    for workers in (1, 2):
        say(f"durable firings of {workers} workers")
        rows = _played(
            new_database(), workers, partitions=8, balls=800, rounds=0, stay=int(400 * part)
        )
        found[f"firings_per_s_{workers}"] = _rate(rows)
    for workers in (1, 2):
        say(f"tokens between the partitions of {workers} workers")
        rows = _played(
            new_database(), workers, partitions=8, balls=1600, rounds=int(60 * part), stay=0
        )
        found[f"tokens_per_s_{workers}"] = _rate(rows)
    say("one token between two workers")
    rows = _played(new_database(), 2, partitions=2, balls=1, rounds=int(300 * part), stay=0)
    gaps = _gaps(rows[len(rows) // 5 :])  # not those from before both workers had started
    found["hand_over_ms_p50"] = statistics.median(gaps)
    found["hand_over_ms_p99"] = statistics.quantiles(gaps, n=100)[98]
    for name, how, lease_s in (
        ("takeover_after_kill_s", signal.SIGKILL, LEASE_S),
        ("takeover_after_freeze_s", signal.SIGSTOP, SHORT_LEASE_S),
    ):
        say(name.replace("_", " "))
        found[name] = _taken_over(new_database(), how, lease_s)
    return found


def main(*, quick: bool, as_json: bool, database: str | None) -> None:
    """Measure and print."""
    say: Say = lambda text: print(f"  {text}", file=sys.stderr, flush=True)  # noqa: E731
    with _databases(database) as new_database:
        found = measured(new_database, say, quick=quick)
    if as_json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:28} {value:12,.1f}")
    times = DIPEN_MS / found["hand_over_ms_p50"]
    print(f"a hand-over takes DiPeN {DIPEN_MS:.0f} ms: {times:.0f} times as long")


@contextmanager
def _databases(given: str | None) -> Iterator[Callable[[], str]]:
    """A function that gives a database; a server is started unless one is *given*."""
    if given is not None:
        yield lambda: given
        return
    from mocks.postgres import new_server

    with new_server(fsync="on", full_page_writes="on", shared_buffers="256MB") as server:
        yield server.new_database


def _played(
    dsn: str, workers: int, *, partitions: int, balls: int, rounds: int, stay: int
) -> list[Any]:
    """Run the net to its end; returns its batches: at_ns, firings, partition."""
    relays = Relays()
    address = f"{dsn}{'&' if '?' in dsn else '?'}name=relays{time.time_ns()}"
    tokens = relays.tokens(balls, partitions, rounds, stay)

    async def made() -> int:
        return (await create(address, relays.work(), tokens, partitions=partitions)).id

    crawl = anyio.run(made)
    started = [_worker(address, LEASE_S) for _ in range(workers)]
    for each in started:
        if each.wait(600):
            raise ValueError("a worker has failed")
    return anyio.run(_batches, dsn, crawl)


def _worker(address: str, lease_s: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "bench.relays", address, str(lease_s)])


async def _batches(dsn: str, crawl: int) -> list[Any]:
    session = await asyncpg.connect(dsn)
    rows = await session.fetch(
        "SELECT j.at_ns, j.firings, j.part FROM scrape.journal j JOIN scrape.part p ON p.id = j.part"
        " WHERE p.crawl = $1 AND j.firings > 0 ORDER BY j.at_ns",
        crawl,
    )
    await session.close()
    return list(rows)


def _rate(rows: list[Any]) -> float:
    """Firings a second, of the middle of the run: all workers are at work then."""
    total = sum(row[1] for row in rows)
    begun = ended = None
    so_far = 0
    for at_ns, firings, _ in rows:
        if begun is None and so_far >= total * 0.25:
            begun = (at_ns, so_far)
        so_far += firings
        if ended is None and so_far >= total * 0.75:
            ended = (at_ns, so_far)
    assert begun is not None
    assert ended is not None
    return float((ended[1] - begun[1]) / (ended[0] - begun[0]) * 1e9)


def _gaps(rows: list[Any]) -> list[float]:
    """Milliseconds from a batch of one partition to that of another one."""
    return [(late[0] - early[0]) / 1e6 for early, late in pairwise(rows) if late[2] != early[2]]


def _taken_over(dsn: str, how: signal.Signals, lease_s: float) -> float:
    """Seconds from the end of a worker to the first firing of the other one in a partition that it had."""
    relays = Relays()
    address = f"{dsn}{'&' if '?' in dsn else '?'}name=relays{time.time_ns()}"
    tokens = relays.tokens(8, 4, 1_000_000, 0)

    async def made() -> int:
        return (await create(address, relays.work(), tokens, partitions=4)).id

    crawl = anyio.run(made)
    one, two = _worker(address, lease_s), _worker(address, lease_s)
    try:
        owners = anyio.run(_both_work, dsn, crawl)
        at_ns = time.time_ns()
        one.send_signal(how)
        return (anyio.run(_other_goes_on, dsn, crawl, owners) - at_ns) / 1e9
    finally:
        for each in (one, two):
            each.kill()
            each.wait()


async def _both_work(dsn: str, crawl: int) -> dict[int, int]:
    """Wait until both workers have partitions; returns the epochs of all."""
    session = await asyncpg.connect(dsn)
    while True:
        rows = await session.fetch(
            "SELECT id, epoch, owner, seq FROM scrape.part WHERE crawl = $1", crawl
        )
        if len({row[2] for row in rows}) == 2 and all(row[3] > 20 and row[2] for row in rows):
            await session.close()
            return {row[0]: row[1] for row in rows}
        await anyio.sleep(0.05)


async def _other_goes_on(dsn: str, crawl: int, epochs: dict[int, int]) -> int:
    """Wait until a partition has a batch of a later claim; returns the time (UTC, ns)."""
    session = await asyncpg.connect(dsn)
    seqs: dict[int, int] = {}
    while True:
        for part, epoch, seq in await session.fetch(
            "SELECT id, epoch, seq FROM scrape.part WHERE crawl = $1", crawl
        ):
            if epoch > epochs[part] and seq > seqs.setdefault(part, seq):
                now_ns = time.time_ns()
                await session.close()
                return now_ns
        await anyio.sleep(0.01)
