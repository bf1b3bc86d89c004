"""What is asked of a process that parses, and what it answers.

Owns: jobs with their limits, answers, and how both are written into a pipe.
Must not know: processes, event loops.
"""

from __future__ import annotations

import struct

import msgspec
from msgspec import Struct

from scraper_cpn.scrape.colours import Link, Raw
from scraper_cpn.scrape.pages.extract import Item
from scraper_cpn.scrape.settings import FieldRule

LENGTH = struct.Struct(">I")
"""What goes before each message: how many bytes it has."""
WALL_FACTOR = 20
"""So much longer than its processor time a job may take by the clock: its process may have to wait for a processor."""

_CPU_S, _CPU_S_PER_BYTE = 0.1, 1e-6
_MEMORY_BYTES, _MEMORY_PER_BYTE, _MEMORY_BYTES_MAX = 32_000_000, 20, 192_000_000


class Job(Struct, frozen=True, gc=False):
    """A page to be parsed, and what that may take."""

    raw: Raw
    rules: tuple[FieldRule, ...] | None
    """What the built-in item takes from it; None: it is only to be parsed."""
    cpu_s: float
    memory_bytes: int

    @classmethod
    def of(cls, raw: Raw, rules: tuple[FieldRule, ...] | None) -> Job:
        """Return the job for a page: it may take ten times what ordinary pages of its size take."""
        size = len(raw.response.body)
        cpu_s = (_CPU_S + _CPU_S_PER_BYTE * size) * (1 + len(rules or ()) / 10)
        memory_bytes = min(_MEMORY_BYTES + _MEMORY_PER_BYTE * size, _MEMORY_BYTES_MAX)
        return cls(raw, rules, cpu_s, memory_bytes)


class Done(Struct, frozen=True, tag=True):
    """The page was parsed within its limits; the item and the links that were wanted."""

    item: Item | None
    links: list[Link]


class Refused(Struct, frozen=True, tag=True):
    """The page can't be parsed within its limits."""

    reason: str


class Broken(Struct, frozen=True, tag=True):
    """Our own code failed."""

    traceback: str


Answer = Done | Refused | Broken

answers: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)
"""Reads an answer."""
jobs: msgspec.msgpack.Decoder[Job] = msgspec.msgpack.Decoder(Job)
"""Reads a job."""


def message(value: Job | Answer) -> bytes:
    """Return *value* as it is written."""
    return msgspec.msgpack.encode(value)
