"""The scraper in virtual time: the same net and policy, on an in-process synthetic web.

Owns: the effects of the scrape net on that web: their outcomes and durations; and the first tokens of a partition. They use
no HTTP library and no clock; pages are really parsed and validated.
Must not know: asyncio, sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from hashlib import sha256
from typing import Any, TextIO

from scraper_cpn.net import Kernel, Place, Row, destination, leased
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.scrape.colours import (
    Address,
    Checked,
    Domain,
    Extracted,
    Failed,
    Fetched,
    File,
    Filed,
    FileJob,
    FileOutcome,
    HostName,
    KeepOutcome,
    Kept,
    ParseOutcome,
    PooledSession,
    Proxy,
    Raw,
    RobotsJob,
    RobotsOutcome,
    SitemapJob,
    SitemapOutcome,
    Target,
    Unchanged,
    ValidateOutcome,
    VisitOutcome,
)
from scraper_cpn.scrape.fetch.answers import Answer, fetch_outcome, robots_outcome
from scraper_cpn.scrape.fetch.destinations import Destinations
from scraper_cpn.scrape.items.validate import Validator
from scraper_cpn.scrape.kernels import Prepared, prepare
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import open_crawl
from scraper_cpn.scrape.pages.parse import Parser
from scraper_cpn.scrape.policy import Policy, first_policy
from scraper_cpn.scrape.policy.addresses import found
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.sitemaps import mapped_from
from scraper_cpn.scrape.statuses import pages_of, table_of
from scraper_cpn.scrape.trace import tracer
from scraper_cpn.scrape.urls import host_of
from scraper_cpn.simulate import driver
from scraper_cpn.simulate.partitions import Hazards, run_partitions
from scraper_cpn.simulate.web import CountedWeb, SyntheticWeb
from scraper_cpn.simulate.weblayout import split
from scraper_cpn.simulate.webspec import WebAnswer as Served

EPOCH_NS = 1_700_000_000 * 1_000_000_000
"""The time when every virtual crawl begins. It is not 0, so that a confusion of clocks is noticed."""

Heard = Callable[[int, int, str, str, Served | None], None]
"""Is called for each request: start and end (ns), proxy, URL, and what the web sent; None if the crawler
closed the connection before that was complete."""


class VirtualWeb:
    """The effects of the scrape net on a synthetic web.

    Args:
        settings: of the crawl.
        web: answers.
        policy: says which links become targets.
        heard: is called for each request, as a wire log.
    """

    def __init__(
        self, settings: Settings, web: SyntheticWeb, policy: Policy, heard: Heard | None = None
    ) -> None:
        self._settings = settings
        self._table, self._pages = table_of(settings.statuses), pages_of(settings.statuses)
        self._web = CountedWeb(web)
        self._destinations = Destinations((), allow_private=settings.allow_private)
        self._heard = heard
        self._policy = policy
        self._parser = Parser(
            settings,
            policy.frontier.discover,
            file_job=policy.files.job if settings.files else None,
        )
        self._validator = Validator(None, settings.schema)

    def effects(self) -> dict[str, driver.VirtualEffect]:
        """The bindings of the scrape net's effects."""
        return {
            "fetch": self.fetch,
            "robots": self.robots,
            "sitemap": self.sitemap,
            "file": self.file,
            "resolve": self.resolve,
            "parse": self.parse,
            "validate": self.validate,
            "keep": self.keep,
        }

    def fetch(
        self, target: Target, proxy: Proxy, *more: Domain | PooledSession | int
    ) -> tuple[int, VisitOutcome]:
        """Fetch a page; the last argument is the time."""
        now_ns = more[-1]
        assert isinstance(now_ns, int)
        takes_ns, answer = self._ask(target.url, proxy, now_ns, self._settings.max_body_bytes)
        if isinstance(answer, Failed):
            return takes_ns, answer
        if _is_known(target, answer):
            return takes_ns, Unchanged()
        return takes_ns, fetch_outcome(target.url, answer, self._pages, self._table)

    def robots(
        self, job: RobotsJob, proxy: Proxy, _: Domain, now_ns: int
    ) -> tuple[int, RobotsOutcome]:
        """Fetch a robots.txt."""
        takes_ns, answer = self._ask(job.url, proxy, now_ns, self._settings.max_body_bytes)
        if isinstance(answer, Failed):
            return takes_ns, answer
        return takes_ns, robots_outcome(job, answer, self._settings.robots_name)

    def sitemap(
        self, job: SitemapJob, proxy: Proxy, _: Domain, now_ns: int
    ) -> tuple[int, SitemapOutcome]:
        """Read a sitemap."""
        takes_ns, answer = self._ask(job.url, proxy, now_ns, self._settings.max_body_bytes)
        outcome = answer if isinstance(answer, Failed) else fetch_outcome(job.url, answer)
        if not isinstance(outcome, Fetched):
            return takes_ns, outcome
        return takes_ns, mapped_from(self._policy.sitemaps, job, outcome.response)

    def file(self, job: FileJob, proxy: Proxy, _: Domain, now_ns: int) -> tuple[int, FileOutcome]:
        """Fetch a file that an item names; it is saved nowhere."""
        takes_ns, answer = self._ask(job.url, proxy, now_ns, self._settings.max_file_bytes)
        outcome = answer if isinstance(answer, Failed) else fetch_outcome(job.url, answer)
        if not isinstance(outcome, Fetched):
            return takes_ns, outcome
        body = outcome.response.body
        digest = sha256(body).hexdigest()
        return takes_ns, Filed(File(job.asked, digest, digest, len(body)), len(body))

    def resolve(self, name: HostName, _: int) -> tuple[int, Address]:
        """Look up the address of a host, in no virtual time."""
        return 0, found(name, [self._web.web.address(name.host)])

    def parse(self, raw: Raw, _: int) -> tuple[int, ParseOutcome]:
        """Parse a page for items and links, in no virtual time. Synthetic pages are small enough for that."""
        outcome = self._parser.parse(raw)
        if not isinstance(outcome, ParseOutcome):
            raise TypeError(
                f"{raw.target.url} is too large a page for virtual time; make body_bytes smaller"
            )
        return 0, outcome

    def validate(self, page: Extracted, _: int) -> tuple[int, ValidateOutcome]:
        """Validate items, in no virtual time."""
        return 0, self._validator.validate(page)

    def keep(self, page: Checked, _: int) -> tuple[int, KeepOutcome]:
        """Count items, without writing them."""
        return 0, Kept(len(page.items))

    def _ask(
        self, url: str, proxy: Proxy, now_ns: int, most_bytes: int
    ) -> tuple[int, Answer | Failed]:
        host, path = split(url)
        if refusal := self._destinations.refusal(host_of(url)):
            return 0, refusal
        answer = self._web.answer(host, path)
        takes_ns = min(answer.latency_ns + answer.spread_ns, self._settings.timeout_ns)
        in_time = answer.fate != "stalled" and takes_ns < self._settings.timeout_ns
        if not in_time:
            takes_ns = self._settings.timeout_ns
        if self._heard is not None:
            served = answer if in_time else None
            self._heard(now_ns, now_ns + takes_ns, proxy.proxy, url, served)
        if not in_time:
            return takes_ns, Failed("timeout", "no complete answer in time")
        if answer.fate == "dropped":
            return takes_ns, Failed("dropped", "the connection broke")
        return takes_ns, _arrived(answer, now_ns + takes_ns, takes_ns, most_bytes)


