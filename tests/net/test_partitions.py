"""Which partition a key belongs to, and what a kernel of a partition does with tokens of another one."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from scraper_cpn.net import (
    At,
    Credit,
    Interpreter,
    Kernel,
    Lost,
    Marking,
    Net,
    NetError,
    Partition,
    channel,
    compile_net,
    credit,
    destination,
    hold,
    keyed,
    leased,
    local,
    on,
    partition_of,
    put,
    put_new,
    remove,
    spend,
)
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.compiled.source import generated, source
from tests.net.divided import KEYS, Done, Item, random_net, same

KERNELS: tuple[Any, ...] = (Interpreter, compile_net)
PARTITIONS = 3
HERE = partition_of("a", PARTITIONS)
AWAY = next(key for key in "bcdefghij" if partition_of(key, PARTITIONS) != HERE)
"""A key of another partition than that of `a`."""

keys = st.recursive(
    st.text()
    | st.integers()
    | st.binary()
    | st.none()
    | st.floats(allow_nan=False)
    | st.booleans(),
    lambda parts: st.lists(parts, max_size=3).map(tuple),
    max_leaves=4,
)


@given(keys, st.integers(1, 64))
def test_the_partition_of_a_key_is_one_of_them(key: Any, partitions: int) -> None:
    """It is the same at each call, and from 0 to the number of partitions less one (R53)."""
    found = partition_of(key, partitions)
    assert 0 <= found < partitions
    assert found == partition_of(key, partitions)


@given(keys, keys)
def test_equal_keys_are_in_one_partition(one: Any, other: Any) -> None:
    """Python joins 1, 1.0 and True; so they belong together (R53)."""
    if one == other:
        assert partition_of(one, 1 << 40) == partition_of(other, 1 << 40)
    whole = 7
    assert len({partition_of(key, 1 << 40) for key in (whole, float(whole))}) == 1
    assert len({partition_of(key, 1 << 40) for key in (1, 1.0, True)}) == 1


def test_partitions_never_change() -> None:
    """States and workers of all versions and machines agree; and different kinds of keys are told apart."""
    pinned = {
        "example.org": 3,
        "": 19,
        7: 15,
        -1: 9,
        b"x": 20,
        None: 10,
        ("a", 1): 1,
        (("a",), 1): 10,
        0.5: 11,
    }
    assert {key: partition_of(key, 32) for key in pinned} == pinned
    assert len({partition_of(key, 1 << 60) for key in ("1", b"1", 1, ("1",), None, "None")}) == 6


def test_keys_are_spread_evenly() -> None:
    """Of 3,200 domains, no partition of 32 has twice its share, or less than half of it."""
    counts = [0] * 32
    for number in range(3_200):
        counts[partition_of(f"site{number}.test", 32)] += 1
    assert 50 < min(counts) <= max(counts) < 200


@pytest.mark.parametrize("key", [object(), frozenset("ab"), 1j])
def test_what_has_no_packed_form_is_no_key(key: Any) -> None:
    """Its hash would differ from run to run."""
    with pytest.raises(TypeError, match="is no partition key; give texts"):
        partition_of(key, 4)


def test_a_key_may_name_its_partition() -> None:
    """For those who place keys themselves."""
    assert [partition_of(At(number), 2) for number in range(4)] == [0, 1, 0, 1]


@pytest.mark.parametrize(("number", "of"), [(2, 2), (-1, 2), (0, 0), ("0", 2), (True, 2)])
def test_a_partition_is_one_of_several(number: Any, of: Any) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="give a number from 0 up, below the second"):
        Partition(number, of)


# What a kernel does.


class Work(Struct, frozen=True):
    key: str
    told: str = ""

    @property
    def again(self) -> str:
        return self.told or self.key


class Proxy(Struct, frozen=True):
    proxy: str


class Fine(Struct, frozen=True):
    pass


def to(key: str) -> Callable[[Work], Work]:
    def moved(_: Work) -> Work:
        """A function that puts another key."""
        return Work(key)

    return moved


def raises(_: Work) -> str:
    raise ValueError("no key")


def several(_: Work) -> list[Work]:
    return [Work("a"), Work(AWAY), Work("a")]


def disagrees(_: Work) -> Work:
    return Work("a", AWAY)


def put_elsewhere(net: Net, jobs: Any) -> None:
    over = net.place("over", Work, key="key")
    net.transition("go", [jobs], outputs=[put(over, to(AWAY), jobs)])
    net.transition("end", [over])


def put_by_a_field(net: Net, jobs: Any) -> None:
    over = net.place("over", Work, share=keyed("key"))
    net.transition("go", [jobs], outputs=[put(over, to(AWAY), jobs)])
    net.transition("end", [over])


def put_by_a_function(net: Net, jobs: Any) -> None:
    over = net.place("over", Work, order=(), timed=True, share=keyed(lambda work: work.key))
    net.transition("go", [jobs], outputs=[put(over, several, jobs, after_ns=1)])
    net.transition("end", [over])


def put_where_no_key_is(net: Net, jobs: Any) -> None:
    over = net.place("over", Work, share=keyed(raises))
    net.transition("go", [jobs], outputs=[put(over, same_work, jobs)])
    net.transition("end", [over])


def same_work(work: Work) -> Work:
    return work


def spent_into_another(net: Net, jobs: Any) -> None:
    work = net.effect("work", Fine)
    net.transition("go", [spend(jobs, to(AWAY))], effect=work(jobs), outcomes=[on(Fine), on(Lost)])


def new_elsewhere(net: Net, jobs: Any) -> None:
    over = net.place("over", Work, share=local)
    known = net.set("known", Work, key="key")
    net.transition("go", [jobs], outputs=[put_new(known, over, several, jobs)])
    net.transition("end", [over])


def forgotten_elsewhere(net: Net, jobs: Any) -> None:
    over = net.place("over", Work, key="key")
    known = net.set("known", Work, key="key")
    net.transition("go", [jobs], outputs=[put_new(known, over, lambda work: [work], jobs)])
    net.transition("end", [over], outputs=[remove(known, to(AWAY), over)])


def sent_to_two(net: Net, jobs: Any) -> None:
    over = net.place("over", Work, work=True, share=channel("key"))
    net.transition("go", [jobs], outputs=[put(over, several, jobs)])
    net.transition("end", [over])


def sent_nowhere(net: Net, jobs: Any) -> None:
    over = net.place("over", Work, work=True, share=channel(raises))
    net.transition("go", [jobs], outputs=[put(over, same_work, jobs)])
    net.transition("end", [over])


def two_keys_that_disagree(net: Net, jobs: Any) -> None:
    over = net.place("over", Work, key=("key", "again"))
    net.transition("go", [jobs], outputs=[put(over, disagrees, jobs)])
    net.transition("end", [over])


def shown_elsewhere(net: Net, jobs: Any) -> None:
    busy = net.place("busy", Work, share=keyed("again"))
    work = net.effect("work", Fine)
    net.transition("go", [jobs], effect=work(jobs), outcomes=[on(Fine), on(Lost)], during=busy)


FAULTS: dict[Callable[[Net, Any], None], list[tuple[str, str]]] = {
    put_elsewhere: [("over", "Misplaced")],
    put_by_a_field: [("over", "Misplaced")],
    put_by_a_function: [("over", "Misplaced")],
    put_where_no_key_is: [("over", "ValueError: no key")],
    spent_into_another: [("jobs", "Misplaced")],
    new_elsewhere: [("over", "Misplaced")],
    forgotten_elsewhere: [("known", "Misplaced")],
    sent_to_two: [],
    sent_nowhere: [("over", "ValueError: no key")],
    two_keys_that_disagree: [("over", "Misplaced")],
    shown_elsewhere: [("busy", "Misplaced")],
}
"""Nets whose functions change the partition key, with the place and the error of each token that is set aside."""


def run(kernel: Any, net: Net) -> Marking:
    """Step, start and end what there is, at three times."""
    first = Work("a", AWAY if "busy" in net.places else "")
    kernel.inject(net.places["jobs"], first, 0)
    for now_ns in range(3):
        for firing in kernel.step(now_ns).firings:
            if kernel.started(firing.id, now_ns):
                kernel.complete(firing.id, Fine(), now_ns)
    marking: Marking = kernel.marking()
    return marking


@pytest.mark.parametrize("declare", FAULTS, ids=lambda fn: fn.__name__)
def test_a_deposit_elsewhere_is_set_aside_in_both_executions(declare: Any) -> None:
    """The token is listed with the error, the others go on, and the traces are equal (R52)."""
    found = []
    for make in KERNELS:
        net = Net("faulty", partition="key", tells={"again": lambda key: key})
        jobs = net.place("jobs", Work, key="key", source=True, work=True)
        declare(net, jobs)
        events: list[Any] = []
        kernel = make(net, events.append, partition=Partition(HERE, PARTITIONS))
        found.append((run(kernel, net), events, kernel.drain(), kernel.ended(3)))
    assert found[0] == found[1]
    faults = [(each.place, each.error) for each in found[0][0].faulted]
    assert [place for place, _ in faults] == [place for place, _ in FAULTS[declare]]
    for (_, error), (_, expected) in zip(faults, FAULTS[declare], strict=True):
        assert error.startswith(expected)
        if expected == "Misplaced":
            assert f"{AWAY!r} belongs to partition {partition_of(AWAY, 3)} of 3" in error
    assert found[0][3] == ("faulted" if faults else None)


@pytest.mark.parametrize("declare", FAULTS, ids=lambda fn: fn.__name__)
def test_one_partition_sets_nothing_aside_but_what_raises(declare: Any) -> None:
    """All keys belong to the only one, whether the kernel knows that or is not divided at all."""
    for make in KERNELS:
        for partition in (None, Partition(0, 1)):
            net = Net("faulty", partition="key", tells={"again": lambda key: key})
            declare(net, net.place("jobs", Work, key="key", source=True, work=True))
            kernel = make(net, partition=partition)
            errors = [each.error for each in run(kernel, net).faulted]
            expects = "no key" in str(FAULTS[declare]) and partition is not None
            assert errors == (["ValueError: no key"] if expects else [])


@pytest.mark.parametrize("make", KERNELS)
def test_what_belongs_elsewhere_is_not_injected(make: Any) -> None:
    """The call is refused, names the owner, and changes nothing; a token without a key is set aside (R52)."""
    net = Net("small", partition="key")
    jobs = net.place("jobs", Work, key="key", source=True)
    over = net.place("over", Work, share=channel("key"))
    net.transition("go", [jobs], outputs=[put(over)])
    net.transition("end", [over])
    kernel: Kernel = make(net, partition=Partition(HERE, PARTITIONS))
    before = kernel.marking()
    for place in (jobs, over):
        with pytest.raises(
            NetError, match=f"belongs to partition . of 3, not to {HERE}; inject it"
        ):
            kernel.inject(place, Work(AWAY), 0)
    assert kernel.marking() == before
    kernel.inject(jobs, Work([]), 0)  # type: ignore[arg-type]
    assert [each.error for each in kernel.marking().faulted] == [
        "TypeError: unhashable type: 'list'"
    ]
    assert destination(net, over, Work("a"), PARTITIONS) == HERE


def test_a_marking_of_another_partition_is_not_loaded() -> None:
    """A partition that is taken over with a wrong number says so, in both executions."""
    net = Net("small", partition="key")
    jobs = net.place("jobs", Work, key="key", source=True)
    net.transition("go", [jobs], manual=True)
    kernel = compile_net(net, partition=Partition(HERE, PARTITIONS))
    kernel.inject(jobs, Work("a"), 0)
    other = Partition((HERE + 1) % PARTITIONS, PARTITIONS)
    for load in (Interpreter.load, Compiled.load):
        assert load(net, kernel.marking(), partition=kernel.partition).count("jobs") == 1
        with pytest.raises(NetError, match="'a' belongs to partition"):
            load(net, kernel.marking(), partition=other)


def test_only_a_net_with_a_partition_key_has_partitions() -> None:
    """Otherwise the declaration to add is named."""
    net = Net("small")
    net.transition("go", [net.place("jobs", Work, source=True)])
    for make in KERNELS:
        with pytest.raises(NetError, match=r'declare one: Net\("small", partition="key"\)'):
            make(net, partition=Partition(0, 2))
    with pytest.raises(NetError, match="its tokens have no partition key"):
        destination(net, net.places["jobs"], Work("a"), 2)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "seed", [*range(5), *(pytest.param(n, marks=pytest.mark.slow) for n in range(5, 60))]
)
def test_random_partitions_are_those_of_the_interpreter(seed: int) -> None:
    """With functions that change keys: traces, rows and markings are equal after every call (R52)."""
    random = Random(seed)
    net = random_net(random, wrong=40)
    partition = Partition(random.randrange(PARTITIONS), PARTITIONS)
    events: tuple[list[Any], list[Any]] = ([], [])
    pair = [
        make(net, heard.append, partition=partition)
        for make, heard in zip(KERNELS, events, strict=True)
    ]
    mine = [key for key in KEYS if partition.owns(key)]
    running: list[int] = []
    for now_ns in range(12):
        if mine:
            item = Item(random.choice(mine), now_ns, random.randrange(9))
            for kernel in pair:
                kernel.inject(net.places["p0"], item, now_ns)
        steps = [kernel.step(now_ns) for kernel in pair]
        assert steps[0] == steps[1]
        running += [firing.id for firing in steps[0].firings]
        for firing_id in [each for each in running if random.randrange(2)]:
            running.remove(firing_id)
            outcome = random.choice((Done(), Lost("")))
            for kernel in pair:
                assert kernel.started(firing_id, now_ns)
                kernel.complete(firing_id, outcome, now_ns)
        for crossing in net.channels.values():
            for kernel in pair if random.randrange(2) else ():
                for binding in kernel.bindings(crossing.send, now_ns):
                    kernel.begin(binding, now_ns)
        assert pair[0].drain() == pair[1].drain()
        assert pair[0].marking() == pair[1].marking()
        if random.randrange(3) == 0:
            pair = [
                type(kernel).load(net, kernel.marking(), heard.append, partition=partition)
                for kernel, heard in zip(pair, events, strict=True)
            ]
    assert events[0] == events[1]
    assert same(Item("a", 1, 0)) == Item("a", 1, 0)


@pytest.mark.parametrize("make", [compile_net, Interpreter])
def test_what_only_leaves_does_not_keep_a_partition_from_its_end(make: Any) -> None:
    """A free proxy could be released and a unit returned by hand, which is no work: the budget is what is missing."""
    net = Net("ends", partition="key")
    work = net.place("work", Work, key="key", source=True, work=True)
    pool = net.place("pool", Proxy, key="proxy", source=True, share=leased)
    net.release(pool)
    left = net.counter("left", start=5, budget=True, share=credit)
    units = net.counter("units", start=5, share=credit)
    net.transition("do", [work, hold(pool), left, units], outputs=[], join=())
    kernel = make(net, partition=Partition(0, 1))
    kernel.inject(pool, Proxy("p"), 0)
    kernel.inject(net.credits["units"].drawn, Credit(), 0)
    kernel.inject(work, Work("a"), 0)
    kernel.step(0)
    assert kernel.bindings(net.leases["pool"].release, 0)
    assert kernel.bindings(net.credits["units"].give_back, 0)
    assert kernel.ended(0) == "spent"
    kernel.inject(net.credits["left"].drawn, Credit(), 0)
    kernel.step(0)
    assert kernel.ended(0) == "finished"


def test_a_net_that_is_not_divided_pays_nothing() -> None:
    """Its source is the same with shares and without; only that for partitions looks at keys."""
    assert source(small(None, keyed("key"))) == source(small(None, None))
    assert "PARTITION" not in source(small("key", keyed("key")))
    assert "PARTITION" in generated(small("key", keyed("key")), divided=True).text


def small(partition: str | None, share: Any) -> Net:
    """Jobs that are done in two steps."""
    net = Net("small", partition=partition)
    jobs = net.place("jobs", Work, key="key", source=True)
    late = net.place("late", Work, share=share)
    net.transition("go", [jobs], outputs=[put(late)])
    net.transition("end", [late])
    return net
