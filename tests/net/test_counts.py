"""Arcs that bind several tokens, thresholds, guards on every arc, tokens in use; in both executions."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Lost,
    Marking,
    Net,
    NetError,
    absent,
    expired,
    hold,
    on,
    put,
    put_new,
    read,
    remove,
    spend,
    take,
    thaw,
)
from tests.net.ping import Host, Job, Ok
from tests.net.running import boom, inject, kernel_of

pytestmark = pytest.mark.usefixtures("both_executions")


class Run(Struct, frozen=True):
    """Needs so many parts."""

    host: str
    needs: int = 1


def net_of(*arcs: Any, net: Net, make: Any = None, **options: Any) -> Net:
    """The net with a transition `go` that puts what its first arc binds into the sink `out`."""
    out = net.sink("out", object)
    lead = arcs[0]
    net.transition("go", arcs, outputs=[put(out, make or (lambda bound: bound), lead)], **options)
    return net


def test_a_count_takes_so_many_tokens_or_none() -> None:
    """R40: three of five go together, in their order; two are too few."""
    net = Net("n")
    parts = net.place("parts", Job, source=True)
    kernel, log = kernel_of(net_of(take(parts, 3), net=net))
    inject(kernel, "parts", *(Job("a", n) for n in range(5)))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 1 go [[1 2 3]]  [out#6]"]
    assert [row.colour for row in kernel.drain()] == [(Job("a", 0), Job("a", 1), Job("a", 2))]
    inject(kernel, "parts", Job("b"))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 2 go [[4 5 7]]  [out#8]"]


def test_a_count_may_follow_from_the_key() -> None:
    """R40: each run takes as many parts of its host as the function says of the host."""
    net = Net("n")
    runs = net.place("runs", Run, key="host", source=True)
    parts = net.place("parts", Job, key="host", source=True)
    kernel, log = kernel_of(net_of(runs, take(parts, len), net=net))
    inject(kernel, "runs", Run("aaa"), Run("b"))
    inject(kernel, "parts", Job("aaa"), Job("aaa"), Job("b"))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 1 go [2 [5]]  [out#6]"]
    inject(kernel, "parts", Job("aaa"))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 2 go [1 [3 4 7]]  [out#8]"]


@pytest.mark.parametrize("count", [lambda _: 0, lambda _: "two", lambda key: key.nothing])
def test_a_count_that_is_no_number_is_never_reached_and_explained(count: Any) -> None:
    """R40: nothing fires, and `explain` says why."""
    net = Net("n")
    runs = net.place("runs", Run, key="host", source=True)
    parts = net.place("parts", Job, key="host", source=True)
    kernel, _ = kernel_of(net_of(runs, take(parts, count), net=net))
    inject(kernel, "runs", Run("a"))
    inject(kernel, "parts", Job("a"))
    assert kernel.step(0).wake_ns is None
    (lack,) = kernel.explain(1, 0)
    assert lack.reason == "the count of take(parts) for a is no number from 1 up"


def test_several_tokens_wait_until_the_last_of_them_is_ready() -> None:
    """R10, R40: the next useful time is that of the last token that is needed."""
    net = Net("n")
    parts = net.place("parts", Job, source=True, timed=True)
    kernel, log = kernel_of(net_of(take(parts, 2), net=net))
    inject(kernel, "parts", Job("a"), ready_at_ns=9)
    inject(kernel, "parts", Job("b"), ready_at_ns=5)
    inject(kernel, "parts", Job("c"), ready_at_ns=7)
    assert kernel.step(0).wake_ns == 7
    (lack,) = kernel.explain(2, 6)
    assert (lack.reason, lack.until_ns) == ("it is not ready in parts", 5) or lack.until_ns == 7
    log.clear()
    kernel.step(7)
    assert log == ["fire 7 1 go [[2 3]]  [out#4]"]


def test_all_takes_every_token_of_the_key() -> None:
    """R41: as many as there are, at least one unless none is fine, too."""
    net = Net("n")
    runs = net.place("runs", Run, key="host", source=True)
    parts = net.place("parts", Job, key="host", source=True)
    more = net.place("more", Host, source=True)
    taking = [runs, take(parts, all=True), take(more, all=True, at_least=0)]
    kernel, log = kernel_of(net_of(*taking, net=net))
    inject(kernel, "runs", Run("a"), Run("b"))
    inject(kernel, "parts", Job("b", 1), Job("b", 2), Job("c"))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 1 go [2 [3 4] []]  [out#6]"]
    assert [kernel.count("parts"), kernel.count("runs")] == [1, 1]


def test_all_that_is_taken_frees_its_slots_when_the_firing_ends() -> None:
    """R23, R41: a buffer that is emptied in one go has room again after that."""
    net = Net("n")
    buffer = net.place("buffer", Job, source=True, capacity=3)
    keep = net.effect("keep", Ok)
    batch = take(buffer, all=True, at_least=2)
    net.transition("keep", [batch], effect=keep(batch), outcomes=[on(Ok), on(Lost)])
    kernel, _ = kernel_of(net)
    inject(kernel, "buffer", Job("a"))
    assert kernel.step(0).firings == ()
    inject(kernel, "buffer", Job("b"), Job("c"))
    (firing,) = kernel.step(0).firings
    assert firing.args == ((Job("a"), Job("b"), Job("c")),)
    with pytest.raises(NetError, match="is full"):
        inject(kernel, "buffer", Job("d"))
    kernel.started(firing.id, 0)
    kernel.complete(firing.id, Ok(), 0)
    inject(kernel, "buffer", Job("d"))
    assert kernel.count("buffer") == 1


def test_two_arcs_on_a_place_bind_different_tokens() -> None:
    """R42: a pair is two tokens; functions are given what each arc binds, by the arc's name."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    out = net.sink("out", object)
    first, second = take(jobs), take(jobs)
    net.transition("pair", [first, second], outputs=[put(out, lambda *two: two, first, second)])
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"), Job("b"), Job("c"))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 1 pair [1 2]  [out#4]"]


