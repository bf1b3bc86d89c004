"""Requests that a person makes one at a time, under all limits of a crawl.

Owns: a crawl that follows no links and waits for the next URL: its net, its effects, and how a page comes out of it.
Must not know: who asks, and how pages are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import anyio
from msgspec.structs import replace

from scraper_cpn.net import Row
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.run.clock import Clock
from scraper_cpn.run.effects import Paced, Plain
from scraper_cpn.run.shell import Shell
from scraper_cpn.scrape.asking import ready
from scraper_cpn.scrape.colours import (
    Domain,
    Failed,
    Failure,
    FetchOutcome,
    Kept,
    Link,
    Parsed,
    Proxy,
    Raw,
    RobotsJob,
    RobotsOutcome,
    Target,
    Valid,
)
from scraper_cpn.scrape.fetch.fetcher import Fetcher, ip_of, start_unless_paced
from scraper_cpn.scrape.kernels import prepare
from scraper_cpn.scrape.opening import open_crawl
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.policy import first_policy
from scraper_cpn.scrape.policy.frontier import split
from scraper_cpn.scrape.redact import redacted
from scraper_cpn.scrape.request import Request
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import seed_url


class NoPage(Exception):  # noqa: N818 - what happened, not a mistake
    """No page came; says why."""


class HandFetcher:
    """Fetches pages one at a time; an async context manager.

    Delays, robots.txt, retries, proxies and budgets are those of *settings*: they are places of one net, which lives
    until the end. Raises `UsageError` for settings that can't be followed.
    """

    def __init__(self, settings: Settings) -> None:
        settings = replace(settings, files=())  # there are no items
        self._settings = settings
        self._clock = Clock()
        self._net, build = prepare(first_policy(settings, (), fed=True))
        self._kernel = Compiled(self._net, None, build=build)
        now_ns = self._clock.now_ns()
        open_crawl(self._kernel, self._net, (), now_ns)
        self._fetcher = Fetcher(
            settings, seeds=(), wall_ns=self._clock.now_ns, monotonic_ns=self._clock.now_ns
        )
        self._turn = anyio.Lock()
        self._wanted = ""
        """The handler of the request of this call, by which its hops and attempts are known from those of one before."""
        self._raw: Raw | None = None
        self._failures: list[Failure] = []
        self._asked = 0

    async def __aenter__(self) -> Self:
        await self._fetcher.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._fetcher.__aexit__(kind, error, trace)

    async def fetch(self, asked: str | Link) -> Page:
        """Return the page of a URL or link, behind redirects, whether it was fetched before or not.

        Waits as a crawl would, and for a request that was cancelled to end. Raises `NoPage` with the reason if there is none, `UsageError` for an invalid URL, and
        `ValueError` for a link whose options make no sense.
        """
        link = asked if isinstance(asked, Link) else Link(asked)
        found = ready(replace(link, url=seed_url(link.url)))
        assert found is not None, "its URL is one"
        self._asked += 1
        request = found.request or Request()
        apart = f"{request.apart or 'by hand'} {self._asked}"
        target = self._net.policy.frontier.seed(
            replace(found, to=f"call {self._asked}", request=replace(request, apart=apart)),
            self._clock.now_ns(),
        )
        self._fetcher.permit([target.url])
        async with self._turn:
            return await self._fetched(target)

    async def _fetched(self, target: Target) -> Page:
        self._raw, self._failures, self._wanted = None, [], target.handler
        self._kernel.inject(self._net.frontier.found, split([target]), self._clock.now_ns())
        shell = Shell(
            self._kernel, self._effects(), self._clock, on_rows=self._take, telling=redacted
        )
        ended = await shell.run()
        if self._raw is not None:
            return Page.of(self._raw)
        raise NoPage(self._reason(ended))

    def _reason(self, ended: str | None) -> str:
        final = [each for each in self._failures if each.final and each.kind != "redirected"]
        if final:
            return f"{final[-1].kind}: {final[-1].reason}"
        return f"a limit is reached ({ended})" if not self._failures else self._failures[-1].reason

    def _effects(self) -> dict[str, Any]:
        return {
            "fetch": Paced(self._fetch),
            "robots": Paced(self._robots),
            **({"resolve": Plain(self._fetcher.address)} if self._net.addresses else {}),
            "parse": Plain(self._parse),
            "validate": Plain(lambda _: Valid(())),
            "keep": Plain(lambda _: Kept(0)),
        }

    async def _fetch(
        self, target: Target, proxy: Proxy, domain: Domain, start: Any
    ) -> FetchOutcome:
        if target.handler != self._wanted:
            return Failed("drop", "it was interrupted", retry=False, sent=False)
        start_unless_paced(proxy, domain, start)
        return await self._fetcher.fetch(target, proxy, start, start.may_start, ip=ip_of(target))

    async def _robots(
        self, job: RobotsJob, proxy: Proxy, domain: Domain, start: Any
    ) -> RobotsOutcome:
        start_unless_paced(proxy, domain, start)
        return await self._fetcher.robots(job, proxy, start, start.may_start)

    def _parse(self, raw: Raw) -> Parsed:
        if raw.target.handler == self._wanted:
            self._raw = raw
        return Parsed((), ())

    def _take(self, rows: Sequence[Row]) -> None:
        failures = [row.colour for row in rows if isinstance(row.colour, Failure)]
        self._failures += [each for each in failures if each.target.handler == self._wanted]
