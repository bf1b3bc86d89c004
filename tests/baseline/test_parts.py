"""The small parts: timers, queues and stages, each against the obvious."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from baseline.queues import Entry, Heap, Levels, Queue
from baseline.stages import Stage
from baseline.timers import NEVER, Timers


def always(_time_ns: int, _item: Any) -> bool:
    return True


def test_timers_give_what_is_due_in_order() -> None:
    """By time, then in the order of their coming; what is due later stays."""
    timers: Timers[str] = Timers()
    for time_ns, item in ((5, "b"), (3, "a"), (5, "c"), (9, "d")):
        timers.add(time_ns, item)
    assert list(timers.due(5)) == [(3, "a"), (5, "b"), (5, "c")]
    assert timers.times[0] == 9
    assert list(timers.due(100)) == [(9, "d")]
    assert timers.times == [NEVER]


def test_the_next_time_is_one_that_counts() -> None:
    """Times of which nothing counts any more are dropped for good."""
    timers: Timers[str] = Timers()
    for time_ns, item in ((3, "gone"), (5, "gone"), (5, "here"), (9, "here")):
        timers.add(time_ns, item)
    assert timers.next_ns(lambda _, item: item == "here") == 5
    assert list(timers.due(3)) == []
    assert timers.next_ns(lambda *_: False) == NEVER
    assert timers.next_ns(always) == NEVER


@pytest.mark.parametrize("kind", [Heap, Levels])
@pytest.mark.parametrize("turns", [1, 3, 50])
def test_a_queue_is_a_sorted_list(kind: type[Queue], turns: int) -> None:
    """Turn, then age, whatever comes, goes and is put back, in any order."""
    random, queue = Random(turns), kind()
    waiting: list[Entry] = []
    popped: list[Entry] = []
    serial = 0
    for _ in range(3000):
        what = random.random()
        if what < 0.45:
            serial += 1
            entry: Entry = ((random.randrange(turns), -1), serial, None, None)  # type: ignore[assignment]
            queue.push(entry)
            waiting.append(entry)
        elif what < 0.55 and popped:
            entry = popped.pop(random.randrange(len(popped)))
            queue.restore(entry)
            waiting.append(entry)
        elif waiting:
            entry = queue.pop()
            assert entry == min(waiting)
            waiting.remove(entry)
            popped = [*popped, entry][-5:]
        assert queue.head == min(waiting, default=None)


def test_a_stage_is_a_line() -> None:
    """The oldest first; work that was called off goes back to where it was."""
    stage: Stage[str] = Stage(9)
    stage.line.extend("abcde")
    assert [stage.pop() for _ in range(3)] == ["a", "b", "c"]
    stage.restore(3, "c")
    stage.restore(1, "a")
    assert [stage.pop(), stage.pop()] == ["a", "c"]
    stage.restore(5, "c")
    stage.restore(2, "b")
    assert list(stage.line) == ["b", "c", "d", "e"]
    assert [stage.pop() for _ in range(4)] == ["b", "c", "d", "e"]
