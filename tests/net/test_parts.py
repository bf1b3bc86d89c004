"""A net of parts: what belongs to whom, and that parts and limits change nothing about what fires."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Interpreter,
    Kernel,
    Limit,
    Lost,
    Net,
    NetError,
    Output,
    Part,
    Place,
    Transition,
    Wording,
    checked,
    compile_net,
    consume,
    hold,
    on,
    put,
    put_new,
    spend,
)
from scraper_cpn.store.net_signature import signature_of


class Job(Struct, frozen=True):
    """A request to a host."""

    host: str


class Host(Struct, frozen=True):
    """The pacing token of a host."""

    host: str


class Ok(Struct, frozen=True):
    """It went well."""


class Slow(Struct, frozen=True):
    """The host asks to be left alone."""


def host_of(job: Job) -> Host:
    return Host(job.host)


class Lines(Limit):
    """So many requests at a time; each success costs one for good."""

    def __init__(self, net: Net) -> None:
        super().__init__(net, "lines")
        self.free = self.counter("free_lines", start=2)
        self.takes = [hold(self.free)]
        self.puts = {Ok: [consume(self.free)]}
        self.wording = {self.free: Wording("a line to be free")}


class Hosts(Limit):
    """One request to a host each 10 ns; `Slow` is noted for the host."""

    counts_by = ("host",)

    def __init__(self, net: Net) -> None:
        super().__init__(net, "hosts")
        self.pacing = self.place("hosts", Host, key="host", timed=True)
        self.known = self.set("known_hosts", Host, key="host")
        self.noted = self.sink("noted", Host)
        self.takes = [spend(self.pacing, after_ns=10)]
        self.puts = {Slow: [put(self.noted, lambda host: host, self.pacing)]}

    def brings(self, source: Place[Any] | type[Any]) -> Sequence[Output]:
        assert isinstance(source, Place)
        return [put_new(self.known, self.pacing, host_of, source)]

    def properties(self) -> list[str]:
        return ["one token for each known host"]


class Requests(Part):
    """Jobs are admitted, and run under the limits."""

    def __init__(self, net: Net, limits: Sequence[Limit]) -> None:
        super().__init__(net, "requests")
        self.found = self.place("found", Job, source=True, work=True)
        key = tuple(field for limit in limits for field in limit.counts_by)
        self.jobs = self.place("jobs", Job, key=key, work=True)
        self.seen = self.set("seen", Job, key="host")
        self.done = self.sink("done", Job)
        call = self.effect("call", Ok | Slow)
        new = put_new(self.seen, self.jobs, lambda job: job, self.found)
        brought = [output for limit in limits for output in limit.brings(self.jobs)]
        self.transition("admit", [self.found], outputs=[new, *brought])
        self.run = self.transition(
            "run",
            [self.jobs],
            limits=limits,
            effect=call(self.jobs),
            outcomes=[on(Ok, put(self.done)), on(Slow, put(self.done)), on(Lost, put(self.jobs))],
        )


def of_parts() -> tuple[Net, Lines, Hosts, Requests]:
    net = Net("calls")
    lines, hosts = Lines(net), Hosts(net)
    return net, lines, hosts, Requests(net, [lines, hosts])


def in_one_go() -> Net:
    """The same net without parts."""
    net = Net("calls")
    free = net.counter("free_lines", start=2)
    hosts = net.place("hosts", Host, key="host", timed=True)
    known, noted = net.set("known_hosts", Host, key="host"), net.sink("noted", Host)
    found = net.place("found", Job, source=True, work=True)
    jobs = net.place("jobs", Job, key="host", work=True)
    seen, done = net.set("seen", Job, key="host"), net.sink("done", Job)
    call = net.effect("call", Ok | Slow)
    new = put_new(seen, jobs, lambda job: job, found)
    net.transition("admit", [found], outputs=[new, put_new(known, hosts, host_of, jobs)])
    net.transition(
        "run",
        [jobs, hold(free), spend(hosts, after_ns=10)],
        effect=call(jobs),
        outcomes=[
            on(Ok, put(done), consume(free)),
            on(Slow, put(done), put(noted, lambda host: host, hosts)),
            on(Lost, put(jobs)),
        ],
    )
    return net


def test_a_net_of_parts_is_the_net_in_one_go() -> None:
    """The signatures are equal: arcs and outputs of limits come after the transition's own."""
    assert signature_of(checked(of_parts()[0]), {}) == signature_of(checked(in_one_go()), {})


