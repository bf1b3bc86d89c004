"""A program's crawl that is kept in a state, over loopback; the command's are in `tests/crash`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from mocks.server import LoopbackWeb
from scraper_cpn import Crawl, UsageError
from scraper_cpn.cli.resume import resume_job
from scraper_cpn.scrape.policy import sites_of
from scraper_cpn.scrape.session import Session
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.state.explain import explain
from scraper_cpn.scrape.state.files import Keeping, changed, kept_in, past, refuse_existing
from scraper_cpn.scrape.state.run import CrawlRecord, Opening, first_metadata, opened
from scraper_cpn.scrape.state.status import state_status
from scraper_cpn.show.explanation import explanation_lines
from scraper_cpn.show.state import status_lines
from scraper_cpn.simulate.webspec import WebSpec
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.reader import StateReader
from scraper_cpn.store.sqlite import create

pytestmark = pytest.mark.anyio

SPEC = WebSpec(hosts=3, pages=12)
SEEDS = ("http://h0.example/", "http://h1.example/", "http://h2.example/")

OPENING = Opening(Settings(delay_ns=60_000_000_000), sites_of(Settings(), SEEDS))


def crawl_of(web: LoopbackWeb, **options: Any) -> Crawl[Any]:
    """A crawl of all hosts through the web's proxies, with an item a page."""
    given = {"delay": "10ms", "backoff": "1ms", "proxy": list(web.proxy_urls), **options}
    return Crawl(start=SEEDS, **given)


def lines(path: Path) -> list[str]:
    """The URLs of the items in a file."""
    return [json.loads(line)["url"] for line in path.read_text().splitlines()]


async def test_a_crawl_that_was_cancelled_goes_on(tmp_path: Path) -> None:
    """Each page's item is once in the state and once in the output, whatever was in flight."""
    state, output = tmp_path / "c.db", tmp_path / "items.jsonl"
    async with LoopbackWeb(SPEC, proxies=2) as web:
        async with anyio.create_task_group() as crawls:
            crawls.start_soon(partial(crawl_of(web).crawl, state=state, output=output))
            while len(web.log) < 15:
                await anyio.lowlevel.checkpoint()
            crawls.cancel_scope.cancel()
        begun = len(lines(output))
        summary = await crawl_of(web).resumed(state)
    assert begun < 36
    assert (summary.ended, summary.items, summary.left) == ("finished", 36, 0)
    assert len(set(lines(output))) == len(lines(output)) == 36
    with StateReader(state) as reader:
        assert len(list(reader.run().items())) == 36


async def test_a_finished_crawl_has_nothing_left_to_do(tmp_path: Path) -> None:
    """Going on with it asks nobody, and tells the same account."""
    state = tmp_path / "c.db"
    async with LoopbackWeb(SPEC, proxies=1) as web:
        first = await crawl_of(web).crawl(state=state)
        asked = len(web.log.requests)
        again = await crawl_of(web).resumed(state)
        assert len(web.log.requests) == asked
    assert (again.pages, again.items, again.attempts) == (first.pages, first.items, first.attempts)
    assert past(state, None).ended == "finished"


async def test_a_limit_may_change_and_the_scope_may_not(tmp_path: Path) -> None:
    """More pages are fetched if they are asked for; another scope is refused, by name."""
    state = tmp_path / "c.db"
    async with LoopbackWeb(SPEC, proxies=1) as web:
        assert (await crawl_of(web, max_pages=5).crawl(state=state)).pages == 5
        assert (await crawl_of(web, max_pages=9).resumed(state)).pages == 9
        with pytest.raises(
            UsageError, match=r"max_depth: this can.t change after a crawl has begun"
        ):
            await crawl_of(web, max_depth=1).resumed(state)
        assert (await crawl_of(web).resumed(state)).pages == 36
    with pytest.raises(UsageError, match="--per-proxy: counts when proxies are read"):
        changed(past(state, None), {"per_proxy": True}, Settings())


async def test_a_state_that_exists_is_refused(tmp_path: Path) -> None:
    """A new crawl never goes over another one."""
    state = tmp_path / "c.db"
    async with LoopbackWeb(SPEC, proxies=1) as web:
        await crawl_of(web, max_pages=1).crawl(state=state)
        with pytest.raises(UsageError, match="it exists; resume it: scrape resume"):
            await crawl_of(web).crawl(state=state)
    with pytest.raises(UsageError, match="has a run of that name"):
        refuse_existing(state, "main")
    refuse_existing(state, "other")
    with pytest.raises(StoreError, match="does not exist"):
        past(tmp_path / "none.db", None)


