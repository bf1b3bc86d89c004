"""Count the wrong bodies that servers bring about which send answers that nobody asked for: `python -m bench.bodies`.

Owns: which clients, ways and moments are tried, and the table of what came of them.
Must not know: how a client keeps answers apart.
"""

import argparse
import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import trustme

from mocks.injecting import SURPLUS, InjectingServer, Moment, body_of
from mocks.injecting_http2 import InjectingServer2, Moment2
from scraper_cpn.scrape.colours import Failed, Fetched, Proxy, Target
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.settings import SECOND, Settings
from tests.servers import Asked, Server, Step, Tunnel
from tests.socks import Socks

CLIENTS = ("aiohttp", "httpx")
WAYS = ("direct", "proxy", "SOCKS")
HERE = ("http://127.0.0.1/", "http://localhost/")
PAGES = 4
AT_ONCE = 12
"""Servers."""
ANSWERS = ("answer", "redirect", "chunks", "half", "head")
INSIDE = (Moment.AFTER_HEAD, Moment.IN_BODY)
"""Where garbage is a part of the server's own answer."""
Origin = InjectingServer | InjectingServer2


def tls() -> ssl.SSLContext:
    """Return what an encrypted server needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def origins(scheme: str) -> Iterator[Origin]:
    """Yield a server for each moment and each thing that is sent then."""
    if scheme == "HTTP/2":
        for moment2 in Moment2:
            yield from (InjectingServer2(moment2, tls(), while_s=late) for late in (0.0, 0.02))
        return
    for moment in Moment:
        for surplus in (*ANSWERS, *(["garbage"] if moment not in INSIDE else [])):
            yield InjectingServer(
                moment, SURPLUS[surplus], tls=tls() if scheme == "HTTPS" else None
            )


@asynccontextmanager
async def reached(origin: Origin, scheme: str, way: str) -> AsyncIterator[tuple[str, Proxy]]:
    """Yield the root at which *origin* is asked, and the proxy."""

    def tunnel(_: Asked) -> Sequence[Step]:
        return [b"HTTP/1.1 200 OK\r\n\r\n", Tunnel(origin.port)]

    running: AbstractAsyncContextManager[Origin] = origin
    async with running:
        if way == "direct":
            yield origin.root, Proxy("direct")
        elif way == "SOCKS":
            async with Socks(origin.port) as socks:
                root = origin.root.replace("127.0.0.1", "localhost")
                yield root, Proxy("p", url=f"socks5://127.0.0.1:{socks.port}")
        elif scheme == "HTTP":
            yield "http://localhost:1", Proxy("p", url=origin.root)
        else:
            async with Server(tunnel) as proxy:
                yield origin.root, Proxy("p", url=proxy.url)


async def trial(fetcher: Fetcher, root: str, path: str, proxy: Proxy) -> str:
    """Fetch a page, and return whether it is the right one."""
    url = root + path
    target = Target(url=url, requested_url=url, domain="d", origin="a", site="s")
    outcome = await fetcher.fetch(target, proxy, lambda: None)
    if isinstance(outcome, Failed):
        return "failed"
    bodies = (body_of(path), body_of(url))  # a proxy is asked for the whole URL
    return "right" if isinstance(outcome, Fetched) and outcome.response.body in bodies else "wrong"


async def tried(client: str, scheme: str, way: str) -> Counter[str]:
    """Fetch some pages of each server, one after another without a pause, and count what came of them."""
    found = Counter[str]()
    waiting = origins(scheme)

    async def work() -> None:
        for origin in waiting:
            async with reached(origin, scheme, way) as (root, proxy):
                found.update(await pages(client, root, proxy))

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return found


async def pages(client: str, root: str, proxy: Proxy) -> list[str]:
    """Fetch some pages, and return what came of each."""
    settings = Settings(timeout_ns=3 * SECOND, fetcher=client, insecure=True)
    async with Fetcher(settings, seeds=HERE) as fetcher:
        return [await trial(fetcher, root, f"/{number}", proxy) for number in range(PAGES)]


async def table(clients: Sequence[str]) -> None:
    """Print a row for each client, scheme and way."""
    print("| client | | way | requests | right page | attempt failed | wrong body |")
    print("|---|---|---|---:|---:|---:|---:|")
    for client in clients:
        for scheme in ("HTTP", "HTTPS", *(["HTTP/2"] if client == "httpx" else [])):
            for way in WAYS:
                found = await tried(client, scheme, way)
                counts = (found.total(), found["right"], found["failed"], found["wrong"])
                cells = " | ".join(f"{count:,}" for count in counts)
                print(f"| {client} | {scheme} | {way} | {cells} |", flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("clients", nargs="*", default=CLIENTS)
    asyncio.run(table(options.parse_args().clients))
