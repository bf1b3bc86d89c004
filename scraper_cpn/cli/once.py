"""Catching a signal once, so that the next one needs no Python to end the process.

Owns: SA_RESETHAND, for which Python has no call.
Must not know: what a signal is caught for.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

_SA_RESETHAND = 0x80000000
_FLAGS_OFFSET = ctypes.sizeof(ctypes.c_void_p) + 128
"""The offset of sa_flags in struct sigaction on Linux, after the handler and the mask of 1,024 signals."""
_SIGACTION_BYTES = 256
"""More bytes than the structure has."""


def once(number: int) -> Callable[[], None]:
    """Catch a signal only once, so that the next one ends the process; returns a function that rearms it.

    The flag is set in the C library's record of Python's handler. Where that is impossible, the signal is caught each
    time.
    """
    if sys.platform != "linux":
        return lambda: None
    library = ctypes.CDLL(None)
    action = ctypes.create_string_buffer(_SIGACTION_BYTES)
    library.sigaction(number, None, action)
    ctypes.c_uint32.from_buffer(action, _FLAGS_OFFSET).value |= _SA_RESETHAND

    def again() -> None:
        library.sigaction(number, action, None)

    again()
    return again


@contextmanager
def second_interrupt_ends() -> Iterator[None]:
    """Within it the second Ctrl-C ends the process, even if code in C that never ends keeps Python from raising the first."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is not signal.default_int_handler or current_thread() is not main_thread():
        yield
        return
    once(signal.SIGINT)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is handler:  # nobody has set another one
            signal.signal(signal.SIGINT, handler)
