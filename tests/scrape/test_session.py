"""A session over loopback: it counts right, ends when asked, and records what happened."""

from __future__ import annotations

import io
import json
import logging
import signal
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import anyio
import pytest
from msgspec.structs import replace

from mocks.referee import Expectations, ProxyRule, judge
from mocks.server import LoopbackWeb
from scraper_cpn.scrape import session as session_module
from scraper_cpn.scrape.colours import Link, Proxy
from scraper_cpn.scrape.crawl import Crawl
from scraper_cpn.scrape.items.outputs import ItemOutput, OutputError
from scraper_cpn.scrape.pages.handlers import Handlers
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.session import Session
from scraper_cpn.scrape.settings import MILLISECOND as MS
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from scraper_cpn.simulate.web import WebSpec
from tests.scrape.fetching import CLIENTS

pytestmark = pytest.mark.anyio

QUICK = Settings(delay_ns=0, per_domain=4, scope="any", backoff_ns=MS)

REQUESTS = ("get_robots", "scrape_target")
"""The transitions that ask something of the web."""


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


def session(web: LoopbackWeb, settings: Settings = QUICK, **given: Any) -> Session:
    """A session of all hosts of *web*, through its proxies."""
    names = zip(web.proxy_names, web.proxy_urls, strict=True)
    proxies = tuple(Proxy(name, url, slots=4) for name, url in names)
    return Session(replace(settings, proxies=proxies), web.web.seeds(), **given)


def left(running: Session) -> int:
    """Known URLs that have not ended."""
    return running.snapshot().waiting["their turn"] + running.snapshot().waiting["a retry"]


async def test_the_summary_lists_levels_separately() -> None:
    """Where a program gives priorities, what is left waits on levels, better ones first."""
    handlers = Handlers()

    @handlers.page()
    def links(page: Page) -> Iterator[Link]:
        yield from page.links(priority=3)
        yield Link("http://h0.example/extra", priority=-1)

    async with LoopbackWeb(WebSpec(hosts=1, pages=8, links=7), proxies=1) as web:
        one = replace(QUICK, max_pages=1)
        message = await session(web, one, handlers=handlers).run()
        plain = await session(web, one).run()
    assert message.left > 2
    assert [(e.priority, e.urls) for e in message.levels] == [(-1, 1), (3, message.left - 1)]
    assert all(0 <= level.longest_ns <= message.elapsed_ns for level in message.levels)
    assert plain.left
    assert plain.levels == ()


async def test_the_summary_counts_what_the_web_served() -> None:
    """Pages, items, attempts, bytes and failures are those of the wire; the output has the items."""
    spec = WebSpec(hosts=3, pages=8, fail=0.5, fail_times=4, fail_kinds=("500", "dropped"))
    output = Kept()
    async with LoopbackWeb(spec, proxies=2) as web:
        summary = await session(web, output=output).run()
        truth = web.web.pages()
    pages = [request for request in web.log if not request.url.endswith("/robots.txt")]
    fetched = [request for request in pages if request.fetched]
    assert summary.ended == "finished"
    assert sorted(item.url for item in output.items) == sorted(truth)
    assert summary.pages == summary.items == len(fetched) == len(truth)
    assert summary.attempts == len(pages)
    assert summary.bytes == sum(
        len(web.web.respond(url[7:].partition("/")[0], f"/{url[7:].partition('/')[2]}", 9).body)
        for url in truth
    )
    assert (summary.failed, summary.left) == (len({r.url for r in pages} - set(truth)), 0)
    assert summary.failed == len(summary.failed_urls) == sum(g.count for g in summary.failures) > 0


@pytest.mark.parametrize("fetcher", CLIENTS)
async def test_the_referee_finds_nothing_on_the_wire(fetcher: Any) -> None:
    """With delays, refusals, redirects and a Crawl-delay, a real crawl breaks no rule."""
    delay_ns = 40 * MS
    spec = WebSpec(
        hosts=4,
        pages=5,
        fail=0.3,
        redirect=0.4,
        robots=("delay", "disallow", "redirected", "allow"),
        crawl_delay_ns=70 * MS,
        retry_after_s=0,
        latency_ns=5 * MS,
    )
    async with LoopbackWeb(spec, proxies=3) as web:
        polite = replace(QUICK, delay_ns=delay_ns, per_domain=1, fetcher=fetcher)
        summary = await session(web, polite).run()
        pages = web.web.pages()
    rules = Expectations(
        delay_ns=delay_ns,
        per_domain=1,
        pages=pages,
        proxy=ProxyRule(slots=4),
    )
    verdict = judge(web.log, rules)
    assert not verdict.violations
    assert summary.pages == len(pages)


