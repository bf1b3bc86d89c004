"""Answers and the rubrics to judge them by, which are written at the same time and get ready out of order.

A judge must never see an answer beside the rubric of another task. Both places have the key `task`, and a
transition joins its inputs on keys of the same name: a wrong pair can't be made. The same net without the key
(`keyed=False`) takes whatever came first, as most programs with two queues do, and pairs wrongly.
"""

from __future__ import annotations

from itertools import count

import anyio
from msgspec import Struct

from scraper_cpn.net import Lost, Net, hold, on, put, take
from scraper_cpn.nets.scene import Scene, main

ATTEMPTS = 5
SECOND = 1_000_000_000
judgings = count(1)


class Task(Struct, frozen=True):
    """A task, for which an answer and a rubric are written."""

    task: int


class Answer(Struct, frozen=True):
    """What a model answered."""

    task: int
    text: str


class Rubric(Struct, frozen=True):
    """What a good answer has."""

    task: int
    text: str


class Pair(Struct, frozen=True):
    """An answer and a rubric, to be judged together."""

    answer: Answer
    rubric: Rubric


class Verdict(Struct, frozen=True):
    """The result of a pair."""

    answer: int
    rubric: int
    points: int


class Unjudged(Struct, frozen=True):
    """A task without a verdict."""

    task: int
    reason: str


class Points(Struct, frozen=True):
    """The outcome of judging."""

    points: int


def judge_net(judges: int = 10, *, keyed: bool = True) -> Net:
    """Tasks come in, verdicts leave; at most so many pairs are judged at a time."""
    net = Net("judge")
    key = "task" if keyed else ()
    to_answer = net.place("to_answer", Task, source=True, work=True)
    to_rubric = net.place("to_rubric", Task, source=True, work=True)
    answers = net.place("answers", Answer, key=key, work=True)
    rubrics = net.place("rubrics", Rubric, key=key, work=True)
    pairs = net.place("pairs", Pair, work=True)
    free = net.counter("judges", start=judges)
    missing = net.place("missing", Unjudged, key="task")
    verdicts, unjudged = net.sink("verdicts", Verdict), net.sink("unjudged", Unjudged)
    answer, rubric = net.effect("answer", Answer), net.effect("rubric", Rubric)
    judge = net.effect("judge", Points)

    for name, tasks, effect, kind, made in (
        ("answer", to_answer, answer, Answer, answers),
        ("rubric", to_rubric, rubric, Rubric, rubrics),
    ):
        lost = [put(place, _unwritten, tasks, Lost) for place in (unjudged, missing)]
        ends = [on(kind, put(made)), on(Lost, *lost)]
        net.transition(name, [tasks], effect=effect(tasks), outcomes=ends, attempts=ATTEMPTS)
        net.transition(
            f"drop_{name}", [made, missing]
        )  # nothing comes that it could be paired with
    net.transition("drop_both", [take(missing), take(missing)])
    net.transition("pair", [answers, rubrics], outputs=[put(pairs, Pair, answers, rubrics)])
    net.transition(
        "judge",
        [pairs, hold(free)],
        effect=judge(pairs),
        outcomes=[
            on(Points, put(verdicts, _verdict, pairs, Points)),
            on(Lost, put(unjudged, _unjudged, pairs, Lost)),
        ],
        attempts=ATTEMPTS,
        pause_ns=_pause_ns,
    )
    return net


def _verdict(pair: Pair, points: Points) -> Verdict:
    return Verdict(pair.answer.task, pair.rubric.task, points.points)


def _unjudged(pair: Pair, lost: Lost) -> Unjudged:
    return Unjudged(pair.answer.task, lost.reason)


def _unwritten(task: Task, lost: Lost) -> Unjudged:
    return Unjudged(task.task, lost.reason)


def _pause_ns(attempt: int) -> int:
    return SECOND // 100 << attempt


async def answer(task: Task) -> Answer:
    """Write an answer: the later tasks are quicker."""
    await anyio.sleep(0.05 / (1 + task.task))
    return Answer(task.task, f"answer {task.task}")


async def rubric(task: Task) -> Rubric:
    """Write a rubric: the earlier tasks are quicker."""
    await anyio.sleep(0.002 * task.task)
    return Rubric(task.task, f"rubric {task.task}")


async def judge(pair: Pair) -> Points:
    """Judge a pair; every fifth judging fails, and is tried again."""
    await anyio.sleep(0.005)
    if next(judgings) % 5 == 0:
        raise RuntimeError("the judge is busy")
    return Points(len(pair.answer.text) % 10)


def scene(tasks: int = 20) -> Scene:
    """Some tasks."""
    listed = [Task(number) for number in range(tasks)]
    effects = {"answer": answer, "rubric": rubric, "judge": judge}
    return Scene(judge_net(), effects, {"to_answer": listed, "to_rubric": listed})


if __name__ == "__main__":
    raise SystemExit(main(scene()))
