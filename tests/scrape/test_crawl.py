"""The Python API over loopback: a crawl as a program writes it."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import msgspec
import pytest

from mocks.server import LoopbackWeb
from scraper_cpn import Crawl, Link, Page, UsageError
from scraper_cpn.scrape.parts.pipeline import PARSERS, STAGE
from scraper_cpn.simulate.web import WebSpec
from scraper_cpn.simulate.webspec import MILLISECOND as MS

pytestmark = pytest.mark.anyio

SPEC = WebSpec(pages=13, links=3)
"""A tree: the seed, three pages below it, nine below those."""
SEED = "http://h0.example/"
AT_ONCE = 8
MOST = 2 * STAGE + 2 * AT_ONCE + PARSERS
"""How many pages are fetched, at most, while nobody takes an item."""
QUICK: dict[str, Any] = {"delay": 0, "per_domain": 4, "backoff": "1ms"}


class Thing(msgspec.Struct):
    """An item of the synthetic web."""

    name: str
    price: float


def things(page: Page) -> Iterator[Thing | Link]:
    """All items of a page, and its links."""
    for item in page.css(".item"):
        yield Thing(item.text(".name", ""), float(item.text(".price", "nan")))
    yield from page.links()


def shop(web: LoopbackWeb, item: type[Any] | None = Thing, **options: Any) -> Crawl[Any]:
    """A crawl of *web*'s first host through its proxy."""
    return Crawl(item, start=[SEED], proxy=list(web.proxy_urls), **{**QUICK, **options})


async def test_items_of_a_handler_are_written_as_their_type_says(tmp_path: Path) -> None:
    """Every item of every page is in the output, with the fields of the type."""
    output = tmp_path / "things.jsonl"
    async with LoopbackWeb(SPEC, proxies=1) as web:
        crawl = shop(web)
        crawl.page()(things)
        summary = await crawl.crawl(output=output)
    found = [msgspec.json.decode(line, type=Thing) for line in output.read_bytes().splitlines()]
    assert (summary.pages, summary.items, len(found)) == (13, 39, 39)
    assert {thing.name for thing in found} == {
        f"Item {k} of h0.example {page}" for k in range(3) for page in range(13)
    }


async def test_without_handlers_a_page_is_an_item(tmp_path: Path) -> None:
    """The built-in item has the URL, the title and the fields that were asked for."""
    output = tmp_path / "pages.jsonl"
    async with LoopbackWeb(SPEC, proxies=1) as web:
        crawl = shop(web, None, field={"first": ".name"})
        assert (await crawl.crawl(output=output)).pages == 13
    rows = [json.loads(line) for line in output.read_bytes().splitlines()]
    assert {row["title"] for row in rows} == {f"Page {page} of h0.example" for page in range(13)}
    assert all(row["fields"]["first"].startswith("Item 0 of") for row in rows)


