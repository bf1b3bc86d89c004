"""The client on aiohttp, with all that it would coordinate by itself turned off.

Owns: sessions, TLS, the moment at which a request is written, which connections are shared, that a
request is sent once at most, and the table that names each failure.
Must not know: pages, robots.txt, what an answer means, the net.

What aiohttp is trusted with: connections and their reuse, HTTP, decompression.
"""

import socket
import ssl
import weakref
from collections.abc import Callable
from contextlib import suppress

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientTimeout
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import AddrInfoType, Connection
from aiohttp.http_exceptions import ContentEncodingError
from multidict import CIMultiDict
from yarl import URL

from scraper_cpn.scrape.addresses import not_public
from scraper_cpn.scrape.colours import Failed, Proxy
from scraper_cpn.scrape.fetch.client import (
    ACCEPT,
    KEEP_ALIVE_S,
    LEFTOVER_BYTES_MAX,
    NO_FILE_ERRORS,
    NO_PUBLIC_ADDRESS,
    Ask,
    Reply,
    Sending,
    no_file,
)
from scraper_cpn.scrape.fetch.open_files import kept_open_max
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError

KEPT_OPEN_MAX = 1_024
"""No more connections are kept open; see `kept_open_max`. One costs 13 kB, and 300 kB where it is encrypted."""
_HEADER_LINE_BYTES_MAX = 16_384
_HEADERS_MAX = 256
_NO_HEADERS = CIMultiDict[str]()


class Dropped(Exception):  # noqa: N818 - what happened, not a mistake
    """The connection broke before an answer. aiohttp resends after its own exceptions only."""


class Forbidden(Exception):  # noqa: N818 - as above
    """A name has no public address, and others are not permitted."""


class Once:
    """A middleware of aiohttp that lets a request be sent once, on what may become its last connection."""

    __slots__ = ("_crowded", "_sending")

    def __init__(self, sending: Sending, crowded: Callable[[], bool]) -> None:
        self._sending = sending
        self._crowded = crowded

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send a request. Raises `Dropped` where aiohttp would have sent it again."""
        assert isinstance(request, Request)
        request.sending, request.crowded = self._sending, self._crowded
        try:
            return await handler(request)
        except aiohttp.ClientConnectorError:
            raise  # there was no connection, so nothing was sent, nor will be
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise Dropped from error


class Request(ClientRequest):
    """A request that tells when it is written, and shares the connections to a proxy.

    Where there are too many connections, it asks that its own is closed: only now it has one, and counts.

    A hook at `send` costs 1 microsecond; aiohttp's tracing, which could say the same, costs 15.
    """

    sending: Sending | None = None
    crowded: Callable[[], bool] | None = None

    async def send(self, conn: Connection) -> ClientResponse:
        """Write the request, and say so: a request without a body is written before this returns.

        The start is dated after the write, which may take a while on a busy machine: the pause to
        the next request is then never shorter on the wire than it was meant.
        """
        if self.crowded is not None and self.crowded():
            self.headers["Connection"] = "close"
            assert conn.protocol is not None
            conn.protocol.force_close()  # not every server closes, or says that it does
        response = await super().send(conn)
        if self.sending is not None:
            self.sending.begin()
        return response

    @property
    def connection_key(self) -> ConnectionKey:
        """What a reused connection must agree on.

        Plain HTTP through a proxy may use any connection to that proxy, whatever the host; aiohttp
        would keep one for each host.
        """
        key = super().connection_key
        if self.proxy is None or key.is_ssl:
            return key
        return ConnectionKey(self.proxy.raw_host or "", self.proxy.port, *key[2:])


class PublicResolver(AbstractResolver):
    """Finds public addresses only, and raises `Forbidden` for a name that has none."""

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Look a name up."""
        found = await self._inner.resolve(host, port, family)
        public = [address for address in found if not not_public(address["host"])]
        if found and not public:
            raise Forbidden
        return public

    async def close(self) -> None:
        """Leave the inner resolver to its owner."""


class Sockets:
    """Makes sockets, and knows how many of them are alive."""

    def __init__(self) -> None:
        self._alive = weakref.WeakSet[socket.socket]()

    def __call__(self, address: AddrInfoType) -> socket.socket:
        """Make the socket that will connect to *address*."""
        family, kind, protocol, _, _ = address
        created = socket.socket(family, kind, protocol)
        self._alive.add(created)
        return created

    def __len__(self) -> int:
        return len(self._alive)


class AiohttpClient:
    """The client; see `Client`. Raises `UsageError` when opened, for a CA file that can't be read.

    It keeps *kept_max* connections, or as many as `kept_open_max` allows.
    """

    def __init__(
        self,
        settings: Settings,
        resolver: AbstractResolver | None = None,
        kept_max: int | None = None,
    ) -> None:
        self._settings = settings
        self._resolver = resolver
        self._headers = CIMultiDict(settings.headers)
        self._proxies: dict[str, URL] = {}
        self.sockets = Sockets()
        if kept_max is None:
            kept_max = kept_open_max(settings.concurrency, KEPT_OPEN_MAX)
        self._kept_max = kept_max

    async def open(self) -> None:
        """Make the sessions."""
        resolver = self._resolver or aiohttp.ThreadedResolver()
        self._session = new_session(self._settings, resolver, self.sockets)
        self._wary_session = new_session(self._settings, PublicResolver(resolver), self.sockets)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()
        await self._wary_session.close()

    async def get(self, ask: Ask) -> Reply | Failed:
        """Send a GET; it starts in the step of the event loop that writes it to its socket."""
        session = self._wary_session if ask.wary else self._session
        try:
            async with session.get(
                URL(ask.url, encoded=True),
                headers=self._headers if ask.own else _NO_HEADERS,
                proxy=self._proxy_url(ask.proxy),
                middlewares=(Once(ask.sending, self._crowded),),
                allow_redirects=False,
            ) as response:
                body, cut = await _body(response, ask.most_bytes)
        except _FAILURES as error:
            return _failed(error, ask.proxy)
        return Reply(response.status, response.headers, body, cut)

    def _crowded(self) -> bool:
        return len(self.sockets) > self._kept_max

    def _proxy_url(self, proxy: Proxy) -> URL | None:
        if proxy.url is None:
            return None
        found = self._proxies.get(proxy.url)
        if found is None:
            found = self._proxies[proxy.url] = URL(proxy.url)
        return found


