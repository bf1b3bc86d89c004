"""`python -m tests.crash.under '{...}' WORDS`: the command under conditions that its machine does not have.

Owns: a wall clock that is wrong, another boot, files that can't grow, few files that may be open.
Must not know: what the command does.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

_TOUCHES = {"open", "sqlite3.connect", "os.rename", "os.remove", "os.truncate"}
"""Audit events of Python whose first argument is a file."""


def main(conditions: dict[str, Any]) -> int:
    """Run the command under conditions, all of which may be missing.

    wall_s: the wall clock is ahead by so much (below 0: it is behind).
    boot: the name of this boot; since_boot_s: how long ago it was.
    file_bytes: no file grows beyond this.
    open_files: how many files may be open, at first and when asked for more.
    dies_at: it kills itself before it touches a file of its folder for that time.
    """
    if "file_bytes" in conditions:
        resource.setrlimit(resource.RLIMIT_FSIZE, (conditions["file_bytes"],) * 2)
    if "open_files" in conditions:
        resource.setrlimit(resource.RLIMIT_NOFILE, conditions["open_files"])
    if "dies_at" in conditions:
        _die_at(conditions["dies_at"])
    _shift_wall(int(conditions.get("wall_s", 0) * 1e9))
    if "boot" in conditions:
        _reboot(conditions["boot"], int(conditions["since_boot_s"] * 1e9))
    from scraper_cpn.__main__ import main as scrape

    return scrape()


def _die_at(touch: int) -> None:
    here, left = str(Path.cwd()), count(touch, -1)

    def heed(event: str, args: tuple[Any, ...]) -> None:
        name = str(args[0]) if args else ""
        if event in _TOUCHES and (here in name or "/" not in name) and next(left) == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(heed)


def _shift_wall(by_ns: int) -> None:
    wall_ns = time.time_ns
    time.time_ns = lambda: wall_ns() + by_ns
    time.time = lambda: time.time_ns() / 1e9


def _reboot(name: str, since_ns: int) -> None:
    from scraper_cpn.run import clock

    file = Path("boot_id")
    file.write_text(name, encoding="ascii")
    clock._BOOT_ID = file
    elapsed_ns, began_ns = time.clock_gettime_ns, time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def gettime_ns(which: int) -> int:
        passed_ns = elapsed_ns(which)
        return passed_ns - began_ns + since_ns if which == time.CLOCK_BOOTTIME else passed_ns

    time.clock_gettime_ns = gettime_ns


def under(**conditions: Any) -> tuple[str, ...]:
    """What to begin the command with instead of `python -m scraper_cpn`."""
    return (sys.executable, "-m", "tests.crash.under", json.dumps(conditions))


if __name__ == "__main__":
    given = json.loads(sys.argv.pop(1))
    sys.exit(main(given))
