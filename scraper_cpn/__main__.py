"""The command from its first moment: `scrape`, or `python -m scraper_cpn`.

Owns: that Ctrl-C ends it in silence while Python still imports it.
Must not know: what the command does.
"""

import os
import signal
import sys
import threading
from types import FrameType


def main() -> int:
    """Run the command and return its exit code; see `scraper_cpn.cli.main.main`."""
    usual = signal.getsignal(signal.SIGINT)
    # Where SIGINT is ignored, as in the background of a shell script, it stays so.
    if usual is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    from scraper_cpn.cli.main import main as run

    before = frozenset(threading.enumerate())
    try:
        signal.signal(signal.SIGINT, usual)
        return _ended(run(), before)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _ended(code: int, before: frozenset[threading.Thread]) -> int:
    """Return the exit code; threads that go on are not waited for."""
    if frozenset(threading.enumerate()) <= before:
        return code
    from scraper_cpn.cli.ending import end_beside

    return end_beside(code, before)


def _leave(number: int, _frame: FrameType | None) -> None:
    """End at once: nothing is open yet, and an exception in an import would be a traceback."""
    os._exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
