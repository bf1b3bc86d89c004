"""A server on a free port of the loopback address that starts and ends with `async with`.

Owns: the port, the tasks of connections, and their end.
Must not know: what is spoken on a connection.
"""

import asyncio
import ssl
from collections.abc import Coroutine
from contextlib import suppress
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"
_BACKLOG = 1_000


class LoopbackServer:
    """A server; a subclass says what it answers on a connection.

    With *tls* it speaks over TLS. A connection ends with its conversation, or with the server.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, host: str = LOOPBACK) -> None:
        self._tls, self._host = tls, host
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.connections = 0

    @property
    def root(self) -> str:
        """The URL of this server, without a path."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(
            self._accept, self._host, 0, ssl=self._tls, backlog=_BACKLOG
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.close()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer on a connection until it ends."""
        raise NotImplementedError

    def start(self, work: Coroutine[None, None, None]) -> None:
        """Begin work that ends with the server at the latest."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.start(self._serve(reader, writer))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self.converse(reader, writer)
        finally:
            writer.transport.abort()
