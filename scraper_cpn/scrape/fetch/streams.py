"""One connection of httpcore, on which an answer is none if it began before its request was written.

Owns: the numbers of the requests that were written, and of the frames that came before.
Must not know: pools, proxies, what an answer means.

Over HTTP/2 the next request's number is known in advance (RFC 9113 section 5.1.1), and httpcore reads only while an answer is
waited for. So a server may answer what it was not asked, and that would be taken for the answer as soon as the request is written.
Three rules keep that from happening. They are those of `wire`:

1. Before the first request a new connection is listened to for a round trip.
2. Before each request all that is there is read. A frame of an answer with a number that was not asked yet ends the connection.
3. An answer that comes before any of its request was acknowledged is older than the request.

Where two answers come to one request, nobody can tell which of them is meant. What comes before an answer to no request is taken.
"""

import asyncio
import ssl
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

import httpcore

from scraper_cpn.scrape.fetch.connections import Unasked
from scraper_cpn.scrape.fetch.tcp import ROUND_TRIP_MAX_S, round_trip_s, unacknowledged_bytes
from scraper_cpn.scrape.fetch.wire import LISTEN_S

_TURNS = 5
"""Turns of the event loop in which bytes that it has read reach who waits for them, through TLS in TLS."""
_READ_BYTES = 65_536
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD_BYTES = 9
_DATA, _HEADERS, _CONTINUATION = 0, 1, 9
"""The frames of which a message consists (RFC 9113 section 6)."""
_END_STREAM = 1


class Frame(NamedTuple):
    """The head of a frame of a message."""

    number: int
    """That of its request."""
    at: int
    """Where it begins in what was read; negative in what was read before."""
    ends: bool
    """Whether it is the last one of its message."""


class Frames:
    """Finds the frames of messages in bytes that arrive in pieces."""

    def __init__(self) -> None:
        self._skip = 0
        self._head = b""

    def read(self, data: bytes) -> list[Frame]:
        """Return those whose heads end in *data*."""
        found, at = list[Frame](), 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
            else:
                step = min(_HEAD_BYTES - len(self._head), len(data) - at)
                self._head += data[at : at + step]
            at += step
            if len(self._head) == _HEAD_BYTES:
                head, self._head = self._head, b""
                self._skip = int.from_bytes(head[:3], "big")
                if head[3] in (_DATA, _HEADERS, _CONTINUATION):
                    number = int.from_bytes(head[5:], "big") & 0x7FFFFFFF
                    ends = head[3] != _CONTINUATION and bool(head[4] & _END_STREAM)
                    found.append(Frame(number, at - _HEAD_BYTES, ends))
        return found


