"""A declaration is data: what the author wrote, with the defaults filled in."""

import pytest
from msgspec import Struct

from scraper_cpn.net import (
    Arc,
    Lost,
    Net,
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
from scraper_cpn.net.declare import Done
from tests.net.ping import Down, Host, Job, Ok


def test_places_keep_what_was_said() -> None:
    """A key or an order of one name is a tuple of one; the rest is off."""
    net = Net("n")
    jobs = net.place("jobs", Job, key="host", order=("attempt",), capacity=3, timed=True)
    assert (jobs.net, jobs.name, jobs.colour, jobs.keys, jobs.order) == (
        "n",
        "jobs",
        Job,
        ("host",),
        ("attempt",),
    )
    assert (jobs.capacity, jobs.timed, jobs.expires, jobs.source, jobs.work, jobs.budget) == (
        3, True, False, False, False, False,
    )  # fmt: skip
    assert list(net.places) == ["jobs"]


def test_everything_shows_itself_in_one_line() -> None:
    """A debugger and an error message name things as the author did."""
    net = Net("n")
    jobs, lines = net.place("jobs", Job, source=True), net.counter("lines", start=1)
    seen, out = net.set("seen", Job, key="host"), net.sink("out", Job)
    go = net.transition("go", [jobs])
    assert [repr(each) for each in (net, jobs, lines, seen, out, go)] == [
        "<net n: 4 places, 1 transitions>",
        "<place jobs of Job>",
        "<counter lines>",
        "<set seen of Job>",
        "<sink out of Job>",
        "<transition go>",
    ]
    arcs = [take(jobs), spend(jobs), hold(lines), read(jobs), absent(seen), expired(jobs)]
    assert [str(arc) for arc in arcs] == [
        "take(jobs)", "spend(jobs)", "hold(lines)", "read(jobs)", "absent(seen)", "expired(jobs)",
    ]  # fmt: skip
    outputs = [put(out), put_new(seen, out, Job.again, jobs), consume(lines)]
    assert [str(output) for output in outputs] == ["put(out)", "put_new(out)", "consume(lines)"]


def test_arcs_say_whether_they_bind_a_token() -> None:
    """Numbers, sets and absences bind none."""
    net = Net("n")
    jobs, lines = net.place("jobs", Job), net.counter("lines", start=1)
    seen = net.set("seen", Job, key="host")
    assert [arc.binds for arc in (take(jobs), hold(jobs), read(jobs), spend(jobs))] == [True] * 4
    assert [arc.binds for arc in (take(lines), absent(jobs), read(seen))] == [False] * 3


def test_a_bare_place_is_taken() -> None:
    """In a list of inputs, a place or a counter means `take`; lists of arcs can be shared."""
    net = Net("n")
    jobs, hosts, lines = (
        net.place("jobs", Job),
        net.place("hosts", Host),
        net.counter("lines", start=1),
    )
    shared = [hold(hosts)]
    go = net.transition("go", [jobs, lines, *shared])
    other = net.transition("other", [jobs, *shared])
    assert [(arc.kind, arc.place) for arc in go.arcs] == [
        ("take", jobs),
        ("take", lines),
        ("hold", hosts),
    ]
    assert go.arcs[2] is other.arcs[1]
    assert isinstance(go.arcs[0], Arc)


def test_a_plain_transition_has_one_unnamed_outcome() -> None:
    """R13: its outputs stand under `Done`, which no author writes."""
    net = Net("n")
    jobs, out = net.place("jobs", Job), net.sink("out", Job)
    output = put(out)
    go = net.transition("go", [jobs], outputs=[output])
    assert [(case.outcome, case.outputs) for case in go.outcomes] == [(Done, (output,))]
    assert go.instant


def test_effects_and_choices_know_their_outcomes() -> None:
    """R12, R13: a union is taken apart, a single type is a set of one."""

    def verdict(job: Job) -> Ok | Down:
        return Ok(job.attempt)

    net = Net("n")
    jobs = net.place("jobs", Job)
    one, two = net.effect("one", Ok), net.effect("two", Ok | Down)
    assert (one.outcomes, two.outcomes) == ((Ok,), (Ok, Down))
    call = two(jobs)
    assert (call.name, call.sources, call.outcomes, call.fn) == ("two", (jobs,), (Ok, Down), None)
    choice = choose(verdict, jobs)
    assert (choice.name, choice.outcomes, choice.fn) == ("verdict", (Ok, Down), verdict)
    slow = net.transition(
        "slow", [jobs], effect=call, outcomes=[on(Ok), on(Down), on(Lost)], deadline_ns=5
    )
    assert (slow.instant, slow.deadline_ns, slow.priority, slow.shows) == (False, 5, 0, ())


def test_lost_says_why() -> None:
    """R12: one line for people, and a traceback where there is one."""
    lost = Lost("cancelled")
    assert (lost.reason, lost.detail) == ("cancelled", "")


@pytest.mark.parametrize("start", [3, lambda key: len(key)])
def test_a_counter_starts_with_a_number_or_a_function_of_the_key(start: object) -> None:
    """R25: the same for the plain and for the keyed."""
    counter = Net("n").counter("c", start=start, key="host")  # type: ignore[arg-type]
    assert (counter.first("abc"), counter.fault("abc")) == (3, "")


class Sized(Struct, frozen=True):
    size: int


def test_two_nets_have_nothing_in_common() -> None:
    """Declaring in one changes nothing in the other; nets are distinguished by identity."""
    first, second = Net("n"), Net("n")
    first.place("jobs", Sized)
    assert (len(first.places), len(second.places)) == (1, 0)
    assert first != second
