"""What is bound with what, and in which order; in both executions."""

from typing import Any

import pytest

from scraper_cpn.net import (
    Net,
    Row,
    absent,
    choose,
    put,
    put_new,
    read,
    take,
)
from tests.net.ping import Host, Job, ping_net
from tests.net.running import Pair, inject, kernel_of, one_step

pytestmark = pytest.mark.usefixtures("both_executions")


def test_inputs_agree_on_keys_of_the_same_name() -> None:
    """R1: a job takes the token of its own host."""
    kernel, log = kernel_of(ping_net())
    inject(kernel, "hosts", Host("a"), Host("b"))
    inject(kernel, "jobs", Job("b"))
    log.clear()
    assert kernel.step(0).firings[0].args == (Job("b"),)
    assert log == ["begin 0 1 call [3 -1 2]"]


def test_a_composite_key_is_joined_name_by_name() -> None:
    """R1: a pair joins one place on its host and another on its path."""
    net = Net("n")
    pairs = net.place("pairs", Pair, key=("host", "path"), source=True)
    hosts = net.place("hosts", Host, key="host", source=True)
    slots = net.counter("slots", key=("host", "path"), start=lambda key: int(key == ("b", "/")))
    tokens = {"pairs": [Pair("a", "/"), Pair("b", "/x"), Pair("b", "/")], "hosts": [Host("b")]}
    assert one_step(pairs, take(hosts), take(slots), net=net, tokens=tokens) == [
        "fire 0 1 go [3 4 -1]  [out#5]"
    ]


def test_an_input_with_its_own_key_alone_is_not_joined_where_that_is_declared() -> None:
    """R1: with `join=()`, any tokens go together."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="attempt", source=True)
    hosts = net.place("hosts", Host, key="host", source=True)
    tokens = {"jobs": [Job("a")], "hosts": [Host("b")]}
    events = one_step(jobs, hosts, net=net, tokens=tokens, join=())
    assert events == ["fire 0 1 go [1 2]  [out#3]"]


def test_the_search_finds_the_one_combination_that_fits() -> None:
    """R2: only the last job of the first place fits the last of the second."""
    net = Net("n")
    jobs = net.place("jobs", Pair, key=("host", "path"), source=True)
    more = net.place("more", Pair, key=("host", "path"), source=True)
    tokens = {
        "jobs": [Pair("a", "1"), Pair("b", "2"), Pair("c", "3")],
        "more": [Pair("a", "2"), Pair("b", "1"), Pair("c", "3")],
    }
    assert one_step(jobs, more, net=net, tokens=tokens) == ["fire 0 1 go [3 6]  [out#7]"]


def test_read_needs_a_token_and_leaves_it() -> None:
    """R3: a host that is read stays; without it, nothing fires."""
    for hosts, events in (([Host("a")], ["fire 0 1 go [2 1]  [out#3]"]), ([Host("b")], [])):
        net = Net("n")
        jobs = net.place("jobs", Job, key="host", source=True)
        place = net.place("hosts", Host, key="host", source=True)
        tokens: dict[str, list[Any]] = {"hosts": hosts, "jobs": [Job("a")]}
        assert one_step(jobs, read(place), net=net, tokens=tokens) == events


def test_absent_sees_waiting_tokens() -> None:
    """R3: a host that is not ready yet is there; one of another key is not."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True)
    hosts = net.place("hosts", Host, key="host", timed=True, source=True)
    out = net.sink("out", Job)
    net.transition("go", [jobs, absent(hosts)], outputs=[put(out)])
    kernel, log = kernel_of(net)
    inject(kernel, "hosts", Host("a"), ready_at_ns=9)
    inject(kernel, "jobs", Job("a"), Job("b"))
    log.clear()
    assert kernel.step(0).wake_ns is None
    assert log == ["fire 0 1 go [3 -1]  [out#4]"]


def test_absent_and_read_ask_a_set() -> None:
    """R3: a set says whether it has the key of the binding."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True)
    known = net.place("known", Job, key="host", source=True)
    seen = net.set("seen", Job, key="host")
    copies = net.place("copies", Job)
    new, old = net.sink("new", Job), net.sink("old", Job)
    net.transition("learn", [known], outputs=[put_new(seen, copies, lambda job: job, known)])
    net.transition("drop", [copies])
    net.transition("fresh", [jobs, absent(seen)], outputs=[put(new)])
    net.transition("stale", [jobs, read(seen)], outputs=[put(old)])
    kernel, _ = kernel_of(net)
    inject(kernel, "known", Job("a"))
    inject(kernel, "jobs", Job("a"), Job("b"))
    kernel.step(0)
    assert kernel.drain() == [Row("new", Job("b")), Row("old", Job("a"))]
    assert (kernel.count("seen"), kernel.count("new")) == (1, 1)


def test_a_number_is_taken_one_at_a_time() -> None:
    """R3, R25: a number that is taken shrinks to 0, one that is read only has to be above 0."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    money = net.counter("money", start=2)
    out = net.sink("out", Job)
    net.transition(
        "spare", [jobs, take(money), read(net.counter("on", start=1))], outputs=[put(out)]
    )
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", *[Job("a")] * 3)
    kernel.step(0)
    assert (kernel.count("money"), kernel.count("on"), kernel.count("jobs")) == (0, 1, 1)


