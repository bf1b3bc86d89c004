"""Live crawls by hand over loopback, judged from the wire; and the command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest

from baseline.__main__ import main
from baseline.crawl import Crawl
from mocks.referee import Expectations, ProxyRule, judge
from mocks.server import LoopbackWeb
from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.items.outputs import ItemOutput, OutputError
from scraper_cpn.scrape.settings import MILLISECOND as MS
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.simulate.web import WebSpec

pytestmark = pytest.mark.anyio


class Kept(ItemOutput):
    """Keeps items in a list; raises when it is full."""

    def __init__(self, most: int = 1000) -> None:
        self.items: list[Any] = []
        self._most = most

    async def write(self, batch: Sequence[Any]) -> None:
        if len(self.items) + len(batch) > self._most:
            raise OutputError("the disk is full")
        self.items += batch

    async def close(self) -> None:
        """Nothing to do."""


def crawl(web: LoopbackWeb, output: ItemOutput | None = None, **given: Any) -> Crawl:
    """A crawl of all hosts of *web*, through its proxies."""
    names = zip(web.proxy_names, web.proxy_urls, strict=True)
    proxies = tuple(Proxy(name, url, slots=4) for name, url in names)
    settings = Settings(**{"scope": "any", "backoff_ns": MS, "proxies": proxies, **given})
    return Crawl(settings, web.web.seeds(), output=output)


async def test_a_real_crawl_breaks_no_rule_on_the_wire() -> None:
    """Delays, slots, robots.txt with its Crawl-delay, failures, holds, and every page once."""
    spec = WebSpec(
        hosts=6,
        pages=6,
        fail=0.3,
        fail_kinds=("500", "503"),
        retry_after_s=0,
        redirect=0.2,
        redirect_kinds=("own", "chain", "other"),
        robots=("allow", "delay", "absent"),
        crawl_delay_ns=150 * MS,
        latency_ns=10 * MS,
    )
    output = Kept()
    async with LoopbackWeb(spec, proxies=3) as web:
        summary = await crawl(web, output, delay_ns=60 * MS).run()
        reach = web.web.reach(scope="any", attempts=3)
    rules = Expectations(
        delay_ns=60 * MS,
        per_domain=1,
        pages=tuple(reach),
        proxy=ProxyRule(slots=4),
    )
    verdict = judge(web.log, rules)
    assert not verdict.violations, verdict.violations[:3]
    assert (summary.ended, summary.pages, summary.failed) == ("finished", len(reach), 0)
    assert summary.items == len(output.items) == len(reach)
    assert summary.left == 0
    assert summary.attempts > summary.pages
    assert summary.bytes > 0


async def test_stop_starts_nothing_more_and_counts_what_is_left() -> None:
    """What runs may end, what waits is left."""
    async with LoopbackWeb(WebSpec(pages=40, links=20, latency_ns=30 * MS), proxies=2) as web:
        output = Kept()
        running = crawl(web, output, delay_ns=0)

        async def stop() -> None:
            while not output.items:  # noqa: ASYNC110 - an output has no event
                await anyio.sleep(0.001)
            running.stop()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stop)
            summary = await running.run()
    assert summary.ended == "interrupted"
    assert 0 < summary.pages < 40
    assert summary.left > 0


async def test_a_full_disk_ends_the_crawl() -> None:
    """The error of the output is raised."""
    async with LoopbackWeb(WebSpec(pages=9), proxies=1) as web:
        with pytest.raises(OutputError, match="the disk is full"):
            await crawl(web, Kept(most=2), delay_ns=0).run()


async def test_the_command_crawls(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m baseline` takes the options of `scrape` and says how it went."""
    items = tmp_path / "items.jsonl"
    async with LoopbackWeb(WebSpec(pages=4), proxies=1) as web:
        words = [*web.web.seeds(), "--proxy", web.proxy_urls[0], "--delay", "0", "-o", str(items)]
        assert await anyio.to_thread.run_sync(main, words) == 0
    assert len([json.loads(line) for line in items.read_text().splitlines()]) == 4
    assert capsys.readouterr().err.startswith(
        "finished: 4 pages, 4 items, 0 failed, 0 skipped, in "
    )


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "there is no URL to start from"),
        (["http://a.example/", "--trace", "t"], "the scheduler by hand has no --trace"),
        (["http://a.example/", "--failed", "f"], "the scheduler by hand has no --failed"),
        (["http://a.example/", "--kernel", "native"], "the scheduler by hand has no --kernel"),
        (
            ["http://a.example/", "--per-host", "1"],
            "the scheduler by hand has no --per-host and no --host-delay",
        ),
        (
            ["http://a.example/", "--host-delay", "1"],
            "the scheduler by hand has no --per-host and no --host-delay",
        ),
        (
            ["http://a.example/", "--hours", "1:00-2:00"],
            "the scheduler by hand has no --adaptive and no --hours",
        ),
        (["http://a.example/", "--state", "s"], "the scheduler by hand has no --state"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str],
    line: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit code 2 and what to do."""
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {line}")
    assert said.count("\n") == 1


def test_an_interrupt_ends_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C: nothing is said, exit code 130."""

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(anyio, "run", interrupted)
    assert main(["http://a.example/", "-o", "none.jsonl"]) == 130
    assert capsys.readouterr().err == ""


def test_a_crawl_that_keeps_nothing_is_not_complete(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seed that can't be reached: exit code 1."""
    monkeypatch.chdir(tmp_path)
    dead = ["http://127.0.0.1:9/", "--retries", "0", "--robots", "ignore", "--delay", "0"]
    assert main([*dead, "-o", "none.jsonl"]) == 1
    assert "0 pages, 0 items, 1 failed" in capsys.readouterr().err
