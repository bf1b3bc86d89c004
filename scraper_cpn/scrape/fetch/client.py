"""The port of HTTP clients: what fetching requires of a client.

Owns: the port between `fetch` and the clients (`client_aiohttp`, `client_httpx`), the limits that both keep,
and which of them a crawl uses.
Must not know: pages, robots.txt, what an answer means, the net.

A client sends a request at most once, follows no redirect, keeps no cookies, sends no Referer, reads no
environment and caps no connections: all of that is coordination, and the net's.
"""

import asyncio
import errno
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Protocol

from msgspec import Struct

from scraper_cpn.scrape.colours import WITHHELD, Failed, Proxy, Wired
from scraper_cpn.scrape.fetch.answers import brings_page
from scraper_cpn.scrape.fetch.codings import ACCEPTED, CodingError, to_undo, unpack
from scraper_cpn.scrape.fetch.head import Head
from scraper_cpn.scrape.request import PLAIN, Request
from scraper_cpn.scrape.settings import Settings

LEFTOVER_BYTES_MAX = 65_536
"""Of the body of an error: reading it is cheaper than connecting again."""
_PACKED_MORE = 64
"""Incompressible data grows by much less than a 64th of its size, and by less than this many times 64 bytes."""
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
"""Methods whose requests need no Content-Length where there is no body (RFC 9110 section 8.6)."""
ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.8"
ACCEPT_JSON = "application/json,*/*;q=0.8"
_JSON_TYPE = "application/json"

NO_PUBLIC_ADDRESS = "the name has no public address; --allow-private permits others"
"""Why a request with `Ask.wary` fails where DNS knows only others."""
NO_LOGIN = "the proxy accepts no such name and password, or wants some"
"""Why a request through SOCKS fails whose proxy did not get as far as the host."""
NO_WAY = "the proxy has no connection to the host"
"""Why a request fails whose proxy works, and says that the host does not answer it: by SOCKS or as a gateway."""
NO_WAY_STATUSES = frozenset({502, 503, 504})
"""What a proxy says then instead of a tunnel (RFC 9110 section 15.6; some say 503)."""
NO_FILE_ERRORS = (errno.EMFILE, errno.ENFILE)
"""This process, or the system, has as many files open as it may."""


def withheld() -> Failed:
    """Return what becomes of a request that was not written: it was no attempt."""
    reason = "its domain was paused, or the crawl was stopped"
    return Failed(WITHHELD, reason, retry=True, sent=False)


class Sending:
    """One request on its way: asks *may_start*, calls *start* when it is written, and knows when that was."""

    __slots__ = ("_may_start", "_monotonic_ns", "_start", "began_ns")

    def __init__(
        self,
        start: Callable[[], None],
        monotonic_ns: Callable[[], int],
        may_start: Callable[[], bool] = lambda: True,
    ) -> None:
        self._start = start
        self._may_start = may_start
        self._monotonic_ns = monotonic_ns
        self.began_ns = 0

    def may_start(self) -> bool:
        """Whether it may be written, in this step of the event loop."""
        return self._may_start()

    def begin(self) -> None:
        """The request is written, in this step of the event loop or before."""
        self.began_ns = self._monotonic_ns()
        self._start()


