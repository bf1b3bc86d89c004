"""What a recorded kernel tells of its changes; the random runs are in `test_differential.py`."""

from msgspec import Struct

from scraper_cpn.net import Lost, Net, hold, on, put
from scraper_cpn.net.compiled.kernel import compile_net
from scraper_cpn.net.compiled.source import source
from scraper_cpn.net.marking import Standing


class Job(Struct, frozen=True):
    """Something to do."""


class Done(Struct, frozen=True):
    """It is done."""


def ping() -> Net:
    """Jobs that become done, one at a time."""
    net = Net("ping")
    jobs = net.place("jobs", Job, source=True, work=True)
    done = net.place("done", Done)
    line = net.counter("line", start=1)
    call = net.effect("call", Done)
    net.transition(
        "call",
        [jobs, hold(line)],
        effect=call(jobs),
        outcomes=[on(Done, put(done)), on(Lost, put(jobs))],
    )
    net.transition("forget", [done])
    return net


def test_a_token_that_came_and_went_leaves_no_trace() -> None:
    """What is born and dies between two tellings is never written."""
    net = ping()
    kernel = compile_net(net, recorded=True)
    kernel.inject(net.places["jobs"], Job(), 0)  # type: ignore[arg-type]
    changes = kernel.changes()
    assert changes.born == (Standing("jobs", 1, Job(), 0),)
    firing = kernel.step(1).firings[0]
    kernel.started(firing.id, 1)
    kernel.complete(firing.id, Done(), 2)
    kernel.step(2)
    changes = kernel.changes()
    assert changes.born == ()
    assert [token.serial for token in changes.gone] == [1]
    assert changes.begun == ()
    assert changes.ended == ()


def test_a_firing_is_reported_when_it_begins_when_it_starts_and_when_it_ends() -> None:
    """And what it holds stays where it was, until it is gone."""
    net = ping()
    kernel = compile_net(net, recorded=True)
    kernel.inject(net.places["jobs"], Job(), 0)  # type: ignore[arg-type]
    kernel.changes()
    firing = kernel.step(1).firings[0]
    changes = kernel.changes()
    assert ([flying.started for flying in changes.begun], changes.gone) == ([False], ())
    kernel.started(firing.id, 1)
    assert [flying.started for flying in kernel.changes().begun] == [True]
    kernel.complete(firing.id, Done(), 2)
    changes = kernel.changes()
    assert (changes.ended, [token.serial for token in changes.gone]) == ((firing.id,), [1])
    assert changes.numbers == ()


def test_a_kernel_that_is_not_recorded_has_no_trace_of_it() -> None:
    """Nothing is paid for what is not asked."""
    text = source(ping())
    assert not any(word in text for word in ("Recording(", "born", "# recorded"))
