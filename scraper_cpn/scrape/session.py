"""One crawl: the net, its kernel, its effects and the shell, put together.

Owns: the wiring of a crawl, its initial tokens, its counters for people. It decides nothing: the net decides
what is fetched, and when.
Must not know: the command line, how progress is shown, signals.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from typing import Any, TextIO

import anyio
import msgspec
from anyio import to_thread
from msgspec.structs import astuple, replace

from scraper_cpn.net import Ended, Kernel, Row
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.run.clock import Clock
from scraper_cpn.run.committer import Committer
from scraper_cpn.run.effects import Batched, Paced, Plain, Start
from scraper_cpn.run.shell import Shell
from scraper_cpn.scrape.account.accounting import Accounting
from scraper_cpn.scrape.account.ledger import failure_record
from scraper_cpn.scrape.account.levels import waiting
from scraper_cpn.scrape.account.report import Snapshot, Summary
from scraper_cpn.scrape.arriving import ArrivingLines
from scraper_cpn.scrape.colours import (
    Bad,
    Domain,
    Extracted,
    Failed,
    Fetched,
    Link,
    Parsed,
    ParseOutcome,
    PooledSession,
    Proxy,
    Raw,
    Redirected,
    RobotsJob,
    RobotsOutcome,
    SitemapJob,
    SitemapOutcome,
    StopRequest,
    Target,
    ValidateOutcome,
    VisitOutcome,
    url_of,
)
from scraper_cpn.scrape.feed import SeedFeed
from scraper_cpn.scrape.fetch.answers import visit_outcome
from scraper_cpn.scrape.fetch.client import Surplus
from scraper_cpn.scrape.fetch.fetcher import Fetcher, start_unless_paced
from scraper_cpn.scrape.hooks import Hooks, with_dropped
from scraper_cpn.scrape.items.bodies import Bodies
from scraper_cpn.scrape.items.keep import Keeper
from scraper_cpn.scrape.items.outputs import ItemOutput, OutputError
from scraper_cpn.scrape.items.validate import Validator
from scraper_cpn.scrape.kernels import Prepared, prepare
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import open_crawl
from scraper_cpn.scrape.pages.handlers import Handlers
from scraper_cpn.scrape.pages.login_secrets import LoginSecrets
from scraper_cpn.scrape.pages.logins import sign_on_of
from scraper_cpn.scrape.pages.parse import Parser
from scraper_cpn.scrape.policy import first_policy
from scraper_cpn.scrape.policy.frontier import asking
from scraper_cpn.scrape.request import POOLED
from scraper_cpn.scrape.seeds import BadSeed, Unread, origins_in
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.sitemaps import mapped_from
from scraper_cpn.scrape.state.events import Events
from scraper_cpn.scrape.state.run import OpenRun
from scraper_cpn.scrape.trace import tracer
from scraper_cpn.store.port import Batch, StoreError

_log = logging.getLogger("scraper_cpn")
GRACE_NS = 10 * SECOND
"""How long running requests may continue after `stop`."""


class Session:
    """One crawl, from its seeds to its summary. Use it once.

    Args:
        settings: limits and pace.
        seeds: URLs and links to begin with, normalised.
        unread: more seeds, which are read while the crawl runs; links of a page are in scope if they lead to
            its own seed's site. A state has its own.
        bad: lines of the input that are not URLs, for the failed log. A state has its own.
        handlers: the page handlers; None for one built-in item for each page.
        hooks: other functions of a program; `done` is not called here, since outputs are still open.
        validator: checks the items; by default that they can be JSON, and fit the settings' schema.
        output: where items go; None to keep none of them.
        on_item: is called with each kept item.
        trace: gets a line of JSON for each event of the kernel.
        failed: gets a line of JSON for each row of the failed log.
        on_event: is called for each stored page and each failed attempt; for a kept crawl, once that is
            durable. It is called at once for each connection that was dropped because of unsolicited bytes.
        state: the open state that keeps the crawl, with the same settings and seeds.
        bodies: saves the bodies of pages, not open yet; None to save none.
        prepared: the net and the code of its kernel; by default they are made now. A state has its own.

    Raises:
        UsageError: a schema that is none, a kernel that can't be built.
    """

    def __init__(
        self,
        settings: Settings,
        seeds: Sequence[str | Link],
        *,
        handlers: Handlers | None = None,
        hooks: Hooks | None = None,
        validator: Validator | None = None,
        output: ItemOutput | None = None,
        on_item: Callable[[Any], None] | None = None,
        trace: TextIO | None = None,
        failed: TextIO | None = None,
        on_event: Callable[[dict[str, Any]], None] | None = None,
        state: OpenRun | None = None,
        unread: Unread | None = None,
        bad: Sequence[BadSeed] = (),
        bodies: Bodies | None = None,
        prepared: Prepared | None = None,
    ) -> None:
        self._settings = settings
        self._seeds = seeds
        self._bad = bad
        self._unread = unread if state is None else state.unread
        self._state = state
        self._kernel: Kernel
        self._net: ScrapeNet
        if state is None:
            self._clock = Clock()
            if prepared is None:
                policy = first_policy(settings, seeds, fed=unread is not None)
                prepared = prepare(policy, traced=trace is not None)
            self._net = prepared.net
            traced = None if trace is None else tracer(trace)
            self._kernel = Compiled(self._net, traced, build=prepared.build)
        else:
            self._clock, self._net, self._kernel = state.clock, state.net, state.recorder
        self._handlers = Handlers() if handlers is None else handlers
        policy = self._policy = self._net.policy
        self._login_secrets = LoginSecrets(self._handlers.login_request)
        self._hooks = hooks or Hooks()
        self._unique = self._hooks.unique.anew()
        self._parser = Parser(
            settings,
            policy.frontier.discover,
            handlers,
            after=tuple(self._hooks.after),
            crowded=self._crowded,
            sign_on=sign_on_of(settings, self._handlers, policy.requests.logins),
        )
        self._by_level = handlers is not None or bool(settings.prefer)
        self._validator = validator or Validator(schema=settings.schema)
        self._keeper = Keeper(output, on_item)
        self._bodies = bodies
        self._account = Accounting(
            self._kernel, self._net, settings, self._unread, clock_ns=self._clock.now_ns
        )
        self._failed = failed
        self._in_use = set[str]()
        """The names of the pool's sessions."""
        self._shell: Shell | None = None
        self._interrupted = self._aborted = False
        self._stopping = anyio.Event()
        if state is not None:
            self._account.go_on(state)
            if lost := state.account.cookies:
                _log.warning(
                    "a state keeps no cookies: the crawl goes on without the %d that it had", lost
                )
            if self._unique:
                self._unique.know((page, body) for page, _, _, body in state.store.items())
        self._on_event = on_event
        self._events = Events(on_event or (lambda _: None))
        self._account.ledger.on_event = on_event if state is None else self._events.add

    async def run(self) -> Summary:
        """Crawl until no work is left, a budget is used up, or the crawl is stopped.

        Cancelling it cancels the running requests; nothing is left in flight.

        Raises:
            OutputError: items could not be written.
            StoreError: the state could not be written.
        """
        now_ns = self._clock.now_ns()
        self._account.begin(now_ns)
        if self._state is None:
            targets = [self._policy.frontier.seed(seed, now_ns) for seed in self._seeds]
            bad_seeds = [self._policy.frontier.bad_seed(*astuple(each)) for each in self._bad]
            open_crawl(self._kernel, self._net, targets, now_ns, bad_seeds)
        clock_ns = self._clock.now_ns
        new_fetcher = Fetcher(
            self._settings,
            seeds=[*map(url_of, self._seeds), *self._origins()],
            wall_ns=clock_ns,
            monotonic_ns=clock_ns,
            on_surplus=self._surplus,
            also=self._handlers.statuses,
        )
        self._account.cookies = new_fetcher.jars.__len__
        async with self._bodies or nullcontext(), new_fetcher as fetcher, self._parser:
            self._fetcher = fetcher
            self._shell = Shell(
                self._kernel,
                self._effects(),
                self._clock,
                on_rows=self._take,
                fatal=(OutputError,),
                committer=self._committer(),
                feed=self._feed(fetcher),
            )
            ended = await self._run_shell(self._shell)
        summary = self._account.summary(ended, self._clock.now_ns(), interrupted=self._interrupted)
        summary = replace(summary, cookies_dropped=dict(new_fetcher.jars.dropped))
        if self._state is not None:
            await self._state.end(partial(self._metadata, summary))
            self._events.cut()
            self._events.durable()
        elif self._by_level and summary.left:
            levels = waiting(self._kernel, self._net, self._clock.now_ns())
            summary = replace(summary, levels=levels)
        return summary

    def _origins(self) -> Iterator[str]:
        """The origins of the seeds that an earlier process has read; with headers, which go to them, of all."""
        if self._unread is not None:
            yield from origins_in(self._unread.name, self._unread.before())
            if self._settings.headers:
                yield from origins_in(self._unread.name, self._unread.after())

    def _feed(self, fetcher: Fetcher) -> SeedFeed | None:
        if self._unread is None:
            return None
        if isinstance(self._unread, ArrivingLines):
            loop = asyncio.get_running_loop()
            self._unread.on_arrival = partial(_in_loop, loop, self._poke)
        return SeedFeed(self._kernel, self._net, self._unread, fetcher.permit)

    def _poke(self) -> None:
        if self._shell is not None:
            self._shell.poke()

    def _surplus(self, surplus: Surplus) -> None:
        """Report a connection that was dropped because of unsolicited bytes."""
        self._account.connections_dropped += 1
        if self._on_event is not None:  # the state does not record it, so the event need not wait
            self._on_event({"event": "connection_dropped", **msgspec.structs.asdict(surplus)})

    def stop(self) -> None:
        """Start no more requests; running ones get some seconds to end."""
        if not self._interrupted:
            self._interrupted = True
            self._kernel.inject(self._net.gate.stop, StopRequest(), self._clock.now_ns())
            self._stopping.set()
            if self._shell is not None:
                self._shell.poke()

    def abort(self) -> None:
        """Stop at once."""
        self._interrupted = self._aborted = True
        if self._shell is not None:
            self._shell.abort()

    def snapshot(self) -> Snapshot:
        """The present numbers of the crawl. Cost: O(1)."""
        return self._account.snapshot(self._clock.now_ns())

    # Wiring.

    def _effects(self) -> dict[str, Any]:
        return {
            "fetch": Paced(self._fetch_in if self._net.sessions else self._fetch),
            "robots": Paced(self._robots),
            **({} if self._net.sitemaps is None else {"sitemap": Paced(self._sitemap)}),
            "parse": Plain(self._parse),
            "validate": Plain(
                self._validate if self._hooks.change_items else self._validator.validate
            ),
            "keep": Batched(self._keeper.keep),
        }

    async def _fetch(
        self, target: Target, proxy: Proxy, domain: Domain, start: Start
    ) -> VisitOutcome:
        asked: Target | Failed = target
        if target.request.login:
            asked = self._login_secrets.whole(target)
        if self._hooks.before and not isinstance(asked, Failed):
            asked = await self._hooks.sent(asked, self._stop_for)
        if isinstance(asked, Failed):
            return asked
        self._account.attempt()
        start_unless_paced(proxy, domain, start)
        outcome = await self._fetcher.fetch(asked, proxy, start, start.may_start)
        self._account.outcome(outcome)
        if target.request.login and isinstance(outcome, Redirected):
            self._login_secrets.moved(target, outcome)
        return visit_outcome(target, outcome)

    async def _fetch_in(
        self, target: Target, proxy: Proxy, domain: Domain, session: PooledSession, start: Start
    ) -> VisitOutcome:
        """As `_fetch`, in a session of the pool, unless the target has its own that was not given up."""
        if session.before in self._in_use:
            self._in_use.discard(session.before)
            self._fetcher.jars.forget(session.before)
        self._in_use.add(session.name)
        named = target.request.session
        if named and (named in self._in_use or not named.startswith(POOLED)):
            return await self._fetch(target, proxy, domain, start)
        own = asking(target, replace(target.request, session=session.name))
        outcome = await self._fetch(own, proxy, domain, start)
        if isinstance(outcome, Redirected):
            return replace(outcome, session=session.name)
        return outcome

    async def _validate(self, extracted: Extracted) -> ValidateOutcome:
        changed = await self._hooks.changed(extracted)
        if isinstance(changed, Bad):
            return changed
        outcome = with_dropped(self._validator.validate(changed), changed)
        if self._unique:
            outcome = self._unique.only_new(extracted.target, outcome)
        self._account.validated(outcome)
        return outcome

    def _stop_for(self, reason: str) -> None:
        """Start no more requests, as a function of the program wants; running ones end."""
        self._account.stopped(reason)
        self._kernel.inject(self._net.gate.stop, StopRequest(reason), self._clock.now_ns())
        if self._shell is not None:
            self._shell.poke()

    def _crowded(self, domain: str, wait_s: float) -> None:
        """Let a domain pause, since its page waits so long for a process that parses it."""
        penalty = self._policy.domains.crowded(domain, wait_s)
        self._kernel.inject(self._net.domains.penalties, penalty, self._clock.now_ns())

    def _parse(self, raw: Raw) -> ParseOutcome | Awaitable[ParseOutcome]:
        if self._bodies is not None:
            return self._parsed(self._parse_saved(raw, self._bodies))
        outcome = self._parser.parse(raw)
        if isinstance(outcome, Awaitable):
            return self._parsed(outcome)
        self._account.parsed(outcome)
        return self._login_secrets.hide(outcome)

    async def _parse_saved(self, raw: Raw, bodies: Bodies) -> ParseOutcome:
        """Save the body, and parse the page, whose item names the file. What belongs to a login is not saved."""
        saved = None if raw.target.request.login else await bodies.save(raw)
        page = raw if saved is None else replace(raw, response=replace(raw.response, saved=saved))
        outcome = self._parser.parse(page)
        done = await outcome if isinstance(outcome, Awaitable) else outcome
        refusal = None if saved is not None else bodies.refusal(raw)
        if refusal is not None and isinstance(done, Parsed):
            return replace(done, cut=(*done.cut, refusal))
        return done

    async def _parsed(self, outcome: Awaitable[ParseOutcome]) -> ParseOutcome:
        done = await outcome
        self._account.parsed(done)
        return self._login_secrets.hide(done)

    async def _robots(
        self, job: RobotsJob, proxy: Proxy, domain: Domain, start: Start
    ) -> RobotsOutcome:
        start_unless_paced(proxy, domain, start)
        return await self._fetcher.robots(job, proxy, start, start.may_start)

    async def _sitemap(
        self, job: SitemapJob, proxy: Proxy, domain: Domain, start: Start
    ) -> SitemapOutcome:
        start_unless_paced(proxy, domain, start)
        outcome = await self._fetcher.sitemap(job, proxy, start, start.may_start)
        if not isinstance(outcome, Fetched):
            return outcome
        policy, response = self._policy.sitemaps, outcome.response
        mapped = await to_thread.run_sync(mapped_from, policy, job, response)
        self._account.mapped(mapped)
        return mapped

    async def _run_shell(self, shell: Shell) -> Ended | None:
        ended: Ended | None = None
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._grace)
            try:
                ended = None if self._aborted else await shell.run()
            except (OutputError, StoreError) as error:  # the task group would wrap it
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
        self._account.take(rows)
        if self._failed is not None:
            for row in rows:
                if row.sink == self._net.failed_log.name:
                    self._failed.write(
                        json.dumps(failure_record(row.colour), ensure_ascii=False) + "\n"
                    )

    def _committer(self) -> Committer | None:
        state = self._state
        if state is None:
            return None
        return Committer(state.recorder, self._cut, state.commit, durable=self._events.durable)

    def _cut(self) -> Batch | None:
        """Cut a batch of what has happened since the last one; its events wait until it is durable."""
        assert self._state is not None
        self._events.cut()
        return self._state.recorder.cut(self._metadata)

    def _metadata(self, summary: Summary | None = None) -> Sequence[tuple[str, bytes]]:
        return self._account.metadata(self._clock.now_ns(), summary)


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Call a function on an event loop, from another thread, as long as the loop runs."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
