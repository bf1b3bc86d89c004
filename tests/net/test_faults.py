"""Functions of the user that raise stop nothing; in both executions."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Lost,
    Net,
    Row,
    absent,
    choose,
    hold,
    on,
    put,
    put_new,
    remove,
    spend,
    take,
)
from tests.net.ping import Host, Job, Ok
from tests.net.running import Execution, boom, inject, kernel_of

pytestmark = pytest.mark.usefixtures("both_executions")


class Raising(Struct, frozen=True):
    """A token whose properties raise, or give what they may not."""

    @property
    def key(self) -> str:
        raise KeyError("no key")

    @property
    def listed(self) -> list[int]:
        return []

    @property
    def rank(self) -> str:
        return "first"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"key": "key"}, "KeyError: 'no key'"),
        ({"key": "listed"}, "TypeError: unhashable type: 'list'"),
        ({"order": "rank"}, "TypeError: order field rank must be an integer, not 'first'"),
    ],
)
def test_a_token_whose_key_or_order_raises_is_set_aside(
    options: dict[str, str], error: str
) -> None:
    """R27: the deposit happens, the place stays empty, the marking lists the fault."""
    net = Net("n")
    place = net.place("odd", Raising, source=True, **options)  # type: ignore[arg-type]
    net.transition("go", [place])
    kernel, log = kernel_of(net)
    inject(kernel, "odd", Raising())
    assert log == [f"fault odd 1 {error}", "inject 0 odd#1"]
    (fault,) = kernel.marking().faulted
    assert (fault.place, fault.serial, fault.error, kernel.count("odd")) == ("odd", 1, error, 0)


def test_a_guard_that_raises_sets_the_token_aside() -> None:
    """R27: the run goes on with the others."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    net.transition("go", [take(jobs, when=lambda job: 1 // job.attempt > 0)])
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a", 0), Job("b"))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 1 go [2]  []"]
    assert [fault.colour for fault in kernel.marking().faulted] == [Job("a", 0)]


def test_a_scan_that_raises_sets_aside_what_was_bound_last() -> None:
    """R27: the last token that the firing would take, not what it holds; then the search starts again."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    hosts = net.place("hosts", Host, source=True)
    first = net.sink("out", Host)
    net.transition("first", [hosts, absent(jobs)], outputs=[put(first)])
    net.transition("go", [jobs, hold(hosts)], scan=choose(boom_if, jobs, hosts))
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"), Job("b"))
    inject(kernel, "hosts", Host("x"))
    log.clear()
    kernel.step(0)
    assert log == [
        "fault jobs 1 ValueError: a",
        "fault jobs 2 ValueError: b",
        "fire 0 1 first [3 -1]  [out#4]",
    ]


def boom_if(job: Job, _host: Host) -> bool:
    raise ValueError(job.host)


def test_a_scan_that_will_raise_is_a_useful_time() -> None:
    """R10, R27: the token is set aside when it becomes ready, and the run then ends as faulted."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True, timed=True, work=True)
    net.transition("go", [jobs], scan=choose(boom, jobs))
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"), ready_at_ns=5)
    assert (kernel.step(0).wake_ns, kernel.ended(0)) == (5, None)
    assert (kernel.step(5).wake_ns, kernel.ended(5)) == (None, "faulted")


@pytest.mark.parametrize("after_ns", [boom, lambda _: -1, lambda _: 1.5, lambda _: True])
def test_a_span_that_is_no_time_is_a_fault(after_ns: Callable[[Any], Any]) -> None:
    """R27: of an output, the token that was taken; of a spend, the token that was spent."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    hosts = net.place("hosts", Host, source=True, timed=True)
    later = net.place("later", Job, timed=True)
    net.transition("go", [jobs], outputs=[put(later, Job.again, jobs, after_ns=after_ns)])
    net.transition("rest", [later, spend(hosts, after_ns=after_ns)])
    net.transition("idle", [net.place("ticks", Job, source=True), spend(hosts, after_ns=after_ns)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    inject(kernel, "hosts", Host("x"))
    inject(kernel, "ticks", Job("t"))
    kernel.step(0)
    faults = kernel.marking().faulted
    assert [(fault.place, fault.serial) for fault in faults] == [("jobs", 1), ("hosts", 2)]
    assert (kernel.count("ticks"), kernel.count("later")) == (0, 0)


def lossy_net(good: Any, lost: Any, *, taken: bool = True) -> Net:
    """An effect whose outputs raise or not."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    lines = net.counter("lines", start=1)
    out = net.sink("out", Job)
    work = net.effect("work", Ok)(jobs)
    net.transition(
        "go",
        [take(jobs) if taken else hold(jobs), hold(lines)],
        effect=work,
        outcomes=[on(Ok, put(out, good, jobs)), on(Lost, put(out, lost, jobs, Lost))],
    )
    return net


