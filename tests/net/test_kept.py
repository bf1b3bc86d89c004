"""Firings in flight keep records of numbers: whatever the order, nothing is lost with a record."""

from __future__ import annotations

from functools import partial
from itertools import permutations
from random import Random
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Interpreter,
    Kernel,
    Lost,
    Net,
    NetError,
    compile_net,
    consume,
    hold,
    on,
    put,
    spend,
)
from tests.effort import effort

ARCS = ("jobs", "hosts", "paces", "slots", "lines")
ORDERS = [
    order
    for size in (3, 4, 5)
    for order in permutations(ARCS, size)
    if {"jobs", "slots"} <= {*order}
]
"""With fewer inputs nothing may be left in a record but for what comes back."""


class Job(Struct, frozen=True):
    name: str


class Good(Struct, frozen=True):
    pass


class Spent(Struct, frozen=True):
    pass


def net_of(order: tuple[str, ...], slots: int = 1) -> Net:
    """A join of tokens that go, are held and are spent, and of two numbers: some of these, in an order."""
    net = Net("kept")
    makers: dict[str, Any] = {
        "jobs": partial(net.place, "jobs", Job, key="name", source=True, work=True),
        "hosts": partial(net.place, "hosts", Job, key="name", source=True),
        "paces": partial(net.place, "paces", Job, key="name", timed=True, source=True),
        "slots": partial(net.counter, "slots", key="name", start=slots),
        "lines": partial(net.counter, "lines", key="name", start=2),
    }
    places: dict[str, Any] = {name: makers[name]() for name in order}
    done = net.sink("done", Job)
    how: dict[str, Any] = {
        "hosts": hold,
        "paces": partial(spend, after_ns=2),
        "slots": hold,
        "lines": hold,
    }
    inputs = [how[name](places[name]) if name in how else places[name] for name in order]
    work = net.effect("work", Good | Spent)
    ends = [
        on(Good, put(done)),
        on(Spent, *([consume(places["lines"])] if "lines" in order else [])),
        on(Lost, put(places["jobs"])),
    ]
    net.transition("go", inputs, effect=work(places["jobs"]), outcomes=ends)
    return net


def run(kernel: Kernel, net: Net, random: Random) -> list[Any]:
    """What can be seen of a run with random calls."""
    seen: list[Any] = []
    places: dict[str, Any] = net.places
    for place in [name for name in ("hosts", "paces") if name in places]:
        for name in "ab":
            kernel.inject(places[place], Job(name), 0)
    flying: dict[int, bool] = {}
    for now_ns in range(40):
        if random.random() < 0.6:
            kernel.inject(places["jobs"], Job(random.choice("ab")), now_ns)
        flying |= dict.fromkeys((firing.id for firing in kernel.step(now_ns).firings), False)
        for firing, started in list(flying.items()):
            chance = random.random()
            if not started and chance < 0.2:
                kernel.revoke(firing)
                del flying[firing]
            elif not started and chance < 0.6:
                kernel.started(firing, now_ns)
                flying[firing] = True
            elif started and chance < 0.6:
                kernel.complete(firing, random.choice([Good(), Good(), Spent(), Lost("x")]), now_ns)
                del flying[firing]
        seen.append((kernel.drain(), kernel.marking()))
    return seen


@pytest.mark.parametrize("recorded", [False, True])
def test_whatever_the_order_of_the_inputs(recorded: bool) -> None:
    """Untraced, where records are handed on, the runs are those of the interpreter, for every third order of inputs."""
    for number, order in enumerate(ORDERS[:: effort(3, 1)]):
        net = net_of(order, slots=1 + number % 2)
        compiled = compile_net(net, recorded=recorded)
        assert run(compiled, net, Random(number)) == run(Interpreter(net), net, Random(number))


def test_a_number_is_given_back_after_what_is_beside_it() -> None:
    """A host that is held beside the last thing of its key is there for the next job."""
    net = net_of(("slots", "jobs", "hosts"))
    kernel = compile_net(net)
    places: dict[str, Any] = net.places
    kernel.inject(places["hosts"], Job("a"), 0)
    for now_ns in (0, 10, 20):
        kernel.inject(places["jobs"], Job("a"), now_ns)
        (firing,) = kernel.step(now_ns).firings
        kernel.started(firing.id, now_ns)
        kernel.complete(firing.id, Good(), now_ns)
    assert len(kernel.drain()) == 3


@pytest.mark.parametrize("load", [Interpreter.load, type(compile_net(net_of(ARCS))).load])
def test_more_than_there_is_can_not_be_in_flight(load: Any) -> None:
    """A marking with a number that would grow beyond its first one is refused, and says which."""
    net, places = net_of(ARCS, slots=2), net_of(ARCS).places
    kernel = compile_net(net)
    for place in ("jobs", "hosts", "paces"):
        kernel.inject(net.places[place], Job("a"), 0)  # type: ignore[arg-type]
    assert kernel.step(0).firings
    assert load(net, kernel.marking()).in_flight() == 1
    assert places["slots"].first("a") == 1  # type: ignore[union-attr]
    with pytest.raises(NetError, match="slots is at 1 for a, beside 1 in flight, of 1"):
        load(net_of(ARCS, slots=1), kernel.marking())
