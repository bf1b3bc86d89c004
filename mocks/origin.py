"""The shared state of a loopback server's connections: the web, its log, and what is asked of clients.

Owns: which answer a request gets, and the form in which it is sent now.
Must not know: listening, the life of a connection.
"""

import asyncio
import base64
import gzip

from mocks.request import Head, Resource
from mocks.wirelog import WireLog
from scraper_cpn.simulate.web import ROBOTS_PATHS, CountedWeb, SyntheticWeb, WebAnswer, WebSpec

_LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")

Headers = tuple[tuple[str, str], ...]


class Origin:
    """A synthetic web that is being served.

    Args:
        spec: the web. ValueError when a knob is out of range.
        log: where every request is recorded.
        compress: whether clients that accept gzip get it.
        credentials: user and password that proxies want.
    """

    def __init__(
        self,
        spec: WebSpec,
        log: WireLog,
        *,
        compress: bool = False,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self.web = SyntheticWeb(spec)
        self.log = log
        self.stall_s = spec.stall_ns / 1e9
        self.transports: set[asyncio.Transport] = set()
        self.closing = False
        """Whether new connections are ended at once."""
        self._live = CountedWeb(self.web)
        self._compress = compress
        self._token = _basic(*credentials) if credentials else None

    def trusts(self, head: Head) -> bool:
        """Whether a request to a proxy has the right credentials."""
        return self._token is None or head.headers.get("proxy-authorization") == self._token

    def answer(self, resource: Resource) -> WebAnswer:
        """The answer to a request; a name of this machine stands for the first host."""
        host = self.web.hosts[0] if resource.host in _LOCAL_NAMES else resource.host
        return self._live.answer(host, resource.path)

    def encode(self, answer: WebAnswer, head: Head, utc_ns: int) -> tuple[Headers, bytes]:
        """Headers and body as they are sent at *utc_ns*: Retry-After, and gzip where wanted."""
        headers = answer.headers_at(utc_ns)
        if self._compress and answer.body and "gzip" in head.headers.get("accept-encoding", ""):
            return (*headers, ("Content-Encoding", "gzip")), gzip.compress(answer.body, 1)
        return headers, answer.body


def served_rules(resource: Resource, answer: WebAnswer) -> str | None:
    """The text of a robots.txt, where that is what *answer* serves."""
    return answer.body.decode() if resource.path in ROBOTS_PATHS and answer.status == 200 else None


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
