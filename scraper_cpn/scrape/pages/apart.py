"""Calls a function in a child of this process, which can be ended.

Owns: the child, its time, and the way back of what the function returns.
Must not know: pages, handlers, event loops.

The child is a copy of this process at the moment of the call: what the function changes stays there.
"""

from __future__ import annotations

import os
import pickle
import signal
import time
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
CAN_FORK = hasattr(os, "fork")
"""Windows can't."""


class ApartError(Exception):
    """The function returned nothing that could be handed over; says why."""


def call_apart(function: Callable[[], T], timeout_s: float) -> T:
    """Return what *function* returns in a child process. Blocks, so call it in a thread.

    Costs some milliseconds. Raises `ApartError` when it takes more than *timeout_s* by the clock, when its process
    ends by itself, and for what can't be pickled.
    """
    from scraper_cpn.scrape.pages.worker import read_all

    reading, writing = os.pipe()
    parent = os.getpid()
    child = _forked()
    if child == 0:
        _be_child(function, writing, parent)
    os.close(writing)
    written = read_all(reading, time.monotonic() + timeout_s)
    os.close(reading)
    if written is None:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if written is None:
        raise ApartError(f"took more than {timeout_s:g} s")
    if not written:
        raise ApartError(f"ended its process ({_described(status)})")
    is_value, value = pickle.loads(written)  # noqa: S301 - our own child has written it
    if not is_value:
        raise ApartError(value)
    return value  # type: ignore[no-any-return]


def _forked() -> int:
    # Python 3.12 warns of children of processes with threads: one may find a lock taken for ever. This one is
    # ended then, as its time is up.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _be_child(function: Callable[[], Any], writing: int, parent: int) -> None:
    from scraper_cpn.scrape.pages.worker import die_with, write

    try:
        die_with(parent)
        signal.set_wakeup_fd(-1)  # it is that of the crawl's event loop
        signal.signal(
            signal.SIGINT, signal.SIG_IGN
        )  # Ctrl-C is for the crawl, which then ends its children
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        write(writing, _pickled(function()))
    finally:
        os._exit(0)


def _pickled(value: object) -> bytes:
    try:
        return pickle.dumps((True, value))
    except Exception as error:  # noqa: BLE001 - a program's items may raise anything
        line = " ".join(f"{type(error).__name__}: {error}".split())
        return pickle.dumps(
            (False, f"yielded something that can't be passed to another process: {line:.200}")
        )


def _described(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit code {os.WEXITSTATUS(status)}"
