"""Builds fork, run where an agent of their tag is free, and are joined; in both executions."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from scraper_cpn.net import Interpreter, Lost, Net, compile_net
from scraper_cpn.nets.ci import MATRIX, Agent, Broken, Build, Passed, Step, ci_net
from scraper_cpn.simulate.driver import run


def story(make: Any, seed: int, cancelled: str = "") -> tuple[list[str], list[Any]]:
    """What a run of four builds gave, and its trace."""
    random, net = Random(seed), ci_net()
    trace: list[Any] = []
    kernel = make(net, trace.append)
    places: Any = net.places
    for name, tag in (("l1", "linux"), ("l2", "linux"), ("m1", "mac")):
        kernel.inject(places["agents"], Agent(name, tag), 0)
    for number in range(4):
        kernel.inject(places["builds"], Build(f"b{number}"), 0)
    if cancelled:
        kernel.inject(places["cancels"], Build(cancelled), 0)

    def step(step: Step, agent: Agent, _now_ns: int) -> tuple[int, Any]:
        assert step.tag == agent.tag
        takes = random.randrange(1, 50)
        if step.build == "b1" and step.tag == "mac":
            return takes, random.choice([Broken("red"), Lost("gone")])
        return takes, Passed(f"{step.tag}-{step.version}")

    rows: list[Any] = []
    ran = run(kernel, {"run": step}, 0, on_rows=rows.extend)
    assert ran.ended == "finished"
    assert kernel.count("agents") == 3
    assert kernel.count("artifacts") == kernel.count("steps") == kernel.count("open_builds") == 0
    return sorted(f"{row.sink} {row.colour.build}" for row in rows), trace


@pytest.mark.parametrize("seed", range(6))
def test_builds_are_released_whole_or_stopped(seed: int) -> None:
    """Whatever the order of the steps: a build with a broken step, and a cancelled one, leave nothing behind."""
    message, trace = story(compile_net, seed, cancelled="b2")
    assert message == ["releases b0", "releases b3", "stopped b1", "stopped b2"]
    assert (message, trace) == story(Interpreter, seed, cancelled="b2")


def test_a_release_has_the_artifacts_of_one_build() -> None:
    """As many as the matrix has rows."""
    net: Net = ci_net()
    assert net.transitions["release"].arcs[1].count == len(MATRIX)
