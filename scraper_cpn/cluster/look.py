"""How a crawl of many workers stands, for people: what it began with, its workers, what is on its way, what is left of budgets.

Owns: reading it. Must not know: what a net is for.
"""

from __future__ import annotations

from msgspec import Struct

from scraper_cpn.cluster.sql import query
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.postgres.holder import unpacked
from scraper_cpn.store.postgres.link import Connection


class Working(Struct, frozen=True):
    """A worker.

    Attributes:
        process: which one it is, and on which machine.
        partitions: how many it has, by leases that are not over. One that was lost has none.
        seen_ns: how long ago it gave its last sign of life.
    """

    process: str
    partitions: int
    seen_ns: int


class Look(Struct, frozen=True, kw_only=True):
    """A crawl at one moment.

    Attributes:
        created_ns: UTC, since 1970.
        now_ns: the database's time.
        ended: how it ended; None while it goes on.
        stopping: whether workers were told to leave.
        idle: partitions that have nothing to do.
        on_the_way: tokens between partitions.
        workers: those that have not left, the oldest first.
        budgets: the units that nobody has drawn.
    """

    created_ns: int
    now_ns: int
    ended: str | None
    stopping: bool
    idle: int
    on_the_way: int
    workers: tuple[Working, ...]
    budgets: dict[str, int]


async def facts_of(on: Connection, crawl: int) -> dict[str, bytes]:
    """The named values with which a crawl was made."""
    return dict(await on.fetch(query("facts"), crawl))


async def look_at(on: Connection, crawl: int) -> Look:
    """Look at a crawl. Raises `StoreError` ("missing") if there is none of this number."""
    row = await on.fetchrow(query("look"), crawl)
    if row is None:
        raise StoreError("missing", f"there is no crawl {crawl} for many workers")
    created_ns, now_ns, ended, stopping, idle, on_the_way = row
    workers = await on.fetch(query("look_workers"), crawl)
    return Look(
        created_ns=created_ns,
        now_ns=now_ns,
        ended=ended,
        stopping=stopping,
        idle=idle,
        on_the_way=int(on_the_way),
        workers=tuple(
            Working(str(unpacked(holder) or "unknown"), partitions, seen_ns)
            for holder, seen_ns, partitions in workers
        ),
        budgets=dict(await on.fetch(query("look_credits"), crawl)),
    )
