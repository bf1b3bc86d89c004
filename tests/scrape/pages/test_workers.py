"""What may be dangerous to parse is parsed in processes that are bounded, replaced, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from scraper_cpn.scrape.pages.guard import ParseGuard
from scraper_cpn.scrape.pages.jobs import (
    ParseAnswer,
    ParseBroken,
    ParseDone,
    ParseHeavy,
    ParseJob,
    ParseOverLimit,
)
from scraper_cpn.scrape.pages.workers import MEMORY_BYTES, WORKERS_MAX, WorkerError, Workers
from scraper_cpn.scrape.settings import FieldRule, PageLimits
from tests.scrape.sample_pages import raw

MEMORY_BOMB = "<p>" + "".join(f"<i a{n}>" for n in range(2_000)) + "<p>x" * 8_000
TIME_BOMB = "<svg>" + "<g>" * 500 + "</x>" * 200_000


def job(html: str, *, cpu_s: float = 60.0, memory_bytes: int = 64_000_000) -> ParseJob:
    """A page to be parsed."""
    return ParseJob(raw(html), (), PageLimits(), cpu_s, memory_bytes)


def done(*jobs: ParseJob) -> list[ParseAnswer]:
    """The answers to jobs that are asked one after the other."""

    async def ask() -> list[ParseAnswer]:
        workers = Workers()
        try:
            return [await workers.do(each) for each in jobs]
        finally:
            await workers.close()

    return anyio.run(ask)


def test_pages_are_parsed() -> None:
    """Small and big pages come back with their item and links."""
    big = job("<title>T</title>" + "<a href=/x>x</a>" * 20_000)
    for answer in done(big, job("<title>T</title><a href=/x>")):
        assert isinstance(answer, ParseDone)
        assert answer.item is not None
        assert answer.item.title == "T"
        assert answer.links[0].url == "https://shop.example/x"


def test_memory_is_bounded() -> None:
    """A page that takes too much memory is refused with the reason, and the next one is parsed."""
    refused, parsed = done(job(MEMORY_BOMB), job("x"))
    assert refused == ParseOverLimit("parsing it takes more than 64 MB of memory")
    assert isinstance(parsed, ParseDone)


def test_time_is_bounded() -> None:
    """A page that takes too much processor time is refused with the reason, and the next one is parsed."""
    refused, parsed = done(job(TIME_BOMB, cpu_s=0.05), job("x"))
    assert refused == ParseOverLimit("parsing it takes more than 0.05 s of processor time")
    assert isinstance(parsed, ParseDone)


@pytest.mark.parametrize("memory_bytes", [32_000_000, 4_000_000_000])
@pytest.mark.parametrize("how", ["heard", "ignored", "blocked"])
def test_what_takes_longer_than_usual_is_given_up(memory_bytes: int, how: str) -> None:
    """A page that is parsed at once ends its process where it takes too much memory or time, and the next one is parsed.

    So it is where the process that began the crawl ignores or blocks the signal of a timer.
    """
    with profiled(how):
        given_up(memory_bytes)


@contextmanager
def profiled(how: str) -> Iterator[None]:
    """Treat the signal of a timer so, in this process."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF} if how == "blocked" else ())
    before = signal.signal(signal.SIGPROF, signal.SIG_IGN if how == "ignored" else signal.SIG_DFL)
    yield
    signal.signal(signal.SIGPROF, before)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def given_up(memory_bytes: int) -> None:
    """Parse pages at once, two of which take too much."""
    pages = [raw("<title>T"), raw(MEMORY_BOMB), raw("x"), raw(MEMORY_BOMB), raw("x")]
    found = done(
        *(ParseJob(page, (), PageLimits(), 60.0, memory_bytes, at_once=True) for page in pages)
    )
    assert [type(each) for each in found] == [ParseDone, ParseHeavy] * 2 + [ParseDone]


def test_a_bug_of_ours_is_reported() -> None:
    """What raises in the process comes back with its traceback."""
    (broken,) = done(
        ParseJob(raw("<p>x"), (FieldRule("bad", "p["),), PageLimits(), 60.0, 64_000_000)
    )
    assert isinstance(broken, ParseBroken)
    assert "bad CSS selector" in broken.traceback


