"""What a net does when it runs, one requirement after the other, in both executions."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Arc,
    Interpreter,
    Lost,
    Net,
    NetError,
    Row,
    absent,
    choose,
    consume,
    expired,
    hold,
    on,
    put,
    put_new,
    read,
    spend,
    take,
)
from scraper_cpn.net.compile import Compiled
from scraper_cpn.net.places import Counter, Place
from tests.net.ping import SECOND, Down, Host, Job, Log, Ok, ping_net


class Pair(Struct, frozen=True):
    host: str
    path: str


class Keep(Struct, frozen=True):
    pass


class Drop(Struct, frozen=True):
    pass


def boom(*_: object) -> Any:
    raise ValueError("boom\nsecond line")


Execution = Interpreter | Compiled
new_kernel: Callable[..., Execution] = Interpreter


@pytest.fixture(autouse=True, params=[Interpreter, Compiled])
def _in_both_executions(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test of this file runs twice."""
    monkeypatch.setattr(f"{__name__}.new_kernel", request.param)


def kernel_of(net: Net) -> tuple[Execution, Log]:
    log = Log()
    return new_kernel(net, log), log


def inject(kernel: Execution, place: str, *colours: Any, now_ns: int = 0, **times: int) -> None:
    target = kernel.net.places[place]
    assert isinstance(target, Place)
    for colour in colours:
        kernel.inject(target, colour, now_ns, **times)


def one_step(
    *arcs: Arc | Place[Any] | Counter, net: Net, tokens: Mapping[str, Any], **options: Any
) -> list[str]:
    """The events of one step at 0 of a net with one more transition, `go`, into the sink `out`."""
    sink = net.sink("out", object)
    lead = arcs[0]
    assert isinstance(lead, Place)
    net.transition("go", arcs, outputs=[put(sink, lambda _: "x", lead)], **options)
    kernel, log = kernel_of(net)
    for place, colours in tokens.items():
        inject(kernel, place, *colours)
    log.clear()
    kernel.step(0)
    return log.take()


# Joins.


def test_inputs_agree_on_keys_of_the_same_name() -> None:
    """R1: a job takes the token of its own host."""
    kernel, log = kernel_of(ping_net())
    inject(kernel, "hosts", Host("a"), Host("b"))
    inject(kernel, "jobs", Job("b"))
    log.clear()
    assert kernel.step(0).firings[0].args == (Job("b"),)
    assert log == ["begin 0 1 call [3 -1 2]"]


def test_a_composite_key_is_joined_name_by_name() -> None:
    """R1: a pair joins one place on its host and another on its path."""
    net = Net("n")
    pairs = net.place("pairs", Pair, key=("host", "path"), source=True)
    hosts = net.place("hosts", Host, key="host", source=True)
    slots = net.counter("slots", key=("host", "path"), start=lambda key: int(key == ("b", "/")))
    tokens = {"pairs": [Pair("a", "/"), Pair("b", "/x"), Pair("b", "/")], "hosts": [Host("b")]}
    assert one_step(pairs, take(hosts), take(slots), net=net, tokens=tokens) == [
        "fire 0 1 go [3 4 -1]  [out#5]"
    ]


