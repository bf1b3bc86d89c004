"""The plan of a compiled net says, as data, what the source then does."""

from __future__ import annotations

from random import Random

from msgspec import Struct

from scraper_cpn.net import Net, absent, compiling_plan, hold, on, put, read, spend, take
from scraper_cpn.net.outputs import Lost
from tests.net.nets import checked_net


class Job(Struct, frozen=True):
    host: str
    rank: int = 0


class Done(Struct, frozen=True):
    pass


def is_urgent(job: Job) -> bool:
    return job.rank < 0


def hosts_net() -> Net:
    """Jobs that need their host, which rests after each; urgent ones keep the others from being filed."""
    net = Net("hosts")
    jobs = net.place("jobs", Job, key="host", order="rank", source=True)
    hosts = net.place("hosts", Job, key="host", timed=True, source=True)
    lines = net.counter("lines", start=2)
    desk = net.place("desk", Job, capacity=2)
    out = net.sink("out", Job)
    net.transition(
        "call",
        [jobs, spend(hosts, after_ns=5), hold(lines)],
        effect=net.effect("call", Done)(jobs),
        outcomes=[on(Done, put(desk, lambda job: job, jobs)), on(Lost)],
    )
    net.transition("file", [desk, absent(jobs, when=is_urgent)], outputs=[put(out)], join=())
    return net


def test_the_plan_of_a_net_is_data() -> None:
    """How places are kept, which joins there are, the order, and what each transition watches."""
    plan = compiling_plan(hosts_net())
    assert {name: found.way for name, found in plan.places.items()} == {
        "jobs": "serials",  # an inhibitor looks at all of them
        "hosts": "records",
        "desk": "queue",
    }
    assert [(each.keys, each.lead.place.name) for each in plan.meetings] == [(("host",), "jobs")]
    assert plan.order == ["call", "file"]
    assert plan.watched("call") == [
        "lines: one comes",
        "desk: a slot becomes free",
        "call_by_host: a key has all that the join needs",
        "its next useful time comes",
    ]
    assert plan.watched("file") == [
        "jobs: a token that passes is_urgent goes",
        "desk: a token comes",
    ]
    assert "hosts: in the records of its keys, wait for their time" in str(plan)


def test_equal_joins_share_their_records_and_equal_looks_an_index() -> None:
    """Two transitions that join alike have one meeting, and two that look alike one index."""
    net = Net("pairs")
    left, right = (net.place(name, Job, key="host", source=True) for name in ("left", "right"))
    loose = net.place("loose", Job, order="rank", source=True)
    for number in range(2):
        net.transition(f"pair{number}", [left, right], priority=number)
        net.transition(f"take{number}", [take(loose, when=is_urgent)])
    plan = compiling_plan(net)
    assert [bin(each.mask) for each in plan.meetings] == ["0b1001"]
    assert [found.name for found in plan.places["loose"].indexes] == ["loose_line_passing_1"]
    assert plan.order == ["pair0", "take0", "take1", "pair1"]


def test_tokens_in_use_and_hands_are_in_the_plan() -> None:
    """A reader that sees tokens in use is tried when one is taken; nothing makes the machine begin by hand."""
    net = Net("desk")
    drafts = net.place("drafts", Job, source=True)
    net.transition("sign", [drafts], manual=True)
    net.transition("see", [read(drafts, include_in_use=True), take(net.counter("n", start=1))])
    plan = compiling_plan(net)
    assert plan.watched("sign") == ["never by itself: a hand begins it"]
    assert plan.watched("see") == ["drafts: a token comes, or is in use", "n: one comes"]


def test_each_transition_watches_what_it_looks_at() -> None:
    """In random nets each transition is planned once, and watches a place, a number or a join that it takes part in."""
    seen = 0
    for seed in range(40):
        built = checked_net(Random(seed))
        if built is None:
            continue
        plan = compiling_plan(built.net)
        assert sorted(plan.order) == sorted(built.net.transitions)
        assert str(plan).count("is tried again when") == len(plan.order)
        for name, transition in built.net.transitions.items():
            places = {arc.place.name for arc in transition.arcs}
            places |= {
                each.name for each in plan.meetings if each.mask >> plan.order.index(name) & 1
            }
            watched = {line.split(":")[0] for line in plan.watched(name)}
            seen += len(watched)
            assert transition.manual or places & watched or not transition.arcs
    assert seen > 200
