"""Ready, early, expired, useful, ended; in both executions."""

from typing import Any

import pytest

from scraper_cpn.net import (
    Net,
    NetError,
    expired,
    put,
    read,
    take,
)
from scraper_cpn.net.places import Place
from tests.net.ping import Down, Host, Job, ping_net
from tests.net.running import inject, kernel_of

pytestmark = pytest.mark.usefixtures("both_executions")


def test_a_token_waits_until_it_is_ready() -> None:
    """R8, R10: nothing sees it before; the step says when it will be useful, and it is."""
    kernel, log = kernel_of(ping_net())
    inject(kernel, "hosts", Host("a"), ready_at_ns=7)
    inject(kernel, "jobs", Job("a"), ready_at_ns=5)
    log.clear()
    assert kernel.step(0).wake_ns == 7
    assert kernel.step(6).firings == ()
    assert [firing.effect for firing in kernel.step(7).firings] == ["ping"]
    assert log == ["begin 7 1 call [2 -1 1]"]


def test_an_early_token_put_back_stays_unready() -> None:
    """R8: a penalty takes a resting host early; the host rests on, or longer if that is longer."""
    for wait_ns, ready_at_ns in ((3, 9), (20, 21)):
        net = Net("n")
        jobs = net.place("jobs", Job, key="host", source=True)
        hosts = net.place("hosts", Host, key="host", timed=True, source=True)
        held = put(hosts, lambda host: host, hosts, after_ns=wait_ns)
        net.transition("penalise", [jobs, take(hosts, include_waiting=True)], outputs=[held])
        kernel, log = kernel_of(net)
        inject(kernel, "hosts", Host("a"), ready_at_ns=9)
        inject(kernel, "jobs", Job("a"), now_ns=1)
        log.clear()
        kernel.step(1)
        assert log == [f"fire 1 1 penalise [2 1]  [hosts#3@{ready_at_ns}]"]