def test_an_input_with_its_own_key_alone_is_not_joined() -> None:
    """R1: a key that no other input has binds nothing, so that any token will do."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="attempt", source=True)
    hosts = net.place("hosts", Host, key="host", source=True)
    assert one_step(jobs, hosts, net=net, tokens={"jobs": [Job("a")], "hosts": [Host("b")]}) == [
        "fire 0 1 go [1 2]  [out#3]"
    ]


def test_the_search_finds_the_one_combination_that_fits() -> None:
    """R2: only the last job of the first place fits the last of the second."""
    net = Net("n")
    jobs = net.place("jobs", Pair, key=("host", "path"), source=True)
    more = net.place("more", Pair, key=("host", "path"), source=True)
    tokens = {
        "jobs": [Pair("a", "1"), Pair("b", "2"), Pair("c", "3")],
        "more": [Pair("a", "2"), Pair("b", "1"), Pair("c", "3")],
    }
    assert one_step(jobs, more, net=net, tokens=tokens) == ["fire 0 1 go [3 6]  [out#7]"]


def test_read_needs_a_token_and_leaves_it() -> None:
    """R3: a host that is read stays; without it, nothing fires."""
    for hosts, events in (([Host("a")], ["fire 0 1 go [2 1]  [out#3]"]), ([Host("b")], [])):
        net = Net("n")
        jobs = net.place("jobs", Job, key="host", source=True)
        place = net.place("hosts", Host, key="host", source=True)
        tokens: dict[str, list[Any]] = {"hosts": hosts, "jobs": [Job("a")]}
        assert one_step(jobs, read(place), net=net, tokens=tokens) == events


def test_absent_sees_waiting_tokens() -> None:
    """R3: a host that is not ready yet is there; one of another key is not."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True)
    hosts = net.place("hosts", Host, key="host", timed=True, source=True)
    out = net.sink("out", Job)
    net.transition("go", [jobs, absent(hosts)], outputs=[put(out)])
    kernel, log = kernel_of(net)
    inject(kernel, "hosts", Host("a"), ready_at_ns=9)
    inject(kernel, "jobs", Job("a"), Job("b"))
    log.clear()
    assert kernel.step(0).wake_ns is None
    assert log == ["fire 0 1 go [3 -1]  [out#4]"]


def test_absent_and_read_ask_a_set() -> None:
    """R3: a set says whether it has the key of the binding."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True)
    known = net.place("known", Job, key="host", source=True)
    seen = net.set("seen", Job, key="host")
    copies = net.place("copies", Job)
    new, old = net.sink("new", Job), net.sink("old", Job)
    net.transition("learn", [known], outputs=[put_new(seen, copies, lambda job: job, known)])
    net.transition("drop", [copies])
    net.transition("fresh", [jobs, absent(seen)], outputs=[put(new)])
    net.transition("stale", [jobs, read(seen)], outputs=[put(old)])
    kernel, _ = kernel_of(net)
    inject(kernel, "known", Job("a"))
    inject(kernel, "jobs", Job("a"), Job("b"))
    kernel.step(0)
    assert kernel.drain() == [Row("new", Job("b")), Row("old", Job("a"))]
    assert (kernel.count("seen"), kernel.count("new")) == (1, 1)


def test_a_number_is_taken_one_at_a_time() -> None:
    """R3, R25: a number that is taken shrinks to 0, one that is read only has to be above 0."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    money = net.counter("money", start=2)
    out = net.sink("out", Job)
    net.transition(
        "spare", [jobs, take(money), read(net.counter("on", start=1))], outputs=[put(out)]
    )
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", *[Job("a")] * 3)
    kernel.step(0)
    assert (kernel.count("money"), kernel.count("on"), kernel.count("jobs")) == (0, 1, 1)


