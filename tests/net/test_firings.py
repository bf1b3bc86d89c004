"""A firing from its reservation to its end, and calls that are refused; in both executions."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Lost,
    Net,
    NetError,
    Row,
    absent,
    expired,
    hold,
    on,
    put,
    read,
    spend,
)
from tests.net import running
from tests.net.ping import SECOND, Down, Host, Job, Ok, ping_net
from tests.net.running import inject, kernel_of

pytestmark = pytest.mark.usefixtures("both_executions")


def test_inputs_of_a_firing_are_reserved() -> None:
    """R18: a second step finds neither the job nor the host again."""
    kernel, _ = kernel_of(ping_net())
    inject(kernel, "hosts", Host("a"))
    inject(kernel, "jobs", Job("a"), Job("a"))
    assert len(kernel.step(0).firings) == 1
    assert kernel.step(0).firings == ()
    assert (kernel.count("jobs"), kernel.count("hosts"), kernel.in_flight()) == (1, 0, 1)


def test_what_is_spent_is_dated_from_the_start() -> None:
    """R19: the host's rest begins when the effect really starts, however late that is."""
    kernel, log = kernel_of(ping_net())
    inject(kernel, "hosts", Host("a"))
    inject(kernel, "jobs", Job("a"))
    kernel.step(0)
    log.clear()
    kernel.started(1, 77)
    assert log == [f"started 77 1 [hosts#3@{77 + SECOND}]"]


def test_a_transition_without_effect_spends_at_once() -> None:
    """R19: changed by its function, dated by its span; None lets the token go."""

    def change(host: Host) -> Host | None:
        return Host(host.host[1:]) if len(host.host) > 1 else None

    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    hosts = net.place("hosts", Host, source=True, timed=True)
    wait = spend(hosts, change, after_ns=lambda host: len(host.host))
    net.transition("go", [jobs, wait])
    kernel, log = kernel_of(net)
    inject(kernel, "hosts", Host("abc"))
    inject(kernel, "jobs", *[Job("a")] * 3)
    log.clear()
    assert kernel.step(0).wake_ns == 2
    assert kernel.step(2).wake_ns == 3
    assert kernel.step(3).wake_ns is None
    assert log == [
        "fire 0 1 go [2 1]  [hosts#5@2]",
        "fire 2 2 go [3 5]  [hosts#6@3]",
        "fire 3 3 go [4 6]  []",
    ]


def test_a_spent_token_keeps_its_end() -> None:
    """R9, R19: it comes back with the time at which it expires."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    hosts = net.place("hosts", Host, source=True, expires=True)
    net.transition("go", [jobs, spend(hosts)])
    net.transition("expire", [expired(hosts)])
    kernel, _ = kernel_of(net)
    inject(kernel, "hosts", Host("a"), expires_at_ns=9)
    inject(kernel, "jobs", Job("a"))
    assert kernel.step(0).wake_ns == 9


def test_revoke_undoes_a_firing_exactly() -> None:
    """R20: tokens, numbers and the shown token are as before; the next firing has a new id."""
    net = shown_net()
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    before = kernel.marking()
    kernel.step(0)
    kernel.revoke(1)
    after = kernel.marking()
    assert (after.tokens, after.counters, after.flights) == (before.tokens, before.counters, ())
    log.clear()
    kernel.step(0)
    assert log == ["begin 0 2 go [1 -1 -1]"]


def test_a_firing_starts_once_and_completes_once() -> None:
    """R20, R21, R35: every other order of calls is refused, and changes nothing."""
    kernel, log = kernel_of(ping_net())
    inject(kernel, "hosts", Host("a"))
    inject(kernel, "jobs", Job("a"))
    kernel.step(0)
    log.clear()

    def refused(call: Callable[..., object], *args: Any) -> str:
        before = kernel.marking()
        with pytest.raises(NetError) as caught:
            call(*args)
        assert (kernel.marking(), log) == (before, [])
        return str(caught.value)

    not_started = "net ping, firing 1: has not started; call started first, or revoke"
    assert refused(kernel.complete, 1, Ok(), 0) == not_started
    assert refused(kernel.started, 2, 0) == "net ping, firing 2: is not in flight"
    kernel.started(1, 3)
    log.clear()
    assert refused(kernel.started, 1, 3) == "net ping, firing 1: has started already"
    assert refused(kernel.revoke, 1) == "net ping, firing 1: has started; it can only complete"
    unknown = "net ping, transition call: Job is not one of its outcomes (Ok, Down, Lost)"
    assert refused(kernel.complete, 1, Job("a"), 3) == unknown
    back = "net ping: time went back from 3 to 2 ns; give a time that grows"
    assert refused(kernel.complete, 1, Ok(), 2) == back
    assert refused(kernel.step, 2) == back
    kernel.complete(1, Ok(), 3)
    log.clear()
    assert refused(kernel.complete, 1, Ok(), 3) == "net ping, firing 1: is not in flight"


def shown_net() -> Net:
    """A job in progress is shown, and keeps others of its host away."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True)
    running = net.place("running", Job, key="host")
    lines = net.counter("lines", start=2)
    work = net.effect("work", Ok)(jobs)
    net.transition(
        "go",
        [jobs, hold(lines), absent(running)],
        effect=work,
        outcomes=[on(Ok), on(Lost, put(jobs))],
        during=running,
    )
    return net