class Stream(httpcore.AsyncNetworkStream):
    """A connection, or the encrypted one inside it. It raises what httpcore's own does, and `Unasked`."""

    def __init__(self, inner: httpcore.AsyncNetworkStream, way_s: float = 0.0) -> None:
        self._inner = inner
        self.way_s = way_s
        """How long a packet may take to the server and back, if a proxy is between; 0 without one."""
        self._to_proxy = False
        self._guarded = _speaks_http2(inner)
        self._reads = asyncio.Lock()
        self._ahead = b""
        """What was read before anybody asked for it."""
        self._came = Frames()
        self._asked = 0
        """The number of the last request that was written."""
        self._fresh_bytes = 0
        """How much was written from the last request on, until something comes."""
        self.broken = False
        """Whether something came that is no part of an answer to a request."""
        self._ended = set[int]()
        """The numbers of complete answers. A connection has not many (`pools`)."""
        self._doubled = set[int]()
        """Those of them to which more came."""

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as the base
        """Read. Raises `Unasked` for an answer to no request, or to one that is younger."""
        async with self._reads:
            if not self._ahead:
                return await self._take(max_bytes, timeout)
            data, self._ahead = self._ahead[:max_bytes], self._ahead[max_bytes:]
            return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - as the base
        """Write. Raises `Unasked` where an answer to the request that is written here has come already."""
        newest = _newest(Frames().read(buffer.removeprefix(_PREFACE)))
        if self._guarded and newest > self._asked:
            is_new = self._asked == 0
            round_s = max(round_trip_s(self._socket()), self.way_s)
            await self._hear(round_s + LISTEN_S if is_new else 0)
            if self.broken:
                raise Unasked
            self._asked, self._fresh_bytes = newest, 0
        self._fresh_bytes += len(buffer)
        self._to_proxy = not self._guarded
        await self._inner.write(buffer, timeout)

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - as the base
    ) -> httpcore.AsyncNetworkStream:
        """Encrypt the connection. Where a proxy has joined it, the handshake tells how far the server is."""
        began_s = time.monotonic()
        secure = await self._inner.start_tls(ssl_context, server_hostname, timeout)
        took_s = min(time.monotonic() - began_s, ROUND_TRIP_MAX_S)
        return Stream(secure, took_s if self._to_proxy else 0.0)

    async def is_the_only_one(self, number: int, doubt_s: float) -> bool:
        """Return whether nothing more came to a request that is answered; what comes in *doubt_s* is read for that."""
        if self._guarded and not self.broken and doubt_s:
            await self._hear(doubt_s)
        return number not in self._doubled

    async def aclose(self) -> None:
        """Close it."""
        await self._inner.aclose()

    def get_extra_info(self, info: str) -> Any:
        """Return what is known by that name."""
        return self._inner.get_extra_info(info)

    def _socket(self) -> Any:
        return self.get_extra_info("socket")

    async def _take(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - as the base
        if self.broken:
            raise Unasked
        data = await self._inner.read(max_bytes, timeout)
        return self._judged(data) if self._guarded and data else data

    async def _take_ahead(self) -> bool:
        """Read for whoever reads next; return whether anything came."""
        async with self._reads:
            data = await self._take(_READ_BYTES)
            self._ahead += data
        return bool(data)

    def _judged(self, data: bytes) -> bytes:
        """Return what comes before the first part of an answer to no request. Raises `Unasked` if that is nothing."""
        for frame in self._came.read(data):
            if frame.number in self._ended:
                self._doubled.add(frame.number)
            if frame.number > self._asked or frame.number in self._ended or self._is_older(frame):
                self.broken = True
                data = data[: max(0, frame.at)]
                break
            if frame.ends:
                self._ended.add(frame.number)
        if not data:
            raise Unasked
        return data

    def _is_older(self, frame: Frame) -> bool:
        """Whether an answer has come before any of its request was acknowledged, where it is that to the last request."""
        if frame.number != self._asked or not self._fresh_bytes:
            return False
        written_bytes, self._fresh_bytes = self._fresh_bytes, 0
        fd = self._socket().fileno()
        return fd >= 0 and unacknowledged_bytes(fd) >= written_bytes

    async def _hear(self, seconds: float) -> None:
        """Read what is there, and what comes in that time. TLS takes its own messages, such as tickets, and gives none of them."""
        loop = asyncio.get_running_loop()
        until_s, turns = loop.time() + seconds, 0
        while turns < _TURNS:
            if self._reads.locked():  # somebody else reads
                turns += 1
                await asyncio.sleep(max(0, until_s - loop.time()))
                continue
            taking = asyncio.ensure_future(self._take_ahead())
            try:
                await asyncio.wait((taking,), timeout=max(0, until_s - loop.time()))
                while not taking.done() and turns < _TURNS:
                    turns += 1
                    await asyncio.sleep(0)
            finally:
                taking.cancel()
                (came,) = await asyncio.gather(taking, return_exceptions=True)
            if came is not True:
                return  # nothing, an end or a failure: whoever reads next hears of it
            turns = 0


def _newest(frames: Iterable[Frame]) -> int:
    return max((frame.number for frame in frames), default=0)


def _speaks_http2(stream: httpcore.AsyncNetworkStream) -> bool:
    secure = stream.get_extra_info("ssl_object")
    return secure is not None and secure.selected_alpn_protocol() == "h2"
