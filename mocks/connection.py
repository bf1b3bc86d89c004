"""One connection of a client to the loopback server: requests in, answers out, one at a time.

Owns: the life of a request on a connection, in the times that its answer wants, and its record.
Must not know: the syntax of HTTP (h11 does), what the web looks like, listening.

Requests that a client pipelines wait in h11's buffer until the one before is answered. What stays
in the kernel's buffers is not waited for: a request ends when the server is done with it.
"""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus

import h11
from msgspec.structs import replace

from mocks.arrivals import Arrivals
from mocks.origin import Headers, Origin, served_rules
from mocks.request import Head, RequestError, Resource, head_of, resource
from mocks.wirelog import Fate, Request
from scraper_cpn.simulate.web import WebAnswer

_PIECES = 10
"""Writes that a trickling body is spread over."""
_HEAD_BYTES_MAX = 65_536
"""A longer head of a request is refused with 431; as many bytes may wait behind a request."""
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Exchange:
    """A request that is being answered."""

    __slots__ = ("answer", "begun", "head", "hold_ns", "resource", "start_ns")

    def __init__(
        self, start_ns: int, head: Head, answer: WebAnswer, wanted: Resource | None = None
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
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_BYTES_MAX)
        self._asked: h11.Request | None = None
        """The request that is being read."""
        self._arrived_ns = self._start_ns = 0
        """When the first part of what h11's buffer holds had arrived, and of the request that is read."""
        self._now: Exchange | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._peer: object = None
        self._address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the connection, so that the server can end it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._peer = transport.get_extra_info("peername")
        self._address = transport.get_extra_info("sockname")[0]
        if self._origin.closing:
            transport.abort()
        self._origin.transports.add(transport)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Record the open exchange; asyncio calls this once, whichever side ended the connection."""
        self._origin.transports.discard(self._transport)
        if self._timer:
            self._timer.cancel()
        if self._now:
            stalled = self._now.begun and self._now.answer.fate == "stalled"
            self._record(self._now, "stalled" if stalled else "abandoned")

    def data_received(self, data: bytes) -> None:
        """Take what the client sent, and answer if nothing else is being answered."""
        waiting = self._http.trailing_data[0]
        if not waiting:
            self._arrived_ns = self._arrivals.last_ns(self._peer)
        if self._now is None:
            self._http.receive_data(data)
            self._next()
        elif len(waiting) + len(data) > _HEAD_BYTES_MAX:
            self._transport.abort()
        else:
            self._http.receive_data(data)

    def _next(self) -> None:
        """Begin with the next request, if all of it has arrived."""
        try:
            while self._now is None:
                event = self._http.next_event()
                if isinstance(event, h11.Request):
                    self._asked, self._start_ns = event, self._arrived_ns
                elif isinstance(event, h11.EndOfMessage):
                    assert self._asked is not None
                    self._begin(head_of(self._asked), self._start_ns)
                elif not isinstance(event, h11.Data):
                    return  # more has to arrive
        except h11.RemoteProtocolError as error:
            self._reject(error.error_status_hint)
        except RequestError:
            self._reject(HTTPStatus.BAD_REQUEST)

    def _begin(self, head: Head, start_ns: int) -> None:
        refusal = self._refusal(head) if self._proxied else None
        wanted = None if refusal else resource(head, proxied=self._proxied)
        answer = self._origin.answer(wanted) if wanted else refusal
        assert answer
        self._now = exchange = Exchange(start_ns, head, answer, wanted)
        self._after(answer.latency_ns / 1e9, lambda: self._send(exchange))

    def _refusal(self, head: Head) -> WebAnswer | None:
        """What the proxy itself answers; None where it forwards the request."""
        if not self._origin.trusts(head):
            return WebAnswer(status=407, headers=(("Proxy-Authenticate", 'Basic realm="proxy"'),))
        return WebAnswer(status=501) if head.method == "CONNECT" else None

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
        start = self._start_of(answer.status, headers, len(body))
        exchange.begun = True
        if head.method == "HEAD":
            self._end(exchange, "complete", start)
        elif answer.fate == "complete" and not answer.spread_ns:
            self._end(exchange, "complete", start + self._part_of(body))
        elif answer.fate == "dropped":
            self._end(exchange, "dropped", start + self._part_of(body[: len(body) // 2]))
        else:
            self._send_slowly(exchange, start, body)

    def _start_of(self, status: int, headers: Headers, body_bytes: int) -> bytes:
        """Return the head of an answer whose body has *body_bytes* bytes."""
        lines = [*headers, ("Content-Length", str(body_bytes))]
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in lines]
        reason = _REASONS.get(status, "Unknown").encode("ascii")
        return (
            self._http.send(h11.Response(status_code=status, headers=encoded, reason=reason)) or b""
        )

    def _part_of(self, body: bytes) -> bytes:
        """Return a part of a body as it is written."""
        return self._http.send(h11.Data(body)) or b""

    def _send_slowly(self, exchange: Exchange, start: bytes, body: bytes) -> None:
        if exchange.answer.fate == "stalled":
            self._transport.write(start + self._part_of(body[: len(body) // 2]))
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
            self._end(exchange, "complete", self._part_of(piece))
            return
        self._transport.write(self._part_of(piece))
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
        if fate != "complete":
            self._transport.close()
            return
        self._http.send(h11.EndOfMessage())
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._loop.call_soon(self._resume)
        else:
            self._transport.close()

    def _resume(self) -> None:
        if self._now is None and not self._transport.is_closing():
            self._next()

    def _record(self, exchange: Exchange, fate: Fate) -> None:
        self._timer = None
        self._now = None
        self._origin.log.append(replace(exchange.record(self._name, fate), address=self._address))

    def _reject(self, status: int) -> None:
        """Answer bytes that are no request. They name no resource, so that they are not logged."""
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._transport.write(self._start_of(status, (("Connection", "close"),), 0))
        self._transport.close()
