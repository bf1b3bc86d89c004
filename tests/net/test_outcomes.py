"""What effects, choices and plain transitions put; in both executions."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Lost,
    Net,
    Row,
    choose,
    consume,
    hold,
    on,
    put,
    put_new,
    take,
)
from tests.net.ping import SECOND, Down, Host, Job, Ok, ping_net
from tests.net.running import boom, inject, kernel_of

pytestmark = pytest.mark.usefixtures("both_executions")


class Keep(Struct, frozen=True):
    pass


class Drop(Struct, frozen=True):
    pass


def test_an_effect_ends_in_one_of_its_outcomes() -> None:
    """R12, R16: each outcome has its own outputs, and the line comes back on all of them."""
    for outcome, put_ in (
        (Ok(), "Ok [done#4]"),
        (Down(), f"Down [jobs#4@{5 * SECOND + 2}]"),
        (Lost("gone"), "Lost [jobs#4@2]"),
    ):
        kernel, log = kernel_of(ping_net())
        inject(kernel, "hosts", Host("a"))
        inject(kernel, "jobs", Job("a"))
        kernel.step(0)
        assert kernel.count("lines") == 1
        kernel.started(1, 1)
        log.clear()
        kernel.complete(1, outcome, 2)
        assert log == [f"end 2 1 {put_}"]
        assert kernel.count("lines") == 2


def judged(choice: Callable[[Job], Keep | Drop], *jobs: Job) -> list[str]:
    """What a choice makes of jobs."""
    net = Net("n")
    place = net.place("jobs", Job, source=True)
    out = net.sink("out", Job)
    verdicts = [on(Keep, put(out)), on(Drop)]
    net.transition("judge", [place], choice=choose(choice, place), outcomes=verdicts)
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", *jobs)
    log.clear()
    kernel.step(0)
    return log


def test_a_choice_picks_the_outcome() -> None:
    """R13: the type that the function returns decides which outputs there are."""

    def choice(job: Job) -> Keep | Drop:
        return Keep() if job.attempt == 1 else Drop()

    assert judged(choice, Job("a", 2), Job("a", 1)) == [
        "fire 0 1 judge [1] Drop []",
        "fire 0 2 judge [2] Keep [out#3]",
    ]


def test_a_choice_of_no_declared_type_sets_the_token_aside() -> None:
    """R13, R27: what the annotation does not name can't be."""

    def choice(job: Job) -> Keep | Drop:
        return job  # type: ignore[return-value]

    assert judged(choice, Job("a")) == [
        "fault jobs 1 TypeError: the choice choice returned a Job, which is no outcome of it"
    ]


def made_by(make: Callable[[Job], Any], *, capacity: int | None = None) -> list[str]:
    """The events of a plain transition with one output function."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    more = net.place("more", Job, capacity=capacity)
    net.transition("go", [jobs], outputs=[put(more, make, jobs)])
    net.transition("stay", [more, net.place("never", Job, source=True)])
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    log.clear()
    kernel.step(0)
    return log


def test_an_output_function_gives_a_token_several_or_none() -> None:
    """R14: one, a tuple, a generator, or None."""

    def each(job: Job) -> Iterator[Job]:
        yield job
        yield job.again()

    assert made_by(Job.again) == ["fire 0 1 go [1]  [more#2]"]
    assert made_by(lambda job: (job, job, job)) == ["fire 0 1 go [1]  [more#2 more#3 more#4]"]
    assert made_by(each) == ["fire 0 1 go [1]  [more#2 more#3]"]
    assert made_by(lambda _: None) == ["fire 0 1 go [1]  []"]
    assert made_by(lambda _: []) == ["fire 0 1 go [1]  []"]


@pytest.mark.parametrize(
    ("make", "capacity", "error"),
    [
        (boom, None, "ValueError: boom"),
        (lambda _: 5, None, "TypeError: a int for more, which takes Job"),
        (lambda _: "job", None, "TypeError: a str for more, which takes Job"),
        (lambda job: [job, 5], None, "TypeError: a int for more, which takes Job"),
        (lambda job: [job, job], 9, "TypeError: 2 tokens for more, whose capacity lets a firing put one"),
    ],
)  # fmt: skip
def test_what_an_output_function_may_not_return_sets_the_token_aside(
    make: Callable[[Job], Any], capacity: int | None, error: str
) -> None:
    """R14, R27: the fault names the place, and nothing is put."""
    assert made_by(make, capacity=capacity) == [f"fault jobs 1 {error}"]


def test_nothing_is_put_unless_everything_is_made() -> None:
    """R15: the second output raises, so the first puts nothing either."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    out = net.sink("out", Job)
    net.transition("go", [jobs], outputs=[put(out), put(out, boom, jobs)])
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    log.clear()
    kernel.step(0)
    assert log == ["fault jobs 1 ValueError: boom"]
    assert kernel.drain() == []


