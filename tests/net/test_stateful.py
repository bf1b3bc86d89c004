"""Whatever is called in whatever order: the laws that an interpreted net keeps."""

from collections import Counter as Tally
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.net import (
    Interpreter,
    Lost,
    Marking,
    Net,
    NetError,
    absent,
    consume,
    hold,
    on,
    put,
    put_new,
    spend,
    take,
)
from scraper_cpn.net.places import Place
from scraper_cpn.net.sound import assert_sound
from tests.net.ping import Log

CAPACITY = 3


class Job(Struct, frozen=True):
    host: str
    rank: int


class Machine(Struct, frozen=True):
    """Spent by every firing: its uses count up."""

    host: str
    uses: int = 0

    def used(self) -> "Machine":
        return Machine(self.host, self.uses + 1)


class Tool(Struct, frozen=True):
    name: str


class Good(Struct, frozen=True):
    pass


class Bad(Struct, frozen=True):
    pass


def shop() -> Net:
    """Jobs need the machine of their host, any tool and a unit of power; results wait in a small place."""
    net = Net("shop")
    jobs = net.place("jobs", Job, key="host", order="rank", timed=True, source=True, work=True)
    machines = net.place("machines", Machine, key="host", timed=True, source=True)
    tools = net.place("tools", Tool, source=True)
    power = net.counter("power", start=2)
    busy = net.place("busy", Job, key="host")
    results = net.place("results", Job, capacity=CAPACITY, work=True)
    trucks = net.place("trucks", Tool, source=True)
    seen, new = net.set("seen", Job, key=("host", "rank")), net.sink("new", Job)
    scrap = net.sink("scrap", Job)
    work = net.effect("work", Good | Bad)(jobs)
    net.transition(
        "work",
        [jobs, spend(machines, Machine.used, after_ns=3), hold(tools), hold(power), absent(busy)],
        effect=work,
        during=busy,
        outcomes=[
            on(Good, put(results), consume(power)),
            on(Bad, put(jobs, lambda job: Job(job.host, job.rank + 1), jobs, after_ns=2)),
            on(Lost, put(scrap)),
        ],
    )
    first = put_new(seen, new, lambda job: job, results)
    net.transition("ship", [results, take(trucks)], outputs=[first, put(power)], priority=-1)
    return net


hosts = st.sampled_from("ab")
waits = st.integers(0, 4)


class Invariants(RuleBasedStateMachine):
    """Any calls, legal or not; after each, the laws."""

    def __init__(self) -> None:
        super().__init__()
        self.net = shop()
        self.kernel = Interpreter(self.net)
        self.now_ns = 0
        self.injected: Tally[str] = Tally()
        self.consumed = 0

    def place(self, name: str) -> Place[Any]:
        place = self.net.places[name]
        assert isinstance(place, Place)
        return place

    def put(self, name: str, colour: Any, **times: int) -> None:
        self.kernel.inject(self.place(name), colour, self.now_ns, **times)
        self.injected[name] += 1

    @initialize(spread=st.lists(hosts, max_size=3))
    def equip(self, spread: list[str]) -> None:
        for host in spread:
            self.put("machines", Machine(host))
        self.put("tools", Tool("hammer"))
        self.put("tools", Tool("saw"))

    @rule(host=hosts, rank=st.integers(0, 2), wait_ns=waits)
    def order(self, host: str, rank: int, wait_ns: int) -> None:
        self.put("jobs", Job(host, rank), ready_at_ns=self.now_ns + wait_ns)

    @rule()
    def send_truck(self) -> None:
        self.put("trucks", Tool("truck"))

    @rule(wait_ns=waits, limit=st.integers(1, 3))
    def step(self, wait_ns: int, limit: int) -> None:
        self.now_ns += wait_ns
        step = self.kernel.step(self.now_ns, limit)
        assert len(step.firings) <= limit
        assert step.wake_ns is None or step.wake_ns >= self.now_ns

    def flights(self, *, started: bool) -> list[int]:
        return [f.id for f in self.kernel.marking().flights if f.started == started]

    @precondition(lambda self: self.flights(started=False))
    @rule(data=st.data())
    def start(self, data: st.DataObject) -> None:
        firing = data.draw(st.sampled_from(self.flights(started=False)))
        self.kernel.started(firing, self.now_ns)

    @precondition(lambda self: self.flights(started=False))
    @rule(data=st.data())
    def revoke(self, data: st.DataObject) -> None:
        firing = data.draw(st.sampled_from(self.flights(started=False)))
        self.kernel.revoke(firing)

    @precondition(lambda self: self.flights(started=True))
    @rule(data=st.data(), outcome=st.sampled_from([Good(), Bad(), Lost("gone")]))
    def complete(self, data: st.DataObject, outcome: object) -> None:
        firing = data.draw(st.sampled_from(self.flights(started=True)))
        self.kernel.complete(firing, outcome, self.now_ns)
        self.consumed += isinstance(outcome, Good)

    @rule(wait_ns=waits)
    def step_and_undo(self, wait_ns: int) -> None:
        """R20: revoking all that a step began restores the marking, last first or first first."""
        self.kernel.step(self.now_ns)
        before = self.kernel.marking()
        firings = self.kernel.step(self.now_ns + wait_ns).firings
        self.now_ns += wait_ns
        for firing in firings:
            self.kernel.revoke(firing.id)
        assert same(self.kernel.marking(), before)

    @rule(firing=st.integers(0, 30), back_ns=st.integers(1, 5))
    def blunder(self, firing: int, back_ns: int) -> None:
        """R35: illegal calls raise one error and change nothing."""
        kernel, before = self.kernel, self.kernel.marking()
        waiting, running = self.flights(started=False), self.flights(started=True)
        now_ns, past_ns = self.now_ns, before.now_ns - back_ns
        calls: list[tuple[Any, ...]] = [
            (kernel.step, past_ns),
            (kernel.inject, self.place("jobs"), Tool("x"), now_ns),
            (kernel.inject, self.place("busy"), Job("a", 0), now_ns),
            (kernel.inject, self.place("results"), Job("a", 0), now_ns),
            (kernel.count, "nowhere"),
        ]
        if firing not in running:
            calls.append((kernel.complete, firing, Good(), now_ns))
        if firing not in waiting:
            calls += [(kernel.revoke, firing), (kernel.started, firing, now_ns)]
        calls += [(kernel.started, each, past_ns) for each in waiting]
        calls += [(kernel.complete, each, Good(), past_ns) for each in running]
        calls += [(kernel.complete, each, Tool("x"), now_ns) for each in running]
        for call, *args in calls:
            with pytest.raises(NetError):
                call(*args)
        assert kernel.marking() == before

    @invariant()
    def sound(self) -> None:
        """R23, R25, R33: capacities, numbers above 0, unique serials, one shown token per firing."""
        assert_sound(self.net, self.kernel.marking())

    @invariant()
    def conserved(self) -> None:
        """R16, R19, R33: tools never change; a machine is in its place or with a firing; so is power."""
        marking = self.kernel.marking()
        held = [bound for f in marking.flights for bound in f.inputs if hasattr(bound, "place")]
        spent = [bound for f in marking.flights if f.started for bound in f.inputs[1:2]]
        stands = Tally(token.place for token in [*marking.tokens, *held])
        assert stands["tools"] == self.injected["tools"]
        assert stands["machines"] - len(spent) == self.injected["machines"]
        shipped = self.injected["trucks"] - stands["trucks"]
        power = self.kernel.count("power") + len(marking.flights)
        assert power == 2 - self.consumed + shipped

    @invariant()
    def jobs_go_nowhere_else(self) -> None:
        """R33: every job is waiting, in work, finished, or a row; put_new drops the second of a kind."""
        marking = self.kernel.marking()
        stands = Tally(token.place for token in marking.tokens)
        shipped = self.injected["trucks"] - stands["trucks"]
        here = stands["jobs"] + stands["results"] + len(marking.flights)
        assert here + shipped + marking.sunk["scrap"] == self.injected["jobs"]
        assert marking.sunk["new"] == len(marking.sets["seen"]) <= shipped

    @invariant()
    def no_host_works_twice(self) -> None:
        """R3, R22: the shown token keeps a second firing of its host away."""
        busy = [t.colour.host for t in self.kernel.marking().tokens if t.place == "busy"]
        assert len(set(busy)) == len(busy)

    @invariant()
    def loads(self) -> None:
        """R7, R31: what is saved is loaded, and has the same next step."""
        marking = self.kernel.marking()
        once, again = Interpreter.load(self.net, marking), Interpreter.load(shop(), marking)
        assert once.marking() == marking
        assert once.step(self.now_ns) == again.step(self.now_ns)
        assert once.marking() == again.marking()


