"""The client on httpcore, the transport of httpx, for HTTP/2.

Owns: which requests go through httpcore, when a request counts as written, and the table that names each failure.
Must not know: pages, robots.txt, what an answer means.

What is different from the other clients, and what follows:

- Over HTTP/2 an answer has the number of its request, so that none can become that of another one: requests to an
  origin share a connection. Over HTTP/1.1 it has none, and httpcore does not tell an answer that is older than its
  request, or one of two. So plain HTTP, and origins whose servers do not choose HTTP/2 (ALPN, RFC 7301), go through the client on
  aiohttp. The connection that has shown that is closed before anything is written to it.
- httpcore may send a request again that a server has not read. Here it is not: a second one would not be paced.
- A pool of httpcore looks at all its connections for each request. So each origin has a pool of its own.
- Where an answer over HTTP/2 is not read to its end, the rest may take the window of the connection (RFC 9113 section
  5.2): no other request is sent on it.
"""

import asyncio
import ssl
import time
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
from scraper_cpn.scrape.fetch.client import (
    ACCEPT,
    NO_FILE_ERRORS,
    NO_LOGIN,
    NO_PUBLIC_ADDRESS,
    NO_WAY,
    NO_WAY_STATUSES,
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
from scraper_cpn.scrape.fetch.connections import (
    UNASKED_DATA,
    UNSURE,
    Forbidden,
    Key,
    Trust,
    Unasked,
)
from scraper_cpn.scrape.fetch.head import Fields, Head, HeadError, framed, without_body
from scraper_cpn.scrape.fetch.pools import NoName, OriginPool, Pools, key_of
from scraper_cpn.scrape.fetch.streams import Stream
from scraper_cpn.scrape.fetch.wire import hosts_of
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.urls import root_of

if TYPE_CHECKING:
    from scraper_cpn.scrape.fetch.client_aiohttp import AiohttpClient


_KEYS_MAX = 65_536


class Http1(Exception):  # noqa: N818 - what happened, not a mistake
    """The server did not choose HTTP/2. Nothing was written to it."""


class Withheld(Exception):  # noqa: N818 - what happened, not a mistake
    """The request may not be written now."""


class NotRead(Exception):  # noqa: N818 - what happened, not a mistake
    """The server ended the connection before it read the request."""


class HttpxClient:
    """The client; see `Client`. Raises `UsageError` when opened, for a CA file that can't be read.

    *on_surplus* is called for connections of aiohttp, and for those over HTTP/2 on which an answer came before its request.
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
        self._http1 = set[Key]()
        """Where HTTP/2 was not chosen."""
        self._trust = Trust()
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
        key = key_of(ask)
        until_s = asyncio.get_running_loop().time() + self._timeout_s
        if not ask.url.startswith("http:") and key not in self._http1:
            try:
                return await self._send(ask, key, until_s)
            except Http1:
                if len(self._http1) >= _KEYS_MAX:
                    self._http1.clear()  # they are asked once more
                self._http1.add(key)
        return await (await self._other_client()).send_until(ask, until_s)

    async def _send(self, ask: Ask, key: Key, until_s: float) -> Reply | Failed:
        """Send a request over HTTP/2. Raises `Http1`."""
        pool, writing = self._pools.take(ask), _Writing(ask, self._headers)
        pool.spoiled = pool.spoiled or self._trust.is_caught(key)
        try:
            async with (
                asyncio.timeout_at(until_s),
                self._stream(pool, ask, writing) as response,
            ):
                writing.answered()
                reply = await self._reply(response, ask, pool)
                alone = await self._is_alone(response, key, ask, pool, writing)
            return reply if alone else Failed("protocol", UNSURE)
        except Withheld:
            return withheld()
        except Http1:
            pool.spoiled = True
            await writing.give_up()
            raise
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
                self._caught(key, ask, int(sent))
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
        head = without_body(head) if ask.request.method == "HEAD" else head
        body, more = await _read(response, body_bytes_max(ask.most_bytes, ask.also)(head))
        pool.spoiled = pool.spoiled or more
        wired, hosts = self._wired(response)
        cut = more and brings_page(head.status, head.fields, ask.also)
        return await reply_of(head, body, cut, ask.most_bytes, wired, hosts, ask.also)

    async def _is_alone(
        self, response: httpcore.Response, key: Key, ask: Ask, pool: OriginPool, writing: "_Writing"
    ) -> bool:
        """Return whether no other answer came to the same request, as far as anyone can tell."""
        stream = response.extensions.get("network_stream")
        if not isinstance(stream, Stream):  # somebody's mock
            return True
        doubt_s = self._trust.doubt_s(key, pool.requests, writing.service_s, stream.way_s)
        alone = await stream.is_the_only_one(response.extensions["stream_id"], doubt_s)
        if stream.broken:
            pool.spoiled = True
            self._caught(key, ask, pool.requests)
        elif pool.requests > 1 and not self._trust.is_known(key):
            self._trust.good(key)
        return alone

    def _caught(self, key: Key, ask: Ask, requests: int) -> None:
        self._trust.catch(key)
        self._on_surplus(Surplus(key[1], ask.proxy.proxy, next_connection(), requests))

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
        self._begun_s = 0.0
        self.service_s = 0.0
        """How long the answer took to begin."""
        self.begun = False
        """Whether it is dated as started."""
        self._connected: httpcore.AsyncNetworkStream | None = None

    async def trace(self, event: str, info: dict[str, Any]) -> None:
        """Hear of an event. Raises `Withheld`, `NotRead` and `Http1` in place of writing."""
        self.stage = event
        if event == "http2.send_request_headers.started":
            if self.asked:
                raise NotRead
            if not self._sending.may_start():
                raise Withheld
            if self._ask.cookie is not None:  # others may have changed by now
                info["request"].headers = self._headers(self._ask)
            self.asked = True
        elif event == "http2.send_request_headers.complete":
            self._begin()
        elif event == "http11.send_request_headers.started":
            if info["request"].method != b"CONNECT":
                raise Http1
        elif event.endswith("connect_tcp.complete"):
            self._connected = info["return_value"]

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
        self.service_s = time.monotonic() - self._begun_s

    def cancelled(self) -> None:
        """Nobody will know whether it was written."""
        if self.asked:
            self._begin()

    def _begin(self) -> None:
        if not self.begun:
            self.begun, self._begun_s = True, time.monotonic()
            self._sending.begin()


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
    *((httpcore.ProxyError, f"{status} ", "connect", NO_WAY, True) for status in sorted(NO_WAY_STATUSES)),
    (httpcore.ProxyError, "unreachable", "connect", NO_WAY, True),
    (httpcore.ProxyError, "connect: Connection refused", "connect", NO_WAY, True),
    (httpcore.ProxyError, "TTL expired", "connect", NO_WAY, True),
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
            own = proxy.url is not None and not isinstance(error, httpcore.ProxyError)
            if own and kind in _PROXY_REASONS:  # the client connects to the proxy only
                return Failed("proxy", _PROXY_REASONS[kind], retry=True)
            return Failed(kind, reason, retry=retry)
    return Failed("protocol", _INVALID)


def _chain(error: BaseException | None) -> Iterable[BaseException]:
    while error is not None:
        yield error
        if isinstance(error, BaseExceptionGroup):
            yield from error.exceptions
        error = error.__cause__ or error.__context__
