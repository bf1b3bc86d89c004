"""A connection pool: at least one free connection, opened on demand, checked, closed when idle for long.

    async with Pool.open(connect, most=5) as pool, pool.connection() as connection:
        await connection.fetch("SELECT 1")

A connection is opened whenever none is free and the pool has room: the transition `open` needs the place `idle` to
be empty, and keeps that absence to itself while it opens, so that one connection is opened at a time, and no
more than are wanted. Who asks waits in a queue, at most until a deadline. What comes back is checked before it is free
again; what is broken, or was idle for too long while another one is free, is closed.

The net has numbers for connections; which object a number stands for only the pool knows.
"""

from __future__ import annotations

import sqlite3
import sys
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import anyio
from msgspec import Struct

from scraper_cpn.net import Lost, Net, Row, absent, expired, on, put, read, take
from scraper_cpn.run.live import Effects, Live, running

SECOND = 1_000_000_000
CLOSE_SECONDS = 10
"""How long to wait at the end for connections that are still lent."""
C = TypeVar("C")


class Ask(Struct, frozen=True):
    """Somebody who wants a connection."""

    ask: int


class Conn(Struct, frozen=True):
    """A connection, by its number."""

    number: int


class Lent(Struct, frozen=True):
    """A connection that is in use."""

    ask: int
    number: int


class Back(Struct, frozen=True):
    """It comes back."""

    ask: int


class Opened(Struct, frozen=True):
    """The outcome of opening a connection."""

    number: int


class Sound(Struct, frozen=True):
    """The outcome of a check: it can be used again."""


class Sick(Struct, frozen=True):
    """The outcome of a check: it can't."""


class Closed(Struct, frozen=True):
    """The outcome of closing one."""


def pool_net(most: int, *, idle_ns: int, retry_ns: int) -> Net:
    """Asks and connections that come back come in; connections are lent to those who asked."""
    net = Net("pool")
    asks = net.place("asks", Ask, source=True, expires=True, work=True)
    idle = net.place("idle", Conn, timed=True)
    lent = net.place("lent", Lent, key="ask")
    backs = net.place("backs", Back, key="ask", source=True, work=True)
    checking = net.place("checking", Conn, work=True)
    closing = net.place("closing", Conn, work=True)
    resting = net.place("resting", Conn, timed=True)
    room = net.counter("room", start=most)
    stop = net.place("stop", Back, source=True)
    given, late = net.sink("given", Lent), net.sink("late", Ask)
    open_ = net.effect("open", Opened)
    check, close = net.effect("check", Sound | Sick), net.effect("close", Closed)

    grant = [put(lent, _lent, asks, idle), put(given, _lent, asks, idle)]
    net.transition("grant", [asks, take(idle, include_waiting=True)], outputs=grant)
    net.transition("give_up", [expired(asks)], outputs=[put(late)])
    opening = [
        on(Opened, put(idle, _conn, Opened, after_ns=idle_ns)),
        on(Lost, put(resting, _none, after_ns=retry_ns)),
    ]
    net.transition(
        "open", [take(room), absent(idle), absent(stop)], effect=open_(), outcomes=opening
    )
    net.transition("recover", [resting], outputs=[put(room)])
    net.transition("return", [backs, lent], outputs=[put(checking, _number, lent)])
    checked = [
        on(Sound, put(idle, _same, checking, after_ns=idle_ns)),
        on(Sick, put(closing, _same, checking)),
        on(Lost, put(closing, _same, checking)),
    ]
    net.transition("check", [checking], effect=check(checking), outcomes=checked)
    # A connection becomes ready in `idle` once it was idle for long: with another one beside it, it is closed.
    old = take(idle)
    net.transition("close_idle", [old, read(idle)], outputs=[put(closing, _same, old)], priority=1)
    shut = [read(stop), take(idle, include_waiting=True)]
    net.transition("shut", shut, outputs=[put(closing, _same, idle)], priority=-1)
    closed = [on(Closed, put(room)), on(Lost, put(room))]
    net.transition("close", [closing], effect=close(closing), outcomes=closed)
    return net


def _lent(ask: Ask, conn: Conn) -> Lent:
    return Lent(ask.ask, conn.number)


def _conn(opened: Opened) -> Conn:
    return Conn(opened.number)


def _none() -> Conn:
    return Conn(0)


def _number(lent: Lent) -> Conn:
    return Conn(lent.number)


def _same(conn: Conn) -> Conn:
    return conn


