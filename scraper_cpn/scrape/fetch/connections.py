"""The connections of the client on aiohttp: how they are made, and which of them wait for their next request.

Owns: what a connection is kept for, how long and how many; which addresses may be connected to; TLS.
Must not know: requests, answers, failures.
"""

import asyncio
import socket
import ssl
import weakref

import aiohttp
from aiohttp import ClientRequest, ClientTimeout
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType
from yarl import URL

from scraper_cpn.scrape.addresses import not_public
from scraper_cpn.scrape.fetch.wire import LISTEN_S, Wire
from scraper_cpn.scrape.settings import Settings, UsageError

KEEP_ALIVE_S = 4.0
"""How long an idle connection is kept: less than the 5 s of common servers, so that a request is
rarely sent into a connection that the server is closing."""
REST_S = 0.05
"""How long a connection rests before it is used again, where its server is little known."""
DOUBT_S = 0.01
"""How long the first answers on a connection that was used before are waited behind, beside twice the server's time."""
SERVICE_MAX_S = 0.25
"""The server's time counts as this at most."""
NEW_UNTIL, KNOWN_AFTER = 3, 16
"""The numbers of answers on reused connections after which a server no longer counts as new, and counts as known."""
_KEYS_MAX = 65_536
UNSURE = "more than one answer came for this request; none of them can be trusted"
UNASKED_DATA = "the server sent data before a request was made"
_NO_TIMEOUT = ClientTimeout(total=None, sock_connect=None)

Key = tuple[str | None, str, bool, str]
"""What a connection is for: the proxy's URL or None, the origin, whether its address must be public, and the only
address that it may have (empty for any)."""


class Forbidden(Exception):  # noqa: N818 - what happened, not a mistake
    """A name has no public address, and others are not permitted."""


class Unasked(Exception):  # noqa: N818 - what happened, not a mistake
    """Bytes came on a new connection before a request was written."""


class SocksFailed(Exception):  # noqa: N818 - what happened, not a mistake
    """A SOCKS proxy is not there, or refused to connect; the text says which."""


class SocksNoWay(SocksFailed):
    """A SOCKS proxy has no connection to the host."""


class Trust:
    """How far the servers are known to send nothing but answers.

    An answer too many that comes while a request is under way looks like the answer to it. So connections to a server
    that is little known rest before they are used again, and what comes on them is waited behind: a true answer would
    follow. A server that was caught gets one request for each connection.
    """

    def __init__(self) -> None:
        self._clean: dict[Key, int] = {}
        self._caught: set[Key] = set()

    def good(self, key: Key) -> None:
        """An answer on a connection that was used before was the only one."""
        if len(self._clean) >= _KEYS_MAX and key not in self._clean:
            self._clean.clear()  # all of them are little known again
        self._clean[key] = self._clean.get(key, 0) + 1

    def catch(self, key: Key) -> None:
        """Record that the server has sent unrequested bytes."""
        self._caught.add(key)

    def is_caught(self, key: Key) -> bool:
        """Whether it ever has."""
        return key in self._caught

    def is_known(self, key: Key) -> bool:
        """Whether its connections may be used again at once."""
        return self._clean.get(key, 0) >= KNOWN_AFTER

    def doubt_s(self, key: Key, requests: int, service_s: float, way_s: float) -> float:
        """Return how long to wait for another answer behind the last of *requests* on a connection.

        *way_s* is how long a packet may take through a proxy and back.
        """
        clean = self._clean.get(key, 0)
        if requests > 1 and clean < NEW_UNTIL:
            return DOUBT_S + 2 * min(service_s, SERVICE_MAX_S)
        return 0 if requests > 1 and clean >= KNOWN_AFTER else LISTEN_S + way_s


class Idle:
    """Connections that wait for their next request."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[Key, list[Wire]] = {}
        self._sweep: asyncio.TimerHandle | None = None

    def put(self, key: Key, wire: Wire) -> None:
        """Keep a connection, for `KEEP_ALIVE_S` at most."""
        wire.idle_since_s = self._loop.time()
        self._waiting.setdefault(key, []).append(wire)
        if self._sweep is None:
            self._sweep = self._loop.call_later(KEEP_ALIVE_S / 4, self._close_old)

    def take(self, key: Key, rest_s: float) -> Wire | None:
        """Return a connection on which nothing has come since it was put here, *rest_s* ago or more.

        None if there is none.
        """
        waiting = self._waiting.get(key)
        rested_s = self._loop.time() - rest_s
        while waiting:
            if rest_s and waiting[0].idle_since_s > rested_s:
                return None
            wire = waiting.pop(0 if rest_s else -1)
            if wire.silent():
                return wire
            wire.leave()
        return None

    def close(self) -> None:
        """Close all of them."""
        if self._sweep is not None:
            self._sweep.cancel()
        for waiting in self._waiting.values():
            for wire in waiting:
                wire.close()
        self._waiting.clear()

    def _close_old(self) -> None:
        oldest_s = self._loop.time() - KEEP_ALIVE_S
        for key, waiting in list(self._waiting.items()):
            fresh = []
            for wire in waiting:
                if wire.open and wire.idle_since_s > oldest_s:
                    fresh.append(wire)
                else:
                    wire.close()
            if fresh:
                self._waiting[key] = fresh
            else:
                del self._waiting[key]
        again = self._waiting and self._loop.call_later(KEEP_ALIVE_S / 4, self._close_old)
        self._sweep = again or None


class Connector(aiohttp.TCPConnector):
    """Connects, and keeps nothing: aiohttp's connector without its pool."""

    def __init__(self, settings: Settings, resolver: AbstractResolver, sockets: "Sockets") -> None:
        super().__init__(limit=0, ssl=tls(settings), resolver=resolver, socket_factory=sockets)
        loop = asyncio.get_running_loop()
        self._settings, self._made = settings, sockets
        self._context: ssl.SSLContext | None = None
        self._factory = lambda: Wire(loop, timed=settings.adaptive is not None)  # type: ignore[assignment]

    async def connect_for(self, request: ClientRequest) -> Wire:
        """Return a new connection for *request*, through the tunnel of its proxy if it is for TLS.

        Raises what aiohttp raises.
        """
        wire = await self._create_connection(request, [], _NO_TIMEOUT)
        assert isinstance(wire, Wire)
        return wire

    async def connect_through(self, proxy: URL, target: URL) -> Wire:
        """Return a new connection to the host of *target* through a SOCKS proxy.

        Raises what `socks_socket` raises, and what TLS does.
        """
        from scraper_cpn.scrape.fetch.socks import socks_socket  # an extra

        host, secure = target.raw_host or "", target.scheme == "https"
        joined = await socks_socket(proxy, host, target.port or 0)
        self._made.note(joined)
        if self._context is None:
            self._context = context_of(self._settings)
        try:
            _, wire = await self._loop.create_connection(
                self._factory,
                sock=joined,
                ssl=self._context if secure else None,
                server_hostname=host if secure else None,
            )
        except BaseException:
            joined.close()
            raise
        assert isinstance(wire, Wire)
        return wire


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

    def note(self, created: socket.socket) -> None:
        """Count a socket that somebody else has made."""
        self._alive.add(created)

    def __len__(self) -> int:
        return len(self._alive)


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


def context_of(settings: Settings) -> ssl.SSLContext:
    """Return what is trusted, as a context. Raises `UsageError` for a CA file that can't be read."""
    trusted = tls(settings)
    if isinstance(trusted, ssl.SSLContext):
        return trusted
    context = ssl.create_default_context()
    if not trusted:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
