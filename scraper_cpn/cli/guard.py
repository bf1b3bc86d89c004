"""The guard of the command: the end of a command that can't end itself.

Owns: starting the guard's process, and ending it.
Must not know: what the command does, how it obeys a signal, when its time is over.

No line of Python runs in a process whose interpreter lock is kept by code in C (a regular expression, a parser, a
product of long integers), in no thread. Python's C handler of signals runs even then, and writes their numbers to
a socket. So another process reads them there: see `overdue.py`.
"""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

OVER = b"\0"
"""Is sent to the command when its time is over; no signal has this number."""
AT_ONCE_S = 0.7
"""How long an immediate end may take to write what is kept and to close everything."""


class Guard:
    """Watches over this process until `close`.

    `socket` takes the numbers of signals that ask for an end. They come back there, so that who waits for it hears of
    them, and `OVER` when the time is up. Costs 2 ms here, 20 ms of processor time in the guard, and 4 MB.

    Args:
        grace_s: how long the end may take after the first signal, in seconds; after another one `AT_ONCE_S`.
    """

    def __init__(self, grace_s: float) -> None:
        self.socket, theirs = socket.socketpair()
        self.socket.setblocking(False)
        script = Path(__file__).with_name("overdue.py")
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-I", "-S", str(script), str(AT_ONCE_S), str(grace_s)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,  # signals of a terminal are for the command
            )

    def close(self) -> None:
        """End the watch."""
        self.socket.close()
        self._process.kill()
        self._process.wait()
