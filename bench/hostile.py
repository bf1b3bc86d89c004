"""Pages that attack the parser, beside honest hosts: are the honest hosts affected?

Owns: a crawl of both at once, and what is measured: failed honest pages, the memory of all processes of the crawl, and
how late requests to honest hosts start. A host's requests are due `DELAY_S` after one another, so that each longer gap
is a start that was late. On a machine with other work they start late for that alone; so the time for which the crawl
had no processor is taken off, and the longest callback of its event loop is measured in processor time. How late a thread
of another process wakes up that only sleeps is measured beside it, and what a hypervisor has stolen: both are the machine's.
Must not know: how pages are parsed.

The web is served by another process, as a forward proxy.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import quantiles
from typing import Self

import msgspec
from msgspec import Struct

from bench.loop_times import Times
from mocks.pages import Page, hostile_page
from scraper_cpn.simulate.webtext import html

HONEST_HOSTS, HOSTILE_HOSTS = 10, 20
DELAY_S = 0.2
_SIZES = (2_000, 8_000, 16_000, 32_000, 64_000, 200_000)
_HONEST_BYTES = 16_000
_SAMPLE_S = 0.05
_CONTROL_S = 0.02


class Outcome(Struct, frozen=True, kw_only=True):
    """The result of a crawl of hostile and honest pages."""

    honest_failed: int
    hostile_failed: int
    hostile: int
    peak_mb: float
    """Of all processes of the crawl together; what they share is counted once."""
    late_p50_ms: float
    """Of starts at honest hosts, without the time for which the crawl had no processor."""
    late_p99_ms: float
    late_max_ms: float
    clock_p50_ms: float
    """By the clock alone."""
    clock_p99_ms: float
    control_p50_ms: float
    """How late a thread wakes up that only sleeps, during the same crawl."""
    control_p99_ms: float
    control_max_ms: float
    stolen_s: float
    """Processor time that was given to other machines, of all processors; 0 where there is no hypervisor."""
    loop_max_ms: float
    """The most processor time of one callback on the event loop after the first request."""
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.hostile} hostile pages beside {HONEST_HOSTS} honest hosts: {self.honest_failed} honest pages "
            f"failed, {self.hostile_failed} hostile ones; peak memory {self.peak_mb:.0f} MB; starts at honest hosts "
            f"late by {self.late_p50_ms:.1f} ms (p50), {self.late_p99_ms:.1f} ms (p99), {self.late_max_ms:.1f} ms (max), "
            f"and with what other work on the machine took {self.clock_p50_ms:.1f} ms (p50), {self.clock_p99_ms:.1f} ms (p99); "
            f"a thread that only sleeps was late by {self.control_p50_ms:.1f} ms (p50), {self.control_p99_ms:.1f} ms (p99), "
            f"{self.control_max_ms:.1f} ms (max), and {self.stolen_s:.1f} s of the processors were stolen; "
            f"longest callback {self.loop_max_ms:.1f} ms of processor time; {self.seconds:.0f} s"
        )


class _Failure(Struct):
    url: str
    kind: str
    reason: str
    final: bool


class Control:
    """A thread that only sleeps, in a process beside the crawl's; `late_ms` is how late it woke up, each time."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._sleep)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _sleep(self) -> None:
        while not self._ends.is_set():
            due_s = time.monotonic() + _CONTROL_S
            time.sleep(_CONTROL_S)
            self.late_ms.append(1e3 * (time.monotonic() - due_s))


