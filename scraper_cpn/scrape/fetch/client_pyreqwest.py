"""The client on pyreqwest (reqwest, in Rust) for HTTPS, with all that it would coordinate by itself turned off.

Owns: which requests go through pyreqwest, a reqwest client for each proxy, and the table that names each failure.
Must not know: pages, robots.txt, what an answer means.

What it can't do, and what follows:

- It does not show its connections: whether bytes wait on one before a request is written, nobody can tell. So each
  request has a connection of its own, and no answer can become that of another request. Plain HTTP, on which anybody
  on the way may put an answer, goes through the client on aiohttp.
- It can't listen before it asks: an answer that a server sends on connecting becomes that to the first request. HTTP/2 alone
  (`http2_prior_knowledge`) would refuse it, but reqwest sends a request again that a server has not read, and no
  option of pyreqwest turns that off: the second one would not be paced. Servers that ignore ALPN would be sent HTTP/2 in vain.
- It does not tell when a request is written. A start is dated when the head of the answer is there, or the
  request is cancelled: never too early, so that no pause on the wire is shorter than it was meant, and too late
  by the time that the head took. Whether it may start is asked before it connects: what a domain asks for
  while a request to it connects comes too late for that request.
- No hook finds addresses. Where only public ones are permitted, names are looked up before (`destinations`), and
  once more by reqwest: their owner may give it another answer. A server with a private address has no
  certificate for the name then; with --insecure, where that says nothing, aiohttp asks.
- An address for one request can't be given: where requests are counted by address, aiohttp asks.
- It trusts the authorities of the system, and can't trust others instead: no CA file.
- A cancelled request keeps its connection until its head has arrived, or its time limit has.
- A head with more than 100 fields is a failure; so is a length that is no number, and a status line in lower case.
  A Location with bytes that are not ASCII can't be read. Nor can a cookie, and none is sent.
"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace
from pyreqwest.client import Client, ClientBuilder
from pyreqwest.exceptions import PyreqwestError, RequestTimeoutError
from pyreqwest.http import HeaderMap
from pyreqwest.proxy import ProxyBuilder
from pyreqwest.request import RequestBuilder
from pyreqwest.response import Response

from scraper_cpn.scrape.colours import Failed, Proxy, Wired
from scraper_cpn.scrape.fetch.answers import brings_page
from scraper_cpn.scrape.fetch.client import (
    ACCEPT,
    NO_FILE_ERRORS,
    NO_LOGIN,
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
from scraper_cpn.scrape.fetch.head import Fields, Head, HeadError, framed, without_body
from scraper_cpn.scrape.settings import SECOND, Settings

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

    from scraper_cpn.scrape.fetch.client_aiohttp import AiohttpClient


class PyreqwestClient:
    """The client; see `Client`. `check_client` refuses settings that it does not support.

    A proxy costs 3 ms and 120 kB when it is first used. *on_surplus* is only called for connections of aiohttp.
    """

    def __init__(
        self,
        settings: Settings,
        resolver: "AbstractResolver | None" = None,
        on_surplus: Callable[[Surplus], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._resolver = resolver
        self._on_surplus = on_surplus
        self._headers = list(settings.headers)
        self._clients: dict[str | None, Client] = {}
        self._other: AiohttpClient | None = None

    async def open(self) -> None:
        """Nothing to do: what is needed is made when it is needed."""

    async def close(self) -> None:
        """Close all connections, but those of cancelled requests."""
        for client in self._clients.values():
            await client.close()
        self._clients.clear()
        if self._other is not None:
            await self._other.close()

    async def send(self, ask: Ask) -> Reply | Failed:
        """Send a request; it is dated as started when the head of the answer is there."""
        if ask.url.startswith("http:") or ask.ip or (ask.wary and self._settings.insecure):
            return await (await self._other_client()).send(ask)
        try:
            request = self._client(ask.proxy).request(ask.request.method, ask.url)
        except ValueError:  # its parser of URLs is not ours
            return Failed("protocol", "pyreqwest can't ask for this URL", retry=False, sent=False)
        if not ask.sending.may_start():
            return withheld()
        begun = False
        try:
            request = _with_headers(request, self._headers if ask.own else [], ask)
            # Nothing of the body is read ahead: the status stands, whatever becomes of the rest.
            async with request.streamed_read_buffer_limit(0).build_streamed() as response:
                begun = True
                ask.sending.begin()
                return await _reply(response, ask, Wired(next_connection(), 1))
        except PyreqwestError as error:
            failed = _failed(error, ask.proxy)
            return replace(failed, sent=begun or failed.kind not in _BEFORE_SENDING)
        except asyncio.CancelledError:
            if not begun:
                ask.sending.begin()  # it may have been sent; that can't be known
            raise

    def _client(self, proxy: Proxy) -> Client:
        """Return the client of a proxy: one for all would send a request through any of them."""
        found = self._clients.get(proxy.url)
        if found is None:
            found = self._clients[proxy.url] = new_client(self._settings, proxy.url)
        return found

    async def _other_client(self) -> "AiohttpClient":
        if self._other is None:
            from scraper_cpn.scrape.fetch.client_aiohttp import AiohttpClient

            self._other = AiohttpClient(self._settings, self._resolver, on_surplus=self._on_surplus)
            await self._other.open()
        return self._other


def _with_headers(
    request: RequestBuilder, crawl: list[tuple[str, str]], ask: Ask
) -> RequestBuilder:
    """Return a request with its body and headers; its own replace those of the crawl that have their names."""
    headers = [each for each in ask.headers_over(crawl) if each[0].lower() != "content-length"]
    cookie = "" if ask.cookie is None else ask.cookie()
    if readable := "; ".join(each for each in cookie.split("; ") if each.isascii()):
        headers.append(("Cookie", readable))
    if ask.request.body:
        request = request.body_bytes(ask.request.body)
    return request.headers(headers) if headers else request


def new_client(settings: Settings, proxy: str | None) -> Client:
    """Return a client without automatic redirects, retries, decompression and cookies."""
    builder = (
        ClientBuilder()
        .http1_only()
        .http1_allow_obsolete_multiline_headers_in_responses(True)
        .http1_allow_spaces_after_header_name_in_responses(True)
        .http1_ignore_invalid_headers_in_responses(True)
        .gzip(False)
        .deflate(False)
        .brotli(False)
        .zstd(False)
        .follow_redirects(False)
        .referer(False)
        .no_proxy()
        .user_agent(settings.agent)
        .default_headers(
            [("Accept", ACCEPT), ("Accept-Encoding", ACCEPTED), ("Connection", "close")]
        )
        .timeout(timedelta(seconds=settings.timeout_ns / SECOND))
        .pool_max_idle_per_host(0)
        .danger_accept_invalid_certs(settings.insecure)
    )
    if proxy is None:
        return builder.build()
    if proxy.startswith("socks5:"):  # names are left to the proxy
        proxy = f"socks5h:{proxy.partition(':')[2]}"
    return builder.proxy(ProxyBuilder.all(proxy)).build()


async def _reply(response: Response, ask: Ask, wired: Wired) -> Reply | Failed:
    fields = _fields(response.headers)
    if fields.get("location") == _UNREADABLE and 300 <= response.status < 400:
        return Failed("redirect", _NO_LOCATION, response.status, retry=False)
    try:
        head = framed(response.status, fields, persistent=False)
        head = without_body(head) if ask.request.method == "HEAD" else head
    except HeadError as error:
        return Failed("protocol", f"the answer is not valid HTTP: {error}", response.status)
    if head.status < 200:
        return Failed("protocol", "the answer switches to a protocol that was not requested")
    body, cut = b"", False
    if brings_page(head.status, fields, ask.also):
        body, cut = await _read(response, head, body_bytes_max(ask.most_bytes, ask.also)(head))
    return await reply_of(head, body, cut, ask.most_bytes, wired, also=ask.also)


def _fields(headers: HeaderMap) -> Fields:
    """Return the fields of a head. pyreqwest does not give access to values that are not ASCII."""
    try:
        return Fields(list(headers.items()))
    except ValueError:
        return Fields([(name, value) for name in headers for value in _readable(headers, name)])


def _readable(headers: HeaderMap, name: str) -> Sequence[str]:
    try:
        return headers.getall(name)
    except ValueError:
        return (_UNREADABLE,)


async def _read(response: Response, head: Head, most_bytes: int) -> tuple[bytes, bool]:
    """Return at most *most_bytes* of the body, and whether there is more.

    hyper takes `Transfer-Encoding: identity` for a body that ends with the connection; the length counts.
    """
    pieces, size = list[bytes](), 0
    end = most_bytes if head.length is None else min(head.length, most_bytes)
    while size < end or head.length is None or head.length > most_bytes:
        if (piece := await response.body_reader.read_chunk()) is None:
            break
        pieces.append(bytes(piece))
        size += len(piece)
        if size > end:  # a connection with an unread rest is closed by reqwest
            break
    body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    return body[:end], size > most_bytes


_BEFORE_SENDING = frozenset({"proxy", "tls", "dns", "connect"})
"""Kinds of failures of a connection that was not made."""
_UNREADABLE = "\ufffd"
_NO_LOCATION = "a redirect to an address that is not ASCII, which pyreqwest can't read"
_NO_CERTIFICATE = "invalid peer certificate: "
_DETAIL_CHARS_MAX = 200
_NO_WAY = "failed to create underlying connection"
_INVALID = "the answer is not valid HTTP"

_CAUSES: tuple[tuple[str, str, str, bool], ...] = (
    (_NO_WAY, "proxy", "no connection to the proxy", True),
    (
        "tunnel error: unexpected end of file",
        "dropped",
        "the connection broke before the answer",
        True,
    ),
    ("SOCKS error: credentials not accepted", "proxy", NO_LOGIN, True),
    ("SOCKS error: server does not support user/pass", "proxy", NO_LOGIN, True),
    ("SOCKS error", "proxy", "the proxy refused the connection", True),
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
    ("invalid HTTP version parsed", "protocol", f"{_INVALID}: no status line", True),
    ("invalid HTTP status-code parsed", "protocol", f"{_INVALID}: no status line", True),
    ("invalid content-length parsed", "protocol", f"{_INVALID}: a false Content-Length", True),
    (
        "unexpected transfer-encoding",
        "protocol",
        f"{_INVALID}: Transfer-Encoding in HTTP/1.0",
        True,
    ),
    ("message head is too large", "protocol", f"{_INVALID}: its head is too long", True),
    ("invalid HTTP header parsed", "protocol", f"{_INVALID}: a field of its head", True),
    ("client error (SendRequest)", "protocol", _INVALID, True),
    ("error reading a body", "protocol", f"{_INVALID}: the body's chunks are damaged", True),
    ("", "protocol", _INVALID, True),
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
    if proxy.url is not None and kind in (
        "dns",
        "connect",
    ):  # the client connects to the proxy only
        kind, reason = "proxy", _PROXY_REASONS[kind]
    if kind == "tls" and _NO_CERTIFICATE in said:
        why = said.partition(_NO_CERTIFICATE)[2].partition("\n")[0]
        reason = f"{reason} ({why[:_DETAIL_CHARS_MAX]})"
    return Failed(kind, reason, retry=retry)


_PROXY_REASONS = {
    "dns": "the proxy's name has no address",
    "connect": "no connection to the proxy",
}
