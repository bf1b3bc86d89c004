"""Kill -9 at random moments, again and again: nothing is lost, doubled, or asked for too soon."""

from pathlib import Path

import pytest

from tests.crash.kills import played
from tests.effort import effort

ROUNDS = effort(2, 400)
"""`make kills` plays thousands."""
FIRST_SEED = 1


@pytest.mark.slow
def test_a_crawl_that_is_killed_until_it_is_done_is_whole_and_polite(tmp_path: Path) -> None:
    """Whatever ends its processes, and whenever: the crawl comes to the same end.

    Every URL has one end, every item is there once, in the state and in the output beside it; no
    request comes too early for its domain or proxy; only what was in flight is asked for again.
    """
    seeds = range(FIRST_SEED, FIRST_SEED + ROUNDS)
    deaths = 0
    for seed, result in played(seeds, tmp_path, jobs=2):
        if isinstance(result, BaseException):
            raise AssertionError(
                f"python -m tests.crash.kills --rounds 1 --seed {seed}"
            ) from result
        deaths += result.deaths
    assert deaths
