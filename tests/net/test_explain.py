"""Why a token waits, as people read it."""

from typing import Any

import pytest
from msgspec.structs import replace

from scraper_cpn.net import (
    Interpreter,
    Lack,
    Lost,
    Net,
    NetError,
    absent,
    choose,
    expired,
    hold,
    on,
    put_new,
    read,
    spend,
    take,
)
from tests.net.ping import SECOND, Host, Job, Ok, ping_net
from tests.net.running import Pair, boom, inject


def lacks(kernel: Any, serial: int, now_ns: int) -> list[Lack]:
    """What is lacking, as people read it."""
    return [replace(lack, place=None, key=None) for lack in kernel.explain(serial, now_ns)]


def call(reason: str, until_ns: int | None = None) -> Lack:
    return Lack("call", reason, until_ns)


def test_a_job_waits_for_its_host() -> None:
    """R36: it is not there, or rests until a time; then nothing is lacking but a turn."""
    kernel = Interpreter(ping_net())
    inject(kernel, "jobs", Job("a"), Job("a"))
    assert lacks(kernel, 1, 0) == [call("no token in hosts for a")]
    inject(kernel, "hosts", Host("a"), ready_at_ns=7)
    assert lacks(kernel, 1, 3) == [call("no ready token in hosts for a", 7)]
    assert lacks(kernel, 3, 3) == [call("it is not ready in hosts", 7)]
    assert lacks(kernel, 2, 7) == [call("is enabled; other tokens go first")]


def test_everything_that_is_lacking_is_listed() -> None:
    """R36: no line, no host, and no room."""
    kernel = Interpreter(ping_net(lines=1, capacity=1))
    inject(kernel, "jobs", Job("a"), Job("b"))
    inject(kernel, "hosts", Host("a"))
    kernel.step(0)
    kernel.started(1, 0)
    assert lacks(kernel, 2, 0) == [
        call("lines is at 0"),
        call("no token in hosts for b"),
        call("done is full (1)"),
    ]
    assert lacks(kernel, 4, 0)[:2] == [
        call("it is not ready in hosts", SECOND),
        call("no token in jobs for a"),
    ]


def test_room_that_there_is_is_not_lacking() -> None:
    """R24, R36: a bounded place with a free slot is no reason."""
    kernel = Interpreter(ping_net(capacity=1))
    inject(kernel, "jobs", Job("a"))
    assert lacks(kernel, 1, 0) == [call("no token in hosts for a")]


def test_a_token_that_stands_nowhere_is_explained_too() -> None:
    """R36: reserved by a firing, or set aside; one that was taken is unknown."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    done = net.effect("work", Ok)(jobs)
    net.transition(
        "go",
        [take(jobs, when=lambda job: 1 // job.attempt > 0)],
        effect=done,
        outcomes=[on(Ok), on(Lost)],
    )
    kernel = Interpreter(net)
    inject(kernel, "jobs", Job("a", 0), Job("b"))
    kernel.step(0)
    text = "it was set aside in jobs: ZeroDivisionError: integer division or modulo by zero"
    assert lacks(kernel, 1, 0) == [Lack("", text, None)]
    assert lacks(kernel, 2, 0) == [Lack("go", "it is reserved by firing 1", None)]
    kernel.started(1, 0)
    kernel.complete(1, Ok(), 0)
    with pytest.raises(NetError, match="net n: has no token 2; it was taken, or never there"):
        lacks(kernel, 2, 0)


def test_ends_guards_and_scans_are_explained() -> None:
    """R36: `expired` waits for the end, others can't see past it; a guard has a name."""

    def odd(job: Job) -> bool:
        return job.attempt % 2 == 1

    net = Net("n")
    jobs = net.place("jobs", Job, source=True, expires=True)
    rare = net.place("rare", Job, source=True)
    net.transition("end", [expired(jobs)])
    net.transition("go", [take(jobs, when=odd)], scan=choose(odd, jobs))
    net.transition("two", [rare, read(jobs)])
    kernel = Interpreter(net)
    inject(kernel, "jobs", Job("a", 2), expires_at_ns=9)
    inject(kernel, "jobs", Job("b", 1))
    assert lacks(kernel, 1, 0) == [
        Lack("end", "its time has not passed", 9),
        Lack("go", "odd is not true of it", None),
        Lack("two", "no token in rare", None),
    ]
    assert lacks(kernel, 1, 9)[1] == Lack("go", "its time has passed", None)
    text = "is enabled, unless odd refuses it; other tokens go first"
    assert lacks(kernel, 2, 0)[1] == Lack("go", text, None)