def test_a_guard_on_one_token_runs_once() -> None:
    """R4: `when` is asked at the deposit, and only then."""
    asked: list[Job] = []

    def odd(job: Job) -> bool:
        asked.append(job)
        return job.attempt % 2 == 1

    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    out = net.sink("out", Job)
    net.transition("go", [take(jobs, when=odd)], outputs=[put(out)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a", 2), Job("a", 1))
    kernel.step(0)
    kernel.step(1)
    assert asked == [Job("a", 2), Job("a", 1)]
    assert (kernel.count("jobs"), kernel.count("out")) == (1, 1)


def test_a_scan_tries_every_combination() -> None:
    """R4: a guard over two tokens finds the only two that agree."""

    def fits(job: Job, host: Host) -> bool:
        return (job.host, host.host) == ("b", "d")

    net = Net("n")
    jobs, hosts = net.place("jobs", Job, source=True), net.place("hosts", Host, source=True)
    tokens = {"jobs": [Job("a"), Job("b")], "hosts": [Host("c"), Host("d")]}
    events = one_step(jobs, hosts, net=net, tokens=tokens, scan=choose(fits, jobs, hosts))
    assert events == ["fire 0 1 go [2 4]  [out#5]"]


def racing(*priorities: int) -> list[str]:
    """Which transition, each on its own place, fires when."""
    net = Net("n")
    out = net.sink("out", Job)
    places = []
    for number, priority in enumerate(priorities):
        places.append(net.place(f"p{number}", Job, source=True))
        net.transition(f"t{number}", [places[-1]], outputs=[put(out)], priority=priority)
    kernel, log = kernel_of(net)
    for place in places:
        kernel.inject(place, Job("a"), 0)
        kernel.inject(place, Job("a"), 0)
    log.clear()
    kernel.step(0)
    return [line.split()[3] for line in log]


def test_transitions_go_by_priority_then_as_declared() -> None:
    """R5: the lower priority first, and among equals the one declared first."""
    assert racing(0, 0) == ["t0", "t0", "t1", "t1"]
    assert racing(1, 0) == ["t1", "t1", "t0", "t0"]
    assert racing(0, 2, -1) == ["t2", "t2", "t0", "t0", "t1", "t1"]


def test_the_search_starts_at_the_top_after_every_firing() -> None:
    """R5: what the first firing put is taken before the second token of its own transition."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    middle = net.place("middle", Job)
    out = net.sink("out", Job)
    net.transition("late", [middle], outputs=[put(out)])
    net.transition("early", [jobs], outputs=[put(middle)])
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"), Job("b"))
    log.clear()
    kernel.step(0)
    assert [line.split()[3] for line in log] == ["early", "late", "early", "late"]


def test_bindings_are_ordered_over_the_inputs_as_declared() -> None:
    """R6: the first input decides by its order field, then age; the second only among its equals."""
    net = Net("n")
    jobs = net.place("jobs", Job, order="attempt", source=True)
    hosts = net.place("hosts", Host, source=True)
    tokens = {"jobs": [Job("a", 2), Job("b", 1), Job("c", 1)], "hosts": [Host("x"), Host("y")]}
    assert one_step(jobs, hosts, net=net, tokens=tokens) == [
        "fire 0 1 go [2 4]  [out#6]",
        "fire 0 2 go [3 5]  [out#7]",
    ]


def test_the_order_of_arrival_is_none_of_the_hash() -> None:
    """R6: without an order field, the oldest token goes first."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    tokens = {"jobs": [Job(host) for host in "qwerty"]}
    events = one_step(jobs, net=net, tokens=tokens)
    assert [line.split()[4] for line in events] == [f"[{serial}]" for serial in range(1, 7)]


@pytest.mark.parametrize("paged", [False, True])
def test_what_waits_for_a_key_of_a_set_goes_when_the_set_has_it(paged: bool) -> None:
    """R2, R3: a job that has been tried in vain goes once its host is seen."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True)
    met = net.place("met", Job, key="host", source=True)
    seen = net.set("seen", Job, key="host", paged=paged)
    log, done = net.sink("log", Job), net.sink("done", Job)
    net.transition("meet", [met], outputs=[put_new(seen, log, lambda job: job, met)])
    net.transition("go", [jobs, read(seen)], outputs=[put(done)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"), Job("b"))
    kernel.step(0)
    assert kernel.drain() == []
    inject(kernel, "met", Job("b"), Job("b"))
    kernel.step(0)
    assert kernel.drain() == [Row("log", Job("b")), Row("done", Job("b"))]
