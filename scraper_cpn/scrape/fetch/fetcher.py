"""Fetching: one request on the wire, and what came of it.

Owns: the effects `fetch` and `robots`, and the requests of `sitemap`.
Must not know: the net, pace, retries, HTTP libraries, what an answer means (`answers` does), which addresses are
permitted (`destinations` does).
"""

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Self

import anyio
from anyio import to_thread
from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    Address,
    Domain,
    Failed,
    FetchOutcome,
    HostName,
    Proxy,
    Redirected,
    RobotsJob,
    RobotsOutcome,
    SitemapJob,
    Target,
)
from scraper_cpn.scrape.fetch.answers import ROBOTS_BYTES_MAX, Answer, fetch_outcome, robots_outcome
from scraper_cpn.scrape.fetch.choose import new_client
from scraper_cpn.scrape.fetch.client import Ask, Sending, Surplus
from scraper_cpn.scrape.fetch.destinations import Destinations
from scraper_cpn.scrape.fetch.jars import CookieLine, Jars
from scraper_cpn.scrape.policy.addresses import Located
from scraper_cpn.scrape.request import PLAIN, Request
from scraper_cpn.scrape.settings import FETCHERS, SECOND, Settings
from scraper_cpn.scrape.statuses import pages_of, table_of
from scraper_cpn.scrape.urls import host_of

SITEMAP_BYTES_MAX = 52_428_801
"""sitemaps.org: 50 MB. One byte more tells that there is more."""
_LONG_ROBOTS_BYTES = 32 * 1024
"""A longer robots.txt is read in a thread: it takes milliseconds."""

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver


