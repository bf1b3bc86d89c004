"""A declaration with an argument of the wrong kind is refused in one line, whatever it is that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import scraper_cpn.net
from scraper_cpn.net import Lost, Net, NetError, checked, on
from tests.net.ping import Job

words: Any = scraper_cpn.net
"""Its functions without their types, which would refuse these mistakes."""


class Ok:
    """An outcome."""


async def later(_: Any) -> Any:
    """A coroutine function."""
    return 1


def several(_: Any) -> Iterator[int]:
    """A generator function."""
    yield 1


class Later:
    """What can be called, and gives a coroutine."""

    def __repr__(self) -> str:
        return "Later()"

    async def __call__(self, _: Any) -> int:
        """Take its time."""
        return 1


Declare = Callable[[Any, Any], object]
"""Declares something in a net that has a place `p`."""


def refused(declare: Declare) -> tuple[str, ...]:
    """What is wrong with a net of a place `p` and what a function declares."""
    net = Net("x")
    jobs = net.place("p", Job, key="host", source=True)
    declare(net, jobs)
    with pytest.raises(NetError) as error:
        checked(net)
    return error.value.problems


def effected(net: Net, jobs: Any, outcomes: list[Any] | None = None, **more: Any) -> None:
    """Declare a transition with an effect."""
    effect = net.effect("e", Ok)
    ends = [on(Ok), on(Lost)] if outcomes is None else outcomes
    net.transition("t", [jobs], effect=effect(jobs), outcomes=ends, **more)


MISTAKES: list[tuple[str, Declare]] = [
    ("place 3: its name is 3; give a string", lambda net, _: net.place(3, Job)),
    ("place ['q']: its name is ['q']; give a string", lambda net, _: net.place(["q"], Job)),
    ("place q: its colour is 'Job'; give a type", lambda net, _: net.place("q", "Job")),
    ("place q: its colour is list[int]; give a type", lambda net, _: net.place("q", list[int])),
    ("place q: its key is 3; give a name, or a tuple of names", lambda net, _: net.place("q", Job, key=3)),
    ("place q: its key names a field twice: host, host; name each once", lambda net, _: net.place("q", Job, key=("host", "host"))),
    ("place q: its capacity is '2'; give an integer", lambda net, _: net.place("q", Job, capacity="2")),
    ("place q: its capacity is 2.5; give an integer", lambda net, _: net.place("q", Job, capacity=2.5)),
    ("place q: its timed is 'no'; give True or False", lambda net, _: net.place("q", Job, timed="no")),
    ("place s: its colour is 1; give a type", lambda net, _: net.sink("s", 1)),
    ("place c: its budget is 1; give True or False", lambda net, _: net.counter("c", start=1, budget=1)),
    ("place c: later is async, but a net needs its result at once; give a plain function, or make it an effect", lambda net, _: net.counter("c", start=later, key="host")),
    ("effect e: its outcome is None; give a type", lambda net, _: net.effect("e", None)),
    ("effect e: its outcomes are given one by one; give them together: Ok | Job | 3", lambda net, _: net.effect("e", Ok, Job, 3)),
    ("effect e: its outcomes are given one by one; give them together: Ok | Job", lambda net, _: net.effect("e", (Ok, Job))),
    ("effect 5: its name is 5; give a string", lambda net, _: net.effect(5, Ok)),
    ("transition t: its take(p) has a count of None; give an integer, or a function of the key", lambda net, jobs: net.transition("t", [words.take(jobs, None)])),
    ("transition t: its take(p) has a count of '3'; give an integer, or a function of the key", lambda net, jobs: net.transition("t", [words.take(jobs, "3")])),
    ("transition t, take(p): a count of 0; give an integer from 1 up, or a function of the key", lambda net, jobs: net.transition("t", [words.take(jobs, 0)])),
    ("transition t, take(p): later is async, but a net needs its result at once; give a plain function, or make it an effect", lambda net, jobs: net.transition("t", [words.take(jobs, when=later)])),
    ("transition t, take(p): several is a generator, but one result is needed; give a function that returns it", lambda net, jobs: net.transition("t", [words.take(jobs, when=several)])),
    ("transition t, put(s): later is async, but a net needs its result at once; give a plain function, or make it an effect", lambda net, jobs: net.transition("t", [jobs], outputs=[words.put(net.sink("s", Job), later, jobs)])),
    ("transition t, put(s): is given 'x', which is no function; give a function and its sources", lambda net, jobs: net.transition("t", [jobs], outputs=[words.put(net.sink("s", Job), "x", jobs)])),
    ("transition t: its output 's' is no place; give what net.place or net.sink returned", lambda net, jobs: net.transition("t", [jobs], outputs=[words.put("s")])),
    ("transition t: its put_new(p) tests 's'; give what net.set returned", lambda net, jobs: net.transition("t", [jobs], outputs=[words.put_new("s", jobs, lambda job: job, jobs)])),
    ("transition t: its remove(p) is no set; give what net.set returned", lambda net, jobs: net.transition("t", [jobs], outputs=[words.remove(jobs, jobs)])),
    ("transition t: its priority is 'high'; give an integer", lambda net, jobs: net.transition("t", [jobs], priority="high")),
    ("transition t: its priority is nan; give an integer", lambda net, jobs: net.transition("t", [jobs], priority=float("nan"))),
    ("transition t: its manual is 'yes'; give True or False", lambda net, jobs: net.transition("t", [jobs], manual="yes")),
    ("transition t: its join is 3; give a name, or a tuple of names", lambda net, jobs: net.transition("t", [jobs], join=3)),
    ("transition t: its limits have 'x'; give a list of Limit", lambda net, jobs: net.transition("t", [jobs], limits="x")),
    ("transition t, take(p): Later() is async, but a net needs its result at once; give a plain function, or make it an effect", lambda net, jobs: net.transition("t", [words.take(jobs, when=Later())])),
    ("transition 7: its name is 7; give a string", lambda net, jobs: net.transition(7, [jobs])),
    ("transition t: its outputs is <sink s of Job>; give put(place)", lambda net, jobs: effected(net, jobs, [words.on(Ok, net.sink("s", Job)), on(Lost)])),
    ("transition t: its outcome is 3; give a type", lambda net, jobs: effected(net, jobs, [words.on(3), on(Lost)])),
    ("transition t: its output 5 is no place; give what net.place or net.sink returned", lambda net, jobs: effected(net, jobs, [on(Ok, words.consume(5)), on(Lost)])),
    ("transition t: its deadline_ns is 1.5; give an integer", lambda net, jobs: effected(net, jobs, deadline_ns=1.5)),
    ("transition t, pause_ns: <lambda> can't be called with (int)", lambda net, jobs: effected(net, jobs, attempts=2, pause_ns=lambda: 1)),
]  # fmt: skip


@pytest.mark.parametrize(("line", "declare"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_gets_one_line(line: str, declare: Declare) -> None:
    """It says where, what was given, and what to give; no other line follows from it."""
    assert refused(declare) == (f"net x, {line}",)


def test_a_net_says_what_it_is_called_and_which_key_tells_its_runs_apart() -> None:
    """Its own arguments are checked like those of its places."""
    net = words.Net(None)
    net.place("p", Job)
    with pytest.raises(NetError, match="net None: its name is None; give a string"):
        checked(net)
    net = words.Net("x", run="farm")
    net.place("p", Job, key="host")
    with pytest.raises(NetError, match="net x: no place has the key farm, which tells runs apart"):
        checked(net)
