"""A race of schedulers, in small sizes. No test looks at how long anything took."""

from __future__ import annotations

import pytest

from bench.decisions.race import race
from bench.decisions.workload import KINDS, Kind, Point


@pytest.mark.parametrize("kind", KINDS)
def test_the_executions_of_the_net_decide_the_same(kind: Kind) -> None:
    """In every kind of workload, all dispatches are the same in each round, and none is missing."""
    result = race(Point(60, 6, 3, kind), ["net", "baseline", "baseline heap", "interpreter"], 40, 2)
    assert result.same
    names = ["net", "baseline", "baseline heap", "interpreter", "replay"]
    assert {name: len(runs) for name, runs in result.runs.items()} == dict.fromkeys(names, 2)
    assert all(run.decisions >= 40 for runs in result.runs.values() for run in runs)