def same(one: Marking, other: Marking) -> bool:
    """Whether two markings differ in nothing but the time and the next serial and id."""
    plain = {"now_ns": 0, "next_serial": 0, "next_id": 0}
    return replace(one, **plain) == replace(other, **plain)


TestInvariants = Invariants.TestCase
TestInvariants.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


@settings(max_examples=50, deadline=None)
@given(
    jobs=st.lists(st.tuples(hosts, st.integers(0, 2), waits), max_size=8),
    order=st.randoms(use_true_random=False),
)
def test_the_order_is_a_function_of_the_marking_alone(
    jobs: list[tuple[str, int, int]], order: Any
) -> None:
    """R2, R6, R7: tokens with the same serials, loaded in another order, have the same future."""
    net = shop()
    kernel = Interpreter(net)
    for name, colour in (
        ("machines", Machine("a")),
        ("machines", Machine("b")),
        ("tools", Tool("x")),
    ):
        kernel.inject(net.places[name], colour, 0)  # type: ignore[arg-type]
    for host, rank, wait_ns in jobs:
        kernel.inject(net.places["jobs"], Job(host, rank), 0, ready_at_ns=wait_ns)  # type: ignore[arg-type]
    marking = kernel.marking()
    tokens = list(marking.tokens)
    order.shuffle(tokens)
    shuffled = replace(marking, tokens=tuple(tokens))
    assert future(marking) == future(shuffled)


def future(marking: Marking) -> list[str]:
    """The trace of a run to its end, every effect good."""
    log = Log()
    kernel = Interpreter.load(shop(), marking, log)
    now_ns: int | None = 0
    while now_ns is not None:
        step = kernel.step(now_ns)
        for firing in step.firings:
            kernel.started(firing.id, now_ns)
            kernel.complete(firing.id, Good(), now_ns)
        now_ns = step.wake_ns if not step.firings else now_ns
    return log


def test_a_step_at_any_time_in_between_changes_nothing() -> None:
    """R7, R10: nothing fires before the useful time, and stepping in vain leaves the future as it was."""
    lazy, eager = Interpreter(shop()), Interpreter(shop())
    for kernel in (lazy, eager):
        kernel.inject(kernel.net.places["machines"], Machine("a"), 0, ready_at_ns=7)  # type: ignore[arg-type]
        kernel.inject(kernel.net.places["tools"], Tool("x"), 0)  # type: ignore[arg-type]
        kernel.inject(kernel.net.places["jobs"], Job("a", 0), 0, ready_at_ns=5)  # type: ignore[arg-type]
    assert {eager.step(now_ns).wake_ns for now_ns in range(7)} == {7}
    assert lazy.step(7) == eager.step(7)
    assert lazy.marking() == eager.marking()
