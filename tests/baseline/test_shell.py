"""The shell of the scheduler by hand: effects begin, end, are late, raise, are cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from baseline.opening import open_crawl
from baseline.scheduler import Scheduler
from baseline.shell import Shell
from scraper_cpn.net import Row
from scraper_cpn.run.clock import Clock
from scraper_cpn.scrape.colours import Checked, Fetched, Kept, Parsed, Response, Rules, Valid
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import MILLISECOND, Settings

pytestmark = pytest.mark.anyio


class Work:
    """Effects that all go well; tests replace one."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.asked: list[str] = []

    async def fetch(self, target: Any, _proxy: Any, _domain: Any, start: Callable[[], None]) -> Any:
        start()
        self.asked.append(target.url)
        await asyncio.sleep(0)
        return Fetched(
            Response(
                url=target.url,
                status=200,
                content_type="text/html",
                charset=None,
                body=b"",
                fetched_at_ns=1,
                elapsed_ns=1,
            )
        )

    async def robots(self, job: Any, _proxy: Any, _domain: Any, start: Callable[[], None]) -> Any:
        start()
        return Rules(job.origin, "")

    def parse(self, _: Any) -> Any:
        return Parsed((), ())

    def validate(self, _: Any) -> Any:
        return Valid(())

    async def keep(self, pages: Sequence[Checked]) -> Sequence[Any]:
        self.batches.append(len(pages))
        await asyncio.sleep(0.001)
        return [Kept(0) for _ in pages]


class Crawl:
    """A shell at work on some pages."""

    def __init__(self, pages: int = 3, work: Work | None = None, **given: Any) -> None:
        self.settings = Settings(**{"delay_ns": 0, "per_domain": 9, "backoff_ns": 0, **given})
        self.work = work or Work()
        self.rows: list[Row] = []
        self.clock = Clock()
        policy = Policy(self.settings)
        self.scheduler = Scheduler(policy)
        self.seeds = [policy.frontier.seed(f"https://a.example/{page}") for page in range(pages)]
        self.shell = Shell(
            self.scheduler,
            self.work,
            self.clock.now_ns,
            on_rows=self.rows.extend,
            fatal=(ZeroDivisionError,),
        )

    async def run(self) -> Any:
        open_crawl(self.scheduler, self.settings, self.seeds, self.clock.now_ns())
        return await asyncio.wait_for(self.shell.run(), 30)

    def stored(self) -> list[str]:
        return [row.colour.target.url for row in self.rows if row.sink == "stored"]

    def reasons(self) -> list[str]:
        return [row.colour.reason for row in self.rows if row.sink == "failed_log"]


async def test_a_crawl_goes_on_to_its_end() -> None:
    """Every page is stored once, and nothing is left in flight."""
    crawl = Crawl(30)
    assert await crawl.run() == "finished"
    assert sorted(crawl.stored()) == sorted(seed.url for seed in crawl.seeds)
    assert crawl.scheduler.in_flight() == 0


async def test_pages_that_wait_are_kept_together() -> None:
    """While a batch is written, the next one gathers."""
    crawl = Crawl(30)
    await crawl.run()
    assert sum(crawl.work.batches) == 30
    assert len(crawl.work.batches) < 30


async def test_a_pause_is_waited_for() -> None:
    """The shell sleeps until the next useful time, and goes on by itself."""
    crawl = Crawl(3, delay_ns=20 * MILLISECOND, per_domain=1)
    began_ns = crawl.clock.now_ns()
    assert await crawl.run() == "finished"
    assert crawl.clock.now_ns() - began_ns >= 3 * 20 * MILLISECOND


async def test_work_that_takes_a_while_is_awaited() -> None:
    """Parsing may answer at once or later."""

    class Slow(Work):
        def parse(self, raw: Any) -> Any:
            async def parsed() -> Any:
                await asyncio.sleep(0.001)
                return Parsed((), ())

            return parsed()

    crawl = Crawl(3, Slow())
    assert await crawl.run() == "finished"
    assert len(crawl.stored()) == 3


@pytest.mark.parametrize("effect", ["fetch", "parse", "validate", "keep"])
async def test_an_effect_that_raises_is_lost(effect: str) -> None:
    """Its error is in the log, and its page is tried again."""
    work, calls = Work(), 0
    whole = getattr(work, effect)

    def raising(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 1:
            return whole(*args)
        if effect in ("parse", "validate"):
            raise ValueError("no luck")
        return failing()

    async def failing() -> Any:
        raise ValueError("no luck")

    setattr(work, effect, raising)
    crawl = Crawl(1, work)
    assert await crawl.run() == "finished"
    assert crawl.reasons() == ["ValueError: no luck"]
    assert len(crawl.stored()) == 1


async def test_an_outcome_that_is_none_is_lost() -> None:
    """An effect that answers nonsense has broken its contract."""

    class Nonsense(Work):
        def validate(self, _: Any) -> Any:
            return "nonsense"

    crawl = Crawl(1, Nonsense(), losses=1)
    assert await crawl.run() == "finished"
    assert crawl.reasons() == [
        "the outcome of the effect was refused: str is no outcome of firing 4"
    ]


async def test_a_request_that_hangs_is_cut_off() -> None:
    """At its deadline, whatever it waits for; it may have started or not."""

    class Hanging(Work):
        async def fetch(self, *_: Any) -> Any:
            await asyncio.sleep(3600)

    crawl = Crawl(1, Hanging(), losses=1, timeout_ns=5 * MILLISECOND)
    assert await crawl.run() == "finished"
    assert crawl.reasons() == ["took longer than its deadline"]


async def test_an_error_that_is_fatal_ends_the_run() -> None:
    """It is raised; what ran is in the log as lost or goes back."""

    class Full(Work):
        async def keep(self, _: Any) -> Any:
            raise ZeroDivisionError("the disk is full")

    crawl = Crawl(3, Full())
    with pytest.raises(ZeroDivisionError, match="the disk is full"):
        await crawl.run()
    assert crawl.scheduler.in_flight() == 0


async def test_an_abort_leaves_nothing_in_flight() -> None:
    """What had started is lost, what had not goes back; a late start counts for nothing."""
    late: list[Callable[[], None]] = []

    class Waiting(Work):
        async def fetch(self, target: Any, *given: Any) -> Any:
            late.append(given[2])
            if target.url.endswith("/0"):
                given[2]()
            await asyncio.sleep(3600)

    crawl = Crawl(2, Waiting(), robots="ignore", proxies=(), per_domain=2)
    asyncio.get_running_loop().call_later(0.02, crawl.shell.abort)
    assert await crawl.run() is None
    late[0]()
    assert crawl.scheduler.in_flight() == 0
    assert crawl.scheduler.count("in_progress") == 0
    crawl.scheduler.step(crawl.clock.now_ns())
    assert [row.colour.reason for row in crawl.scheduler.drain()] == ["cancelled"]


async def test_a_poke_shows_what_came_from_outside() -> None:
    """A stop is seen at once, though nothing else happens for an hour."""
    crawl = Crawl(2, delay_ns=3600 * 10**9, per_domain=1, robots="ignore")

    def stop() -> None:
        crawl.scheduler.stop(crawl.clock.now_ns())
        crawl.shell.poke()

    asyncio.get_running_loop().call_later(0.02, stop)
    assert await crawl.run() == "spent"
    assert len(crawl.work.asked) == 1
