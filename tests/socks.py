"""A SOCKS5 proxy on loopback.

Owns: what it speaks (RFC 1928, 1929). Must not know: the scraper.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Socks:
    """A SOCKS5 server on loopback that joins each connection to a local port; an async context manager."""

    def __init__(self, port: int, *, login: bytes = b"", refuses: int = 0) -> None:
        self._to, self._login, self._refuses = port, login, refuses
        self.asked: list[bytes] = []

    async def __aenter__(self) -> Socks:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        if self._login and 2 not in methods:
            writer.write(b"\x05\xff")
            writer.close()
            return
        writer.write(b"\x05\x02" if self._login else b"\x05\x00")
        if self._login:
            given = await reader.readexactly(len(self._login))
            writer.write(b"\x01\x00" if given == self._login else b"\x01\x01")
            if given != self._login:
                writer.close()
                return
        head = await reader.readexactly(5)
        assert head[:4] == b"\x05\x01\x00\x03"  # a name, not an address
        self.asked.append(await reader.readexactly(head[4]))
        await reader.readexactly(2)
        writer.write(b"\x05%c\x00\x01\x00\x00\x00\x00\x00\x00" % self._refuses)
        if self._refuses:
            with suppress(OSError):
                await reader.read()
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._to)
        await asyncio.gather(_pipe(reader, inner_writer), _pipe(inner_reader, writer))


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65_536):
        writer.write(piece)
    writer.close()
