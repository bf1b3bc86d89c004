"""A relay between a worker and its database: a network that stalls, delays, swallows and resets.

Owns: connections through it, and what becomes of the bytes on each of both ways.
Must not know: what the bytes mean, workers.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ASKS, ANSWERS = "asks", "answers"
"""The two ways: to the server, and from it."""
BOTH = (ASKS, ANSWERS)


@asynccontextmanager
async def opened(server: Path) -> AsyncIterator[Relay]:
    """A relay that listens for as long as the context lasts."""
    relay = Relay(server)
    await relay.open()
    try:
        yield relay
    finally:
        await relay.close()


class Line:
    """A connection through the relay.

    Attributes:
        mute: the ways on which whatever is sent from now on is lost, and nobody is told.
    """

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.mute: set[str] = set()
        self._client = client

    def reset(self) -> None:
        """End it for the client as a router does that has forgotten it."""
        if self._client.is_closing():
            return
        known: socket.socket = self._client.get_extra_info("socket")
        known.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._client.transport.abort()


class Relay:
    """A relay to a server's socket; a Unix socket can't be cut in the middle.

    Attributes:
        port: on which it listens, on the loopback.
        lines: the connections through it.
        delay_s: how long each piece of a connection takes, on either way.
    """

    def __init__(self, server: Path) -> None:
        self.port = 0
        self.lines: dict[Line, None] = {}
        self.delay_s = 0.0
        self._to = server
        self._stalled: set[str] = set()
        self._swallowed: set[str] = set()
        self._healed = asyncio.Event()
        self._relays: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Close every connection."""
        if self._server is not None:
            self._server.close()
        for task in list(self._relays):
            task.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    def stall(self, *ways: str) -> None:
        """Keep what is sent until `heal`, of new connections, too."""
        self._stalled.update(ways)

    def swallow(self, *ways: str) -> None:
        """Lose what is sent until `heal`, of new connections, too; a connection that has lost something loses the rest of it."""
        self._swallowed.update(ways)

    def reset(self) -> None:
        """Reset all connections."""
        for line in self.lines:
            line.reset()

    def heal(self) -> None:
        """Be a network without faults again."""
        self.delay_s = 0.0
        self._stalled.clear()
        self._swallowed.clear()
        self._healed.set()
        self._healed = asyncio.Event()

    def _begin(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._relay(reader, client))
        self._relays.add(task)
        task.add_done_callback(self._relays.discard)

    async def _relay(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        ends, line = [client], Line(client)
        try:
            there, server = await asyncio.open_unix_connection(str(self._to))
            ends.append(server)
            self.lines[line] = None
            answers = asyncio.create_task(self._answers(line, there, client))
            try:
                await self._pass_on(line, ASKS, reader, server)
                if ASKS not in line.mute:
                    server.write_eof()
                await answers
            finally:
                answers.cancel()
                await asyncio.gather(answers, return_exceptions=True)
        except OSError:
            pass  # one end was closed: so is the other
        finally:
            self.lines.pop(line, None)
            for end in ends:
                end.transport.abort()
            await asyncio.gather(*(end.wait_closed() for end in ends), return_exceptions=True)

    async def _answers(
        self, line: Line, reader: asyncio.StreamReader, client: asyncio.StreamWriter
    ) -> None:
        await self._pass_on(line, ANSWERS, reader, client)
        if ANSWERS not in line.mute:
            client.transport.abort()  # the server is gone, and the client shall know

    async def _pass_on(
        self, line: Line, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass on what comes until its end, which is passed on by the caller."""
        data = b"first"
        while data:
            data = await reader.read(65_536)
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            while way in self._stalled:
                await self._healed.wait()
            if way in self._swallowed:
                line.mute.add(way)
            if way not in line.mute:
                writer.write(data)
                await writer.drain()
