"""What always comes after something: proved, refuted by a way that ends, or open where a way goes round."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.analysis import Instance, StateView, leads_to, verify
from scraper_cpn.net import Interpreter, Lost, Net, hold, on, put


class Job(Struct, frozen=True):
    name: str
    attempt: int = 1


class Done(Struct, frozen=True):
    pass


def asked(view: StateView) -> bool:
    """A job waits."""
    return view.count("jobs") > 0


def answered(view: StateView) -> bool:
    """A job is done, or was given up."""
    return view.count("done") + view.count("failed") > 0


def work_net(attempts: int, *, tells: bool = True) -> Net:
    """Jobs are tried so often (0: for ever), and then given up, which is reported or not."""
    net = Net("work")
    jobs = net.place("jobs", Job, source=True, work=True)
    lines = net.counter("lines", start=1)
    done, failed = net.sink("done", Job), net.sink("failed", Job)
    work = net.effect("work", Done)

    def again(job: Job) -> Job | None:
        if not attempts:
            return job
        return None if job.attempt == attempts else Job(job.name, job.attempt + 1)

    def given_up(job: Job) -> Job | None:
        return job if tells and job.attempt == attempts else None

    lost = [put(jobs, again, jobs), put(failed, given_up, jobs)]
    net.transition(
        "work",
        [jobs, hold(lines)],
        effect=work(jobs),
        outcomes=[on(Done, put(done, lambda job: job, jobs)), on(Lost, *lost)],
    )
    return net


ONE = Instance(tokens={"jobs": [Job("a")]}, outcomes={"work": lambda job: [Done()]})


def test_an_answer_always_comes_where_attempts_end() -> None:
    """Every way from a job leads to its end, reported as proved for this instance."""
    (verdict,) = verify(work_net(3), ONE, leads_to(asked, answered)).verdicts
    assert (verdict.claim, verdict.status) == ("asked leads to answered", "proved")
    assert "no firing is revoked for ever" in verdict.assumes


def test_a_way_that_ends_without_the_answer_is_refuted_and_replayed() -> None:
    """A job that is given up silently; the calls lead a kernel there."""
    net = work_net(2, tells=False)
    (verdict,) = verify(net, ONE, leads_to(asked, answered)).verdicts
    assert verdict.status == "refuted"
    kernel = Interpreter(net)
    for name, *given in verdict.calls:
        if name == "inject":
            place: Any = net.places[given[0]]
            kernel.inject(place, given[1], given[2], expires_at_ns=given[3])
        else:
            getattr(kernel, name)(*given)
    assert (kernel.count("jobs"), kernel.count("done"), kernel.count("failed")) == (0, 0, 0)


def test_a_way_that_goes_round_is_open() -> None:
    """A job that is tried for ever: no fairness stops it, and the story is the circle."""
    (verdict,) = verify(work_net(0), ONE, leads_to(asked, answered)).verdicts
    assert verdict.status == "not proved"
    assert "may repeat for ever" in verdict.why
    assert verdict.story


def test_a_cause_that_never_comes_proves_nothing() -> None:
    """As with every property that is never put to the test."""
    (verdict,) = verify(
        work_net(2),
        Instance(outcomes={"work": lambda job: [Done()]}),
        leads_to(asked, answered, claim="jobs end"),
    ).verdicts
    assert (verdict.claim, verdict.status) == ("jobs end", "not proved")
    assert "asked is never true" in verdict.why


@pytest.mark.parametrize(("attempts", "jobs"), [(1, 2), (2, 2), (3, 3)])
def test_it_agrees_with_a_search_of_all_ways(attempts: int, jobs: int) -> None:
    """With several jobs, all of which must end, the verdict is that of the definition."""
    tokens = [Job(str(n)) for n in range(jobs)]
    instance = Instance(tokens={"jobs": tokens}, outcomes={"work": lambda job: [Done()]})

    def all_ended(view: StateView) -> bool:
        return view.count("done") + view.count("failed") == jobs

    def too_many(view: StateView) -> bool:
        return view.count("done") == jobs

    right, wrong = verify(
        work_net(attempts), instance, leads_to(asked, all_ended), leads_to(asked, too_many)
    ).verdicts
    assert (right.status, wrong.status) == ("proved", "refuted")


@pytest.mark.parametrize("manual", [True, False])
def test_what_others_decide_need_not_come(manual: bool) -> None:
    """A job that waits for a person, or for a token from outside, may wait for ever: that it ends is not proved."""
    net = Net("approval")
    jobs, done = net.place("jobs", Job, source=True, work=True), net.sink("done", Job)
    approvals = net.place("approvals", Done, source=True)
    made = put(done, lambda job: job, jobs)
    net.transition("approve", [jobs, approvals], outputs=[made], manual=manual)
    first, later = ([Done()], []) if manual else ([], [Done()])
    instance = Instance({"jobs": [Job("a")], "approvals": first}, {"approvals": later})
    (verdict,) = verify(net, instance, leads_to(asked, answered_once)).verdicts
    assert verdict.status == ("not proved" if manual else "refuted")


def answered_once(view: StateView) -> bool:
    """A job is done."""
    return view.count("done") > 0