async def test_stop_starts_nothing_more_and_counts_what_is_left() -> None:
    """After `stop` no request begins, running ones end and are kept, the rest is counted."""
    trace, output = io.StringIO(), Kept()
    async with LoopbackWeb(WebSpec(pages=40, links=20, latency_ns=60 * MS), proxies=2) as web:
        running = session(web, output=output, trace=trace)

        async def stop() -> None:
            while running.snapshot().in_flight < 4 or running.snapshot().pages < 5:  # noqa: ASYNC110
                await anyio.sleep(0.002)
            running.stop()
            running.stop()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(stop)
            summary = await running.run()
    events = [json.loads(line) for line in trace.getvalue().splitlines()]
    stopped = [event.get("put", [""])[0] for event in events].index("stop")
    begun = [k for k, event in enumerate(events) if event.get("transition") in REQUESTS]
    assert max(begun) < stopped
    assert len(web.log) == len(begun)
    assert all(request.fate == "complete" for request in web.log)
    assert summary.ended == "interrupted"
    assert summary.pages == len(output.items) == sum(r.fetched for r in web.log)
    assert summary.left == left(running) == 40 - summary.pages > 0


async def test_stop_gives_running_requests_a_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not end in time is cut off, and its URL is left to be fetched."""
    monkeypatch.setattr(session_module, "GRACE_NS", 20 * MS)
    async with LoopbackWeb(WebSpec(pages=1, latency_ns=60 * SECOND), proxies=1) as web:
        running = session(web, replace(QUICK, robots="ignore", timeout_ns=90 * SECOND))
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_when_in_flight, running, running.stop)
                summary = await running.run()
    assert (summary.ended, summary.pages, summary.left) == ("interrupted", 0, 1)


async def _when_in_flight(running: Session, act: Any) -> None:
    while not running.snapshot().in_flight:  # noqa: ASYNC110
        await anyio.sleep(0.002)
    act()


async def test_abort_ends_at_once_and_loses_nothing() -> None:
    """`abort` does not wait for a request that hangs; its URL is still there."""
    async with LoopbackWeb(WebSpec(pages=1, latency_ns=60 * SECOND), proxies=1) as web:
        running = session(web, replace(QUICK, robots="ignore", timeout_ns=90 * SECOND))
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_when_in_flight, running, running.abort)
                summary = await running.run()
    assert (summary.ended, summary.pages, summary.left) == ("interrupted", 0, 1)
    assert running.snapshot().in_flight == 0


@pytest.mark.parametrize("how", ["stop", "abort"])
async def test_a_crawl_that_is_stopped_before_it_began_asks_nothing(
    how: str,
) -> None:
    """A signal that comes before the first step is not lost."""
    async with LoopbackWeb(WebSpec(pages=3), proxies=1) as web:
        running = session(web)
        getattr(running, how)()
        summary = await running.run()
    assert summary.ended == "interrupted"
    assert not len(web.log)


async def test_budgets_end_a_crawl_and_say_which() -> None:
    """--max-pages and --max-time end it as spent, with the reason, and say how much is left."""
    async with LoopbackWeb(WebSpec(pages=30, links=10), proxies=1) as web:
        few = await session(web, replace(QUICK, max_pages=7)).run()
    async with LoopbackWeb(WebSpec(pages=30, links=10), proxies=1) as web:
        limits = replace(QUICK, delay_ns=100 * MS, max_time_ns=350 * MS)
        short = await session(web, limits).run()
        assert len(web.log) <= 4  # fewer where the machine stood still
    assert (few.ended, few.reason, few.pages) == ("spent", "--max-pages 7 is reached", 7)
    assert (short.ended, short.reason) == ("spent", "--max-time is over")
    assert short.pages == max(0, len(web.log) - 1)
    assert few.left > 0
    assert short.left > 0


async def test_quotas_that_end_are_named() -> None:
    """A crawl whose proxies have carried all they may says so."""
    async with LoopbackWeb(WebSpec(pages=9), proxies=1) as web:
        proxy = Proxy(web.proxy_names[0], web.proxy_urls[0], quota=3)
        limits = replace(QUICK, proxies=(proxy,))
        summary = await Session(limits, web.web.seeds()).run()
    assert (summary.ended, len(web.log)) == ("spent", 3)
    assert summary.reason == "no proxy is left: their quotas or leases have ended"


async def test_failed_rows_trace_lines_and_events_are_json() -> None:
    """Each failed attempt is a line of `failed`; each event of the kernel one of the trace."""
    trace, failed = io.StringIO(), io.StringIO()
    events: list[dict[str, Any]] = []
    spec = WebSpec(pages=6, fail=1.0, fail_times=1, fail_kinds=("500",))
    async with LoopbackWeb(spec, proxies=1) as web:
        await session(web, trace=trace, failed=failed, on_event=events.append).run()
    rows = [json.loads(line) for line in failed.getvalue().splitlines()]
    assert sorted(row["url"] for row in rows) == sorted(web.web.pages())
    assert {(row["kind"], row["status"], row["attempt"], row["final"]) for row in rows} == {
        ("http", 500, 1, False)
    }
    message = Counter(event["event"] for event in events)
    assert message == {"failed": 6, "stored": 6}
    lines = [json.loads(line) for line in trace.getvalue().splitlines()]
    begun = [line for line in lines if line["event"] == "begin"]
    assert Counter(line["transition"] for line in begun)["scrape_target"] == 12
    assert len(begun) == sum(line["event"] == "end" for line in lines)
    assert "user:" not in trace.getvalue()


async def test_credentials_appear_nowhere() -> None:
    """A proxy's password is sent to the proxy, and is in no trace, log or summary."""
    trace, failed = io.StringIO(), io.StringIO()
    async with LoopbackWeb(
        WebSpec(pages=3, fail=1.0, fail_kinds=("500",)), proxies=1, credentials=("user", "hunter2")
    ) as web:
        summary = await session(web, trace=trace, failed=failed).run()
    assert summary.pages == 3
    assert "hunter2" not in trace.getvalue() + failed.getvalue() + repr(summary)


