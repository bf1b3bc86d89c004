"""The memory that a waiting target takes.

Owns: the measurement: crawls of two sizes, each in a process of its own, and the slope between them.
Must not know: how a kernel or a store keeps targets.
"""

from __future__ import annotations

import gc
import multiprocessing
import resource
import sys
from pathlib import Path

import anyio
from msgspec import Struct

from bench.driver import Driver
from bench.figures import Figure
from bench.files import cleared
from bench.frontier import World
from bench.running import fill, kept, new_state, unkept

PART = "memory"
MB = 10**6


class Resident(Struct, frozen=True):
    """A process with a filled crawl, in bytes."""

    waiting: int
    """Targets in the frontier."""
    resident: int
    """Once it is filled."""
    peak: int
    """At any time until then."""


def grown(world: World, path: Path | None) -> Resident:
    """Fill a crawl in a process of its own, with a state at *path* or without one."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(_grown, (world, path))


def _grown(world: World, path: Path | None) -> Resident:
    return anyio.run(_filled, world, path)


async def _filled(world: World, path: Path | None) -> Resident:
    if path is None:
        return await _after_filling(world, unkept(world))
    store = new_state(world, cleared(path.parent, path.name))
    try:
        return await _after_filling(world, await kept(world, store))
    finally:
        await store.close()


async def _after_filling(world: World, crawl: Driver) -> Resident:
    async with crawl as driver:
        await fill(world, driver)
        return _resident(driver.waiting)


def _resident(waiting: int) -> Resident:
    gc.collect()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak *= 1 if sys.platform == "darwin" else 1_024
    return Resident(waiting, _now_bytes(peak), peak)


def _now_bytes(peak: int) -> int:
    """Resident memory now; its peak where the system tells nothing else."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return peak
    return pages * resource.getpagesize()


def slope(small: Resident, large: Resident) -> float:
    """Bytes for each additional target."""
    return (large.resident - small.resident) / (large.waiting - small.waiting)


def measure(small: World, large: World, most: World | None, folder: Path) -> list[Figure]:
    """Both kinds of crawls in two sizes; *most* is the greatest that is tried, with a state.

    Leaves the large one's state as `filled.db`.
    """
    hot = [grown(world, None) for world in (small, large)]
    cold = [
        grown(world, folder / name) for world, name in ((small, "small.db"), (large, "filled.db"))
    ]
    figures = [
        Figure(PART, "a target in memory", "bytes", (slope(*hot),), "300 and less"),
        Figure(PART, "a target in a state", "bytes", (slope(*cold),)),
        *_sizes("in memory", hot),
        *_sizes("in a state", cold),
    ]
    if most is not None:
        greatest = grown(most, folder / "most.db")
        figures += _sizes(f"on {most.domains:,} domains, in a state", [greatest], "within 600 MB")
        cleared(folder, "most.db")
    return figures


def _sizes(name: str, found: list[Resident], goal: str = "") -> list[Figure]:
    return [
        Figure(PART, f"{each.waiting:,} {name}{what}", "MB", (value / MB,), goal)
        for each in found
        for what, value in (("", each.resident), (", peak", each.peak))
    ]
