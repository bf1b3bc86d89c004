"""The connections of the client on httpcore: a pool for each origin, and what it connects to.

Owns: how long a connection is kept and what for, which addresses may be connected to, proxies, TLS.
Must not know: what is asked, answers, failures.
"""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore
from aiohttp.abc import AbstractResolver
from httpcore import AnyIOBackend, AsyncConnectionPool, AsyncHTTPProxy, AsyncSOCKSProxy
from yarl import URL

from scraper_cpn.scrape.addresses import is_address, not_public
from scraper_cpn.scrape.fetch.client import Ask
from scraper_cpn.scrape.fetch.connections import (
    KEEP_ALIVE_S,
    Forbidden,
    Key,
    PublicResolver,
    context_of,
)
from scraper_cpn.scrape.fetch.streams import Stream
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import root_of

ADDRESS_S = 2.0
"""So long an address may take to answer, if its name has another one."""
REQUESTS_MAX = 900
"""On a connection. Many servers end one after 1,000 requests, and httpcore then loses all that are under way on it."""


class NoName(Exception):  # noqa: N818 - what happened, not a mistake
    """A name has no address."""


def key_of(ask: Ask) -> Key:
    """Return what requests have in common that may use one pool."""
    return (ask.proxy.url, root_of(ask.url), ask.wary, ask.ip)


class OriginPool:
    """A pool of httpcore for one origin, and who uses it."""

    def __init__(self, http: AsyncConnectionPool) -> None:
        self.http = http
        self.users = 0
        self.requests = 0
        self.idle_since_s = 0.0
        self.spoiled = False
        """Whether no other request is sent on its connections."""


class Pools:
    """The pools of a client; made when its event loop runs. Raises `UsageError` for a CA file that can't be read."""

    def __init__(self, settings: Settings, names: AbstractResolver) -> None:
        self._loop = asyncio.get_running_loop()
        self._names = names
        self._context = context_of(settings)
        self._pools: dict[Key, OriginPool] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Close all connections."""
        if self._sweep is not None:
            self._sweep.cancel()
        pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            await pool.http.aclose()
        if self._closing:
            await asyncio.wait(self._closing)

    def take(self, ask: Ask) -> OriginPool:
        """Return the pool for a request; one that must not be sent twice has its own."""
        key = key_of(ask)
        pool = self._pools.get(key)
        if pool is None or pool.spoiled or not ask.request.repeatable:
            resolver = PublicResolver(self._names) if ask.wary else self._names
            pool = OriginPool(
                _new_pool(self._context, ask.proxy.url, Backend(resolver, ask.ip, wary=ask.wary))
            )
            if ask.request.repeatable:
                self._pools[key] = pool
            else:
                pool.spoiled = True
        pool.users += 1
        pool.requests += 1
        pool.spoiled = pool.spoiled or pool.requests >= REQUESTS_MAX
        if self._sweep is None:
            self._sweep = self._loop.call_later(KEEP_ALIVE_S, self._close_old)
        return pool

    def give_back(self, pool: OriginPool) -> None:
        """A request has ended."""
        pool.users -= 1
        pool.idle_since_s = self._loop.time()
        if pool.spoiled and not pool.users:
            self._close_soon(pool)

    def _close_old(self) -> None:
        """Close connections that were idle for a while: httpcore checks its connections only at a request."""
        oldest_s = self._loop.time() - KEEP_ALIVE_S
        for key, pool in list(self._pools.items()):
            if not pool.users and (pool.spoiled or pool.idle_since_s <= oldest_s):
                del self._pools[key]
                self._close_soon(pool)
        self._sweep = self._loop.call_later(KEEP_ALIVE_S, self._close_old) if self._pools else None

    def _close_soon(self, pool: OriginPool) -> None:
        task = self._loop.create_task(pool.http.aclose())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


class Backend(AnyIOBackend):
    """Connects to what *resolver* finds for a name, one address after another, or to the one that was asked for."""

    def __init__(self, resolver: AbstractResolver, ip: str = "", *, wary: bool = False) -> None:
        self._resolver, self._ip = resolver, ip
        self._forbidden = wary and bool(not_public(ip))

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the name of the base class
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect. Raises `NoName`, `Forbidden` and what httpcore raises."""
        failure: Exception = NoName()
        addresses = await self._addresses(host, port)
        for address in addresses:
            until_s = timeout if address == addresses[-1] else ADDRESS_S
            try:
                return Stream(
                    await super().connect_tcp(address, port, until_s, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _addresses(self, host: str, port: int) -> list[str]:
        if self._ip:
            if self._forbidden:
                raise Forbidden
            return [self._ip]
        if is_address(host):
            return [host]
        try:
            return [each["host"] for each in await self._resolver.resolve(host, port, 0)]  # type: ignore[arg-type]
        except (OSError, UnicodeError):
            raise NoName from None


def _new_pool(context: ssl.SSLContext, proxy: str | None, backend: Backend) -> AsyncConnectionPool:
    """Return a pool without retries of its own."""
    usual: dict[str, Any] = {
        "ssl_context": context,
        "max_connections": None,
        "max_keepalive_connections": None,
        "keepalive_expiry": KEEP_ALIVE_S,
        "http1": True,
        "http2": True,
        "retries": 0,
        "network_backend": backend,
    }
    if proxy is None:
        return AsyncConnectionPool(**usual)
    url = URL(proxy)
    named = url.user is not None or url.password is not None
    auth = ((url.user or "").encode(), (url.password or "").encode()) if named else None
    where = str(url.with_user(None))
    if url.scheme.startswith("socks"):  # whichever of the two: names are left to the proxy
        where = str(url.with_user(None).with_scheme("socks5"))
        return AsyncSOCKSProxy(where, proxy_auth=auth, **usual)
    if url.scheme == "https":
        usual["proxy_ssl_context"] = context
    return AsyncHTTPProxy(where, proxy_auth=auth, **usual)
