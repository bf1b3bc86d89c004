"""`python -m bench crawl`: whole crawls on loopback, with a real HTTP client, parsing and keeping.

Owns: the webs, the processes of server and crawler, what is measured of a crawl.
Must not know: how anything crawls: both subjects are commands with the same options.

The web is served by another process, also as forward proxies; the crawler's CPU, memory and time are
its process's own, with starting it. Pace is told from the wire log, and judged by the referee.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from msgspec import Struct

from bench.figures import Figure, table
from bench.machine import NICE, Machine, machine, written
from mocks.referee import Expectations, Verdict, judge
from mocks.referee.expect import ProxyRule
from mocks.serving import served
from mocks.wirelog import Request, read_log
from scraper_cpn.scrape.values import choices_of

SUBJECTS = {"net": "scraper_cpn", "baseline": "baseline"}
"""Names of subjects, and the module of each."""
FETCHERS = choices_of("fetcher")
MILLISECOND = 1_000_000
MARGIN_MAX_NS = 5 * MILLISECOND
"""What a pause is longer than asked, at most; a hundredth of it where that is less."""
LAUNCHER = """
import json, resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"code": code, "cpu_s": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss}))
"""
"""Starts a crawler from a small process: its peak counts the memory of the one that it was forked from."""
FIRST = 2
"""Requests of a host that wait for nothing but knowledge: its robots.txt and its first page."""


class Web(Struct, frozen=True, kw_only=True):
    """A synthetic web of 8 kB pages with 10 links each, and how it is crawled."""

    hosts: int
    pages: int
    """On each host."""
    delay_ns: int = 0
    latency_ns: int = 0
    proxies: int = 8
    per_proxy: int = 8
    per_domain: int = 4

    @property
    def name(self) -> str:
        """For people."""
        pace = f", {self.delay_ns / 10**9:g} s apart" if self.delay_ns else ""
        return f"{self.hosts:,} hosts x {self.pages:,} pages{pace}"


FAST = Web(hosts=50, pages=100)
LARGE = Web(hosts=200, pages=500)
POLITE = Web(
    hosts=20, pages=40, delay_ns=200 * MILLISECOND, latency_ns=30 * MILLISECOND, per_domain=1
)
BRIEF = (Web(hosts=20, pages=50), msgspec.structs.replace(POLITE, pages=10))
WHOLE = (FAST, LARGE, POLITE)


class Crawled(Struct, frozen=True, kw_only=True):
    """What came of a crawl."""

    web: str
    subject: str
    fetcher: str
    pages: int
    wall_s: float
    """From the first request to the end of the last one."""
    cpu_s: float
    """Of the crawler, user and system, from its start to its end."""
    peak_bytes: int
    """Resident memory."""
    jitter_ns: tuple[int, ...]
    """From when a request was due to its start on the server, sorted; empty without a pace."""
    utilisation: float
    """The least time that politeness allows for these requests, in the time that they took."""
    violations: int


class Used(Struct, frozen=True):
    """What a process has used; `peak` is of resident memory, in the system's unit."""

    code: int
    cpu_s: float
    peak: int


class CrawlReport(Struct, frozen=True, kw_only=True):
    """All that one call has measured."""

    machine: Machine
    crawls: list[Crawled] = []


def crawled(web: Web, subject: str, fetcher: str) -> Crawled:
    """Crawl a web to its end.

    Raises:
        RuntimeError: the crawl failed; says what it printed.
    """
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with served(folder / "wire.jsonl", _served(web)) as where:
            used = _run(_command(web, subject, fetcher, where, folder / "items.jsonl"))
        requests = read_log(folder / "wire.jsonl")[1]
    verdict = judge(requests, expected(web, where["proxies"]))
    return _result(web, subject, fetcher, used, requests, verdict)


def _served(web: Web) -> list[str]:
    """The web as options of `mocks serve`."""
    options = {
        "hosts": web.hosts,
        "pages": web.pages,
        "links": 9,
        "links-out": 1,
        "body-bytes": 8_000,
        "latency": f"{web.latency_ns / MILLISECOND:g}ms",
        "proxies": web.proxies,
    }
    return [text for name, value in options.items() for text in (f"--{name}", str(value))]


def expected(web: Web, proxies: Sequence[str]) -> Expectations:
    """What the referee holds a crawl of a web to."""
    return Expectations(
        delay_ns=web.delay_ns,
        per_domain=web.per_domain,
        proxies={proxy: ProxyRule(slots=web.per_proxy) for proxy in proxies},
    )


def _command(
    web: Web, subject: str, fetcher: str, where: dict[str, Any], output: Path
) -> list[str]:
    proxies = [text for proxy in where["proxies"] for text in ("--proxy", proxy)]
    limits = {
        "delay": f"{web.delay_ns / MILLISECOND:g}ms",
        "concurrency": web.proxies * web.per_proxy,
        "per-domain": web.per_domain,
        "per-proxy": web.per_proxy,
        "fetcher": fetcher,
    }
    options = [text for name, value in limits.items() for text in (f"--{name}", str(value))]
    command = [sys.executable, "-m", SUBJECTS[subject], *where["seeds"], "-q", "-o", str(output)]
    return [*command, *proxies, *options]


