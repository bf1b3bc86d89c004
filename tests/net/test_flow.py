"""A net as a graph: what nothing fills, what can never fire, what could lock up."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from scraper_cpn.net import (
    Interpreter,
    Kernel,
    Lost,
    Net,
    NetError,
    absent,
    checked,
    compile_net,
    expired,
    hold,
    on,
    put,
    put_new,
    read,
    spend,
    take,
)
from scraper_cpn.net.flow import flow_problems
from tests.net.ping import Job, Ok


def lines(net: Net) -> list[str]:
    return list(flow_problems(net))


def move(net: Net, *names: str) -> None:
    """Transitions that move a job from each place to the next."""
    for name, to in pairwise(names):
        source, target = net.places[name], net.places[to]
        net.transition(f"{name}_{to}", [source], outputs=[put(target)])  # type: ignore[list-item, arg-type]


def test_what_nothing_fills_is_named() -> None:
    """R34: a place, a set and a sink, each with what to do; a source needs no filling."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    empty = net.place("empty", Job)
    seen = net.set("seen", Job, key="host")
    keyed = net.place("keyed", Job, key="host", source=True)
    net.sink("out", Job)
    net.transition("go", [jobs, absent(empty)])
    net.transition("look", [keyed, absent(seen)])
    assert lines(net) == [
        "place empty: nothing fills it; put into it, or declare it with source=True",
        "set seen: nothing fills it; fill it with put_new, or remove it",
        "sink out: nothing fills it; put into it, or remove it",
    ]


def test_what_nothing_uses_is_named() -> None:
    """R34: a place, a counter and an effect that no transition has."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    net.place("idle", Job, source=True)
    net.counter("count", start=1)
    net.effect("work", Ok)
    net.transition("go", [jobs])
    assert lines(net) == [
        "place idle: nothing uses it; wire it, make it a sink, or remove it",
        "counter count: nothing uses it; wire it, make it a sink, or remove it",
        "effect work: no transition has it; give it to one, or remove it",
    ]


def test_tokens_that_expire_need_one_transition_for_it() -> None:
    """R9, R34: not none, and not two."""
    for count in (0, 2):
        net = Net("n")
        jobs = net.place("jobs", Job, source=True, expires=True)
        net.transition("go", [jobs])
        for number in range(count):
            net.transition(f"end{number}", [expired(jobs)])
        text = f"its tokens expire, so one transition must take expired(jobs), not {count}"
        assert lines(net) == [f"place jobs: {text}"]


def test_a_transition_that_no_token_reaches_is_named() -> None:
    """R34: two places that only fill each other, and a number that stays at 0."""
    net = Net("n")
    net.place("a", Job)
    net.place("b", Job)
    jobs = net.place("jobs", Job, source=True)
    zero = net.counter("zero", start=0)
    move(net, "a", "b", "a")
    net.transition("pay", [jobs, take(zero)])
    assert lines(net) == [
        "transition a_b: can never fire; no token ever reaches a",
        "transition b_a: can never fire; no token ever reaches b",
        "transition pay: can never fire; no token ever reaches zero",
    ]


def test_reachable_is_what_something_can_fill() -> None:
    """R34: through an outcome, a shown firing, a set, or a number that is counted up."""
    net = Net("n")
    jobs, shown = net.place("jobs", Job, source=True), net.place("shown", Job)
    zero, slots = net.counter("zero", start=0), net.counter("slots", start=len, key="host")
    seen, copies = net.set("seen", Job, key="host"), net.place("copies", Job, key="host")
    later = net.place("later", Job, key="host")
    work = net.effect("work", Ok)(jobs)
    outcomes = [on(Ok, put(zero), put_new(seen, copies, lambda job: job, jobs)), on(Lost)]
    net.transition("go", [jobs], effect=work, outcomes=outcomes, during=shown)
    net.transition("copy", [copies, read(seen), hold(slots)], outputs=[put(later)])
    net.transition(
        "end", [later, take(zero), spend(net.place("on", Job, source=True)), read(shown)]
    )
    assert lines(net) == []
    assert checked(net) is net


def test_a_firing_that_never_fits_is_named() -> None:
    """R24, R34: its own input's slot counts, for it stays taken until the firing ends."""
    net = Net("n")
    small = net.place("small", Job, source=True, capacity=2)
    net.transition("grow", [small], outputs=[put(small), put(small), put(small)])
    net.transition("leave", [small])
    text = "needs 3 slots in small, whose capacity is 2; raise it or put fewer"
    assert lines(net) == [f"transition grow: {text}"]


LOCK = (
    "form a bounded cycle without an exit, which locks up when all are full; "
    "make one unbounded, or give one a transition that leaves the cycle"
)


def ring(*capacities: int | None) -> Net:
    """A ring of places with these capacities, the first a source."""
    net = Net("n")
    names = [f"p{number}" for number in range(len(capacities))]
    for name, capacity in zip(names, capacities, strict=True):
        net.place(name, Job, capacity=capacity, source=name == "p0")
    move(net, *names, "p0")
    return net


def with_exit(net: Net) -> Net:
    net.transition("exit", [net.places["p0"]])  # type: ignore[list-item]
    return net


def growing() -> Net:
    net = Net("n")
    small = net.place("p0", Job, source=True, capacity=5)
    net.transition("grow", [small], outputs=[put(small), put(small)])
    return net


@pytest.mark.parametrize(
    ("build", "listed"),
    [
        (lambda: ring(1, 1), "p0, p1"),
        (lambda: ring(3, 1, 2), "p0, p1, p2"),
        (growing, "p0"),
        (lambda: ring(1, None), None),
        (lambda: ring(2), None),
        (lambda: with_exit(ring(1, 1)), None),
        (lambda: with_exit(growing()), None),
    ],
)
def test_bounded_cycles_need_an_exit(build: Callable[[], Net], listed: str | None) -> None:
    """R24, R34: all bounded and every way on within the cycle; one unbounded place or one exit is enough."""
    net = build()
    assert lines(net) == ([f"places {listed}: {LOCK}"] if listed else [])


def test_the_graph_is_judged_when_the_arcs_are_good() -> None:
    """R34: the graph's problems carry the net's name, and wait until single arcs are right."""
    net = Net("n")
    net.place("empty", Job)
    with pytest.raises(NetError) as caught:
        checked(net)
    assert caught.value.problems == (
        "net n, place empty: nothing fills it; put into it, or declare it with source=True",
        "net n, place empty: nothing uses it; wire it, make it a sink, or remove it",
    )
    net.transition("bad", [])
    with pytest.raises(NetError) as caught:
        checked(net)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("execution", [Interpreter, compile_net])
def test_the_last_place_of_a_classic_net_may_only_be_filled(
    execution: Callable[[Net], Kernel],
) -> None:
    """A counter into which transitions put is a result, if nobody takes from it."""
    net = Net("n")
    waiting, done = net.counter("waiting", start=3), net.counter("done", start=0)
    net.transition("go", [take(waiting)], outputs=[put(done)])
    kernel = execution(net)
    kernel.step(0)
    assert (kernel.count("waiting"), kernel.count("done")) == (0, 3)
