"""Where a page may be parsed: on the event loop, in a thread, or in a process that can be killed.

Owns: which pages are harmless (by `bound`), what the others may cost (by `workers`), and the hosts that had
their share of that.
Must not know: handlers, outcomes, the net.
"""

from __future__ import annotations

from collections import Counter
from enum import Enum, auto
from typing import Final

from scraper_cpn.scrape.colours import Raw
from scraper_cpn.scrape.pages.bound import parsing_bound
from scraper_cpn.scrape.pages.jobs import Answer, Broken, Job, Refused
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.workers import WorkerError, Workers
from scraper_cpn.scrape.settings import FieldRule
from scraper_cpn.scrape.urls import host_of

SMALL_BYTES: Final = 32 * 1024
"""Larger pages are not parsed on the event loop: to read an ordinary one would hold it for milliseconds."""
QUICK_NS: Final = 25_000_000
QUICK_BYTES: Final = 16_000_000
"""What parsing a page on the event loop may cost, in the worst case that can be thought of. An ordinary page of
`SMALL_BYTES` costs 0.2 ms; of 4,000 pages bred to be slow within these limits, the worst cost 3 ms."""
HARMLESS_NS: Final = 300_000_000
HARMLESS_BYTES: Final = 48_000_000
"""And in a thread, of which there are as many as the net has parsers."""
LOOKED_AT_BYTES: Final = 1 << 20
"""Larger pages are not looked at: that would take the interpreter lock for too long. They go to a process."""
REFUSALS_MAX: Final = 3
"""So many pages of a host may cost too much in a row; after that its pages are not parsed unless harmless."""


class Weight(Enum):
    """What parsing a page may cost."""

    QUICK = auto()
    """So little that the event loop may do it."""
    HARMLESS = auto()
    """So little that a thread may do it, which nothing can stop."""
    UNKNOWN = auto()
    """It may be harmless, and it may be a bomb."""


def weigh(page: Page) -> Weight:
    """Return what parsing *page* may cost. Costs itself half of what parsing an ordinary page costs."""
    size = len(page.body)
    if size > LOOKED_AT_BYTES:
        return Weight.UNKNOWN
    bound = parsing_bound(page.utf8)
    if size <= SMALL_BYTES and bound.time_ns <= QUICK_NS and bound.memory_bytes <= QUICK_BYTES:
        return Weight.QUICK
    if bound.time_ns <= HARMLESS_NS and bound.memory_bytes <= HARMLESS_BYTES:
        return Weight.HARMLESS
    return Weight.UNKNOWN


class Guard:
    """Parses pages of unknown weight in processes. Close it at the end."""

    def __init__(self) -> None:
        self._workers = Workers()
        self._refusals: Counter[str] = Counter()
        """By host: pages in a row that cost too much."""

    async def parse(self, raw: Raw, rules: tuple[FieldRule, ...] | None) -> Answer:
        """Return the item of a page and its links, or why it can't be parsed; see `Job.rules`."""
        host = host_of(raw.response.url)
        if self._refusals[host] >= REFUSALS_MAX:
            return Refused(
                f"parsing it may take very long, as it did with the last {REFUSALS_MAX} such pages of {host}"
            )
        try:
            answer = await self._workers.do(Job.of(raw, rules))
        except WorkerError as error:
            return Refused(f"parsing it may take very long, and {error}")
        if isinstance(answer, Broken):
            raise RuntimeError(f"in the process that parses:\n{answer.traceback}")
        if isinstance(answer, Refused):
            self._refusals[host] += 1
        else:
            del self._refusals[host]
        return answer

    async def refusal(self, raw: Raw) -> str | None:
        """Return why a page must not be parsed; None when it was parsed in a process without harm."""
        answer = await self.parse(raw, None)
        return answer.reason if isinstance(answer, Refused) else None

    async def close(self) -> None:
        """End the processes."""
        await self._workers.close()
