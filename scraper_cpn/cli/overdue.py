"""The process of the guard: waits for signals of the command, and ends it when its time is over.

Owns: how long a signalled command may take, how it is ended then, and that this process doesn't outlive it.
Must not know: anything of this package: it starts in 10 ms and takes 4 MB, as it imports nothing else.

Standard input is a socket that comes from the command. Who watches whom: the command is the parent of this process.
"""

import os
import select
import signal
import sys
import time
from contextlib import suppress

_LINE = "scrape: interrupted; some work did not end in time and was abandoned"
_OVER = b"\0"
_INSIST_S = (0.1, 0.1)
"""How long the command may take to die of the signals that it is sent."""
_LOOK_S = 2.0
"""How often to see whether the command has ended, for the case that children of it have kept the socket."""


def main(at_once_s: float, grace_s: float) -> None:
    """Watch until the command has ended."""
    with suppress(ConnectionError):  # it has ended with a number unread, or before it was sent one
        _watch(os.getppid(), at_once_s, grace_s)


def _watch(command: int, at_once_s: float, grace_s: float) -> None:
    """Watch; raises `ConnectionError` when the command has ended, or returns."""
    due_s = float("inf")
    last = 0
    while (left_s := due_s - time.monotonic()) > 0 and os.getppid() == command:
        if not select.select((0,), (), (), min(left_s, _LOOK_S))[0]:
            continue
        came = os.read(0, 64)
        if not came:  # the command has ended
            return
        for number in filter({signal.SIGINT, signal.SIGTERM, signal.SIGHUP}.__contains__, came):
            wait_s = at_once_s + (0 if last else grace_s)
            due_s, last = min(due_s, time.monotonic() + wait_s), number
        os.write(0, came)
    _end(command, last)


def _end(command: int, number: int) -> None:
    """Report that something did not end, if that is possible without waiting, and end the command.

    If it can run Python, it ends itself. If not, the signal has its default effect, at the latest the second time:
    each is caught once.
    """
    with suppress(OSError):  # nobody reads that any more
        if select.select((), (2,), (), 0)[1]:
            cursor = "\r\x1b[?25h" if os.isatty(2) else ""  # the live view has hidden the cursor
            os.write(2, f"{cursor}{_LINE}\n".encode())
    os.write(0, _OVER)
    for wait_s in _INSIST_S:
        _kill(command, number)
        time.sleep(wait_s)
    _kill(command, signal.SIGKILL)


def _kill(command: int, number: int) -> None:
    if os.getppid() == command:
        os.kill(command, number)


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]))
