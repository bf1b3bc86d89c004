"""The clock of a sampling profiler.

Owns: the signal and its timer. Must not know: what is looked for. It imports little: who is measured with
it pays for that, too.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

EVERY_S = 0.001


@contextmanager
def ticking(look: Callable[[FrameType | None], None]) -> Iterator[None]:
    """Show *look* the stack of the main thread, a thousand times in each second of the process's CPU.

    Or as often as the kernel's clock ticks. To be entered in the main thread.
    """
    signal.signal(signal.SIGPROF, lambda _, frame: look(frame))
    signal.setitimer(signal.ITIMER_PROF, EVERY_S, EVERY_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        # One may be on its way to another thread: where nobody handles it, it ends the process.
        signal.signal(signal.SIGPROF, signal.SIG_IGN)
