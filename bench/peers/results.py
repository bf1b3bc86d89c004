"""Results of crawls, kept in a file and read back.

Owns: the format of the file, and which results replace others. Must not know: how anything is measured or shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from statistics import median

import msgspec
from msgspec import Struct

from bench.peers.run import Crawl
from bench.peers.scenarios import SCENARIOS
from bench.peers.subjects import SUBJECTS

KEPT = Path(__file__).parents[1] / "results" / "peers.json"


class Loop(Struct, frozen=True, kw_only=True):
    """spider's decisions without a network: its gate, or its loop with a fetcher that answers at once."""

    mode: str
    program: str
    decisions: int
    cpu_s: tuple[float, ...]
    """One a run."""
    date: str
    machine: str

    @property
    def cpu_us(self) -> float:
        """CPU time for a decision in microseconds, the median."""
        return median(self.cpu_s) / self.decisions * 1e6


class SavedResults(Struct, frozen=True, kw_only=True):
    """What was measured: the last crawl of each crawler and scenario, and spider's decisions."""

    crawls: tuple[Crawl, ...]
    loops: tuple[Loop, ...] = ()


def read(path: Path = KEPT) -> SavedResults | None:
    """The content of the file; None if it does not exist."""
    return msgspec.json.decode(path.read_bytes(), type=SavedResults) if path.is_file() else None


def with_new(
    before: SavedResults | None, crawls: Iterable[Crawl], loops: Iterable[Loop] = ()
) -> SavedResults:
    """Results in which new ones replace those of the same crawl."""
    old = before.crawls if before is not None else ()
    new = {(each.scenario, each.subject): each for each in (*old, *crawls)}
    order = [(scenario.name, subject.name) for scenario in SCENARIOS for subject in SUBJECTS]
    return SavedResults(
        crawls=tuple(new[key] for key in order if key in new),
        loops=tuple(loops) or (before.loops if before is not None else ()),
    )


def write(results: SavedResults, path: Path = KEPT) -> None:
    """Write the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")
