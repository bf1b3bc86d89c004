"""The effects of the scrape net on the real web, in asyncio.

Owns: `Tools`, what all crawls of a process fetch, parse, check and keep pages with; `Effects`, the effects of one kernel,
which count in its account.
Must not know: the shell, states, the command line. It decides nothing: the net decides what is fetched, and when.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from anyio import to_thread
from msgspec.structs import replace

from scraper_cpn.net import Kernel
from scraper_cpn.run.clock import Clock
from scraper_cpn.run.effects import Batched, Paced, Plain, Start
from scraper_cpn.scrape.account.accounting import Accounting
from scraper_cpn.scrape.colours import (
    Bad,
    Deferred,
    Domain,
    Extracted,
    Failed,
    Fetched,
    FileJob,
    FileOutcome,
    Link,
    Mapped,
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
)
from scraper_cpn.scrape.fetch.answers import visit_outcome
from scraper_cpn.scrape.fetch.client import Surplus
from scraper_cpn.scrape.fetch.fetcher import Fetcher, ip_of, start_unless_paced
from scraper_cpn.scrape.hooks import Hooks, with_dropped
from scraper_cpn.scrape.items.bodies import Bodies
from scraper_cpn.scrape.items.keep import Keeper
from scraper_cpn.scrape.items.validate import Validator
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.pages.handlers import Handlers
from scraper_cpn.scrape.pages.hooked import HookError
from scraper_cpn.scrape.pages.login_secrets import LoginSecrets
from scraper_cpn.scrape.pages.logins import sign_on_of
from scraper_cpn.scrape.pages.parse import Parser
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.frontier import in_session
from scraper_cpn.scrape.policy.visits import state_of
from scraper_cpn.scrape.sitemaps import mapped_from


class Tools:
    """What the pages of a crawl are fetched, parsed, checked and kept with. Use it as an async context.

    Args:
        policy: of the crawl.
        keeper: keeps items.
        handlers: the page handlers; None for one built-in item for each page.
        hooks: other functions of a program.
        validator: checks the items; by default that they can be JSON, and fit the settings' schema.
        bodies: saves the bodies of pages, not open yet; None to save none.
        origins: of the seeds: what a user's headers go to.
        clock_ns: the crawl's time (UTC, since 1970).
        crowded: is called with a domain whose page waits for a process that parses it, and how many seconds.
        on_surplus: is called for each connection that was dropped because of unsolicited bytes.
    """

    def __init__(
        self,
        policy: Policy,
        keeper: Keeper,
        *,
        handlers: Handlers | None,
        hooks: Hooks,
        validator: Validator | None,
        bodies: Bodies | None,
        origins: Iterable[str],
        clock_ns: Callable[[], int],
        crowded: Callable[[str, float], None],
        on_surplus: Callable[[Surplus], None],
    ) -> None:
        settings = policy.settings
        known = Handlers() if handlers is None else handlers
        self.keeper = keeper
        self.hooks = hooks
        self._frontier = policy.frontier
        self.validator = validator or Validator(None, settings.schema, settings.files)
        self.bodies = bodies
        self.unique = hooks.unique.anew()
        self.login_secrets = LoginSecrets(known.login_request)
        self.parser = Parser(
            settings,
            self._discover if hooks.priorities else policy.frontier.discover,
            handlers,
            after=tuple(hooks.after),
            again_ns=hooks.again_ns if hooks.again_after else None,
            crowded=crowded,
            file_job=policy.files.job if settings.files else None,
            refused=policy.frontier.refused,
            sign_on=sign_on_of(settings, known, policy.requests.logins),
        )
        self.fetcher = Fetcher(
            settings,
            seeds=origins,
            wall_ns=clock_ns,
            monotonic_ns=clock_ns,
            on_surplus=on_surplus,
            also=known.statuses,
        )
        self._open = AsyncExitStack()

    def _discover(self, page: Target, links: Iterable[Link], found_ns: int) -> tuple[Target, ...]:
        """The targets of links, with the priorities that the program gives them."""
        found = self._frontier.discover(page, links, found_ns)
        return self.hooks.in_order(found, self._frontier)

    def mapped(self, mapped: Mapped) -> Mapped | Failed:
        """A sitemap with the priorities that the program gives to its URLs."""
        try:
            return replace(mapped, targets=self.hooks.in_order(mapped.targets, self._frontier))
        except HookError as error:
            return Failed("hook", str(error), retry=False)

    async def __aenter__(self) -> Self:
        """Open what needs it."""
        async with AsyncExitStack() as stack:
            if self.bodies is not None:
                await stack.enter_async_context(self.bodies)
            await stack.enter_async_context(self.fetcher)
            await stack.enter_async_context(self.parser)
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close everything."""
        await self._open.__aexit__(kind, error, trace)


