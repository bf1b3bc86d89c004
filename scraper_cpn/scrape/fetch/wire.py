"""One connection to a server or a proxy: a request goes out, and its own answer comes back.

Owns: which bytes belong to a request. What comes while no request is under way ends the connection, and so does
what follows an answer; an answer that began before its request was written is none.
Must not know: which connections there are, what an answer means, content codings.

HTTP/1.1 has no name for a request, so that an answer too many becomes the answer to whatever is asked next
(RFC 9112 section 9.2). Four rules keep that from happening. They look at the socket itself, as the event loop may not
have read yet what is there:

1. A new connection is listened to for a round trip before it is written to: see `Wire.listen`.
2. A connection is written to only while nothing waits to be read: see `Wire.silent`.
3. An answer whose first bytes come before any of the request was acknowledged is older than the request.
4. Where two answers come to one request, nobody can tell which of them is meant, so that none is taken: see
   `Wire.settle`. An error behind a page is no doubt: servers send one before they close.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

from aiohttp.client_proto import ResponseHandler

from scraper_cpn.scrape.fetch.reader import AnswerReader
from scraper_cpn.scrape.fetch.tcp import kernel_ns, readable, round_trip_s, unacknowledged_bytes

LISTEN_S = 0.002
"""How long a new connection is listened to, beside a round trip."""
_HARMLESS = re.compile(rb"[\r\n]*(?:HTTP/1\.[01] 408[^0-9].*)?", re.DOTALL)
"""Harmless bytes that servers send before they close an idle connection: line ends, and "408 Request Timeout"."""
_SECOND_ANSWER = re.compile(rb"[\r\n]*HTTP/[0-9.]+[ \t]+[23]", re.IGNORECASE)
_ANSWER_INSIDE = re.compile(rb"HTTP/1\.[01] [1-5][0-9][0-9][^\n]*\n")
_STATUS_LINE_BYTES_MAX = 100


class Wire(ResponseHandler):
    """A connection. Made by aiohttp's connector, which leads it through a proxy's tunnel; then it is taken over.

    *on_surplus* is called once, when the connection ends because of unrequested bytes.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, timed: bool = False) -> None:
        super().__init__(loop)
        self._timed = timed
        self.answer_ns = 0
        """How long the server took to begin the last answer, if that is measured."""
        self.number = 0
        """Counts the connections of a client; 0 until it is taken over."""
        self.requests = 0
        """How many requests were written."""
        self.certificate_hosts: tuple[str, ...] = ()
        """The names of hosts in the server's certificate, if it was verified."""
        self.service_s = 0.0
        """How long the first answer took to begin."""
        self.way_s = 0.0
        """How long a packet may take to the server and back, if a proxy is between; 0 without one."""
        self.idle_since_s = 0.0
        self.surplus = b""
        """The first bytes that came and belong to no answer."""
        self._on_surplus: Callable[[Wire], None] | None = None
        self._reader: AnswerReader | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._written_bytes = 0
        self._fd = -1
        self._secure = False
        self._written_s = 0.0
        self._older = False

    def take_over(self, number: int, on_surplus: Callable[[Wire], None]) -> None:
        """From now on the connection is for `ask`."""
        self.number, self._on_surplus = number, on_surplus
        if self.transport is None:
            return  # it has ended before anybody could ask
        self._fd = self.transport.get_extra_info("socket").fileno()
        self._secure = self.transport.get_extra_info("sslcontext") is not None
        if self._secure:
            self.certificate_hosts = hosts_of(self.transport.get_extra_info("peercert"))
        if self._tail:
            self._end_for(self._tail)

    @property
    def open(self) -> bool:
        """Whether neither side has closed it, as far as the event loop knows."""
        return self.transport is not None and not self.transport.is_closing()

    def silent(self) -> bool:
        """Whether nothing waits to be read: no bytes, and no end. Costs a system call, 1 us."""
        return self.open and not self.surplus and not readable(self._fd)

    def leave(self) -> None:
        """Nobody will ask here any more. What waits to be read tells whether it was for surplus bytes."""
        if self._secure or not (self.open and readable(self._fd)):
            self.close()  # over TLS it may be a session ticket, which is not reported

    async def listen(self) -> bool:
        """Wait for a round trip, which is known of the next machine only; return whether the connection was silent.

        What a server sends as soon as it is connected to has come by then.
        """
        peer = None if self.transport is None else self.transport.get_extra_info("socket")
        await self._wait(max(round_trip_s(peer), self.way_s) + LISTEN_S)
        while self._secure and self.open and readable(self._fd):
            await self._wait(0)  # tickets of TLS, which the event loop takes away
        return self.silent()

    async def _wait(self, seconds: float) -> None:
        """Let the event loop read. Cancelling this closes the connection."""
        try:
            await asyncio.sleep(seconds)
        except BaseException:
            self.abort()
            raise

    def close(self) -> None:
        """Close the connection, where it is encrypted without waiting for the other side to agree."""
        if self._secure:
            self.abort()
        else:
            super().close()

    async def ask(self, request: bytes, reader: AnswerReader, written: Callable[[], None]) -> None:
        """Write a request and wait until *reader* is done.

        *written* is called in the same step of the event loop. Cancelling this closes the connection. Raises what
        *written* raises.
        """
        assert self.transport is not None
        self.requests += 1
        self._reader, self._written_bytes = reader, len(request)
        waiter = self._waiter = self._loop.create_future()
        try:
            self.transport.write(request)
            written()
            self._written_s = self._loop.time()
            await waiter
        except BaseException:
            self.abort()
            raise
        finally:
            self._waiter = None

    async def settle(self, doubt_s: float) -> bool:
        """Return whether the answer that was read last is that of its request, as far as anyone can tell.

        It is not where another one follows, or where one stands inside its body and bytes follow: for those is waited
        *doubt_s*. From now on nothing more is read as an answer.
        """
        reader, self._reader = self._reader, None
        if reader is not None and reader.ended_well and not reader.cut:
            await self._wait(doubt_s)
            if self.open and readable(self._fd):
                await self._wait(0)
        if self._older or _SECOND_ANSWER.match(self.surplus):
            return False
        if not self.surplus or reader is None:
            return True
        body = reader.body
        inside = _ANSWER_INSIDE.search(body + self.surplus[:_STATUS_LINE_BYTES_MAX])
        return inside is None or inside.start() >= len(body)

    @property
    def doubled(self) -> bool:
        """Whether the only answer on this connection has another one behind it, and no other fault."""
        first = self.requests == 1 and not self._older
        return first and _SECOND_ANSWER.match(self.surplus) is not None

    @property
    def harmless(self) -> bool:
        """Whether the surplus is such as honest servers send."""
        return _HARMLESS.fullmatch(self.surplus) is not None

    def give_up(self) -> None:
        """The answer takes too long: who waits in `ask` goes on at once."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        if not self.number:
            super().data_received(data)  # the proxy's answer to CONNECT
        elif (reader := self._reader) is None:
            self._end_for(data)
        elif reader.done:
            if not (reader.cut or reader.failure):
                self._end_for(data)
        else:
            self._answer(reader, data)

    def _answer(self, reader: AnswerReader, data: bytes) -> None:
        """Read more of the answer; the first of it only if it is not older than its request."""
        written_bytes, self._written_bytes = self._written_bytes, 0
        if written_bytes and unacknowledged_bytes(self._fd) >= written_bytes:
            self._older = True
            self._end_for(data)
            self.give_up()
            return
        if written_bytes and self._timed:
            self.answer_ns = self._answer_ns()
        if written_bytes and self.requests == 1:
            self.service_s = self._loop.time() - self._written_s
        reader.feed(data)
        if reader.surplus:
            self._end_for(reader.surplus)
        if reader.done:
            self.give_up()

    def _answer_ns(self) -> int:
        """How long the server took to begin its answer: the system's word, whatever this process was doing meanwhile."""
        info = kernel_ns(self.transport and self.transport.get_extra_info("socket"))
        return int((self._loop.time() - self._written_s) * 1e9) if info is None else info

    def _end_for(self, surplus: bytes) -> None:
        """End the connection for bytes that belong to no request."""
        if not self.surplus and surplus and self._on_surplus is not None:
            self.surplus = surplus
            self._on_surplus(self)
        self.close()

    def eof_received(self) -> None:
        """Called by the event loop; the connection is closed then."""
        if self._reader is not None:
            self._reader.feed_eof()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by the event loop."""
        if self._reader is not None:
            self._reader.feed_eof(reset=exc is not None)
            self.give_up()
        super().connection_lost(exc)


def hosts_of(certificate: object) -> tuple[str, ...]:
    """Return the names of hosts in a certificate, as the module `ssl` gives it."""
    if not isinstance(certificate, dict):
        return ()
    names = certificate.get("subjectAltName", ())
    return tuple(str(name) for kind, name in names if kind in ("DNS", "IP Address"))
