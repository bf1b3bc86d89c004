"""What both executions and the checks read out of a declaration."""

import pytest
from msgspec import Struct

from scraper_cpn.net import Lost, Net, absent, choose, hold, on, plan, put, read, spend, take
from scraper_cpn.net.plan import OUTCOME, JoinGroup
from tests.net.ping import Down, Host, Job, Ok


class Wide(Struct, frozen=True):
    host: str
    run: str


class Bench:
    """One transition that has everything: two join groups, numbers, an absence, bounded outputs."""

    def __init__(self) -> None:
        self.net = Net("n")
        self.wide = self.net.place("wide", Wide, key=("run", "host"), source=True)
        self.hosts = self.net.place("hosts", Host, key="host", source=True, capacity=9)
        self.lines = self.net.counter("lines", start=1)
        self.runs = self.net.counter("runs", start=len, key="run")
        self.other = self.net.place("other", Job, key="attempt", source=True)
        self.shown = self.net.place("shown", Job, key="attempt")
        self.small = self.net.place("small", Job, capacity=3, source=True)
        self.out = self.net.sink("out", Ok)
        work = self.net.effect("work", Ok | Down)(self.wide)
        self.go = self.net.transition(
            "go",
            [
                self.wide, spend(self.hosts), hold(self.lines), hold(self.runs),
                self.other, absent(self.shown), take(self.small),
            ],
            effect=work,
            outcomes=[
                on(Ok, put(self.out), put(self.small), put(self.small)),
                on(Down, put(self.small, Job.again, self.other), put(self.lines)),
                on(Lost, put(self.small), put(self.small), put(self.small)),
            ],
        )  # fmt: skip


def test_keys_that_two_inputs_share_are_joined() -> None:
    """R1: in the order of each place's declaration."""
    bench = Bench()
    assert plan.joined(bench.go) == {"host", "run", "attempt"}
    names = [("run", "host"), ("host",), (), ("run",), ("attempt",), ("attempt",), ()]
    assert plan.arc_keys(bench.go) == names


def test_inputs_that_share_keys_form_groups() -> None:
    """R1: unrelated inputs are groups of their own; a group of numbers alone has no lead."""
    assert plan.groups(Bench().go) == [
        JoinGroup(0, (0, 1, 3), ("run", "host")),
        JoinGroup(None, (2,), ()),
        JoinGroup(4, (4, 5), ("attempt",)),
        JoinGroup(6, (6,), ()),
    ]


def test_transitions_are_ordered_by_priority_then_declaration() -> None:
    """R5: the order in which they are tried."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    for name, priority in (("a", 1), ("b", 0), ("c", -1), ("d", 0)):
        net.transition(name, [jobs], priority=priority)
    assert [transition.name for transition in plan.ordered(net)] == ["c", "b", "d", "a"]


def test_slots_are_what_the_greediest_outcome_may_fill() -> None:
    """R24: three at most, one of which is the input's own; a spent token's slot is free once started."""
    bench = Bench()
    assert plan.slots(bench.go) == {"small": 2}
    assert [plan.occupies(bench.go, bench.small, started=started) for started in (False, True)] == [
        3,
        3,
    ]
    assert [plan.occupies(bench.go, bench.hosts, started=started) for started in (False, True)] == [
        1,
        0,
    ]


def test_outputs_know_what_they_are_made_from() -> None:
    """R14: the outcome, one input, or a function's sources; None where it can't be determined."""
    bench = Bench()
    ok, down, lost = bench.go.outcomes
    assert plan.made_from(bench.go, ok, ok.outputs[0]) == (OUTCOME,)
    assert plan.made_from(bench.go, down, down.outputs[0]) == (4,)
    assert plan.made_from(bench.go, down, down.outputs[1]) == ()
    assert plan.made_from(bench.go, lost, lost.outputs[0]) is None
    both = put(bench.small, lambda job, end: job, bench.other, Lost)
    assert plan.made_from(bench.go, lost, both) == (4, OUTCOME)
    assert plan.made_from(bench.go, ok, both) is None
    read_only = put(bench.small, lambda job: job, bench.shown)
    assert plan.made_from(bench.go, ok, read_only) is None


def test_cases_are_found_by_the_exact_type() -> None:
    """R12: a type that is no outcome has none."""
    bench = Bench()
    assert plan.case_of(bench.go, Down) is bench.go.outcomes[1]
    assert plan.case_of(bench.go, Job) is None
    assert plan.lost(bench.go) is bench.go.outcomes[2]


def test_only_a_checked_net_is_sure_to_wire_lost() -> None:
    """R12: asking an unchecked one is our bug."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    plain = net.transition("go", [jobs])
    with pytest.raises(AssertionError, match="unreachable: a checked effect wires Lost"):
        plan.lost(plain)


def test_guards_of_a_place_come_in_the_order_of_declaration() -> None:
    """R4: of all transitions that take from it."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    guards = [lambda job: job.attempt > 1, lambda job: job.attempt > 2]
    for number, guard in enumerate(guards):
        net.transition(f"t{number}", [take(jobs, when=guard)])
    net.transition("t2", [read(jobs)], choice=choose(lambda job: job, jobs))
    assert plan.guards(net, jobs) == guards
