"""One connection of a client to the loopback server: requests in, answers out, one at a time.

Owns: the life of a request on a connection, in the times that its answer wants, and its record.
Must not know: what the web looks like; listening.

Requests that a client pipelines wait in the buffer until the one before is answered. What stays
in the kernel's buffers is not waited for: a request ends when the server is done with it.
"""

import asyncio
import time
from collections.abc import Callable

from mocks.arrivals import Arrivals
from mocks.http1 import (
    MAX_HEAD_BYTES,
    Head,
    RequestError,
    Resource,
    parse_head,
    resource,
    response_head,
)
from mocks.origin import Origin, served_rules
from mocks.wirelog import Fate, Request
from scraper_cpn.simulate.web import Answer

_PIECES = 10
"""Writes that a trickling body is spread over."""
_END_OF_HEAD = b"\r\n\r\n"


class Exchange:
    """A request that is being answered."""

    __slots__ = ("answer", "begun", "head", "hold_ns", "resource", "start_ns")

    def __init__(
        self, start_ns: int, head: Head, answer: Answer, wanted: Resource | None = None
    ) -> None:
        self.start_ns = start_ns
        self.head = head
        self.answer = answer
        self.resource = wanted
        """None where the proxy itself answers."""
        self.hold_ns: int | None = None
        self.begun = False
        """Whether the head of the answer has been sent."""

    def record(self, proxy: str, fate: Fate) -> Request:
        """What the log says of this request, which ends now."""
        complete = fate == "complete" and self.resource is not None
        return Request(
            start_ns=self.start_ns,
            end_ns=time.monotonic_ns(),
            url=self.resource.url if self.resource else self.head.target,
            proxy=proxy,
            method=self.head.method,
            status=self.answer.status if self.begun else 0,
            fate=fate,
            user_agent=self.head.headers.get("user-agent", ""),
            origin=self.resource is not None,
            hold_ns=self.hold_ns if self.begun else None,
            location=dict(self.answer.headers).get("Location") if self.begun else None,
            robots=served_rules(self.resource, self.answer) if complete and self.resource else None,
        )


