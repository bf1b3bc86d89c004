"""A firing whose effect is tried several times; in both executions."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from scraper_cpn.net import Lost, Net, NetError, checked, hold, on, put, spend, thaw
from tests.net.ping import Down, Host, Job, Ok
from tests.net.running import Execution, inject, kernel_of

pytestmark = pytest.mark.usefixtures("both_executions")


def net_of(**options: Any) -> Net:
    """Jobs that hold a line and spend their host."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True, work=True)
    hosts = net.place("hosts", Host, source=True, timed=True)
    lines = net.counter("lines", start=1)
    done, failed = net.sink("done", Job), net.sink("failed", Job)
    work = net.effect("work", Ok | Down)
    net.transition(
        "work",
        [jobs, hold(lines), spend(hosts, after_ns=100)],
        effect=work(jobs),
        outcomes=[on(Ok, put(done)), on(Down, put(failed)), on(Lost, put(failed))],
        **options,
    )
    return net


def begun(net: Net) -> tuple[Execution, Any, Any]:
    """A kernel, its trace, and the firing of a job."""
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    inject(kernel, "hosts", Host("h"))
    (firing,) = kernel.step(0).firings
    kernel.started(firing.id, 0)
    log.clear()
    return kernel, log, firing


def test_a_failed_firing_keeps_its_inputs_and_its_id() -> None:
    """R48: it comes again from a step, with the next attempt, and spends nothing anew."""
    kernel, log, firing = begun(net_of(attempts=3, pause_ns=lambda attempt: attempt * 10))
    kernel.complete(firing.id, Lost("busy"), 5)
    assert (kernel.in_flight(), kernel.count("lines"), kernel.count("jobs")) == (1, 0, 0)
    assert kernel.step(5).wake_ns == 15
    assert kernel.step(14).firings == ()
    (again,) = kernel.step(15).firings
    assert (again.id, again.attempt, again.args) == (firing.id, 2, firing.args)
    kernel.started(again.id, 16)
    kernel.complete(again.id, Lost("busy"), 17)
    (last,) = kernel.step(37).firings
    kernel.started(last.id, 37)
    kernel.complete(last.id, Lost("busy"), 38)
    assert [row.sink for row in kernel.drain()] == ["failed"]
    assert (kernel.in_flight(), kernel.count("lines")) == (0, 1)
    assert log == [
        "again 5 1 Lost 15",
        "attempt 15 1 2",
        "started 16 1 []",
        "again 17 1 Lost 37",
        "attempt 37 1 3",
        "started 37 1 []",
        "end 38 1 Lost [failed#4]",
    ]


def test_an_attempt_that_works_ends_it() -> None:
    """R48: its outcome counts as any other."""
    kernel, _, firing = begun(net_of(attempts=2))
    kernel.complete(firing.id, Lost("busy"), 5)
    (again,) = kernel.step(5).firings
    kernel.started(again.id, 5)
    kernel.complete(again.id, Ok(), 6)
    assert [row.sink for row in kernel.drain()] == ["done"]


def test_only_the_outcomes_that_are_named_are_tried_again() -> None:
    """R48: `Lost` alone, unless others are named."""
    kernel, _, firing = begun(net_of(attempts=2))
    kernel.complete(firing.id, Down(), 5)
    assert kernel.in_flight() == 0
    kernel, _, firing = begun(net_of(attempts=2, retry=(Down, Lost)))
    kernel.complete(firing.id, Down(), 5)
    assert kernel.in_flight() == 1


@pytest.mark.parametrize("pause", [lambda _: -1, lambda _: "soon", lambda attempt: attempt.nothing])
def test_a_pause_that_is_none_is_the_last_attempt(pause: Any) -> None:
    """R48: a function that raises, or gives no time, gives no further attempt."""
    kernel, _, firing = begun(net_of(attempts=2, pause_ns=pause))
    kernel.complete(firing.id, Lost("busy"), 5)
    assert [row.sink for row in kernel.drain()] == ["failed"]


def test_an_attempt_that_has_not_started_goes_back() -> None:
    """R20, R48: revoked, it is given out again; what had started can only complete."""
    kernel, log, firing = begun(net_of(attempts=2))
    kernel.complete(firing.id, Lost("busy"), 5)
    for call in ("started", "complete", "revoke"):
        given = {"started": (1, 6), "complete": (1, Ok(), 6), "revoke": (1,)}[call]
        with pytest.raises(NetError, match="firing 1: has"):
            getattr(kernel, call)(*given)
    (again,) = kernel.step(6).firings
    kernel.revoke(again.id)
    assert log[-1] == "revoke 1"
    (once_more,) = kernel.step(6).firings
    assert once_more == again
    kernel.started(again.id, 6)
    with pytest.raises(NetError, match="has started; it can only complete"):
        kernel.revoke(again.id)


def test_attempts_count_against_the_limit_of_a_step() -> None:
    """R10, R48: a step that reached its limit says its own time."""
    kernel, _, firing = begun(net_of(attempts=2))
    kernel.complete(firing.id, Lost("busy"), 5)
    step = kernel.step(6, limit=1)
    assert (len(step.firings), step.wake_ns) == (1, 6)


def test_attempts_survive_saving_and_loading() -> None:
    """R31, R48: while one waits, while it is given out, and through plain data."""
    net = net_of(attempts=3, pause_ns=10)
    kernel, _, firing = begun(net)
    kernel.complete(firing.id, Lost("busy"), 5)
    for _ in range(2):
        saved = kernel.marking()
        assert thaw(net, msgspec.json.decode(msgspec.json.encode(saved))) == saved
        loaded = type(kernel).load(net, saved)
        assert loaded.marking() == saved
        (lack,) = loaded.explain(1, 6)
        message = (lack.reason, lack.until_ns)
        assert message == ("it is reserved by firing 1, which waits for attempt 2", 15)
        kernel.step(15)
    loaded = type(kernel).load(net, kernel.marking())
    loaded.revoke(1)
    (again,) = loaded.step(15).firings
    loaded.started(again.id, 15)
    loaded.complete(again.id, Ok(), 16)
    assert (loaded.in_flight(), loaded.count("lines")) == (0, 1)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"attempts": 0}, ": attempts is 0; give an integer from 1 up, to a transition with an effect"),
        ({"attempts": "3"}, ": attempts is '3'; give an integer from 1 up, to a transition with an effect"),
        (
            {"attempts": 2, "pause_ns": -1},
            ": pause_ns is -1; give an integer number of nanoseconds from 0 up, or a function",
        ),
        ({"attempts": 2, "retry": Job}, ", retry: Job is not one of its outcomes; give some of them"),
    ],
)  # fmt: skip
def test_attempts_that_can_not_be_are_refused(options: dict[str, Any], line: str) -> None:
    """R34: in one line."""
    with pytest.raises(NetError) as caught:
        checked(net_of(**options))
    assert caught.value.problems == (f"net n, transition work{line}",)


def test_attempts_are_of_effects() -> None:
    """R34: a choice does not fail, and what is revoked at its start has no second one."""
    net = net_of()
    place: Any = net.place("more", Job, source=True)
    net.transition("drop", [place], attempts=2)
    with pytest.raises(NetError, match="to a transition with an effect"):
        checked(net)
