"""Webs for measurements: how they are served, and the command that crawls them.

Owns: the webs, the processes of server and crawler, the options that mean the same to both.
Must not know: how the subjects crawl, what is measured.

The web is served by another process, also as forward proxies.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from compileall import compile_dir
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bench.decisions.subjects import NET_NATIVE
from bench.machine import NICE
from mocks.serving import served

SUBJECTS: dict[str, tuple[str, ...]] = {
    "net": ("scraper_cpn",),
    NET_NATIVE: ("scraper_cpn", "--kernel", "native"),
    "baseline": ("baseline",),
}
"""Names of subjects; the module of each, and its options."""
FETCHERS = ("aiohttp",)
"""The webs are plain HTTP, which httpx gives to aiohttp."""
MILLISECOND = 1_000_000
ROOT = Path(__file__).parents[1]
LAUNCHER = """
import json, resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"code": code, "cpu_s": used.ru_utime + used.ru_stime, "peak": used.ru_maxrss}))
"""
"""Starts a crawler from a small process: its peak counts the memory of the one that it was forked from."""


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
    def all_pages(self) -> int:
        """The number of pages on all hosts."""
        return self.hosts * self.pages

    @property
    def at_once(self) -> int:
        """The limit of requests in flight."""
        return self.proxies * self.per_proxy

    @property
    def name(self) -> str:
        """The name for people."""
        pace = f", {self.delay_ns / 10**9:g} s apart" if self.delay_ns else ""
        return f"{self.hosts:,} hosts x {self.pages:,} pages{pace}"


FAST = Web(hosts=50, pages=100)
MIDDLE = Web(hosts=50, pages=400)
"""So many pages that the start is little of them."""
LARGE = Web(hosts=200, pages=500)
POLITE = Web(
    hosts=20, pages=40, delay_ns=200 * MILLISECOND, latency_ns=30 * MILLISECOND, per_domain=1
)
BRIEF = (Web(hosts=20, pages=50), msgspec.structs.replace(POLITE, pages=10))
WHOLE = (FAST, LARGE, POLITE)


class Used(Struct, frozen=True):
    """The resources that a process has used; `peak` is its resident memory, in the system's unit."""

    code: int
    cpu_s: float
    peak: int

    @property
    def peak_bytes(self) -> int:
        """Peak of resident memory, in bytes."""
        return self.peak * (1 if sys.platform == "darwin" else 1_024)


def compiled() -> None:
    """Write the bytecode of the subjects, as pip does, so that a start does not compile."""
    for module in {module for module, *_ in SUBJECTS.values()}:
        compile_dir(ROOT / module, quiet=2)


@contextmanager
def serving(web: Web, log: Path) -> Iterator[dict[str, Any]]:
    """Serve a web, and write its requests to *log*; yields its seeds and proxies."""
    with served(log, _options(web)) as where:
        yield where


def _options(web: Web) -> list[str]:
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
    return _given(options)


def command(web: Web, subject: str, fetcher: str, where: dict[str, Any], output: Path) -> list[str]:
    """The command of a crawl, whose items go to *output*."""
    module, *own = SUBJECTS[subject]
    limits = {
        "delay": f"{web.delay_ns / MILLISECOND:g}ms",
        "concurrency": web.at_once,
        "per-domain": web.per_domain,
        "per-proxy": web.per_proxy,
        "fetcher": fetcher,
    }
    command = [sys.executable, "-m", module, *where["seeds"], "-q", "-o", str(output), *own]
    return [*command, *_proxies(where), *_given(limits)]


def alone(web: Web, fetcher: str, where: dict[str, Any]) -> list[str]:
    """The command that fetches and parses the same pages without a crawler."""
    limits = {"pages": web.pages, "at-once": web.at_once, "fetcher": fetcher}
    command = [sys.executable, "-m", "bench.alone", *where["seeds"]]
    return [*command, *_proxies(where), *_given(limits)]


def _proxies(where: dict[str, Any]) -> list[str]:
    return [text for proxy in where["proxies"] for text in ("--proxy", proxy)]


def _given(options: Mapping[str, object]) -> list[str]:
    return [text for name, value in options.items() for text in (f"--{name}", str(value))]


def run(command: list[str]) -> Used:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; the message is its output.
    """
    launched = [*NICE, sys.executable, "-S", "-c", LAUNCHER, *command]
    done = subprocess.run(launched, capture_output=True, text=True, check=False)
    used = msgspec.json.decode(done.stdout.splitlines()[-1], type=Used)
    if used.code:
        raise RuntimeError(f"{command[2]} ended with {used.code}: {done.stderr[-2_000:]}")
    return used
