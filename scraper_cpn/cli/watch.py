"""Watching a crawl of many workers: `scrape status --database ... --follow` and `--metrics PORT`.

Owns: how often it is looked at, the paths that are served.
Must not know: how a status is read, its words, the names of metrics.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import anyio
from aiohttp import web
from anyio import to_thread

from scraper_cpn.cli.words import DONE, Words, print_result
from scraper_cpn.scrape.many.crawls import Known
from scraper_cpn.scrape.many.status import ManyStatus, many_status
from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.show.many import many_lines
from scraper_cpn.show.metrics import METRICS_TYPE, live_page, metrics_text
from scraper_cpn.store.port import StoreError

LOOK_SECONDS = 2.0
"""How often a crawl is looked at: a look counts what waits, and reads the failed log."""
LOOPBACK = "127.0.0.1"


class Looking:
    """The status of a crawl, looked at when the last look is old."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._turn = anyio.Lock()
        self._status: ManyStatus | None = None
        self._until = 0.0

    async def status(self) -> ManyStatus:
        """The status, at most `LOOK_SECONDS` old. Raises `StoreError`."""
        async with self._turn:
            if self._status is None or anyio.current_time() >= self._until:
                self._status = await to_thread.run_sync(many_status, self._known)
                self._until = anyio.current_time() + LOOK_SECONDS
            return self._status


def watch(words: Words, known: Known, *, follow: bool, port: int | None) -> int:
    """Show a crawl again and again until it has ended, or serve its metrics until Ctrl-C; or both.

    Raises:
        UsageError: the port can't be listened on.
        StoreError: the database can't be read.
    """
    anyio.run(_watch, words, Looking(known), follow, port)
    return DONE


async def _watch(words: Words, looking: Looking, follow: bool, port: int | None) -> None:
    runner = web.AppRunner(_application(looking))
    try:
        if port is not None:
            await _serve(runner, port)
        while follow:
            status = await looking.status()
            print_result(words, status, many_lines(status))
            sys.stdout.flush()
            if status.ended is not None:
                return
            await anyio.sleep(LOOK_SECONDS)
        await anyio.sleep_forever()
    finally:
        await runner.cleanup()


async def _serve(runner: web.AppRunner, port: int) -> None:
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, port).start()
    except OSError as error:
        raise UsageError(
            f"--metrics: can't listen on {LOOPBACK}:{port}: {error.strerror}"
        ) from None
    address = f"http://{LOOPBACK}:{runner.addresses[0][1]}/"
    sys.stderr.write(f"a page: {address}  metrics: {address}metrics\n")


def _application(looking: Looking) -> web.Application:
    """The page and the metrics. Nobody is asked who they are, so it listens on the loopback."""

    async def page(_: web.Request) -> web.Response:
        return await _answer(looking, live_page, "text/html; charset=utf-8")

    async def metrics(_: web.Request) -> web.Response:
        return await _answer(looking, metrics_text, METRICS_TYPE)

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/metrics", metrics)
    return app


async def _answer(
    looking: Looking, written: Callable[[ManyStatus], str], kind: str
) -> web.Response:
    try:
        text = written(await looking.status())
    except StoreError as error:
        return web.Response(status=503, text=f"{error}\n")
    return web.Response(body=text.encode(), headers={"Content-Type": kind})