def paired() -> Net:
    """Pairs that need a slot of their composite key, and that a set and a place must not have."""
    net = Net("n")
    keys = ("host", "path")
    pairs, others = (
        net.place("pairs", Pair, key=keys, source=True),
        net.place("others", Pair, key=keys),
    )
    slots = net.counter("slots", key=keys, start=lambda key: int(key != ("a", "/0")))
    seen = net.set("seen", Pair, key=keys)
    hosts = net.place("hosts", Host, key="host", source=True)
    first = put_new(seen, others, lambda pair: pair, pairs)
    net.transition(
        "learn", [pairs, hold(slots), spend(hosts), absent(seen), absent(others)], outputs=[first]
    )
    net.transition("again", [pairs, read(seen)], priority=1)
    net.transition("clean", [others, read(net.place("ticks", Job, source=True))])
    return net


def test_composite_keys_are_explained() -> None:
    """R1, R36: numbers, sets and absences with a key of two names, in both directions."""
    kernel = Interpreter(paired())
    inject(kernel, "hosts", Host("a"))
    inject(kernel, "pairs", Pair("a", "/0"))
    assert lacks(kernel, 2, 0) == [
        Lack("learn", "slots for a, /0 is at 0", None),
        Lack("again", "seen lacks it for a, /0", None),
    ]
    inject(kernel, "pairs", Pair("a", "/1"))
    kernel.step(0)
    inject(kernel, "pairs", Pair("a", "/1"))
    serial = kernel.marking().tokens[1].serial
    assert lacks(kernel, serial, 0) == [
        Lack("learn", "seen has it already for a, /1", None),
        Lack("learn", "others for a, /1 holds a token", None),
        Lack("again", "is enabled; other tokens go first", None),
    ]


def test_a_key_that_is_only_partly_known_says_nothing_of_numbers() -> None:
    """R36: the host's token does not tell the path, so neither number, set nor absence is judged."""
    kernel = Interpreter(paired())
    inject(kernel, "hosts", Host("a"))
    inject(kernel, "pairs", Pair("a", "/1"))
    kernel.step(0)
    host, other = kernel.marking().tokens[::-1]
    assert (host.place, other.place) == ("hosts", "others")
    assert lacks(kernel, host.serial, 0) == [Lack("learn", "no token in pairs for a", None)]


def test_a_number_at_zero_has_no_reason_but_itself() -> None:
    """R29, R36: only a start that raised is mentioned."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True)
    slots = net.counter("slots", key="host", start=lambda host: 0 if host == "a" else boom(host))
    net.transition("go", [jobs, hold(slots)])
    kernel = Interpreter(net)
    inject(kernel, "jobs", Job("a"), Job("b"))
    reasons = [lacks(kernel, serial, 0)[0].reason for serial in (1, 2)]
    assert reasons == [
        "slots for a is at 0",
        "slots for b is at 0: its start raised ValueError: boom",
    ]


def test_what_is_lacking_is_reported_in_fields() -> None:
    """R36: the place as an object, and the key as a value: nobody has to read the sentence."""
    net = ping_net()
    kernel = Interpreter(net)
    inject(kernel, "jobs", Job("a"))
    (lack,) = kernel.explain(1, 0)
    assert (lack.place, lack.key, lack.until_ns) == (net.places["hosts"], "a", None)
    inject(kernel, "hosts", Host("a"), ready_at_ns=5)
    (lack,) = kernel.explain(1, 0)
    assert (lack.place, lack.key, lack.until_ns) == (net.places["hosts"], "a", 5)
    (own,) = [lack for lack in kernel.explain(2, 0) if lack.place is None]
    assert (own.key, own.until_ns) == (None, 5)
