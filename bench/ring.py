"""The cost of a firing from its decision to its end: DiPeN's benchmark net, in memory, through asyncio, and durable.

Owns: the measurement. A ring passes one ball on, so that one ring does one thing at a time; N rings do N.
Durable means that the start and the end of each firing are in a batch that was synced before anything that
follows from it begins.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import anyio
from msgspec import Struct

from scraper_cpn.net import compile_net
from scraper_cpn.nets.ring import Passed, hand, ring_net
from scraper_cpn.run.live import running

PUBLISHED = {1: 284, 2: 439, 4: 859, 8: 1_530, 16: 2_557, 32: 3_422, 64: 4_405, 128: 4_172}
"""Firings a second of DiPeN 0.1.2, as its authors published them: etcd on a Corsair MP510, an i5-9600."""
FIRINGS, FIRINGS_QUICK = 20_000, 2_000
SYNCS = 50
BATCH_BYTES = 5 * 4_096
"""What one firing changes: a page of each of five tables."""


class Point(Struct, frozen=True):
    """Firings a second of a number of rings."""

    rings: int
    memory: float
    asyncio: float
    durable: float
    durable_cpu_us: float
    """CPU time of a durable firing, in all threads: what it costs beside waiting for the disk."""
    syncs: float
    """Syncs a second of this disk just before: one ring, each of whose firings waits for one, can't be faster."""
    published: int


def measured(rings: int, firings: int, folder: Path) -> Point:
    """One point: the same number of firings, whatever the number of rings. Compiling does not count."""
    passes = max(1, firings // rings)
    all_ = rings * passes
    memory, (live, _) = _in_memory(rings, passes), anyio.run(_live, rings, passes, None)
    syncs = syncs_of(folder)
    durable, cpu = anyio.run(_live, rings, passes, folder / f"{rings}.db")
    return Point(
        rings,
        all_ / memory,
        all_ / live,
        all_ / durable,
        cpu / all_ * 1e6,
        syncs,
        PUBLISHED[rings],
    )


def syncs_of(folder: Path) -> float:
    """Syncs a second of a disk, each of what the batch of one firing writes into a state's -wal; from the median."""
    taken = []
    with (folder / "synced").open("wb", buffering=0) as file:
        file.write(b"x" * BATCH_BYTES * SYNCS)
        os.fsync(file.fileno())
        file.seek(0)  # a -wal keeps its length
        for _ in range(SYNCS):
            file.write(b"x" * BATCH_BYTES)
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begun)
    return 1 / statistics.median(taken)


def _in_memory(rings: int, passes: int) -> float:
    """Seconds, of the kernel alone."""
    kernel = compile_net(ring_net(rings, passes))
    passed = Passed()
    begun = time.perf_counter()
    while firings := kernel.step(0).firings:
        for firing in firings:
            kernel.started(firing.id, 0)
            kernel.complete(firing.id, passed, 0)
    return time.perf_counter() - begun


async def _live(rings: int, passes: int, keep: Path | None) -> tuple[float, float]:
    """Seconds and seconds of CPU time, through asyncio; synced where the run is kept."""
    net = ring_net(rings, passes)
    async with running(net, {"hand": hand}, keep=keep, on_row=lambda _: None) as live:
        begun, cpu = time.perf_counter(), time.process_time()
        ran = await live.finish()
        seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    if ran.ended != "finished":
        raise ValueError(f"the rings ended {ran.ended}")
    return seconds, cpu


def main(*, quick: bool, as_json: bool, where: Path | None) -> None:
    """Measure, and print a table."""
    firings = FIRINGS_QUICK if quick else FIRINGS
    with tempfile.TemporaryDirectory(dir=where) as folder:
        points = [measured(rings, firings, Path(folder)) for rings in PUBLISHED]
    if as_json:
        print(
            json.dumps([{name: getattr(p, name) for name in p.__struct_fields__} for p in points])
        )
        return
    print(
        "firings a second   in memory     asyncio     durable  CPU of one  syncs/s   DiPeN, as published"
    )
    for p in points:
        print(
            f"{p.rings:>10} rings {p.memory:>12,.0f}{p.asyncio:>12,.0f}{p.durable:>12,.0f}"
            f"{p.durable_cpu_us:>9,.0f} us{p.syncs:>9,.0f}{p.published:>12,}  {p.durable / p.published:.1f} times"
        )
