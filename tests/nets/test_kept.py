"""The nets of this folder, killed and continued: nothing is lost, nothing is done twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from scraper_cpn.nets import ci, judge, ring
from scraper_cpn.nets.scene import Scene
from scraper_cpn.run.keeping import open_kept

SCENES: dict[str, tuple[Callable[[], Scene], str, Callable[[Any], Any], int]] = {
    "ring": (ring.scene, "out", lambda row: row["ring"], 4),
    "ci": (ci.scene, "releases", lambda row: row["build"], 6),
    "judge": (judge.scene, "verdicts", lambda row: (row["answer"], row["rubric"]), 20),
}
"""A scene, its sink, what tells its rows apart, and how many there are in the end."""


def command(name: str, *options: str) -> list[str]:
    return [sys.executable, "-m", f"scraper_cpn.nets.{name}", *options]


async def kept_rows(scene: Scene, path: Path, sink: str) -> list[Any]:
    kept = await open_kept(scene.net, path)
    try:
        return list(kept.rows(sink))
    finally:
        await kept.close()


@pytest.mark.parametrize("name", SCENES)
def test_a_killed_run_goes_on(name: str, tmp_path: Path) -> None:
    """Killed as soon as it has written something, twice, and then left to end: each row is there once."""
    make, sink, what, count = SCENES[name]
    path = tmp_path / "state.db"
    for _ in range(2):
        with subprocess.Popen(
            command(name, "--keep", str(path)), stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.send_signal(signal.SIGKILL)
    done = subprocess.run(command(name, "--keep", str(path)), check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    rows = anyio.run(kept_rows, make(), path, sink)
    counted = Counter(map(what, rows))
    assert len(counted) == count
    assert set(counted.values()) == {1}


def test_a_second_process_waits_and_takes_over(tmp_path: Path) -> None:
    """Without `--wait` it is refused in one line; with it, it ends what the first one began."""
    path = tmp_path / "state.db"
    with subprocess.Popen(command("judge", "--keep", str(path)), stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        first.stdout.readline()
        first.send_signal(signal.SIGSTOP)
        refused = subprocess.run(
            command("judge", "--keep", str(path)), check=False, capture_output=True, text=True
        )
        assert refused.returncode == 2
        assert "is in use by another process" in refused.stderr
        with subprocess.Popen(command("judge", "--keep", str(path), "--wait")) as second:
            first.send_signal(signal.SIGKILL)
            assert second.wait() == 0
    rows = anyio.run(kept_rows, judge.scene(), path, "verdicts")
    assert sorted(row["answer"] for row in rows) == list(range(20))


def test_a_mistake_is_one_line(tmp_path: Path) -> None:
    """The file of another net, and exit code 2."""
    path = tmp_path / "state.db"
    subprocess.run(command("ring", "--keep", str(path)), check=True, capture_output=True)
    done = subprocess.run(
        command("judge", "--keep", str(path)), check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"judge: {path} is no run of this net (judge): ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("name", SCENES)
def test_it_is_drawn(name: str) -> None:
    """As Mermaid, with every place and transition."""
    done = subprocess.run(command(name, "--draw"), check=True, capture_output=True, text=True)
    net = SCENES[name][0]().net
    for place in net.places:
        assert place in done.stdout
    assert all(f"[{transition}]" in done.stdout for transition in net.transitions)
