"""The command with a clock on its event loop: what each callback takes of the processor.

Owns: measuring the processor time of callbacks, which the load of the machine does not change.
Must not know: what the callbacks do.

`python -m bench.loop_times FILE ARGUMENT...` runs `scrape ARGUMENT...` and writes to FILE, as JSON, when each
callback over `LEAST_S` began (seconds, monotonic) and how long it ran on the processor (seconds).
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import msgspec

from scraper_cpn.cli.main import main

LEAST_S = 0.001
"""Shorter callbacks delay nobody."""


def run(file: Path, arguments: list[str]) -> int:
    """Run the command, and return its exit code."""
    found: list[tuple[float, float]] = []
    usual = asyncio.Handle._run  # noqa: SLF001 - asyncio has no other place to measure every callback

    def timed(handle: asyncio.Handle) -> None:
        began_s, before_s = time.monotonic(), time.thread_time()
        usual(handle)
        took_s = time.thread_time() - before_s
        if took_s > LEAST_S:
            found.append((began_s, took_s))

    asyncio.Handle._run = timed  # type: ignore[assignment,method-assign] # noqa: SLF001
    try:
        return main(arguments)
    finally:
        file.write_bytes(msgspec.json.encode(found))


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), sys.argv[2:]))
