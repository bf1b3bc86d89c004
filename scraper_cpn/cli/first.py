"""The command as the first process of a container.

Owns: letting another process do the work, passing signals on to it, and collecting processes that nobody waits for.
Must not know: what the command does.

No signal has its default effect on the first process of a container, not even SIGKILL from within: what kept it from
running Python could not be ended. Its child is an ordinary process.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)  # fmt: skip


def step_aside() -> None:
    """Return in another process; this one waits for it, and ends with its exit code.

    Call it in the first process, before there are threads.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)  # none is lost before somebody hears it
    worker = os.fork()
    if worker == 0:
        _take_terminal()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
        return
    os._exit(_wait(worker))


def _take_terminal() -> None:
    """Make this process the one to which the terminal sends its signals, so that none comes twice."""
    os.setpgid(0, 0)
    if sys.stdin is not None and sys.stdin.isatty():
        before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with suppress(OSError):  # it is no terminal of this session
            os.tcsetpgrp(sys.stdin.fileno(), os.getpgrp())
        signal.signal(signal.SIGTTOU, before)


def _wait(worker: int) -> int:
    """Pass signals on until the worker has ended; returns its exit code, as a shell would tell it."""
    numbers = {*_PASSED_ON, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    while True:
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended == worker:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code
        if ended == 0:
            number = signal.sigwait(numbers)
            if number != signal.SIGCHLD:
                os.kill(worker, number)
