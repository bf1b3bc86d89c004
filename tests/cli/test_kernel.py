"""`--kernel native`: the same crawl, decided by machine code."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

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


def test_who_can_not_build_it_is_told(
    site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a compiler it is one line and exit code 2, and nothing is fetched."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setenv("CC", "/there/is/no/compiler")
    done = scrape(tmp_path, f"{site}/0", "--kernel", "native", "-q")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("scrape: kernel: a kernel could not be built (")
    assert done.stderr.endswith("or leave out kernel\n")
    assert done.stderr.count("\n") == 1