class Effects:
    """The effects of one kernel of the scrape net.

    Args:
        tools: open while effects run.
        net: the kernel's.
        kernel: gets what stops the crawl.
        clock: the kernel's time.
        account: counts what happens.
        poke: is called after something was injected.
    """

    def __init__(
        self,
        tools: Tools,
        net: ScrapeNet,
        kernel: Kernel,
        clock: Clock,
        account: Accounting,
        poke: Callable[[], None],
    ) -> None:
        self._tools = tools
        self._net = net
        self._kernel = kernel
        self._clock = clock
        self._account = account
        self._poke = poke
        self._keeps = net.policy.requests.visits.keeps

    def bindings(self) -> dict[str, Any]:
        """The binding of each effect of the net."""
        tools = self._tools
        return {
            "fetch": Paced(self._fetch_in if self._net.sessions else self._fetch),
            "robots": Paced(self._robots),
            **({} if self._net.sitemaps is None else {"sitemap": Paced(self._sitemap)}),
            **({"file": Paced(self._file)} if self._net.files else {}),
            **({"resolve": Plain(tools.fetcher.address)} if self._net.addresses else {}),
            "parse": Plain(self._parse),
            "validate": Plain(
                self._validate if tools.hooks.change_items else tools.validator.validate
            ),
            "keep": Batched(tools.keeper.keep),
        }

    def crowded(self, domain: str, wait_s: float) -> None:
        """Let a domain pause, since its page waits so long for a process that parses it."""
        penalty = self._net.policy.domains.crowded(domain, wait_s)
        self._kernel.inject(self._net.domains.penalties, penalty, self._clock.now_ns())

    def stop_for(self, reason: str) -> None:
        """Start no more requests, as a function of the program wants; running ones end."""
        self._account.stopped(reason)
        self._kernel.inject(self._net.gate.stop, StopRequest(reason), self._clock.now_ns())
        self._poke()

    # Requests.

    async def _fetch(
        self, target: Target, proxy: Proxy, domain: Domain, start: Start, jar: str | None = None
    ) -> VisitOutcome:
        """Fetch a page with the cookies of its session, or of the *jar* of this name."""
        tools = self._tools
        asked: Target | Failed = target
        if target.request.login:
            asked = tools.login_secrets.whole(target)
        if tools.hooks.before and not isinstance(asked, Failed):
            asked = await tools.hooks.sent(asked, self.stop_for)
        if isinstance(asked, Failed):
            return asked
        if jar is not None:
            asked = in_session(asked, jar)
        self._account.attempt()
        start_unless_paced(proxy, domain, start)
        outcome = await tools.fetcher.fetch(asked, proxy, start, start.may_start, ip=ip_of(target))
        self._account.outcome(outcome)
        if target.request.login and isinstance(outcome, Redirected):
            tools.login_secrets.moved(target, outcome)
        if self._keeps and isinstance(outcome, Fetched):
            return replace(outcome, visit=state_of(outcome))
        return visit_outcome(target, outcome)

    async def _fetch_in(
        self, target: Target, proxy: Proxy, domain: Domain, session: PooledSession, start: Start
    ) -> VisitOutcome:
        """As `_fetch`, with the cookies of a session; those of the one whose place it has taken are thrown away."""
        self._tools.fetcher.jars.forget(session.before)
        return await self._fetch(target, proxy, domain, start, session.jar)

    async def _validate(self, extracted: Extracted) -> ValidateOutcome:
        tools = self._tools
        changed = await tools.hooks.changed(extracted)
        if isinstance(changed, Bad):
            return changed
        outcome = with_dropped(tools.validator.validate(changed), changed)
        if tools.unique:
            outcome = tools.unique.only_new(extracted.target, outcome)
        self._account.validated(outcome)
        return outcome

    def _parse(self, raw: Raw) -> ParseOutcome | Awaitable[ParseOutcome]:
        tools = self._tools
        if tools.bodies is not None:
            return self._parsed(raw, self._parse_saved(raw, tools.bodies))
        outcome = tools.parser.parse(raw)
        if isinstance(outcome, Awaitable):
            return self._parsed(raw, outcome)
        return self._noted(raw, outcome)

    async def _parse_saved(self, raw: Raw, bodies: Bodies) -> ParseOutcome:
        """Save the body, and parse the page, whose item names the file. What belongs to a login is not saved."""
        saved = None if raw.target.request.login else await bodies.save(raw)
        page = raw if saved is None else replace(raw, response=replace(raw.response, saved=saved))
        outcome = self._tools.parser.parse(page)
        done = await outcome if isinstance(outcome, Awaitable) else outcome
        refusal = None if saved is not None else bodies.refusal(raw)
        if refusal is not None and isinstance(done, Parsed):
            return replace(done, cut=(*done.cut, refusal))
        return done

    async def _parsed(self, raw: Raw, outcome: Awaitable[ParseOutcome]) -> ParseOutcome:
        return self._noted(raw, await outcome)

    def _noted(self, raw: Raw, outcome: ParseOutcome) -> ParseOutcome:
        """Return an outcome as the net and the journal get it."""
        self._account.parsed(outcome)
        if isinstance(outcome, Deferred):
            return replace(outcome, status=raw.response.status or None)
        return self._tools.login_secrets.hide(outcome)

    async def _robots(
        self, job: RobotsJob, proxy: Proxy, domain: Domain, start: Start
    ) -> RobotsOutcome:
        start_unless_paced(proxy, domain, start)
        return await self._tools.fetcher.robots(job, proxy, start, start.may_start)

    async def _sitemap(
        self, job: SitemapJob, proxy: Proxy, domain: Domain, start: Start
    ) -> SitemapOutcome:
        start_unless_paced(proxy, domain, start)
        outcome = await self._tools.fetcher.sitemap(job, proxy, start, start.may_start)
        if not isinstance(outcome, Fetched):
            return outcome
        policy, response = self._net.policy.sitemaps, outcome.response
        mapped = await to_thread.run_sync(mapped_from, policy, job, response)
        self._account.mapped(mapped)
        return self._tools.mapped(mapped) if self._tools.hooks.priorities else mapped

    async def _file(self, job: FileJob, proxy: Proxy, domain: Domain, start: Start) -> FileOutcome:
        """Fetch a file, and save it if its type and size permit that."""
        tools, policy = self._tools, self._net.policy
        assert tools.bodies is not None, "--files needs --save-bodies"
        start_unless_paced(proxy, domain, start)
        target, most = policy.files.target(job), policy.settings.max_file_bytes
        outcome = await tools.fetcher.fetch(target, proxy, start, start.may_start, most, ip_of(job))
        if not isinstance(outcome, Fetched):
            return outcome
        filed = await tools.bodies.file(Raw(target, outcome.response, proxy.proxy))
        self._account.filed(filed)
        return filed
