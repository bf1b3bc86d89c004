"""The standard streams of the command, where the caller has closed them or they can't be written.

Owns: that a missing stream takes no other file's place, that standard error never fails, and what says
a line there before there is a view.
Must not know: what is written to them.
"""

import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Unfailing(io.FileIO):
    """A file that takes everything: what can't be written is lost."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            written = super().write(data)
        except OSError:
            written = None
        return memoryview(data).nbytes if written is None else written


def mend_streams() -> None:
    """Lend the streams that are closed (`2>&-`), and let standard error never fail.

    Standard error only tells how the crawl goes. On a full disk, or with a reader that has gone
    away, the crawl goes on untold, and its exit code says how it ended; items are more than words.
    """
    _lend_streams()
    usual = sys.__stderr__
    if usual is not None and sys.stderr is usual:
        told = io.BufferedWriter(_Unfailing(usual.fileno(), "w", closefd=False))
        sys.stderr = io.TextIOWrapper(
            told, encoding=usual.encoding, errors=usual.errors, line_buffering=True
        )


def _lend_streams() -> None:
    """Lead a standard stream that the caller has closed to the null device.

    The next file or connection would get its descriptor else, and what is meant for the stream
    would go there. The lowest free descriptor is taken (POSIX, open), so they come in this order.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))


def teller(*, silent: bool) -> Callable[[str], None]:
    """Return what says a line on standard error before there is a view, or says nothing."""
    return (lambda _: None) if silent else lambda line: print(line, file=sys.stderr)  # noqa: T201