def _is_known(target: Target, answer: Answer) -> bool:
    """Whether a server would answer that the page has not changed: by its ETag."""
    known = dict(target.request.headers).get("If-None-Match")
    return known is not None and known == answer.headers.get("ETag")


def _arrived(answer: Served, end_ns: int, takes_ns: int, most_bytes: int) -> Answer:
    """The part of an answer that arrives over the wire."""
    return Answer(
        answer.status,
        dict(answer.headers_at(end_ns)),
        answer.body[:most_bytes],
        len(answer.body) > most_bytes,
        end_ns,
        takes_ns,
    )


def virtual_crawl(
    settings: Settings,
    web: SyntheticWeb,
    seeds: Sequence[str],
    *,
    trace: TextIO | None = None,
    heard: Heard | None = None,
    on_rows: Callable[[list[Row]], None] | None = None,
    kernel: Callable[..., Kernel] | None = None,
    effects: Callable[[VirtualWeb], Mapping[str, driver.VirtualEffect]] = VirtualWeb.effects,
    prepared: Prepared | None = None,
) -> driver.Run:
    """Crawl a synthetic web in virtual time; the same settings, web and seeds give the same bytes of trace.

    Args:
        settings: limits and pace, as for a real crawl.
        web: what answers.
        seeds: URLs, normalised.
        trace: gets a line of JSON for each event of the kernel.
        heard: is called for each request.
        on_rows: is called with the rows of the sinks.
        kernel: the kernel that executes the net; by default the one that the settings name.
        effects: maps the web's effects to the ones to bind, for injecting failures.
        prepared: the net and the code of its kernel; by default they are made now.
    """
    first = first_policy(settings, seeds, fed=False)
    if kernel is not None:
        net, execution = ScrapeNet(first), kernel
    else:
        net, build = prepared or prepare(first, traced=trace is not None)
        execution = partial(Compiled, build=build)
    policy = net.policy
    running = execution(net, None if trace is None else tracer(trace))
    targets = [policy.frontier.seed(url, EPOCH_NS) for url in seeds]
    open_crawl(running, net, targets, EPOCH_NS)
    bound = effects(VirtualWeb(settings, web, policy, heard))
    return driver.run(running, bound, EPOCH_NS, on_rows=on_rows)


