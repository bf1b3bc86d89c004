"""Servers that misbehave: for tests of what a fetcher survives.

Owns: one handler for each way to answer badly, and the count of requests that reached each.
Must not know: who asks, and what a right reaction would be.

A way is the first part of a path: `http://host/drop-after-read`. Any host name is answered, in
absolute form too, so that the server also serves as a forward proxy.
"""

import asyncio
import gzip
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import cache

from mocks.loopback import LoopbackServer

BOMB_BYTES = 50_000_000
"""What a gzip bomb unpacks to."""
FLOOD_LINES = 100_000
_CHUNK = b"x" * 16_384

Writer = asyncio.StreamWriter
Handler = Callable[[Writer, int], Awaitable[bool]]
"""Answers a request; the number says how many came before it on its connection. Returns whether
the connection goes on."""


class HostileServer(LoopbackServer):
    """A server on a free port of the loopback address.

    Use it as `async with HostileServer() as bad`, and `bad.url("gzip-bomb")`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.requests: Counter[str] = Counter()
        """By way: requests that were read in full."""

    def url(self, way: str) -> str:
        """The URL that is answered in that way; ValueError when there is no such one."""
        if way not in WAYS:
            raise ValueError(f"no way {way!r}; there are {', '.join(WAYS)}")
        return f"{self.root}/{way}"

    async def converse(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        """Answer each request in the way that its path names."""
        earlier, goes_on = 0, True
        while goes_on:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ")[1].decode("latin-1").rpartition("//")[2]
            way = path.partition("/")[2].partition("/")[0].partition("?")[0]
            self.requests[way] += 1
            goes_on = await WAYS.get(way, _missing)(writer, earlier)
            await writer.drain()
            earlier += 1
        await _close(writer)


async def _close(writer: Writer) -> None:
    """Send what is left, then end the connection in order."""
    writer.close()
    await writer.wait_closed()


def _answer(writer: Writer, body: bytes, *headers: str, status: str = "200 OK") -> None:
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "\r\n")
    writer.write("\r\n".join(lines).encode("latin-1") + body)


async def _missing(writer: Writer, _earlier: int) -> bool:
    _answer(writer, b"", status="404 Not Found")
    return True


async def _drop_after_read(writer: Writer, earlier: int) -> bool:
    """The first request is answered; the next on the same connection is read, then dropped."""
    if earlier == 0:
        _answer(writer, b"fine", "Content-Type: text/plain")
    return earlier == 0


async def _drop_at_once(_writer: Writer, _earlier: int) -> bool:
    """Every request is read, then the connection ends in order."""
    return False


async def _reset(writer: Writer, _earlier: int) -> bool:
    """Every request is read, then the connection is reset."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


@cache
def _bomb() -> bytes:
    return gzip.compress(bytes(BOMB_BYTES), 9)


async def _gzip_bomb(writer: Writer, _earlier: int) -> bool:
    """A small body that unpacks to `BOMB_BYTES`."""
    _answer(writer, _bomb(), "Content-Type: text/html", "Content-Encoding: gzip")
    return True


async def _bad_gzip(writer: Writer, _earlier: int) -> bool:
    """A body that says it is gzip and is not."""
    _answer(writer, b"<p>no gzip</p>", "Content-Type: text/html", "Content-Encoding: gzip")
    return True


async def _header_flood(writer: Writer, _earlier: int) -> bool:
    """`FLOOD_LINES` header lines."""
    _answer(writer, b"", *(f"X-{number}: {number}" for number in range(FLOOD_LINES)))
    return True


async def _long_header(writer: Writer, _earlier: int) -> bool:
    """One header of a megabyte."""
    _answer(writer, b"", "X-Long: " + "x" * 1_000_000)
    return True


async def _endless_body(writer: Writer, _earlier: int) -> bool:
    """An endless chunked body, as fast as the client reads."""
    writer.write(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = f"{len(_CHUNK):x}\r\n".encode() + _CHUNK + b"\r\n"
    while True:
        writer.write(chunk)
        await writer.drain()


async def _endless_head(writer: Writer, _earlier: int) -> bool:
    """An endless head, as fast as the client reads."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Filler: x\r\n" * 100)
        await writer.drain()


async def _drip(writer: Writer, _earlier: int) -> bool:
    """A body of a megabyte, a byte every 50 ms."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _silence(_writer: Writer, _earlier: int) -> bool:
    """No answer at all, with the connection open."""
    await asyncio.Event().wait()
    return False


async def _short_body(writer: Writer, _earlier: int) -> bool:
    """Less than Content-Length promised, then the end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nshort")
    return False


async def _bad_chunk(writer: Writer, _earlier: int) -> bool:
    """An invalid chunk size."""
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n")
    return False


async def _garbage(writer: Writer, _earlier: int) -> bool:
    """Bytes that are not HTTP."""
    writer.write(b"\x16\x03\x01\x00garbage\r\n\r\n")
    return False


async def _bad_status(writer: Writer, _earlier: int) -> bool:
    """A status that HTTP doesn't have."""
    _answer(writer, b"", status="1234 Odd")
    return False


async def _bad_location(writer: Writer, _earlier: int) -> bool:
    """A redirect to an invalid URL."""
    _answer(writer, b"", "Location: http://[::bad/ \x7f", status="302 Found")
    return True


async def _no_location(writer: Writer, _earlier: int) -> bool:
    """A redirect without Location."""
    _answer(writer, b"", status="302 Found")
    return True


async def _file_location(writer: Writer, _earlier: int) -> bool:
    """A redirect to a file of the client's machine."""
    _answer(writer, b"", "Location: file:///etc/passwd", status="302 Found")
    return True


async def _bad_retry_after(writer: Writer, _earlier: int) -> bool:
    """A 503 with a Retry-After that is neither seconds nor date."""
    _answer(writer, b"", "Retry-After: -1e999 soon", status="503 Service Unavailable")
    return True


async def _bad_charset(writer: Writer, _earlier: int) -> bool:
    """An unknown charset, and bytes that are not text."""
    _answer(writer, b"<title>\xff\xfe\x00</title>", "Content-Type: text/html; charset=no-such")
    return True


WAYS: dict[str, Handler] = {
    "drop-after-read": _drop_after_read,
    "drop-at-once": _drop_at_once,
    "reset": _reset,
    "gzip-bomb": _gzip_bomb,
    "bad-gzip": _bad_gzip,
    "header-flood": _header_flood,
    "long-header": _long_header,
    "endless-body": _endless_body,
    "endless-head": _endless_head,
    "drip": _drip,
    "silence": _silence,
    "short-body": _short_body,
    "bad-chunk": _bad_chunk,
    "garbage": _garbage,
    "bad-status": _bad_status,
    "bad-location": _bad_location,
    "no-location": _no_location,
    "file-location": _file_location,
    "bad-retry-after": _bad_retry_after,
    "bad-charset": _bad_charset,
}
"""How to misbehave, by the first part of the path."""
