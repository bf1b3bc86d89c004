"""How many files a process may have open: each connection is one, while it is made a few more for some hosts.

Owns: asking the system for more, refusing a crawl that needs more, and what is left for connections
that wait for their next use.
Must not know: clients, what is fetched.
"""

import resource
import sys
from contextlib import suppress

from scraper_cpn.scrape.settings import UsageError

OTHERS = 64
"""Files that are no connections: outputs, a state, libraries, names that are looked up (32 at a time), and
second connections to hosts with several addresses of which the first does not answer."""

_WANTED = (65_536, 10_240)
"""Limits to ask for, as the first may be refused: macOS promises the second (OPEN_MAX)."""


def make_room(concurrency: int) -> None:
    """Raise this process's own limit where that helps. Raises `UsageError`; see `check_files`."""
    allow_more()
    check_files(concurrency)


def allow_more() -> None:
    """Raise this process's own limit as far as the system allows, and as a crawl may have use for.

    Common systems allow a process 1,024 open files, macOS 256, until it asks for more; see getrlimit(2).
    Programs that are started from then on inherit the new limit, which those that wait with select(2)
    may not expect: for commands, not for libraries.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in _WANTED:
        asked = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if asked <= files_max():
            return
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (asked, hard))


def check_files(concurrency: int) -> None:
    """Raise `UsageError` where so many requests at a time need more open files than there may be."""
    files, needed = files_max(), concurrency + OTHERS
    if needed > files:
        lower = f"lower it to {files - OTHERS}, or " if files > OTHERS else ""
        raise UsageError(
            f"concurrency: {concurrency} requests at a time need {needed} open files, and this process may "
            f"have {files}; {lower}raise the limit (ulimit -n {needed})"
        )


def kept_open_max(concurrency: int, most: int) -> int:
    """Return the number of open connections above which each is closed after its answer.

    It is half of the files that the process may open, of which a crawl of many hosts would run out, or
    *most*, but twice the concurrency at least, as far as that leaves files for new connections.
    """
    files = files_max()
    wanted = max(min(most, files // 2), 2 * concurrency)
    return max(0, min(wanted, files - OTHERS - concurrency))


def files_max() -> int:
    """Return how many files this process may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
