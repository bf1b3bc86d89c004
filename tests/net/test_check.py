"""Every check at definition: one bad net each, and the exact line that refuses it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Protocol

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Lost,
    Net,
    NetError,
    absent,
    checked,
    choose,
    consume,
    expired,
    hold,
    on,
    put,
    put_new,
    read,
    remove,
    spend,
    take,
)
from scraper_cpn.net.arcs import Arc
from scraper_cpn.net.outputs import Output
from scraper_cpn.net.places import Counter, KeySet, Place, Sink
from tests.net.ping import Down, Host, Job, Ok, ping_net


class Both(Struct, frozen=True):
    host: str
    attempt: int


class Bench:
    """A good net to spoil: every kind of place, each filled and used."""

    def __init__(self) -> None:
        self.net = Net("n")
        self.jobs: Place[Job] = self.net.place("jobs", Job, key="host", source=True)
        self.hosts: Place[Host] = self.net.place("hosts", Host, key="host", source=True)
        self.plain: Place[Host] = self.net.place("plain", Host, source=True)
        self.ends: Place[Job] = self.net.place("ends", Job, source=True, expires=True)
        self.lines: Counter = self.net.counter("lines", start=1)
        self.slots: Counter = self.net.counter("slots", start=len, key="host")
        self.seen: KeySet[Job] = self.net.set("seen", Job, key="host")
        self.out: Sink[Job] = self.net.sink("out", Job)
        self.small: Place[Job] = self.net.place("small", Job, capacity=2)
        self.shown: Place[Job] = self.net.place("shown", Job)
        self.work = self.net.effect("work", Ok)
        fresh = put_new(self.seen, self.out, Job.again, self.jobs)
        arcs = [take(self.jobs), hold(self.slots), hold(self.lines), read(self.hosts)]
        self.net.transition("use", arcs, outputs=[put(self.small), fresh])
        ends = [on(Ok, put(self.out)), on(Lost)]
        call = self.work(self.small)
        self.net.transition("work", [self.small], effect=call, outcomes=ends, during=self.shown)
        self.net.transition("move", [self.plain])
        self.net.transition("over", [expired(self.ends)])

    def go(self, *arcs: Arc | Place[Any], **options: Any) -> None:
        self.net.transition("go", arcs, **options)


def problems(net: Net) -> tuple[str, ...]:
    with pytest.raises(NetError) as caught:
        checked(net)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_the_good_net_is_good() -> None:
    """What the tests below spoil has no problem of its own."""
    bench = Bench()
    assert checked(bench.net) is bench.net
    assert checked(ping_net()).name == "ping"


def keep(job: Job) -> Job:
    return job


def wants_host(host: Host) -> Host:
    return host


def gives_host(job: Job) -> Host:
    return Host(job.host)


def gives_jobs(job: Job) -> list[Job] | None:
    return [job]


def gives_hosts(job: Job) -> Iterator[Host | None]:
    yield Host(job.host)


def verdict(job: Job) -> Ok | Down:
    return Ok(job.attempt)


def unsaid(job: Job):  # type: ignore[no-untyped-def]
    return Ok(job.attempt)


def wants_two(job: Job, host: Host) -> Job:
    return Job(host.host, job.attempt)


def one_effect(b: Bench, *outcomes: Any, **options: Any) -> None:
    b.go(b.jobs, effect=b.work(b.jobs), outcomes=outcomes or [on(Ok), on(Lost)], **options)


def chosen(b: Bench, fn: Callable[[Job], Any], *outcomes: Any) -> None:
    b.go(b.jobs, choice=choose(fn, b.jobs), outcomes=outcomes)


def outputs(b: Bench, *puts: Output) -> None:
    b.go(b.jobs, outputs=puts)


OTHER = Net("other")
FOREIGN = OTHER.place("jobs", Job, source=True)
FOREIGN_SET = OTHER.set("seen", Job, key="host")
FOREIGN_EFFECT = OTHER.effect("work", Ok)
GO = "net n, transition go"

PLACES: dict[str, Callable[[Bench], object]] = {
    "net n, place bad: starts with -1; give an integer from 0 up, or a function of the key": lambda b: (
        b.net.counter("bad", start=-1)
    ),
    "net n, place bad: starts with True; give an integer from 0 up, or a function of the key": lambda b: (
        b.net.counter("bad", start=True)
    ),
    "net n, place bad: a plain counter has no key to start with; give an integer from 0 up": lambda b: (
        b.net.counter("bad", start=len)
    ),
    "net n, place bad: Job has no field hots; name one of its fields or properties": lambda b: (
        b.net.place("bad", Job, key="hots", source=True)
    ),
    "net n, place bad: Job has no field rank; name one of its fields or properties": lambda b: (
        b.net.place("bad", Job, order="rank", source=True)
    ),
    "net n, place bad: Job has no field url; name one of its fields or properties": lambda b: (
        b.net.set("bad", Job, key=("host", "url"))
    ),
    "net n, place bad: a set needs a key; name a field of its colour": lambda b: (
        b.net.set("bad", Job, key=())
    ),
    "net n, place bad: its capacity is 0; give at least 1, or None for no bound": lambda b: (
        b.net.place("bad", Job, source=True, capacity=0)
    ),
    "net n, place jobs: the name is taken, for places and transitions share their names; choose another": lambda b: b.net.sink("jobs", Job),
    "net n, place move: the name is taken, for places and transitions share their names; choose another": lambda b: b.net.sink("move", Job),
    "net n, effect work: the name is taken; choose another": lambda b: b.net.effect("work", Ok),
    "net n, transition move: the name is taken, for places and transitions share their names; choose another": lambda b: (
        b.net.transition("move", [b.plain])
    ),
    "net n, transition plain: the name is taken, for places and transitions share their names; choose another": lambda b: (
        b.net.transition("plain", [b.plain])
    ),
}  # fmt: skip

NO_NUMBER: Any = len
ARCS: dict[str, Callable[[Bench], object]] = {
    ", take(jobs): is not a place of this net; use the one that this net declared": lambda b: (
        b.go(FOREIGN)
    ),
    ", take(out): a sink keeps no tokens, so none can be taken; take from a place": lambda b: b.go(b.jobs, b.out),
    ", hold(seen): nothing can be taken from a set; use read(...) or absent(...)": lambda b: (
        b.go(b.jobs, hold(b.seen))  # type: ignore[call-overload]
    ),
    ", spend(lines): a counter has no such arc; use take(...), hold(...) or read(...)": lambda b: (
        b.go(b.jobs, spend(b.lines))  # type: ignore[arg-type]
    ),
    ", take(jobs): include_waiting needs a timed place; declare it with timed=True, or leave this out": lambda b: (
        b.go(take(b.jobs, include_waiting=True))
    ),
    ", spend(plain): after_ns needs a timed place; declare it with timed=True": lambda b: (
        b.go(b.jobs, spend(b.plain, after_ns=1))
    ),
    ", spend(plain): after_ns is -1; give an integer number of nanoseconds from 0 up, or a function": lambda b: (
        b.go(b.jobs, spend(b.plain, after_ns=-1))
    ),
    ", expired(plain): its tokens never expire; declare the place with expires=True": lambda b: (
        b.go(expired(b.plain))
    ),
    ", take(jobs): wants_host wants Host for host, but is given Job": lambda b: (
        b.go(take(b.jobs, when=wants_host))  # type: ignore[arg-type]
    ),
    ", spend(jobs): gives_host makes Host, but jobs takes Job": lambda b: (
        b.go(b.plain, spend(b.jobs, gives_host))
    ),
    ", put(out): two inputs bind tokens of one place; name the arc among the sources instead of the place": lambda b: (
        b.go(b.jobs, hold(b.jobs), outputs=[put(b.out, keep, b.jobs)])
    ),
    ", take(jobs): a count of 0; give an integer from 1 up, or a function of the key": lambda b: (
        b.go(take(b.jobs, 0))
    ),
    ", take(jobs): a count of -1; give an integer from 0 up, or a function of the key": lambda b: (
        b.go(b.plain, take(b.jobs, all=True, at_least=-1))
    ),
    ", take(jobs): at_least must be a number; only a count can be a function of the key": lambda b: (
        b.go(b.hosts, take(b.jobs, all=True, at_least=NO_NUMBER))
    ),
    ", take(small): needs 3 tokens, but the capacity of small is 2; raise it": lambda b: (
        b.go(take(b.small, 3))
    ),
    ", read(seen): a set holds a key once at most; leave out at_least": lambda b: (
        b.go(b.jobs, read(b.seen, at_least=2))  # type: ignore[call-overload]
    ),
    ", take(jobs): its count is a function of the key, but no other input has the key; give a number": lambda b: (
        b.go(take(b.jobs, len))
    ),
    ", absent(seen): a counter has no tokens; leave out when and include_in_use": lambda b: (
        b.go(b.jobs, absent(b.seen, include_in_use=True))
    ),
    ", take(jobs): no other input has its key host, so that any token of jobs would do; "
    "give the keys one name, or declare join=() if that is meant": lambda b: (
        b.go(b.jobs, b.net.place("other", Both, key="attempt", source=True))
    ),
    ", take(other): no other input has its key attempt, so that any token of other would do; "
    'give the keys one name, or declare join=("host",) if that is meant': lambda b: (
        b.go(b.jobs, b.hosts, b.net.place("other", Both, key="attempt", source=True))
    ),
    ", join: fewer than two inputs have the key host; join on keys that two inputs share": lambda b: (
        b.go(b.jobs, join="host")
    ),
    ", take(hosts): is the first of its join, but may bind no token; put another input first": lambda b: (
        b.go(take(b.hosts, all=True, at_least=0), b.jobs)
    ),
    ": expired(...) must be the only input of a plain transition with unbounded outputs": lambda b: (
        b.go(expired(b.ends), b.plain)
    ),
    ": a deadline of 5 ns; give a positive one to a transition with an effect": lambda b: (
        b.go(b.jobs, deadline_ns=5)
    ),
    ": a deadline of 0 ns; give a positive one to a transition with an effect": lambda b: (
        one_effect(b, deadline_ns=0)
    ),
    ", hold(slots): no other input has the key host; add an input that has it": lambda b: (
        b.go(b.plain, hold(b.slots))
    ),
    ": no input determines the key of hold(slots), read(seen); take a token that has it": lambda b: (
        b.go(b.plain, hold(b.slots), read(b.seen))
    ),
    ", take(jobs): is the first of its join but lacks the key attempt; "
    "put the input that has all the join's keys first": lambda b: b.go(b.jobs, *two_both(b)),
}  # fmt: skip

STILL: dict[str, Callable[[Bench], object]] = {
    ", still read(hosts): still only tests whether a token is there; leave out at_least, when and include_in_use": lambda b: (
        one_effect(b, still=[read(b.hosts, at_least=2)])
    ),
    ": still and attempts exclude each other, because a start that still refuses gives its inputs back, but the next "
    "attempt keeps them; leave out still, or put the inputs back on failure instead of attempts": lambda b: (
        one_effect(b, still=[read(b.hosts)], attempts=2)
    ),
}  # fmt: skip

DURING: dict[str, Callable[[Bench], object]] = {
    ", during jobs: is not a place of this net; use one that this net declared": lambda b: (
        one_effect(b, during=FOREIGN)
    ),
    ", during free: needs an effect and an input token to show": lambda b: (
        b.go(b.jobs, during=b.net.place("free", Job))
    ),
    ", during free: shows take(jobs), a Job, but takes Host": lambda b: (
        one_effect(b, during=b.net.place("free", Host))
    ),
    ", during free: shows one token, but take(jobs) binds several; show another input": lambda b: b.go(
        take(b.jobs, 2),
        effect=b.work(b.jobs),
        outcomes=[on(Ok), on(Lost)],
        during=b.net.place("free", Job),
    ),
    ": its during is 'free'; give a place, or {place: input}": lambda b: (
        one_effect(b, during="free")
    ),
    ", during free: must be an ordinary place: no sink, no source, no capacity, no time": lambda b: (
        one_effect(b, during=b.net.place("free", Job, timed=True))
    ),
    ", during free2: holds firings alone, but transition eat moves its tokens; use another place": lambda b: (
        eaten(b)
    ),
    ", during free3: holds firings alone, but transition go moves its tokens; use another place": lambda b: (
        filled(b)
    ),
}  # fmt: skip

OUTCOMES: dict[str, Callable[[Bench], object]] = {
    ": has an effect and a choice; move the choice to a transition of its own": lambda b: (
        one_effect(b, choice=choose(keeps, b.jobs))
    ),
    ": has outputs; give outcomes to an effect or a choice, outputs to a plain transition": lambda b: (
        one_effect(b, outputs=[put(b.out)])
    ),
    ": has outcomes; give outcomes to an effect or a choice, outputs to a plain transition": lambda b: (
        b.go(b.jobs, outcomes=[on(Ok)])
    ),
    ", on(Ok): is given twice; join their outputs": lambda b: one_effect(b, on(Ok), on(Ok), on(Lost)),
    ", unsaid: has no return annotation that can be read; annotate it with the union of its outcomes": lambda b: (
        chosen(b, unsaid, on(Ok))
    ),
    ", work: its outcome Lost is missing; add on(Lost, ...)": lambda b: one_effect(b, on(Ok)),
    ", verdict: its outcome Down is missing; add on(Down, ...)": lambda b: chosen(b, verdict, on(Ok)),
    ", on(Down): is no outcome of work; remove it": lambda b: (
        one_effect(b, on(Ok), on(Lost), on(Down))
    ),
    ", work: is not an effect of this net; use one that this net declared": lambda b: (
        b.go(b.jobs, effect=FOREIGN_EFFECT(b.jobs), outcomes=[on(Ok), on(Lost)])
    ),
    ", work: plain is not an input that binds a token; name inputs of this transition": lambda b: (
        b.go(b.jobs, effect=b.work(b.plain), outcomes=[on(Ok), on(Lost)])
    ),
    ", verdict: verdict wants Job for job, but is given Host": lambda b: b.go(
        b.plain, choice=choose(verdict, b.plain), outcomes=[on(Ok), on(Down)]  # type: ignore[arg-type]
    ),
}  # fmt: skip

OUTPUTS: dict[str, Callable[[Bench], object]] = {
    ", put(jobs): is not a place of this net; use the one that this net declared": lambda b: (
        outputs(b, put(FOREIGN))
    ),
    ", on(Ok) consume(lines): is not held by this transition; hold it among the inputs": lambda b: (
        one_effect(b, on(Ok, consume(b.lines)), on(Lost))
    ),
    ", put(seen): put(...) cannot fill a set; use put_new(set, place, ...)": lambda b: (
        outputs(b, put(b.seen))  # type: ignore[call-overload]
    ),
    ", put(slots): no input determines the key host; take or read a token that has it": lambda b: (
        b.go(b.plain, outputs=[put(b.slots)])
    ),
    ", put(lines): a counter is given a number, not a function; give how much to add": lambda b: (
        outputs(b, put(b.lines, keep, b.jobs))  # type: ignore[call-overload]
    ),
    ", put(lines): counts up by 0; give an integer from 1 up": lambda b: outputs(b, put(b.lines, 0)),
    ", put(out): several tokens can only be put by a function that returns them; give one": lambda b: (
        outputs(b, put(b.out, 3))  # type: ignore[call-overload]
    ),
    ", put(small): moves several tokens, but its place is bounded, and a firing puts at most one there; "
    "make it unbounded": lambda b: b.go(take(b.jobs, 2), outputs=[put(b.small)]),
    ", put(small): gives_jobs is annotated to make several tokens, but small has a capacity, and a firing "
    "puts at most one there; make the place unbounded, or the function give one token or None": lambda b: (
        outputs(b, put(b.small, gives_jobs, b.jobs))
    ),
    ", remove(seen): wants_host wants Host for host, but is given Job": lambda b: (
        outputs(b, remove(b.seen, wants_host, b.jobs))  # type: ignore[arg-type]
    ),
    ", remove(seen): removes a Job, but is given Host; give a function and its sources": lambda b: (
        b.go(b.hosts, outputs=[remove(b.seen, b.hosts)])  # type: ignore[misc]
    ),
    ", remove(seen): its sources must be inputs of this transition, or the outcome Done": lambda b: (
        outputs(b, remove(b.seen, b.small))
    ),
    ", remove(urls): nothing can be removed from a paged set; declare it without paged=True": lambda b: (
        outputs(b, remove(b.net.set("urls", Job, key="host", paged=True), b.jobs))
    ),
    ", remove(seen): one outcome can't both add to a set and remove from it; use two transitions": lambda b: (
        outputs(b, put_new(b.seen, b.out, keep, b.jobs), remove(b.seen, b.jobs))
    ),
    ", put(shown2): after_ns needs a timed place; declare it with timed=True": lambda b: (
        outputs(b, put(used(b, "shown2"), after_ns=5))
    ),
    ", put(shown2): after_ns is 1.5; give an integer number of nanoseconds from 0 up, or a function": lambda b: (
        outputs(b, put(used(b, "shown2", timed=True), after_ns=1.5))  # type: ignore[call-overload]
    ),
    ", put(out): lasts_ns needs a place whose tokens expire; declare it with expires=True": lambda b: (
        outputs(b, put(b.out, lasts_ns=5))
    ),
    ", put(ends): lasts_ns is -5; give an integer number of nanoseconds from 0 up, or a function": lambda b: (
        outputs(b, put(b.ends, lasts_ns=-5))
    ),
    ", put_new(out): the set seen is not of this net; use the one that this net declared": lambda b: (
        outputs(b, put_new(FOREIGN_SET, b.out, keep, b.jobs))
    ),
    ", put_new(hosts): the set seen is of Job, the place of Host": lambda b: (
        outputs(b, put_new(b.seen, b.hosts, gives_host, b.jobs))  # type: ignore[misc]
    ),
    ", put_new(out): wants_two can't be called with (Job)": lambda b: (
        outputs(
            b,
            put_new(b.seen, more := used(b, "more"), keep, b.jobs),
            put_new(b.seen, b.out, wants_two, more),  # type: ignore[arg-type]
        )
    ),
    ", put_new(out): gives_host makes Host, but out takes Job": lambda b: (
        outputs(
            b,
            put_new(b.seen, more := used(b, "more"), keep, b.jobs),
            put_new(b.seen, b.out, gives_host, more),  # type: ignore[arg-type]
        )
    ),
    ", put_new(out): its sources must be inputs of this transition, or the outcome Done": lambda b: (
        outputs(
            b,
            put_new(b.seen, b.out, keep, more := used(b, "more")),
            put_new(b.seen, more, keep, b.jobs),
        )
    ),
    ", put_new(small): put_new may make many tokens; its place must be unbounded": lambda b: (
        outputs(b, put_new(b.seen, b.small, keep, b.jobs))
    ),
    ", put(hosts): not exactly one input has the colour Host; give a function and its sources": lambda b: (
        outputs(b, put(b.hosts))
    ),
    ", on(Ok) put(out): its sources must be inputs of this transition, or the outcome Ok": lambda b: (
        one_effect(b, on(Ok, put(b.out, wants_two, b.jobs, b.hosts)), on(Lost))
    ),
    ", on(Ok) put(hosts): wants_host wants Host for host, but is given Ok": lambda b: (
        one_effect(b, on(Ok, put(b.hosts, wants_host, Ok)), on(Lost))  # type: ignore[arg-type]
    ),
    ", put(out): gives_hosts makes Host, but out takes Job": lambda b: (
        outputs(b, put(b.out, gives_hosts, b.jobs))  # type: ignore[arg-type]
    ),
    ", put(out): Host makes Host, but out takes Job": lambda b: (
        outputs(b, put(b.out, Host, b.jobs))  # type: ignore[arg-type]
    ),
    ", put(out): wants_two can't be called with (Job)": lambda b: (
        outputs(b, put(b.out, wants_two, b.jobs))  # type: ignore[arg-type]
    ),
    ", put(ends): wants_host wants Host for host, but is given Job": lambda b: (
        outputs(b, put(b.ends, keep, b.jobs, lasts_ns=wants_host))  # type: ignore[arg-type]
    ),
}  # fmt: skip


def keeps(job: Job) -> Ok:
    return Ok(job.attempt)


def two_both(b: Bench) -> list[Place[Any]]:
    return [
        b.net.place(name, Both, key=("host", "attempt"), source=True) for name in ("one", "two")
    ]


def used(b: Bench, name: str, **options: Any) -> Place[Job]:
    place = b.net.place(name, Job, **options)
    b.net.transition(f"use_{name}", [place])
    return place


def eaten(b: Bench) -> None:
    free = b.net.place("free2", Job)
    one_effect(b, during=free)
    b.net.transition("eat", [free])


def filled(b: Bench) -> None:
    free = b.net.place("free3", Job)
    one_effect(b, on(Ok, put(free)), on(Lost), during=free)


TRANSITIONS = ARCS | STILL | DURING | OUTCOMES | OUTPUTS


@pytest.mark.parametrize("line", PLACES)
def test_a_bad_declaration_is_refused(line: str) -> None:
    """R34: the line names the net, the place or transition, and what to do."""
    bench = Bench()
    PLACES[line](bench)
    assert problems(bench.net)[0] == line


@pytest.mark.parametrize("line", TRANSITIONS)
def test_a_bad_transition_is_refused(line: str) -> None:
    """R12, R13, R34: the line names the net, the transition, the arc or output, and what to do."""
    bench = Bench()
    TRANSITIONS[line](bench)
    assert GO + line in problems(bench.net)


ENDLESS: dict[str, Callable[[Bench], object]] = {
    ": could fire endlessly without time passing, because no firing uses anything up: hold(jobs) is put back at once; "
    "take a token or a number from a counter": lambda b: b.go(hold(b.jobs)),
    ": could fire endlessly without time passing, because no firing uses anything up: it has no inputs; "
    "take a token, or hold one or a number from a counter, which says how many run at once": lambda b: (
        b.go(effect=b.work(), outcomes=[on(Ok, put(b.out, gives_one, Ok)), on(Lost)])
    ),
    ": could fire endlessly without time passing, because no firing uses anything up: absent(jobs) stays true, for go "
    "never adds to it; take a token, or hold one or a number from a counter, which says how many run at once": lambda b: (
        b.go(absent(b.jobs), effect=b.work(), outcomes=[on(Ok), on(Lost)])
    ),
    ": could fire endlessly without time passing, because no firing uses anything up: absent(seen) stays true, for go "
    "never puts new keys into it; read(jobs) stays as it is; take a token or a number from a counter": lambda b: (
        b.go(absent(b.seen), read(b.jobs))
    ),
    ": could fire endlessly without time passing, because no firing uses anything up: read(jobs) stays as it is; "
    "take a token, or hold one or a number from a counter, which says how many run at once": lambda b: (
        b.go(read(b.jobs), effect=b.work(b.jobs), outcomes=[on(Ok), on(Lost)])
    ),
    ": could fire endlessly without time passing, because no firing uses anything up: spend(jobs) is put back at once; "
    "take a token, or hold one or a number from a counter, which says how many run at once": lambda b: (
        b.go(spend(b.jobs), effect=b.work(b.jobs), outcomes=[on(Ok), on(Lost)])
    ),
    ": could fire endlessly without time passing, because no firing uses anything up: take(jobs) is put back at once; "
    "take a token or a number from a counter": lambda b: outputs(b, put(b.jobs)),
    ": could fire endlessly without time passing, because no firing uses anything up: take(lines) is put back at once; "
    "take a token or a number from a counter": lambda b: (
        b.go(take(b.lines, 2), outputs=[put(b.lines), put(b.lines)])
    ),
    ": could fire endlessly without time passing, because no firing uses anything up: take(jobs) may take nothing; "
    "take a token or a number from a counter": lambda b: b.go(take(b.jobs, all=True, at_least=0)),
    ": calls functions, which may raise, but binds nothing that could be set aside then; take or hold a token or a number": lambda b: (
        b.go(absent(b.small), outputs=[put(b.small, gives_one)])
    ),
}  # fmt: skip


def gives_one(*_: object) -> Job:
    return Job("a")


@pytest.mark.parametrize("line", ENDLESS)
def test_what_could_fire_for_ever_is_refused(line: str) -> None:
    """R39: with or without an effect; the line says why no input bounds it, and what would."""
    bench = Bench()
    ENDLESS[line](bench)
    assert GO + line in problems(bench.net)


BOUNDED: list[Callable[[Bench], object]] = [
    lambda b: two_counters(b),
    lambda b: b.go(take(b.lines), absent(b.plain), outputs=[put(b.plain, one_host)]),
    lambda b: b.go(hold(b.lines), absent(b.plain), outputs=[put(b.plain, one_host, b.lines)]),
    lambda b: b.go(hold(b.lines), outputs=[consume(b.lines)]),
    lambda b: b.go(hold(b.lines), effect=b.work(), outcomes=[on(Ok), on(Lost)]),
    lambda b: b.go(
        absent(b.plain), effect=b.work(), outcomes=[on(Ok, put(b.plain, one_host, Ok)), on(Lost)]
    ),
    lambda b: b.go(
        absent(b.small), effect=b.work(), outcomes=[on(Ok, put(b.small, gives_one, Ok)), on(Lost)]
    ),
    lambda b: b.go(
        read(b.jobs), absent(b.seen), hold(b.lines), outputs=[put_new(b.seen, b.out, keep, b.jobs)]
    ),
    lambda b: b.go(take(b.lines), outputs=[put(b.small, gives_one)]),
    lambda b: b.go(spend(b.jobs, Job.again)),
    lambda b: b.go(take(b.lines, 2), outputs=[put(b.lines)]),
]  # fmt: skip


def two_counters(b: Bench) -> None:
    two = b.net.counter("two", start=0)
    b.net.transition("use_two", [two])
    b.go(take(b.lines), outputs=[put(two), put(b.out, gives_one, b.lines)])


def one_host(*_: object) -> Host:
    return Host("a")


@pytest.mark.parametrize("spoil", BOUNDED)
def test_what_an_input_bounds_is_accepted(spoil: Callable[[Bench], object]) -> None:
    """R39: numbers alone, absences that a firing ends, room in a bounded place: each of them bounds."""
    bench = Bench()
    spoil(bench)
    assert checked(bench.net) is bench.net


NO_LIST: Any = "jobs"
WRONG: dict[str, Callable[[Bench], object]] = {
    ": its input 'jobs' is no place; give what net.place or net.counter returned": lambda b: (
        b.go(NO_LIST)
    ),
    ": its inputs are 'jobs'; give a list of places and arcs": lambda b: (
        b.net.transition("go", NO_LIST)
    ),
    ": its effect is 'work'; call the effect with its inputs: effect=fetch(jobs)": lambda b: (
        b.go(b.jobs, effect="work")
    ),
    ": its choice is 3; give choose(function, places...)": lambda b: b.go(b.jobs, choice=3),
    ": its outputs is <sink out of Job>; give put(place)": lambda b: b.go(b.jobs, outputs=[b.out]),
    ": its outcomes is 'Ok'; give on(Outcome, outputs...)": lambda b: (
        b.go(b.jobs, effect=b.work(b.jobs), outcomes="Ok")
    ),
}  # fmt: skip


@pytest.mark.parametrize("line", WRONG)
def test_what_is_no_part_of_a_net_is_one_line(line: str) -> None:
    """R34: a name instead of a place, an effect that was not called, an output that is none."""
    bench = Bench()
    WRONG[line](bench)
    assert GO + line in problems(bench.net)


def test_an_effect_that_was_not_called_is_one_line() -> None:
    """R34: `effect=work` instead of `effect=work(jobs)`."""
    bench = Bench()
    bench.go(bench.jobs, effect=bench.work, outcomes=[on(Ok), on(Lost)])
    (problem,) = problems(bench.net)
    assert problem.startswith(f"{GO}: its effect is <effect work>; call the effect with its inputs")


def test_all_problems_come_at_once() -> None:
    """R34: places first, then transitions, each in the order of declaration."""
    net = Net("n")
    net.counter("c", start=-1)
    jobs = net.place("jobs", Job, key="hots", capacity=0)
    net.transition("a", [], outputs=[put(jobs)])
    net.transition("b", [jobs, expired(jobs)])
    assert problems(net) == (
        "net n, place c: starts with -1; give an integer from 0 up, or a function of the key",
        "net n, place jobs: Job has no field hots; name one of its fields or properties",
        "net n, place jobs: its capacity is 0; give at least 1, or None for no bound",
        "net n, transition a, put(jobs): not exactly one input has the colour Job; give a function and its sources",
        "net n, transition b, expired(jobs): its tokens never expire; declare the place with expires=True",
        "net n, transition b: expired(...) must be the only input of a plain transition with unbounded outputs",
    )


class Duck(Protocol):
    attempt: int


def any_in(job: Any) -> Any:
    return job


def duck_in(job: Duck) -> Job:
    return Job("duck", job.attempt)


def list_in(job: list[Job]) -> Iterable[Job | None]:
    return job


def star(*jobs: Job) -> tuple[Job, ...]:
    return jobs


def unresolved(job: Nowhere) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
    return job


class Opaque:
    """What some built-in functions are like: nothing tells how to call it."""

    @property
    def __signature__(self) -> object:
        raise ValueError("no signature")

    def __call__(self, job: Job) -> Job:
        return job


class Caller:
    def __call__(self, job: Job) -> Job:
        return job


@pytest.mark.parametrize(
    "make",
    [
        any_in, duck_in, list_in, star, unresolved, Caller(), Opaque(), partial(wants_two, host=Host("a")),
        keep, Job.again, lambda job: job, dict.fromkeys,
    ],
)  # fmt: skip
def test_a_function_that_does_not_say_is_taken_on_trust(make: Callable[..., Any]) -> None:
    """R34: no annotation, or one that can't be compared, is never refused."""
    bench = Bench()
    outputs(bench, put(bench.out, make, bench.jobs))
    assert checked(bench.net) is bench.net


def test_a_class_is_a_function_of_its_fields() -> None:
    """R34: what its fields take is checked as parameters are."""
    bench = Bench()
    outputs(bench, put(bench.out, Job, bench.jobs))  # type: ignore[arg-type]
    assert problems(bench.net) == (GO + ", put(out): Job wants str for host, but is given Job",)


def test_a_callable_object_with_the_wrong_types_is_refused() -> None:
    """R34: the annotations of `__call__` count."""
    bench = Bench()
    outputs(bench, put(bench.hosts, Caller(), bench.jobs))  # type: ignore[arg-type]
    (problem,) = problems(bench.net)
    assert problem.endswith("makes Job, but hosts takes Host")


def test_an_absence_may_have_a_key_of_its_own() -> None:
    """R3: absent of a place with an unjoined key means that the place is empty."""
    bench = Bench()
    bench.go(bench.plain, absent(bench.jobs))
    assert checked(bench.net) is bench.net
