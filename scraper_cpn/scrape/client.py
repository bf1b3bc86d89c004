"""What fetching asks of an HTTP client, and what it gets.

Owns: the port between `fetch` and the clients (`client_aiohttp`, `client_pyreqwest`), the limits that both keep,
and which of them a crawl uses.
Must not know: pages, robots.txt, what an answer means, the net.

A client sends a request at most once, follows no redirect, keeps no cookies, sends no Referer, reads no
environment, speaks HTTP/1.1 and caps no connections: all of that is coordination, and the net's.
"""

import errno
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from scraper_cpn.scrape.colours import Failed, Proxy
from scraper_cpn.scrape.open_files import check_files
from scraper_cpn.scrape.settings import Settings, UsageError

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

KEEP_ALIVE_S = 4.0
"""How long an idle connection is kept: less than the 5 s of common servers, so that a request is
rarely sent into a connection that the server is closing."""
LEFTOVER_BYTES_MAX = 65_536
"""Of the body of an error: reading it is cheaper than connecting again."""
ACCEPT = "text/html,application/xhtml+xml,*/*;q=0.8"

_EXTRA = "pip install 'scraper-cpn[fast]'"


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
    """Whether the host must have a public address: a public host redirected here. Never through a
    proxy, which looks names up by itself."""


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


def new_client(settings: Settings, resolver: "AbstractResolver | None" = None) -> Client:
    """Return the client that the settings name, not yet open.

    *resolver* looks names up instead of the system, as far as the client lets anyone do that, and stays
    its owner's to close. Raises `UsageError`; see `check_client` and `check_files`.
    """
    check_client(settings)
    check_files(settings.concurrency)
    if settings.fetcher == "pyreqwest":
        from scraper_cpn.scrape.client_pyreqwest import PyreqwestClient

        return PyreqwestClient(settings, resolver)
    from scraper_cpn.scrape.client_aiohttp import AiohttpClient  # takes 80 ms to import

    return AiohttpClient(settings, resolver)


def check_client(settings: Settings) -> None:
    """Raise `UsageError` where the client is not installed, or can't do what the settings want."""
    if settings.fetcher == "aiohttp":
        return
    if not is_here(settings.fetcher):
        raise UsageError(f"fetcher: {settings.fetcher} is not installed; install it with {_EXTRA}")
    if settings.cacert is not None:
        raise UsageError(
            f"cacert: {settings.fetcher} can't trust a file alone; leave out fetcher, or cacert"
        )


def is_here(module: str) -> bool:
    """Whether a library that is not needed is installed."""
    from importlib.util import find_spec  # takes 7 ms, for those who choose their client

    return find_spec(module) is not None