def test_without_a_function_the_outcome_or_the_input_moves() -> None:
    """R14: the outcome itself if it has the place's colour, else the input that has it."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    sizes, out = net.sink("sizes", Ok), net.sink("out", Job)
    work = net.effect("work", Ok)(jobs)
    net.transition("go", [jobs], effect=work, outcomes=[on(Ok, put(sizes), put(out)), on(Lost)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    kernel.step(0)
    kernel.started(1, 0)
    kernel.complete(1, Ok(7), 0)
    assert kernel.drain() == [Row("sizes", Ok(7)), Row("out", Job("a"))]


def held_net() -> Net:
    """A job that holds a proxy and a permit; Keep consumes both, Drop gives both back."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    hosts = net.place("hosts", Host, source=True)
    permits = net.counter("permits", start=1)

    def verdict(job: Job) -> Keep | Drop:
        return Keep() if job.attempt == 1 else Drop()

    net.transition(
        "go",
        [jobs, hold(hosts), hold(permits)],
        choice=choose(verdict, jobs),
        outcomes=[on(Keep, consume(hosts), consume(permits)), on(Drop)],
    )
    return net


def test_held_inputs_come_back_unless_consumed() -> None:
    """R16: given back at the back of the place, with a new serial; or gone."""
    kernel, log = kernel_of(held_net())
    inject(kernel, "hosts", Host("x"), Host("y"))
    inject(kernel, "jobs", Job("a", 2), Job("a", 1))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 1 go [3 1 -1] Drop [hosts#5]", "fire 0 2 go [4 2 -1] Keep []"]
    assert (kernel.count("hosts"), kernel.count("permits")) == (1, 0)


def test_put_new_puts_a_key_once() -> None:
    """R17: within one output, over outputs and over firings."""
    net = Net("n")
    pages = net.place("pages", Job, source=True)
    seen = net.set("seen", Job, key="host")
    out = net.sink("out", Job)

    def links(page: Job) -> list[Job]:
        return [Job(host) for host in page.host]

    net.transition("admit", [pages], outputs=[put_new(seen, out, links, pages)])
    kernel, log = kernel_of(net)
    inject(kernel, "pages", Job("aba"), Job("bca"))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 1 admit [1]  [out#3 out#4]", "fire 0 2 admit [2]  [out#5]"]
    assert [row.colour.host for row in kernel.drain()] == ["a", "b", "c"]
    assert kernel.marking().sets == {"seen": ("a", "b", "c")}


def test_what_one_put_new_finds_new_another_is_made_of() -> None:
    """R17: once for each token that the first set lacked before the firing, and what it knew tells nobody."""
    net = Net("n")
    pages = net.place("pages", Job, source=True)
    jobs = net.place("jobs", Job, key="host")
    seen, known = net.set("seen", Job, key="host"), net.set("known", Host, key="host")
    hosts, message = net.sink("hosts", Host), list[str]()

    def links(page: Job) -> list[Job]:
        return [Job(host) for host in page.host]

    def host(job: Job) -> Host:
        message.append(job.host)
        return Host(job.host.lower())

    fresh = put_new(seen, jobs, links, pages)
    net.transition("admit", [pages], outputs=[fresh, put_new(known, hosts, host, jobs)])
    net.transition("done", [jobs], priority=1)
    kernel, _ = kernel_of(net)
    inject(kernel, "pages", Job("aAbb"), Job("bc"))
    kernel.step(0)
    assert message == ["a", "A", "b", "b", "c"]
    assert [row.colour.host for row in kernel.drain()] == ["a", "b", "c"]


def test_put_counts_a_number_up() -> None:
    """R25: a plain counter takes what an output puts."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    money = net.counter("money", start=0)
    out = net.sink("out", Job)
    net.transition("earn", [jobs], outputs=[put(money), put(money)], priority=1)
    net.transition("pay", [net.place("bills", Job, source=True), take(money)], outputs=[put(out)])
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    inject(kernel, "bills", Job("b"))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 1 earn [1]  [money#-1 money#-1]", "fire 0 2 pay [2 -1]  [out#3]"]
    assert kernel.count("money") == 1


def test_a_keyed_number_starts_with_what_start_says() -> None:
    """R25: each key has its own number, made when it is first needed."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True)
    slots = net.counter("slots", key="host", start=len)
    work = net.effect("work", Ok)(jobs)
    net.transition("go", [jobs, hold(slots)], effect=work, outcomes=[on(Ok), on(Lost)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", *[Job("ab")] * 3, *[Job("c")] * 3)
    assert [firing.args[0].host for firing in kernel.step(0).firings] == ["ab", "ab", "c"]
    assert kernel.marking().counters == {"slots": (("ab", 0), ("c", 0))}
    assert kernel.count("slots") == 2
    kernel.revoke(3)
    assert kernel.count("slots") == 1


def test_rows_leave_a_sink_once_and_in_order() -> None:
    """R26: drain gives each row once; the sink counts on."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    net.transition("go", [jobs], outputs=[put(net.sink("out", Job))])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"), Job("b"))
    kernel.step(0)
    assert kernel.drain() == [Row("out", Job("a")), Row("out", Job("b"))]
    assert (kernel.drain(), kernel.count("out")) == ([], 2)


@pytest.mark.parametrize("empty", [(), []])
def test_an_empty_tuple_or_list_may_be_a_token(empty: Any) -> None:
    """What is of the colour is one token; only of what is not, each item is one."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    own, other = net.sink("own", type(empty)), net.sink("other", Keep)
    outputs = [put(own, lambda _: empty, jobs), put(other, lambda _: empty, jobs)]
    net.transition("go", [jobs], outputs=outputs)
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    kernel.step(0)
    assert kernel.drain() == [Row("own", empty)]
