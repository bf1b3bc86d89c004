"""Real time for a kernel.

Owns: the one clock that a run reads, and how another process continues it.
Must not know: nets, effects.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

from msgspec import Struct

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Dial(Struct, frozen=True):
    """The state of a clock that another process needs to continue it."""

    boot: str
    """Identifies the boot of the machine in which the clock ran; empty if the system has no such id."""
    offset_ns: int
    """From the time elapsed since that boot to the clock's time."""


class Clock:
    """UTC at its creation plus the time elapsed since, in nanoseconds.

    Steps of the wall clock during a run are ignored, so that time never goes back and pauses between
    requests keep their length. Elapsed time includes suspension of the machine if the system has such
    a clock.

    Args:
        offset_ns: added to the time elapsed since boot; by default the offset that gives UTC.
    """

    def __init__(self, offset_ns: int | None = None) -> None:
        self._elapsed_ns = elapsed_clock()  # chosen once: it is read a dozen times a page
        self._offset_ns = time.time_ns() - self._elapsed_ns() if offset_ns is None else offset_ns

    @classmethod
    def resumed(cls, dial: Dial, at_ns: int) -> Clock:
        """A clock that continues the one of a process that has ended.

        Within one boot of the machine it is the same clock. After a reboot it is UTC, or *at_ns*, the last
        known time, if that is later: the clock never goes back.
        """
        clock = cls(dial.offset_ns) if dial.boot and dial.boot == boot_id() else cls()
        behind_ns = at_ns - clock.now_ns()
        return clock if behind_ns <= 0 else cls(clock.dial.offset_ns + behind_ns)

    @cached_property
    def dial(self) -> Dial:
        """The state of this clock, for another process; it never changes."""
        return Dial(boot_id(), self._offset_ns)

    def now_ns(self) -> int:
        """UTC, nanoseconds since 1970; never goes back."""
        return self._offset_ns + self._elapsed_ns()


def boot_id() -> str:
    """The id of this boot of the machine; empty if the system has none."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def elapsed_clock() -> Callable[[], int]:
    """The function that returns the time elapsed since a fixed moment, in nanoseconds."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic_ns if boottime is None else partial(time.clock_gettime_ns, boottime)
