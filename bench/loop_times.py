"""The command with a clock on its event loop: what each callback takes of the processor, and how late requests start.

Owns: measures that the load of the machine does not change: processor time, and delays without the time for which the
thread was ready to run and had no processor (Linux counts it in /proc/self/schedstat).
Must not know: what the callbacks do, why a request starts.

`python -m bench.loop_times FILE ARGUMENT...` runs `scrape ARGUMENT...` and writes `Times` to FILE, as JSON.
"""

from __future__ import annotations

import asyncio
import sys
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from scraper_cpn.cli.main import main
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.fetch.loop import PreciseSelector

LEAST_S = 0.001
"""Shorter callbacks delay nobody."""
_SCHEDSTAT = Path("/proc/self/schedstat")


class Start(Struct, frozen=True, array_like=True):
    """A request that started."""

    host: str
    at_s: float
    """Monotonic."""
    waited_s: float
    """For how long the thread had waited for a processor, since its beginning."""


class Times(Struct, frozen=True):
    """What was measured in a crawl."""

    callbacks: list[tuple[float, float]]
    """When each callback over `LEAST_S` began (monotonic), and how long it ran on the processor; seconds."""
    waits: list[tuple[float, float]]
    """When the loop began to wait (monotonic), and `waited_s` then."""
    starts: list[Start]

    def late(self, prefix: str, delay_s: float) -> list[tuple[float, float]]:
        """How late each request but the first started to each host whose name begins with *prefix*, in seconds.

        It was due *delay_s* after the one before. The second number is without the time in which the loop could not run,
        because the machine did other work.
        """
        moments = [at_s for at_s, _ in self.waits]
        hosts = defaultdict[str, list[Start]](list)
        for each in self.starts:
            if each.host.startswith(prefix):
                hosts[each.host].append(each)
        found = list[tuple[float, float]]()
        for starts in hosts.values():
            for sooner, later in pairwise(starts):
                due_s = sooner.at_s + delay_s
                late_s = later.at_s - due_s
                waited_s = self.waits[max(0, bisect_right(moments, due_s) - 1)][1]
                found.append((late_s, max(0.0, late_s - (later.waited_s - waited_s))))
        return found


def run(file: Path, arguments: list[str]) -> int:
    """Run the command, and return its exit code."""
    times = Times([], [], [])
    _time_callbacks(times)
    _note_starts(times)
    try:
        return main(arguments)
    finally:
        file.write_bytes(msgspec.json.encode(times))


def _time_callbacks(times: Times) -> None:
    usual = asyncio.Handle._run  # noqa: SLF001 - asyncio has no other place to measure every callback

    def timed(handle: asyncio.Handle) -> None:
        began_s, before_s = time.monotonic(), time.thread_time()
        usual(handle)
        took_s = time.thread_time() - before_s
        if took_s > LEAST_S:
            times.callbacks.append((began_s, took_s))

    asyncio.Handle._run = timed  # type: ignore[assignment,method-assign] # noqa: SLF001


def _note_starts(times: Times) -> None:
    fetch, select = Fetcher.fetch, PreciseSelector.select

    def fetching(
        self: Fetcher, target: Any, proxy: Any, start: Callable[[], None], *more: Any, **named: Any
    ) -> Any:
        def started() -> None:
            times.starts.append(
                Start(urlsplit(target.url).hostname or "", time.monotonic(), _waited_s())
            )
            start()

        return fetch(self, target, proxy, started, *more, **named)

    def selecting(self: PreciseSelector, timeout: float | None = None) -> Any:
        times.waits.append((time.monotonic(), _waited_s()))
        return select(self, timeout)

    Fetcher.fetch = fetching  # type: ignore[method-assign]
    PreciseSelector.select = selecting  # type: ignore[method-assign]


def _waited_s() -> float:
    return int(_SCHEDSTAT.read_bytes().split()[1]) / 1e9


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