@pytest.mark.parametrize("execution", [Interpreter, compile_net])
def test_a_net_of_parts_fires_as_the_net_in_one_go(execution: Callable[..., Kernel]) -> None:
    """Both kernels make the same trace of the same calls."""
    traces: list[list[Any]] = []
    for net in (of_parts()[0], in_one_go()):
        trace: list[Any] = []
        kernel = execution(net, trace.append)
        found: Any = net.places["found"]
        for number, outcome in enumerate((Ok(), Slow(), Lost("gone"), Ok())):
            kernel.inject(found, Job(f"host {number % 3}"), number * 5)
            for firing in kernel.step(number * 5).firings:
                kernel.started(firing.id, number * 5)
                kernel.complete(firing.id, outcome, number * 5)
        traces.append([str(event) for event in trace])
    assert traces[0] == traces[1]
    assert len(traces[0]) > 8


def test_each_part_has_what_it_declared() -> None:
    """Places, effects and transitions are the net's and the part's; the part of each can be determined."""
    net, lines, hosts, requests = of_parts()
    assert list(net.parts.values()) == [lines, hosts, requests]
    assert list(hosts.places) == ["hosts", "known_hosts", "noted"]
    assert (list(requests.transitions), list(requests.effects)) == (["admit", "run"], ["call"])
    assert net.part_of(hosts.pacing) is hosts
    assert net.part_of(requests.run) is requests
    assert net.part_of(net.sink("other", Job)) is None
    assert hosts.net is net
    assert net.net is net
    assert repr(hosts) == "<part hosts of net calls>"


def test_places_of_another_net_belong_to_no_part() -> None:
    """A name alone makes nobody a part's."""
    net, *_ = of_parts()
    other: Transition = of_parts()[3].run
    assert net.part_of(other) is None


def test_a_part_brings_its_properties_and_its_words() -> None:
    """Both are empty unless the part says something."""
    _, lines, hosts, _ = of_parts()
    assert (list(hosts.properties()), list(lines.properties())) == (
        ["one token for each known host"],
        [],
    )
    assert lines.wording[lines.free].tell() == "a line to be free"
    assert hosts.wording == {}


def test_a_limit_without_tokens_of_its_own_brings_nothing() -> None:
    """A number needs no token for a new key."""
    _, lines, _, requests = of_parts()
    assert list(lines.brings(requests.jobs)) == []


def test_words_know_the_key_and_whether_time_helps() -> None:
    """A wait for a time has other words than a wait for an event."""
    words = Wording("a request to {key} to end", pause="the pause of {key}")
    assert words.tell("a.example") == "a request to a.example to end"
    assert words.tell("a.example", timed=True) == "the pause of a.example"
    assert Wording("a proxy").tell("x", timed=True) == "a proxy"


def test_a_name_that_is_taken_is_refused() -> None:
    """Two parts, and places and effects of two parts, can't have one name; all are reported at once."""
    net, *_ = of_parts()
    second = Part(net, "hosts")
    second.place("jobs", Job)
    second.effect("call", Ok)
    second.transition("run", [])
    with pytest.raises(NetError) as refused:
        checked(net)
    for what in ("part hosts", "place jobs", "effect call", "transition run"):
        assert f"net calls, {what}: the name is taken" in str(refused.value)
