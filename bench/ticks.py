"""The clock of a sampling profiler.

Owns: the signal and its timer. Must not know: the use of samples. It imports little, because the measured
program pays for that.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

EVERY_S = 0.001


@contextmanager
def ticking(look: Callable[[FrameType | None], None]) -> Iterator[None]:
    """Call *look* with the stack of the main thread, 1,000 times in each second of the process's CPU time.

    The clock of the operating system may allow fewer. Enter it in the main thread.
    """
    before = signal.signal(signal.SIGPROF, lambda _, frame: look(frame))
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        # One may be on its way to another thread, and would end the process: to ignore it discards it.
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
        signal.signal(signal.SIGPROF, before)
