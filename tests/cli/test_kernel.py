"""`--kernel native`: the same crawl, decided by machine code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scraper_cpn.cli.main import main
from scraper_cpn.native import building
from tests.cli.test_crawl import PAGES, SCRAPE, scrape, site

__all__ = ["site"]  # a fixture

KEPT = ("--state", "a.db", "--kernel", "native", "--max-pages", "2")


@pytest.mark.slow
def test_a_kept_crawl_goes_on_with_it(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is built once, which --json does not tell among its events; the journal replays in Python."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    first = scrape(tmp_path, f"{site}/0", *KEPT, "--json")
    events = [json.loads(line) for line in first.stderr.splitlines()]
    assert (first.returncode, events[-1]["pages"]) == (0, 2)
    assert len(list((tmp_path / "caches" / "scraper_cpn").iterdir())) == 1
    monkeypatch.setenv("CC", "/there/is/no/compiler")
    again = scrape(tmp_path, "resume", "a.db", "--delay", "1ms", "--max-pages", "100")
    assert again.returncode == 0
    assert "building" not in again.stderr
    assert f"{PAGES} pages" in again.stderr
    checked = subprocess.run(
        [*SCRAPE, "check", "a.db"], cwd=tmp_path, capture_output=True, check=True
    )
    assert b"replayed to the same marking" in checked.stdout


@pytest.mark.slow
def test_who_can_not_build_it_is_reported(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a compiler or Cython it is one line and exit code 2; nothing is fetched, and no file begun."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("CC", "/there/is/no/compiler")
    kept = {"f.jsonl": "of yesterday", "t.jsonl": "of last week"}
    for name, text in kept.items():
        (tmp_path / name).write_text(text)
    more = ("--failed", "f.jsonl", "--trace", "t.jsonl", "--state", "a.db", "-o", "a.jsonl")
    native = ("--kernel", "native")
    done = scrape(tmp_path, f"{site}/0", *more, *native, "-q")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("scrape: kernel: native is unavailable: it needs a C compiler")
    assert done.stderr.endswith("or choose kernel python\n")
    assert done.stderr.count("\n") == 1
    monkeypatch.setattr(building, "find_spec", lambda _: None)
    monkeypatch.chdir(tmp_path)
    without_state = (f"{site}/0", *more[:4], *more[6:])
    for words in (without_state, ("simulate", "hosts=1", "--trace", "t.jsonl")):
        assert main([*words, *native]) == 2
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "caches"}
    assert {name: (tmp_path / name).read_text() for name in kept} == kept


BY_SCRIPT = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
"""Starts a command as a shell script does in the background: SIGINT is ignored."""


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_building(
    number: int, code: int, site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes to the compiler, too; it is an interruption, also of a command in the background, and leaves nothing."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    words = [*SCRAPE, f"{site}/0", "--kernel", "native", "-o", "a.jsonl"]
    building = subprocess.Popen(
        [sys.executable, "-c", BY_SCRIPT, *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with building:
        assert building.stderr is not None
        assert building.stderr.readline().startswith("building a kernel")
        folder = tmp_path / "caches" / "scraper_cpn"
        while not list(folder.glob("*/*.c")):  # Cython is done
            assert building.poll() is None
            time.sleep(0.01)
        os.killpg(building.pid, number)
        message = building.stderr.read()
    assert (building.returncode, message) == (code, "scrape: interrupted\n")
    assert list(folder.iterdir()) == []
    assert not (tmp_path / "a.jsonl").exists()
