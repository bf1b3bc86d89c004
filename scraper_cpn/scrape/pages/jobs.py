"""What is asked of a process that parses, and what it answers.

Owns: jobs with their limits, how they are done, answers, and how both are written into a pipe.
Must not know: processes, event loops.
"""

from __future__ import annotations

import struct
import time
import traceback

import msgspec
from msgspec import Struct

from scraper_cpn.scrape.colours import Link, Raw
from scraper_cpn.scrape.pages.cut import Cut
from scraper_cpn.scrape.pages.extract import Item, extract, refreshes_of
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.weight import is_harmless
from scraper_cpn.scrape.settings import FieldRule, PageLimits

LENGTH = struct.Struct(">I")
"""The prefix of each message: its length in bytes."""
WALL_FACTOR = 20
"""So much longer than its processor time a job may take by the clock: its process may have to wait for a processor."""

_USUAL_S, _USUAL_S_PER_BYTE = 0.02, 3e-7
"""The processor time of ordinary pages on a slow machine, in seconds: there are 0.1 s to a million bytes on one of 2020."""
_BEGINNING_S = 0.1
_CPU_S, _CPU_S_PER_BYTE = 0.1, 1e-6
_MEMORY_BYTES, _MEMORY_PER_BYTE, _MEMORY_BYTES_MAX = 32_000_000, 20, 192_000_000


class ParseJob(Struct, frozen=True, gc=False):
    """A page to be parsed, and what that may take."""

    raw: Raw
    rules: tuple[FieldRule, ...] | None
    """What the built-in item takes from it; None: it is only to be parsed."""
    limits: PageLimits
    cpu_s: float
    memory_bytes: int
    if_harmless: bool = False
    """Whether it is to be parsed only if that is certain to be over soon."""
    at_once: bool = False
    """Whether it is to be parsed without a look at it before, and given up when it takes much longer than usual."""

    @property
    def is_short(self) -> bool:
        """Whether it is over soon, whatever the page."""
        return self.if_harmless or self.at_once

    @classmethod
    def of(
        cls,
        raw: Raw,
        rules: tuple[FieldRule, ...] | None,
        limits: PageLimits,
        *,
        if_harmless: bool = False,
        at_once: bool = False,
    ) -> ParseJob:
        """Return the job for a page: it may take ten times what ordinary pages of its size take."""
        size = len(raw.response.body)
        cpu_s = (_CPU_S + _CPU_S_PER_BYTE * size) * (1 + len(rules or ()) / 10)
        memory_bytes = min(_MEMORY_BYTES + _MEMORY_PER_BYTE * size, _MEMORY_BYTES_MAX)
        return cls(raw, rules, limits, cpu_s, memory_bytes, if_harmless, at_once)

    @property
    def usual_s(self) -> float:
        """The processor time of an ordinary page of this size."""
        size = len(self.raw.response.body)
        return (_USUAL_S + _USUAL_S_PER_BYTE * size) * (1 + len(self.rules or ()) / 10)

    @property
    def at_once_s(self) -> float:
        """The processor time for which it is not given up: more than usual, since a new process has to begin with it."""
        return _BEGINNING_S + self.usual_s


class ParseDone(Struct, frozen=True, tag=True):
    """The page was parsed within its limits; the item and the links that were wanted."""

    item: Item | None
    links: list[Link]
    cpu_s: float = 0.0
    """Processor time that it took."""
    cut: tuple[str, ...] = ()
    """See `Parsed`."""
    refreshes: tuple[str, ...] = ()
    """Where the page sends browsers."""


class ParseOverLimit(Struct, frozen=True, tag=True):
    """The page can't be parsed within its limits."""

    reason: str


class ParseHeavy(Struct, frozen=True, tag=True):
    """The page may be a bomb, and was not parsed, or not to its end."""


class ParseBroken(Struct, frozen=True, tag=True):
    """Our own code failed."""

    traceback: str


ParseAnswer = ParseDone | ParseOverLimit | ParseHeavy | ParseBroken

answers: msgspec.msgpack.Decoder[ParseAnswer] = msgspec.msgpack.Decoder(ParseAnswer)
"""Reads an answer."""
jobs: msgspec.msgpack.Decoder[ParseJob] = msgspec.msgpack.Decoder(ParseJob)
"""Reads a job."""


def message(value: ParseJob | ParseAnswer) -> bytes:
    """Return *value* as it is written."""
    return msgspec.msgpack.encode(value)


def do(job: ParseJob) -> ParseAnswer:
    """Do a job, without limits. Raises `MemoryError`."""
    page = Page.of(job.raw)
    began_s = time.process_time()
    try:
        if job.rules is None:
            page.tree  # noqa: B018 - parsed when asked for
            return ParseDone(None, [], time.process_time() - began_s)
        cut = Cut(job.limits)
        item, links = extract(page, job.raw.response.fetched_at_ns, job.rules, cut)
        refreshes = refreshes_of(page, job.limits.kinds)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - a bug of ours, which the crawl's process tells
        return ParseBroken(traceback.format_exc())
    return ParseDone(item, links, time.process_time() - began_s, cut.lines, refreshes)


def do_if_harmless(job: ParseJob) -> ParseAnswer:
    """Do a job if that is certain to be over soon."""
    return do(job) if is_harmless(Page.of(job.raw)) else ParseHeavy()