def test_two_guards_on_a_place_find_the_one_pair() -> None:
    """R2, R42: the first arc gives its first choice up where the second one would find nothing else."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    small = take(jobs, when=lambda job: job.attempt < 5)
    exact = take(jobs, when=lambda job: job.attempt == 1)
    kernel, log = kernel_of(net_of(small, exact, net=net))
    inject(kernel, "jobs", Job("a", 1), Job("b", 2))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 1 go [2 1]  [out#3]"]


def test_an_arc_of_several_beside_another_on_its_place_waits_for_enough() -> None:
    """R40, R42: one and two make three; two are too few, and none is taken."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    kernel, log = kernel_of(net_of(take(jobs), take(jobs, 2), net=net))
    inject(kernel, "jobs", Job("a"), Job("b"))
    log.clear()
    kernel.step(0)
    assert log == []
    inject(kernel, "jobs", Job("c"))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 1 go [1 [2 3]]  [out#4]"]


def test_numbers_alone_make_a_classic_net() -> None:
    """R43: places without colours are counters; a transition takes and puts numbers."""
    net = Net("n")
    ready, busy, done = (net.counter(name, start=n) for name, n in (("r", 5), ("b", 0), ("d", 0)))
    net.transition("start", [take(ready, 2)], outputs=[put(busy)])
    net.transition("stop", [take(busy, 2)], outputs=[put(done, 3)])
    net.transition("use", [take(done, 4)])
    kernel, _ = kernel_of(net)
    kernel.step(0)
    assert [kernel.count(name) for name in ("r", "b", "d")] == [1, 0, 3]
    assert kernel.ended(0) == "finished"


def test_a_function_is_given_the_number_or_the_key_of_a_counter() -> None:
    """R43: of a plain counter how many were taken, of a keyed one its key."""
    net = Net("n")
    plain, keyed = net.counter("plain", start=2), net.counter("keyed", start=1, key="host")
    hosts = net.place("hosts", Host, source=True, key="host")
    out = net.sink("out", object)
    pair = put(out, lambda number, key: (number, key), plain, keyed)
    net.transition("go", [hosts, hold(plain, 2), take(keyed)], outputs=[pair])
    kernel, _ = kernel_of(net)
    inject(kernel, "hosts", Host("a"))
    kernel.step(0)
    assert [row.colour for row in kernel.drain()] == [(2, "a")]


def test_a_function_that_raises_costs_the_number_that_was_taken() -> None:
    """R27, R43: where no token is taken, the number is; nothing stops."""
    net = Net("n")
    go = net.counter("go", start=2)
    out = net.sink("out", Job)
    net.transition("go_on", [take(go)], outputs=[put(out, boom)])
    kernel, log = kernel_of(net)
    kernel.step(0)
    assert log == ["fault go -1 ValueError: boom"] * 2
    assert (kernel.count("go"), kernel.ended(0)) == (0, "faulted")


def test_a_keyed_number_counts_up_past_its_start() -> None:
    """R43: an input tells the key; the number may pass what it started with, and a marking that says so loads."""
    net = Net("n")
    hosts = net.place("hosts", Host, source=True, key="host")
    score = net.counter("score", start=0, key="host")
    prizes = net.sink("prizes", Host)
    net.transition("win", [hosts], outputs=[put(score, 2)])
    cups = net.place("cups", Host, source=True, key="host")
    net.transition("cup", [cups, take(score, 3)], outputs=[put(prizes, lambda cup: cup, cups)])
    kernel, _ = kernel_of(net)
    inject(kernel, "cups", Host("a"))
    inject(kernel, "hosts", Host("a"), Host("b"))
    kernel.step(0)
    assert kernel.marking().counters == {"score": (("a", 2), ("b", 2))}
    again = type(kernel).load(net, kernel.marking())
    inject(again, "hosts", Host("a"))
    again.step(0)
    assert [row.colour for row in again.drain()] == [Host("a")]


def test_a_threshold_is_seen_and_left() -> None:
    """R44: two idle ones must be there; one is too few, and both stay."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    idle = net.place("idle", Host, source=True)
    level = net.counter("level", start=2)
    kernel, log = kernel_of(net_of(jobs, read(idle, at_least=2), read(level, at_least=2), net=net))
    inject(kernel, "jobs", Job("a"))
    inject(kernel, "idle", Host("x"))
    assert [lack.reason for lack in kernel.explain(1, 0)] == ["1 ready of 2 tokens in idle"]
    log.clear()
    kernel.step(0)
    assert log == []
    inject(kernel, "idle", Host("y"))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 1 go [1 [2 3] -1]  [out#4]"]
    assert kernel.count("idle") == 2


def test_guards_stand_on_every_arc() -> None:
    """R44: of what is read, held, spent or absent, only tokens for which the guard is true count."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    idle = net.place("idle", Job, source=True)
    paced = net.place("paced", Job, source=True)
    bad = net.place("bad", Job, source=True)
    big = read(idle, when=lambda job: job.attempt > 1)
    arcs = [
        jobs, big, hold(paced, when=lambda job: job.attempt > 1),
        absent(bad, when=lambda job: job.attempt > 1),
    ]  # fmt: skip
    kernel, log = kernel_of(net_of(*arcs, net=net))
    inject(kernel, "jobs", Job("a"), Job("b"))
    for place in ("idle", "paced", "bad"):
        inject(kernel, place, Job("x", 1))
    log.clear()
    kernel.step(0)
    assert log == []
    inject(kernel, "idle", Job("y", 2))
    inject(kernel, "paced", Job("y", 2))
    log.clear()
    kernel.step(0, limit=1)
    assert log == ["fire 0 1 go [1 6 7 -1]  [out#8 paced#9]"]
    inject(kernel, "bad", Job("y", 2))
    log.clear()
    kernel.step(0)
    assert log == []


def test_tokens_in_use_are_seen_where_that_is_asked_for() -> None:
    """R45: from begin to end of a firing, by those that ask for it and nobody else."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True)
    asks = net.place("asks", Host, key="host", source=True)
    work = net.effect("work", Ok)
    out, none = net.sink("out", object), net.sink("none", object)
    net.transition("work", [jobs], effect=work(jobs), outcomes=[on(Ok), on(Lost)])
    seen = read(jobs, include_in_use=True)
    net.transition("busy", [asks, seen], outputs=[put(out, lambda job: job, seen)])
    net.transition(
        "free",
        [asks, absent(jobs, include_in_use=True)],
        outputs=[put(none, lambda ask: ask, asks)],
    )
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    (firing,) = kernel.step(0).firings
    inject(kernel, "asks", Host("a"), Host("b"))
    kernel.step(0)
    assert [row.colour for row in kernel.drain()] == [Job("a"), Host("b")]
    kernel.started(firing.id, 0)
    inject(kernel, "asks", Host("a"))
    kernel.step(0)
    assert [row.colour for row in kernel.drain()] == [Job("a")]
    kernel.complete(firing.id, Ok(), 0)
    inject(kernel, "asks", Host("a"))
    kernel.step(0)
    assert [row.colour for row in kernel.drain()] == [Host("a")]


def test_a_firing_that_reads_what_is_in_use_is_saved_with_its_times() -> None:
    """R31, R45: when the token was ready and when it ends is in the marking, and a loaded kernel has it, too."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True, timed=True, expires=True)
    asks = net.place("asks", Job, source=True)
    work = net.effect("work", Ok)
    for name, arcs in (("work", [jobs]), ("ask", [asks, read(jobs, include_in_use=True)])):
        net.transition(name, arcs, effect=work(arcs[0]), outcomes=[on(Ok), on(Lost)])  # type: ignore[arg-type]
    net.transition("late", [expired(jobs)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"), ready_at_ns=3, expires_at_ns=9)
    inject(kernel, "asks", Job("b"))
    kernel.step(3)
    flights = kernel.marking().flights
    assert flights[1].inputs[1] == flights[0].inputs[0]
    assert (flights[1].inputs[1].ready_at_ns, flights[1].inputs[1].expires_at_ns) == (3, 9)
    assert type(kernel).load(net, kernel.marking()).marking() == kernel.marking()


def test_what_is_spent_is_in_use_until_the_effect_starts() -> None:
    """R45: then it is back in its place."""
    net = Net("n")
    hosts = net.place("hosts", Host, source=True, timed=True)
    lines = net.counter("lines", start=1)
    asks = net.place("asks", Job, source=True)
    work = net.effect("work", Ok)
    out = net.sink("out", Job)
    arcs = [spend(hosts, after_ns=5), hold(lines)]
    net.transition("work", arcs, effect=work(), outcomes=[on(Ok), on(Lost)])
    net.transition("ask", [asks, read(hosts, include_in_use=True)], outputs=[put(out)])
    kernel, _ = kernel_of(net)
    inject(kernel, "hosts", Host("a"))
    (firing,) = kernel.step(0).firings
    inject(kernel, "asks", Job("1"))
    kernel.step(0)
    kernel.started(firing.id, 0)
    inject(kernel, "asks", Job("2"))
    kernel.step(0)
    assert [row.colour for row in kernel.drain()] == [Job("1")]
    kernel.step(5)
    assert [row.colour for row in kernel.drain()] == [Job("2")]


def test_an_absence_is_claimed_by_a_firing_that_will_end_it() -> None:
    """R46: "fires only if the output place is empty" keeps it at one, however long the effect takes."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    shelf = net.place("shelf", Job)
    work = net.effect("work", Ok)
    ends = [on(Ok, put(shelf)), on(Lost)]
    net.transition("make", [jobs, absent(shelf)], effect=work(jobs), outcomes=ends)
    net.transition("sell", [shelf, net.place("sales", Host, source=True)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"), Job("b"), Job("c"))
    (firing,) = kernel.step(0).firings
    assert kernel.step(0).firings == ()
    lacks = [lack.reason for lack in kernel.explain(2, 0)]
    assert lacks == ["firing 1 is about to put into shelf"]
    again = type(kernel).load(net, kernel.marking())
    assert again.step(0).firings == ()
    kernel.revoke(firing.id)
    (firing,) = kernel.step(0).firings
    kernel.started(firing.id, 0)
    kernel.complete(firing.id, Lost("broken"), 0)
    (firing,) = kernel.step(0).firings
    kernel.started(firing.id, 0)
    kernel.complete(firing.id, Ok(), 0)
    assert (kernel.step(0).firings, kernel.count("shelf")) == ((), 1)


def test_a_set_forgets() -> None:
    """R47: what was removed is new again; what was not there stays unknown."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    drops = net.place("drops", Job, source=True)
    seen = net.set("seen", Job, key="host")
    out = net.sink("out", Job)
    net.transition("admit", [jobs], outputs=[put_new(seen, out, lambda job: job, jobs)])
    net.transition("drop", [drops], outputs=[remove(seen, drops)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"), Job("a", 2), Job("b"))
    inject(kernel, "drops", Job("a"), Job("z"))
    kernel.step(0)
    assert kernel.marking().sets == {"seen": ("b",)}
    inject(kernel, "jobs", Job("a", 3))
    kernel.step(0)
    assert [row.colour.attempt for row in kernel.drain()] == [1, 1, 3]


def test_who_waits_for_a_set_to_forget_is_reported() -> None:
    """R47: an absence that held nobody up any more is found, alone and in a join."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True)
    drops = net.place("drops", Job, source=True)
    news = net.place("news", Job, source=True)
    seen = net.set("seen", Job, key="host")
    out, once = net.sink("out", Job), net.sink("once", Job)
    net.transition("drop", [drops], outputs=[remove(seen, drops)], priority=1)
    net.transition("learn", [news], outputs=[put_new(seen, once, lambda job: job, news)])
    net.transition("go", [jobs, absent(seen)], outputs=[put(out)])
    kernel, _ = kernel_of(net)
    inject(kernel, "news", Job("a"))
    kernel.step(0)
    inject(kernel, "jobs", Job("a", 7))
    kernel.step(0)
    assert [row.sink for row in kernel.drain()] == ["once"]
    inject(kernel, "drops", Job("a"))
    kernel.step(0)
    assert [row.colour for row in kernel.drain()] == [Job("a", 7)]


def test_several_inputs_are_shown() -> None:
    """R22: each place shows the input that it is asked for; a shown token that raises is not there."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True)
    hosts = net.place("hosts", Host, key="host", source=True)
    busy, used = net.place("busy", Job, key="host"), net.place("used", Host, key="host")
    work = net.effect("work", Ok)
    net.transition(
        "work",
        [jobs, hold(hosts)],
        effect=work(jobs),
        outcomes=[on(Ok), on(Lost)],
        during={busy: jobs, used: hosts},
    )
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    inject(kernel, "hosts", Host("a"))
    (firing,) = kernel.step(0).firings
    assert (kernel.count("busy"), kernel.count("used")) == (1, 1)
    shown = [(token.place, token.serial) for token in kernel.marking().tokens]
    assert shown == [("busy", 3), ("used", 4)]
    kernel.started(firing.id, 0)
    kernel.complete(firing.id, Ok(), 0)
    assert (kernel.count("busy"), kernel.count("used")) == (0, 0)


def test_a_firing_with_several_tokens_comes_back_from_plain_data() -> None:
    """R31: tuples of tokens are tuples again."""
    net = Net("n")
    parts = net.place("parts", Job, source=True)
    work = net.effect("work", Ok)
    net.transition("go", [take(parts, 2)], effect=work(parts), outcomes=[on(Ok), on(Lost)])
    kernel, _ = kernel_of(net)
    inject(kernel, "parts", Job("a"), Job("b"))
    kernel.step(0)
    saved: Marking = kernel.marking()
    assert thaw(net, msgspec.json.decode(msgspec.json.encode(saved))) == saved


def test_a_count_by_key_occupies_as_many_slots_as_it_has_taken() -> None:
    """R23, R40: of a bounded place with keys, from the beginning of a firing to its end, or until it is revoked."""
    net = Net("n")
    runs = net.place("runs", Run, key="host", source=True)
    parts = net.place("parts", Job, key="host", source=True, capacity=3)
    work = net.effect("work", Ok)
    ends = [on(Ok), on(Lost)]
    net.transition("go", [runs, take(parts, len)], effect=work(runs), outcomes=ends)
    kernel, _ = kernel_of(net)
    inject(kernel, "runs", Run("bb"))
    inject(kernel, "parts", Job("bb"), Job("bb"), Job("c"))
    (firing,) = kernel.step(0).firings
    with pytest.raises(NetError, match="is full"):
        inject(kernel, "parts", Job("d"))
    kernel.revoke(firing.id)
    (firing,) = kernel.step(0).firings
    loaded = type(kernel).load(net, kernel.marking())
    for each in (kernel, loaded):
        each.started(firing.id, 0)
        each.complete(firing.id, Ok(), 0)
        inject(each, "parts", Job("d"), Job("d"))
        with pytest.raises(NetError, match="is full"):
            inject(each, "parts", Job("d"))


def test_a_function_that_raises_costs_the_number_of_a_key() -> None:
    """R27, R43: where only a keyed number is taken, that one is set aside."""
    net = Net("n")
    hosts = net.place("hosts", Host, source=True, key="host")
    slots = net.counter("slots", start=2, key="host")
    out = net.sink("out", Job)
    net.transition("go", [read(hosts), take(slots)], outputs=[put(out, boom, hosts)])
    kernel, log = kernel_of(net)
    inject(kernel, "hosts", Host("a"))
    log.clear()
    kernel.step(0)
    assert log == ["fault slots -1 ValueError: boom"] * 2
    assert kernel.marking().counters == {"slots": (("a", 0),)}


def test_of_several_tokens_of_a_queue_the_last_is_set_aside() -> None:
    """R28: the others stay, in their order, and go again."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    out = net.sink("out", Job)
    pair = take(jobs, 2)

    def refused(two: tuple[Job, ...]) -> Job:
        if two[1].host == "bad":
            raise ValueError("no")
        return two[0]

    net.transition("pair", [pair], outputs=[put(out, refused, pair)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"), Job("bad"), Job("c"), Job("d"))
    kernel.step(0)
    assert [fault.colour.host for fault in kernel.marking().faulted] == ["bad"]
    assert [row.colour.host for row in kernel.drain()] == ["a"]
    assert [token.colour.host for token in kernel.marking().tokens] == ["d"]


def test_a_queue_that_has_too_few_tokens_left_delays() -> None:
    """What needs two of them has no next useful time when somebody else has taken one."""
    net = Net("n")
    jobs, go = (net.place(name, Job, source=True) for name in ("jobs", "go"))
    late = net.place("late", Job, timed=True, source=True)
    net.transition("both", [take(jobs, 2), late], join=(), priority=1)
    net.transition("one", [go, jobs], join=())
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"), Job("b"))
    inject(kernel, "late", Job("c"), ready_at_ns=5)
    assert kernel.step(0).wake_ns == 5
    inject(kernel, "go", Job("d"))
    assert kernel.step(0).wake_ns is None