async def test_what_is_not_kept_has_to_be_given_again(tmp_path: Path) -> None:
    """Passwords and secret headers are in no state; going on without them is refused, not tried."""
    state = tmp_path / "c.db"
    secret = {"header": {"X-Token": "t0ken", "Accept-Language": "en"}, "cookie": {"sid": "c00kie"}}
    async with LoopbackWeb(SPEC, proxies=1, credentials=("me", "p4ss")) as web:
        await crawl_of(web, max_pages=2, **secret).crawl(state=state)
        proxies = crawl_of(web).settings.proxies
    assert not any(secret in state.read_bytes() for secret in (b"t0ken", b"p4ss", b"c00kie"))
    before, new = past(state, None), Settings(proxies=proxies, headers=(("X-Token", "t0ken"),))
    assert before.opening.settings.headers == (("Accept-Language", "en"),)
    with pytest.raises(UsageError, match="the passwords and keys of proxies are not stored"):
        changed(before, {}, Settings())
    with pytest.raises(
        UsageError, match=r"headers are not stored with a crawl: X-Token; give -H again"
    ):
        changed(before, {"proxies": True}, new)
    again = {"proxies": True, "headers": True}
    with pytest.raises(
        UsageError, match=r"cookies are not stored with a crawl: sid; give -b again"
    ):
        changed(before, again, new)
    settings = changed(before, again | {"cookie": True}, new)
    assert (settings.proxies, settings.headers) == (proxies, new.headers)


@pytest.mark.parametrize(
    ("name", "written"),
    [("ended", b"{"), ("ended", b'{"how": 7}'), ("output", b"7"), ("length", b"\xff"), ("crawl", b"{}")],
)  # fmt: skip
async def test_a_damaged_value_is_named(tmp_path: Path, name: str, written: bytes) -> None:
    """What a state says of its crawl is read with care: one line, and no traceback."""
    metadata = first_metadata(OPENING, CrawlRecord(seeds=SEEDS)) | {name: written}
    await create(tmp_path / "c.db", "main", metadata).close()
    with pytest.raises(
        StoreError, match=f"^[^\n]*its value {name} can't be read: [^\n]*$"
    ) as error:
        past(tmp_path / "c.db", None)
    assert error.value.kind == "damaged"


async def test_an_event_is_reported_when_it_is_durable(tmp_path: Path) -> None:
    """Whoever hears of a page finds it in the state, and hears of each one."""
    path, message = tmp_path / "c.db", []
    async with LoopbackWeb(SPEC, proxies=2) as web:
        settings = crawl_of(web).settings

        def hear(event: dict[str, Any]) -> None:
            with StateReader(path) as reader:
                assert [name for _, name, _ in reader.run().rows("stored")].count(event["url"]) == 1
            message.append(event["url"])

        async with kept_in(Keeping(path=path), settings, SEEDS, None, None) as state:
            summary = await Session(settings, SEEDS, state=state, on_event=hear).run()
    assert summary.pages == 36
    assert len(message) == len(set(message)) == 36


async def test_the_command_has_no_handlers_of_a_program(tmp_path: Path) -> None:
    """A crawl whose handlers only its program has is not gone on with by others; every hint says so."""
    state, there = tmp_path / "c.db", tmp_path / "there.jsonl"
    async with LoopbackWeb(SPEC, proxies=1) as web:
        crawl = crawl_of(web, max_pages=1)
        crawl.page()(lambda page: {"url": page.url})
        await crawl.crawl(state=state, output=there)
        with pytest.raises(
            UsageError, match=r"resume it: crawl\.resume\('.*c\.db'\) in its program"
        ):
            await crawl.crawl(state=state, output=there)
    with pytest.raises(UsageError, match=r"resume it there: crawl\.resume"):
        resume_job([str(state)])
    hint = f"crawl.resume({str(state)!r}) in its program"
    assert hint in [line.plain.strip() for line in status_lines(state_status(state))]
    told = [list(explanation_lines(explain(state, seed), str(state)))[-1].plain for seed in SEEDS]
    assert f"the crawl is not running; resume it: {hint}" in told


async def test_explain_says_that_other_requests_of_a_url_are_stored(tmp_path: Path) -> None:
    """The request that waits is shown; those that have brought pages before are counted."""
    state = tmp_path / "c.db"
    async with LoopbackWeb(SPEC, proxies=1) as web:
        crawl = crawl_of(web, max_pages=2)
        crawl.page()(lambda page: page.link(SEEDS[0], again=True))
        await crawl.crawl(SEEDS[0], state=state)
    where = explain(state, SEEDS[0])
    assert (where.stands, where.stored) == ("waits", 2)
    lines = [line.plain for line in explanation_lines(where, "c.db")]
    assert "  2 requests of this URL stored" in lines


async def test_a_run_waits_for_what_another_had_in_flight(tmp_path: Path) -> None:
    """Nobody knows whether a request was made before its process ended; its domain is left alone."""
    state = tmp_path / "c.db"
    store = create(state, "main", first_metadata(OPENING, CrawlRecord(seeds=SEEDS)))
    begun = await opened(store, OPENING)
    now_ns = begun.clock.now_ns()
    firings = begun.recorder.step(now_ns).firings
    assert [firing.effect for firing in firings] == ["robots"] * 3
    batch = begun.recorder.cut(list)
    assert batch is not None
    await begun.commit(batch)
    await store.close()
    other = Keeping(path=state, run="other")
    async with kept_in(other, OPENING.settings, SEEDS, None, None) as second:
        step = second.recorder.step(second.clock.now_ns())
    assert step.firings == ()
    assert step.wake_ns is not None
    assert step.wake_ns >= now_ns + OPENING.settings.delay_ns
