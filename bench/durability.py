"""`python -m bench durability`: the cost and the speed of a state.

Owns: the sizes of the measurements, their order, and the output.
Must not know: how anything is measured.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import msgspec
from msgspec import Struct

from bench import firings, journal, resident, resume
from bench.figures import Figure, head, table
from bench.frontier import World
from scraper_cpn.store.postgres.address import Address, address_of


class Sizes(Struct, frozen=True, kw_only=True):
    """How much is measured."""

    small: World
    large: World
    most: World | None
    firings: int
    hosts: int
    pages: int
    """On each of the hosts."""
    runs: int


WHOLE = Sizes(
    small=World(domains=10_000, waiting=200_000),
    large=World(domains=10_000, waiting=1_000_000),
    most=World(domains=100_000, waiting=3_000_000),
    firings=200_000,
    hosts=500,
    pages=40,
    runs=5,
)
"""About a quarter of an hour, 2 GB of memory and of disk."""
QUICK = Sizes(
    small=World(domains=1_000, waiting=20_000),
    large=World(domains=1_000, waiting=100_000),
    most=None,
    firings=20_000,
    hosts=50,
    pages=40,
    runs=3,
)
"""About a minute; its figures are rough, and memory is mostly what every process has."""


def durability(
    sizes: Sizes, folder: Path, say: Callable[[str], None], address: Address | None = None
) -> list[Figure]:
    """Measure all, with states in *folder* and one at *address*; *say* gets the name of each measurement before it begins."""
    say("memory of waiting targets, which also fills a state")
    memory = resident.measure(sizes.small, sizes.large, sizes.most, folder)
    filled = folder / "filled.db"
    say("durable firings")
    rates = anyio.run(firings.measure, sizes.large, filled, sizes.firings, sizes.runs, address)
    say("cost of a state")
    site = journal.site_of(sizes.hosts, sizes.pages)
    costs = anyio.run(journal.measure, folder, site, sizes.runs)
    say("resume")
    resumes = anyio.run(resume.measure, filled, sizes.runs)
    return [*rates, *costs, *resumes, *memory]


def main(*, quick: bool, as_json: bool, where: Path | None, database: str | None) -> None:
    """Measure and print.

    *where* is the folder for the states, by default that of temporary files; *database* is the address of one
    on PostgreSQL to measure, too.
    """
    address = None if database is None else address_of(database)
    with TemporaryDirectory(prefix="bench-", dir=where) as name:
        folder = Path(name)
        known = head(folder)
        figures = durability(QUICK if quick else WHOLE, folder, _say, address)
    if as_json:
        print(msgspec.json.encode({"head": known, "figures": figures}).decode())
        return
    for what, value in known.items():
        print(f"{what:<8} {value}")
    print(table(figures))


def _say(what: str) -> None:
    print(f"measuring {what}", file=sys.stderr)
