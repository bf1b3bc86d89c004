"""The client on aiohttp's connections, with HTTP itself in our own hands.

Owns: which connection a request goes out on, what a request says, the table that names each failure.
Must not know: pages, robots.txt, what an answer means.

What aiohttp is trusted with: looking names up, connecting, TLS, tunnels through proxies. Its layers above that would give an
answer that nobody asked for to the next request, send a request again by themselves, and refuse answers that browsers
take.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Callable, Sequence

import aiohttp
from aiohttp import ClientRequest
from aiohttp.abc import AbstractResolver
from msgspec.structs import replace
from yarl import URL

from scraper_cpn.scrape.addresses import not_public
from scraper_cpn.scrape.colours import Failed, Proxy, Wired
from scraper_cpn.scrape.fetch.answers import brings_page
from scraper_cpn.scrape.fetch.choose import is_socks
from scraper_cpn.scrape.fetch.client import (
    NO_FILE_ERRORS,
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
    with_usual,
    withheld,
)
from scraper_cpn.scrape.fetch.connections import (
    REST_S,
    UNASKED_DATA,
    UNSURE,
    Connector,
    Forbidden,
    Idle,
    Key,
    PublicResolver,
    Sockets,
    SocksFailed,
    SocksNoWay,
    Trust,
    Unasked,
)
from scraper_cpn.scrape.fetch.doubles import Doubles, digest_of, whole_answer
from scraper_cpn.scrape.fetch.open_files import kept_open_max
from scraper_cpn.scrape.fetch.reader import AnswerReader
from scraper_cpn.scrape.fetch.tcp import ROUND_TRIP_MAX_S
from scraper_cpn.scrape.fetch.wire import Wire
from scraper_cpn.scrape.request import PLAIN
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.urls import root_of

KEPT_OPEN_MAX = 1_024
"""No more connections are kept open; see `kept_open_max`. One costs 13 kB, and 300 kB where it is encrypted."""


_ANY_HOST = "http:"
"""For connections to a proxy that carry requests for any host."""


class AiohttpClient:
    """The client; see `Client`. Raises `UsageError` when opened, for a CA file that can't be read.

    It keeps as many connections as `kept_open_max` allows. *on_surplus* is called with each connection that is dropped because of bytes
    that belong to no request.
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
        self._common = _head_lines(settings, ())
        self._own = _head_lines(settings, settings.headers)
        self._timeout_s = settings.timeout_ns / SECOND
        self._proxy_lines: dict[str, bytes] = {}
        self._trust = Trust()
        self._doubles = Doubles()
        self.sockets = Sockets()
        self._kept_max = kept_open_max(settings.concurrency, KEPT_OPEN_MAX)

    async def open(self) -> None:
        """Get ready to connect."""
        self._loop = asyncio.get_running_loop()
        self._idle = Idle(self._loop)
        resolver = self._resolver or aiohttp.ThreadedResolver()
        self._connector = Connector(self._settings, resolver, self.sockets)
        self._wary = Connector(self._settings, PublicResolver(resolver), self.sockets)

    async def close(self) -> None:
        """Close all connections."""
        self._idle.close()
        await self._connector.close()
        await self._wary.close()

    async def send(self, ask: Ask) -> Reply | Failed:
        """Send a request; it starts in the step of the event loop that writes it to its socket."""
        return await self.send_until(ask, self._loop.time() + self._timeout_s)

    async def send_until(self, ask: Ask, until_s: float) -> Reply | Failed:
        """Send a request whose time is over at *until_s* of the event loop; see `send`."""
        key = (ask.proxy.url, self._shared_by(ask), ask.wary, ask.ip)
        wire = None
        if ask.request.repeatable:
            wire = self._idle.take(key, 0 if self._trust.is_known(key) else REST_S)
        if wire is None:
            try:
                async with asyncio.timeout_at(until_s):
                    wire = await self._connect(key, ask)
            except _FAILURES as error:
                return replace(_failed(error, ask.proxy), sent=False)
        return await self._ask(key, wire, ask, until_s)

    def _shared_by(self, ask: Ask) -> str:
        """Return what requests have in common that may use one connection: their origin."""
        through = ask.proxy.url is not None and not is_socks(ask.proxy)
        shared = self._settings.share_proxy_connections and through
        return _ANY_HOST if shared and ask.url.startswith("http:") else root_of(ask.url)

    async def _connect(self, key: Key, ask: Ask) -> Wire:
        """Return a new connection, on which nothing has come; a proxy's may be tried in vain."""
        proxy = None if ask.proxy.url is None or is_socks(ask.proxy) else URL(ask.proxy.url)
        url = URL(ask.url, encoded=True)
        if ask.wary and ask.ip and not_public(ask.ip):
            raise Forbidden
        request = ClientRequest(
            "GET",
            url.with_host(ask.ip) if ask.ip else url,
            server_hostname=url.raw_host if ask.ip else None,
            proxy=proxy and proxy.with_user(None),  # aiohttp would write it as Latin-1
            proxy_headers={"Proxy-Authorization": _basic(proxy)} if proxy and _basic(proxy) else {},
            loop=self._loop,
        )
        connector = self._wary if ask.wary else self._connector
        began_s = self._loop.time()
        if is_socks(ask.proxy):
            wire = await connector.connect_through(URL(ask.proxy.url or ""), request.url)
        else:
            wire = await connector.connect_for(request)
        if is_socks(ask.proxy) or (proxy and url.scheme == "https"):  # a tunnel was asked for
            wire.way_s = min(self._loop.time() - began_s, ROUND_TRIP_MAX_S)
        wire.take_over(next_connection(), lambda wire: self._surplus(key, ask.proxy, wire))
        if not await wire.listen():
            wire.close()
            raise Unasked if wire.surplus else ConnectionResetError
        return wire

    async def _ask(self, key: Key, wire: Wire, ask: Ask, until_s: float) -> Reply | Failed:
        """Send a request on a connection, and keep the connection if it may have another one."""
        if not ask.sending.may_start():
            self._idle.put(key, wire)
            return withheld()
        reader = AnswerReader(
            body_bytes_max(ask.most_bytes, ask.also), to_head=ask.request.method == "HEAD"
        )
        last = self._trust.is_caught(key) or len(self.sockets) > self._kept_max
        timer = self._loop.call_at(until_s, wire.give_up)
        try:
            await wire.ask(self._request(ask, last), reader, ask.sending.begin)
        finally:
            timer.cancel()
        is_its_own = await wire.settle(
            self._trust.doubt_s(key, wire.requests, wire.service_s, wire.way_s)
        )
        if reader.reusable and wire.silent() and not last and is_its_own:
            self._keep(key, wire)
        else:
            wire.close()
        if not (is_its_own or self._is_meant(key, wire, ask.url, reader)):
            return Failed("protocol", UNSURE)
        head = reader.head
        if head is None or (
            brings_page(head.status, head.fields, ask.also) and not reader.ended_well
        ):
            return _unfinished(reader)
        # An error or a redirect counts even if its body failed.
        wired = Wired(wire.number, wire.requests, wire.answer_ns)
        hosts = wire.certificate_hosts
        return await reply_of(head, reader.body, reader.cut, ask.most_bytes, wired, hosts, ask.also)

    def _is_meant(self, key: Key, wire: Wire, url: str, first: AnswerReader) -> bool:
        """Return whether the first of two answers is the one to *url*; see `Doubles`."""
        second = whole_answer(wire.surplus) if wire.doubled else None
        if second is None or not first.ended_well:
            return False
        return self._doubles.first_is_meant(key, url, digest_of(first), digest_of(second))

    def _keep(self, key: Key, wire: Wire) -> None:
        if wire.requests > 1 and not self._trust.is_known(key):
            self._trust.good(key)
        self._idle.put(key, wire)

    def _request(self, ask: Ask, last: bool) -> bytes:
        """Return a request as it is written (RFC 9112 section 3)."""
        scheme_host, url = root_of(ask.url), ask.url
        _, _, host = scheme_host.partition("://")
        lines = self._lines(ask)
        if ask.proxy.url is None or url.startswith("https:") or is_socks(ask.proxy):
            target, proxy_line = url[len(scheme_host) :], b""
        else:
            target, proxy_line = url, self._proxy_line(ask.proxy.url)
        end = b"Connection: close\r\n\r\n" if last else b"\r\n"
        first = f"{ask.request.method} {target} HTTP/1.1\r\nHost: {host}\r\n"
        return first.encode() + lines + proxy_line + end + ask.request.body

    def _lines(self, ask: Ask) -> bytes:
        """Return the lines of the headers, but for the one of a proxy."""
        cookie = b"" if ask.cookie is None else _cookie_line(ask.cookie())
        if ask.request is PLAIN:
            return (self._own if ask.own else self._common) + cookie
        crawl = self._settings.headers if ask.own else ()
        return _head_lines(self._settings, ask.headers_over(crawl)) + cookie

    def _proxy_line(self, url: str) -> bytes:
        """Return the line with a proxy's credentials; empty where it wants none."""
        found = self._proxy_lines.get(url)
        if found is None:
            found = self._proxy_lines[url] = _credentials(URL(url))
        return found

    def _surplus(self, key: Key, proxy: Proxy, wire: Wire) -> None:
        """Report a connection that ended because of unrequested bytes; connections to its server are not reused from now on."""
        if not wire.harmless:
            self._trust.catch(key)
        self._on_surplus(Surplus(key[1], proxy.proxy, wire.number, wire.requests))


