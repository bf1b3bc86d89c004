"""One crawl of a synthetic web on loopback by a crawler, judged from the wire log.

Owns: the server's and the crawler's processes, what is measured of a crawl.
Must not know: what is compared with what, how results are shown.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

import msgspec
from msgspec import Struct

from bench.machine import NICE, machine
from bench.peers.scenarios import Scenario
from bench.peers.subjects import ROOT, Subject, environment_of
from mocks.referee import Verdict, Violation, judge
from mocks.serving import served
from mocks.wirelog import read_log

LIMIT_S = 600.0
"""A crawl that takes longer is ended; it counts as far as it came."""


class Crawl(Struct, frozen=True, kw_only=True):
    """What came of a crawl.

    Attributes:
        scenario: its name.
        subject: the crawler's name.
        program: its name and version, as it says.
        settings: as it says.
        ended: whether it ended by itself, with exit code 0.
        reachable: the number of pages that could be fetched.
        requests: that the server saw.
        pages: URLs fetched with success, robots.txt not counted.
        received: items that came to the consumer; None where it does not say.
        wall_s: from the first request to the end of the last.
        cpu_s: of the crawler's process, user and system.
        rss_bytes: the most memory that it had.
        utilisation: least time that politeness allowed over actual time; above 1 rules were broken.
        violations: by guarantee and rule, such as `G2 gap`.
        examples: the message of the heaviest of each: by how many milliseconds too early.
        date: when it was.
        machine: where, with versions.
    """

    scenario: str
    subject: str
    program: str
    settings: dict[str, Any]
    ended: bool
    reachable: int
    requests: int
    pages: int
    received: int | None
    wall_s: float
    cpu_s: float
    rss_bytes: int
    utilisation: float
    violations: dict[str, int]
    examples: dict[str, str]
    date: str
    machine: str

    @property
    def pages_per_s(self) -> float:
        """Pages a second of time on the wire."""
        return self.pages / self.wall_s if self.wall_s else 0.0

    @property
    def pages_per_cpu_s(self) -> float:
        """Pages a second of CPU time."""
        return self.pages / self.cpu_s if self.cpu_s else 0.0


class _Process(Struct, frozen=True):
    """The end of a crawler's process."""

    said: dict[str, Any]
    ended: bool
    cpu_s: float
    rss_bytes: int


def crawl(scenario: Scenario, subject: Subject) -> Crawl:
    """Run a crawler on the web of a scenario."""
    with TemporaryDirectory() as folder:
        log = Path(folder) / "wire.jsonl"
        with served(log, list(_options(scenario))) as where:
            task = scenario.task(where["seeds"], where["proxies"])
            process = _process(subject, json.dumps(task).encode())
        _, requests = read_log(log)
        verdict = judge(requests, scenario.expectations())
    return _result(scenario, subject, process, verdict)


def _options(scenario: Scenario) -> Iterator[str]:
    """The web as options of `mocks serve`."""
    yield from ("--proxies", str(scenario.proxies))
    for name, value in msgspec.structs.asdict(scenario.web).items():
        yield f"--{name.removesuffix('_ns').removesuffix('_s').replace('_', '-')}"
        if name.endswith("_ns"):
            yield f"{value / 10**9:f}s"
        else:
            yield ",".join(value) if isinstance(value, tuple) else str(value)


def _process(subject: Subject, task: bytes) -> _Process:
    with TemporaryFile() as given, TemporaryFile() as printed:
        given.write(task)
        given.seek(0)
        process = subprocess.Popen(
            [*NICE, *subject.command],
            stdin=given,
            stdout=printed,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env=environment_of(subject),
        )
        status, usage = _wait(process)
        printed.seek(0)
        lines = printed.read().decode().splitlines()
    return _Process(
        said=json.loads(lines[-1]) if lines and status == 0 else {},
        ended=status == 0,
        cpu_s=usage.ru_utime + usage.ru_stime,
        rss_bytes=usage.ru_maxrss * 1024,
    )


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, Any]:
    """Return its exit status and its resources. Ends it after the limit."""
    until = time.monotonic() + LIMIT_S
    while True:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return status, usage
        if time.monotonic() > until:
            process.kill()
        time.sleep(0.05)


def _result(scenario: Scenario, subject: Subject, process: _Process, verdict: Verdict) -> Crawl:
    kinds = [f"{each.guarantee} {each.kind}" for each in verdict.violations]
    by_weight = sorted(zip(kinds, verdict.violations, strict=True), key=lambda pair: _ms(pair[1]))
    return Crawl(
        scenario=scenario.name,
        subject=subject.name,
        program=process.said.get("program", subject.name),
        settings=process.said.get("settings", {}),
        ended=process.ended,
        reachable=len(scenario.reachable()),
        requests=verdict.requests,
        pages=verdict.pages,
        received=process.said.get("received"),
        wall_s=verdict.actual_ns / 10**9,
        cpu_s=process.cpu_s,
        rss_bytes=process.rss_bytes,
        utilisation=verdict.utilisation,
        violations=dict(sorted(Counter(kinds).items())),
        examples={kind: each.message for kind, each in by_weight},
        date=datetime.now(UTC).date().isoformat(),
        machine=str(machine()),
    )


def _ms(violation: Violation) -> float:
    """How many milliseconds too early a request came; 0 for other violations."""
    said = [float(text) for text in re.findall(r"([0-9.]+) ms", violation.message)]
    if violation.kind == "gap":
        return said[1] - said[0]
    return said[0] if violation.kind == "hold" else 0.0
