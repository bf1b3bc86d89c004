"""Measured figures, and the machine on which they were measured.

Owns: a figure (the values of several runs, their median and spread), time beside CPU time, the head that
says which versions and machine, and the table for people.
Must not know: what is measured.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from msgspec import Struct

from scraper_cpn.version import __version__


class Figure(Struct, frozen=True):
    """One measured quantity, with a value for each run.

    Attributes:
        part: the measurement that it belongs to.
        name: the quantity.
        unit: of the values.
        values: one for each run, in order.
        goal: the wanted value; empty for a figure that only explains others.
    """

    part: str
    name: str
    unit: str
    values: tuple[float, ...]
    goal: str = ""

    @property
    def median(self) -> float:
        """The median."""
        return median(self.values)


class Spent:
    """Time that a piece of work has taken, in seconds; filled in when it has ended."""

    wall: float = 0.0
    cpu: float = 0.0
    """Of all threads of the process."""
    written_bytes: int = 0
    """Given to the system to write; 0 where it does not count them."""


@contextmanager
def spent() -> Iterator[Spent]:
    """Measure the time spent in a `with` block."""
    result = Spent()
    wall, cpu, written = time.perf_counter(), time.process_time(), _written_bytes()
    try:
        yield result
    finally:
        result.wall = time.perf_counter() - wall
        result.cpu = time.process_time() - cpu
        result.written_bytes = _written_bytes() - written


def _written_bytes() -> int:
    try:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return int(dict(line.split(": ") for line in lines)["wchar"])


def head(folder: Path) -> dict[str, str]:
    """The versions and the machine, on which the figures depend; *folder* has the states."""
    return {
        "scrape": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "system": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "load": f"{os.getloadavg()[0]:.1f} processes were running before",
        "disk": f"{file_system(folder)}, a sync of 4 kB takes {sync_ms(folder):.2f} ms",
    }


def file_system(folder: Path) -> str:
    """The type of the file system of a folder, if the system reveals it."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown file system"
    mounts = {line.split()[1]: line.split()[2] for line in lines}
    real = folder.resolve()
    return next(mounts[str(each)] for each in [real, *real.parents] if str(each) in mounts)


def sync_ms(folder: Path) -> float:
    """The time in milliseconds that a small durable write takes: the median of 20."""
    name = folder / "sync"
    times = []
    with name.open("wb", buffering=0) as file:
        for _ in range(20):
            began = time.perf_counter()
            file.write(bytes(4_096))
            os.fsync(file.fileno())
            times.append(time.perf_counter() - began)
    name.unlink()
    return median(times) * 1_000


def table(figures: Sequence[Figure]) -> str:
    """The figures for people: median, spread, goal."""
    lines = []
    for part in dict.fromkeys(figure.part for figure in figures):
        lines += ["", part]
        lines += [_line(figure) for figure in figures if figure.part == part]
    return "\n".join(lines)


def _line(figure: Figure) -> str:
    values = figure.values
    spread = f"{_number(min(values))} to {_number(max(values))}" if len(values) > 1 else ""
    goal = f"goal: {figure.goal}" if figure.goal else ""
    middle = f"{_number(figure.median)} {figure.unit}"
    return f"  {figure.name:<44} {middle:>22}  {spread:<22} {goal}".rstrip()


def _number(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
