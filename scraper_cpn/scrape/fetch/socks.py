"""Connections through a SOCKS5 proxy (RFC 1928, 1929), for clients that speak none themselves.

Owns: the only use of python-socks. Must not know: HTTP, what is sent on a connection.
"""

import asyncio
import socket

from python_socks import ProxyConnectionError, ProxyError, ProxyType
from python_socks.async_.asyncio import Proxy
from yarl import URL

from scraper_cpn.scrape.fetch.client import NO_FILE_ERRORS, NO_LOGIN, NO_WAY
from scraper_cpn.scrape.fetch.connections import SocksFailed, SocksNoWay

_LONG_S = 86_400
_NO_WAY = frozenset({3, 4, 5, 6})
"""Network or host unreachable, connection refused, TTL expired (RFC 1928 section 6)."""


class _Bytes(str):
    """Bytes, each as a character: python-socks would refuse what is not ASCII, and RFC 1929 speaks of bytes."""

    __slots__ = ()

    def encode(self, encoding: str = "latin-1", errors: str = "strict") -> bytes:  # noqa: ARG002
        return super().encode("latin-1")


def _as_utf8(text: str | None) -> str | None:
    return text and _Bytes(text.encode().decode("latin-1"))


async def socks_socket(proxy: URL, host: str, port: int) -> socket.socket:
    """Return a socket that a proxy has joined to *port* of *host*, whose name it looks up itself.

    Raises `SocksFailed`, and `OSError` where this process has no file left. The caller limits its time.
    """
    where = Proxy(
        ProxyType.SOCKS5,
        proxy.host or "",
        proxy.port or 1080,
        _as_utf8(proxy.user),
        _as_utf8(proxy.password),
        rdns=True,
        loop=asyncio.get_running_loop(),
    )
    try:
        return await where.connect(host, port, timeout=_LONG_S)
    except ProxyConnectionError as error:
        if error.errno in NO_FILE_ERRORS:
            raise OSError(error.errno, "too many open files") from None
        raise SocksFailed("no connection to the proxy") from None
    except ProxyError as error:
        if "authentication" in str(error):
            raise SocksFailed(NO_LOGIN) from None
        if error.error_code in _NO_WAY:
            raise SocksNoWay(NO_WAY) from None
        raise SocksFailed("the proxy refused the connection") from None