def new_session(
    settings: Settings, resolver: AbstractResolver, sockets: Sockets
) -> aiohttp.ClientSession:
    """Return a session that does what it is told and no more. Needs a running event loop.

    Raises `UsageError` for a CA file that can't be read.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=KEEP_ALIVE_S,
            ssl=tls(settings),
            resolver=resolver,
            socket_factory=sockets,
        ),
        request_class=Request,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": settings.user_agent, "Accept": ACCEPT},
        timeout=ClientTimeout(total=settings.timeout_ns / SECOND),
        trust_env=False,
        max_line_size=_HEADER_LINE_BYTES_MAX,
        max_field_size=_HEADER_LINE_BYTES_MAX,
        max_headers=_HEADERS_MAX,
    )


def tls(settings: Settings) -> ssl.SSLContext | bool:
    """Return what aiohttp takes for trust: False for anyone, True for the system's authorities.

    Raises `UsageError` for a CA file that can't be read.
    """
    if settings.insecure:
        return False
    if settings.cacert is None:
        return True
    try:
        return ssl.create_default_context(cafile=settings.cacert)
    except OSError as error:  # SSLError is one: the file holds no certificate
        what = "no certificate in it" if isinstance(error, ssl.SSLError) else error.strerror
        raise UsageError(
            f"--cacert: {settings.cacert}: {what}; give a file of PEM certificates"
        ) from None


async def _body(response: ClientResponse, most_bytes: int) -> tuple[bytes, bool]:
    """Return the body, and whether it was cut; that of a redirect or an error matters to nobody."""
    if 200 <= response.status < 300:
        return await _read(response, most_bytes)
    with suppress(*_FAILURES):  # the status stands, whatever becomes of the rest
        await _read(response, LEFTOVER_BYTES_MAX)
    return b"", False


async def _read(response: ClientResponse, most_bytes: int) -> tuple[bytes, bool]:
    """Return at most *most_bytes* of the body, and whether there is more.

    Reads piece by piece, as aiohttp decompresses: it stays a piece ahead of its reader, not more.
    """
    stream, pieces, size = response.content, list[bytes](), 0
    while not stream.at_eof():
        piece = await stream.readany()
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:  # a connection with an unread rest is closed by aiohttp
            return b"".join(pieces)[:most_bytes], True
    return pieces[0] if len(pieces) == 1 else b"".join(pieces), False


_CAUSES: tuple[tuple[type[Exception], str, str, bool], ...] = (
    (Dropped, "dropped", "the connection broke before the answer", True),
    (Forbidden, "address", NO_PUBLIC_ADDRESS, False),
    (aiohttp.ClientConnectorDNSError, "dns", "the name has no address", True),
    (aiohttp.ClientProxyConnectionError, "proxy", "no connection to the proxy", True),
    (aiohttp.ClientHttpProxyError, "proxy", "the proxy refused the tunnel", True),
    (aiohttp.ClientConnectorCertificateError, "tls", "the certificate is not trusted", False),
    (ssl.SSLError, "tls", "the TLS connection failed", True),
    (TimeoutError, "timeout", "no complete answer in time", True),
    (aiohttp.ClientConnectorError, "connect", "no connection", True),
    (ContentEncodingError, "protocol", "the body does not decompress", True),
    (aiohttp.ClientPayloadError, "dropped", "the body is incomplete", True),
    (
        aiohttp.ClientResponseError,
        "protocol",
        "the answer is not valid HTTP, or its head is too long",
        True,
    ),
    (OSError, "dropped", "the connection broke", True),
    (
        aiohttp.ClientError,
        "protocol",
        "the answer is not valid HTTP, or its head is too long",
        True,
    ),
)
"""What each exception of the HTTP client and the system means: the first row that fits counts.
Class, kind of failure, reason, and whether another attempt may help."""

_FAILURES = tuple(row[0] for row in _CAUSES)


def _failed(error: Exception, proxy: Proxy) -> Failed:
    """Return the outcome of an exception. Its own text is never shown: it may name the proxy."""
    if isinstance(error, OSError) and error.errno in NO_FILE_ERRORS:
        return no_file()
    why = error.__cause__ if isinstance(error.__cause__, ContentEncodingError) else error
    _, kind, reason, retry = next(row for row in _CAUSES if isinstance(why, row[0]))
    if kind == "dns" and proxy.url is not None:  # the only name looked up is the proxy's
        kind, reason = "proxy", "the proxy's name has no address"
    detail = _detail(error)
    return Failed(kind, f"{reason} ({detail})" if detail else reason, retry=retry)


def _detail(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return str(getattr(error.certificate_error, "verify_message", ""))
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.os_error.strerror or ""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"HTTP {error.status}"
    return ""
