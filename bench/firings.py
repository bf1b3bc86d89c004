"""Durable firings a second while many tokens wait, and where their time goes.

Owns: the measurement, on a copy of a filled state for each run.
Must not know: SQL, how a batch is made.

A fetched page takes 6 to 7 firings: fetch, parse, validate, keep, admit its links, and check each new
link against robots.txt. Effects end at once, so only decisions and commits are measured.
"""

from __future__ import annotations

import gc
import secrets
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from msgspec import Struct

from bench.driver import Driver
from bench.figures import Figure, spent
from bench.files import copied
from bench.frontier import World
from bench.running import Tally, copy, in_memory, kept, unkept
from scraper_cpn.cli.crawl import seldom_collecting
from scraper_cpn.store import sqlite
from scraper_cpn.store.port import Store
from scraper_cpn.store.postgres.address import Address
from scraper_cpn.store.postgres.store import create

PART = "durable firings"
BATCHES = (64, 256, 1_024)


class Run(Struct, frozen=True, kw_only=True):
    """One run."""

    firings: int
    pages: int
    batches: int
    inputs_bytes: int
    written_bytes: int
    wall_s: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Firings in a second."""
        return self.firings / self.wall_s

    @property
    def cpu_us(self) -> float:
        """CPU time for a firing, in microseconds."""
        return self.cpu_s / self.firings * 1e6


async def durable(world: World, filled: Path, firings: int, *, most: int = 256) -> Run:
    """Continue a copy of a filled state, in batches of at most the given number of firings."""
    store = sqlite.open_run(copied(filled))
    return await _kept(world, store, firings, most)


async def remembered(world: World, filled: Path, firings: int) -> Run:
    """The same with a store in memory; the difference is the cost of SQLite and the disk."""
    file = sqlite.open_run(copied(filled))
    store = await in_memory(file)
    await file.close()
    return await _kept(world, store, firings, 256)


async def on_server(world: World, filled: Path, firings: int, address: Address) -> Run:
    """The same on PostgreSQL, in a state of its own that stays there; batches have at most 256 firings."""
    file = sqlite.open_run(copied(filled))
    own = replace(address, name=f"{address.name} {secrets.token_hex(4)}")
    store = create(own, "main", file.metadata())
    await copy(file, store)
    await file.close()
    return await _kept(world, store, firings, 256)


async def undurable(world: World, filled: Path, firings: int) -> Run:
    """The same without a store or recording: the cost of the kernel and the effects."""
    file = sqlite.open_run(copied(filled))
    driver = unkept(world, file.saved())
    await file.close()
    return await _measured(world, driver, firings, Tally())


async def _kept(world: World, store: Store, firings: int, most: int) -> Run:
    tally = Tally()
    try:
        return await _measured(world, await kept(world, store, tally, most), firings, tally)
    finally:
        await store.close()


async def _measured(world: World, crawl: Driver, firings: int, tally: Tally) -> Run:
    async with crawl as driver:
        await _warm(world, driver)
        pages, batches, inputs_bytes = driver.pages, tally.batches, tally.inputs_bytes
        with seldom_collecting(), spent() as took:
            done = await driver.run(firings)
    return Run(
        firings=done,
        pages=driver.pages - pages,
        batches=tally.batches - batches,
        inputs_bytes=tally.inputs_bytes - inputs_bytes,
        written_bytes=took.written_bytes,
        wall_s=took.wall,
        cpu_s=took.cpu,
    )


async def _warm(world: World, driver: Driver) -> None:
    """Dispatch from every domain once, so that its next targets are in memory."""
    while driver.pages < world.domains and await driver.run(1_000):
        pass
    gc.collect()


async def measure(
    world: World, filled: Path, firings: int, runs: int, address: Address | None = None
) -> list[Figure]:
    """Measure all kinds in turn, so that other load on the machine affects all alike.

    With an *address*, also a state in that database.
    """
    sizes = {most: f"in batches of {most}" for most in BATCHES}
    done: dict[str, list[Run]] = {}
    for _ in range(runs):
        done.setdefault("without a store", []).append(await undurable(world, filled, firings))
        done.setdefault("a store in memory", []).append(await remembered(world, filled, firings))
        for most, name in sizes.items():
            run = await durable(world, filled, firings, most=most)
            done.setdefault(name, []).append(run)
        if address is not None:
            run = await on_server(world, filled, firings, address)
            done.setdefault("on PostgreSQL, in batches of 256", []).append(run)
    figures = [each for name, some in done.items() for each in _figures(name, some)]
    return [*figures, *_written(done[sizes[256]])]


def _figures(name: str, runs: Iterable[Run]) -> list[Figure]:
    goal = "30,000 and more" if name == "in batches of 256" else ""
    return [
        Figure(PART, name, "firings/s", tuple(run.rate for run in runs), goal),
        Figure(PART, f"{name}, CPU of a firing", "us", tuple(run.cpu_us for run in runs)),
    ]


def _written(runs: Iterable[Run]) -> list[Figure]:
    firings = tuple(run.firings / max(1, run.batches) for run in runs)
    inputs = tuple(run.inputs_bytes / run.pages for run in runs)
    written = tuple(run.written_bytes / run.pages for run in runs)
    return [
        Figure(PART, "firings in a batch of 256 at most", "", firings),
        Figure(PART, "journal, for a page", "bytes", inputs),
        Figure(PART, "file and -wal, for a page", "bytes", written),
    ]