def measure(pages: int) -> Outcome:
    """Crawl *pages* hostile pages beside honest ones. With none, the figures are those of the machine."""
    each = max(100, -(-pages // HOSTILE_HOSTS))
    urls = [f"http://honest{host}.test/{n}" for n in range(each) for host in range(HONEST_HOSTS)]
    urls += [f"http://bad{n % HOSTILE_HOSTS}.test/{n}" for n in range(pages)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "seeds.txt").write_text("\n".join(urls))
        web = subprocess.Popen(
            [sys.executable, "-m", "bench.hostile", str(pages)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        with web:
            assert web.stdin is not None
            assert web.stdout is not None
            port = int(web.stdout.readline())
            began, stolen_s = time.monotonic(), _stolen_s()
            with Control() as control:
                peak = _crawl(folder, port)
            seconds, stolen_s = time.monotonic() - began, _stolen_s() - stolen_s
            web.stdin.close()
            web.wait()
        times = msgspec.json.decode((folder / "loop.json").read_bytes(), type=Times)
        failed = [
            msgspec.json.decode(line, type=_Failure)
            for line in (folder / "failed.jsonl").open("rb")
        ]
    late = times.late("honest", DELAY_S)
    if len(late) < 2:
        raise RuntimeError(f"no requests to honest hosts were measured; failed: {failed[:3]}")
    ours_ms = [1e3 * without for _, without in late]
    clock_ms = [1e3 * by_clock for by_clock, _ in late]
    first_s = times.starts[0].at_s
    return Outcome(
        honest_failed=sum("//honest" in each.url for each in failed if each.final),
        hostile_failed=sum("//honest" not in each.url for each in failed if each.final),
        hostile=pages,
        peak_mb=peak / 1e6,
        late_p50_ms=_percentile(ours_ms, 50),
        late_p99_ms=_percentile(ours_ms, 99),
        late_max_ms=max(ours_ms),
        clock_p50_ms=_percentile(clock_ms, 50),
        clock_p99_ms=_percentile(clock_ms, 99),
        control_p50_ms=_percentile(control.late_ms, 50),
        control_p99_ms=_percentile(control.late_ms, 99),
        control_max_ms=max(control.late_ms),
        stolen_s=stolen_s,
        loop_max_ms=1e3 * max((took for at, took in times.callbacks if at > first_s), default=0.0),
        seconds=seconds,
    )


def _percentile(figures: list[float], percent: int) -> float:
    return quantiles(figures, n=100)[percent - 1]


def _stolen_s() -> float:
    """Return the processor time of this machine that others got, since its start; Linux."""
    return int(Path("/proc/stat").read_text().split()[8]) / os.sysconf("SC_CLK_TCK")


def _crawl(folder: Path, port: int) -> int:
    """Crawl, and return the most memory that its processes took together."""
    command = [
        sys.executable, "-m", "bench.loop_times", "loop.json", "-i", "seeds.txt", "-o", "items.jsonl", "--failed", "failed.jsonl",
        "-x", f"http://127.0.0.1:{port}", "--per-proxy", "64", "--delay", f"{DELAY_S}", "--robots", "ignore",
        "--scope", "host", "--max-depth", "0", "--retries", "0", "--quiet",
    ]  # fmt: skip
    root = str(Path(__file__).parents[1])
    with subprocess.Popen(command, cwd=folder, env={**os.environ, "PYTHONPATH": root}) as crawl:
        peak = 0
        while crawl.poll() is None:
            peak = max(peak, sum(map(_memory, _family(crawl.pid))))
            time.sleep(_SAMPLE_S)
    return peak


def _family(process: int) -> list[int]:
    """Return a process and all its descendants; Linux."""
    found = [process]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            try:
                found += map(int, children.read_text().split())
            except OSError:
                continue
    return found


def _memory(process: int) -> int:
    """Return the bytes of memory of a process, its share of what it shares; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


async def _serve(hostile: list[Page]) -> None:
    """Serve as a forward proxy until standard input ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (line := await reader.readline()) not in (b"", b"\r\n"):
            while await reader.readline() not in (b"", b"\r\n"):
                pass
            host, _, number = line.split()[1].decode().removeprefix("http://").partition("/")
            honest = host.startswith("honest")
            page = _honest_page(host, int(number)) if honest else hostile[int(number)]
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {page.content_type}\r\nContent-Length: {len(page.body)}\r\n\r\n"
            writer.write(head.encode() + page.body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()


def _honest_page(host: str, number: int) -> Page:
    links = [f"/{number + n}" for n in range(20)]
    return Page(html(host, number, links, _HONEST_BYTES), "text/html")


def main(pages: int) -> None:
    """Measure twice, without hostile pages and with them, and print both."""
    for number in (0, pages):
        print(measure(number))


if __name__ == "__main__":
    # To make them takes longer than to serve them.
    asyncio.run(_serve([hostile_page(n, _SIZES[n % len(_SIZES)]) for n in range(int(sys.argv[1]))]))
