"""Seeds that come while the crawl runs: through a pipe, or from an iterator."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import pytest

from mocks.server import LoopbackWeb
from scraper_cpn.scrape.arriving import (
    LINE_BYTES_MAX,
    ArrivingLines,
    PulledUrls,
    first_and_rest,
)
from scraper_cpn.scrape.crawl import Crawl
from scraper_cpn.scrape.seeds import AT_ONCE, BLOCK_LINES, BadSeed, seeds_in
from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.scrape.state.check import audits
from scraper_cpn.simulate.webspec import WebSpec

SPEC = WebSpec(hosts=1, pages=4)


def all_of(unread: ArrivingLines | PulledUrls) -> list[Any]:
    """The seeds and the reasons of bad lines that are there now."""
    blocks = iter(unread.take, None)
    found = (seed for block in blocks for seed in seeds_in(unread.name, block))
    return [seed.reason if isinstance(seed, BadSeed) else seed for seed in found]


def test_lines_come_as_they_are_written() -> None:
    """However the bytes are cut; a line that is not UTF-8 is a bad one, and the mark at the beginning is none."""
    reading, writing = os.pipe()
    arriving = ArrivingLines("pipe", reading)
    came = threading.Event()
    arriving.on_arrival = came.set
    for part in (b"\xef\xbb", b"\xbfhttp://a.te", b"st/1\nhttp://a.test/\xff\nhttp://a.test/2"):
        os.write(writing, part)
    arriving.gather(2)
    assert arriving.arriving
    first = all_of(arriving)
    os.close(writing)
    arriving.gather(1_000_000)
    assert came.is_set()
    first += all_of(arriving)
    assert (first[0], first[2]) == ("http://a.test/1", "http://a.test/2")
    assert first[1].startswith("pipe:2: '(not UTF-8) http://a.test/")
    assert not arriving.arriving
    os.close(reading)


def test_a_pipe_that_does_not_block_is_waited_for() -> None:
    """Another process may have made it so; the crawl does not wait for a thread that has died."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    arriving = ArrivingLines("pipe", reading)
    os.write(writing, b"http://a.test/\n")
    arriving.gather(1)
    os.close(writing)
    arriving.gather(2)
    assert all_of(arriving) == ["http://a.test/"]
    assert not arriving.arriving
    os.close(reading)


def test_a_pipe_that_fails_ends_with_a_bad_line() -> None:
    """What failed is told."""
    folder = os.open("/", os.O_RDONLY)
    arriving = ArrivingLines("pipe", folder)
    arriving.gather(1_000)
    assert [line.partition(" [")[0] for line in all_of(arriving)] == ["pipe:2: '(the rest is lost)"]
    assert not arriving.arriving
    os.close(folder)


def test_a_line_without_end_is_told_and_not_kept() -> None:
    """It is one bad line, however long it is; those around it are what they were."""
    reading, writing = os.pipe()
    arriving = ArrivingLines("pipe", reading)
    long = b"http://a.test/" + b"x" * 3 * LINE_BYTES_MAX
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(b"http://a.test/1\n" + long + b"y\nhttp://a.test/2\n" + long)
    arriving.gather(1_000)
    one, first, two, last = all_of(arriving)
    assert (one, two) == ("http://a.test/1", "http://a.test/2")
    assert first.startswith("pipe:2: '(a line of more than 1,000,000 bytes) http://a.test/xxx")
    assert last.startswith("pipe:4: '(a line of more than")
    assert not arriving.arriving
    os.close(reading)


def test_urls_are_pulled_as_they_are_wanted() -> None:
    """After the first ones, in blocks; what is no URL is reported, and nothing is taken for a comment."""
    asked = 0

    def urls() -> Iterator[str]:
        nonlocal asked
        for asked in range(1, AT_ONCE + 3 * BLOCK_LINES):
            yield "# none" if asked == AT_ONCE + 1 else f"http://a.test/{asked}"

    first, rest = first_and_rest([urls()])
    assert (len(first), asked) == (AT_ONCE, AT_ONCE + 1)
    assert rest is not None
    block = rest.take()
    assert block is not None
    assert asked == AT_ONCE + BLOCK_LINES
    bad, second, *_ = seeds_in(rest.name, block)
    assert isinstance(bad, BadSeed)
    assert bad.reason.startswith(f"seeds:{AT_ONCE + 1}: '(no URL) # none'")
    assert second == f"http://a.test/{AT_ONCE + 2}"
    assert rest.arriving, "a crawl that is interrupted now has not finished"
    assert len(all_of(rest)) == 2 * BLOCK_LINES - 1
    assert not rest.arriving


def test_few_urls_are_all_there_at_once() -> None:
    """A list is as good as arguments; both together are a mistake."""
    assert first_and_rest([["http://a.test/"]]) == (["http://a.test/"], None)
    assert first_and_rest(["http://a.test/", "http://b.test/"])[1] is None
    with pytest.raises(UsageError, match="one iterable"):
        first_and_rest(["http://a.test/", ["http://b.test/"]])


@pytest.mark.anyio
async def test_a_crawl_waits_for_seeds_that_may_still_come() -> None:
    """It starts with the first one, goes on when another one comes, and ends with the pipe."""
    stored: list[str] = []
    waiting = anyio.Event()
    reading, writing = os.pipe()

    def seen(event: dict[str, object]) -> None:
        if event["event"] == "stored":
            stored.append(str(event["url"]))
            waiting.set()

    async with LoopbackWeb(SPEC, proxies=1) as web:
        crawl = Crawl[object](proxy=list(web.proxy_urls), robots="ignore", delay="0s", max_depth=0)
        arriving = ArrivingLines("pipe", reading)
        session = crawl.session(["http://h0.example/"], unread=arriving, on_event=seen)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.run)
            await waiting.wait()
            await anyio.wait_all_tasks_blocked()
            os.write(writing, b"http://h0.example/p/1\n")
            os.close(writing)
    os.close(reading)
    assert stored == ["http://h0.example/", "http://h0.example/p/1"]


@pytest.mark.anyio
async def test_nothing_is_pulled_before_it_is_wanted() -> None:
    """Not even with headers, which go to the origins of seeds: an iterable may have no end."""
    async with LoopbackWeb(SPEC, proxies=1) as web:
        urls = (f"http://h0.example/p/{n}" for n in count())
        crawl = Crawl[object](
            proxy=list(web.proxy_urls), robots="ignore", max_pages=1, header=["X-Key: k"]
        )
        assert (await crawl.crawl(urls)).pages == 1


@pytest.mark.anyio
async def test_a_state_keeps_all_of_an_iterable(tmp_path: Path) -> None:
    """It is read to its end first, so that a resume has what is left."""
    async with LoopbackWeb(SPEC, proxies=1) as web:
        urls = (f"http://h0.example/p/{n}" for n in range(AT_ONCE + 250))
        crawl = Crawl[object](proxy=list(web.proxy_urls), robots="ignore", max_pages=1)
        summary = await crawl.crawl(urls, state=tmp_path / "c.db")
    known = summary.left + summary.pages + summary.failed
    assert known == AT_ONCE + 250
    assert audits(tmp_path / "c.db")
