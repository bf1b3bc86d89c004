"""A database that holds states: its tables, and the runs of a state by name.

Owns: making the tables once, refusing those of another version, adding a run, finding one.
Must not know: batches, claims.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from msgspec import Struct

from scraper_cpn.store.port import StoreError, TextRow
from scraper_cpn.store.postgres.address import Address
from scraper_cpn.store.postgres.failures import driver
from scraper_cpn.store.postgres.holder import Holder, unpacked
from scraper_cpn.store.postgres.link import Connection
from scraper_cpn.store.postgres.sql import SCHEMA_VERSION, installation, query
from scraper_cpn.store.postgres.text import all_kept, kept, read

_TEXTS = 100
"""How many texts are sent at once."""


class PartInfo(Struct, frozen=True):
    """A run of a state: its partition, and who writes to it."""

    part: int
    name: str
    created_ns: int
    seq: int
    at_ns: int
    holder: Holder | None
    """The process that has it; None: none, or one whose lease is over."""


async def make_ready(address: Address, on: Connection) -> None:
    """Make the tables if the database has none. Raises `StoreError` if they are of another version."""
    while not await has_tables(address, on):
        errors = driver().exceptions
        try:
            async with on.transaction():
                await on.execute(installation())
        except (errors.DuplicateObjectError, errors.UniqueViolationError):
            continue  # another process has made them at the same time


async def is_ready(address: Address, on: Connection) -> None:
    """Raise `StoreError` unless the database has the tables of this version."""
    if not await has_tables(address, on):
        raise StoreError(
            "missing", f"{address} does not exist; the database has no state of scrape"
        )


async def has_tables(address: Address, on: Connection) -> bool:
    """Whether the database has the tables. Raises `StoreError` if they are of another version."""
    if await on.fetchval(query("version")) is None:
        return False
    version = await on.fetchval(query("schema"))
    if version != SCHEMA_VERSION:
        age = "a newer" if version is not None and version > SCHEMA_VERSION else "an older"
        raise StoreError(
            "foreign",
            f"{address}: its tables were made by {age} version of scrape (their schema is {version}, this "
            f"one's {SCHEMA_VERSION}); use that version, or another database",
        )
    return True


async def runs(address: Address, on: Connection) -> list[PartInfo]:
    """The runs of the state at *address*, the oldest first; empty if there is no such state.

    Raises:
        StoreError: "foreign" if it is a crawl of many workers, which is no state of one process.
    """
    rows = await on.fetch(query("runs"), address.name)
    if any(partitions > 1 for *_, partitions in rows):
        raise StoreError(
            "foreign",
            f"{address} is a crawl of many workers; use its commands: scrape status --database ADDRESS --name NAME",
        )
    return [
        PartInfo(part, read(name), created_ns, seq, at_ns, unpacked(holder) if held else None)
        for part, name, created_ns, seq, at_ns, holder, held, _ in rows
    ]


async def add_crawl(
    on: Connection,
    state: str,
    name: str,
    metadata: Sequence[Mapping[str, bytes]],
    texts: Iterable[TextRow] = (),
) -> list[int]:
    """Add a crawl to a state, within the caller's transaction; returns its partitions, which nobody has.

    Args:
        on: is in a transaction.
        state: the state's name.
        name: the crawl's name there. If it is taken the database refuses it (a unique key).
        metadata: the named values of each partition; as many as there are partitions.
        texts: those of the first partition.
    """
    made = (state, kept(name), time.time_ns(), len(metadata))
    crawl = await on.fetchval(query("add_crawl"), *made)
    parts = [int(part) for (part,) in await on.fetch(query("add_parts"), crawl, len(metadata))]
    for part, values in zip(parts, metadata, strict=True):
        if values:
            names = all_kept(list(values))
            await on.execute(query("add_metadata"), part, names, list(values.values()))
    await _add_texts(on, parts[0], texts)
    return parts


async def find_run(address: Address, on: Connection, name: str | None) -> int:
    """The partition of the run called *name*, or of the only one. Raises `StoreError`."""
    await is_ready(address, on)
    there = await runs(address, on)
    if not there:
        raise StoreError("missing", f"{address} does not exist")
    names = [each.name for each in there]
    if name is None and len(there) == 1:
        return there[0].part
    if name is None:
        raise StoreError("missing", f"{address}: name the run; it has {', '.join(names)}")
    if name not in names:
        raise StoreError("missing", f"{address} has no run {name}; it has {', '.join(names)}")
    return there[names.index(name)].part


async def _add_texts(on: Connection, part: int, texts: Iterable[TextRow]) -> None:
    numbered = enumerate(texts, start=1)
    while some := list(islice(numbered, _TEXTS)):
        bodies = all_kept([body for _, (_, body) in some])
        await on.execute(
            query("add_texts"), part, [n for n, _ in some], [line for _, (line, _) in some], bodies
        )
