"""The driver of the scrape net: one crawl of the loopback web, settings and results as JSON.

Owns: the options for the limits of the task, and the consumer of the items.
Must not know: what the results are compared with.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio

from scraper_cpn import Crawl
from scraper_cpn.scrape.fetch.loop import loop_options
from scraper_cpn.scrape.items.outputs import ItemOutput
from scraper_cpn.version import __version__


class Consumer(ItemOutput):
    """Takes one item after another; each takes its time."""

    def __init__(self, consume_s: float) -> None:
        self.received = 0
        self._consume_s = consume_s

    async def write(self, batch: Sequence[Any]) -> None:
        """Take the items of a batch."""
        for _ in batch:
            if self._consume_s:
                await asyncio.sleep(self._consume_s)
            self.received += 1

    async def close(self) -> None:
        """Do nothing: there is nothing to close."""


def options_of(task: dict[str, Any]) -> dict[str, Any]:
    """The options of a crawl with a task's limits; proxies are left out."""
    return {
        "delay": task["delay_s"],
        "per_domain": 1 if task["delay_s"] else task["at_once"],
        "concurrency": task["at_once"],
        "per_proxy": task["per_proxy"],
        "max_pages": task["max_pages"],
        "retries": task["retries"],
        "timeout": task["timeout_s"],
        "scope": "host",
        "user_agent": task["user_agent"],
    }


async def crawl(asked: Crawl[Any], seeds: list[str], consumer: Consumer) -> None:
    """Crawl with the net."""
    await asked.session(seeds, output=consumer).run()


def drive(run: Callable[[Crawl[Any], list[str], Consumer], Awaitable[None]], program: str) -> None:
    """Read the task, crawl, and print the settings and the results.

    The process's argument, if there is one, is the HTTP client.
    """
    task = json.load(sys.stdin)
    options = options_of(task)
    for fetcher in sys.argv[1:]:
        options["fetcher"], program = fetcher, f"{program}, {fetcher}"
    consumer = Consumer(task["consume_s"])
    began = time.perf_counter()
    asked = Crawl(proxy=task["proxies"], **options)
    anyio.run(run, asked, task["seeds"], consumer, backend_options=loop_options())
    result = {
        "program": program,
        "settings": {**options, "fetcher": asked.settings.fetcher},
        "received": consumer.received,
        "wall_s": time.perf_counter() - began,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    drive(crawl, f"scraper_cpn {__version__}")
