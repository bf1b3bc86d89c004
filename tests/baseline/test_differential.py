"""The scheduler by hand and the compiled net make the same decisions at the same times."""

from __future__ import annotations

import pytest

from baseline.queues import Heap, Levels, Queue
from tests.baseline.subjects import ByHand, ByNet
from tests.baseline.workloads import Drive, Event, Workload
from tests.effort import effort

ALL = 100_000
CRAWLS = effort(40, 10_000)


def by_net(seed: int) -> list[Event]:
    workload = Workload(seed)
    return Drive(workload, ByNet(workload.policy), ALL).run()


def by_hand(seed: int, queue: type[Queue]) -> list[Event]:
    workload = Workload(seed)
    return Drive(workload, ByHand(workload.policy, queue), ALL).run()


@pytest.mark.parametrize("first", range(0, 20, 10))
def test_the_same_dispatches_rows_and_wake_ups(first: int) -> None:
    """Time, effect, URL, attempt, proxy and domain of each firing, each row, each useful time, the end."""
    for seed in range(first, first + 10):
        expected = by_net(seed)
        assert by_hand(seed, Levels) == expected, seed
        assert by_hand(seed, Heap) == expected, seed


@pytest.mark.parametrize("first", range(1000, 1000 + CRAWLS, 20))
def test_the_same_over_many_crawls(first: int) -> None:
    """The same, with one kind of queue for each crawl; `EXPLORE=1` tries thousands."""
    for seed in range(first, first + 20):
        assert by_hand(seed, (Levels, Heap)[seed % 2]) == by_net(seed), seed
