"""The standard streams of the command if the caller has closed them, or if they can't be written.

Owns: replacing closed streams, so that no other file gets their descriptors; a standard error that never
fails; printing lines before there is a view.
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
    """A file that accepts all writes, and drops what can't be written."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            written = super().write(data)
        except OSError:
            written = None
        return memoryview(data).nbytes if written is None else written


def mend_streams() -> None:
    """Replace closed streams (`2>&-`), and make standard error never fail.

    Standard error only shows progress. On a full disk, or if its reader has gone away, the crawl continues
    without messages, and its exit code says how it ended: the items matter more.
    """
    _lend_streams()
    usual = sys.__stderr__
    if usual is not None and sys.stderr is usual:
        raw = io.BufferedWriter(_Unfailing(usual.fileno(), "w", closefd=False))
        sys.stderr = io.TextIOWrapper(
            raw, encoding=usual.encoding, errors=usual.errors, line_buffering=True
        )


def _lend_streams() -> None:
    """Redirect a standard stream that the caller has closed to the null device.

    Otherwise the next file or connection would get its descriptor, and output for the stream would go
    there. `open` uses the lowest free descriptor (POSIX), so the streams are opened in this order.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(descriptor, mode, encoding="utf-8", closefd=False))


def teller(*, silent: bool) -> Callable[[str], None]:
    """Return a function that prints a line on standard error before there is a view, or prints nothing."""
    return (lambda _: None) if silent else lambda line: print(line, file=sys.stderr)  # noqa: T201
