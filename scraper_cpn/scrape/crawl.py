"""The Python API: a crawl as a program writes it.

Owns: `Crawl`, which gathers options and page handlers and runs sessions. Its options are those of the
command, with underscores. Installs no signal handlers and configures no logging.
Must not know: the command line.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from scraper_cpn.scrape.handlers import Handlers
from scraper_cpn.scrape.options import settings_from
from scraper_cpn.scrape.outputs import Output, open_output
from scraper_cpn.scrape.report import Summary
from scraper_cpn.scrape.session import Session
from scraper_cpn.scrape.settings import Settings, UsageError

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class Crawl(Generic[T]):
    """A crawl: what its items are, how fast it may go, and what makes items of pages.

    Args:
        item: a msgspec Struct type that every item must fit; also the columns of the output. None:
            without handlers, one built-in item a page; with handlers, whatever they yield.
        start: seeds, for `run` and `stream` without URLs.
        options: any long option of the command, with underscores: `delay=1.0` (seconds, or text such
            as "500ms"), `max_pages=500`, `proxies="proxies.txt"`, ...

    Raises:
        UsageError: an unknown option, or a value out of range; one line that says which.
    """

    def __init__(
        self, item: type[T] | None = None, *, start: Sequence[str] = (), **options: Any
    ) -> None:
        self.item = item
        self.start = tuple(start)
        self.options = options
        self.settings: Settings = settings_from(options)
        self.handlers = Handlers()

    def page(self, pattern: str = "*") -> Callable[[F], F]:
        """Declare the decorated function the handler of pages whose URL matches a glob *pattern*.

        The function is given a `Page` and yields items and `Link`s (or returns one, or a list); it may
        be async. It stays what it is: call it on a `Page.from_html(...)` to test it. The first handler
        declared that matches is used, unless a link names its handler (`to=`).
        """
        return self.handlers.page(pattern)

    def run(
        self,
        *urls: str,
        output: str | Path | None = None,
        overwrite: bool = False,
        append: bool = False,
    ) -> Summary:
        """Crawl from *urls* and return what came of it. Blocks; in async code use `crawl`.

        Args:
            urls: the seeds; by default those that the crawl starts from.
            output: a file (.jsonl, .csv, .db, .sqlite), `-` for standard output, None to keep nothing.
            overwrite: replace an existing file.
            append: add to an existing file.

        Raises:
            UsageError: a seed that is no URL, or an output that can't be written.
            OutputError: writing failed.
        """
        return anyio.run(self._run, urls, output, overwrite, append)

    async def crawl(
        self,
        *urls: str,
        output: str | Path | None = None,
        overwrite: bool = False,
        append: bool = False,
    ) -> Summary:
        """Like `run`, for async code. Cancel it to stop at once."""
        return await self._run(urls, output, overwrite, append)

    async def stream(self, *urls: str) -> AsyncGenerator[T, None]:
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

    def session(self, urls: Sequence[str] = (), **given: Any) -> Session:
        """A session of this crawl, not yet running: for progress, `stop`, and everything else."""
        seeds = tuple(urls) or self.start
        if not seeds:
            raise UsageError("nothing to crawl: give a URL, or start=[...] to Crawl")
        return Session(self.settings, seeds, handlers=self.handlers, item_type=self.item, **given)

    async def _run(
        self, urls: Sequence[str], output: str | Path | None, overwrite: bool, append: bool
    ) -> Summary:
        sink = None
        if output is not None:
            kind = dict if len(self.handlers) and self.item is None else self.item
            sink = open_output(
                str(output),
                overwrite=overwrite,
                append=append,
                item=kind,
                fields=self.settings.fields,
            )
        session = self.session(urls, output=sink)
        try:
            if sink is not None:
                await sink.open()
            return await session.run()
        finally:
            if sink is not None:
                with anyio.CancelScope(shield=True):
                    await sink.close()

    async def _feed(self, urls: Sequence[str], send: MemoryObjectSendStream[T]) -> None:
        async with send:
            await self.session(urls, output=_Stream(send)).run()


class _Stream(Output):
    """An output whose reader is a program: a write waits until each item was taken."""

    def __init__(self, send: MemoryObjectSendStream[Any]) -> None:
        self._send = send

    async def write(self, batch: Sequence[Any]) -> None:
        for item in batch:
            await self._send.send(item)

    async def close(self) -> None:
        await self._send.aclose()
