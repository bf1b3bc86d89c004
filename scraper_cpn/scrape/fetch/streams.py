"""One connection of httpcore, which is listened to before its first request.

Owns: what must not be there when a request is written, and what is older than the request.
Must not know: pools, proxies, what an answer means.

httpcore reads an answer only when it has written a request, and takes whatever is there by then. Over HTTP/1.1 that may be an answer
to no request. The rules are those of `wire`: a new connection is listened to for a round trip, is written to only while nothing
waits to be read, and an answer whose first bytes come before any of the request was acknowledged is older than it.
HTTP/2 needs none of that: its answers have the numbers of their requests.
"""

import asyncio
import ssl
from typing import Any

import httpcore

from scraper_cpn.scrape.fetch.connections import Unasked
from scraper_cpn.scrape.fetch.tcp import readable, round_trip_s, unacknowledged_bytes
from scraper_cpn.scrape.fetch.wire import LISTEN_S

_TURNS = 5
"""Turns of the event loop in which bytes that it has read reach who waits for them, through TLS in TLS."""
_TO_PROXY = (b"CONNECT ", b"\x05", b"\x01")
"""How what is said to a proxy begins: a request for a tunnel, and the two messages of SOCKS5 (RFC 1928, RFC 1929)."""


class Stream(httpcore.AsyncNetworkStream):
    """A connection, or the encrypted one inside it. It raises what httpcore's own does, and `Unasked`."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner
        self._guarded = not _speaks_http2(inner)
        self._written_bytes = 0

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as the base
        """Read. Raises `Unasked` for an answer that is older than its request."""
        data = await self._inner.read(max_bytes, timeout)
        written_bytes, self._written_bytes = self._written_bytes, 0
        if written_bytes and data and self._unacknowledged_bytes() >= written_bytes:
            raise Unasked
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as the base
        """Write. Raises `Unasked` where something came before the first request."""
        if self._guarded and not buffer.startswith(_TO_PROXY):
            self._guarded = False
            self._written_bytes = len(buffer)
            if self._readable():
                await self._hear(0)
        await self._inner.write(buffer, timeout)

    async def listen(self) -> None:
        """Wait for a round trip. Raises `Unasked` if anything came, and `httpcore.ReadError` if the connection ended."""
        if self._guarded:
            await self._hear(round_trip_s(self.get_extra_info("socket")) + LISTEN_S)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as the base
    ) -> httpcore.AsyncNetworkStream:
        """Encrypt the connection, and listen: what a server sends as soon as it can has come by then."""
        secure = Stream(await self._inner.start_tls(ssl_context, server_hostname, timeout))
        try:
            await secure.listen()
        except BaseException:
            await secure.aclose()
            raise
        return secure

    async def aclose(self) -> None:
        """Close it."""
        await self._inner.aclose()

    def get_extra_info(self, info: str) -> Any:
        """Return what is known by that name."""
        return self._inner.get_extra_info(info)

    def _readable(self) -> bool:
        fd = self.get_extra_info("socket").fileno()
        return fd >= 0 and readable(fd)  # a connection that is closed has none

    def _unacknowledged_bytes(self) -> int:
        fd = self.get_extra_info("socket").fileno()
        return unacknowledged_bytes(fd) if fd >= 0 else 0

    async def _hear(self, seconds: float) -> None:
        """Read for some time what is there by then. TLS takes its own messages, such as tickets, and gives none of them."""
        hearing = asyncio.ensure_future(self._inner.read(1))
        try:
            await asyncio.wait((hearing,), timeout=seconds)
            turns = 0
            while not hearing.done() and turns < _TURNS:
                turns = 0 if self._readable() else turns + 1
                await asyncio.sleep(0)
        finally:
            hearing.cancel()
            await asyncio.gather(hearing, return_exceptions=True)
        if not hearing.cancelled():
            if hearing.result():
                raise Unasked
            raise httpcore.ReadError


def _speaks_http2(stream: httpcore.AsyncNetworkStream) -> bool:
    secure = stream.get_extra_info("ssl_object")
    return secure is not None and secure.selected_alpn_protocol() == "h2"
