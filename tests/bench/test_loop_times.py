"""A command that is timed crawls as it does otherwise."""

import subprocess
import sys
from pathlib import Path

import anyio
import msgspec
import pytest

from bench.loop_times import Times
from tests.servers import Server, page


@pytest.mark.anyio
async def test_starts_are_noted(tmp_path: Path) -> None:
    """Each request of a crawl is noted with its host, and how late it was can be told."""
    async with Server(lambda _: page(b"<p>x", "Content-Type: text/html")) as server:
        seeds = [f"{server.url}/{n}" for n in range(3)]
        command = [
            sys.executable, "-m", "bench.loop_times", str(tmp_path / "times.json"), *seeds,
            "--delay", "0.01", "--robots", "ignore", "-o", str(tmp_path / "items.jsonl"), "-q",
        ]  # fmt: skip
        await anyio.run_process(command, stderr=subprocess.STDOUT)
    times = msgspec.json.decode((tmp_path / "times.json").read_bytes(), type=Times)
    assert [each.host for each in times.starts] == ["127.0.0.1"] * 3
    assert len(times.late("127.", 0.01)) == 2