class Pool(Generic[C]):
    """A pool that runs; see `open`."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[C]],
        check: Callable[[C], Awaitable[bool]],
        close: Callable[[C], Awaitable[None]],
    ) -> None:
        self._live: Live
        self._connect, self._is_sound, self._shut = connect, check, close
        self._objects: dict[int, C] = {}
        self._asks: dict[int, anyio.Event] = {}
        self._given: dict[int, int] = {}
        self._empty = anyio.Event()
        self._last_ask = self._last_number = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        connect: Callable[[], Awaitable[C]],
        *,
        check: Callable[[C], Awaitable[bool]],
        close: Callable[[C], Awaitable[None]],
        most: int = 10,
        idle_ns: int = 60 * SECOND,
        retry_ns: int = SECOND,
    ) -> AsyncIterator[Pool[C]]:
        """A pool of at most so many connections, which are all closed when the block ends."""
        pool = cls(connect, check, close)
        net = pool_net(most, idle_ns=idle_ns, retry_ns=retry_ns)
        effects: Effects = {"open": pool._open, "check": pool._check, "close": pool._close}
        async with (
            running(net, effects, on_row=pool._on_row) as live,
            anyio.create_task_group() as tasks,
        ):
            pool._live = live
            tasks.start_soon(live.serve)
            try:
                yield pool
            finally:
                with anyio.CancelScope(shield=True):
                    await pool._end()

    @asynccontextmanager
    async def connection(self, patience_ns: int = 10 * SECOND) -> AsyncIterator[C]:
        """A connection, for the block.

        Raises:
            TimeoutError: none was free for so long.
        """
        self._last_ask += 1
        ask = self._last_ask
        self._asks[ask] = anyio.Event()
        self._live.inject(self._place("asks"), Ask(ask), lasts_ns=patience_ns)
        try:
            await self._asks[ask].wait()
            if ask not in self._given:
                raise TimeoutError(f"no connection was free for {patience_ns / SECOND:g} s")
            yield self._objects[self._given[ask]]
        finally:
            del self._asks[ask]
            if self._given.pop(ask, None) is not None:
                self._live.inject(self._place("backs"), Back(ask))

    def count(self, place: str) -> int:
        """How many there are in a place of the net: `idle`, `lent`, `room`."""
        return self._live.count(place)

    def _place(self, name: str) -> Any:
        return self._live.net.places[name]

    def _on_row(self, row: Row) -> None:
        ask = row.colour.ask
        if ask not in self._asks:  # who asked is gone
            if row.sink == "given":
                self._live.inject(self._place("backs"), Back(ask))
            return
        if row.sink == "given":
            self._given[ask] = row.colour.number
        self._asks[ask].set()

    async def _open(self) -> Opened:
        connection = await self._connect()
        self._last_number += 1
        self._objects[self._last_number] = connection
        return Opened(self._last_number)

    async def _check(self, conn: Conn) -> Sound | Sick:
        return Sound() if await self._is_sound(self._objects[conn.number]) else Sick()

    async def _close(self, conn: Conn) -> Closed:
        await self._shut(self._objects.pop(conn.number))
        if not self._objects:
            self._empty.set()
            self._empty = anyio.Event()
        return Closed()

    async def _end(self) -> None:
        self._live.inject(self._place("stop"), Back(0))
        with anyio.move_on_after(CLOSE_SECONDS):
            if self._objects:
                await self._empty.wait()
        self._live.stop()


async def demonstrate() -> None:
    """Ten askers for three connections of SQLite."""

    async def connect() -> sqlite3.Connection:
        return sqlite3.connect(":memory:")

    async def check(connection: sqlite3.Connection) -> bool:
        return bool(connection.execute("SELECT 1").fetchone())

    async def close(connection: sqlite3.Connection) -> None:
        connection.close()

    async with Pool.open(connect, check=check, close=close, most=3) as pool:

        async def use(number: int) -> None:
            async with pool.connection() as connection:
                (found,) = connection.execute("SELECT ? * ?", (number, number)).fetchone()
                await anyio.sleep(0.01)
                sys.stdout.write(f"{number} * {number} = {found}, {pool.count('lent')} lent\n")

        async with anyio.create_task_group() as tasks:
            for number in range(10):
                tasks.start_soon(use, number)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    ArgumentParser(prog="pool", description="A pool of connections, used by ten.").parse_args(
        arguments
    )
    anyio.run(demonstrate)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
