"""`python -m bench.sampled FILE MODULE ...`: run a crawler's command, and sample where its CPU time goes.

Owns: the part of a crawl that a sample belongs to, and the weight of a sample.
Must not know: webs, the use of the result. It imports little, because imports take CPU time, too.

A sample belongs to the part that owns its innermost known frame. Its weight is the CPU time of the main thread
since the sample before. The other threads of the process are one part.
"""

from __future__ import annotations

import json
import runpy
import sys
import time
from collections import Counter
from functools import lru_cache
from pathlib import Path
from types import FrameType

from bench.ticks import ticking

START = "start and end"
THREADS = "other threads"
LOOP = "event loop"
PARTS = {
    "parsing": ("/scrape/pages/",),
    "checking, keeping": ("/scrape/items/",),
    "client": (
        "/scrape/fetch/",
        "/aiohttp/", "/yarl/", "/asyncio/selector_events.py",
    ),
    "shell": ("/scraper_cpn/run/", "/baseline/shell.py", "/baseline/crawl.py", "/scrape/session.py", "/scrape/effects.py"),
    "decisions": ("<net ", "/scraper_cpn/net/", "/baseline/"),
    LOOP: ("/asyncio/", "/anyio/"),
}  # fmt: skip
"""What the file names of each part have in them; the first part that fits counts."""


@lru_cache(None)
def part_of(file: str) -> str | None:
    """The part that a file belongs to, if any."""
    return next((part for part, names in PARTS.items() if any(n in file for n in names)), None)


class Sampler:
    """Adds up the CPU time of the main thread by part, from its creation on."""

    def __init__(self) -> None:
        self.spent_ns: Counter[str] = Counter()
        self._last_ns = time.thread_time_ns()

    def sample(self, frame: FrameType | None) -> None:
        """Add the CPU time since the last sample to the part of this one."""
        self._add(_owner(frame))

    def end(self) -> None:
        """Add the rest to the end, and the CPU time of other threads as one part."""
        self._add(START)
        self.spent_ns[THREADS] = time.process_time_ns() - time.thread_time_ns()

    def _add(self, part: str) -> None:
        now_ns = time.thread_time_ns()
        self.spent_ns[part] += now_ns - self._last_ns
        self._last_ns = now_ns


def _owner(frame: FrameType | None) -> str:
    """The part of the innermost frame that has one; while no event loop runs: the start."""
    if not _runs():
        return START
    while frame is not None:
        if part := part_of(frame.f_code.co_filename):
            return part
        frame = frame.f_back
    return LOOP


def _runs() -> bool:
    """Whether an event loop runs in this thread. Frames don't tell: uvloop has none."""
    events = sys.modules.get("asyncio.events")  # importing it would be charged to the program
    running = getattr(events, "_get_running_loop", None)
    return running is not None and running() is not None


def main(file: str, module: str, *arguments: str) -> object:
    """Run a module as a command; returns its exit code."""
    sys.argv = [module, *arguments]
    code: object = 0
    sampler = Sampler()
    with ticking(sampler.sample):
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            code = ended.code
    sampler.end()
    Path(file).write_text(json.dumps(sampler.spent_ns), encoding="ascii")
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))  # type: ignore[arg-type]
