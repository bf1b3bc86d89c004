"""A live crawl by hand: scheduler, shell and the effects of the scraper, put together.

Owns: the wiring of a crawl and its account. Decides nothing: what is fetched when is the scheduler's.
Must not know: the command line, how anything is shown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence

from baseline.opening import open_crawl
from baseline.scheduler import Scheduler
from baseline.shell import Shell, Start
from scraper_cpn.net.marking import Ended, Row
from scraper_cpn.run.clock import Clock
from scraper_cpn.scrape.account.ledger import Ledger
from scraper_cpn.scrape.account.report import Summary
from scraper_cpn.scrape.colours import (
    Checked,
    Domain,
    Extracted,
    Fetched,
    FetchOutcome,
    KeepOutcome,
    ParseOutcome,
    Proxy,
    Raw,
    RobotsJob,
    RobotsOutcome,
    Target,
    ValidateOutcome,
)
from scraper_cpn.scrape.fetch.fetcher import Fetcher, start_unless_paced
from scraper_cpn.scrape.items.keep import Keeper
from scraper_cpn.scrape.items.outputs import ItemOutput, OutputError
from scraper_cpn.scrape.items.validate import Validator
from scraper_cpn.scrape.pages.handlers import Handlers
from scraper_cpn.scrape.pages.parse import Parser
from scraper_cpn.scrape.policy import Policy, sites_of
from scraper_cpn.scrape.policy.retries import is_unsent
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import seed_url


class Crawl:
    """One crawl, from its seeds to its summary. Use it once.

    Args:
        settings: limits and pace.
        seeds: URLs to begin with.
        handlers: what makes items of pages; None for one built-in item a page.
        output: where items go, open; None to keep none of them.

    Raises:
        UsageError: a seed that is no URL, a schema that is none.
    """

    def __init__(
        self,
        settings: Settings,
        seeds: Sequence[str],
        *,
        handlers: Handlers | None = None,
        output: ItemOutput | None = None,
    ) -> None:
        self._settings = settings
        self._seeds = [seed_url(seed) for seed in seeds]
        policy = Policy(settings, sites_of(settings, self._seeds))
        self._policy = policy
        self._clock = Clock()
        self._scheduler = Scheduler(policy)
        self._parser = Parser(settings, policy.frontier.discover, handlers)
        self._validator = Validator(None, settings.schema)
        self._keeper = Keeper(output)
        self._ledger = Ledger()
        self._attempts = self._pages = self._bytes = 0
        self._stopped = False
        self._shell: Shell | None = None

    async def run(self) -> Summary:
        """Crawl until nothing is left to do, a budget is at its end, or someone stops it.

        Raises:
            OutputError: items could not be written.
        """
        now_ns = began_ns = self._clock.now_ns()
        targets = [self._policy.frontier.seed(url, now_ns) for url in self._seeds]
        open_crawl(self._scheduler, self._settings, targets, now_ns)
        clock_ns = self._clock.now_ns
        new_fetcher = Fetcher(
            self._settings, seeds=self._seeds, wall_ns=clock_ns, monotonic_ns=clock_ns
        )
        async with new_fetcher as fetcher, self._parser:
            self._fetcher = fetcher
            self._shell = Shell(
                self._scheduler, self, clock_ns, on_rows=self._take, fatal=(OutputError,)
            )
            ended = await self._shell.run()
        return self._summary(ended, self._clock.now_ns() - began_ns)

    def stop(self) -> None:
        """Start nothing more; what runs may end."""
        self._stopped = True
        self._scheduler.stop(self._clock.now_ns())
        if self._shell is not None:
            self._shell.poke()

    # The effects.

    async def fetch(
        self, target: Target, proxy: Proxy, domain: Domain, start: Start
    ) -> FetchOutcome:
        """A page."""
        self._attempts += 1
        start_unless_paced(proxy, domain, start)
        outcome = await self._fetcher.fetch(target, proxy, start, start.may_start)
        if isinstance(outcome, Fetched):
            self._pages += 1
            self._bytes += len(outcome.response.body)
        elif is_unsent(outcome):
            self._attempts -= 1
        return outcome

    async def robots(
        self, job: RobotsJob, proxy: Proxy, domain: Domain, start: Start
    ) -> RobotsOutcome:
        """A robots.txt."""
        start_unless_paced(proxy, domain, start)
        return await self._fetcher.robots(job, proxy, start, start.may_start)

    def parse(self, raw: Raw) -> ParseOutcome | Awaitable[ParseOutcome]:
        """A page's items and links."""
        return self._parser.parse(raw)

    def validate(self, page: Extracted) -> ValidateOutcome:
        """The items that fit."""
        return self._validator.validate(page)

    async def keep(self, pages: Sequence[Checked]) -> Sequence[KeepOutcome]:
        """Items are written."""
        return await self._keeper.keep(pages)

    # The account.

    def _take(self, rows: list[Row]) -> None:
        self._ledger.take([row.colour for row in rows])

    def _summary(self, ended: Ended | None, elapsed_ns: int) -> Summary:
        ledger = self._ledger
        done = ledger.stored + ledger.failed + ledger.skipped
        interrupted = ended is None or (self._stopped and ended != "finished")
        return Summary(
            ended="interrupted" if interrupted or ended is None else ended,
            pages=self._pages,
            items=ledger.items,
            attempts=self._attempts,
            failed=ledger.failed,
            skipped=ledger.skipped,
            bytes=self._bytes,
            elapsed_ns=elapsed_ns,
            left=self._scheduler.count("seen") - done,
            failures=tuple(ledger.groups()),
            failed_urls=tuple(ledger.failed_urls),
            seeds_failed=tuple(ledger.seeds_failed),
        )
