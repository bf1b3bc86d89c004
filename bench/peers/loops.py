"""spider's decisions without a network.

Owns: the numbers of decisions and runs. Must not know: what they are compared with.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime

from bench.machine import machine
from bench.peers.results import Loop
from bench.peers.subjects import SUBJECTS, environment_of

PAGES = {"gate": 1_000_000, "loop": 100_000}
AT_ONCE = 64
ROUNDS = 5


def measure() -> list[Loop]:
    """The gate and the loop, five times each; nothing if spider's driver is not installed."""
    return list(_measured())


def _measured() -> Iterator[Loop]:
    spider = next(each for each in SUBJECTS if each.name == "spider")
    if not spider.is_here:
        return
    for mode, pages in PAGES.items():
        task = json.dumps({"mode": mode, "pages": pages, "at_once": AT_ONCE})
        environment = environment_of(spider)
        runs = []
        for _ in range(ROUNDS):
            done = subprocess.run(
                spider.command,
                input=task,
                capture_output=True,
                text=True,
                env=environment,
                check=True,
            )
            runs.append(json.loads(done.stdout))
        decisions = {run["decisions"] for run in runs}
        if decisions != {pages}:
            raise ValueError(f"spider's {mode} was given {pages} pages and did {decisions}")
        cpu_s = tuple(run["cpu_s"] for run in runs)
        yield Loop(
            mode=mode,
            program=runs[0]["program"],
            decisions=pages,
            cpu_s=cpu_s,
            date=datetime.now(UTC).date().isoformat(),
            machine=str(machine()),
        )
