"""The client on pyreqwest (reqwest, in Rust), with all that it would coordinate by itself turned off.

Owns: a reqwest client for each proxy, how many connections may be kept, the limit of size, and the table that
names each failure.
Must not know: pages, robots.txt, what an answer means, the net.

What it can't do, and what follows:

- It does not tell when a request is written. A start is dated when the head of the answer is there, or the
  request is cancelled: never too early, so that no pause on the wire is shorter than it was meant, and too late
  by the time that the head took.
- No hook finds addresses. Where only public ones are permitted, names are looked up before (`destinations`), and
  once more by reqwest: their owner may give it another answer. So plain HTTP goes through aiohttp then, and so
  does all with --insecure; otherwise a server with a private address has no certificate for the name.
- It trusts the origins of the system, and can't be told to trust others instead: no CA file.
- A cancelled request keeps its connection until its head has arrived, or its time limit has.
- Connections through a proxy are kept for each host, where aiohttp has one pool for the proxy.
- A head with more than 100 fields, with control characters or with folded lines is a failure; so is raw
  deflate without the frame of zlib. Of gzip in several members the first is read. A Location with bytes that are
  not ASCII can't be read.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING

from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError, RequestError, RequestTimeoutError
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.response import Response

from scraper_cpn.scrape.colours import Failed, Proxy
from scraper_cpn.scrape.fetch.client import (
    ACCEPT,
    KEEP_ALIVE_S,
    LEFTOVER_BYTES_MAX,
    NO_FILE_ERRORS,
    Ask,
    Reply,
    no_file,
)
from scraper_cpn.scrape.fetch.open_files import kept_open_max
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.urls import origin_of

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from scraper_cpn.scrape.fetch.client_aiohttp import AiohttpClient


KEPT_OPEN_MAX = 4_096
"""No more connections are kept open; see `kept_open_max`. One costs 50 kB."""


class PyreqwestClient:
    """The client; see `Client`. `check_client` keeps settings from it that it can't follow.

    A proxy costs 3 ms and 120 kB when it is first used.
    """

    def __init__(self, settings: Settings, resolver: "AbstractResolver | None" = None) -> None:
        self._settings = settings
        self._resolver = resolver
        self._headers = list(settings.headers)
        self._clients: dict[str | None, Client] = {}
        self._wary: AiohttpClient | None = None
        self.connections = Connections()
        self._connections_max = kept_open_max(settings.concurrency, KEPT_OPEN_MAX)

    async def open(self) -> None:
        """Nothing to do: what is needed is made when it is needed."""

    async def close(self) -> None:
        """Close all connections, but those of cancelled requests."""
        for client in self._clients.values():
            await client.close()
        self._clients.clear()
        if self._wary is not None:
            await self._wary.close()

    async def get(self, ask: Ask) -> Reply | Failed:
        """Send a GET; it is dated as started when the head of the answer is there."""
        if ask.wary and (self._settings.insecure or ask.url.startswith("http:")):
            return await (await self._wary_client()).get(ask)
        key = (ask.proxy.url, origin_of(ask.url))
        self.connections.begin(key)
        try:
            return await self._get(ask)
        finally:
            self.connections.end(key)

    async def _get(self, ask: Ask) -> Reply | Failed:
        try:
            request = self._client(ask.proxy).get(ask.url)
        except ValueError:  # its parser of URLs is not ours
            return Failed("protocol", "pyreqwest can't ask for this URL", retry=False)
        begun = False
        try:
            request = request.headers(self._headers_for(ask.own))
            # Nothing of the body is read ahead: the status stands, whatever becomes of the rest.
            async with request.streamed_read_buffer_limit(0).build_streamed() as response:
                begun = True
                ask.sending.begin()
                return await _reply(response, ask.most_bytes)
        except PyreqwestError as error:
            return _failed(error, ask.proxy)
        except asyncio.CancelledError:
            if not begun:
                ask.sending.begin()  # it may be on the wire, and nobody will know
            raise

    def _client(self, proxy: Proxy) -> Client:
        """Return the client of a proxy: one for all would send a request through any of them."""
        found = self._clients.get(proxy.url)
        if found is None:
            found = self._clients[proxy.url] = new_client(self._settings, proxy.url)
        return found

    def _headers_for(self, own: bool) -> list[tuple[str, str]]:
        headers = self._headers if own else []
        if self.connections.count > self._connections_max:
            return [*headers, ("Connection", "close")]
        return headers

    async def _wary_client(self) -> "AiohttpClient":
        if self._wary is None:
            from scraper_cpn.scrape.fetch.client_aiohttp import AiohttpClient

            # There are few such requests; what both clients kept would be too much together.
            self._wary = AiohttpClient(self._settings, self._resolver, kept_max=0)
            await self._wary.open()
        return self._wary


class Connections:
    """How many connections may be open: for each key the most requests that ran at a time lately.

    An upper bound: reqwest says of no connection whether it is kept. *monotonic_s* measures.
    """

    def __init__(self, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self.count = 0
        self._monotonic_s = monotonic_s
        self._uses: OrderedDict[Hashable, _Use] = OrderedDict()
        """The key used last is the last one."""

    def begin(self, key: Hashable) -> None:
        """A request begins."""
        use = self._uses.setdefault(key, _Use())
        use.running += 1
        if use.running > use.most:
            use.most += 1
            self.count += 1
        self._forget()

    def end(self, key: Hashable) -> None:
        """It has ended, and its connection may be kept for `KEEP_ALIVE_S`."""
        use = self._uses[key]
        use.running -= 1
        use.until_s = self._monotonic_s() + KEEP_ALIVE_S
        self._uses.move_to_end(key)

    def _forget(self) -> None:
        """Look at the two keys used longest ago; drop those whose connections are closed by now."""
        now_s = self._monotonic_s()
        for key, use in list(islice(self._uses.items(), 2)):
            if use.running:
                self._uses.move_to_end(key)
            elif use.until_s <= now_s:
                self.count -= use.most
                del self._uses[key]


class _Use:
    """The requests with one key."""

    __slots__ = ("most", "running", "until_s")

    def __init__(self) -> None:
        self.most = self.running = 0
        self.until_s = 0.0


def new_client(settings: Settings, proxy: str | None) -> Client:
    """Return a client that does what it is told and no more."""
    builder = (
        ClientBuilder()
        .http1_only()
        .follow_redirects(False)
        .referer(False)
        .no_proxy()
        .user_agent(settings.user_agent)
        .default_headers([("Accept", ACCEPT)])
        .timeout(timedelta(seconds=settings.timeout_ns / SECOND))
        .pool_idle_timeout(timedelta(seconds=KEEP_ALIVE_S))
        .danger_accept_invalid_certs(settings.insecure)
    )
    return (builder if proxy is None else builder.proxy(ProxyBuilder.all(proxy))).build()


async def _reply(response: Response, most_bytes: int) -> Reply | Failed:
    status = response.status
    if 200 <= status < 300:
        if (_header(response, "Content-Encoding") or "").lower() in _PACKED:
            return Failed("protocol", "the body is compressed as nobody asked for", status)
        headers = {"Content-Type": _header(response, "Content-Type") or ""}
        return Reply(status, headers, *await _read(response, most_bytes))
    with suppress(RequestError):  # the status stands, whatever becomes of the rest
        await _read(response, LEFTOVER_BYTES_MAX)
    found = {name: _header(response, name) for name in ("Location", "Retry-After")}
    if 300 <= status < 400 and found["Location"] == "":
        return Failed("redirect", _UNREADABLE, status, retry=False)
    return Reply(status, {name: text for name, text in found.items() if text}, b"", cut=False)


def _header(response: Response, name: str) -> str | None:
    """Return a header; empty where it is not ASCII, and None where it is absent."""
    try:
        return response.get_header(name)
    except ValueError:
        return ""


async def _read(response: Response, most_bytes: int) -> tuple[bytes, bool]:
    """Return at most *most_bytes* of the body, and whether there is more."""
    pieces, size = list[bytes](), 0
    while (piece := await response.body_reader.read_chunk()) is not None:
        pieces.append(bytes(piece))
        size += len(piece)
        if size > most_bytes:  # a connection with an unread rest is closed by reqwest
            return b"".join(pieces)[:most_bytes], True
    return pieces[0] if len(pieces) == 1 else b"".join(pieces), False


_PACKED = {"gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress"}
"""What Content-Encoding may say of a body that was not unpacked: of what was, it is taken away."""
_UNREADABLE = "a redirect to an address that is not ASCII, which pyreqwest can't read"
_NO_CERTIFICATE = "invalid peer certificate: "
_DETAIL_CHARS_MAX = 200
_NO_WAY = "failed to create underlying connection"

_CAUSES: tuple[tuple[str, str, str, bool], ...] = (
    (_NO_WAY, "proxy", "no connection to the proxy", True),
    (
        "tunnel error: unexpected end of file",
        "dropped",
        "the connection broke before the answer",
        True,
    ),
    ("tunnel error", "proxy", "the proxy refused the tunnel", True),
    (_NO_CERTIFICATE, "tls", "the certificate is not trusted", False),
    ("dns error", "dns", "the name has no address", True),
    ("tcp open error", "connect", "no connection", True),
    ("tcp connect error", "connect", "no connection", True),
    ("client error (Connect)", "tls", "the TLS connection failed", True),
    (
        "connection closed before message completed",
        "dropped",
        "the connection broke before the answer",
        True,
    ),
    ("end of file before message length reached", "dropped", "the body is incomplete", True),
    ("unexpected EOF during chunk size line", "dropped", "the body is incomplete", True),
    ("os error", "dropped", "the connection broke", True),
    (
        "client error (SendRequest)",
        "protocol",
        "the answer is not valid HTTP, or its head is too long",
        True,
    ),
    (
        "error reading a body from connection",
        "protocol",
        "the answer is not valid HTTP, or its head is too long",
        True,
    ),
    ("response body error", "protocol", "the body does not decompress", True),
    ("", "protocol", "the answer is not valid HTTP, or its head is too long", True),
)
"""What the causes of an error say in the words of reqwest, hyper and rustls; the first row that is found."""


def _failed(error: PyreqwestError, proxy: Proxy) -> Failed:
    """Return the outcome of an exception. Its own text is never shown: it may name the proxy."""
    if isinstance(error, RequestTimeoutError):
        return Failed("timeout", "no complete answer in time")
    causes = [cause["message"] for cause in getattr(error, "details", {}).get("causes") or ()]
    said = "\n".join(cause for cause in causes if " for url (" not in cause)
    if any(f"(os error {number})" in said for number in NO_FILE_ERRORS):
        return no_file()
    _, kind, reason, retry = next(row for row in _CAUSES if row[0] in said)
    if proxy.url is not None and kind in ("dns", "connect"):  # nobody else is connected to
        kind, reason = "proxy", _PROXY_REASONS[kind]
    if kind == "tls" and _NO_CERTIFICATE in said:
        why = said.partition(_NO_CERTIFICATE)[2].partition("\n")[0]
        reason = f"{reason} ({why[:_DETAIL_CHARS_MAX]})"
    return Failed(kind, reason, retry=retry)


_PROXY_REASONS = {
    "dns": "the proxy's name has no address",
    "connect": "no connection to the proxy",
}