def _head_lines(settings: Settings, extra: Sequence[tuple[str, str]]) -> bytes:
    """Return the fields that all requests have, with *extra* ones in place of ours that have their names."""
    return "".join(f"{name}: {value}\r\n" for name, value in with_usual(settings, extra)).encode()


def _cookie_line(cookie: str) -> bytes:
    return f"Cookie: {cookie}\r\n".encode(errors="surrogateescape") if cookie else b""


def _credentials(proxy: URL) -> bytes:
    value = _basic(proxy)
    return f"Proxy-Authorization: {value}\r\n".encode() if value else b""


def _basic(proxy: URL) -> str:
    """Return the credentials for a proxy as UTF-8 (RFC 7617 section 2.1); empty where it wants none."""
    if proxy.user is None and proxy.password is None:
        return ""
    pair = f"{proxy.user or ''}:{proxy.password or ''}".encode()
    return f"Basic {b64encode(pair).decode()}"


def _unfinished(reader: AnswerReader) -> Failed:
    """Return what became of a request without a whole answer."""
    if not reader.done:
        doubt = f" ({reader.head.doubt})" if reader.head is not None and reader.head.doubt else ""
        return Failed("timeout", f"no complete answer in time{doubt}")
    if reader.failure:
        return Failed("protocol", f"the answer is not valid HTTP: {reader.failure}")
    if reader.head is None:
        return Failed("dropped", "the connection broke before the answer")
    return Failed("dropped", "the body is incomplete")