class Connection(asyncio.Protocol):
    """Serves one client of *arrivals*; *name* is how the log calls the proxy that was reached."""

    def __init__(self, origin: Origin, name: str, arrivals: Arrivals, *, proxied: bool) -> None:
        self._origin = origin
        self._name = name
        self._arrivals = arrivals
        self._proxied = proxied
        self._buffer = b""
        self._arrived_ns = 0
        """When the first part of what the buffer holds had arrived."""
        self._skip = 0
        self._now: Exchange | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._peer: object = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection, so that the server can end it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._peer = transport.get_extra_info("peername")
        if self._origin.closing:
            transport.abort()
        self._origin.transports.add(transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Record what was going on; asyncio calls this once, whoever ended the connection."""
        self._origin.transports.discard(self._transport)
        if self._timer:
            self._timer.cancel()
        if self._now:
            stalled = self._now.begun and self._now.answer.fate == "stalled"
            self._record(self._now, "stalled" if stalled else "abandoned")

    def data_received(self, data: bytes) -> None:
        """Take what the client sent, and answer if nothing else is being answered."""
        if self._skip:
            skipped = min(self._skip, len(data))
            data, self._skip = data[skipped:], self._skip - skipped
        if not self._buffer:
            self._arrived_ns = self._arrivals.last_ns(self._peer)
        self._buffer = self._buffer + data if self._buffer else data
        if self._now is None:
            self._next()
        elif len(self._buffer) > MAX_HEAD_BYTES:
            self._transport.abort()

    def _next(self) -> None:
        """Begin with the next request, if its head is in the buffer."""
        end = self._buffer.find(_END_OF_HEAD)
        if end >= 0:
            data, self._buffer = self._buffer[:end], self._buffer[end + len(_END_OF_HEAD) :]
            self._begin(data, self._arrived_ns)
        elif len(self._buffer) > MAX_HEAD_BYTES:
            self._reject(431)

    def _begin(self, data: bytes, start_ns: int) -> None:
        try:
            head = parse_head(data)
            self._skip_body(head.body_bytes)
            refusal = self._refusal(head) if self._proxied else None
            wanted = None if refusal else resource(head, proxied=self._proxied)
        except RequestError:
            self._reject(400)
            return
        answer = self._origin.answer(wanted) if wanted else refusal
        assert answer
        self._now = exchange = Exchange(start_ns, head, answer, wanted)
        self._after(answer.latency_ns / 1e9, lambda: self._send(exchange))

    def _skip_body(self, size: int) -> None:
        here = min(size, len(self._buffer))
        self._buffer, self._skip = self._buffer[here:], size - here

    def _refusal(self, head: Head) -> Answer | None:
        """What the proxy itself answers; None where it forwards the request."""
        if not self._origin.trusts(head):
            return Answer(status=407, headers=(("Proxy-Authenticate", 'Basic realm="proxy"'),))
        return Answer(status=501) if head.method == "CONNECT" else None

    def _send(self, exchange: Exchange) -> None:
        """The latency is over: answer as the answer's fate wants it."""
        head, answer = exchange.head, exchange.answer
        if answer.status == 0:
            self._end(exchange, "dropped", b"")
            return
        utc_ns = time.time_ns()
        if answer.retry_after_s is not None:
            exchange.hold_ns = answer.hold_until_ns(utc_ns) - utc_ns
        headers, body = self._origin.encode(answer, head, utc_ns)
        start = response_head(answer.status, headers, len(body), keep_alive=head.keep_alive)
        exchange.begun = True
        if head.method == "HEAD":
            self._end(exchange, "complete", start)
        elif answer.fate == "complete" and not answer.spread_ns:
            self._end(exchange, "complete", start + body)
        elif answer.fate == "dropped":
            self._end(exchange, "dropped", start + body[: len(body) // 2])
        else:
            self._send_slowly(exchange, start, body)

    def _send_slowly(self, exchange: Exchange, start: bytes, body: bytes) -> None:
        if exchange.answer.fate == "stalled":
            self._transport.write(start + body[: len(body) // 2])
            self._after(self._origin.stall_s, lambda: self._end(exchange, "stalled", b""))
        else:
            self._transport.write(start)
            size = -(-len(body) // _PIECES) or 1
            pieces = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
            pause_s = exchange.answer.spread_ns / 1e9 / _PIECES
            self._after(pause_s, lambda: self._trickle(exchange, pieces, pause_s))

    def _trickle(self, exchange: Exchange, pieces: list[bytes], pause_s: float) -> None:
        """Send one piece of a slow body, and the next after a pause; the last ends the answer."""
        piece, *rest = pieces
        if not rest:
            self._end(exchange, "complete", piece)
            return
        self._transport.write(piece)
        self._after(pause_s, lambda: self._trickle(exchange, rest, pause_s))

    def _after(self, delay_s: float, step: Callable[[], None]) -> None:
        if delay_s > 0:
            self._timer = self._loop.call_later(delay_s, step)
        else:
            step()

    def _end(self, exchange: Exchange, fate: Fate, last: bytes) -> None:
        """Record the request, send the last of its answer, and go on to the next."""
        self._record(exchange, fate)
        if last:
            self._transport.write(last)
        if fate != "complete" or not exchange.head.keep_alive:
            self._transport.close()
        elif self._buffer:
            self._loop.call_soon(self._resume)

    def _resume(self) -> None:
        if self._now is None and not self._transport.is_closing():
            self._next()

    def _record(self, exchange: Exchange, fate: Fate) -> None:
        self._timer = None
        self._now = None
        self._origin.log.append(exchange.record(self._name, fate))

    def _reject(self, status: int) -> None:
        """Answer what is no request; it names no resource, so the log has nothing to say of it."""
        self._transport.write(response_head(status, (), 0, keep_alive=False))
        self._transport.close()
