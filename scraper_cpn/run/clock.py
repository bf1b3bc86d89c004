"""Real time for a kernel.

Owns: the one clock that a run reads. Must not know: nets, effects.
"""

import time


class Clock:
    """UTC at its creation plus the time elapsed since, in nanoseconds.

    Steps of the wall clock during a run are ignored, so that time never goes back and pauses
    between requests stay what they are. Elapsed time counts a suspended machine's sleep where the
    system has such a clock.
    """

    def __init__(self) -> None:
        self._base_ns = time.time_ns() - _elapsed_ns()

    def now_ns(self) -> int:
        """UTC, nanoseconds since 1970; never goes back."""
        return self._base_ns + _elapsed_ns()


def _elapsed_ns() -> int:
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic_ns() if boottime is None else time.clock_gettime_ns(boottime)
