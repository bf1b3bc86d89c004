"""The benchmark of rings runs, and counts what it says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import ring


def test_each_number_of_rings_is_measured_in_three_ways(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In memory, through asyncio, and durable; beside what was published."""
    monkeypatch.setattr(ring, "PUBLISHED", {1: 284, 2: 439})
    monkeypatch.setattr(ring, "FIRINGS_QUICK", 20)
    ring.main(quick=True, as_json=True, where=tmp_path)
    points = json.loads(capsys.readouterr().out)
    assert [point["rings"] for point in points] == [1, 2]
    assert all(point[way] > 0 for point in points for way in ("memory", "asyncio", "durable"))
    ring.main(quick=True, as_json=False, where=tmp_path)
    assert "1 rings" in capsys.readouterr().out
