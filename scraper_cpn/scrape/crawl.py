"""The Python API for crawls.

Owns: `Crawl`, which collects options and runs sessions. Its options are those of the
command, with underscores. It installs no signal handlers and configures no logging.
Must not know: the command line.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import anyio
import anyio.to_thread
from anyio.streams.memory import MemoryObjectSendStream
from msgspec.structs import replace

from scraper_cpn.scrape.account.report import Summary
from scraper_cpn.scrape.arriving import PulledUrls, first_and_rest
from scraper_cpn.scrape.colours import Link, url_of
from scraper_cpn.scrape.fetch.loop import loop_options
from scraper_cpn.scrape.fetch.open_files import check_files
from scraper_cpn.scrape.items.bodies import bodies_of
from scraper_cpn.scrape.items.outputs import CheckedOutput, ItemOutput
from scraper_cpn.scrape.items.outputs.declared import (
    Output,
    OutputNames,
    names_of,
    open_declared,
    output_again,
)
from scraper_cpn.scrape.items.validate import Validator
from scraper_cpn.scrape.kernels import Prepared, prepare
from scraper_cpn.scrape.options.read import checked, settings_from
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.policy import Policy, first_policy
from scraper_cpn.scrape.program import F, Program
from scraper_cpn.scrape.session import Session
from scraper_cpn.scrape.settings import Settings, UsageError
from scraper_cpn.scrape.state.earlier import check_earlier
from scraper_cpn.scrape.urls import seed_url

if TYPE_CHECKING:
    from scraper_cpn.scrape.state.files import Keeping

T = TypeVar("T")
Again = str | float | Callable[[Page], str | float | None]
Seeds = str | Link | Iterable[str | Link]
"""A seed, or as the only argument any number of them."""


class Crawl(Program, Generic[T]):
    """A crawl: the type of its items, its limits, and its page handlers.

    Args:
        item: a msgspec Struct type that every item must fit; also the columns of the output. None:
            without handlers, one built-in item a page; with handlers, whatever they yield.
        start: seeds, for `run` and `stream` without URLs.
        output: where items go, for `run` and the command without another output; see `run`.
        banned: says of a page whether the site has refused the proxy by it, such as a captcha: the proxy rests for
            that domain, and the page is fetched again through another one. Without proxies it is fetched again
            later. It is called before the handler, and fails the page if it raises. It is not called for pages that
            are too large to be parsed at once, where there are no handlers.
        again_after: the time after which a page is visited again, as `revisit`; or a function that says it of each page
            (seconds or text such as "1h"; None: not again). It is called after the handler, when the content of the page
            is new; a page that has not changed rests as long as before. Where it can't be called, as of pages that are
            too large to be parsed at once without a handler, `revisit` counts, by default a day. If it raises, the page fails.
        options: any long option of the command, with underscores: `delay=1.0` (seconds, or text such
            as "500ms"), `max_pages=500`, `proxies="proxies.txt"`, ...

    Raises:
        UsageError: an unknown option, a value out of range, or a start that is no URL; one line that says which.
    """

    @overload
    def __init__(
        self: Crawl[Any],
        item: None = None,
        *,
        start: Sequence[str | Link] = (),
        output: Output = None,
        banned: Callable[[Page], bool] | None = None,
        again_after: Again | None = None,
        **options: Any,
    ) -> None: ...

    @overload
    def __init__(
        self,
        item: type[T],
        *,
        start: Sequence[str | Link] = (),
        output: Output = None,
        banned: Callable[[Page], bool] | None = None,
        again_after: Again | None = None,
        **options: Any,
    ) -> None: ...

    def __init__(
        self,
        item: type[T] | None = None,
        *,
        start: Sequence[str | Link] = (),
        output: Output = None,
        banned: Callable[[Page], bool] | None = None,
        again_after: Again | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.item_type = item
        if item is not None:
            Validator(item)  # says what is wrong with a type before anything is declared
        self.start = tuple(map(_seed, start))
        self.output = output
        self.options = options
        self.handlers.banned = banned
        if callable(again_after):
            self.hooks.again_after = again_after
            options.setdefault("revisit", "1d")
        elif again_after is not None:
            options["revisit"] = again_after
        self.settings = self.settings_with({})

    def login(
        self, url: str | Link, *, expired: Callable[[Page], Any] | None = None
    ) -> Callable[[F], F]:
        """Have the decorated handler log in at *url*, before any page is requested, once for each session.

        The handler is given that page; with a `Link`, the answer to its request, such as a POST with JSON. It returns the link that leads on, mostly `page.form(...).fill(...).submit()`,
        and the cookies of what comes back are the login. A link with `to=` has another page handled; without a link the
        login is over. Its pages go before all others, count like all others, and are not stored. *expired* says of any
        page whether it asks for a login. Such a page is not given to its handler, nor is one with status 401, or one that
        redirects to *url*: the session logs in anew, everything that needs it waits, and the page is requested again, as
        after a failed attempt. A login that fails stops the crawl.

        Raises `UsageError` for what is no URL, and for a second login.
        """
        declare = self.handlers.logging_in(url, expired)
        self.options["login"] = url_of(url)
        self.settings = self.settings_with({})
        return declare

    def settings_with(self, options: Mapping[str, Any]) -> Settings:
        """Return the settings of the crawl with these options in place of its own. Raises `UsageError`."""
        settings = settings_from({**self.options, **options})
        bans = self.handlers.banned is not None and bool(settings.proxies)
        return checked(replace(settings, page_bans=bans))

    def run(
        self,
        *urls: Seeds,
        output: Output = None,
        overwrite: bool = False,
        append: bool = False,
        state: str | Path | None = None,
    ) -> Summary:
        """Crawl from *urls* and return a summary. Blocks; in async code use `crawl`.

        Args:
            urls: the seeds, as URLs or `Link`s; by default those that the crawl starts from. One iterable of URLs may
                be given instead, and have any number of them: after the first 2,000, which may be `Link`s, it is
                asked for more as the crawl can use them. A crawl with a state reads all of it first.
            output: a file (.jsonl, .json, .csv, .db, .parquet, ...), `-` for standard output, None for that of the crawl, if it has one. Or
                a file for each type of items, `{Product: "products.csv", Review: "reviews.jsonl"}`; `object` stands for
                all others, which are dropped and counted without it.
            overwrite: replace an existing file.
            append: add to an existing file.
            state: keep the crawl in this new file, or at this address on PostgreSQL, so that `resume` can
                continue it.

        Raises:
            UsageError: a seed that is no URL, an output or a state that can't be written, a kernel that
                can't be built, more requests at a time than this process may have open files.
            OutputError: writing failed.
            StoreError: the state could not be written.
        """
        return anyio.run(
            partial(self.crawl, output=output, overwrite=overwrite, append=append, state=state),
            *urls,
            backend_options=loop_options(),
        )

    def resume(self, state: str | Path, output: Output = None) -> Summary:
        """Resume a crawl that `run` has kept in a state, and return a summary. Blocks.

        Options and handlers are those of this crawl; the scope must be unchanged. Items are added to the
        crawl's previous output, which is first truncated to its last saved item.

        Args:
            state: where the crawl is kept.
            output: where items go from now on, as for `run`; by default where they went. An output for each type of items
                is needed again, here or in `Crawl(output=...)`, since a state has no classes. The file of a type may be a new one.

        Raises:
            UsageError: the scope differs, the output was changed since, or is missing.
            StoreError: the state can't be read or written; nothing is half-written.
        """
        return anyio.run(self.resumed, state, output, backend_options=loop_options())

    async def resumed(self, state: str | Path, output: Output = None) -> Summary:
        """Like `resume`, for async code."""
        from scraper_cpn.scrape.state.files import Keeping, past, same_crawl
        from scraper_cpn.store.states import location_of

        path = location_of(state)
        before = past(path, None)
        settings = same_crawl(before, self.settings)
        output = output_again(before.output, self.output) if output is None else output
        sink = self._sink(output, state=path, kept=before.lengths)
        keeping = Keeping(path=path, past=before)
        return await self._keep(keeping, settings, before.kept.seeds, sink, names_of(output))

    async def crawl(
        self,
        *urls: Seeds,
        output: Output = None,
        overwrite: bool = False,
        append: bool = False,
        state: str | Path | None = None,
    ) -> Summary:
        """Like `run`, for async code. Cancel it to stop at once."""
        output = self.output if output is None else output
        check_earlier(self.settings)
        if state is None:
            if self.settings.keep_cookies:
                raise UsageError(
                    "keep-cookies: there is no state; give state, or leave keep-cookies out"
                )
            sink = self._sink(output, overwrite=overwrite, append=append)
            return await self._run(await self._prepared_session(urls, sink), sink)
        from scraper_cpn.scrape.state.files import Keeping, refuse_existing
        from scraper_cpn.store.states import location_of

        place = location_of(state)
        refuse_existing(place, None)
        sink = self._sink(output, state=place, overwrite=overwrite, append=append)
        handled = bool(len(self.handlers)) or self.item_type is not None
        seeds, unread = self._first(urls)
        several = isinstance(output, Mapping)
        keeping = Keeping(path=place, handled=handled or several, unread=unread)
        return await self._keep(keeping, self.settings, seeds, sink, names_of(output))

    async def stream(self, *urls: Seeds) -> AsyncGenerator[T, None]:
        """Crawl from *urls* and yield each item as soon as it is validated.

        A slow consumer slows the crawl: stages fill up, and fetching stops until there is room. Leave
        the loop to stop the crawl (close the generator, or let `contextlib.aclosing` do it).
        """
        send, receive = anyio.create_memory_object_stream[T](0)
        feeding = asyncio.create_task(self._feed(urls, send))
        try:
            async with receive:
                async for item in receive:
                    yield item
            await feeding
        finally:
            feeding.cancel()
            await asyncio.wait([feeding])

    def session(self, urls: Sequence[str | Link] = (), **given: Any) -> Session:
        """A session of this crawl, not yet running: for progress, `stop`, and everything else.

        With `kernel="native"` the first call takes about a minute to build the kernel, and raises `UsageError`
        if it can't be built.
        """
        return self._session(self._seeds(urls), **given)

    def _session(self, seeds: Sequence[str | Link], **given: Any) -> Session:
        self.handlers.check()
        validator = Validator(self.item_type, self.settings.schema, self.settings.files)
        return Session(
            self.settings,
            seeds,
            handlers=self.handlers,
            hooks=self.hooks,
            validator=validator,
            **given,
        )

    def seeds(self, given: Sequence[str | Link] = ()) -> tuple[str | Link, ...]:
        """The seeds of a crawl, normalised: *given* ones, or else those that it starts from; the list may be empty.

        Raises `UsageError` for an invalid URL, or a link with invalid options.
        """
        seeds = tuple(map(_seed, given)) or self.start
        checked_seeds = tuple(
            seed if isinstance(seed, str) else self.handlers.seed(seed, number)
            for number, seed in enumerate(seeds)
        )
        return self.hooks.seeds_in_order(checked_seeds)

    def _seeds(self, urls: Sequence[str | Link]) -> tuple[str | Link, ...]:
        seeds = self.seeds(urls)
        if not seeds:
            raise UsageError("nothing to crawl: give a URL, or start=[...] to Crawl")
        return seeds

    def _first(self, urls: Sequence[Seeds]) -> tuple[Sequence[str | Link], PulledUrls | None]:
        """The seeds with which a crawl starts, and those that it reads later."""
        first, rest = first_and_rest(urls)
        return self._seeds(first), rest

    def _sink(self, output: Output, **how: Any) -> CheckedOutput | None:
        kind = dict if len(self.handlers) and self.item_type is None else self.item_type
        form = {"fields": self.settings.fields, **self.settings.output_form}
        return open_declared(output, kind, form, **how)

    async def _prepared_session(self, urls: Sequence[Seeds], output: ItemOutput | None) -> Session:
        """A session that is not kept, whose kernel was built before anything is opened."""
        (seeds, unread), bodies = self._first(urls), bodies_of(self.settings)
        prepared = await _ready(first_policy(self.settings, seeds, fed=unread is not None))
        return self._session(seeds, output=output, bodies=bodies, prepared=prepared, unread=unread)

    async def _run(self, session: Session, sink: CheckedOutput | None) -> Summary:
        try:
            if sink is not None:
                await sink.open()
            summary = await session.run()
        finally:
            if sink is not None:
                with anyio.CancelScope(shield=True):
                    await sink.close()
        await self.hooks.end(summary)
        return summary

    async def _keep(
        self,
        keeping: Keeping,
        settings: Settings,
        seeds: Sequence[str | Link],
        sink: CheckedOutput | None,
        output: OutputNames,
    ) -> Summary:
        """Run a session in a state."""
        from scraper_cpn.scrape.state.files import kept_in

        bodies = bodies_of(settings, continued=keeping.saves_in(settings.save_bodies))
        prepared = await _ready(keeping.opening(settings, seeds).policy, kept=True)
        async with kept_in(keeping, settings, seeds, sink, output, prepared=prepared) as state:
            session = self._session(seeds, output=sink, state=state, bodies=bodies)
            summary = await session.run()
        await self.hooks.end(summary)
        return summary

    async def _feed(self, urls: Sequence[Seeds], send: MemoryObjectSendStream[T]) -> None:
        async with send:
            summary = await (await self._prepared_session(urls, _Stream(send))).run()
        await self.hooks.end(summary)


def _seed(given: str | Link) -> str | Link:
    """A seed, normalised if it is a URL. A link is checked later: its handler may not be declared yet."""
    return given if isinstance(given, Link) else seed_url(given)


async def _ready(policy: Policy, *, kept: bool = False) -> Prepared:
    """Check what may be refused before anything is opened; build the kernel in a thread, as that takes a while."""
    check_files(policy.settings.concurrency)
    if policy.settings.kernel != "native":
        return prepare(policy, kept=kept)
    return await anyio.to_thread.run_sync(partial(prepare, policy, kept=kept))


class _Stream(ItemOutput):
    """An output that a program reads: a write waits until each item was taken."""

    def __init__(self, send: MemoryObjectSendStream[Any]) -> None:
        self._send = send

    async def write(self, batch: Sequence[Any]) -> None:
        for item in batch:
            await self._send.send(item)

    async def close(self) -> None:
        await self._send.aclose()
