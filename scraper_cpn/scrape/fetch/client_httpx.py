"""The client on httpcore, the transport of httpx, for HTTPS: HTTP/2 where the server has it, and SOCKS.

Owns: which requests go through httpcore, when a request counts as written, and the table that names each failure.
Must not know: pages, robots.txt, what an answer means.

What is different from the other clients, and what follows:

- With HTTP/2 an answer has the number of its request, so that none can become that of another one: requests to an
  origin share a connection. With HTTP/1.1 each has a connection of its own, which is listened to first
  (`streams`). Plain HTTP goes through the client on aiohttp, but for that through SOCKS.
- httpcore may send a request again that a server has not read. Here it is not: a second one would not be paced.
- A pool of httpcore looks at all its connections for each request. So each origin has a pool of its own.
- Where an answer over HTTP/2 is not read to its end, the rest may take the window of the connection (RFC 9113 section
  5.2): no other request is sent on it.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import aiohttp
import anyio
import httpcore
from aiohttp.abc import AbstractResolver
from msgspec.structs import replace
from socksio.exceptions import SOCKSError
from yarl import URL

from scraper_cpn.scrape.colours import Failed, Proxy, Wired
from scraper_cpn.scrape.fetch.answers import brings_page
from scraper_cpn.scrape.fetch.choose import is_socks
from scraper_cpn.scrape.fetch.client import (
    ACCEPT,
    NO_FILE_ERRORS,
    NO_LOGIN,
    NO_PUBLIC_ADDRESS,
    Ask,
    Reply,
    Surplus,
    body_bytes_max,
    next_connection,
    no_file,
    reply_of,
    withheld,
)
from scraper_cpn.scrape.fetch.codings import ACCEPTED
from scraper_cpn.scrape.fetch.connections import UNASKED_DATA, Forbidden, Unasked
from scraper_cpn.scrape.fetch.head import Fields, Head, HeadError, framed, without_body
from scraper_cpn.scrape.fetch.pools import NoName, OriginPool, Pools
from scraper_cpn.scrape.fetch.streams import Stream
from scraper_cpn.scrape.fetch.wire import hosts_of
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.urls import root_of

if TYPE_CHECKING:
    from scraper_cpn.scrape.fetch.client_aiohttp import AiohttpClient


class Withheld(Exception):  # noqa: N818 - what happened, not a mistake
    """The request may not be written now."""


class NotRead(Exception):  # noqa: N818 - what happened, not a mistake
    """The server ended the connection before it read the request."""


class HttpxClient:
    """The client; see `Client`. Raises `UsageError` when opened, for a CA file that can't be read.

    *on_surplus* is called for connections of aiohttp, and for those of httpcore on which something came before a request.
    """

    def __init__(
        self,
        settings: Settings,
        resolver: AbstractResolver | None = None,
        on_surplus: Callable[[Surplus], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._resolver = resolver
        self._on_surplus = on_surplus
        self._timeout_s = settings.timeout_ns / SECOND
        self._numbers: WeakKeyDictionary[Any, list[int]] = WeakKeyDictionary()
        """For each connection its number, and how many requests were sent on it."""
        self._other: AiohttpClient | None = None

    async def open(self) -> None:
        """Get ready to connect."""
        self._pools = Pools(self._settings, self._resolver or aiohttp.ThreadedResolver())

    async def close(self) -> None:
        """Close all connections."""
        await self._pools.close()
        if self._other is not None:
            await self._other.close()

    async def send(self, ask: Ask) -> Reply | Failed:
        """Send a request; it is dated as started when its head is written."""
        if ask.url.startswith("http:") and not is_socks(ask.proxy):
            return await (await self._other_client()).send(ask)
        pool, writing = self._pools.take(ask), _Writing(ask, self._headers)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._stream(pool, ask, writing) as response,
            ):
                writing.answered()
                return await self._reply(response, ask, pool)
        except Withheld:
            return withheld()
        except NotRead:
            return Failed(
                "dropped", "the server ended the connection before it read the request", sent=False
            )
        except _FAILURES as error:
            pool.spoiled = True
            await writing.give_up()
            sent = writing.asked
            if isinstance(error, Unasked):
                sent = writing.begun
                self._on_surplus(
                    Surplus(root_of(ask.url), ask.proxy.proxy, next_connection(), int(sent))
                )
            return replace(_failed(error, ask.proxy, writing.stage), sent=sent)
        except asyncio.CancelledError:
            pool.spoiled = True
            writing.cancelled()
            await writing.give_up()
            raise
        finally:
            self._pools.give_back(pool)

    def _stream(self, pool: OriginPool, ask: Ask, writing: "_Writing") -> Any:
        url = URL(ask.url, encoded=True)
        return pool.http.stream(
            ask.request.method,
            httpcore.URL(
                scheme=url.scheme.encode(),
                host=(url.raw_host or "").encode(),
                port=url.port,
                target=ask.url[len(root_of(ask.url)) :].encode(),
            ),
            headers=self._headers(ask),
            content=ask.request.body,
            extensions={"trace": writing.trace},
        )

    def _headers(self, ask: Ask) -> list[tuple[bytes, bytes]]:
        own = ask.headers_over(self._settings.headers if ask.own else ())
        named = {name.lower() for name, _ in own}
        usual = {"User-Agent": self._settings.agent, "Accept": ACCEPT, "Accept-Encoding": ACCEPTED}
        cookie = "" if ask.cookie is None else ask.cookie()
        headers = [
            ("Host", root_of(ask.url).partition("://")[2]),
            *(each for each in usual.items() if each[0].lower() not in named),
            *own,
            *([("Cookie", cookie)] if cookie else []),
            ("Connection", "close"),  # HTTP/2 has no such field: it is not sent there
        ]
        return [
            (name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in headers
        ]

    async def _reply(
        self, response: httpcore.Response, ask: Ask, pool: OriginPool
    ) -> Reply | Failed:
        try:
            head = _head(response)
        except HeadError as error:
            return Failed("protocol", f"the answer is not valid HTTP: {error}", response.status)
        if head.status < 200:
            return Failed("protocol", "the answer switches to a protocol that was not requested")
        head = without_body(head) if ask.request.method == "HEAD" else head
        body, more = await _read(response, body_bytes_max(ask.most_bytes, ask.also)(head))
        pool.spoiled = pool.spoiled or more
        wired, hosts = self._wired(response)
        cut = more and brings_page(head.status, head.fields, ask.also)
        return await reply_of(head, body, cut, ask.most_bytes, wired, hosts, ask.also)

    def _wired(self, response: httpcore.Response) -> tuple[Wired, tuple[str, ...]]:
        """Return the connection of an answer, and the names in its certificate."""
        stream = response.extensions.get("network_stream")
        if stream is None:  # somebody's mock
            return Wired(next_connection(), 1), ()
        number = self._numbers.setdefault(stream, [0, 0])
        number[0] = number[0] or next_connection()
        number[1] += 1
        secure = stream.get_extra_info("ssl_object")
        return Wired(*number), hosts_of(secure and secure.getpeercert())

    async def _other_client(self) -> "AiohttpClient":
        if self._other is None:
            from scraper_cpn.scrape.fetch.client_aiohttp import AiohttpClient

            self._other = AiohttpClient(self._settings, self._resolver, on_surplus=self._on_surplus)
            await self._other.open()
        return self._other


class _Writing:
    """One request on its way through httpcore, which tells what it does."""

    def __init__(self, ask: Ask, headers: Callable[[Ask], list[tuple[bytes, bytes]]]) -> None:
        self._ask, self._headers = ask, headers
        self._sending = ask.sending
        self.stage = ""
        """The last stage that httpcore reported."""
        self.asked = False
        """Whether the request may be on the wire."""
        self.begun = False
        """Whether it is dated as started."""
        self._is_ours = False
        self._connected: httpcore.AsyncNetworkStream | None = None
        self._plain: Stream | None = None
        """The connection, if the request goes out on it as it is: one that will be encrypted listens by itself."""

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Hear of an event. Raises `Withheld` and `NotRead` in place of writing."""
        self.stage = event
        if event in _WRITES:
            self._is_ours = info["request"].method != b"CONNECT"
            if self._is_ours and self._plain is not None:
                await self._plain.listen()
            if self._is_ours and self.asked:
                raise NotRead
            if self._is_ours and not self._sending.may_start():
                raise Withheld
            if self._is_ours and self._ask.cookie is not None:  # others may have changed by now
                info["request"].headers = self._headers(self._ask)
            self.asked = self._is_ours
        elif event in _WRITTEN and self._is_ours:
            self._begin()
        elif event.endswith("connect_tcp.complete"):
            self._connected = info["return_value"]
            if self._ask.url.startswith("http:") and isinstance(self._connected, Stream):
                self._plain = self._connected

    async def give_up(self) -> None:
        """Close a connection that was made for the request and never had one.

        httpcore forgets those of SOCKS, and those that are cancelled before they are encrypted.
        """
        if self._connected is not None and not self.asked:
            with anyio.CancelScope(shield=True):
                await self._connected.aclose()

    def answered(self) -> None:
        """The head of the answer is here. Of a mock nothing was heard before."""
        if not self.begun and not self._sending.may_start():
            raise Withheld
        self._begin()

    def cancelled(self) -> None:
        """Nobody will know whether it was written."""
        if self.asked:
            self._begin()

    def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            self._sending.begin()


