"""Loopback servers that answer byte by byte as a test wrote it down, and keep what they were asked.

Owns: raw TCP servers on free ports, plain or TLS, and a forward proxy. They speak no HTTP beyond
finding where a request's head ends, so that a test can say anything, valid or not. Beside them a
server for a handler of the standard library, where nobody runs a loop.
Must not know: the scraper, HTTP libraries.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

from mocks.loopback import LOOPBACK, LoopbackServer


class Do(Enum):
    """What a server does beside sending bytes."""

    CLOSE = auto()
    """Close the connection (FIN)."""
    RESET = auto()
    """Break the connection (RST)."""
    STALL = auto()
    """Send nothing more, and wait until the client closes."""


@dataclass(frozen=True)
class Tunnel:
    """Join the connection to a local port, as a proxy does after CONNECT."""

    port: int


Step = bytes | float | Do | Tunnel
"""A float is a pause in seconds."""


@dataclass(frozen=True)
class Asked:
    """A request as it was on the wire."""

    head: bytes
    connection: int
    """0 for the first connection to this server."""
    ordinal: int
    """0 for the first request on its connection."""
    body: bytes = b""
    """As long as its Content-Length says."""

    @property
    def method(self) -> str:
        """The first word."""
        return self.head.split(b" ", 1)[0].decode()

    @property
    def target(self) -> str:
        """The request target: a path, an absolute URL, or host:port."""
        return self.head.split(b" ", 2)[1].decode()

    @property
    def headers(self) -> dict[str, str]:
        """Headers by lower-case name."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        return {name.lower(): value.strip() for name, _, value in pairs}


def page(body: bytes = b"hello", *headers: str, status: str = "200 OK") -> bytes:
    """An answer with Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def has_ipv6() -> bool:
    """Whether the loopback interface has an IPv6 address."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a server in threads of its own."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class Server(LoopbackServer):
    """A server on a free loopback port; an async context manager.

    *script* says what to do for each request.
    """

    def __init__(
        self,
        script: Callable[[Asked], Sequence[Step] | bytes],
        tls: ssl.SSLContext | None = None,
        host: str = LOOPBACK,
    ) -> None:
        super().__init__(tls, host)
        self._script = script
        self._numbers = count()
        self.asked: list[Asked] = []
        self.open = 0
        """Connections that are open now."""
        self.most_open = 0

    @property
    def url(self) -> str:
        """The root of this server."""
        return self.root

    async def asked_times(self, times: int) -> None:
        """Wait until so many requests have come."""
        async with asyncio.timeout(8):
            while len(self.asked) < times:  # noqa: ASYNC110  (nobody needs to be told faster)
                await asyncio.sleep(0.001)

    async def closed(self) -> None:
        """Wait until no connection is open."""
        await asyncio.gather(*self._tasks)

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Do what the script says, and close the connection when all is sent."""
        connection = next(self._numbers)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self._answers(reader, writer, connection)
        finally:
            self.open -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int
    ) -> None:
        ordinal = 0
        while not writer.is_closing():
            head = await reader.readuntil(b"\r\n\r\n")
            asked = Asked(head, connection, ordinal)
            if length := int(asked.headers.get("content-length", "0")):
                asked = replace(asked, body=await reader.readexactly(length))
            self.asked.append(asked)
            await self._answer(self._script(asked), reader, writer)
            ordinal += 1

    async def _answer(
        self,
        steps: Sequence[Step] | bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        for step in [steps] if isinstance(steps, bytes) else steps:
            match step:
                case bytes():
                    writer.write(step)
                    await writer.drain()
                case float():
                    await asyncio.sleep(step)
                case Tunnel(port):
                    await _join(reader, writer, port)
                case Do.STALL:
                    await reader.read()
                case Do.RESET:
                    writer.transport.abort()
                case Do.CLOSE:
                    writer.close()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
    finally:
        far_writer.close()
        writer.close()


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while piece := await source.read(65_536):
            sink.write(piece)
            await sink.drain()
    sink.close()