def lossy_run(net: Net) -> tuple[Execution, list[str]]:
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    kernel.step(0)
    kernel.started(1, 0)
    log.clear()
    kernel.complete(1, Ok(), 0)
    return kernel, log


def test_an_output_that_raises_makes_the_outcome_lost() -> None:
    """R28: the outputs of `Lost` get the reason, and the line comes back."""

    def why(job: Job, lost: Lost) -> Job:
        return Job(f"{job.host}: {lost.reason}")

    kernel, log = lossy_run(lossy_net(boom, why))
    assert log == ["end 0 1 Lost [out#2]"]
    assert kernel.drain() == [Row("out", Job("a: an output function raised: ValueError: boom"))]
    assert kernel.count("lines") == 1


def test_if_the_outputs_of_lost_raise_too_the_tokens_are_set_aside() -> None:
    """R28: nothing is put, what was held comes back, and the marking lists the token."""
    kernel, log = lossy_run(lossy_net(boom, boom))
    error = "the outputs of Lost raised: ValueError: boom"
    assert log == [f"fault jobs 1 {error}", "end 0 1 Lost []"]
    assert kernel.count("lines") == 1
    assert kernel.marking().faulted[0].error == error


def test_a_firing_that_took_nothing_is_listed_itself() -> None:
    """R28: an error is never lost, even where no token can be set aside."""
    _, log = lossy_run(lossy_net(boom, boom, taken=False))
    assert log == [
        "fault go -1 the outputs of Lost raised: ValueError: boom",
        "end 0 1 Lost [jobs#2]",
    ]


def test_a_key_that_raises_for_a_set_is_a_fault() -> None:
    """R17, R27: the token that put_new made is set aside; the others are put."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    seen = net.set("seen", Raising, key="key")
    out = net.sink("out", Raising)
    net.transition("go", [jobs], outputs=[put_new(seen, out, lambda _: Raising(), jobs)])
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    log.clear()
    kernel.step(0)
    assert log == ["fault out 2 KeyError: 'no key'", "fire 0 1 go [1]  [out#2]"]
    assert (kernel.drain(), kernel.count("seen")) == ([], 0)


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (boom, "ValueError: boom"),
        (lambda _: -1, "TypeError: a number starts as an integer from 0 up, not -1"),
        (lambda _: "2", "TypeError: a number starts as an integer from 0 up, not '2'"),
    ],
)
def test_a_start_that_raises_means_zero(start: Callable[[Any], Any], reason: str) -> None:
    """R29: nothing stops, the token waits, the run is stuck, and explain says why."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True, work=True)
    slots = net.counter("slots", key="host", start=start)
    net.transition("go", [jobs, hold(slots)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    assert kernel.step(0).firings == ()
    assert kernel.ended(0) == "stuck"
    (lack,) = kernel.explain(1, 0)
    assert lack.reason == f"slots for a is at 0: its start raised {reason}"


class Measured(Struct, frozen=True):
    """A token with a key that may be NaN."""

    level: float


def test_a_key_that_is_not_equal_to_itself_is_a_fault() -> None:
    """R27: nothing could ever be found by NaN. So it is neither put, shown, remembered nor forgotten."""
    net = Net("n")
    come = net.place("come", Measured, source=True)
    keyed = net.place("keyed", Measured, key="level", source=True)
    seen, old = (net.set(name, Measured, key="level") for name in ("seen", "old"))
    busy = net.place("busy", Measured, key="level")
    out = net.sink("out", Measured)
    work = net.effect("work", Ok)
    new = put_new(seen, out, lambda one: one, come)
    ends = [on(Ok, new, remove(old, come)), on(Lost)]
    net.transition("work", [come], effect=work(come), outcomes=ends, during=busy)
    net.transition("drop", [keyed], outputs=[put_new(old, out, lambda one: one, keyed)])
    kernel, _ = kernel_of(net)
    inject(kernel, "keyed", Measured(1.0), Measured(float("nan")))
    inject(kernel, "come", Measured(float("nan")))
    (firing,) = kernel.step(0).firings
    kernel.started(firing.id, 0)
    kernel.complete(firing.id, Ok(), 0)
    error = "ValueError: a key must be equal to itself, and nan is not"
    faults = [(fault.place, fault.error) for fault in kernel.marking().faulted]
    assert faults == [(place, error) for place in ("keyed", "busy", "out", "old")]
    assert kernel.marking().sets["seen"] == ()
