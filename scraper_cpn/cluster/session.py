"""The calls that a worker makes beside the batches of its partitions.

Owns: one connection, which is made anew after it was lost, and the calls by name.
Must not know: nets, partitions' kernels.

A call takes at most as long as it is given, whatever the network does. Its outcome is then unknown: each call here may
be repeated, except `draw` and `feed`, which are never repeated by themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, TypeVar

from msgspec import Struct

from scraper_cpn.cluster.sql import query
from scraper_cpn.store.postgres.address import Address
from scraper_cpn.store.postgres.failures import store_errors
from scraper_cpn.store.postgres.link import Connection, connect, within

T = TypeVar("T")

CALL_SECONDS = 30.0


class Beat(Struct, frozen=True):
    """How things stand at a heartbeat.

    Attributes:
        kept: the partitions whose leases were renewed.
        workers: those that are alive, this one included, each with its process (see `store/postgres/holder.py`).
        stopping: whether workers shall leave.
        ended: how the crawl has ended; None while it goes on.
        now_ns: the database's time, just before it answered.
    """

    kept: list[int]
    workers: dict[str, str]
    stopping: bool
    ended: str | None
    now_ns: int


class Claimed(Struct, frozen=True):
    """A claim on a partition.

    Attributes:
        part: its id in the database.
        pid: its number, from 0 on.
        epoch: how often it has been claimed.
        owner_was: who had it before; None if nobody.
    """

    part: int
    pid: int
    epoch: int
    owner_was: str | None


class Session:
    """One connection; calls take turns. Every method raises `StoreError`.

    Args:
        address: of the database.
        crawl: its id there.
        seconds: the most that a call may take, and connecting for it.
    """

    def __init__(self, address: Address, crawl: int, seconds: float = CALL_SECONDS) -> None:
        self._address = address
        self._crawl = crawl
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None

    async def beat(
        self,
        worker: str,
        holder: str,
        lease_ms: int,
        mine: Sequence[tuple[int, int]],
    ) -> Beat:
        """Report that the worker lives, and renew its leases: of partitions, each with its epoch."""
        parts, epochs = [part for part, _ in mine], [epoch for _, epoch in mine]
        (row,) = await self.ask(
            query("beat"),
            self._crawl, worker, holder, lease_ms, parts, epochs,
        )  # fmt: skip
        return Beat(row[0], dict(zip(row[1], row[2], strict=True)), *row[3:])

    async def claim(
        self, worker: str, lease_ms: int, holder: str, held: Iterable[int], most: int
    ) -> list[Claimed]:
        """Claim up to *most* partitions that are free, beside those that are *held*."""
        rows = await self.ask(
            query("claim"),
            self._crawl, worker, lease_ms, holder, list(held), most,
        )  # fmt: skip
        return [Claimed(*row) for row in rows]

    async def release(self, part: int, epoch: int, worker: str) -> None:
        """Give a partition back."""
        await self.ask(query("release"), part, epoch, worker)

    async def release_worker(self, worker: str) -> int:
        """Free everything that a worker owns; returns how many partitions."""
        return int(await self.value(query("release_worker"), self._crawl, worker))

    async def end_if_done(self) -> str | None:
        """End the crawl if nothing is left to do; returns how it ended."""
        word: str | None = await self.value(query("end_if_done"), self._crawl)
        return word

    async def inbox(
        self, parts: Sequence[int], known: Sequence[int], most: int
    ) -> list[tuple[int, int, bytes]]:
        """Rows for some partitions, the oldest first, without those that are *known*: partition, id, body."""
        rows = await self.ask(
            query("inbox"),
            parts, known, most,
        )  # fmt: skip
        return [(row[0], row[1], row[2]) for row in rows]

    async def draw(self, counter: str, part: int, bodies: Sequence[bytes]) -> int:
        """Send a partition units of a budget, as many as are free; returns how many."""
        return int(await self.value(query("draw"), self._crawl, counter, part, bodies))

    async def feed(self, letters: Sequence[tuple[int, int, bytes]]) -> bool:
        """Send rows to partitions by number: number, tokens, body. False: the crawl has ended."""
        columns = [[each[place] for each in letters] for place in range(3)]
        return bool(await self.value(query("feed"), self._crawl, *columns))

    async def ask(self, call: str, *values: Any) -> list[Any]:
        """Run a statement; returns its rows."""
        return await self.run(lambda on: on.fetch(call, *values))

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Run something on the connection; with its errors translated."""
        with store_errors(self._address):
            async with self._turn:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect(self._address, self._seconds)
                return await within(self._seconds, self._connection, work(self._connection))

    async def value(self, call: str, *values: Any) -> Any:
        """The first column of a statement's only row."""
        ((found, *_),) = await self.ask(call, *values)
        return found

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
