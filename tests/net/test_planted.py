"""Faults that random nets hardly ever meet: each is planted, and a small net shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Lost,
    Net,
    absent,
    compile_net,
    hold,
    on,
    put,
    put_new,
    remove,
    spend,
    take,
)
from scraper_cpn.net.compiled.kernel import Compiled
from tests.net.test_mutants import Mutant, planted


class Job(Struct, frozen=True):
    host: str
    n: int = 0


def batch() -> Net:
    """Three parts go together, or none."""
    net = Net("batch")
    parts = net.place("parts", Job, source=True)
    out = net.sink("out", Job)
    net.transition("pack", [take(parts, 3)], outputs=[put(out)])
    return net


def packed(kernel: Compiled) -> int:
    """How many parts go when there are two."""
    parts: Any = kernel.net.places["parts"]
    for n in range(2):
        kernel.inject(parts, Job("a", n), 0)
    kernel.step(0)
    return kernel.count("out")


def renewal() -> Net:
    """A job waits until the set has forgotten its host."""
    net = Net("renewal")
    jobs = net.place("jobs", Job, key="host", source=True)
    again = net.place("again", Job, key="host", source=True)
    seen = net.set("seen", Job, key="host")
    out = net.sink("out", Job)
    net.transition("go", [jobs, absent(seen)], outputs=[put_new(seen, out, lambda job: job, jobs)])
    net.transition("forget", [again], outputs=[remove(seen, again)], priority=1)
    return net


def renewed(kernel: Compiled) -> int:
    """How many jobs of a host have gone once the set has forgotten the first one."""
    places: Any = kernel.net.places
    kernel.inject(places["jobs"], Job("a", 1), 0)
    kernel.step(0)
    kernel.inject(places["jobs"], Job("a", 2), 0)
    kernel.step(0)
    kernel.inject(places["again"], Job("a"), 0)
    kernel.step(0)
    return kernel.count("out")


class Visit(Struct, frozen=True):
    host: str
    domain: str
    rank: int = 0


class Grant(Struct, frozen=True):
    domain: str


def visits(permits: int = 1, granted: int = 1) -> Net:
    """A visit needs a slot of its host and *permits* of its domain, which come *granted* at a time."""
    net = Net("visits")
    wants = net.place("wants", Visit, key=("host", "domain"), order="rank", timed=True, source=True)
    hosts = net.counter("hosts", key="host", start=3)
    domains = net.counter("domains", key="domain", start=0)
    grants = net.place("grants", Grant, key="domain", source=True)
    out = net.sink("out", Visit)
    net.transition("visit", [wants, take(hosts), take(domains, permits)], outputs=[put(out)])
    net.transition("grant", [grants], outputs=[put(domains, granted)])
    return net


def entrances(kernel: Compiled) -> tuple[Any, Any]:
    """Where wants and grants come in."""
    return kernel.net.places["wants"], kernel.net.places["grants"]


def visited(kernel: Compiled) -> list[Any]:
    """The ranks of the visits since the last look."""
    return [row.colour.rank for row in kernel.drain()]


def two_permits() -> Net:
    """A visit needs two permits, which come one by one."""
    return visits(permits=2)


def after_two(kernel: Compiled) -> list[int]:
    """The visits after the second permit."""
    wants, grants = entrances(kernel)
    kernel.inject(wants, Visit("a", "x"), 0)
    for _ in range(2):
        kernel.inject(grants, Grant("x"), 0)
        kernel.step(0)
    return visited(kernel)


def overtaken(kernel: Compiled) -> list[int]:
    """The visits when a better one comes to a host that waits already, and then one permit."""
    wants, grants = entrances(kernel)
    for visit in (Visit("a", "x", 5), Visit("b", "x", 3)):
        kernel.inject(wants, visit, 0)
    kernel.step(0)
    kernel.inject(wants, Visit("a", "x", 1), 0)
    kernel.inject(grants, Grant("x"), 0)
    kernel.step(0)
    return visited(kernel)


def ripened(kernel: Compiled) -> list[int]:
    """The visits when the one want of a host becomes ready."""
    wants, grants = entrances(kernel)
    kernel.inject(grants, Grant("x"), 0)
    kernel.inject(wants, Visit("a", "x"), 0, ready_at_ns=5)
    kernel.step(0)
    kernel.step(5)
    return visited(kernel)


def two_at_once() -> Net:
    """A domain gets two permits at a time."""
    return visits(granted=2)


def both(kernel: Compiled) -> list[int] | str:
    """The visits of two hosts of a domain that has got two permits."""
    wants, grants = entrances(kernel)
    for visit in (Visit("a", "x", 1), Visit("b", "x", 2)):
        kernel.inject(wants, visit, 0)
    kernel.step(0)
    kernel.inject(grants, Grant("x"), 0)
    try:
        kernel.step(0)
    except KeyError:
        return "a host is looked for that has no want any more"
    return visited(kernel)


class Done(Struct, frozen=True):
    pass


def workshop(spent: bool) -> Net:
    """A question waits until no job is in its place, nor in use."""
    net = Net("workshop")
    jobs = net.place("jobs", Job, timed=spent, source=True)
    lines = net.counter("lines", start=1)
    asks = net.place("asks", Grant, source=True)
    work = net.effect("work", Done)
    out = net.sink("out", Grant)
    arc = spend(jobs, lambda job: None) if spent else take(jobs)
    net.transition("work", [arc, hold(lines)], effect=work(), outcomes=[on(Done), on(Lost)])
    free = absent(jobs, include_in_use=True)
    net.transition("ask", [asks, free], outputs=[put(out)])
    return net


def spending() -> Net:
    """The job is used up at the start of the work."""
    return workshop(spent=True)


def taking() -> Net:
    """The job is used up at the end of the work."""
    return workshop(spent=False)


def answered(kernel: Compiled) -> int:
    """How many questions have gone when the work is done."""
    places: Any = kernel.net.places
    kernel.inject(places["jobs"], Job("a"), 0)
    (firing,) = kernel.step(0).firings
    kernel.inject(places["asks"], Grant("x"), 0)
    kernel.step(0)
    kernel.started(firing.id, 0)
    kernel.complete(firing.id, Done(), 0)
    kernel.step(0)
    return kernel.count("out")


TOO_FEW = Mutant("one token too few is enough", r"len\((\w+)\) < (\d+)", r"len(\1) < \2 - 1")
FORGOTTEN = Mutant(
    "keys that wait are not told what a set forgot",
    r"if self\.families:",
    "if False:",
    "Seen",
    True,
)


SECOND = Mutant(
    "who needs two of a keyed number is not told of the second",
    r"number < self\.most",
    "number < 1",
    "Tally",
    True,
)
BETTER = Mutant(
    "a better lead token goes unnoticed",
    r"        if not record\.touched:",
    "        if record.gate is None and not record.touched:",
    "Join",
    True,
)
READY = Mutant(
    "a lead token that becomes ready goes unnoticed",
    r"if at != record\.alarm:",
    "if False:",
    "Join",
    True,
)
DROPPED = Mutant(
    "a key is dropped but not forgotten",
    r"        self\._withdraw\(record\)\n        if record\.gate",
    "        if record.gate",
    "Join",
    True,
)
SHUT = Mutant(
    "who has passed a gate keeps it shut",
    r"            gate\.touch\(\)\n\n    def _wait",
    "\n    def _wait",
    "Join",
    True,
)
SPENT = Mutant("a token that was spent is still seen in use", r"unuse_\w+\(.*\)", "pass", "spend_")
FREE = Mutant("a token in use enables nobody when it is free", r"dirty \|= \w+", "pass", "unuse_")


@pytest.mark.parametrize(
    ("mutant", "net", "happens", "right"),
    [
        (TOO_FEW, batch, packed, 0),
        (FORGOTTEN, renewal, renewed, 2),
        (SECOND, two_permits, after_two, [0]),
        (BETTER, visits, overtaken, [1]),
        (READY, visits, ripened, [0]),
        (DROPPED, two_at_once, both, [1, 2]),
        (SHUT, two_at_once, both, [1, 2]),
        (SPENT, spending, answered, 1),
        (FREE, taking, answered, 1),
    ],
    ids=lambda given: given.name if isinstance(given, Mutant) else "",
)
def test_a_rare_fault_is_caught(
    mutant: Mutant, net: Callable[[], Net], happens: Callable[[Compiled], object], right: object
) -> None:
    """R40, R47: the sound execution does it right, and the faulty one does not."""
    assert happens(compile_net(net())) == right
    assert happens(planted(mutant)(net())) != right
