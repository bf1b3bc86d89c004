"""What tests of fetching share: how a URL is fetched, and names without a name server."""

from collections.abc import Callable, Sequence
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from scraper_cpn.scrape.asking import ready
from scraper_cpn.scrape.colours import (
    Failed,
    Fetched,
    FetchOutcome,
    Link,
    Proxy,
    RequestTarget,
    RobotsJob,
    Target,
)
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.request import PLAIN
from scraper_cpn.scrape.settings import Settings
from tests.servers import Server, Step

CLIENTS = ("aiohttp", "httpx")
"""The clients that the contract is tested for; the second one gives to the first one what is not HTTP/2."""
DIRECT = Proxy("direct")
HERE = ("http://127.0.0.1/", "http://localhost/", "http://[::1]/")
"""Seeds that let requests go to servers on this machine; no server has their port, so none gets headers."""


def target(url: str, **changes: Any) -> Target:
    """Return the target of a URL."""
    changes = {"requested_url": url, **changes}
    return Target(url=url, domain="d", origin="a", site="s", **changes)


def asking(url: str, **options: Any) -> Target:
    """Return the target of a link with these options; see `Link`."""
    link = ready(Link(url, **options))
    assert link is not None
    return RequestTarget(
        url=url, requested_url=url, domain="d", origin="a", site="s", request=link.request or PLAIN
    )


def job(server: Server) -> RobotsJob:
    """Return the job of a server's robots.txt."""
    url = f"{server.url}/robots.txt"
    return RobotsJob(origin=server.url, url=url, domain="d", home="d")


def not_started() -> None:
    """For requests whose start matters to nobody."""


async def get(
    fetcher: Fetcher,
    url: str,
    proxy: Proxy = DIRECT,
    start: Callable[[], None] = not_started,
    **changes: Any,
) -> FetchOutcome:
    """Fetch a URL."""
    return await fetcher.fetch(target(url, **changes), proxy, start)


async def outcome_of(steps: Sequence[Step] | bytes, limits: Settings) -> tuple[FetchOutcome, int]:
    """Return the outcome of a page of a server that answers so, and how often it was asked."""
    async with Server(lambda _: steps) as server, Fetcher(limits, seeds=HERE) as fetcher:
        return await get(fetcher, f"{server.url}/"), len(server.asked)


def kind_of(outcome: FetchOutcome) -> str:
    """Return the kind of a failure, or `fetched`."""
    if isinstance(outcome, Failed):
        return outcome.kind
    assert isinstance(outcome, Fetched)
    return "fetched"


def proxy_at(server: Server) -> Proxy:
    """Return a server as a proxy with credentials."""
    return Proxy(
        f"http://user@127.0.0.1:{server.port}",
        url=f"http://%D0%BF:pass%3Aw%40rd@127.0.0.1:{server.port}",
    )


class Names(AbstractResolver):
    """A resolver that knows some names and keeps what it was asked."""

    def __init__(self, **addresses: str) -> None:
        self.addresses = {name.replace("_", "."): found for name, found in addresses.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        """Look a name up."""
        self.asked.append(host)
        if host not in self.addresses:
            raise OSError(None, "unknown name")
        return [
            ResolveResult(hostname=host, host=found, port=port, family=family, proto=0, flags=0)
            for found in self.addresses[host].split()
        ]

    async def close(self) -> None:
        """Nothing to close."""