def test_during_shows_a_firing() -> None:
    """R22: a second job of the host waits until the first has ended; one of another host does not."""
    kernel, log = kernel_of(shown_net())
    inject(kernel, "jobs", Job("a"), Job("a"), Job("b"))
    log.clear()
    kernel.step(0)
    assert log == ["begin 0 1 go [1 -1 -1]", "begin 0 2 go [3 -1 -1]"]
    assert kernel.count("running") == 2
    kernel.started(1, 1)
    kernel.complete(1, Ok(), 2)
    assert kernel.count("running") == 1
    log.clear()
    kernel.step(2)
    assert log == ["begin 2 3 go [2 -1 -1]"]


@pytest.mark.parametrize("by", ["key", "order"])
def test_a_shown_token_that_raises_is_only_not_shown(by: str) -> None:
    """R22, R27: the copy is set aside; the firing goes on, and so does its end."""

    class Odd(Struct, frozen=True):
        @property
        def key(self) -> str:
            raise ValueError("no key")

    net = Net("n")
    jobs, running = net.place("jobs", Odd, source=True), net.place("running", Odd, **{by: "key"})  # type: ignore[arg-type]
    work = net.effect("work", Ok)(jobs)
    net.transition("go", [jobs], effect=work, outcomes=[on(Ok), on(Lost)], during=running)
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Odd())
    log.clear()
    assert len(kernel.step(0).firings) == 1
    assert log == ["begin 0 1 go [1]", "fault running 2 ValueError: no key"]
    again = type(kernel).load(net, kernel.marking())
    assert (kernel.count("running"), again.count("running")) == (0, 0)
    assert again.marking() == kernel.marking()
    kernel.revoke(1)
    assert (kernel.count("jobs"), kernel.count("running")) == (1, 0)


def test_a_revoked_token_leads_its_key_again() -> None:
    """R20: before younger tokens of its key, and so before keys that were behind it and before them."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True)
    hosts = net.counter("hosts", key="host", start=lambda _: 9)
    work = net.effect("work", Ok)(jobs)
    net.transition("go", [jobs, hold(hosts)], effect=work, outcomes=[on(Ok), on(Lost)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a", 1), Job("b", 2), Job("a", 3))
    kernel.step(0, limit=1)
    kernel.revoke(1)
    assert [firing.args[0].attempt for firing in kernel.step(0).firings] == [1, 2, 3]


def test_a_firing_reserves_the_slot_that_it_may_fill() -> None:
    """R23, R24: with one slot, the second job waits until the first has left the bounded place."""
    kernel, _ = kernel_of(ping_net(lines=5, capacity=1))
    inject(kernel, "hosts", Host("a"), Host("b"))
    inject(kernel, "jobs", Job("a"), Job("b"))
    assert [firing.id for firing in kernel.step(0).firings] == [1]
    kernel.started(1, 0)
    assert kernel.step(0).firings == ()
    kernel.complete(1, Ok(), 0)
    assert [firing.args for firing in kernel.step(0).firings] == [(Job("b"),)]
    assert kernel.drain() == [Row("log", Job("a"))]


def test_a_slot_is_free_again_when_the_outcome_does_not_fill_it() -> None:
    """R24: the reservation ends with the firing."""
    kernel, _ = kernel_of(ping_net(lines=5, capacity=1))
    inject(kernel, "hosts", Host("a"), Host("b"))
    inject(kernel, "jobs", Job("a"), Job("b"))
    kernel.step(0)
    kernel.started(1, 0)
    kernel.complete(1, Down(), 0)
    assert len(kernel.step(0).firings) == 1


def test_the_slot_of_an_input_stays_taken_until_its_firing_ends() -> None:
    """R24: a bounded source is full while its one token is being worked on; a spent one only until the start."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True, capacity=1)
    hosts = net.place("hosts", Host, source=True, capacity=2, timed=True)
    work = net.effect("work", Ok)(jobs)
    outcomes = [on(Ok), on(Lost, put(jobs))]
    net.transition("go", [jobs, spend(hosts, lambda _: None)], effect=work, outcomes=outcomes)
    kernel, _ = kernel_of(net)
    inject(kernel, "hosts", Host("a"), Host("b"))
    inject(kernel, "jobs", Job("a"))
    kernel.step(0)
    for place, colour in (("jobs", Job("b")), ("hosts", Host("c"))):
        with pytest.raises(NetError, match=f"place {place}: is full"):
            inject(kernel, place, colour)
    kernel.started(1, 0)
    inject(kernel, "hosts", Host("c"))
    kernel.complete(1, Ok(), 0)
    inject(kernel, "jobs", Job("b"))


