"""Fetching: one request on the wire, and what came of it.

Owns: the effects `fetch` and `robots`, the limit of size, which headers go where, and the table
that names each failure.
Must not know: the net, pace, retries, what an answer means (`answers` does).
"""

import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import aiohttp
import anyio
from aiohttp import ClientResponse
from aiohttp.abc import AbstractResolver
from aiohttp.http_exceptions import ContentEncodingError
from multidict import CIMultiDict
from yarl import URL

from scraper_cpn.scrape.answers import ROBOTS_BYTES_MAX, Answer, fetch_outcome, robots_outcome
from scraper_cpn.scrape.client import (
    Dropped,
    Forbidden,
    PublicResolver,
    Sending,
    Sockets,
    new_session,
)
from scraper_cpn.scrape.colours import (
    Failed,
    FetchOutcome,
    Proxy,
    RobotsJob,
    RobotsOutcome,
    Target,
)
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import host_of, is_private_host

KEPT_OPEN_MAX = 256
"""With more open connections than this (and than twice the concurrency), each is closed after its
answer: a crawl of many hosts would otherwise run out of file descriptors."""

_LEFTOVER_BYTES_MAX = 65_536  # of the body of an error: reading it is cheaper than reconnecting
_NO_HEADERS = CIMultiDict[str]()


class Fetcher:
    """The effects `fetch` and `robots`. An async context manager, which closes the connections.

    *own* says of a host whether `Settings.headers` may go to it, and whether a redirect to it may
    lead into a private network by name. *wall_ns* is UTC in nanoseconds since 1970; *monotonic_ns*
    measures. *resolver* looks names up instead of the system, and stays its owner's to close.

    Entering raises `UsageError` for a CA file that can't be read. The effects raise nothing but
    cancellation: every failure of the web is an outcome.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        own: Callable[[str], bool],
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._settings = settings
        self._own = own
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self._resolver = resolver
        self._headers = CIMultiDict(settings.headers)
        self._proxies: dict[str, URL] = {}
        self._sockets = Sockets()
        self._sockets_max = max(KEPT_OPEN_MAX, 2 * settings.concurrency)

    async def __aenter__(self) -> Self:
        resolver = self._resolver or aiohttp.ThreadedResolver()
        self._session = new_session(self._settings, resolver, self._sockets)
        self._wary_session = new_session(self._settings, PublicResolver(resolver), self._sockets)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):  # who cancels a crawl wants its connections closed
            await self._session.close()
            await self._wary_session.close()

    async def fetch(self, target: Target, proxy: Proxy, start: Callable[[], None]) -> FetchOutcome:
        """Fetch a page with at most one request on the wire.

        *start* is called once, in the step of the event loop that writes the request to its socket,
        and never when it comes to no request (no connection, say).
        """
        wary = target.hops > 0 and not is_private_host(host_of(target.requested_url))
        most_bytes = self._settings.max_body_bytes
        answer = await self._ask(target.url, proxy, start, wary, most_bytes)
        return answer if isinstance(answer, Failed) else fetch_outcome(target.url, answer)

    async def robots(
        self, job: RobotsJob, proxy: Proxy, start: Callable[[], None]
    ) -> RobotsOutcome:
        """Fetch a robots.txt; as `fetch` in all else. What follows 500 KiB is not read."""
        wary = job.hops > 0 and not is_private_host(host_of(job.authority))
        answer = await self._ask(job.url, proxy, start, wary, ROBOTS_BYTES_MAX)
        if isinstance(answer, Failed):
            return answer
        return robots_outcome(job, answer, self._settings.user_agent)

    async def _ask(
        self, url: str, proxy: Proxy, start: Callable[[], None], wary: bool, most_bytes: int
    ) -> Answer | Failed:
        """Return the answer to a GET, its body cut at *most_bytes*, or the failure.

        *wary*: the URL is where a public host redirected to.
        """
        host = host_of(url)
        sending = Sending(start, self._monotonic_ns)
        wary = wary and proxy.url is None and not self._own(host)
        session = self._wary_session if wary else self._session
        try:
            async with session.get(
                URL(url, encoded=True),
                headers=self._headers_for(host),
                proxy=self._proxy_url(proxy),
                middlewares=(sending.once,),
                allow_redirects=False,
            ) as response:
                body, cut = await _body(response, most_bytes)
        except _FAILURES as error:
            return _failed(error, proxy)
        elapsed_ns = self._monotonic_ns() - sending.began_ns
        return Answer(response.status, response.headers, body, cut, self._wall_ns(), elapsed_ns)

    def _headers_for(self, host: str) -> CIMultiDict[str]:
        headers = self._headers if self._headers and self._own(host) else _NO_HEADERS
        if len(self._sockets) > self._sockets_max:
            return CIMultiDict(headers, Connection="close")
        return headers

    def _proxy_url(self, proxy: Proxy) -> URL | None:
        if proxy.url is None:
            return None
        found = self._proxies.get(proxy.url)
        if found is None:
            found = self._proxies[proxy.url] = URL(proxy.url)
        return found


async def _body(response: ClientResponse, most_bytes: int) -> tuple[bytes, bool]:
    """Return the body, and whether it was cut; that of a redirect or an error matters to nobody."""
    if 200 <= response.status < 300:
        return await _read(response, most_bytes)
    with suppress(*_FAILURES):  # the status stands, whatever becomes of the rest
        await _read(response, _LEFTOVER_BYTES_MAX)
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
    (Forbidden, "redirect", "a redirect led to a name with a private address", False),
    (aiohttp.ClientConnectorDNSError, "dns", "the name has no address", True),
    (aiohttp.ClientProxyConnectionError, "proxy", "no connection to the proxy", True),
    (aiohttp.ClientHttpProxyError, "proxy", "the proxy refused the tunnel", True),
    (aiohttp.ClientConnectorCertificateError, "tls", "the certificate is not trusted", False),
    (ssl.SSLError, "tls", "the TLS connection failed", True),
    (TimeoutError, "timeout", "no complete answer in time", True),
    (aiohttp.ClientConnectorError, "connect", "no connection", True),
    (ContentEncodingError, "protocol", "the body does not decompress", True),
    (aiohttp.ClientPayloadError, "dropped", "the body is incomplete", True),
    (aiohttp.ClientResponseError, "protocol", "the answer is not valid HTTP", True),
    (OSError, "dropped", "the connection broke", True),
    (aiohttp.ClientError, "protocol", "the answer is not valid HTTP", True),
)
"""What each exception of the HTTP client and the system means: the first row that fits counts.
Class, kind of failure, reason, and whether another attempt may help."""

_FAILURES = tuple(row[0] for row in _CAUSES)


def _failed(error: Exception, proxy: Proxy) -> Failed:
    """Return the outcome of an exception. Its own text is never shown: it may name the proxy."""
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
