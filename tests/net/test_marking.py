"""Markings: saved, loaded, refused, on disk and back."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from scraper_cpn.net import (
    Faulted,
    Interpreter,
    KernelBug,
    Lost,
    Marking,
    Net,
    NetError,
    Standing,
    absent,
    expired,
    hold,
    on,
    put,
    put_new,
    take,
)
from scraper_cpn.net.marking import Flying, one_key
from scraper_cpn.net.saving import thaw
from scraper_cpn.net.sound import assert_sound
from tests.net.ping import SECOND, Host, Job, Log, Ok, ping_net
from tests.net.running import Pair, inject


def busy_net() -> Net:
    """Everything that a marking can hold: keys of two names, sets, sinks, times, ends, faults."""
    net = Net("busy")
    keys = ("host", "path")
    pairs = net.place("pairs", Pair, key=keys, source=True, expires=True, timed=True)
    jobs = net.place("jobs", Job, source=True, capacity=3, timed=True)
    shown = net.place("shown", Pair, key=keys)
    slots = net.counter("slots", key=keys, start=lambda _: 2)
    seen = net.set("seen", Pair, key=keys)
    copies, ends = net.place("copies", Pair, key=keys), net.sink("ends", Pair)
    work = net.effect("work", Ok)(pairs)
    first = put_new(seen, copies, lambda pair: pair, pairs)
    net.transition(
        "work",
        [pairs, hold(slots), absent(shown), take(jobs, when=lambda job: 6 // job.attempt > 0)],
        effect=work,
        outcomes=[on(Ok, first), on(Lost, put(jobs))],
        during=shown,
    )
    net.transition("end", [expired(pairs)], outputs=[put(ends)])
    net.transition("leave", [copies, hold(jobs)])
    return net


def busy() -> Interpreter:
    """A kernel in the middle of things."""
    kernel = Interpreter(busy_net())
    inject(kernel, "jobs", Job("b", 0), Job("x"), Job("y"))
    inject(kernel, "pairs", Pair("a", "/1"), Pair("a", "/2"))
    inject(kernel, "pairs", Pair("z", "/"), ready_at_ns=3, expires_at_ns=2)
    kernel.step(1, limit=1)
    kernel.started(1, 1)
    kernel.step(2)
    kernel.complete(1, Ok(), 3)
    return kernel


def test_a_marking_has_everything() -> None:
    """R31, R33: tokens by place and serial, numbers that moved, keys, firings, faults, rows."""
    marking = busy().marking()
    assert marking == Marking(
        net="busy",
        now_ns=3,
        next_serial=11,
        next_id=4,
        tokens=(
            Standing("shown", 8, Pair("a", "/2"), 0),
            Standing("copies", 10, Pair("a", "/1"), 0),
        ),
        counters={"slots": ((("a", "/2"), 1),)},
        sets={"seen": (("a", "/1"),)},
        flights=(
            Flying(
                id=2,
                transition="work",
                inputs=(
                    Standing("pairs", 5, Pair("a", "/2"), 0),
                    ("a", "/2"),
                    ("a", "/2"),
                    Standing("jobs", 3, Job("y"), 0),
                ),
                started=False,
                began_ns=2,
                shown=8,
            ),
        ),
        faulted=(
            Faulted(
                "jobs", 1, Job("b", 0), "ZeroDivisionError: integer division or modulo by zero"
            ),
        ),
        sunk={"ends": 1},
    )
    assert_sound(busy_net(), marking)
    text = "<marking of busy at 3 ns: shown 1, copies 1, ends 1, in flight 1, faulted 1>"
    assert repr(marking) == text


def future(kernel: Interpreter) -> tuple[list[str], Marking]:
    """What happens when a kernel is driven on in one fixed way, and where it ends."""
    log = Log()
    kernel._state.trace = log
    for now_ns in (5, 6, 7):
        for flying in kernel.marking().flights:
            if not flying.started:
                kernel.started(flying.id, now_ns)
            kernel.complete(flying.id, Ok(), now_ns)
        inject(kernel, "pairs", Pair("a", f"/{now_ns}"), now_ns=now_ns)
        inject(kernel, "jobs", Job("j", now_ns), now_ns=now_ns)
        kernel.step(now_ns)
    return log, kernel.marking()


@pytest.mark.parametrize("codec", [None, msgspec.json, msgspec.msgpack])
def test_a_loaded_marking_has_the_same_future(codec: Any) -> None:
    """R7, R31: as an object, through JSON and through msgpack."""
    net, marking = busy_net(), busy().marking()
    again = marking if codec is None else thaw(net, codec.decode(codec.encode(marking)))
    assert again == marking
    loaded = Interpreter.load(net, again)
    assert loaded.marking() == marking
    assert future(loaded) == future(busy())


def test_a_loaded_kernel_goes_on_tracing() -> None:
    """R31: `load` takes a trace as the kernel itself does."""
    kernel, log = Interpreter(ping_net()), Log()
    inject(kernel, "hosts", Host("a"))
    inject(kernel, "jobs", Job("a"))
    Interpreter.load(ping_net(), kernel.marking(), log).step(3)
    assert log == ["begin 3 1 call [2 -1 1]"]


@pytest.mark.parametrize("raw", [5, {}, {"net": "ping", "now_ns": "soon"}])
def test_plain_data_that_is_no_marking_is_refused(raw: Any) -> None:
    """R32: one line that says what is wrong with it."""
    with pytest.raises(NetError, match=r"net ping, marking: .*; give what was saved"):
        thaw(ping_net(), raw)


def test_what_was_set_aside_may_be_anything() -> None:
    """R27, R32: a fault's token need not fit its place, nor its place be one."""
    faults = (
        Faulted("jobs", 1, Ok(5), "x"),
        Faulted("gone", 2, 5, "y"),
        Faulted("lines", 3, 6, "z"),
    )
    marking = replace(Interpreter(ping_net()).marking(), faulted=faults, next_serial=4)
    again = thaw(ping_net(), msgspec.to_builtins(marking))
    plain = ({"size": 5}, 5, 6)
    assert tuple(fault.colour for fault in again.faulted) == plain
    Interpreter.load(ping_net(), again)