class Stranger(Struct, frozen=True):
    pass


def test_what_can_not_be_injected_is_refused() -> None:
    """R11, R35: each call has its one line, and changes nothing."""
    net = ping_net(capacity=3)
    jobs, hosts, done = (net.places[name] for name in ("jobs", "hosts", "done"))
    other = ping_net().places["jobs"]
    plain = Net("plain")
    bare = plain.place("bare", Job, source=True)
    plain.transition("go", [bare])
    kernel, log = kernel_of(net)
    calls: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
        ((net.places["lines"], 1, 0), {}, "net ping: inject wants a place of this net, not <counter lines>"),
        ((other, Job("a"), 0), {}, "net ping, place jobs: is not a place of this net; use the one that this net declared"),
        ((done, Job("a"), 0), {}, "net ping, place done: is no source; declare it with source=True to inject into it"),
        ((jobs, Host("a"), 0), {}, "net ping, place jobs: takes Job, not Host"),
        ((jobs, Job("a"), -1), {}, "net ping: time went back from 0 to -1 ns; give a time that grows"),
        ((jobs, Job("a"), 0.5), {}, "net ping: time is an integer number of nanoseconds, not 0.5"),
        ((jobs, Job("a"), 0), {"ready_at_ns": -1}, "net ping, place jobs: a time is an integer from 0 up, not -1"),
        ((jobs, Job("a"), 0), {"ready_at_ns": float("nan")}, "net ping, place jobs: a time is an integer from 0 up, not nan"),
        ((hosts, Host("a"), 0), {"expires_at_ns": 5}, "net ping, place hosts: its tokens don't expire; declare it with expires=True"),
    ]  # fmt: skip
    for args, times, text in calls:
        before = kernel.marking()
        with pytest.raises(NetError) as caught:
            kernel.inject(*args, **times)
        assert (str(caught.value), kernel.marking(), log) == (text, before, [])
    text = "net plain, place bare: is not timed; declare it with timed=True to give tokens a ready time"
    with pytest.raises(NetError) as caught:
        running.new_kernel(plain).inject(bare, Job("a"), 0, ready_at_ns=5)
    assert str(caught.value) == text


def test_a_limit_and_a_name_are_checked() -> None:
    """R35: a step must be allowed to do something, and a count is of a place that there is."""
    kernel, _ = kernel_of(ping_net())
    with pytest.raises(NetError, match="a step of at most 0 firings; allow at least 1"):
        kernel.step(0, limit=0)
    with pytest.raises(NetError, match="has no place job; it has jobs, hosts, lines, done, log"):
        kernel.count("job")


def test_a_kernel_shows_itself_in_one_line() -> None:
    """A debugger shows where the tokens are."""
    kernel, _ = kernel_of(ping_net())
    assert repr(kernel).endswith(", <marking of ping at 0 ns: empty>>")
    inject(kernel, "hosts", Host("a"), Host("b"))
    inject(kernel, "jobs", Job("a"), Job("a"), now_ns=5)
    kernel.step(5)
    text = "<marking of ping at 5 ns: jobs 1, hosts 1, in flight 1>"
    assert repr(kernel.marking()) == text
    assert repr(kernel.net) == "<net ping: 5 places, 2 transitions>"


