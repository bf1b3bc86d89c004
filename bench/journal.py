"""The cost of a state in a real crawl: the whole session on asyncio, except HTTP.

Owns: the measurement, with pages of 8 kB and about ten links that are made beforehand.
Must not know: SQL, the content of a batch.

Only the fetcher is replaced, by answers from memory. With a real one a page costs more CPU, and the state
a smaller share of it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

from anyio.lowlevel import checkpoint
from msgspec import Struct

from bench.figures import Figure, spent
from bench.files import cleared
from scraper_cpn.cli.crawl import seldom_collecting
from scraper_cpn.scrape.colours import (
    FetchOutcome,
    Proxy,
    RobotsJob,
    RobotsOutcome,
    Target,
)
from scraper_cpn.scrape.effects import Tools
from scraper_cpn.scrape.fetch.answers import Answer, fetch_outcome, robots_outcome
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.items.outputs import ItemOutput, open_output
from scraper_cpn.scrape.policy import sites_of
from scraper_cpn.scrape.session import Session
from scraper_cpn.scrape.settings import MILLISECOND, Settings
from scraper_cpn.scrape.state.run import CrawlRecord, Opening, first_metadata, opened
from scraper_cpn.simulate.web import SyntheticWeb
from scraper_cpn.simulate.weblayout import split
from scraper_cpn.simulate.webspec import WebSpec
from scraper_cpn.store import sqlite
from scraper_cpn.store.port import Store

PART = "cost of a state"
SETTINGS = Settings(concurrency=256, delay_ns=MILLISECOND)
"""The delay is short, so that pace never holds the crawl up; it is kept all the same."""


KINDS = (("without", False, False), ("with a state", True, False), ("items to a file", False, True))
"""Name, whether there is a state, whether items go to a file."""


class Site(Struct, frozen=True):
    """Answers of a synthetic web, made beforehand."""

    seeds: tuple[str, ...]
    answers: dict[str, Answer]
    pages: int
    links: float
    """On a page, on average."""


class Run(Struct, frozen=True):
    """One crawl from its seeds to its end."""

    pages: int
    wall_s: float
    cpu_s: float
    written_bytes: int

    @property
    def cpu_us(self) -> float:
        """CPU time for a page, in microseconds."""
        return self.cpu_s / self.pages * 1e6


class MockedFetcher(Fetcher):
    """A fetcher whose requests are answered from memory, at once."""

    def __init__(self, settings: Settings, site: Site) -> None:
        super().__init__(settings, seeds=site.seeds)
        self._answers = site.answers
        self._agent = settings.robots_name

    async def fetch(
        self,
        target: Target,
        proxy: Proxy,  # noqa: ARG002  # who calls may name it
        start: Callable[[], None],
        *_: object,
        **__: object,
    ) -> FetchOutcome:
        """The page as it was made."""
        return fetch_outcome(target.url, await self._answer(target.url, start))

    async def robots(
        self, job: RobotsJob, _proxy: Proxy, start: Callable[[], None], *_: object
    ) -> RobotsOutcome:
        """The rules as they were made."""
        return robots_outcome(job, await self._answer(job.url, start), self._agent)

    async def _answer(self, url: str, start: Callable[[], None]) -> Answer:
        start()
        await checkpoint()
        return self._answers[url]


class MockedSession(Session):
    """A session that fetches from memory."""

    site: Site

    def _new_tools(self) -> Tools:
        tools = super()._new_tools()
        tools.fetcher = MockedFetcher(self._settings, self.site)
        return tools


def site_of(hosts: int, pages: int) -> Site:
    """A web with the given numbers of hosts and pages, all answers made beforehand."""
    web = SyntheticWeb(WebSpec(hosts=hosts, pages=pages, links=8, links_out=2, body_bytes=8_000))
    urls = web.pages(scope="domain")
    robots = [f"{seed}robots.txt" for seed in web.seeds()]
    answers = {url: _made(web, url) for url in [*urls, *robots]}
    links = sum(answers[url].body.count(b"<a ") for url in urls) / len(urls)
    return Site(web.seeds(), answers, len(urls), links)


def _made(web: SyntheticWeb, url: str) -> Answer:
    served = web.respond(*split(url), 0)
    return Answer(served.status, dict(served.headers), served.body)


async def crawled(site: Site, folder: Path, *, state: bool, output: bool) -> Run:
    """Crawl the whole site with or without a state, and with or without an output."""
    cleared(folder, "journal.")
    gc.collect()
    kept = open_output(str(folder / "journal.jsonl")) if output else None
    with seldom_collecting(), spent() as took:
        store = _store(site, folder / "journal.db") if state else None
        try:
            pages = await _crawl(site, store, kept)
        finally:
            if store is not None:
                await store.close()
            if kept is not None:
                await kept.close()
    assert pages == site.pages, f"{pages} pages of {site.pages} were fetched"
    return Run(pages, took.wall, took.cpu, took.written_bytes)


def _store(site: Site, path: Path) -> Store:
    return sqlite.create(
        path, "main", first_metadata(_opening(site), CrawlRecord(seeds=site.seeds))
    )


def _opening(site: Site) -> Opening:
    return Opening(SETTINGS, sites_of(SETTINGS, site.seeds))


async def _crawl(site: Site, store: Store | None, output: ItemOutput | None) -> int:
    state = None if store is None else await opened(store, _opening(site))
    session = MockedSession(SETTINGS, site.seeds, state=state, output=output)
    session.site = site
    return (await session.run()).pages


async def measure(folder: Path, site: Site, runs: int) -> list[Figure]:
    """Measure the kinds in turn, so that other load on the machine affects all alike."""
    done: dict[str, list[Run]] = {}
    for _ in range(runs):
        for name, state, output in KINDS:
            run = await crawled(site, folder, state=state, output=output)
            done.setdefault(name, []).append(run)
    figures = [each for name, some in done.items() for each in _figures(name, some)]
    without, with_state = done[KINDS[0][0]], done[KINDS[1][0]]
    pairs = list(zip(without, with_state, strict=True))
    more = tuple((after.cpu_us / before.cpu_us - 1) * 100 for before, after in pairs)
    written = tuple(run.written_bytes / run.pages for run in with_state)
    return [
        Figure(PART, "more CPU with a state", "%", more, "at most 20 %"),
        *figures,
        Figure(PART, "file and -wal, for a page", "bytes", written),
        Figure(PART, "links on a page", "", (site.links,)),
    ]


def _figures(name: str, runs: list[Run]) -> list[Figure]:
    return [
        Figure(PART, f"{name}: CPU of a page", "us", tuple(run.cpu_us for run in runs)),
        Figure(PART, f"{name}: rate", "pages/s", tuple(run.pages / run.wall_s for run in runs)),
    ]
