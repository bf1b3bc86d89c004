"""The points that are measured.

Owns: the grid, which subjects run at which points, and the length of each measurement.
Must not know: how anything is measured.
"""

from __future__ import annotations

from msgspec import Struct

from bench.decisions.engines import SIZES, Size
from bench.decisions.workload import Kind, Point

OTHERS: tuple[Kind, ...] = ("dense", "blocked", "pressed", "zipf")

GRID = (
    Point(1_000, 1_000, 100),
    Point(10_000, 1_000, 100),
    Point(100_000, 1_000, 100),
    Point(1_000_000, 1_000, 100),
    Point(100_000, 1, 1_000),
    Point(100_000, 100, 1_000),
    Point(100_000, 10_000, 1_000),
    Point(100_000, 100_000, 1_000),
    Point(100_000, 10_000, 1),
    Point(100_000, 10_000, 100),
    Point(100_000, 10_000, 10_000),
    Point(1_000_000, 100_000, 10_000),
    *(Point(100_000, 10_000, 1_000, kind) for kind in OTHERS),
)
"""Targets from 10^3 to 10^6, domains from 1 to 10^5, proxies from 1 to 10^4; then the other kinds."""
QUICK = (
    Point(1_000, 1_000, 100),
    Point(30_000, 1_000, 100),
    *(Point(10_000, 1_000, 1_000, kind) for kind in OTHERS),
)
SLOW = (Point(100, 10, 5), Point(1_000, 10, 5))
"""Where the interpreter can run: at each step it tries every combination of tokens."""


class Plan(Struct, frozen=True, kw_only=True):
    """How much is measured."""

    points: tuple[Point, ...]
    slow: tuple[Point, ...]
    decisions: int
    slow_decisions: int
    rounds: int
    """Of each subject at each point. With fewer than three, one that was disturbed moves the median."""
    engines: tuple[Size, ...] = SIZES
    """For general engines."""
    parted: Point = Point(100_000, 10_000, 1_000)
    """The points at which time is shown by part."""


WHOLE = Plan(points=GRID, slow=SLOW, decisions=10_000, slow_decisions=100, rounds=3)
BRIEF = Plan(
    points=QUICK,
    slow=SLOW[:1],
    decisions=4_000,
    slow_decisions=100,
    rounds=3,
    engines=SIZES[:1],
    parted=QUICK[1],
)