_CAUSES: tuple[tuple[type[Exception], str, str, bool], ...] = (
    (Unasked, "protocol", UNASKED_DATA, True),
    (SocksNoWay, "connect", "no connection", True),
    (SocksFailed, "proxy", "the SOCKS proxy failed", True),
    (Forbidden, "address", NO_PUBLIC_ADDRESS, False),
    (aiohttp.InvalidURL, "dns", "the host is neither a name nor an address", False),
    (aiohttp.ClientConnectorDNSError, "dns", "the name has no address", True),
    (aiohttp.ClientProxyConnectionError, "proxy", "no connection to the proxy", True),
    (aiohttp.ClientHttpProxyError, "proxy", "the proxy refused the tunnel", True),
    (aiohttp.ClientConnectorCertificateError, "tls", "the certificate is not trusted", False),
    (ssl.SSLCertVerificationError, "tls", "the certificate is not trusted", False),
    (ssl.SSLError, "tls", "the TLS connection failed", True),
    (TimeoutError, "timeout", "no complete answer in time", True),
    (aiohttp.ClientConnectorError, "connect", "no connection", True),
    (aiohttp.ClientResponseError, "protocol", "the proxy's answer is not valid HTTP", True),
    (OSError, "dropped", "the connection broke before the answer", True),
    (aiohttp.ClientError, "dropped", "the connection broke before the answer", True),
)
"""The meaning of each exception of aiohttp and the system while a connection is made; the first matching row counts.
Class, kind of failure, reason, and whether another attempt may help."""

_FAILURES = tuple(row[0] for row in _CAUSES)


def _failed(error: Exception, proxy: Proxy) -> Failed:
    """Return the outcome of an exception. Its own text is never shown: it may name the proxy."""
    if isinstance(error, OSError) and error.errno in NO_FILE_ERRORS:
        return no_file()
    _, kind, reason, retry = next(row for row in _CAUSES if isinstance(error, row[0]))
    if kind == "dns" and proxy.url is not None:  # the only name looked up is the proxy's
        kind, reason = "proxy", "the proxy's name has no address"
    if isinstance(error, aiohttp.ClientHttpProxyError) and error.status in NO_WAY_STATUSES:
        kind, reason = "connect", NO_WAY
    detail = _detail(error)
    return Failed(kind, f"{reason} ({detail})" if detail else reason, retry=retry)


def _detail(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(getattr(error.certificate_error, "verify_message", ""))
    if isinstance(error, SocksFailed):
        return str(error)
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or ""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"HTTP {error.status}"
    return ""
