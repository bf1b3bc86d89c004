"""What fetching asks of an HTTP client, and what it gets.

Owns: the port between `fetch` and the clients (`client_aiohttp`, `client_pyreqwest`), the limits that both keep,
and which of them a crawl uses.
Must not know: pages, robots.txt, what an answer means, the net.

A client sends a request at most once, follows no redirect, keeps no cookies, sends no Referer, reads no
environment, speaks HTTP/1.1 and caps no connections: all of that is coordination, and the net's.
"""

import errno
from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from scraper_cpn.scrape.colours import Failed, Proxy

KEEP_ALIVE_S = 4.0
"""How long an idle connection is kept: less than the 5 s of common servers, so that a request is
rarely sent into a connection that the server is closing."""
LEFTOVER_BYTES_MAX = 65_536
"""Of the body of an error: reading it is cheaper than connecting again."""
ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.8"

NO_PUBLIC_ADDRESS = "the name has no public address; --allow-private permits others"
"""Why a request with `Ask.wary` fails where DNS knows only others."""
NO_FILE_ERRORS = (errno.EMFILE, errno.ENFILE)
"""This process, or the system, has as many files open as it may."""


class Sending:
    """One request on its way: calls *start* when it is written, and knows when that was."""

    __slots__ = ("_monotonic_ns", "_start", "began_ns")

    def __init__(self, start: Callable[[], None], monotonic_ns: Callable[[], int]) -> None:
        self._start = start
        self._monotonic_ns = monotonic_ns
        self.began_ns = 0

    def begin(self) -> None:
        """The request is written, in this step of the event loop or before."""
        self.began_ns = self._monotonic_ns()
        self._start()


class Ask(Struct, frozen=True, gc=False):
    """A GET."""

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


class Reply(Struct, frozen=True, gc=False):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    """Looked up whatever the case of a name; see `Answer.headers`."""
    body: bytes
    """Empty for a status that is not 2xx."""
    cut: bool
    """Whether the body goes on after *most_bytes*."""


def no_file() -> Failed:
    """Return what becomes of a request for which there is no socket: neither the host nor a proxy is to blame."""
    return Failed("connect", "no connection (too many open files)", retry=True)


class Client(Protocol):
    """An HTTP client. Between `open` and `close` it answers any number of GETs at a time."""

    async def open(self) -> None:
        """Get ready. Raises `UsageError` for a file of settings that can't be read."""

    async def close(self) -> None:
        """Close all connections."""

    async def get(self, ask: Ask) -> Reply | Failed:
        """Send one request at most, and return the answer or what became of it.

        Raises nothing but cancellation and what `Ask.sending` raises.
        """