def test_a_guard_on_one_token_runs_once() -> None:
    """R4: `when` is asked at the deposit, and only then."""
    asked: list[Job] = []

    def odd(job: Job) -> bool:
        asked.append(job)
        return job.attempt % 2 == 1

    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    out = net.sink("out", Job)
    net.transition("go", [take(jobs, when=odd)], outputs=[put(out)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a", 2), Job("a", 1))
    kernel.step(0)
    kernel.step(1)
    assert asked == [Job("a", 2), Job("a", 1)]
    assert (kernel.count("jobs"), kernel.count("out")) == (1, 1)


def test_a_scan_tries_every_combination() -> None:
    """R4: a guard over two tokens finds the only two that agree."""

    def fits(job: Job, host: Host) -> bool:
        return (job.host, host.host) == ("b", "d")

    net = Net("n")
    jobs, hosts = net.place("jobs", Job, source=True), net.place("hosts", Host, source=True)
    tokens = {"jobs": [Job("a"), Job("b")], "hosts": [Host("c"), Host("d")]}
    events = one_step(jobs, hosts, net=net, tokens=tokens, scan=choose(fits, jobs, hosts))
    assert events == ["fire 0 1 go [2 4]  [out#5]"]


# Selection.


def racing(*priorities: int) -> list[str]:
    """Which transition, each on its own place, fires when."""
    net = Net("n")
    out = net.sink("out", Job)
    places = []
    for number, priority in enumerate(priorities):
        places.append(net.place(f"p{number}", Job, source=True))
        net.transition(f"t{number}", [places[-1]], outputs=[put(out)], priority=priority)
    kernel, log = kernel_of(net)
    for place in places:
        kernel.inject(place, Job("a"), 0)
        kernel.inject(place, Job("a"), 0)
    log.clear()
    kernel.step(0)
    return [line.split()[3] for line in log]


def test_transitions_go_by_priority_then_as_declared() -> None:
    """R5: the lower priority first, and among equals the one declared first."""
    assert racing(0, 0) == ["t0", "t0", "t1", "t1"]
    assert racing(1, 0) == ["t1", "t1", "t0", "t0"]
    assert racing(0, 2, -1) == ["t2", "t2", "t0", "t0", "t1", "t1"]


def test_the_search_starts_at_the_top_after_every_firing() -> None:
    """R5: what the first firing put is taken before the second token of its own transition."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    middle = net.place("middle", Job)
    out = net.sink("out", Job)
    net.transition("late", [middle], outputs=[put(out)])
    net.transition("early", [jobs], outputs=[put(middle)])
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"), Job("b"))
    log.clear()
    kernel.step(0)
    assert [line.split()[3] for line in log] == ["early", "late", "early", "late"]


def test_bindings_are_ordered_over_the_inputs_as_declared() -> None:
    """R6: the first input decides by its order field, then age; the second only among its equals."""
    net = Net("n")
    jobs = net.place("jobs", Job, order="attempt", source=True)
    hosts = net.place("hosts", Host, source=True)
    tokens = {"jobs": [Job("a", 2), Job("b", 1), Job("c", 1)], "hosts": [Host("x"), Host("y")]}
    assert one_step(jobs, hosts, net=net, tokens=tokens) == [
        "fire 0 1 go [2 4]  [out#6]",
        "fire 0 2 go [3 5]  [out#7]",
    ]


def test_the_order_of_arrival_is_none_of_the_hash() -> None:
    """R6: without an order field, the oldest token goes first."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    tokens = {"jobs": [Job(host) for host in "qwerty"]}
    events = one_step(jobs, net=net, tokens=tokens)
    assert [line.split()[4] for line in events] == [f"[{serial}]" for serial in range(1, 7)]


# Time.


def test_a_token_waits_until_it_is_ready() -> None:
    """R8, R10: nothing sees it before; the step says when it will be useful, and it is."""
    kernel, log = kernel_of(ping_net())
    inject(kernel, "hosts", Host("a"), ready_at_ns=7)
    inject(kernel, "jobs", Job("a"), ready_at_ns=5)
    log.clear()
    assert kernel.step(0).wake_ns == 7
    assert kernel.step(6).firings == ()
    assert [firing.effect for firing in kernel.step(7).firings] == ["ping"]
    assert log == ["begin 7 1 call [2 -1 1]"]


def test_an_early_token_put_back_stays_unready() -> None:
    """R8: a penalty takes a resting host early; the host rests on, or longer if that is longer."""
    for wait_ns, ready_at_ns in ((3, 9), (20, 21)):
        net = Net("n")
        jobs = net.place("jobs", Job, key="host", source=True)
        hosts = net.place("hosts", Host, key="host", timed=True, source=True)
        held = put(hosts, lambda host: host, hosts, after_ns=wait_ns)
        net.transition("penalise", [jobs, take(hosts, early=True)], outputs=[held])
        kernel, log = kernel_of(net)
        inject(kernel, "hosts", Host("a"), ready_at_ns=9)
        inject(kernel, "jobs", Job("a"), now_ns=1)
        log.clear()
        kernel.step(1)
        assert log == [f"fire 1 1 penalise [2 1]  [hosts#3@{ready_at_ns}]"]


def expiring() -> tuple[Net, Place[Job]]:
    """Jobs that expire into a sink, and a transition that takes them before."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True, expires=True, timed=True, capacity=1)
    late, out = net.sink("late", Job), net.sink("out", Job)
    net.transition("expire", [expired(jobs)], outputs=[put(late)])
    net.transition("use", [jobs], outputs=[put(out)], priority=-1)
    return net, jobs


def test_a_token_whose_time_has_passed_is_seen_by_expired_alone() -> None:
    """R9, R10: the end of a token is a useful time, and then only `expired` takes it."""
    net, jobs = expiring()
    kernel, log = kernel_of(net)
    kernel.inject(jobs, Job("a"), 0, ready_at_ns=5, expires_at_ns=5)
    log.clear()
    assert kernel.step(0).wake_ns == 5
    kernel.step(5)
    assert log == ["fire 5 1 expire [1]  [late#2]"]


def test_an_expired_token_keeps_its_slot() -> None:
    """R9, R23: until it is taken away, nothing else fits."""
    net, jobs = expiring()
    kernel, _ = kernel_of(net)
    kernel.inject(jobs, Job("a"), 0, expires_at_ns=5)
    with pytest.raises(NetError, match="is full"):
        kernel.inject(jobs, Job("b"), 6)
    kernel.step(6)
    kernel.inject(jobs, Job("b"), 6)


def test_an_output_says_how_long_its_token_lasts() -> None:
    """R9: `lasts_ns` counts from the deposit; a token put back where it was taken keeps its end."""
    for lasts_ns, ends in ((4, 7), (lambda _job: 5, 8), (None, 50)):
        net = Net("n")
        jobs = net.place("jobs", Job, source=True, expires=True, timed=True)
        net.transition("expire", [expired(jobs)])
        again = put(jobs, Job.again, jobs, after_ns=10, lasts_ns=lasts_ns)
        net.transition("retry", [jobs], outputs=[again])
        kernel, _ = kernel_of(net)
        kernel.inject(jobs, Job("a"), 0, expires_at_ns=50)
        kernel.step(3)
        (token,) = kernel.marking().tokens
        assert (token.colour.attempt, token.ready_at_ns, token.expires_at_ns) == (2, 13, ends)


def test_a_step_has_a_limit() -> None:
    """R10: a step that reached its limit says its own time, and the next goes on."""
    kernel, _ = kernel_of(ping_net(lines=5))
    inject(kernel, "hosts", Host("a"), Host("b"))
    inject(kernel, "jobs", Job("a"), Job("b"))
    first, second = kernel.step(4, limit=1), kernel.step(4)
    assert [len(first.firings), first.wake_ns] == [1, 4]
    assert [len(second.firings), second.wake_ns] == [1, None]


# Outcomes.


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


# A firing's life.


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
    unknown = "net ping, transition call: Job is none of its outcomes (Ok, Down, Lost)"
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


def test_a_shown_token_that_raises_is_only_not_shown() -> None:
    """R22, R27: the copy is set aside; the firing goes on, and so does its end."""

    class Odd(Struct, frozen=True):
        @property
        def key(self) -> str:
            raise ValueError("no key")

    net = Net("n")
    jobs, running = net.place("jobs", Odd, source=True), net.place("running", Odd, key="key")
    work = net.effect("work", Ok)(jobs)
    net.transition("go", [jobs], effect=work, outcomes=[on(Ok), on(Lost)], during=running)
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Odd())
    log.clear()
    assert len(kernel.step(0).firings) == 1
    assert log == ["begin 0 1 go [1]", "fault running 2 ValueError: no key"]
    kernel.revoke(1)
    assert (kernel.count("jobs"), kernel.count("running")) == (1, 0)


# Capacity.


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


# Numbers and sinks.


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


# Faults.


class Raising(Struct, frozen=True):
    """A token whose properties raise, or give what they may not."""

    @property
    def key(self) -> str:
        raise KeyError("no key")

    @property
    def listed(self) -> list[int]:
        return []

    @property
    def rank(self) -> str:
        return "first"


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"key": "key"}, "KeyError: 'no key'"),
        ({"key": "listed"}, "TypeError: unhashable type: 'list'"),
        ({"order": "rank"}, "TypeError: order field rank must be an integer, not 'first'"),
    ],
)
def test_a_token_whose_key_or_order_raises_is_set_aside(
    options: dict[str, str], error: str
) -> None:
    """R27: the deposit happens, the place stays empty, the marking lists the fault."""
    net = Net("n")
    place = net.place("odd", Raising, source=True, **options)  # type: ignore[arg-type]
    net.transition("go", [place])
    kernel, log = kernel_of(net)
    inject(kernel, "odd", Raising())
    assert log == [f"fault odd 1 {error}", "inject 0 odd#1"]
    (fault,) = kernel.marking().faulted
    assert (fault.place, fault.serial, fault.error, kernel.count("odd")) == ("odd", 1, error, 0)


def test_a_guard_that_raises_sets_the_token_aside() -> None:
    """R27: the run goes on with the others."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    net.transition("go", [take(jobs, when=lambda job: 1 // job.attempt > 0)])
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a", 0), Job("b"))
    log.clear()
    kernel.step(0)
    assert log == ["fire 0 1 go [2]  []"]
    assert [fault.colour for fault in kernel.marking().faulted] == [Job("a", 0)]


def test_a_scan_that_raises_sets_aside_what_was_bound_last() -> None:
    """R27: the last token that the firing would take, not what it holds; then the search starts again."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    hosts = net.place("hosts", Host, source=True)
    first = net.sink("out", Host)
    net.transition("first", [hosts, absent(jobs)], outputs=[put(first)])
    net.transition("go", [jobs, hold(hosts)], scan=choose(boom_if, jobs, hosts))
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"), Job("b"))
    inject(kernel, "hosts", Host("x"))
    log.clear()
    kernel.step(0)
    assert log == [
        "fault jobs 1 ValueError: a",
        "fault jobs 2 ValueError: b",
        "fire 0 1 first [3 -1]  [out#4]",
    ]


def boom_if(job: Job, _host: Host) -> bool:
    raise ValueError(job.host)


def test_a_scan_that_will_raise_is_a_useful_time() -> None:
    """R10, R27: the token is set aside when it becomes ready, and the run then ends as finished."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True, timed=True, work=True)
    net.transition("go", [jobs], scan=choose(boom, jobs))
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"), ready_at_ns=5)
    assert (kernel.step(0).wake_ns, kernel.ended(0)) == (5, None)
    assert (kernel.step(5).wake_ns, kernel.ended(5)) == (None, "finished")


@pytest.mark.parametrize("after_ns", [boom, lambda _: -1, lambda _: 1.5, lambda _: True])
def test_a_span_that_is_no_time_is_a_fault(after_ns: Callable[[Any], Any]) -> None:
    """R27: of an output, the token that was taken; of a spend, the token that was spent."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    hosts = net.place("hosts", Host, source=True, timed=True)
    later = net.place("later", Job, timed=True)
    net.transition("go", [jobs], outputs=[put(later, Job.again, jobs, after_ns=after_ns)])
    net.transition("rest", [later, spend(hosts, after_ns=after_ns)])
    net.transition("idle", [net.place("ticks", Job, source=True), spend(hosts, after_ns=after_ns)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    inject(kernel, "hosts", Host("x"))
    inject(kernel, "ticks", Job("t"))
    kernel.step(0)
    faults = kernel.marking().faulted
    assert [(fault.place, fault.serial) for fault in faults] == [("jobs", 1), ("hosts", 2)]
    assert (kernel.count("ticks"), kernel.count("later")) == (0, 0)


def lossy_net(good: Any, lost: Any, *, taken: bool = True) -> Net:
    """An effect whose outputs raise or not."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    lines = net.counter("lines", start=1)
    out = net.sink("out", Job)
    work = net.effect("work", Ok)(jobs)
    net.transition(
        "go",
        [take(jobs) if taken else hold(jobs), hold(lines)],
        effect=work,
        outcomes=[on(Ok, put(out, good, jobs)), on(Lost, put(out, lost, jobs, Lost))],
    )
    return net


def lossy_run(net: Net) -> tuple[Execution, list[str]]:
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    kernel.step(0)
    kernel.started(1, 0)
    log.clear()
    kernel.complete(1, Ok(), 0)
    return kernel, log


def test_an_output_that_raises_makes_the_outcome_lost() -> None:
    """R28: the outputs of `Lost` are told why, and the line comes back."""

    def why(job: Job, lost: Lost) -> Job:
        return Job(f"{job.host}: {lost.reason}")

    kernel, log = lossy_run(lossy_net(boom, why))
    assert log == ["end 0 1 Lost [out#2]"]
    assert kernel.drain() == [Row("out", Job("a: an output function raised: ValueError: boom"))]
    assert kernel.count("lines") == 1


def test_if_the_outputs_of_lost_raise_too_the_tokens_are_set_aside() -> None:
    """R28: nothing is put, what was held comes back, and the marking lists the token."""
    kernel, log = lossy_run(lossy_net(boom, boom))
    error = "the outputs of Lost raised: ValueError: boom"
    assert log == [f"fault jobs 1 {error}", "end 0 1 Lost []"]
    assert kernel.count("lines") == 1
    assert kernel.marking().faulted[0].error == error


def test_a_firing_that_took_nothing_is_listed_itself() -> None:
    """R28: an error is never lost, even where no token can be set aside."""
    _, log = lossy_run(lossy_net(boom, boom, taken=False))
    assert log == [
        "fault go -1 the outputs of Lost raised: ValueError: boom",
        "end 0 1 Lost [jobs#2]",
    ]


def test_a_key_that_raises_for_a_set_is_a_fault() -> None:
    """R17, R27: the token that put_new made is set aside; the others are put."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True)
    seen = net.set("seen", Raising, key="key")
    out = net.sink("out", Raising)
    net.transition("go", [jobs], outputs=[put_new(seen, out, lambda _: Raising(), jobs)])
    kernel, log = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    log.clear()
    kernel.step(0)
    assert log == ["fault out 2 KeyError: 'no key'", "fire 0 1 go [1]  [out#2]"]
    assert (kernel.drain(), kernel.count("seen")) == ([], 0)


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        (boom, "ValueError: boom"),
        (lambda _: -1, "TypeError: a number starts as an integer from 0 up, not -1"),
        (lambda _: "2", "TypeError: a number starts as an integer from 0 up, not '2'"),
    ],
)
def test_a_start_that_raises_means_zero(start: Callable[[Any], Any], reason: str) -> None:
    """R29: nothing stops, the token waits, the run is stuck, and explain says why."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True, work=True)
    slots = net.counter("slots", key="host", start=start)
    net.transition("go", [jobs, hold(slots)])
    kernel, _ = kernel_of(net)
    inject(kernel, "jobs", Job("a"))
    assert kernel.step(0).firings == ()
    assert kernel.ended(0) == "stuck"
    (lack,) = kernel.explain(1, 0)
    assert lack.reason == f"slots for a is at 0: its start raised {reason}"


# The end.


def budget_net(*, keyed: bool = False) -> Net:
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", source=True, work=True, timed=True)
    start: Any = (lambda _: 1) if keyed else 1
    pages = net.counter("pages", start=start, budget=True, key="host" if keyed else ())
    net.transition("go", [jobs, take(pages)])
    return net


def test_a_run_ends_finished_spent_or_stuck() -> None:
    """R30: no work; work and no budget; work and nothing that will ever move it."""
    for keyed in (False, True):
        kernel, _ = kernel_of(budget_net(keyed=keyed))
        assert kernel.ended(0) == "finished"
        inject(kernel, "jobs", Job("a"), Job("a"))
        assert kernel.ended(0) is None
        kernel.step(0)
        assert kernel.ended(0) == "spent"
    kernel, _ = kernel_of(ping_net())
    inject(kernel, "jobs", Job("nowhere"))
    assert (kernel.step(0).wake_ns, kernel.ended(0)) == (None, "stuck")


def test_a_run_has_not_ended_while_something_is_in_flight_or_due() -> None:
    """R30: a firing, or a token that will be ready, may still bring work."""
    kernel, _ = kernel_of(ping_net())
    inject(kernel, "hosts", Host("a"))
    inject(kernel, "jobs", Job("a"))
    kernel.step(0)
    assert kernel.ended(0) is None
    kernel.started(1, 0)
    kernel.complete(1, Down(), 1)
    assert kernel.ended(1) is None


def test_a_token_that_expires_tomorrow_keeps_no_run_alive() -> None:
    """R30: finished and spent do not wait for a useful time."""
    net = Net("n")
    jobs = net.place("jobs", Job, source=True, work=True)
    gate = net.place("gate", Host, source=True, expires=True, budget=True)
    net.transition("go", [jobs, read(gate)])
    net.transition("close", [expired(gate)])
    kernel, _ = kernel_of(net)
    inject(kernel, "gate", Host("open"), expires_at_ns=9)
    assert kernel.ended(0) == "finished"
    kernel.step(9)
    inject(kernel, "jobs", Job("a"), now_ns=9)
    assert kernel.ended(9) == "spent"


# Calls that are refused.


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
        new_kernel(plain).inject(bare, Job("a"), 0, ready_at_ns=5)
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