class Fetcher:
    """The effects `fetch` and `robots`. An async context manager, which closes the connections.

    *seeds* are the URLs that the user named, normalised: `Settings.headers` go to their origins alone, and
    their hosts may have private addresses. *wall_ns* is UTC in nanoseconds since 1970; *monotonic_ns*
    measures. *resolver* looks names up instead of the system, and stays its owner's to close. *on_surplus*
    is called with each connection that was dropped for bytes that belong to no request.

    *also* says for a target which error statuses bring a page, beside those of `Settings.statuses`.

    Entering raises `UsageError` for a CA file or a file of cookies that can't be read. The effects raise nothing but
    cancellation: every failure of the web is an outcome.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        seeds: Iterable[str],
        wall_ns: Callable[[], int] = time.time_ns,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
        resolver: "AbstractResolver | None" = None,
        on_surplus: Callable[[Surplus], None] = lambda _: None,
        also: Callable[[Target], frozenset[int]] = lambda _: frozenset(),
    ) -> None:
        self._settings = settings
        self._destinations = Destinations(
            seeds, allow_private=settings.allow_private, resolver=resolver
        )
        self._also = also
        self._table = table_of(settings.statuses)
        self._pages = pages_of(settings.statuses)
        self._wall_ns = wall_ns
        self._monotonic_ns = monotonic_ns
        self.jars = Jars(settings, self._destinations.is_own, wall_ns)
        self.client = new_client(settings, resolver, on_surplus)

    def permit(self, seeds: Iterable[str]) -> None:
        """Treat more URLs as seeds."""
        self._destinations.permit(seeds)

    async def __aenter__(self) -> Self:
        self.jars.open()
        await self.client.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with anyio.CancelScope(shield=True):  # who cancels a crawl wants its connections closed
            await self.client.close()
            await self._destinations.close()

    async def fetch(
        self,
        target: Target,
        proxy: Proxy,
        start: Callable[[], None],
        may_start: Callable[[], bool] = lambda: True,
        most_bytes: int | None = None,
        ip: str | None = None,
    ) -> FetchOutcome:
        """Fetch a page with at most one request on the wire; its body may have *most_bytes* (default: `--max-body`).

        *ip* is the only address that is connected to; empty: the host has none; None: any of its addresses.

        *start* is called once, in the step of the event loop that writes the request to its socket,
        and never when it comes to no request (no connection, say). In the same step, *may_start* is asked
        before: without its leave nothing is written.
        """
        most_bytes = most_bytes or self._settings.max_body_bytes
        starting = (start, may_start)
        also = self._also(target) | self._pages
        request, jars = target.request, self.jars
        cookie = CookieLine(jars, target) if jars.used else None
        answer = await self._ask(target.url, proxy, starting, most_bytes, request, also, cookie, ip)
        if isinstance(answer, Failed):
            return answer
        if "set-cookie" in answer.headers:
            jars.take(target, answer)
        outcome = fetch_outcome(target.url, answer, also, self._table)
        if jars.used and isinstance(outcome, Redirected):
            sent = "" if cookie is None else cookie.sent
            return replace(outcome, cookies=jars.mark(target, outcome.url, sent))
        return outcome

    async def robots(
        self,
        job: RobotsJob,
        proxy: Proxy,
        start: Callable[[], None],
        may_start: Callable[[], bool] = lambda: True,
    ) -> RobotsOutcome:
        """Fetch a robots.txt; as `fetch` in all else. What follows 500 KiB is not read."""
        answer = await self._ask(
            job.url, proxy, (start, may_start), ROBOTS_BYTES_MAX, ip=ip_of(job)
        )
        if isinstance(answer, Failed):
            return answer
        agent = self._settings.robots_name
        if len(answer.body) > _LONG_ROBOTS_BYTES:
            return await to_thread.run_sync(robots_outcome, job, answer, agent)
        return robots_outcome(job, answer, agent)

    async def sitemap(
        self,
        job: SitemapJob,
        proxy: Proxy,
        start: Callable[[], None],
        may_start: Callable[[], bool] = lambda: True,
    ) -> FetchOutcome:
        """Fetch a sitemap; as `fetch` in all else. What follows 50 MB is not read."""
        answer = await self._ask(
            job.url, proxy, (start, may_start), SITEMAP_BYTES_MAX, ip=ip_of(job)
        )
        if isinstance(answer, Failed):
            return answer
        return fetch_outcome(job.url, replace(answer, cut=False))

    async def _ask(
        self,
        url: str,
        proxy: Proxy,
        starting: tuple[Callable[[], None], Callable[[], bool]],
        most_bytes: int,
        request: Request = PLAIN,
        also: frozenset[int] = frozenset(),
        cookie: CookieLine | None = None,
        ip: str | None = None,
    ) -> Answer | Failed:
        """Return the answer to a request, its body cut at *most_bytes*, or the failure.

        *starting*: is called at the start, and is asked before.
        """
        if ip == "":
            return Failed("dns", "the name has no address", sent=False)
        if refusal := await self._refusal(host_of(url), proxy, ip):
            return refusal
        start, may_start = starting
        sending = Sending(start, self._monotonic_ns, may_start)
        own = self._destinations.is_own(url)
        wary = proxy.url is None and not self._destinations.is_exempt(host_of(url))
        reply = await self.client.send(
            Ask(url, proxy, sending, most_bytes, own, wary, request, also, cookie, ip or "")
        )
        if isinstance(reply, Failed):
            return reply
        elapsed_ns = self._monotonic_ns() - sending.began_ns
        return Answer(
            reply.status,
            reply.headers,
            reply.body,
            reply.cut,
            self._wall_ns(),
            elapsed_ns,
            by_proxy=url.startswith("http:") and (proxy.url or "").startswith("http"),
            wired=reply.wired,
            reason=reply.reason,
            certificate_hosts=reply.certificate_hosts,
        )

    async def address(self, name: HostName) -> Address:
        """The effect `resolve`: look up the address by which a host counts. Waits as long as a request may take."""
        return await self._destinations.address(name, self._settings.timeout_ns / SECOND)

    async def _refusal(self, host: str, proxy: Proxy, ip: str | None) -> Failed | None:
        """Return the failure of a request to a host that is not permitted, as far as it is known before."""
        refusal = self._destinations.refusal(host)
        if ip is not None:  # the client looks at the very address
            return refusal
        if refusal is None and (proxy.url is not None or self._settings.fetcher not in FETCHERS):
            return await self._destinations.looked_up(host)
        return refusal


def ip_of(work: object) -> str | None:
    """The address that a request was given: empty for none, None where requests are not given any."""
    return work.ip if isinstance(work, Located) else None


def start_unless_paced(proxy: Proxy, domain: Domain, start: Callable[[], None]) -> None:
    """Where nothing is paced, a request counts as started at once, so that it delays no other."""
    if not proxy.delay_ns and not domain.delay_ns:
        start()
