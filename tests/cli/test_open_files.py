"""The command where few files may be open, of which each connection is one."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mocks.serving import ROOT, served
from mocks.wirelog import read_log
from tests.crash.under import under
from tests.scrape.fetching import CLIENTS

HOSTS = 100
FEW = (64, 256)
"""The limits of a process: at first fewer files than the crawl has requests at a time, then some more."""


@pytest.mark.parametrize("fetcher", CLIENTS)
def test_it_asks_the_system_for_more(fetcher: str, tmp_path: Path) -> None:
    """A crawl with more connections than a process may have at first gets every page at the first attempt."""
    web = ("--hosts", str(HOSTS), "--pages", "2", "--latency", "100ms", "--proxies", "1")
    items, log = tmp_path / "items.jsonl", tmp_path / "wire.jsonl"
    with served(log, web) as where:
        many = ("--concurrency", str(HOSTS), "--per-proxy", str(HOSTS), "--fetcher", fetcher)
        crawl = (*where["seeds"], "--proxy", where["proxies"][0], "--delay", "0ms", *many, "-q")
        command = [*under(open_files=FEW), *crawl, "-o", str(items)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert items.read_bytes().count(b"\n") == 2 * HOSTS
    assert len(read_log(log)[1]) == 3 * HOSTS  # robots.txt, and two pages


def test_what_the_system_does_not_allow_is_refused(tmp_path: Path) -> None:
    """In one line, with exit code 2; no file is begun."""
    kept = ("-o", "items.jsonl", "--state", "a.db", "--trace", "t.jsonl", "--failed", "f.jsonl")
    command = [*under(open_files=(64, 128)), "http://h0.example/", "--concurrency", "65"]
    done = subprocess.run(
        [*command, *(str(tmp_path / word) if "." in word else word for word in kept)],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("scrape: concurrency: 65 requests at a time")
    assert "need 129 open files, and this process may have 128; lower it to 64, or" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