def virtual_partitions(
    settings: Settings,
    web: SyntheticWeb,
    seeds: Sequence[str],
    *,
    partitions: int,
    hazards: Hazards | None = None,
    heard: Heard | None = None,
    on_rows: Callable[[list[Row]], None] | None = None,
    effects: Callable[[VirtualWeb], Mapping[str, driver.VirtualEffect]] = VirtualWeb.effects,
) -> driver.Run:
    """Crawl a synthetic web in virtual time by several partitions; all else as `virtual_crawl`.

    Args:
        settings: limits and pace; the requests at a time are those of each partition.
        web: what answers.
        seeds: URLs, normalised.
        partitions: how many.
        hazards: what happens to partitions and channels; by default nothing.
        heard: is called for each request.
        on_rows: is called with the rows of the sinks, at the end.
        effects: maps the web's effects to the ones to bind, for injecting failures.

    Raises:
        UsageError: the crawl has options that can't be divided.
    """
    net = ScrapeNet(first_policy(settings, seeds, fed=False), partitions)
    targets = [net.policy.frontier.seed(url, EPOCH_NS) for url in seeds]

    def fill(kernel: Compiled, number: int) -> None:
        own: Any = _Own(kernel, net)
        open_crawl(own, net, () if number else targets, EPOCH_NS)

    bound = effects(VirtualWeb(settings, web, net.policy, heard))
    done = run_partitions(net, bound, partitions, fill, hazards=hazards, now_ns=EPOCH_NS)
    if on_rows is not None:
        on_rows(list(done.rows))
    return driver.Run(done.ended, done.now_ns, 0, done.firings)


class _Own:
    """Passes on to the kernel of a partition what belongs there of a crawl's first tokens.

    Leased proxies are dealt out in turn, what has a domain goes where that belongs, named sitemaps to the first
    partition; each has a gate and windows.
    """

    def __init__(self, kernel: Compiled, net: ScrapeNet) -> None:
        assert kernel.partition is not None
        self._kernel, self._net, self._partition = kernel, net, kernel.partition
        self._leased = 0

    def inject(self, place: Place[Any], colour: Any, now_ns: int, **times: Any) -> None:
        """Put a token into the kernel if it belongs there."""
        number, of = self._partition.number, self._partition.of
        if place.share == leased:
            self._leased += 1
            if (self._leased - 1) % of != number:
                return
        elif (place.share is None and destination(self._net, place, colour, of) != number) or (
            self._net.sitemaps is not None and place is self._net.sitemaps.located and number
        ):
            return
        self._kernel.inject(place, colour, now_ns, **times)
