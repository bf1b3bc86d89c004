"""The command from its first moment: `scrape`, or `python -m scraper_cpn`.

Owns: ending without a traceback on Ctrl-C while Python still imports the command.
Must not know: what the command does.
"""

import os
import signal
import sys
import threading
from types import FrameType


def main() -> int:
    """Run the command and return its exit code; see `scraper_cpn.cli.main.main`."""
    if os.getpid() == 1:
        from scraper_cpn.cli.first import step_aside

        step_aside()
    usual = signal.getsignal(signal.SIGINT)
    # If SIGINT is ignored, as for background jobs of a shell script, it stays ignored.
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
    """Return the exit code without waiting for threads that still run."""
    if frozenset(threading.enumerate()) <= before:
        return code
    from scraper_cpn.cli.ending import end_despite_threads

    return end_despite_threads(code, before)


def _leave(number: int, _frame: FrameType | None) -> None:
    """End at once: nothing is open yet, and an exception in an import would be a traceback."""
    os._exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