def test_run_blocks_and_returns_the_summary(tmp_path: Path) -> None:
    """`run` is `crawl` for programs without an event loop; it leaves signals and logging alone."""
    logs = (logging.getLogger().level, list(logging.getLogger().handlers))
    found: dict[str, Any] = {}

    async def serve() -> None:
        async with LoopbackWeb(SPEC, proxies=1) as web:
            crawl = shop(web)

            @crawl.page()
            def handler(page: Page) -> Iterator[Thing | Link]:
                found["signals"] = (
                    signal.getsignal(signal.SIGINT),
                    signal.getsignal(signal.SIGTERM),
                )
                return things(page)

            found["before"] = (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
            found["summary"] = await anyio.to_thread.run_sync(crawl.run)

    anyio.run(serve)
    assert (found["summary"].ended, found["summary"].items) == ("finished", 39)
    assert found["signals"] == found["before"]
    assert (logging.getLogger().level, list(logging.getLogger().handlers)) == logs


async def test_handlers_may_be_sync_or_async_and_links_choose_them() -> None:
    """A link's `to=` names the handler of its page; without it the URL's pattern chooses."""
    calls: list[tuple[str, str]] = []
    async with LoopbackWeb(SPEC, proxies=1) as web:
        crawl = shop(web, None)

        @crawl.page("*.example/")
        async def front(page: Page) -> AsyncIterator[Link]:
            calls.append(("front", page.url))
            await asyncio.sleep(0)
            for link in list(page.links('a[href^="/p/"]', to=named))[:2]:
                yield link
            for link in list(page.links('a[href="/p/3"]')):
                yield link

        @crawl.page("nothing fits this")
        def named(page: Page) -> None:
            calls.append(("named", page.url))

        @crawl.page("*/p/3")
        async def third(page: Page) -> dict[str, str]:
            calls.append(("third", page.url))
            return {"url": page.url}

        items = [item async for item in crawl.stream()]
    assert sorted(calls) == [
        ("front", SEED),
        ("named", f"{SEED}p/1"),
        ("named", f"{SEED}p/2"),
        ("third", f"{SEED}p/3"),
    ]
    assert items == [{"url": f"{SEED}p/3"}]


async def test_a_handler_that_raises_costs_its_page_alone() -> None:
    """The failed log has the traceback, and the crawl goes on."""
    rows: list[dict[str, Any]] = []
    async with LoopbackWeb(WebSpec(pages=13, links=12), proxies=1) as web:
        crawl = shop(web)

        @crawl.page()
        def handler(page: Page) -> Iterator[Thing | Link]:
            if page.url.endswith("/p/2"):
                raise ZeroDivisionError("no such price")
            return things(page)

        summary = await crawl.session(on_event=rows.append).run()
    failed = [row for row in rows if row["event"] == "failed"]
    assert [(row["url"], row["kind"], row["final"]) for row in failed] == [
        (f"{SEED}p/2", "handler", True)
    ]
    assert "ZeroDivisionError: no such price" in failed[0]["detail"]
    assert "test_crawl.py" in failed[0]["detail"]
    assert (summary.ended, summary.failed, summary.items) == ("finished", 1, 12 * 3)


async def test_an_item_that_does_not_fit_its_type_is_left_out_and_counted() -> None:
    """Each such item is a row `invalid`; the page and its other items go on."""
    rows: list[dict[str, Any]] = []
    async with LoopbackWeb(WebSpec(pages=1), proxies=1) as web:
        crawl = shop(web)

        @crawl.page()
        def handler(page: Page) -> Iterator[Any]:
            yield Thing("good", 1.0)
            yield Thing("bad", "dear")  # type: ignore[arg-type]
            yield {"name": "ugly"}

        summary = await crawl.session(on_event=rows.append).run()
    invalid = [row["reason"] for row in rows if row.get("kind") == "invalid"]
    assert len(invalid) == 2
    assert summary.items == 1


async def test_stream_gives_every_item() -> None:
    """Items come as they are validated, and the loop ends with the crawl."""
    async with LoopbackWeb(SPEC, proxies=1) as web:
        crawl = shop(web)
        crawl.page()(things)
        assert len([item async for item in crawl.stream()]) == 39


async def test_leaving_a_stream_stops_the_crawl() -> None:
    """Once the loop is left nothing more is asked for, and nothing of the crawl goes on."""
    async with LoopbackWeb(WebSpec(pages=60, links=5, latency_ns=5 * MS), proxies=1) as web:
        crawl = shop(web)
        crawl.page()(things)
        async with aclosing(crawl.stream()) as items:
            async for _ in items:
                break
            assert tasks()
        assert tasks() == []
        assert len(web.log) < 60


def tasks() -> list[str]:
    """The names of the package's coroutines that go on as tasks."""
    codes = [getattr(task.get_coro(), "cr_code", None) for task in asyncio.all_tasks()]
    return [code.co_name for code in codes if code and "/scraper_cpn/" in code.co_filename]


async def test_a_slow_consumer_slows_the_crawl() -> None:
    """Pages wait in bounded stages, not in memory: fetching stops until the consumer takes more."""
    async with LoopbackWeb(WebSpec(pages=1500, links=40, body_bytes=200), proxies=1) as web:
        crawl = shop(
            web, per_proxy=AT_ONCE, concurrency=AT_ONCE, per_domain=AT_ONCE, robots="ignore"
        )
        crawl.page()(things)
        async with aclosing(crawl.stream()) as items:
            await anext(items)
            fetched = 0
            while fetched <= STAGE or fetched < len(web.log):
                fetched = len(web.log)
                await asyncio.sleep(0.1)
            assert fetched <= MOST
            for taken in range(2, 3 * 300):
                await anext(items)
                assert len(web.log) <= MOST + taken / 3 + 1
            while len(web.log) <= fetched:
                await anyio.lowlevel.checkpoint()


async def test_an_error_of_a_stream_is_raised() -> None:
    """What keeps a crawl from starting reaches the loop."""
    crawl: Crawl[Thing] = Crawl(Thing, **QUICK)
    with pytest.raises(UsageError, match="nothing to crawl"):
        await anext(crawl.stream())


async def test_an_exception_in_the_loop_comes_through() -> None:
    """What the body of the loop raises is raised, and the crawl stops."""
    async with LoopbackWeb(SPEC, proxies=1) as web:
        crawl = shop(web)
        crawl.page()(things)

        async def fall() -> None:
            async with aclosing(crawl.stream()) as items:
                async for _ in items:
                    raise KeyError("mine")

        with pytest.raises(KeyError, match="mine"):
            await fall()


async def test_a_crawl_may_run_again() -> None:
    """A `Crawl` is a description: each run starts anew, and two may run at a time."""
    async with LoopbackWeb(SPEC, proxies=1) as web:
        crawl = shop(web)
        crawl.page()(things)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(crawl.crawl)
            second = await crawl.crawl()
    assert second.pages == 13
    assert len([r for r in web.log if not r.url.endswith("robots.txt")]) == 26


async def test_an_output_is_protected(tmp_path: Path) -> None:
    """An existing file is refused unless it is to be replaced or added to."""
    output = tmp_path / "things.jsonl"
    async with LoopbackWeb(WebSpec(pages=2), proxies=1) as web:
        crawl = shop(web)
        crawl.page()(things)
        await crawl.crawl(output=output)
        with pytest.raises(UsageError, match=r"things\.jsonl"):
            await crawl.crawl(output=output)
        await crawl.crawl(output=output, append=True)
        assert output.read_bytes().count(b"\n") == 12
        await crawl.crawl(output=output, overwrite=True)
        assert output.read_bytes().count(b"\n") == 6


def test_a_handler_is_tested_by_calling_it() -> None:
    """A handler stays the function it is; a page is made of text."""
    crawl: Crawl[Thing] = Crawl(Thing)
    assert crawl.page("*/shop/*")(things) is things
    page = Page.from_html(
        '<div class=item><b class=name>Net</b> <i class=price>3.50</i></div><a href="/next">on</a>',
        url="https://shop.example/shop/1",
    )
    assert list(things(page)) == [Thing("Net", 3.5), Link("https://shop.example/next")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dealy": 1}, "dealy"),
        ({"delay": -1}, "delay"),
        ({"delay": float("nan")}, "delay"),
        ({"proxies": "/nowhere/proxies.txt"}, "/nowhere/proxies.txt"),
        ({"allow": "("}, "allow"),
        ({"max_pages": 0}, "max"),
    ],
)
def test_mistakes_are_reported_at_once(options: dict[str, Any], message: str) -> None:
    """A wrong option raises `UsageError` when the crawl is made, in one line that names it."""
    with pytest.raises(UsageError, match=message) as error:
        Crawl(Thing, **options)
    assert "\n" not in str(error.value)


def test_a_crawl_without_a_type_has_items_of_any() -> None:
    """Neither the program nor a type checker has to be told: the variable has no annotation."""
    crawl = Crawl(delay=1.0)
    assert crawl.item_type is None


def test_options_are_those_of_the_command() -> None:
    """Every option that fills a setting can be given with underscores, in the units of people."""
    crawl: Crawl[Any] = Crawl(delay="500ms", max_pages=5, limit_by="host", timeout=2.5)
    settings = crawl.settings
    assert (settings.delay_ns, settings.max_pages) == (500 * MS, 5)
    assert (settings.limit_by, settings.timeout_ns) == ("host", 2500 * MS)
