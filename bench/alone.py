"""`python -m bench.alone`: the cost of an HTTP client and a parser without a crawler.

Owns: a loop over pages that are known beforehand. It has no robots.txt, no pauses, no links to follow, no
items, and no failures: one ends it.
Must not know: what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import cycle

import anyio
from turbohtml import parse

Get = Callable[[str], Awaitable[bytes]]


def links(body: bytes) -> list[str | None]:
    """The links of a page as written: the page is parsed, but the links are not used."""
    return [node.attr("href") for node in parse(body, positions=False).find_all("a")]


async def by_aiohttp(proxies: Sequence[str], stack: AsyncExitStack) -> Get:
    """One session, one pool, a proxy in turn."""
    import aiohttp
    from yarl import URL

    connector = aiohttp.TCPConnector(limit=0)
    jar = aiohttp.DummyCookieJar()
    session = await stack.enter_async_context(
        aiohttp.ClientSession(connector=connector, cookie_jar=jar, raise_for_status=True)
    )
    turns = cycle([URL(proxy) for proxy in proxies])

    async def get(url: str) -> bytes:
        async with session.get(URL(url, encoded=True), proxy=next(turns)) as response:
            return await response.read()

    return get


CLIENTS = {"aiohttp": by_aiohttp}


async def crawl(fetcher: str, urls: Iterator[str], proxies: Sequence[str], at_once: int) -> None:
    """Fetch and parse all pages, a given number at once."""

    async def work() -> None:
        for url in urls:
            links(await get(url))

    async with AsyncExitStack() as stack:
        get = await CLIENTS[fetcher](proxies, stack)
        await asyncio.gather(*(work() for _ in range(at_once)))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.alone")
    parser.add_argument("seeds", nargs="+", help="the first page of each host")
    parser.add_argument("--pages", type=int, required=True, help="of each host")
    parser.add_argument("--at-once", type=int, required=True, help="requests in flight")
    parser.add_argument("--fetcher", choices=CLIENTS, required=True)
    parser.add_argument("--proxy", action="append", required=True)
    args = parser.parse_args()
    numbers = range(1, args.pages)
    urls = [*args.seeds, *(f"{seed}p/{number}" for number in numbers for seed in args.seeds)]
    anyio.run(crawl, args.fetcher, iter(urls), args.proxy, args.at_once)


if __name__ == "__main__":
    main()
