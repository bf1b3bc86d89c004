"""A sample of a crawl belongs to the part whose code runs, whatever event loop runs it."""

from __future__ import annotations

import asyncio
import signal
import sys
from types import FrameType

from bench.sampled import START, Sampler
from bench.ticks import ticking


def inside(file: str, sampler: Sampler) -> None:
    """Take a sample in code of a file."""
    names = {"sampler": sampler, "frame": sys._getframe}
    exec(compile("sampler.sample(frame())", file, "exec"), names)


def test_a_part_is_told() -> None:
    """By the innermost code; on the loop, what belongs to nothing is the loop's, and the start before and after it."""
    sampler = Sampler()
    told: list[str] = []

    def note(part: str) -> None:
        told.append(part)

    sampler._add = note  # type: ignore[method-assign]

    async def crawl() -> None:
        inside("/x/scraper_cpn/scrape/pages/parse.py", sampler)
        inside("/x/scraper_cpn/scrape/fetch/reader.py", sampler)
        asyncio.get_running_loop().call_soon(inside, "<net scrape>", sampler)
        await asyncio.sleep(0)
        frame: FrameType | None = None
        sampler.sample(frame)

    inside("/x/scraper_cpn/scrape/pages/parse.py", sampler)
    with asyncio.Runner() as runner:
        runner.run(crawl())
    inside("/x/scraper_cpn/scrape/pages/parse.py", sampler)
    assert told == [START, "parsing", "client", "decisions", "event loop", START]


def test_the_signal_is_as_before() -> None:
    """Who starts a process later does not make it ignore the signal."""
    before = signal.getsignal(signal.SIGPROF)
    with ticking(lambda _: None):
        assert signal.getsignal(signal.SIGPROF) != before
    assert signal.getsignal(signal.SIGPROF) == before
