"""Seeds as text: which lines are seeds, how a long input is read while the crawl runs, and that a crash loses none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import anyio
import pytest

from scraper_cpn import Crawl, Link, Page
from scraper_cpn.net.compiled.kernel import compile_net
from scraper_cpn.scrape.account.ledger import failure_record
from scraper_cpn.scrape.feed import FEW, SeedFeed
from scraper_cpn.scrape.fetch.destinations import Destinations
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import open_crawl
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.seeds import (
    BLOCK_LINES,
    BadSeed,
    Block,
    TextLines,
    origins_in,
    read_first,
    refusal,
    seeds_in,
)
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.state.run import CrawlRecord, Opening, first_metadata, opened
from scraper_cpn.scrape.state.unread import TAKEN, Input
from scraper_cpn.scrape.virtual import EPOCH_NS
from scraper_cpn.store.memory import MemoryStore
from scraper_cpn.store.port import StoreError
from tests.servers import Asked, Do, Server, Step, page


def urls(first: int, last: int) -> list[str]:
    return [f"http://h{n % 7}.test/{n}" for n in range(first, last)]


def text(lines: Iterable[str]) -> TextLines:
    return TextLines("urls.txt", "".join(f"{line}\n" for line in lines))


def test_lines_are_seeds_rows_or_comments() -> None:
    lines = [
        "  HTTP://A.test  ",
        "",
        "# comment",
        '{"url": "http://b.test/", "again": true}',
        '{"url": "http://c.test/", "again": false}',
        "http://u:SECRET@d.test/",
        "nonsense",
    ]
    found = list(seeds_in("urls.txt", Block(11, "\r\n".join(lines))))
    assert found[:2] == ["http://a.test/", "http://b.test/"]
    bad = [each for each in found if isinstance(each, BadSeed)]
    assert [each.reason.split(": ")[0] for each in bad] == ["urls.txt:16", "urls.txt:17"]
    assert "SECRET" not in repr(bad)


@pytest.mark.parametrize("end", ["", "\n", "\n\n"])
def test_blocks_have_all_lines_with_their_numbers(end: str) -> None:
    given = urls(0, 2 * BLOCK_LINES + 5)
    unread = TextLines("urls.txt", "\n".join(given) + end)
    read, bad = read_first(unread, 1)
    assert (len(read), bad) == (BLOCK_LINES, [])
    rest = list(unread.after())
    assert unread.taken == 1
    assert [each.line for each in rest] == [BLOCK_LINES + 1, 2 * BLOCK_LINES + 1]
    assert read + [seed for block in rest for seed in seeds_in("urls.txt", block)] == given
    read_first(unread, len(given))
    assert (unread.lines, unread.take()) == (0, None)


def test_all_bad_lines_are_named_at_once() -> None:
    _, bad = read_first(text(["x", *urls(0, 3), "y y"]), 10)
    assert "urls.txt:1" in str(refusal(bad))
    assert "urls.txt:5" in str(refusal(bad))
    assert "--skip-bad-seeds" in str(refusal(bad))
    many = str(refusal([BadSeed("x", f"urls.txt:{n}: x") for n in range(100)]))
    assert "and 90 more" in many
    assert len(many) < 1_000


def test_origins_are_those_of_all_seeds() -> None:
    lines = [
        *urls(0, 300),
        "HTTPS://A.test",
        "http:/b.test/x",
        '{"url": "http://c.test:81/"}',
        "bad bad",
    ]
    seeds = [each for each in seeds_in("", Block(1, "\n".join(lines))) if isinstance(each, str)]
    alone, known = Destinations(seeds), Destinations(origins_in("", text(lines).after()))
    assert all(
        known.is_own(seed) and known.is_exempt(seed.split("/")[2].split(":")[0]) for seed in seeds
    )
    assert alone.is_own("http://c.test:81/")
    assert not known.is_own("http://c.test/")


def test_seeds_are_read_as_the_crawl_can_use_them() -> None:
    """While no request could start few seeds wait; while one could, more do."""
    net = ScrapeNet(Policy(Settings(robots="ignore", concurrency=1, delay_ns=0)))
    kernel = compile_net(net)
    open_crawl(kernel, net, (), EPOCH_NS)
    permitted = list[str]()
    unread = text(urls(0, FEW + 500))
    feed = SeedFeed(kernel, net, unread, permitted.extend)
    while len(permitted) < FEW:
        assert feed(EPOCH_NS)
    (firing,) = kernel.step(EPOCH_NS).firings
    assert kernel.count("permits") == 0
    while feed(EPOCH_NS):
        kernel.step(EPOCH_NS)
    assert FEW <= kernel.count("prioritized_targets") <= FEW + BLOCK_LINES
    kernel.revoke(firing.id)
    before = len(permitted)
    assert feed(EPOCH_NS)
    assert len(permitted) == before + BLOCK_LINES


def test_bad_lines_are_logged_with_their_reason() -> None:
    net = ScrapeNet(Policy(Settings()))
    kernel = compile_net(net)
    open_crawl(kernel, net, (), EPOCH_NS)
    assert SeedFeed(kernel, net, text(["http://a.test/", "http://a.test/", "b b"]), lambda _: None)(
        EPOCH_NS
    )
    kernel.step(EPOCH_NS)
    (row,) = kernel.drain()
    assert (row.sink, row.colour.kind, row.colour.final) == ("failed_log", "seed", True)
    assert row.colour.reason.startswith("urls.txt:3: 'b b' is not a URL")
    assert kernel.count("seen") == 1


def test_a_crash_loses_no_seed_and_doubles_none() -> None:
    """What was read is in the batch that says so; the rest is in the state."""
    settings, given = Settings(robots="ignore"), urls(0, 5 * BLOCK_LINES)
    blocks = [(each.line, each.text) for each in text(given).after()]
    kept = CrawlRecord(seeds=(), input=Input("urls.txt", len(blocks), len(given), 0))
    metadata = first_metadata(Opening(settings, ()), kept)
    store = MemoryStore(metadata, blocks)

    async def life(reads: int) -> tuple[MemoryStore, list[str], int]:
        """Read some blocks, of which the last is lost with the process."""
        state = await opened(store, Opening(settings, ()))
        unread = state.unread
        assert unread is not None
        before = [str(s) for block in unread.before() for s in seeds_in("", block)]
        lines = unread.lines
        feed = SeedFeed(state.recorder, state.net, unread, lambda _: None)
        for number in range(1, reads + 1):
            assert feed(state.clock.now_ns())
            state.recorder.step(state.clock.now_ns())
            if number < reads:
                batch = state.recorder.cut(lambda: [(TAKEN, b"%d" % unread.taken)])
                assert batch is not None
                await state.commit(batch)
        return store.crash(), before, lines

    store, before, lines = anyio.run(life, 2)
    assert (before, lines) == ([], 5 * BLOCK_LINES)
    store, before, lines = anyio.run(life, 4)
    assert (before, lines) == (given[:BLOCK_LINES], 4 * BLOCK_LINES)
    keys = [key for place, key in store.saved().seen if place == "seen"]
    assert keys == given[: 4 * BLOCK_LINES]


def test_missing_text_is_damage() -> None:
    metadata = first_metadata(
        Opening(Settings(), ()), CrawlRecord(seeds=(), input=Input("urls.txt", 2, 200, 0))
    )

    async def take() -> None:
        state = await opened(MemoryStore(metadata), Opening(Settings(), ()))
        assert state.unread is not None
        with pytest.raises(StoreError, match="block 1 of its seeds is missing"):
            state.unread.take()

    anyio.run(take)


@pytest.mark.anyio
@pytest.mark.parametrize("first", [True, False])
async def test_a_row_of_failed_has_its_handler_and_data(first: bool) -> None:
    """So it is requested as its link was, by seeds at the start and later ones; a POST, whose body it lacks, is not."""
    broken, stored = True, list[Any]()

    def site(asked: Asked) -> list[Step]:
        if asked.target == "/":
            return [page(b"<a href=/x>x</a>", "Content-Type: text/html")]
        return [Do.CLOSE] if broken else [page(b"<b>there</b>", "Content-Type: text/html")]

    crawl: Crawl[Any] = Crawl(delay=0, robots="ignore", retries=0)

    @crawl.page("*/")
    def start(found: Page) -> Iterator[Link]:
        yield found.link("/x", to=taker, data={"rank": 7})
        yield found.link("/x", to=taker, data={"rank": 8}, json=[1], idempotent=True)

    @crawl.page("")
    def taker(found: Page, rank: int) -> dict[str, Any]:
        return {"rank": rank}

    async with Server(site) as server:
        summary = await crawl.crawl(f"{server.url}/")
        assert summary.failed == summary.failed_requests == 2
        rows = [failure_record(row) for group in summary.failures for row in group.examples]
        lines = text(map(json.dumps, rows))
        broken, seeds = False, read_first(lines, 1)[0] if first else [f"{server.url}/none"]
        session = crawl.session(seeds, unread=lines, on_item=stored.append)
        await session.run()
        methods = [asked.method for asked in server.asked]
    assert stored == [{"rank": 7}]
    assert methods.count("POST") == 1
