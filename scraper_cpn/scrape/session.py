"""One crawl: the net, its kernel, its effects and the shell, put together.

Owns: the wiring of a crawl, its first tokens, its counters for people. Decides nothing: what is fetched
when is the net's.
Must not know: the command line, how progress is shown, signals.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Literal, TextIO

import anyio

from scraper_cpn.net import Ended, Row
from scraper_cpn.net.compile import compile_net
from scraper_cpn.run.clock import Clock
from scraper_cpn.run.effects import Batched, Paced, Plain
from scraper_cpn.run.shell import Shell
from scraper_cpn.scrape.colours import (
    Domain,
    Fetched,
    FetchOutcome,
    Proxy,
    RobotsJob,
    RobotsOutcome,
    Stop,
    Target,
)
from scraper_cpn.scrape.fetch import Fetcher
from scraper_cpn.scrape.handlers import Handlers
from scraper_cpn.scrape.keep import Keeper
from scraper_cpn.scrape.ledger import Ledger, failure_record
from scraper_cpn.scrape.net import scrape_net
from scraper_cpn.scrape.opening import open_crawl
from scraper_cpn.scrape.outputs import Output, OutputError
from scraper_cpn.scrape.parse import Parser
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.report import Snapshot, Stage, Summary
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.trace import tracer
from scraper_cpn.scrape.urls import host_of, seed_url, within
from scraper_cpn.scrape.validate import Validator

GRACE_NS = 10 * SECOND
"""How long running requests may go on after `stop`."""
STAGES = ("raw_html", "parsed", "validated")
FRONTIER = ("asks", "prioritized_targets", "cool_down")
"""The places whose tokens are URLs that are known but not fetched."""


class Session:
    """One crawl, from its seeds to its summary. Use it once.

    Args:
        settings: limits and pace.
        seeds: URLs to begin with.
        handlers: what makes items of pages; None for one built-in item a page.
        item_type: a msgspec type that items must be; None for none.
        output: where items go; None to keep none of them.
        on_item: is told of each kept item.
        trace: gets a line of JSON for each event of the kernel.
        failed: gets a line of JSON for each row of the failed log.
        on_event: is told of each page stored and each attempt that failed.

    Raises:
        UsageError: a seed that is no URL, a schema that is none.
    """

    def __init__(
        self,
        settings: Settings,
        seeds: Sequence[str],
        *,
        handlers: Handlers | None = None,
        item_type: type[Any] | None = None,
        output: Output | None = None,
        on_item: Callable[[Any], None] | None = None,
        trace: TextIO | None = None,
        failed: TextIO | None = None,
        on_event: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self._settings = settings
        self._clock = Clock()
        urls = [seed_url(seed) for seed in seeds]
        probe = Policy(settings)
        policy = Policy(settings, tuple(dict.fromkeys(probe.site_of(url) for url in urls)))
        self._net = scrape_net(policy)
        self._kernel = compile_net(self._net, None if trace is None else tracer(trace))
        self._targets = tuple(policy.seed(url) for url in urls)
        self._parser = Parser(settings, policy.discover, handlers)
        self._validator = Validator(item_type, settings.schema)
        self._keeper = Keeper(output, on_item)
        self._ledger = Ledger(on_event)
        self._failed = failed
        self._shell: Shell | None = None
        self._interrupted = self._aborted = False
        self._stopping = anyio.Event()
        self._began_ns = 0
        self._attempts = self._pages = self._bytes = 0

    async def run(self) -> Summary:
        """Crawl until nothing is left to do, a budget is at its end, or someone stops it.

        Cancelling it cancels the running requests; nothing is left in flight.

        Raises:
            OutputError: items could not be written.
        """
        self._began_ns = self._clock.now_ns()
        open_crawl(self._kernel, self._net, self._settings, self._targets, self._began_ns)
        clock_ns = self._clock.now_ns
        own = self._own_hosts()
        async with Fetcher(
            self._settings, own=own, wall_ns=clock_ns, monotonic_ns=clock_ns
        ) as fetcher:
            self._fetcher = fetcher
            self._shell = Shell(
                self._kernel, self._effects(), self._clock, on_rows=self._take, fatal=(OutputError,)
            )
            ended = await self._run_shell(self._shell)
        return self._summary(ended)

    def stop(self) -> None:
        """Start nothing more; what runs gets some seconds to end."""
        if not self._interrupted:
            self._interrupted = True
            self._kernel.inject(self._place("stop"), Stop(), self._clock.now_ns())
            self._stopping.set()
            if self._shell is not None:
                self._shell.poke()

    def abort(self) -> None:
        """Stop at once."""
        self._interrupted = self._aborted = True
        if self._shell is not None:
            self._shell.abort()

    def snapshot(self) -> Snapshot:
        """A look at the crawl. Cost: O(1)."""
        count = self._kernel.count
        ledger = self._ledger
        return Snapshot(
            elapsed_ns=self._clock.now_ns() - self._began_ns,
            pages=self._pages,
            items=ledger.items,
            attempts=self._attempts,
            failed=ledger.failed,
            skipped=ledger.skipped,
            in_flight=count("in_progress"),
            bytes=self._bytes,
            waiting={
                "robots.txt": count("asks"),
                "their turn": count("prioritized_targets"),
                "a retry": count("cool_down"),
            },
            stages=tuple(Stage(name, count(name), self._capacity(name)) for name in STAGES),
            least_left_ns=self._least_left_ns(),
        )

    # Wiring.

    def _effects(self) -> dict[str, Any]:
        return {
            "fetch": Paced(self._fetch),
            "robots": Paced(self._robots),
            "parse": Plain(self._parser.parse),
            "validate": Plain(self._validator.validate),
            "keep": Batched(self._keeper.keep),
        }

    async def _fetch(
        self, target: Target, proxy: Proxy, domain: Domain, start: Callable[[], None]
    ) -> FetchOutcome:
        self._attempts += 1
        outcome = await self._fetcher.fetch(target, proxy, _early(proxy, domain, start))
        if isinstance(outcome, Fetched):
            self._pages += 1
            self._bytes += len(outcome.response.body)
        return outcome

    async def _robots(
        self, job: RobotsJob, proxy: Proxy, domain: Domain, start: Callable[[], None]
    ) -> RobotsOutcome:
        return await self._fetcher.robots(job, proxy, _early(proxy, domain, start))

    def _place(self, name: str) -> Any:
        return self._net.places[name]

    def _capacity(self, name: str) -> int | None:
        capacity: int | None = self._place(name).capacity
        return capacity

    def _own_hosts(self) -> Callable[[str], bool]:
        """Whether a host is given the user's headers: the seeds' own hosts, and those of --domains.

        A header may hold a secret: a subdomain, or where a seed redirects, is not given it unasked.
        """
        seeds = frozenset(host_of(target.url) for target in self._targets)
        named = self._settings.domains
        return lambda host: host in seeds or within(host, named)

    async def _run_shell(self, shell: Shell) -> Ended | None:
        ended: Ended | None = None
        failure: OutputError | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._grace)
            try:
                ended = None if self._aborted else await shell.run()
            except OutputError as error:  # the task group would wrap it
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure
        return ended

    async def _grace(self) -> None:
        await self._stopping.wait()
        await anyio.sleep(GRACE_NS / SECOND)
        self.abort()

    def _take(self, rows: list[Row]) -> None:
        self._ledger.take(row.colour for row in rows)
        if self._failed is not None:
            for row in rows:
                if row.sink == "failed_log":
                    self._failed.write(
                        json.dumps(failure_record(row.colour), ensure_ascii=False) + "\n"
                    )

    # The account.

    def _summary(self, ended: Ended | None) -> Summary:
        ledger = self._ledger
        left = self._kernel.count("seen") - ledger.stored - ledger.failed - ledger.skipped
        return Summary(
            ended=self._how(ended),
            reason=self._why(ended),
            pages=self._pages,
            items=ledger.items,
            attempts=self._attempts,
            failed=ledger.failed,
            skipped=ledger.skipped,
            bytes=self._bytes,
            elapsed_ns=self._clock.now_ns() - self._began_ns,
            left=left,
            failures=tuple(ledger.groups()),
            failed_urls=tuple(ledger.failed_urls),
            seeds_failed=tuple(ledger.seeds_failed),
        )

    def _how(self, ended: Ended | None) -> Literal["finished", "spent", "interrupted", "stuck"]:
        if ended == "finished":
            return ended
        return "interrupted" if self._interrupted or ended is None else ended

    def _why(self, ended: Ended | None) -> str:
        settings = self._settings
        if ended == "stuck":
            return (
                "; ".join(fault.error for fault in self._kernel.marking().faulted)
                or "nothing can go on"
            )
        if ended != "spent" or self._interrupted:
            return ""
        if settings.max_pages is not None and self._kernel.count("budget") == 0:
            return f"--max-pages {settings.max_pages} is reached"
        if not self._kernel.count("gate"):
            return "--max-time is over"
        return "no proxy is left: their quotas or leases have ended"

    def _least_left_ns(self) -> int | None:
        """A lower bound from the URLs that wait for a domain, were they spread over the domains evenly."""
        domains = self._kernel.count("known_domains")
        if not domains:
            return None
        settings = self._settings
        delays = [
            settings.delay_ns,
            *(site.delay_ns for site in settings.sites if site.delay_ns is not None),
        ]
        waiting = sum(self._kernel.count(name) for name in FRONTIER)
        return max(0, -(-waiting // domains) - 1) * min(delays)


def _early(proxy: Proxy, domain: Domain, start: Callable[[], None]) -> Callable[[], None]:
    """Where nothing is paced, a request counts as started at once, so that it delays no other."""
    if not proxy.delay_ns and not domain.delay_ns:
        start()
    return start