async def test_an_output_that_fails_ends_the_crawl() -> None:
    """`OutputError` is raised as it is, and nothing is left in flight."""
    async with LoopbackWeb(WebSpec(pages=30, links=10), proxies=1) as web:
        running = session(web, output=Kept(most=3))
        with pytest.raises(OutputError, match="the disk is full"):
            await running.run()
    assert running.snapshot().in_flight == 0


async def test_cancelling_a_session_leaves_nothing_in_flight() -> None:
    """A program may cancel `run` as any coroutine."""
    async with LoopbackWeb(WebSpec(pages=9, latency_ns=60 * SECOND), proxies=1) as web:
        running = session(web, replace(QUICK, robots="ignore"))
        with anyio.fail_after(20):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(running.run)
                await _when_in_flight(running, tasks.cancel_scope.cancel)
    assert running.snapshot().in_flight == 0


async def test_the_snapshot_is_the_crawl_as_it_is() -> None:
    """While it runs, every known URL is waiting, in flight or fetched (one may be on its way)."""
    async with LoopbackWeb(WebSpec(pages=30, links=29, latency_ns=5 * MS), proxies=1) as web:
        running = session(web, replace(QUICK, delay_ns=10 * MS, per_domain=1))
        looks = []

        async def look() -> None:
            while running.snapshot().pages < 20:
                looks.append(running.snapshot())
                await anyio.sleep(0.005)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look)
            await running.run()
    full = [look for look in looks if look.pages > 1]
    assert all(
        abs(look.pages + look.in_flight + sum(look.waiting.values()) - 30) <= 1 for look in full
    )
    assert all(look.in_flight <= 1 for look in looks)
    assert any((look.least_left_ns or 0) > 50 * MS for look in full)


@pytest.fixture
def black_hole() -> Iterator[str]:
    """The URL of a server that takes no connection and refuses none."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.2", 0))
        server.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield f"http://127.0.0.2:{server.getsockname()[1]}/"


async def test_a_host_that_takes_no_connection_holds_up_no_other(black_hole: str) -> None:
    """Where one connection hangs until its timeout, all other domains go on."""
    limits = replace(QUICK, delay_ns=MS, robots="ignore", retries=0, timeout_ns=2 * SECOND)
    message: list[str] = []
    async with LoopbackWeb(WebSpec(pages=20, links=5)) as web:
        running = Session(
            limits, [black_hole, web.url], on_event=lambda event: message.append(event["event"])
        )
        summary = await running.run()
    assert message == ["stored"] * 20 + ["failed"]
    assert summary.seeds_failed == (black_hole,)


async def test_a_library_leaves_signals_and_logging_alone() -> None:
    """A session installs no signal handler and configures no logging."""
    root = logging.getLogger()
    before = (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM))
    configured = (root.level, list(root.handlers), logging.getLogger("scraper_cpn").handlers)
    seen = []

    def note(_: dict[str, Any]) -> None:
        seen.append((signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)))

    async with LoopbackWeb(WebSpec(pages=2), proxies=1) as web:
        await session(web, on_event=note).run()
    assert set(seen) == {before}
    assert (
        root.level,
        list(root.handlers),
        logging.getLogger("scraper_cpn").handlers,
    ) == configured


def test_a_seed_that_is_no_url_is_refused() -> None:
    """The mistake is reported before anything is fetched."""
    with pytest.raises(UsageError, match="no-url"):
        Crawl().session(["no-url"])


def test_seeds_that_are_the_same_page_are_one() -> None:
    """Two spellings of a URL are fetched once."""

    async def crawl() -> int:
        async with LoopbackWeb(WebSpec(pages=1), proxies=1) as web:
            seeds = ["http://h0.example", "http://H0.example:80/#top"]
            summary = await Crawl(delay=0, proxy=web.proxy_urls[0]).session(seeds).run()
            return summary.pages

    assert anyio.run(crawl) == 1
