"""Pairs by key: no run pairs wrongly, and the same net without the key does."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from scraper_cpn.net import Interpreter, Lost, compile_net
from scraper_cpn.nets.judge import Answer, Pair, Points, Rubric, Task, judge_net
from scraper_cpn.simulate.driver import run

TASKS = 12


def verdicts(kernel: Any, seed: int) -> list[tuple[int, int]]:
    """The answer and the rubric of each verdict of a run whose effects take random times; some fail."""
    random = Random(seed)

    def answer(task: Task, _now_ns: int) -> tuple[int, Any]:
        return random.randrange(100), Answer(task.task, "")

    def rubric(task: Task, _now_ns: int) -> tuple[int, Any]:
        return random.randrange(100), Rubric(task.task, "")

    def judge(_pair: Pair, _now_ns: int) -> tuple[int, Any]:
        return random.randrange(20), Lost("busy") if random.random() < 0.3 else Points(1)

    rows: list[Any] = []
    for number in range(TASKS):
        kernel.inject(kernel.net.places["to_answer"], Task(number), 0)
        kernel.inject(kernel.net.places["to_rubric"], Task(number), 0)
    effects: Any = {"answer": answer, "rubric": rubric, "judge": judge}
    ran = run(kernel, effects, 0, on_rows=rows.extend)
    assert ran.ended == "finished"
    message = [row.colour for row in rows if row.sink == "verdicts"]
    assert len(rows) == TASKS
    return [(verdict.answer, verdict.rubric) for verdict in message]


@pytest.mark.parametrize("seed", range(10))
def test_no_pair_is_wrong(seed: int) -> None:
    """Whatever the order in which they get ready; the same in both executions."""
    pairs = verdicts(compile_net(judge_net(judges=3)), seed)
    assert all(answer == rubric for answer, rubric in pairs)
    assert pairs == verdicts(Interpreter(judge_net(judges=3)), seed)


def test_without_the_key_pairs_are_wrong() -> None:
    """The greedy net pairs what is there: it is why there are keys."""
    wrong = [
        pair
        for seed in range(5)
        for pair in verdicts(compile_net(judge_net(keyed=False)), seed)
        if pair[0] != pair[1]
    ]
    assert len(wrong) > TASKS


def test_at_most_so_many_are_judged_at_a_time() -> None:
    """The judges are a number that each judging holds."""
    kernel: Any = compile_net(judge_net(judges=3))
    now = 0
    for number in range(TASKS):
        for place, kind in (("to_answer", Answer), ("to_rubric", Rubric)):
            kernel.inject(kernel.net.places[place], Task(number), now)
            (firing,) = kernel.step(now).firings[:1]
            kernel.started(firing.id, now)
            kernel.complete(firing.id, kind(number, ""), now)
    judging = [firing for firing in kernel.step(now).firings if firing.effect == "judge"]
    assert kernel.count("judges") == 0
    assert len(judging) <= 3