def expiring() -> tuple[Net, Place[Job]]:
    """Jobs that expire into a sink, and a transition that takes them before."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True, expires=True, timed=True, capacity=1)
    late, out = net.sink("late", Job), net.sink("out", Job)
    net.transition("expire", [expired(jobs)], outputs=[put(late)])
    net.transition("use", [jobs], outputs=[put(out)], priority=-1)
    return net, jobs


def test_a_token_whose_time_has_passed_is_seen_by_expired_alone() -> None:
    """R9, R10: the end of a token is a useful time, and then only `expired` takes it."""
    net, jobs = expiring()
    kernel, log = kernel_of(net)
    kernel.inject(jobs, Job("a"), 0, ready_at_ns=5, expires_at_ns=5)
    log.clear()
    assert kernel.step(0).wake_ns == 5
    kernel.step(5)
    assert log == ["fire 5 1 expire [1]  [late#2]"]


def test_an_expired_token_keeps_its_slot() -> None:
    """R9, R23: until it is taken away, nothing else fits."""
    net, jobs = expiring()
    kernel, _ = kernel_of(net)
    kernel.inject(jobs, Job("a"), 0, expires_at_ns=5)
    with pytest.raises(NetError, match="is full"):
        kernel.inject(jobs, Job("b"), 6)
    kernel.step(6)
    kernel.inject(jobs, Job("b"), 6)


def test_an_output_says_how_long_its_token_lasts() -> None:
    """R9: `lasts_ns` counts from the deposit; a token put back where it was taken keeps its end."""
    for lasts_ns, ends in ((4, 7), (lambda _job: 5, 8), (None, 50)):
        net = Net("n")
        jobs = net.place("jobs", Job, source=True, expires=True, timed=True)
        net.transition("expire", [expired(jobs)])
        again = put(jobs, Job.again, jobs, after_ns=10, lasts_ns=lasts_ns)
        net.transition("retry", [jobs], outputs=[again])
        kernel, _ = kernel_of(net)
        kernel.inject(jobs, Job("a"), 0, expires_at_ns=50)
        kernel.step(3)
        (token,) = kernel.marking().tokens
        assert (token.colour.attempt, token.ready_at_ns, token.expires_at_ns) == (2, 13, ends)


def test_a_step_has_a_limit() -> None:
    """R10: a step that reached its limit says its own time, and the next goes on."""
    kernel, _ = kernel_of(ping_net(lines=5))
    inject(kernel, "hosts", Host("a"), Host("b"))
    inject(kernel, "jobs", Job("a"), Job("b"))
    first, second = kernel.step(4, limit=1), kernel.step(4)
    assert [len(first.firings), first.wake_ns] == [1, 4]
    assert [len(second.firings), second.wake_ns] == [1, None]


def budget_net(*, keyed: bool = False) -> Net:
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True, work=True, timed=True)
    start: Any = (lambda _: 1) if keyed else 1
    pages = net.counter("pages", start=start, budget=True, key="host" if keyed else ())
    net.transition("go", [jobs, take(pages)])
    return net


def test_a_run_ends_finished_spent_or_stuck() -> None:
    """R30: no work; work and no budget; work and nothing that will ever move it."""
    for keyed in (False, True):
        kernel, _ = kernel_of(budget_net(keyed=keyed))
        assert kernel.ended(0) == "finished"
        inject(kernel, "jobs", Job("a"), Job("a"))
        assert kernel.ended(0) is None
        kernel.step(0)
        assert kernel.ended(0) == "spent"
    kernel, _ = kernel_of(ping_net())
    inject(kernel, "jobs", Job("nowhere"))
    assert (kernel.step(0).wake_ns, kernel.ended(0)) == (None, "stuck")


@pytest.mark.parametrize("many", [False, True])
def test_the_end_of_a_budget_may_wait_for_what_is_under_way(many: bool) -> None:
    """R30: while the place has tokens and something can happen later; other budgets end the run at once."""
    net = Net("n", run="host") if many else Net("n")
    jobs = net.place("jobs", Job, key="host", source=True, work=True)
    waits = net.place("waits", Job, key="host", timed=True, work=True)
    pages = net.counter("pages", start=1, budget=True, unless=waits)
    gate = net.place("gate", Host, source=True, budget=True)
    net.transition("go", [jobs, take(pages), read(gate)], outputs=[put(waits, after_ns=5)])
    net.transition("end", [waits, read(gate)])
    net.transition("close", [take(gate), take(net.place("stop", Host, key="host", source=True))])
    kernel, _ = kernel_of(net)

    def ended(now_ns: int) -> str | None:
        return kernel.ended(now_ns, run="a") if many else kernel.ended(now_ns)

    inject(kernel, "gate", Host("a"))
    inject(kernel, "jobs", Job("a"), Job("a"))
    assert kernel.step(0).wake_ns == 5
    assert ended(0) is None
    kernel.step(5)
    assert ended(5) == "spent"
    kernel, _ = kernel_of(net)
    inject(kernel, "gate", Host("a"))
    inject(kernel, "jobs", Job("a"), Job("a"))
    kernel.step(0)
    inject(kernel, "stop", Host("a"))
    kernel.step(1)
    assert ended(1) == "spent"


def test_a_run_has_not_ended_while_something_is_in_flight_or_due() -> None:
    """R30: a firing, or a token that will be ready, may still bring work."""
    kernel, _ = kernel_of(ping_net())
    inject(kernel, "hosts", Host("a"))
    inject(kernel, "jobs", Job("a"))
    kernel.step(0)
    assert kernel.ended(0) is None
    kernel.started(1, 0)
    kernel.complete(1, Down(), 1)
    assert kernel.ended(1) is None


def test_a_token_that_expires_tomorrow_keeps_no_run_alive() -> None:
    """R30: finished and spent do not wait for a useful time."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True, work=True)
    gate = net.place("gate", Host, source=True, expires=True, budget=True)
    net.transition("go", [jobs, read(gate)])
    net.transition("close", [expired(gate)])
    kernel, _ = kernel_of(net)
    inject(kernel, "gate", Host("open"), expires_at_ns=9)
    assert kernel.ended(0) == "finished"
    kernel.step(9)
    inject(kernel, "jobs", Job("a"), now_ns=9)
    assert kernel.ended(9) == "spent"