_WRITES = frozenset({"http11.send_request_headers.started", "http2.send_request_headers.started"})
_WRITTEN = frozenset(
    {"http11.send_request_headers.complete", "http2.send_request_headers.complete"}
)


def _head(response: httpcore.Response) -> Head:
    """Return the head of an answer; that of HTTP/2 says nothing of connections. Raises `HeadError`."""
    fields = Fields(
        [
            (name.decode("latin-1").lower(), value.decode("utf-8", "surrogateescape"))
            for name, value in response.headers
        ]
    )
    reason = response.extensions.get("reason_phrase", b"").decode("utf-8", "surrogateescape")
    return framed(response.status, fields, persistent=False, reason=reason)


async def _read(response: httpcore.Response, most_bytes: int) -> tuple[bytes, bool]:
    """Return at most *most_bytes* of the body, and whether there is more."""
    pieces, size = list[bytes](), 0
    async for piece in response.aiter_stream():
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:
            break
    return b"".join(pieces)[:most_bytes], size > most_bytes


_INVALID = "the answer is not valid HTTP"
_CAUSES: tuple[tuple[type[Exception], str, str, str, bool], ...] = (
    (Unasked, "", "protocol", UNASKED_DATA, True),
    (Forbidden, "", "address", NO_PUBLIC_ADDRESS, False),
    (NoName, "", "dns", "the name has no address", True),
    (TimeoutError, "", "timeout", "no complete answer in time", True),
    (httpcore.TimeoutException, "", "timeout", "no complete answer in time", True),
    (httpcore.ProxyError, "username/password", "proxy", NO_LOGIN, True),
    (httpcore.ProxyError, "from proxy server, but got", "proxy", NO_LOGIN, True),
    (httpcore.ProxyError, "", "proxy", "the proxy refused the tunnel", True),
    (SOCKSError, "", "proxy", "the proxy's answer is not valid SOCKS", True),
    (httpcore.ConnectError, "start_tls", "tls", "the TLS connection failed", True),
    (httpcore.ConnectError, "", "connect", "no connection", True),
    (httpcore.RemoteProtocolError, "complete message body", "dropped", "the body is incomplete", True),
    (httpcore.RemoteProtocolError, "without sending", "dropped", "the connection broke before the answer", True),
    (httpcore.RemoteProtocolError, "ConnectionTerminated", "dropped", "the server ended the connection", True),
    (httpcore.RemoteProtocolError, "StreamReset", "dropped", "the server broke the request off", True),
    (httpcore.ProtocolError, "", "protocol", _INVALID, True),
    (httpcore.NetworkError, "", "dropped", "the connection broke", True),
    (OSError, "", "dropped", "the connection broke", True),
)  # fmt: skip
"""Class, what its text or the last event has, kind of failure, reason, and whether another attempt may help: the
first row that fits counts."""
_FAILURES: tuple[type[Exception], ...] = (
    *{row[0] for row in _CAUSES},
    httpcore.UnsupportedProtocol,
)
_PROXY_REASONS = {
    "dns": "the proxy's name has no address",
    "connect": "no connection to the proxy",
}


def _failed(error: Exception, proxy: Proxy, stage: str) -> Failed:
    """Return the outcome of an exception. Its own text is never shown: it may name the proxy."""
    causes = list(_chain(error))
    if any(isinstance(each, OSError) and each.errno in NO_FILE_ERRORS for each in causes):
        return no_file()
    refusal = next(
        (each for each in causes if isinstance(each, ssl.SSLCertVerificationError)), None
    )
    if refusal is not None:
        why = f"the certificate is not trusted ({refusal.verify_message})"
        return Failed("tls", why, retry=False)
    said = f"{error} {stage}"
    for kind_of_error, part, kind, reason, retry in _CAUSES:
        if isinstance(error, kind_of_error) and part in said:
            if (
                proxy.url is not None and kind in _PROXY_REASONS
            ):  # the client connects to the proxy only
                return Failed("proxy", _PROXY_REASONS[kind], retry=True)
            return Failed(kind, reason, retry=retry)
    return Failed("protocol", _INVALID)


def _chain(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            yield from error.exceptions
        error = error.__cause__ or error.__context__
