"""Parses pages that may be large, or bombs, in processes.

Owns: what pages of unknown cost may take there (by `workers`), and the hosts that had their share of that.
Must not know: handlers, outcomes, the net.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from anyio import to_thread
from msgspec import Struct

from scraper_cpn.scrape.colours import Raw
from scraper_cpn.scrape.pages.jobs import (
    ParseAnswer,
    ParseBroken,
    ParseDone,
    ParseHeavy,
    ParseJob,
    ParseOverLimit,
    do_if_harmless,
)
from scraper_cpn.scrape.pages.workers import CAN_WORK, WORKERS_MAX, WorkerError, Workers
from scraper_cpn.scrape.settings import FieldRule, PageLimits
from scraper_cpn.scrape.urls import host_of

EXCESS_S_MAX: Final = 0.5
"""So much more processor time than others of their size pages of a host may take; then its pages are not parsed
unless they are harmless."""
OVER_LIMIT_S: Final = 0.25
"""The time that a refused page counts, in seconds."""
AT_ONCE_BYTES_MAX: Final = 1_000_000
"""Larger pages take so long that others would wait for them."""
CAREFUL_S: Final = 10.0
CROWDED_S: Final = 0.05
"""Pages may wait so long for a process before their domains have to pause."""
NEWCOMERS_MAX: Final = WORKERS_MAX + 1
"""One waits, so that there is always one to go on with."""
TURN_S_MIN: Final = 0.5
"""A page that is sent away does not come back sooner."""


class BusyError(Exception):
    """Processes have no time for a page now; its turn is in *wait_s* seconds, for which its body is not kept."""

    def __init__(self, reason: str, wait_s: float) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class _Record(Struct):
    """What is known of the pages of a host that were parsed in a process."""

    is_good: bool = False
    """Whether the last one cost no more than others of its size."""
    excess_s: float = 0.0
    """How much more processor time all of them took than others of their size."""


class Trial(Struct, frozen=True):
    """The result of parsing a page in another process."""

    refusal: str | None
    """Why it must not be parsed; None where it did no harm."""
    is_heavy: bool
    """Whether the cost was unknown before."""


class ParseGuard:
    """Parses pages in processes, and does not let costly hosts keep others waiting. Close it at the end.

    *crowded* is called with the domain of a page that has to wait, and for how long, in seconds: pages of domains that
    need no process go on, if the others send no more than can be parsed.

    Pages are parsed at once, and given up when they take much longer than usual. After that only what is harmless for certain is
    parsed at once, so that nobody can have many pages given up: on new hosts for a while, on that host until a page cost what
    it should. What may be a bomb waits for a process if it is of a host whose last page cost what it should. Of other hosts only
    `NEWCOMERS_MAX` such pages are here at a time, as anyone can have a thousand hosts.
    """

    def __init__(self, limits: PageLimits, crowded: Callable[[str, float], None]) -> None:
        self._limits = limits
        self._crowded = crowded
        self._workers = Workers()
        self._records: dict[str, _Record] = {}
        self._newcomers = 0
        self._careful_until_s = 0.0
        """Until then, by the monotonic clock, no page is parsed before it was looked at."""
        self._next_turn_s = 0.0
        """When the page that was sent away last has its turn, by the monotonic clock."""

    async def parse(
        self, raw: Raw, rules: tuple[FieldRule, ...] | None
    ) -> ParseDone | ParseOverLimit:
        """Return the item of a page and its links, or why it can't be parsed; see `Job.rules`.

        Raises `BusyError` when the page has to be tried again later.
        """
        answer = await self._first(raw, rules)
        if isinstance(answer, ParseHeavy):
            return await self._parse_heavy(ParseJob.of(raw, rules, self._limits))
        return answer

    async def _first(
        self, raw: Raw, rules: tuple[FieldRule, ...] | None
    ) -> ParseDone | ParseOverLimit | ParseHeavy:
        """Parse a page that is probably an ordinary one, or else is harmless."""
        host = host_of(raw.response.url)
        record = self._records.get(host)
        may_try = time.monotonic() >= self._careful_until_s if record is None else record.is_good
        if not may_try or len(raw.response.body) > AT_ONCE_BYTES_MAX:
            return await self._ask(ParseJob.of(raw, rules, self._limits, if_harmless=True))
        job = ParseJob.of(raw, rules, self._limits, at_once=True)
        answer = await self._ask(job)
        if isinstance(answer, ParseHeavy):
            self._careful_until_s = time.monotonic() + CAREFUL_S
            record = self._records.setdefault(host, _Record())
            record.is_good = False
            record.excess_s += job.at_once_s
        return answer

    async def _parse_heavy(self, job: ParseJob) -> ParseDone | ParseOverLimit:
        host = host_of(job.raw.response.url)
        record = self._records.setdefault(host, _Record())
        if record.excess_s >= EXCESS_S_MAX:
            return ParseOverLimit(f"parsing it may take too long, as with other pages of {host}")
        if record.is_good:
            return await self._recorded(job, record)
        if self._newcomers >= NEWCOMERS_MAX:
            reason = "parsing it may take long, and similar pages of other hosts are being parsed"
            raise BusyError(reason, self._turn_s(job))
        self._newcomers += 1
        try:
            return await self._recorded(job, record)
        finally:
            self._newcomers -= 1

    def _turn_s(self, job: ParseJob) -> float:
        """Give the next turn to a page, and return in how many seconds that is: one after the other, by what each may take."""
        now_s = time.monotonic()
        self._next_turn_s = max(self._next_turn_s, now_s + TURN_S_MIN) + job.cpu_s / WORKERS_MAX
        return self._next_turn_s - now_s

    async def try_out(self, raw: Raw) -> Trial:
        """Return what came of parsing a page in a process, which shows whether it does harm here."""
        answer = await self._first(raw, None)
        is_heavy = isinstance(answer, ParseHeavy)
        if is_heavy:
            answer = await self._parse_heavy(ParseJob.of(raw, None, self._limits))
        return Trial(answer.reason if isinstance(answer, ParseOverLimit) else None, is_heavy)

    async def close(self) -> None:
        """End the processes."""
        await self._workers.close()

    async def _recorded(self, job: ParseJob, record: _Record) -> ParseDone | ParseOverLimit:
        """Have a job done, and note for its host what it took."""
        answer = await self._ask(job)
        assert not isinstance(answer, ParseHeavy)
        used_s = answer.cpu_s if isinstance(answer, ParseDone) else max(job.cpu_s, OVER_LIMIT_S)
        excess_s = max(0.0, used_s - job.usual_s)
        record.excess_s += excess_s
        record.is_good = excess_s == 0
        return answer

    async def _ask(self, job: ParseJob) -> ParseDone | ParseOverLimit | ParseHeavy:
        if not CAN_WORK:
            answer: ParseAnswer = await to_thread.run_sync(do_if_harmless, job)
        else:
            if (wait_s := self._workers.backlog_s) > CROWDED_S:
                self._crowded(job.raw.target.domain, wait_s)
            try:
                answer = await self._workers.do(job)
            except WorkerError as error:
                return ParseOverLimit(f"parsing it may take too long, and {error}")
        if isinstance(answer, ParseBroken):
            raise RuntimeError(f"in the process that parses:\n{answer.traceback}")
        if isinstance(answer, ParseHeavy) and not job.is_short:
            return ParseOverLimit(
                "parsing it may take too long, and this system has no limits for processes"
            )
        return answer
