"""Virtual time: what happens, happens in order, at its time, and without waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from scraper_cpn.net import Interpreter, Kernel, Lost, Net, Row, on, put, spend
from scraper_cpn.net.compiled.kernel import compile_net
from scraper_cpn.simulate.driver import Run, run

HOUR = 3600 * 10**9


class Job(Struct, frozen=True):
    """A host to ping, and how long the answer takes."""

    host: str
    takes_ns: int = 0


class Host(Struct, frozen=True):
    """Its pacing token."""

    host: str


class Ok(Struct, frozen=True):
    """It answered."""


class Alien(Struct, frozen=True):
    """An outcome that the net does not know."""


def ping_net(deadline_ns: int | None = None) -> Net:
    """Each host is pinged once an hour."""
    net = Net("ping")
    jobs = net.place("jobs", Job, key="host", source=True, work=True)
    hosts = net.place("hosts", Host, key="host", timed=True, source=True)
    done, lost = net.sink("done", Job), net.sink("lost", Job)
    ping = net.effect("ping", Ok)
    net.transition(
        "ping",
        [jobs, spend(hosts, after_ns=HOUR)],
        effect=ping(jobs),
        deadline_ns=deadline_ns,
        outcomes=[on(Ok, put(done)), on(Lost, put(lost))],
    )
    return net


class Bench:
    """A ping net with jobs, and what its run came to."""

    def __init__(
        self,
        *jobs: Job,
        deadline_ns: int | None = None,
        execution: Callable[..., Kernel] = Interpreter,
    ) -> None:
        self.log: list[tuple[Any, ...]] = []
        self.rows: list[Row] = []
        self.calls: list[tuple[str, int]] = []
        net = ping_net(deadline_ns)
        self.kernel = execution(net, self.log.append)
        places: Any = net.places
        for host in sorted({job.host for job in jobs}):
            self.kernel.inject(places["hosts"], Host(host), 0)
        for job in jobs:
            self.kernel.inject(places["jobs"], job, 0)

    def ping(self, job: Job, now_ns: int) -> tuple[int, Any]:
        self.calls.append((job.host, now_ns))
        return job.takes_ns, Ok()

    def run(self, ping: Any = None, **given: Any) -> Run:
        return run(self.kernel, {"ping": ping or self.ping}, 0, on_rows=self.rows.extend, **given)

    def at(self, sink: str) -> list[str]:
        return [row.colour.host for row in self.rows if row.sink == sink]


@pytest.mark.parametrize("execution", [Interpreter, compile_net])
def test_hours_pass_at_once(execution: Callable[..., Kernel]) -> None:
    """Time jumps to the next useful moment: three pings of a host take two hours and no waiting."""
    bench = Bench(Job("a"), Job("a"), Job("a"), execution=execution)
    done = bench.run()
    assert bench.calls == [("a", 0), ("a", HOUR), ("a", 2 * HOUR)]
    assert (done.ended, done.now_ns, done.firings) == ("finished", 2 * HOUR, 3)


def test_what_ends_first_comes_first() -> None:
    """Outcomes arrive by their time, and at the same time in the order of the firings."""
    bench = Bench(Job("a", 30), Job("b", 10), Job("c", 20), Job("d", 10))
    assert bench.run().now_ns == 30
    assert bench.at("done") == ["b", "d", "c", "a"]


def test_an_outcome_comes_before_what_it_makes_possible() -> None:
    """At a moment at which a firing ends and another may begin, the end comes first."""
    bench = Bench(Job("a", HOUR), Job("a"))
    bench.run()
    assert [event[0] for event in bench.log if event[0] in ("begin", "end")] == [
        "begin",
        "end",
        "begin",
        "end",
    ]


def test_rows_come_in_order_and_all_of_them() -> None:
    """What reached a sink is handed over before the run returns."""
    bench = Bench(*(Job(host, 5) for host in "abcdef"))
    bench.run()
    assert bench.at("done") == list("abcdef")
    assert bench.kernel.drain() == []


def test_a_run_may_stop_at_a_time() -> None:
    """With `until_ns` it ends there at the latest, with what is in flight still in flight."""
    bench = Bench(Job("a", 10), Job("b", 2 * HOUR), Job("a"))
    done = bench.run(until_ns=HOUR)
    assert (done.ended, done.now_ns) == (None, HOUR)
    assert bench.at("done") == ["a"]
    assert bench.kernel.in_flight() == 1


def test_a_deadline_cuts_an_effect_off() -> None:
    """Work that takes longer is `Lost` at the deadline; work that takes as long is not."""
    bench = Bench(Job("late", 101), Job("just", 100), deadline_ns=100)
    assert bench.run().now_ns == 100
    assert (bench.at("lost"), bench.at("done")) == (["late"], ["just"])


def test_an_unknown_outcome_is_lost() -> None:
    """An effect that breaks its contract loses its firing, and the run goes on."""
    bench = Bench(Job("a"), Job("b"))
    done = bench.run(lambda job, _: (0, Alien() if job.host == "a" else Ok()))
    assert (bench.at("lost"), bench.at("done"), done.ended) == (["a"], ["b"], "finished")


def test_an_effect_that_raises_is_a_mistake_of_the_simulation() -> None:
    """It is not hidden: what a model of the world raises, the run raises."""

    def broken(_: Job, __: int) -> tuple[int, Any]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Bench(Job("a")).run(broken)


def test_steps_are_counted_and_few() -> None:
    """The kernel is woken when something happens, not in between."""
    done = Bench(*(Job("a") for _ in range(10))).run()
    assert done.steps <= 3 * done.firings


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(Job, st.sampled_from("abc"), st.integers(0, 3 * HOUR) | st.just(0)), max_size=12
    )
)
def test_both_executions_run_alike_and_pace_every_host(jobs: list[Job]) -> None:
    """The same trace from either kernel; starts of a host are an hour apart; time never goes back."""
    benches = [Bench(*jobs, execution=execution) for execution in (Interpreter, compile_net)]
    assert benches[0].run() == benches[1].run()
    assert benches[0].log == benches[1].log
    calls = benches[0].calls
    assert [now_ns for _, now_ns in calls] == sorted(now_ns for _, now_ns in calls)
    for host in "abc":
        starts = [now_ns for each, now_ns in calls if each == host]
        assert starts == [HOUR * k for k in range(len(starts))]
    assert len(calls) == len(jobs)
