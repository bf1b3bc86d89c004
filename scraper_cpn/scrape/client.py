"""The HTTP client (aiohttp) with all that it would coordinate by itself turned off.

Owns: sessions, TLS, the moment at which a request is written, which connections are shared, and
that a request is sent once at most.
Must not know: pages, robots.txt, what an answer means, the net.

A session follows no redirect, keeps no cookies, caps no connections and reads no environment. What
aiohttp is trusted with: connections and their reuse, HTTP, decompression.
"""

import socket
import ssl
import weakref
from collections.abc import Callable

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientTimeout
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import AddrInfoType, Connection

from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from scraper_cpn.scrape.urls import is_private_host

KEEP_ALIVE_S = 4.0
"""How long an idle connection is kept: less than the 5 s of common servers, so that a request is
rarely sent into a connection that the server is closing."""

_HEADER_LINE_BYTES_MAX = 16_384
_HEADERS_MAX = 256
_ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.8"


class Dropped(Exception):  # noqa: N818 - what happened, not a mistake
    """The connection broke before an answer. aiohttp resends after its own exceptions only."""


class Forbidden(Exception):  # noqa: N818 - as above
    """A name has only private addresses, where those are forbidden."""


class Sending:
    """One request on its way: calls *start* when it is written, and knows when that was."""

    __slots__ = ("_monotonic_ns", "_start", "began_ns")

    def __init__(self, start: Callable[[], None], monotonic_ns: Callable[[], int]) -> None:
        self._start = start
        self._monotonic_ns = monotonic_ns
        self.began_ns = 0

    def begin(self) -> None:
        """The request has just been written, in this step of the event loop."""
        self.began_ns = self._monotonic_ns()
        self._start()

    async def once(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send a request, as a middleware of aiohttp, so that it is never sent again.

        Raises `Dropped` where aiohttp would have sent it again.
        """
        assert isinstance(request, Request)
        request.sending = self
        try:
            return await handler(request)
        except aiohttp.ClientConnectorError:
            raise  # there was no connection, so nothing was sent, nor will be
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
            raise Dropped from error


class Request(ClientRequest):
    """A request that tells when it is written, and shares the connections to a proxy.

    A hook at `send` costs 1 microsecond; aiohttp's tracing, which could say the same, costs 15.
    """

    sending: Sending | None = None

    async def send(self, conn: Connection) -> ClientResponse:
        """Write the request, and say so: a request without a body is written before this returns.

        The start is dated after the write, which may take a while on a busy machine: the pause to
        the next request is then never shorter on the wire than it was meant.
        """
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
        public = [address for address in found if not is_private_host(address["host"])]
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
        headers={"User-Agent": settings.user_agent, "Accept": _ACCEPT},
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