def test_no_more_than_so_many_at_once() -> None:
    """Jobs wait for a free process, and for memory."""

    async def ask() -> list[ParseAnswer]:
        workers, answers = Workers(), []

        async def one(memory_bytes: int) -> None:
            answers.append(await workers.do(job("x", memory_bytes=memory_bytes)))
            assert len(workers.processes) <= WORKERS_MAX

        async with anyio.create_task_group() as group:
            for memory_bytes in (MEMORY_BYTES, 64_000_000, MEMORY_BYTES, 64_000_000) * 2:
                group.start_soon(one, memory_bytes)
        await workers.close()
        assert not workers.processes
        return answers

    assert all(isinstance(each, ParseDone) for each in anyio.run(ask))


def is_running(process: int) -> bool:
    """Whether there is such a process, and it has not ended."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_cancelled_job_leaves_nothing_behind() -> None:
    """Its process is killed; the next job gets another."""

    async def ask() -> ParseAnswer:
        workers = Workers()
        await workers.do(job("x"))
        (process,) = workers.processes
        with anyio.move_on_after(0.2):
            await workers.do(job(TIME_BOMB))
        assert not is_running(process)
        answer = await workers.do(job("x"))
        await workers.close()
        return answer

    assert isinstance(anyio.run(ask), ParseDone)


def test_a_process_that_is_killed_is_replaced() -> None:
    """Its job fails with a reason, and the next one gets another process."""

    async def ask() -> ParseAnswer:
        workers = Workers()
        await workers.do(job("x"))
        (process,) = workers.processes
        os.kill(process, signal.SIGKILL)
        with pytest.raises(WorkerError, match="ended unexpectedly"):
            await workers.do(job("x"))
        answer = await workers.do(job("x"))
        await workers.close()
        return answer

    assert isinstance(anyio.run(ask), ParseDone)


def children(process: int) -> list[int]:
    return [*map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())]


PROGRAM = """
import anyio
from scraper_cpn.scrape.pages.workers import Workers
from tests.scrape.pages.test_workers import TIME_BOMB, job

async def ask():
    workers = Workers()
    await workers.do(job("x"))
    print(*workers.processes, flush=True)
    await workers.do(job(TIME_BOMB, cpu_s=600.0))

anyio.run(ask)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process ends when its time is up")
def test_processes_die_with_the_crawl() -> None:
    """After `kill -9` of the crawl, no process goes on parsing."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True
    ) as crawl:
        assert crawl.stdout is not None
        worker = int(crawl.stdout.readline())
        (server,) = children(worker)
        while not (busy := children(server)):
            time.sleep(0.01)
        crawl.kill()
    while any(map(is_running, [worker, server, *busy])):
        time.sleep(0.01)


def test_a_job_that_may_take_long_does_not_hold_up_a_short_one() -> None:
    """One process is left for jobs that are over soon, whatever the others do."""

    async def ask() -> None:
        workers = Workers()

        async def long() -> None:
            await workers.do(job(TIME_BOMB))

        async with anyio.create_task_group() as tasks:
            for _ in range(WORKERS_MAX):
                tasks.start_soon(long)
            await anyio.lowlevel.checkpoint()
            short = ParseJob(raw("x"), (), PageLimits(), 60.0, 1_000, if_harmless=True)
            assert isinstance(await workers.do(short), ParseDone)
            assert len(workers.processes) == WORKERS_MAX
            tasks.cancel_scope.cancel()
        await workers.close()

    anyio.run(ask)


def test_domains_pause_whose_pages_wait() -> None:
    """With more pages than processes, each that comes tells for how long its domain should send none."""
    message: list[tuple[str, float]] = []

    async def ask() -> None:
        guard = ParseGuard(PageLimits(), lambda domain, wait_s: message.append((domain, wait_s)))

        async def one() -> None:
            assert isinstance(await guard.parse(raw("x"), ()), ParseDone)

        await one()  # how long it takes is known from now on
        assert message == []
        guard._workers._usual_s = 1.0
        async with anyio.create_task_group() as tasks:
            for _ in range(WORKERS_MAX + 2):
                tasks.start_soon(one)
        await guard.close()

    anyio.run(ask)
    assert message == [("shop.example", 1 / WORKERS_MAX)]
