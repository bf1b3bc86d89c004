"""One crawl: the net, its kernel, its effects and the shell, put together.

Owns: the wiring of a crawl, its initial tokens, its counters for people. It decides nothing: the net decides
what is fetched, and when.
Must not know: the command line, how progress is shown, signals.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TextIO

import anyio
import msgspec
from msgspec.structs import astuple, replace

from scraper_cpn.net import Ended, Kernel, Row
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.run.clock import Clock
from scraper_cpn.run.committer import Committer
from scraper_cpn.run.shell import Shell
from scraper_cpn.scrape.account.accounting import Accounting
from scraper_cpn.scrape.account.ledger import failure_record
from scraper_cpn.scrape.account.levels import waiting
from scraper_cpn.scrape.account.report import Snapshot, Summary
from scraper_cpn.scrape.arriving import ArrivingLines, KeptLines
from scraper_cpn.scrape.colours import Link, StopRequest, url_of
from scraper_cpn.scrape.effects import Effects, Tools
from scraper_cpn.scrape.feed import SeedFeed
from scraper_cpn.scrape.fetch.client import Surplus
from scraper_cpn.scrape.hooks import Hooks
from scraper_cpn.scrape.items.bodies import Bodies
from scraper_cpn.scrape.items.keep import Keeper
from scraper_cpn.scrape.items.outputs import ItemOutput, OutputError
from scraper_cpn.scrape.items.outputs.by_type import OutputsByType
from scraper_cpn.scrape.items.validate import Validator
from scraper_cpn.scrape.kernels import Prepared, prepare
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import open_crawl
from scraper_cpn.scrape.pages.handlers import Handlers
from scraper_cpn.scrape.policy import first_policy
from scraper_cpn.scrape.redact import redacted
from scraper_cpn.scrape.seeds import BadSeed, Unread, origins_in
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.state.earlier import first_targets
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
        self._handlers = handlers
        self._hooks = hooks or Hooks()
        if isinstance(output, OutputsByType):  # an item of no such type is dropped at last
            self._hooks = self._hooks.ending_with(output.taken)
        self._validator = validator or Validator(None, settings.schema, settings.files)
        self._keeper = Keeper(output, on_item)
        self._bodies = bodies
        self._account = Accounting(
            self._kernel, self._net, settings, self._unread, clock_ns=self._clock.now_ns
        )
        self._failed = failed
        self._shell: Shell | None = None
        self._interrupted = self._aborted = False
        self._stopping = anyio.Event()
        if state is not None:
            self._account.go_on(state)
            if state.lacks_lines:
                _log.warning("lines of standard input that were not read before are lost")
            lost = state.account.cookies
            if lost and not (state.vault and state.vault.jars):
                _log.warning(
                    "the state has no cookies (--keep-cookies): the crawl goes on without the %d that it had; "
                    "a request that was made for them, such as a form's, may be refused",
                    lost,
                )
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
            frontier = self._net.policy.frontier
            targets = first_targets(self._net.policy, self._seeds, now_ns)
            bad_seeds = [frontier.bad_seed(*astuple(each)) for each in self._bad]
            open_crawl(self._kernel, self._net, targets, now_ns, bad_seeds)
        self._tools = self._new_tools()
        async with self._tools:
            self._effects = Effects(
                self._tools, self._net, self._kernel, self._clock, self._account, self._poke
            )
            self._shell = Shell(
                self._kernel,
                self._effects.bindings(),
                self._clock,
                on_rows=self._take,
                fatal=(OutputError,),
                committer=self._committer(),
                feed=self._feed(),
                telling=redacted,
            )
            ended = await self._run_shell(self._shell)
        summary = self._account.summary(ended, self._clock.now_ns(), interrupted=self._interrupted)
        summary = replace(summary, cookies_dropped=dict(self._tools.fetcher.jars.dropped))
        if self._state is not None:
            await self._state.end(partial(self._metadata, summary))
            self._events.cut()
            self._events.durable()
        elif (self._handlers is not None or self._settings.prefer) and summary.left:
            levels = waiting(self._kernel, self._net, self._clock.now_ns())
            summary = replace(summary, levels=levels)
        return summary

    # Wiring.

    def _new_tools(self) -> Tools:
        tools = Tools(
            self._net.policy,
            self._keeper,
            handlers=self._handlers,
            hooks=self._hooks,
            validator=self._validator,
            bodies=self._bodies,
            origins=[*map(url_of, self._seeds), *self._origins()],
            clock_ns=self._clock.now_ns,
            crowded=self._crowded,
            on_surplus=self._surplus,
        )
        self._account.cookies = tools.fetcher.jars.__len__
        if self._state is not None and self._state.vault is not None:
            tools.fetcher.jars.restore(self._state.vault.jars)
        if self._state is not None and tools.unique:
            tools.unique.know((page, body) for page, _, _, body in self._state.store.items())
        return tools

    def _origins(self) -> Iterator[str]:
        """The origins of the seeds that an earlier process has read; with headers, which go to them, of all."""
        if self._unread is not None:
            yield from origins_in(self._unread.name, self._unread.before())
            if self._settings.headers:
                yield from origins_in(self._unread.name, self._unread.after())

    def _feed(self) -> SeedFeed | None:
        if self._unread is None:
            return None
        if isinstance(self._unread, ArrivingLines | KeptLines):
            loop = asyncio.get_running_loop()
            self._unread.tell(partial(_in_loop, loop, self._poke))
        return SeedFeed(self._kernel, self._net, self._unread, self._tools.fetcher.permit)

    def _poke(self) -> None:
        if self._shell is not None:
            self._shell.poke()

    def _crowded(self, domain: str, wait_s: float) -> None:
        self._effects.crowded(domain, wait_s)

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
        return self._state.cut(self._metadata)

    def _metadata(self, summary: Summary | None = None) -> Sequence[tuple[str, bytes]]:
        now_ns = self._clock.now_ns()
        metadata = self._account.metadata(now_ns, summary)
        if self._state is None or self._state.vault is None:
            return metadata
        jars = self._tools.fetcher.jars
        last = summary is not None
        return [*metadata, *self._state.vault.metadata(jars.version, jars.kept, now_ns, last=last)]


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    """Call a function on an event loop, from another thread, as long as the loop runs."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(call)
