"""What may be paged, and the exact line that refuses what may not; and what a paged net keeps in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Interpreter,
    Lost,
    Net,
    NetError,
    absent,
    checked,
    choose,
    compile_net,
    expired,
    hold,
    on,
    put,
    put_new,
    read,
    source,
    spend,
    take,
)
from scraper_cpn.net.compiled.kernel import Compiled
from tests.net.tables import TableShelf


class Job(Struct, frozen=True):
    host: str
    rank: int = 0
    unhinted: Any = None

    @property
    def upper(self) -> str:
        return self.host.upper()

    @property
    def secret(self):  # type: ignore[no-untyped-def]
        return self.host


class Done(Struct, frozen=True):
    pass


def passes(_job: Job) -> bool:
    return True


def paged(net: Net, **options: Any) -> Any:
    """The place `jobs`, paged."""
    return net.place("jobs", Job, **{"key": "host", "source": True, "paged": True, **options})


def joined(net: Net, *arcs: Any, **options: Any) -> None:
    """A transition that takes these beside a slot of their host."""
    net.transition("go", [*arcs, read(net.counter("slots", key="host", start=1))], **options)


def with_during(net: Net) -> None:
    jobs = net.place("jobs", Job, key="host", paged=True)
    other = net.place("other", Job, source=True)
    work = net.effect("work", Done)(other)
    net.transition("go", [other], effect=work, outcomes=[on(Done), on(Lost)], during=jobs)
    net.transition("look", [net.place("more", Job, key="host", source=True), read(jobs)])


def with_set(net: Net, key: str | tuple[str, ...]) -> None:
    jobs = net.place("jobs", Job, key="host", source=True)
    seen = net.set("seen", Job, key=key, paged=True)
    out = net.sink("out", Job)
    net.transition("go", [jobs], outputs=[put_new(seen, out, lambda job: job, jobs)])


BEYOND = "of transition go looks beyond its first tokens; take, spend, hold or read one token, without include_waiting, when, scan or manual"
WITHOUT = "is paged, and so can't expire or have a capacity; declare it without"
BY_TIME = "is paged and timed, so that its tokens go in the order of their times; declare it without key and order, or without timed=True"


def with_end(net: Net) -> None:
    jobs = paged(net, expires=True)
    joined(net, jobs)
    net.transition("end", [expired(jobs)])


def with_absence(net: Net) -> None:
    other = net.place("other", Job, key="host", source=True)
    joined(net, other, absent(paged(net)))


def with_scan(net: Net) -> None:
    jobs = paged(net)
    joined(net, jobs, scan=choose(passes, jobs))


REFUSED: list[tuple[str, Callable[[Net], object]]] = [
    ("jobs: is paged and has no key; give it one", lambda n: joined(n, paged(n, key=()))),
    (
        "jobs: is paged, but transition go does not join it on its key; add an input with that key",
        lambda n: joined(n, paged(n, key=("host", "rank"))),
    ),
    (
        "jobs: is paged and has 3 order fields; give it at most two",
        lambda n: joined(n, paged(n, order=("rank", "rank", "rank"))),
    ),
    (f"jobs: {WITHOUT}", lambda n: joined(n, paged(n, capacity=3))),
    (f"jobs: {BY_TIME}", lambda n: joined(n, paged(n, timed=True))),
    (f"jobs: {BY_TIME}", lambda n: joined(n, paged(n, key=(), order="rank", timed=True))),
    (
        f"jobs: is paged, but take(jobs) {BEYOND}",
        lambda n: n.transition("go", [take(paged(n, key=(), timed=True), 2)]),
    ),
    (f"jobs: {WITHOUT}", with_end),
    (
        "jobs: is paged, but transition go shows its firings there; take paged=True away",
        with_during,
    ),
    (
        "jobs: is paged, but transition go does not join it on its key; add an input with that key",
        lambda n: n.transition("go", [paged(n)]),
    ),
    (f"jobs: is paged, but take(jobs) {BEYOND}", lambda n: joined(n, take(paged(n), when=passes))),
    (f"jobs: is paged, but take(jobs) {BEYOND}", with_scan),
    (
        f"jobs: is paged, but take(jobs) {BEYOND}",
        lambda n: joined(n, take(paged(n, timed=True), include_waiting=True)),
    ),
    (f"jobs: is paged, but absent(jobs) {BEYOND}", with_absence),
    ("seen: is paged and has 2 keys; give it one", lambda n: with_set(n, ("host", "rank"))),
    *(
        (
            f"seen: is paged, but its key {key} is not annotated as str; use such a key",
            lambda n, key=key: with_set(n, key),
        )
        for key in ("rank", "untold", "secret")
    ),
    ("seen: a set needs a key; name a field of its colour", lambda n: with_set(n, ())),
]


@pytest.mark.parametrize(("line", "spoil"), REFUSED)
def test_what_can_not_be_paged_is_refused(line: str, spoil: Callable[[Net], object]) -> None:
    """R34: the line names the place, who wants too much of it, and what is allowed."""
    net = Net("n")
    spoil(net)
    with pytest.raises(NetError) as caught:
        checked(net)
    assert f"net n, place {line}" in caught.value.problems


@pytest.mark.parametrize("kind", [take, hold, spend, read])
@pytest.mark.parametrize("order", [(), "rank", ("rank", "rank")])
def test_what_asks_for_first_tokens_may_be_paged(kind: Any, order: Any) -> None:
    """Joined on its key, with up to two order fields, beside a set whose key is a property."""
    net = Net("n")
    jobs = paged(net, order=order)
    more = net.place("more", Job, key="host", source=True)
    seen = net.set("seen", Job, key="upper", paged=True)
    again = put_new(seen, jobs, lambda job: job, more)
    net.transition("go", [more, kind(jobs)], outputs=[again])
    assert checked(net) is net
    assert "Pages('jobs'" in source(net)


@pytest.mark.parametrize("kind", [take, hold, spend, read])
def test_a_timed_place_without_key_may_be_paged(kind: Any) -> None:
    """Beside any other inputs."""
    net = Net("n")
    jobs = paged(net, key=(), timed=True)
    more = net.place("more", Job, key="host", source=True)
    net.transition("go", [more, kind(jobs)])
    assert checked(net) is net
    assert "PagedTimes('jobs'" in source(net)


@pytest.mark.parametrize("execution", [Interpreter, compile_net])
def test_tokens_of_a_timed_paged_place_go_in_the_order_of_their_times(execution: Any) -> None:
    """Whichever came first; those of one time by age. The next useful time is that of the first one."""
    net = Net("n")
    jobs = paged(net, key=(), timed=True)
    net.transition("go", [jobs], outputs=[put(net.sink("out", Job))])
    kernel = execution(net)
    for number in range(1_000):
        kernel.inject(jobs, Job("a", number), 0, ready_at_ns=10 + 7 * number % 500)
    assert kernel.step(0).wake_ns == 10
    assert kernel.step(10).wake_ns == 11
    kernel.step(600)
    came = [row.colour.rank for row in kernel.drain()]
    assert came == sorted(range(1_000), key=lambda number: (7 * number % 500, number))


def small_net() -> Net:
    """Jobs that wait for a permit of their host, and the hosts seen."""
    net = Net("n")
    found = net.place("found", Job, source=True)
    jobs = net.place("jobs", Job, key="host", order="rank", paged=True)
    permits = net.place("permits", Job, key="host", source=True)
    seen = net.set("seen", Job, key="host", paged=True)
    work = net.effect("work", Done)(jobs)
    net.transition(
        "keep", [found], outputs=[put(jobs), put_new(seen, net.sink("new", Job), same, found)]
    )
    net.transition(
        "go", [jobs, permits], effect=work, outcomes=[on(Done), on(Lost, put(jobs, same, jobs))]
    )
    return net  # fmt: skip


def same(job: Job) -> Job:
    return job


def test_a_kernel_with_a_shelf_goes_on_from_what_the_shelf_has() -> None:
    """Keys and their first turns are enough, and the keys of sets; nothing is read before it is taken."""
    net, table = small_net(), TableShelf()
    places: dict[str, Any] = dict(net.places)
    rows = [("jobs", "a", (rank, 0), rank + 1, Job("a", rank)) for rank in range(3)]
    table.commit([*rows, ("jobs", "b", (9, 0), 4, Job("b", 9))], ())
    empty = compile_net(net).marking()
    marking = type(empty)(
        **{**{f: getattr(empty, f) for f in empty.__struct_fields__}, "next_serial": 5}
    )
    cold = [("jobs", "a", 3, (0, 0), 1), ("jobs", "b", 1, (9, 0), 4)]
    kernel = Compiled.load(net, marking, shelf=table, cold=cold, keys={"seen": ["a", "b"]})
    assert (kernel.count("jobs"), kernel.count("seen"), table.reads) == (4, 2, [])
    for host in "ac":
        kernel.inject(places["found"], Job(host), now_ns=0)
    assert kernel.step(now_ns=0).firings == ()
    assert [row.colour.host for row in kernel.drain()] == ["c"]
    assert (kernel.count("jobs"), kernel.count("seen"), table.reads) == (6, 3, [])
    kernel.inject(places["permits"], Job("a"), now_ns=0)
    assert [firing.args for firing in kernel.step(now_ns=0).firings] == [(Job("a", 0),)]
    assert table.reads == ["a"]
    assert kernel.marking().sets == {"seen": ()}
    assert kernel.ended(now_ns=0) is None


def test_a_set_that_lists_no_keys_still_explains() -> None:
    """What a token lacks is found in the fingerprints, which no marking shows."""
    net = Net("n")
    found = net.place("found", Job, source=True)
    late = net.place("late", Job, key="host", source=True)
    seen = net.set("seen", Job, key="host", paged=True)
    net.transition("meet", [found], outputs=[put_new(seen, net.sink("new", Job), same, found)])
    net.transition("go", [late, absent(seen)])
    kernel = compile_net(net, shelf=TableShelf())
    kernel.inject(found, Job("a"), now_ns=0)
    kernel.step(now_ns=0)
    for host in "ab":
        kernel.inject(late, Job(host), now_ns=0)
    first, second = (token.serial for token in kernel.marking().tokens)
    assert kernel.marking().sets == {"seen": ()}
    assert [lack.reason for lack in kernel.explain(first, now_ns=0)] == [
        "seen has it already for a"
    ]
    assert "is enabled" in kernel.explain(second, now_ns=0)[0].reason


def test_what_a_firing_holds_is_not_given_again() -> None:
    """A table still lists the token of a firing that was in flight when it was saved."""
    net, table = small_net(), TableShelf()
    places: dict[str, Any] = dict(net.places)
    kernel = compile_net(net)
    kernel.inject(places["found"], Job("a", 1), now_ns=0)
    kernel.inject(places["permits"], Job("a"), now_ns=0)
    (firing,) = kernel.step(now_ns=0).firings
    marking = kernel.marking()
    table.commit([("jobs", "a", (1, 0), 3, Job("a", 1))], ())
    loaded = Compiled.load(net, marking, shelf=table)
    assert loaded.marking().tokens == ()
    loaded.revoke(firing.id)
    assert [token.colour for token in loaded.marking().tokens] == [Job("a", 1), Job("a")]
