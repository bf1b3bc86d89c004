"""Connections to PostgreSQL: some for the event loop that commits, one that answers synchronous calls.

Owns: connecting, the thread that the synchronous calls run in, and a hard limit on the time of each call.
Must not know: tables, batches.

The driver waits for the server without a limit when a call is cancelled or a connection is closed in
order, so a connection on which anything went wrong is dropped at once (`terminate`), never closed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

from scraper_cpn.store.port import StoreError
from scraper_cpn.store.postgres.address import Address
from scraper_cpn.store.postgres.failures import NOBODY, POOLED, driver, said, store_errors

T = TypeVar("T")

CONNECT_SECONDS = 10.0
CALL_SECONDS = 60.0
"""The most that one call may take. Taking a new base of a journal with a million tokens takes some seconds."""
CLOSE_SECONDS = 5.0
LEAST_VERSION = 15


class Connection(Protocol):
    """The part of the driver's connection that the store uses."""

    async def fetch(self, query: str, *values: Any) -> list[Any]:
        """Run a statement; returns its rows."""

    async def fetchrow(self, query: str, *values: Any) -> Any:
        """The first row of a statement; None if it has none."""

    async def fetchval(self, query: str, *values: Any) -> Any:
        """The first column of that row."""

    async def execute(self, query: str, *values: Any) -> str:
        """Run a statement, or several if there are no values."""

    def transaction(self, *, isolation: str | None = None, readonly: bool = False) -> Any:
        """A transaction, as a context manager."""

    def is_closed(self) -> bool:
        """Whether it was closed or lost."""

    def terminate(self) -> None:
        """Drop it without a word to the server."""


async def connect_again(address: Address, seconds: float) -> Connection:
    """Connect where a connection was made before. Raises `StoreError`, "io" if that is not possible now."""
    try:
        return await connect(address, seconds)
    except StoreError as error:
        raise StoreError("io", str(error)) from error


async def connect(address: Address, seconds: float = CONNECT_SECONDS) -> Connection:
    """Connect to the database of a state.

    Args:
        address: of the state.
        seconds: how long it may take, if that is less than usual.

    Raises:
        StoreError: there is no way to it now, or it can't be used.
    """
    most = min(seconds, CONNECT_SECONDS)
    settings = {"application_name": "scrape"}
    with store_errors(address):
        connect_to = driver().connect
        try:
            connection: Any = await connect_to(address.dsn, timeout=most, server_settings=settings)
        except ValueError as error:  # a parameter of the address that the driver can't read
            raise StoreError("foreign", f"{address}: its parameters can't be read") from error
        except OSError as error:
            text = NOBODY.format(error=said(error))
            raise StoreError("io", f"{address}: {text}") from error
    version, coding = connection.get_server_version(), connection.get_settings().server_encoding
    if version.major >= LEAST_VERSION and coding == "UTF8":
        await _refuse_pooler(address, connection, most)
        found: Connection = connection
        return found
    connection.terminate()
    if coding != "UTF8":
        raise StoreError(
            "foreign", f"{address}: the database's encoding is {coding}; it must be UTF8"
        )
    raise StoreError(
        "foreign",
        f"{address}: PostgreSQL is {version.major}; a state needs {LEAST_VERSION} or newer",
    )


async def _refuse_pooler(address: Address, connection: Any, seconds: float) -> None:
    """Refuse a pooler, whose clients would run each other's prepared statements.

    It hands out numbers of its own for cancelling, where a server gives the number of its process.
    """
    with store_errors(address):
        asked = connection.fetchval("SELECT pg_backend_pid()")
        pid = await within(seconds, connection, asked)
        if pid != connection.get_server_pid():
            connection.terminate()
            raise StoreError("refused", f"{address}: {POOLED}")


async def within(seconds: float, connection: Connection, work: Awaitable[T]) -> T:
    """Wait for a call on *connection*, which is dropped on any error, and when the time is over.

    Raises `TimeoutError`, or what the call raises.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task], timeout=seconds)
    except BaseException:
        connection.terminate()
        task.cancel()
        raise
    if not task.done():
        connection.terminate()
        task.cancel()
        raise TimeoutError(f"no answer within {seconds:g} s")
    if task.cancelled() or task.exception() is not None:
        connection.terminate()
    return task.result()


class Pool:
    """Connections of the event loop that uses them: each call has one for itself.

    Args:
        address: of the database.
        most: how many connections there are at most; further calls wait.
        seconds: how long a call may take.
    """

    def __init__(self, address: Address, most: int = 1, seconds: float = CALL_SECONDS) -> None:
        self._address = address
        self._most = most
        self._seconds = seconds
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turns = asyncio.Semaphore(most)
        self._free: list[Connection] = []

    async def run(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        """Run *work* on a connection. Raises what it raises, or `StoreError` if none can be made."""
        if self._loop is not asyncio.get_running_loop():
            self.close()
            self._loop, self._turns = asyncio.get_running_loop(), asyncio.Semaphore(self._most)
        async with self._turns:
            connection = await self._taken()
            try:
                return await within(self._seconds, connection, work(connection))
            finally:
                self._free.append(connection)

    def close(self) -> None:
        """Drop all connections that are free."""
        while self._free:
            self._free.pop().terminate()

    async def _taken(self) -> Connection:
        """A free connection; one that was lost is made again."""
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
        return await connect_again(self._address, self._seconds)


class Link:
    """A connection for synchronous calls, from any thread; it lives in a loop of its own.

    Calls take turns. Every method raises `StoreError`, also when a call takes longer than it may (*seconds*);
    after that the next call connects again, unless the link is *once*: a snapshot is gone with its connection.
    """

    def __init__(
        self, address: Address, *, once: bool = False, seconds: float = CALL_SECONDS
    ) -> None:
        self._address = address
        self._once = once
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None
        self._closed = False

    def call(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        """Run *work* on the connection, and wait for it."""
        with store_errors(self._address):
            future = asyncio.run_coroutine_threadsafe(self.run(work), _loop())
            return future.result(CONNECT_SECONDS + self._seconds + 1)

    async def run(self, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
        """The same, for a coroutine in the loop of the links."""
        async with self._turn:
            connection = await self._connected()
            return await within(self._seconds, connection, work(connection))

    def close(self) -> None:
        """Drop the connection; a second call does nothing."""
        self._closed = True
        if self._connection is not None:
            _loop().call_soon_threadsafe(self._connection.terminate)
            self._connection = None

    async def _connected(self) -> Connection:
        if self._closed:
            raise StoreError("io", f"{self._address}: it was closed")
        if self._connection is None:
            self._connection = await connect(self._address, self._seconds)
        elif self._connection.is_closed():
            if self._once:
                raise StoreError("io", f"{self._address}: the connection was lost; try again")
            self._connection = await connect_again(self._address, self._seconds)
        return self._connection


_starting = threading.Lock()
_running: list[asyncio.AbstractEventLoop] = []


def _loop() -> asyncio.AbstractEventLoop:
    """The loop of all links of this process, in a thread that ends with it."""
    with _starting:
        if not _running:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="postgres", daemon=True).start()
            _running.append(loop)
        return _running[0]


def spawn(work: Coroutine[Any, Any, None]) -> Any:
    """Begin a coroutine in the loop of the links; returns a future with `cancel`."""
    return asyncio.run_coroutine_threadsafe(work, _loop())