class Ask(Struct, frozen=True, gc=False):
    """A request."""

    url: str
    """Normalised."""
    proxy: Proxy
    sending: Sending
    most_bytes: int
    """Of the body, decompressed; what follows is not read."""
    own: bool
    """Whether the user's headers go to the host."""
    wary: bool
    """Whether to connect to public addresses only. Never through a proxy, which looks names up by itself."""
    request: Request = PLAIN
    """Its method, headers and body. One that must not be sent twice has a connection of its own: on a kept one, a
    connection that the server has just closed can't be distinguished from a lost answer."""

    also: frozenset[int] = frozenset()
    """Error statuses whose bodies are pages; see `brings_page`."""
    cookie: Callable[[], str] | None = None
    """Returns the Cookie header (empty for none), in the step that writes the request. None for none."""
    ip: str = ""
    """The only address to connect to; empty: any that the host has. A connection that is kept is used for the same one only.
    If *wary*, one that is not public is refused."""

    def headers_over(self, crawl: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """The headers of a crawl and its own, with those that describe its body; its own replace those of a name.

        What sends JSON accepts JSON first, unless the user says what else to accept.
        """
        own, crawl = self._headers(), tuple(crawl)
        if self.request.content_type.startswith(_JSON_TYPE) and not _accepts((*crawl, *own)):
            own = (*own, ("Accept", ACCEPT_JSON))
        named = {name.lower() for name, _ in own}
        return (*(each for each in crawl if each[0].lower() not in named), *own)

    def _headers(self) -> tuple[tuple[str, str], ...]:
        asked = self.request
        kind = (("Content-Type", asked.content_type),) if asked.content_type else ()
        counted = asked.body or asked.method not in _WITHOUT_BODY
        length = (("Content-Length", str(len(asked.body))),) if counted else ()
        return (*asked.headers, *kind, *length)


def _accepts(headers: Iterable[tuple[str, str]]) -> bool:
    """Whether an Accept header is among headers that is not the usual one."""
    return any(name.lower() == "accept" and value != ACCEPT for name, value in headers)


class Reply(Struct, frozen=True, gc=False):
    """An answer."""

    status: int
    headers: Mapping[str, str]
    """Looked up whatever the case of a name; see `Answer.headers`."""
    body: bytes
    """Unpacked. Empty where the answer brings no page; see `brings_page`."""
    cut: bool
    """Whether the body goes on after *most_bytes*."""
    wired: Wired
    reason: str = ""
    """The reason phrase."""
    certificate_hosts: tuple[str, ...] = ()
    """See `Response.certificate_hosts`."""


next_connection = count(1).__next__
"""Returns the number of a new connection."""


class Surplus(Struct, frozen=True, gc=False):
    """A connection was dropped for bytes that belong to no request."""

    origin: str
    proxy: str
    """Its name in logs."""
    connection: int
    requests: int
    """How many were sent on it before."""


def body_bytes_max(most_bytes: int, also: frozenset[int] = frozenset()) -> Callable[[Head], int]:
    """Return what says of a head how much of its body is read, for who wants *most_bytes* unpacked."""

    def wanted(head: Head) -> int:
        if not brings_page(head.status, head.fields, also):
            return LEFTOVER_BYTES_MAX
        return (
            most_bytes + most_bytes // _PACKED_MORE + _PACKED_MORE**2
            if head.codings
            else most_bytes
        )

    return wanted


async def reply_of(
    head: Head,
    packed: bytes,
    cut: bool,
    most_bytes: int,
    wired: Wired,
    certificate_hosts: tuple[str, ...] = (),
    also: frozenset[int] = frozenset(),
) -> Reply | Failed:
    """Return an answer that has arrived, its body unpacked; *cut* as in `Reply`.

    Lets others run between pieces of a body that is unpacked to much.
    """
    if not brings_page(head.status, head.fields, also):
        return Reply(head.status, head.fields, b"", cut=False, wired=wired)
    try:
        names = to_undo(head.codings)
        if names:
            packed, cut = await _unpacked(packed, names, cut, most_bytes)
    except CodingError as error:
        return Failed("coding", str(error), head.status, retry=False)
    return Reply(head.status, head.fields, packed, cut, wired, head.reason, certificate_hosts)


async def _unpacked(
    packed: bytes, names: list[str], cut: bool, most_bytes: int
) -> tuple[bytes, bool]:
    pieces, size = list[bytes](), 0
    for piece in unpack(packed, names, whole=not cut):
        if pieces:
            await asyncio.sleep(0)
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:
            return b"".join(pieces)[:most_bytes], True
    return pieces[0] if len(pieces) == 1 else b"".join(pieces), cut


def no_file() -> Failed:
    """Return the failure of a request for which there is no free file descriptor; neither host nor proxy is to blame."""
    return Failed("connect", "no connection (too many open files)", retry=True, sent=False)


class Client(Protocol):
    """An HTTP client. Between `open` and `close` it answers any number of requests at a time."""

    async def open(self) -> None:
        """Get ready. Raises `UsageError` for a file of settings that can't be read."""

    async def close(self) -> None:
        """Close all connections."""

    async def send(self, ask: Ask) -> Reply | Failed:
        """Send one request at most, and return the answer or what became of it.

        A request that `Ask.sending` withholds is not sent, and fails as `withheld`. A failure says whether the server may
        have processed the request. Raises nothing but
        cancellation and what else `Ask.sending` raises.
        """


def with_usual(settings: Settings, extra: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """The header fields that all requests have, followed by *extra* ones, which replace those of the same name."""
    named = {name.lower() for name, _ in extra}
    usual = [("User-Agent", settings.agent), ("Accept", ACCEPT), ("Accept-Encoding", ACCEPTED)]
    return [*(field for field in usual if field[0].lower() not in named), *extra]
