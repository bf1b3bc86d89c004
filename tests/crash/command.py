"""The real command and a loopback web, each in a process of its own.

Owns: how they are started, and the manners in which a crawl's process is ended.
Must not know: what a crawl has to keep.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from mocks.wirelog import Request, read_log

ROOT = Path(__file__).parents[2]
SCRAPE = ("nice", "-n", "5", sys.executable, "-m", "scraper_cpn")
"""Nicer than the web, which has to see each request when it comes, also on a busy machine."""
PATIENCE_S = 60.0
"""Longer than any process here takes that is not stuck."""
_HERE = {**os.environ, "PYTHONPATH": str(ROOT)}

Manner = Literal["end", "kill", "stop", "term", "int", "int twice", "freeze"]
"""How a life ends: by itself; kill -9; frozen and killed so; one signal that asks it to end; Ctrl-C
twice; frozen for a moment, then killed."""

ASKED: dict[Manner, tuple[int, ...]] = {
    "term": (signal.SIGTERM,),
    "int": (signal.SIGINT,),
    "int twice": (signal.SIGINT, signal.SIGINT),
}


@dataclass(frozen=True)
class Web:
    """A loopback web that is being served."""

    seeds: tuple[str, ...]
    proxies: tuple[str, ...]
    log: Path
    """The wire log, whole once the web is not served any more."""
    stop: Callable[[], None]
    """Serve it no more."""

    def crawl(self, *more: str, delay: str = "40ms", state: str = "crawl.db") -> tuple[str, ...]:
        """The words of a crawl of all of it, which is kept."""
        proxies = [word for name in self.proxies for word in ("-x", name)]
        kept = ("--state", state, "--delay", delay, "--backoff", "50ms", "--retries", "20")
        return (*self.seeds, *proxies, *kept, *more)

    def requests(self) -> list[Request]:
        """What was seen on the wire, by start; serves no more."""
        self.stop()
        return sorted(read_log(self.log)[1], key=lambda each: each.start_ns)


@contextmanager
def served(log: Path, *options: str) -> Iterator[Web]:
    """A synthetic web; see `python -m mocks serve --help`."""
    words = [sys.executable, "-m", "mocks", "serve", *options, "--log", str(log)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=_HERE) as server:
        assert server.stdout is not None

        def stop() -> None:
            server.terminate()
            server.wait(PATIENCE_S)

        try:
            where: dict[str, Any] = json.loads(server.stdout.readline())
            yield Web(tuple(where["seeds"]), tuple(where["proxies"]), log, stop)
        finally:
            stop()


@dataclass(frozen=True)
class Ended:
    """How a process of the command has ended."""

    code: int
    """As `subprocess` has it: negative for a signal that it did not handle."""
    out: str
    err: str
    at_ns: int
    """A moment after its end, on the clock of the wire log."""

    @property
    def line(self) -> str:
        """The only line of standard error."""
        (line,) = self.err.splitlines()
        return line


class Crawl:
    """A process of the command.

    Args:
        words: its arguments.
        folder: where it runs.
        before: words before `-m scraper_cpn`, if not Python's own.
    """

    def __init__(
        self, folder: Path, *words: str, before: Sequence[str] = SCRAPE, **options: Any
    ) -> None:
        self._process = subprocess.Popen(
            [*before, *words],
            cwd=folder,
            env=_HERE,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def signal(self, number: int) -> None:
        """Send a signal, if it is still there."""
        self._process.send_signal(number)

    def hear(self, start: str, times: int) -> None:
        """Wait until it has written so many lines to standard error that begin with *start*."""
        assert self._process.stderr is not None
        for line in self._process.stderr:
            times -= line.startswith(start)
            if not times:
                return
        raise AssertionError("it has ended")

    def runs(self, seconds: float) -> bool:
        """Whether it still runs after *seconds*; it may write to its pipes meanwhile."""
        with suppress(subprocess.TimeoutExpired):
            self._process.communicate(timeout=seconds)
        return self._process.returncode is None

    def end(self, *, kill: bool = False) -> Ended:
        """Wait for its end. Raises `subprocess.TimeoutExpired` if it does not come; then it is killed."""
        if kill:
            self._process.kill()
        try:
            out, err = self._process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
        return Ended(self._process.returncode, out, err, time.monotonic_ns())


def scrape(folder: Path, *words: str, **options: Any) -> Ended:
    """The command, from its beginning to its end."""
    return Crawl(folder, *words, **options).end()


@cache
def starting_s() -> float:
    """How long the command takes on this machine until it looks at a state."""
    began_ns = time.monotonic_ns()
    scrape(ROOT, "resume", "no such state")
    return (time.monotonic_ns() - began_ns) / 1e9


def live(crawl: Crawl, manner: Manner, seconds: float, dice: random.Random) -> Ended:
    """Let a crawl live for a while, then end it in some manner, if it has not ended by itself."""
    if manner == "end" or not crawl.runs(seconds):
        return crawl.end()
    if manner in ASKED:
        for number in ASKED[manner]:
            crawl.signal(number)
            crawl.runs(dice.uniform(0, 0.3))
        return crawl.end(kill=dice.random() < 0.3)
    if manner in {"stop", "freeze"}:
        crawl.signal(signal.SIGSTOP)
        time.sleep(dice.uniform(0, 0.3))
    if manner == "freeze":
        crawl.signal(signal.SIGCONT)
        crawl.runs(dice.uniform(0, 0.5))
    return crawl.end(kill=True)
