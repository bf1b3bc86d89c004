"""A synthetic web on loopback: an origin for any host name, and a pool of forward proxies.

Owns: listening on free ports, and ending cleanly.
Must not know: what is polite; who judges the log.
"""

import asyncio
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from mocks.arrivals import Arrivals
from mocks.connection import Connection
from mocks.origin import Origin
from mocks.wirelog import DIRECT, WireLog
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from scraper_cpn.simulate.webspec import check_spec

LOOPBACK = "127.0.0.1"
_BACKLOG = 1024


class LoopbackWeb:
    """A server of a synthetic web, in this event loop, on free ports of the loopback address.

    Args:
        spec: the web. ValueError when a knob is out of range.
        proxies: forward proxies, each on a port of its own.
        credentials: user and password that the proxies want; others get 407.
        log_path: where to write the wire log; it is complete when the server is closed. OSError
            when it can't be written.
        keep_log: whether the log stays in memory as well.
        compress: send gzip to clients that accept it.

    Use it as `async with LoopbackWeb(spec, proxies=8) as web`.
    """

    def __init__(
        self,
        spec: WebSpec,
        *,
        proxies: int = 0,
        credentials: tuple[str, str] | None = None,
        log_path: Path | None = None,
        keep_log: bool = True,
        compress: bool = False,
    ) -> None:
        check_spec(spec)  # before a file is touched
        self.log = WireLog(spec, log_path, keep=keep_log)
        self.proxy_names: tuple[str, ...] = ()
        """The proxies as the log names them."""
        self.port = 0
        """The port for requests without a proxy; the Host header names the host."""
        self._origin = Origin(spec, self.log, compress=compress, credentials=credentials)
        self._credentials = credentials
        self._proxies = proxies
        self._servers: list[asyncio.Server] = []

    @property
    def web(self) -> SyntheticWeb:
        """The web that is served, and the truth about it."""
        return self._origin.web

    @property
    def proxy_urls(self) -> tuple[str, ...]:
        """The proxies, with credentials where they want some."""
        if self._credentials is None:
            return self.proxy_names
        user, password = (quote(part, safe="") for part in self._credentials)
        start = f"http://{user}:{password}@"
        return tuple(name.replace("http://", start) for name in self.proxy_names)

    @property
    def url(self) -> str:
        """The first host's first page, for clients that use neither proxy nor host names."""
        return f"http://{LOOPBACK}:{self.port}/"

    async def __aenter__(self) -> Self:
        self.port = await self._listen(proxied=False)
        for _ in range(self._proxies):
            port = await self._listen(proxied=True)
            self.proxy_names += (_proxy_name(port),)
        return self

    async def _listen(self, *, proxied: bool) -> int:
        listener = Arrivals((LOOPBACK, 0), _BACKLOG)
        port: int = listener.getsockname()[1]
        name = _proxy_name(port) if proxied else DIRECT
        serve = partial(Connection, self._origin, name, listener, proxied=proxied)
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(serve, sock=listener, backlog=_BACKLOG))
        return port

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._origin.closing = True
        for server in self._servers:
            server.close()
        for transport in tuple(self._origin.transports):
            transport.abort()
        for server in self._servers:
            await server.wait_closed()
        await asyncio.sleep(0)  # what the aborted connections still record comes first
        self.log.close()


def _proxy_name(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"
