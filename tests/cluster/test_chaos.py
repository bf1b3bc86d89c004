"""A crawl of many workers survives what happens to them; and without its two fences it does not."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from mocks.postgres import Postgres
from tests.cluster.chaos import Found, Plan, caught, play


def test_nothing_is_lost_or_doubled_when_workers_die_and_freeze(
    own_postgres: Postgres, tmp_path: Path
) -> None:
    """Two workers are killed, frozen and cut off, the database crashes: all errands come home once, none too soon."""
    plan = Plan(seed=1, number=4, workers=2, partitions=4, keys=6, errands=16, visits=4)
    assert_fine(play(plan, own_postgres, tmp_path))


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_under_many_faults(
    own_postgres: Postgres, tmp_path: Path
) -> None:
    """The same with three workers and fifteen faults; `make chaos` has as many as wanted."""
    assert_fine(play(Plan(seed=1, number=15, errands=120), own_postgres, tmp_path))


CONTROL = Plan(seed=7, faults=["freeze"], number=20, errands=150, frozen=(1.3, 2.5))


@pytest.mark.slow
def test_without_the_self_fence_work_starts_too_late(
    own_postgres: Postgres, tmp_path: Path
) -> None:
    """A control: a worker that does not look at its lease starts work which another has taken over."""
    found = caught(replace(CONTROL, controls=["no-self-fence"]), own_postgres, tmp_path)
    assert found is not None
    assert found.late or found.soon


@pytest.mark.slow
def test_without_the_fence_tokens_are_lost_or_doubled(
    own_postgres: Postgres, tmp_path: Path
) -> None:
    """A control: if whoever commits is believed, the tokens of a frozen worker contradict those of its successor."""
    controls = ["no-self-fence", "no-fence"]
    assert caught(replace(CONTROL, controls=controls), own_postgres, tmp_path) is not None


def assert_fine(found: Found) -> None:
    """Nothing lost, doubled, late or impolite."""
    assert found.fine, found
