"""`python -m bench crawl`: whole crawls on loopback, with a real HTTP client, parsing and keeping.

Owns: what is measured of a crawl, and in which order crawls are run.
Must not know: how anything crawls: both subjects are commands with the same options.

The crawler's CPU, memory and time are its process's own, its start included. The pace is taken from the wire log
and judged by the referee.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from msgspec import Struct

from bench import profile
from bench.decisions.native import works_here
from bench.decisions.subjects import NET_NATIVE
from bench.figures import Figure, table
from bench.machine import Machine, machine, written
from bench.profile import Profile, profiles
from bench.web import (
    BRIEF,
    MIDDLE,
    MILLISECOND,
    SUBJECTS,
    WHOLE,
    Used,
    Web,
    alone,
    command,
    compiled,
    run,
    serving,
)
from mocks.referee import Expectations, Verdict, judge
from mocks.referee.expect import ProxyRule
from mocks.wirelog import Request, read_log

ALONE = "client and parser alone"
MARGIN_MAX_NS = 5 * MILLISECOND
"""What a pause is longer than asked, at most; a hundredth of it where that is less."""
JITTER_MAX_MS, UTILISATION_MIN = 5, 0.98
"""Goals: of the 99th percentile, and of the share."""
FIRST = 2
"""Requests of a host that wait for nothing but knowledge: its robots.txt and its first page."""


class Cost(Struct, frozen=True, kw_only=True):
    """The resources that a crawl of a web used, or a client and a parser without a crawler."""

    web: str
    subject: str = ALONE
    fetcher: str
    pages: int
    wall_s: float
    """From the first request to the end of the last one."""
    cpu_s: float
    """Of the crawler, user and system, from its start to its end."""
    peak_bytes: int
    """Peak of resident memory, in bytes."""

    @property
    def pages_per_s(self) -> float:
        """Pages a second of elapsed time."""
        return self.pages / self.wall_s

    @property
    def pages_per_cpu_s(self) -> float:
        """Pages a second of the crawler's CPU time."""
        return self.pages / self.cpu_s


class Crawled(Cost, frozen=True, kw_only=True):
    """The result of a crawl."""

    subject: str
    jitter_ns: tuple[int, ...]
    """From when a request was due to its start on the server, sorted; empty without a pace."""
    utilisation: float
    """The least time that politeness allows for these requests, in the time that they took."""
    violations: int


class CrawlReport(Struct, frozen=True, kw_only=True):
    """All results of one run of the benchmark."""

    machine: Machine
    crawls: list[Crawled] = []
    alone: list[Cost] = []
    profiles: list[Profile] = []


def crawled(web: Web, subject: str, fetcher: str) -> Crawled:
    """Crawl a web to its end.

    Raises:
        RuntimeError: the crawl failed; the message is its output.
    """
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with serving(web, folder / "wire.jsonl") as where:
            used = run(command(web, subject, fetcher, where, folder / "items.jsonl"))
        requests = read_log(folder / "wire.jsonl")[1]
    verdict = judge(requests, expected(web, where["proxies"]))
    return _result(web, subject, fetcher, used, requests, verdict)


def expected(web: Web, proxies: Sequence[str]) -> Expectations:
    """The limits that the referee checks in a crawl of a web."""
    return Expectations(
        delay_ns=web.delay_ns,
        per_domain=web.per_domain,
        proxies={proxy: ProxyRule(slots=web.per_proxy) for proxy in proxies},
    )


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
        peak_bytes=used.peak_bytes,
        jitter_ns=tuple(jitter(requests, web.delay_ns)),
        utilisation=verdict.utilisation,
        violations=len(verdict.violations),
    )


def parsed_alone(web: Web, fetcher: str) -> Cost:
    """Fetch and parse the pages of a web without a crawler. Raises `RuntimeError` as `crawled` does."""
    with TemporaryDirectory(prefix="bench-") as name:
        log = Path(name) / "wire.jsonl"
        with serving(web, log) as where:
            used = run(alone(web, fetcher, where))
        requests = read_log(log)[1]
    took_ns = max(each.end_ns for each in requests) - min(each.start_ns for each in requests)
    return Cost(
        web=web.name,
        fetcher=fetcher,
        pages=len(requests),
        wall_s=took_ns / 10**9,
        cpu_s=used.cpu_s,
        peak_bytes=used.peak_bytes,
    )