def spoiled(**changes: Any) -> Callable[[Marking], Marking]:
    return lambda marking: replace(marking, **changes)


def token(**changes: Any) -> Callable[[Marking], Marking]:
    """The first token changed."""
    return lambda marking: replace(
        marking, tokens=(replace(marking.tokens[0], **changes), *marking.tokens[1:])
    )


def flight(**changes: Any) -> Callable[[Marking], Marking]:
    return lambda marking: replace(marking, flights=(replace(marking.flights[0], **changes),))


MISFITS: dict[str, Callable[[Marking], Marking]] = {
    "is of net other; load it into that one": spoiled(net="other"),
    "the net has no place lines": token(place="lines"),
    "the net has no place gone": token(place="gone"),
    "the net has no counter gone": spoiled(counters={"gone": ()}),
    "the net has no keyset jobs": spoiled(sets={"jobs": ()}),
    "the net has no sink gone": spoiled(sunk={"gone": 1}),
    "firing 1 is of no transition of the net (gone)": flight(transition="gone"),
    "firing 1 is of no transition of the net (file)": flight(transition="file"),
    "token 4 occurs twice": token(serial=4),
    "token 3 in jobs is no Job": token(colour=Host("a")),
    "token 9 in jobs is not older than 6": token(serial=9),
    "token 3 in jobs has a time that its place does not give": token(expires_at_ns=5),
    "firing 7 is not older than 2": flight(id=7),
    "lines is at -1": spoiled(counters={"lines": ((None, -1),)}),
    "4 slots of done are taken, of 2": lambda marking: replace(
        marking,
        tokens=(*marking.tokens, *(Standing("done", serial, Job("a"), 0) for serial in (6, 7, 8))),
        next_serial=9,
    ),
}


@pytest.mark.parametrize("line", MISFITS)
def test_a_marking_that_does_not_fit_is_refused(line: str) -> None:
    """R32, R33: a marking from outside is the user's mistake, one that a kernel made is ours."""
    net = ping_net(capacity=2)
    marking = MISFITS[line](one_flight(net))
    with pytest.raises(NetError) as caught:
        Interpreter.load(net, marking)
    assert f"net ping, marking: {line}" in caught.value.problems
    with pytest.raises(KernelBug, match="net ping at 0 ns: "):
        assert_sound(net, marking)


def one_flight(net: Net) -> Marking:
    """Two jobs that wait, and a firing."""
    kernel = Interpreter(net)
    inject(kernel, "hosts", Host("a"))
    inject(kernel, "jobs", Job("a"), Job("b"), Job("c"), Job("a", 2))
    kernel.step(0)
    (flying,) = kernel.marking().flights
    assert flying.inputs[0].serial == 2
    return kernel.marking()


def test_several_misfits_are_reported_at_once() -> None:
    """R32: every reason, one line each."""
    marking = replace(one_flight(ping_net()), sunk={"x": 1}, sets={"y": ()})
    with pytest.raises(NetError) as caught:
        Interpreter.load(ping_net(), marking)
    assert caught.value.problems == (
        "net ping, marking: the net has no keyset y",
        "net ping, marking: the net has no sink x",
    )


def test_a_during_place_must_show_the_firings() -> None:
    """R22, R32: neither one too many nor one too few."""
    marking = busy().marking()
    ghost = replace(marking, flights=())
    with pytest.raises(NetError, match="token 8 shows no firing"):
        Interpreter.load(busy_net(), ghost)
    blind = replace(marking, tokens=marking.tokens[1:])
    with pytest.raises(NetError, match="firing's token 8 is missing"):
        Interpreter.load(busy_net(), blind)


def test_a_number_that_is_back_at_its_start_is_not_saved() -> None:
    """R20, R31: two markings are equal if nothing tells them apart."""
    kernel = Interpreter(ping_net())
    inject(kernel, "hosts", Host("a"))
    inject(kernel, "jobs", Job("a"))
    kernel.step(0)
    assert kernel.marking().counters == {"lines": ((None, 1),)}
    kernel.revoke(1)
    assert kernel.marking().counters == {"lines": ()}


def test_one_key_is_itself_and_several_are_a_tuple() -> None:
    """R1: the key of a plain counter is None."""
    assert (one_key([]), one_key(["a"]), one_key(["a", 1])) == (None, "a", ("a", 1))


def test_time_in_a_marking_is_the_last_that_was_given() -> None:
    """R11, R31: a loaded kernel knows what time it was."""
    kernel = Interpreter(ping_net())
    kernel.step(SECOND)
    with pytest.raises(NetError, match="time went back"):
        Interpreter.load(ping_net(), kernel.marking()).step(SECOND - 1)
