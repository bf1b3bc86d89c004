"""What a firing costs from its decision to its end: DiPeN's benchmark net, in memory, through asyncio, and durable.

Owns: the measurement. A ring passes one ball on, so that one ring does one thing at a time; N rings do N.
Durable means that the start and the end of each firing are in a batch that was synced before anything that
follows from it begins.
"""

from __future__ import annotations

import json
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


class Point(Struct, frozen=True):
    """Firings a second of so many rings."""

    rings: int
    memory: float
    asyncio: float
    durable: float
    published: int


def measured(rings: int, firings: int, folder: Path) -> Point:
    """One point: the same number of firings, whatever the number of rings. Compiling does not count."""
    passes = max(1, firings // rings)
    all_ = rings * passes
    return Point(
        rings,
        all_ / _in_memory(rings, passes),
        all_ / anyio.run(_live, rings, passes, None),
        all_ / anyio.run(_live, rings, passes, folder / f"{rings}.db"),
        PUBLISHED[rings],
    )


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


async def _live(rings: int, passes: int, keep: Path | None) -> float:
    """Seconds, through asyncio; synced where the run is kept."""
    net = ring_net(rings, passes)
    async with running(net, {"hand": hand}, keep=keep, on_row=lambda _: None) as live:
        begun = time.perf_counter()
        ran = await live.finish()
        seconds = time.perf_counter() - begun
    if ran.ended != "finished":
        raise ValueError(f"the rings ended {ran.ended}")
    return seconds


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
    print("firings a second   in memory     asyncio     durable   DiPeN, as published")
    for p in points:
        print(
            f"{p.rings:>10} rings {p.memory:>12,.0f}{p.asyncio:>12,.0f}{p.durable:>12,.0f}"
            f"{p.published:>12,}  {p.durable / p.published:.1f} times"
        )
