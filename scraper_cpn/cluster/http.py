"""The channels of a crawl over HTTP, in JSON.

Owns: the paths, and what is said of a mistake. `port.py` does the rest.
Must not know: SQL, workers.

    POST /feed/PLACE               a list of tokens                -> {"fed": 2}, once they are durable
    GET  /consume/SINK?cursor=...  after a cursor; &most=, &wait=  -> {"rows": [...], "cursor": "..."}
    GET  /counts                   tokens in each place            -> {"ended": null, "places": {"waiting": 3}}

Nobody is asked who they are: it is to listen on the loopback, or behind a server that asks.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from scraper_cpn.cluster.crawl import Crawl
from scraper_cpn.cluster.port import LOOK_SECONDS, Port
from scraper_cpn.cluster.work import Work
from scraper_cpn.net import NetError, Place
from scraper_cpn.store.port import StoreError

WAIT_SECONDS_MAX = 60.0
BODY_BYTES_MAX = 64 * 1024 * 1024

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_STATUS = {"ended": 409, "missing": 404}


@asynccontextmanager
async def serving(
    crawl: Crawl, work: Work, *, host: str = "127.0.0.1", port: int = 0
) -> AsyncIterator[int]:
    """Serve a crawl's channels for as long as the context lasts; gives the port that is listened on."""
    channels = Port(crawl, work)
    runner = web.AppRunner(application(channels, work))
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
        channels.close()


def application(port: Port, work: Work) -> web.Application:
    """The paths as an application of aiohttp."""
    paths = _Paths(port, work)
    app = web.Application(middlewares=[_plainly], client_max_size=BODY_BYTES_MAX)
    app.router.add_post("/feed/{place}", paths.feed)
    app.router.add_get("/consume/{sink}", paths.consume)
    app.router.add_get("/counts", paths.counts)
    return app


class _Paths:
    def __init__(self, port: Port, work: Work) -> None:
        self._port = port
        self._work = work

    async def feed(self, request: web.Request) -> web.Response:
        place = self._work.net.places.get(request.match_info["place"])
        if not isinstance(place, Place) or not place.source:
            raise NetError(
                f"net {self._work.net.name}: has no source {request.match_info['place']}"
            )
        colours = msgspec.json.decode(await request.read(), type=list[place.colour])  # type: ignore[name-defined]
        return _json({"fed": await self._port.feed(place, colours)})

    async def consume(self, request: web.Request) -> web.Response:
        sink, given = request.match_info["sink"], request.query
        cursor, most = given.get("cursor", ""), int(_number(given, "most", 1000))
        until = asyncio.get_running_loop().time() + min(_number(given, "wait", 0), WAIT_SECONDS_MAX)
        while True:
            found = await self._port.consume(sink, cursor, most=max(1, most))
            if found.rows or asyncio.get_running_loop().time() >= until:
                return _json({"rows": found.rows, "cursor": found.cursor})
            await asyncio.sleep(LOOK_SECONDS)

    async def counts(self, _: web.Request) -> web.Response:
        return _json({"ended": await self._port.ended(), "places": await self._port.counts()})


@web.middleware
async def _plainly(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Say a mistake in one line."""
    try:
        return await handler(request)
    except (NetError, msgspec.MsgspecError) as error:
        return _json({"error": str(error)}, 400)
    except StoreError as error:
        return _json({"error": str(error)}, _STATUS.get(error.kind, 503))


def _number(given: Any, name: str, usual: float) -> float:
    try:
        number = float(given.get(name, usual))
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e9:
        raise NetError(f"{name}: give a number from 0 up")
    return number


def _json(value: Any, status: int = 200) -> web.Response:
    body = msgspec.json.encode(value)
    return web.Response(body=body, status=status, content_type="application/json")