def jitter(requests: Sequence[Request], delay_ns: int) -> list[int]:
    """How late each request started, sorted. A request is due one delay after the one before it.

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
    """The percentile of sorted *values* at a share from 0 to 1."""
    return values[min(len(values) - 1, int(share * len(values)))]


def figures(found: Sequence[Cost]) -> list[Figure]:
    """The results as text: grouped by web, then by subject and fetcher."""
    groups: dict[tuple[str, str], list[Cost]] = {}
    for each in found:
        groups.setdefault((each.web, f"{each.subject}, {each.fetcher}"), []).append(each)
    return [figure for (web, who), some in groups.items() for figure in _figures(web, who, some)]


def _figures(web: str, who: str, some: Sequence[Cost]) -> Iterator[Figure]:
    yield _figure(web, f"{who}: pages", "pages/s", [c.pages_per_s for c in some])
    yield _figure(web, f"{who}: pages by CPU", "pages/CPU-s", [c.pages_per_cpu_s for c in some])
    yield _figure(web, f"{who}: memory, peak", "MB", [c.peak_bytes / 10**6 for c in some])
    if crawls := [each for each in some if isinstance(each, Crawled)]:
        yield from _pace(web, who, crawls)


def _pace(web: str, who: str, some: Sequence[Crawled]) -> Iterator[Figure]:
    yield _figure(web, f"{who}: violations", "", [c.violations for c in some], "0")
    if some[0].jitter_ns:
        for share, goal in ((0.5, ""), (0.99, f"under {JITTER_MAX_MS} ms")):
            late = [percentile(c.jitter_ns, share) / MILLISECOND for c in some]
            yield _figure(web, f"{who}: start jitter, p{share * 100:.0f}", "ms", late, goal)
        used = [c.utilisation * 100 for c in some]
        goal = f"{UTILISATION_MIN * 100:.0f} and more"
        yield _figure(web, f"{who}: polite utilisation", "%", used, goal)


def _figure(web: str, name: str, unit: str, values: Sequence[float], goal: str = "") -> Figure:
    return Figure(web, name, unit, tuple(values), goal)


def measure(
    webs: Sequence[Web], sampled: Web, subjects: Sequence[str], fetchers: Sequence[str], rounds: int
) -> CrawlReport:
    """Crawl every web with every subject and fetcher in turn; then sample the crawls of *sampled*."""
    compiled()
    if NET_NATIVE in subjects:
        crawled(Web(hosts=1, pages=1), NET_NATIVE, fetchers[0])  # builds what is built once
    report = CrawlReport(machine=machine())
    for web in webs:
        for _ in range(rounds):
            for subject in subjects:
                for fetcher in fetchers:
                    print(f"crawling {web.name}: {subject}, {fetcher}", file=sys.stderr)
                    report.crawls.append(crawled(web, subject, fetcher))
                    time.sleep(0.1)  # the server's sockets close
            if not web.delay_ns:
                report.alone.extend(parsed_alone(web, fetcher) for fetcher in fetchers)
    legible = [subject for subject in subjects if subject != NET_NATIVE]
    report.profiles.extend(profiles(sampled, legible, fetchers))  # machine code has no frames
    return report


def read(path: Path) -> CrawlReport:
    """Read the file that `--out` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=CrawlReport)


def main(
    *, quick: bool, as_json: bool, fetchers: Sequence[str], rounds: int, out: Path | None
) -> None:
    """Measure, print, write."""
    webs, sampled = (BRIEF, BRIEF[0]) if quick else (WHOLE, MIDDLE)
    subjects = [subject for subject in SUBJECTS if subject != NET_NATIVE or works_here()]
    report = measure(webs, sampled, subjects, fetchers, rounds)
    if as_json:
        print(msgspec.json.encode(report).decode())
    else:
        found = [*figures([*report.crawls, *report.alone]), *profile.figures(report.profiles)]
        print(report.machine, table(found), sep="\n")
    if out is not None:
        written(report, out)