def _run(command: list[str]) -> Used:
    """Run a command to its end."""
    launched = [*NICE, sys.executable, "-S", "-c", LAUNCHER, *command]
    done = subprocess.run(launched, capture_output=True, text=True, check=False)
    used = msgspec.json.decode(done.stdout.splitlines()[-1], type=Used)
    if used.code:
        raise RuntimeError(f"{command[2]} ended with {used.code}: {done.stderr[-2_000:]}")
    return used


def _result(
    web: Web,
    subject: str,
    fetcher: str,
    used: Used,
    requests: Sequence[Request],
    verdict: Verdict,
) -> Crawled:
    return Crawled(
        web=web.name,
        subject=subject,
        fetcher=fetcher,
        pages=verdict.pages,
        wall_s=verdict.actual_ns / 10**9,
        cpu_s=used.cpu_s,
        peak_bytes=used.peak * (1 if sys.platform == "darwin" else 1_024),
        jitter_ns=tuple(jitter(requests, web.delay_ns)),
        utilisation=verdict.utilisation,
        violations=len(verdict.violations),
    )


def jitter(requests: Sequence[Request], delay_ns: int) -> list[int]:
    """How late each request started, sorted: after its due time, one pause after the one before it.

    The first requests of a host are left out: they wait for its robots.txt and its first links.
    """
    if not delay_ns:
        return []
    gap_ns = delay_ns + min(delay_ns // 100, MARGIN_MAX_NS)
    starts: dict[str, list[int]] = {}
    for request in requests:
        starts.setdefault(request.url.split("/")[2], []).append(request.start_ns)
    late = []
    for some in starts.values():
        some.sort()
        pairs = zip(some[FIRST - 1 :], some[FIRST:], strict=False)
        late += [later - earlier - gap_ns for earlier, later in pairs]
    return sorted(late)


def percentile(values: Sequence[int], share: float) -> int:
    """The value that such a share of sorted *values* does not exceed."""
    return values[min(len(values) - 1, int(share * len(values)))]


def figures(crawls: Sequence[Crawled]) -> list[Figure]:
    """The crawls for people: those of one web together, by subject and fetcher."""
    groups: dict[tuple[str, str], list[Crawled]] = {}
    for crawl in crawls:
        who = f"{crawl.subject}, {crawl.fetcher}"
        groups.setdefault((crawl.web, who), []).append(crawl)
    return [each for (web, who), some in groups.items() for each in _figures(web, who, some)]


def _figures(web: str, who: str, some: Sequence[Crawled]) -> Iterator[Figure]:
    yield _figure(web, f"{who}: pages", "pages/s", [c.pages / c.wall_s for c in some])
    yield _figure(web, f"{who}: pages by CPU", "pages/CPU-s", [c.pages / c.cpu_s for c in some])
    yield _figure(web, f"{who}: memory, peak", "MB", [c.peak_bytes / 10**6 for c in some])
    yield _figure(web, f"{who}: violations", "", [c.violations for c in some], "0")
    if some[0].jitter_ns:
        for share, goal in ((0.5, ""), (0.99, "under 5 ms")):
            late = [percentile(c.jitter_ns, share) / MILLISECOND for c in some]
            yield _figure(web, f"{who}: start jitter, p{share * 100:.0f}", "ms", late, goal)
        used = [c.utilisation * 100 for c in some]
        yield _figure(web, f"{who}: polite utilisation", "%", used, "98 and more")


def _figure(web: str, name: str, unit: str, values: Sequence[float], goal: str = "") -> Figure:
    return Figure(web, name, unit, tuple(values), goal)


def measure(
    webs: Sequence[Web], subjects: Sequence[str], fetchers: Sequence[str], rounds: int
) -> CrawlReport:
    """Crawl every web with every subject and fetcher in turn."""
    report = CrawlReport(machine=machine())
    for web in webs:
        for _ in range(rounds):
            for subject in subjects:
                for fetcher in fetchers:
                    print(f"crawling {web.name}: {subject}, {fetcher}", file=sys.stderr)
                    report.crawls.append(crawled(web, subject, fetcher))
                    time.sleep(0.1)  # the server's sockets close
    return report


def read(path: Path) -> CrawlReport:
    """What `--out` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=CrawlReport)


def main(
    *, quick: bool, as_json: bool, fetchers: Sequence[str], rounds: int, out: Path | None
) -> None:
    """Measure, print, write."""
    report = measure(BRIEF if quick else WHOLE, list(SUBJECTS), fetchers, rounds)
    if as_json:
        print(msgspec.json.encode(report).decode())
    else:
        print(report.machine, table(figures(report.crawls)), sep="\n")
    if out is not None:
        written(report, out)
