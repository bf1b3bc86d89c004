"""What compiling a big net costs, and that big nets run like small ones."""

from __future__ import annotations

import sys
from random import Random
from typing import Any

import pytest

from scraper_cpn.net import Net, compile_net, put
from scraper_cpn.net.compiled import source
from scraper_cpn.net.compiled.source import generated
from tests.net.nets import Draw, checked_net
from tests.net.ping import Job
from tests.net.runs import Pair, Run


def chain(length: int, capacity: int | None = None) -> Net:
    """Jobs that go from place to place."""
    net = Net("chain")
    places: list[Any] = [
        net.place(f"p{n}", Job, key="host", source=n == 0, capacity=capacity) for n in range(length)
    ]
    places.append(net.sink("out", Job))
    for number in range(length):
        net.transition(f"t{number}", [places[number]], outputs=[put(places[number + 1])])
    return net


def calls_of(length: int, capacity: int | None) -> int:
    """How many functions are called to check a net and to write its source."""
    net, count = chain(length, capacity), 0

    def seen(_frame: object, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(seen)
    try:
        generated(net)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("capacity", [None, 3])
def test_compiling_grows_with_the_size_of_the_net(capacity: int | None) -> None:
    """Four times the transitions cost about four times the work: not sixteen, nor sixty-four."""
    small, big = calls_of(50, capacity), calls_of(200, capacity)
    assert big < 4.6 * small


def test_a_big_net_runs_like_a_small_one() -> None:
    """Beyond some hundred transitions the source is not nested in a function; nothing else differs."""
    for length in (50, 400):
        net = chain(length)
        compiled = compile_net(net)
        start: Any = net.places["p0"]
        for host in "abc":
            compiled.inject(start, Job(host), 0)
        assert compiled.step(0).firings == ()
        assert [row.colour.host for row in compiled.drain()] == ["a", "b", "c"]


def test_a_source_that_is_not_nested_means_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random nets and runs, as if every net were big."""
    monkeypatch.setattr(source, "NESTED_LINES_MAX", 0)
    for seed in range(25):
        random = Random(seed)
        built = checked_net(random)
        if built is not None:
            Run(Draw(random), Pair(built)).go(30)
