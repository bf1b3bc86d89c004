"""The channels of a crawl, from outside: feeding tokens, consuming rows, and joining several nets to one.

Owns: what enters and leaves a crawl beside its workers, cursors.
Must not know: workers, HTTP.

What is fed is durable when the call returns, and reaches its partition once. A sink's rows are numbered within each
partition in the order of its batches, so that a cursor is one number for each partition: nothing that is committed later
can be before it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from scraper_cpn.cluster.crawl import Crawl, bundled, letters_for
from scraper_cpn.cluster.session import Session
from scraper_cpn.cluster.sql import query
from scraper_cpn.cluster.work import Work
from scraper_cpn.net import NetError, Place
from scraper_cpn.net.places import Sink
from scraper_cpn.store.port import StoreError

LOOK_SECONDS = 0.1
ROWS_MOST = 10_000


class Consumed(Struct, frozen=True):
    """Rows of a sink.

    Attributes:
        rows: as plain data; those of one partition are in order.
        cursor: for the next call, which goes on after them.
    """

    rows: list[Any]
    cursor: str


class Port:
    """A crawl's channels. Close it at the end.

    Args:
        crawl: from `crawl.join`.
        work: whose net it runs.
    """

    def __init__(self, crawl: Crawl, work: Work) -> None:
        self._crawl = crawl
        self._work = work
        self._session = Session(crawl.address, crawl.id)

    async def feed(self, place: Place[Any] | str, colours: Iterable[Any]) -> int:
        """Put tokens into a source or a channel; returns how many. They are durable then.

        Raises:
            NetError: there is no such source, or a token does not fit.
            StoreError: "ended" if the crawl takes none any more. After "io" it is unknown whether they were taken.
        """
        letters = letters_for(self._work, self._source(place), colours, len(self._crawl.parts))
        if letters and not await self._session.feed(bundled(self._work, letters)):
            raise StoreError(
                "ended", f"{self._crawl.address}: the crawl has ended, and takes nothing any more"
            )
        return len(letters)

    async def consume(
        self, sink: Place[Any] | str, cursor: str = "", *, most: int = 1000
    ) -> Consumed:
        """Read durable rows of a sink after a cursor, the first ones without one.

        Raises:
            NetError: there is no such sink, or the cursor is none of this crawl.
            StoreError: the database can't be read.
        """
        name = self._sink(sink)
        after = self._after(cursor)
        rows = await self._session.ask(
            query("consume"), list(self._crawl.parts), after, name, min(most, ROWS_MOST)
        )
        place = {part: pid for pid, part in enumerate(self._crawl.parts)}
        for part, n, _ in rows:
            after[place[part]] = max(n, after[place[part]])
        return Consumed([msgspec.json.decode(body) for _, _, body in rows], _written(after))

    async def follow(self, sink: Place[Any] | str, cursor: str = "") -> AsyncIterator[Consumed]:
        """Rows of a sink as they become durable, until the crawl has ended and all were read."""
        while True:
            ended = await self.ended()
            found = await self.consume(sink, cursor)
            cursor = found.cursor
            if found.rows:
                yield found
            elif ended is not None:
                return
            else:
                await asyncio.sleep(LOOK_SECONDS)

    async def counts(self) -> dict[str, int]:
        """How many tokens are in each place, in all partitions together; `outbox`: how many are on their way."""
        rows = await self._session.ask(query("counts"), list(self._crawl.parts))
        return {name: int(number) for name, number in rows}

    async def ended(self) -> str | None:
        """How the crawl has ended; None while it goes on."""
        word: str | None = await self._session.value(query("ended"), self._crawl.id)
        return word

    async def pour(
        self,
        reader: str,
        sink: Place[Any] | str,
        into: Port,
        place: Place[Any] | str,
        change: Callable[[Any], Iterable[Any]],
        *,
        most: int = 1000,
    ) -> int:
        """Feed another crawl of the same database what has come out of this one since the last call; returns how many rows.

        Each row is poured once, whatever fails: how far *reader* has read changes with what is fed, in one transaction.

        Args:
            reader: who reads; its place is kept under this name.
            sink: of this crawl.
            into: the other crawl.
            place: a source or channel there.
            change: the tokens that a row becomes there.
            most: rows at a time.

        Raises:
            NetError: the crawls are in different databases; or as `feed` and `consume`.
            StoreError: as `feed`.
        """
        if into._crawl.address.dsn != self._crawl.address.dsn:
            raise NetError(
                f"{into._crawl.address}: is in another database; consume there, and feed here"
            )
        name, source, mine = self._sink(sink), into._source(place), list(self._crawl.parts)

        async def poured(on: Any) -> int:
            async with on.transaction():
                await on.execute(query("add_reader"), self._crawl.id, reader, name, mine)
                after = dict(await on.fetch(query("read_so_far"), self._crawl.id, reader, name))
                rows = await on.fetch(
                    query("consume"), mine, [after[part] for part in mine], name, most
                )
                colours = [each for row in rows for each in change(msgspec.json.decode(row[2]))]
                letters = bundled(
                    into._work, letters_for(into._work, source, colours, len(into._crawl.parts))
                )
                columns = list(zip(*letters, strict=True)) or [(), (), ()]
                if not await on.fetchval(query("feed"), into._crawl.id, *columns):
                    raise StoreError("ended", f"{into._crawl.address}: the crawl has ended")
                ends = {part: n for part, n, _ in rows}
                await on.execute(
                    query("move_reader"),
                    self._crawl.id,
                    reader,
                    name,
                    list(ends),
                    list(ends.values()),
                )
                return len(rows)

        return await self._session.run(poured)

    def close(self) -> None:
        """Drop the connection."""
        self._session.close()

    def _source(self, place: Place[Any] | str) -> Place[Any]:
        found = self._work.net.places.get(place) if isinstance(place, str) else place
        if not isinstance(found, Place) or not found.source:
            raise NetError(f"net {self._work.net.name}: has no source {place}")
        return found

    def _sink(self, sink: Place[Any] | str) -> str:
        name = sink if isinstance(sink, str) else sink.name
        if not isinstance(self._work.net.places.get(name), Sink):
            raise NetError(f"net {self._work.net.name}: has no sink {name}")
        return name

    def _after(self, cursor: str) -> list[int]:
        """The number of the last row that was read of each partition."""
        if not cursor:
            return [0] * len(self._crawl.parts)
        try:
            after = [int(number) for number in cursor.split("-")]
        except ValueError:
            after = []
        if len(after) != len(self._crawl.parts) or not all(0 <= each < 2**63 for each in after):
            raise NetError(
                f"cursor: {cursor[:80]!r} is none of this crawl; give what consume returned"
            )
        return after


def _written(after: Sequence[int]) -> str:
    return "-".join(map(str, after))
