"""Seeds that come through a pipe while a crawl is kept in a state."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import IO

import pytest

from scraper_cpn.scrape.state.check import audits
from tests.servers import serving

LAST_S = 60


class Pages(BaseHTTPRequestHandler):
    """Every URL is a page."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """The address of a server."""
    with serving(Pages) as url:
        yield url


def scrape(*words: str | Path) -> subprocess.Popen[str]:
    """Start the command, with a pipe to its standard input."""
    return subprocess.Popen(
        [sys.executable, "-m", "scraper_cpn", *map(str, words)],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def lines_of(path: Path, number: int) -> None:
    """Wait until a file has so many lines."""
    until = time.monotonic() + LAST_S
    while not path.exists() or path.read_bytes().count(b"\n") < number:
        assert time.monotonic() < until
        time.sleep(0.01)


def tell(pipe: IO[str] | None, *urls: str) -> None:
    """Write lines into a pipe."""
    assert pipe is not None
    pipe.write("".join(f"{url}\n" for url in urls))
    pipe.flush()


def test_they_are_kept_as_they_are_read(tmp_path: Path, site: str) -> None:
    """Pages of a pipe without an end are stored; what was read is not lost with the process, and what was not is told."""
    state, output = tmp_path / "s.state", tmp_path / "o.jsonl"
    limits = ("--robots", "ignore", "--delay", "0")
    with scrape("-i", "-", "--state", state, "-o", output, *limits) as crawl:
        tell(crawl.stdin, f"{site}/1", "# a remark")
        lines_of(output, 1)
        tell(crawl.stdin, f"{site}/2", f"{site}/3")
        lines_of(output, 3)
        crawl.kill()
        crawl.wait(LAST_S)
    assert audits(state)
    with scrape("resume", state) as resumed:
        _, message = resumed.communicate(timeout=LAST_S)
    assert "lines of standard input that were not read before are lost" in message
    assert resumed.returncode == 0
    assert output.read_bytes().count(b"\n") == 3
    assert audits(state)


def test_a_pipe_that_has_ended_has_lost_nothing(tmp_path: Path, site: str) -> None:
    """The crawl ends with it; a resume has nothing to do, and nothing to say of lines."""
    state = tmp_path / "s.state"
    limits = ("--robots", "ignore", "--delay", "0")
    with scrape("-i", "-", "--state", state, *limits) as crawl:
        tell(crawl.stdin, f"{site}/1", f"{site}/2")
        _, _ = crawl.communicate(timeout=LAST_S)
    assert crawl.returncode == 0
    with scrape("resume", state) as resumed:
        _, message = resumed.communicate(timeout=LAST_S)
    assert "lost" not in message
    assert audits(state)


@pytest.mark.parametrize("kept", [False, True])
def test_a_crawl_that_is_interrupted_while_its_pipe_is_open_has_not_finished(
    tmp_path: Path, site: str, *, kept: bool
) -> None:
    """Lines may have come that it has not read: its exit code is that of the signal."""
    output = tmp_path / "o.jsonl"
    state = ("--state", tmp_path / "s.state") if kept else ()
    with scrape("-i", "-", "-o", output, "--robots", "ignore", "--delay", "0", *state) as crawl:
        tell(crawl.stdin, f"{site}/1")
        lines_of(output, 1)
        crawl.send_signal(signal.SIGINT)
        crawl.wait(LAST_S)  # while the pipe is open
        assert crawl.stderr is not None
        assert "interrupted" in crawl.stderr.read()
    assert crawl.returncode == 128 + signal.SIGINT