def _held_net() -> tuple[Net, Any]:
    """Calls to a host that may start only while the line is open and the host has no complaint."""
    net = Net("held")
    jobs = net.place("jobs", Job, key="host", source=True, work=True)
    hosts = net.place("hosts", Host, key="host", source=True, timed=True)
    line = net.place("line", Lamp, source=True, expires=True)
    complaints = net.place("complaints", Host, key="host", source=True)
    call = net.effect("call", Ok)(jobs)
    net.transition(
        "call",
        [jobs, spend(hosts, after_ns=SECOND)],
        effect=call,
        outcomes=[on(Ok), on(Lost, put(jobs))],
        still=[read(line), absent(complaints)],
    )
    net.transition("hear", [complaints, hosts], outputs=[put(hosts, _same, hosts)], priority=-1)
    net.transition("dark", [expired(line)])
    return net, line


def _same(host: Host) -> Host:
    return host


class Lamp(Struct, frozen=True):
    """While it is lit, calls may start."""


@pytest.mark.parametrize("late", [False, True])
def test_a_firing_does_not_start_where_what_must_still_hold_does_not(late: bool) -> None:
    """R19: a complaint about its host that came meanwhile, or a line that has gone dark, revokes it."""
    net, _ = _held_net()
    kernel, log = kernel_of(net)
    inject(kernel, "hosts", Host("a"))
    kernel.inject(net.places["line"], Lamp(), 0, expires_at_ns=50)  # type: ignore[arg-type]
    inject(kernel, "jobs", Job("a"))
    before = kernel.marking()
    kernel.step(0)
    if not late:
        inject(kernel, "complaints", Host("b"))
        assert kernel.may_start(1, 40)
        inject(kernel, "complaints", Host("a"))
    now_ns = 50 if late else 40
    assert not kernel.may_start(1, now_ns)
    assert not kernel.started(1, now_ns)
    assert log[-1] == "revoke 1"
    assert kernel.in_flight() == 0
    assert set(before.tokens) <= set(kernel.marking().tokens)
    assert _refused(kernel.started, 1, now_ns) == "net held, firing 1: is not in flight"


def test_who_has_asked_starts_in_any_case() -> None:
    """R19: what was found out just before, and an effect that has ended, need not be asked again."""
    net, _ = _held_net()
    kernel, log = kernel_of(net)
    inject(kernel, "hosts", Host("a"))
    inject(kernel, "jobs", Job("a"))
    kernel.step(0)
    assert not kernel.may_start(1, 5)
    assert kernel.started(1, 5, asked=True)
    assert log[-1].startswith("started 5 1")
    assert not kernel.may_start(1, 5)
    assert _refused(kernel.may_start, 2, 5) == "net held, firing 2: is not in flight"


def test_conditions_of_a_start_are_checked() -> None:
    """R34: they are reads or absences of places that are not paged, of this net, with keys that the inputs determine."""
    net, other = Net("n"), Net("other")
    jobs = net.place("jobs", Job, source=True)
    hosts = net.place("hosts", Host, key="host", source=True, paged=True)
    stray = other.place("stray", Job, source=True)
    call = net.effect("call", Ok)(jobs)
    still = [absent(hosts), read(stray), hold(jobs)]
    net.transition("call", [jobs], effect=call, outcomes=[on(Ok), on(Lost)], still=still)
    net.transition("plain", [jobs], still=[read(jobs)])
    net.transition("drop", [hosts])
    with pytest.raises(NetError) as error:
        kernel_of(net)
    lines = str(error.value).splitlines()
    texts = [line.removeprefix("net n, transition ") for line in lines if "place hosts" not in line]
    assert texts == [
        "call, still absent(hosts): must be read(...) or absent(...) of a place that is not paged",
        "call, still absent(hosts): no input has the key host; add an input that has it",
        "call, still read(stray): is not a place of this net; use one that this net declared",
        "call, still hold(jobs): must be read(...) or absent(...) of a place that is not paged",
        "plain: still needs an effect; make its arcs inputs, or give an effect",
    ]


def _refused(call: Callable[..., Any], *args: Any) -> str:
    with pytest.raises(NetError) as error:
        call(*args)
    return str(error.value)
