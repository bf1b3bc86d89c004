"""The compiled execution as a thing of its own: its source, its names, its errors, its heaps."""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass
from random import Random
from types import FunctionType
from typing import Any

import pytest

from scraper_cpn.net import (
    Interpreter,
    Lost,
    Net,
    NetError,
    Row,
    absent,
    hold,
    on,
    put,
    read,
    spend,
    take,
)
from scraper_cpn.net.compiled.generate import machine
from scraper_cpn.net.compiled.generate.layout import PREFIXES
from scraper_cpn.net.compiled.kernel import Compiled, compile_net
from scraper_cpn.net.compiled.runtime import join as index_join
from scraper_cpn.net.compiled.runtime import keys as index_keys
from scraper_cpn.net.compiled.runtime import lines as index
from scraper_cpn.net.compiled.runtime import records as index_records
from scraper_cpn.net.compiled.source import source
from tests.net.nets import Draw, checked_net
from tests.net.runs import Pair, Run

_COMMENTS = re.compile(r"#.*|'[^'\n]*'|\"\"\"(?s:.*?)\"\"\"")


@dataclass(frozen=True)
class Job:
    host: str
    attempt: int = 0


@dataclass(frozen=True)
class Host:
    host: str


@dataclass(frozen=True)
class Ok:
    pass


class Waiting:
    """A record that has an alarm."""

    def __init__(self, alarm: int) -> None:
        self.alarm = alarm


def ping_net(**places: str) -> Net:
    """Jobs that take a host each; the places may be named otherwise."""
    net = Net("ping")
    jobs = net.place(places.get("jobs", "jobs"), Job, key="host", order="attempt", source=True)
    hosts = net.place(places.get("hosts", "hosts"), Host, key="host", timed=True, source=True)
    lines = net.counter(places.get("lines", "lines"), start=2)
    done = net.place(places.get("done", "done"), Job, capacity=3)
    out = net.sink(places.get("out", "out"), Job)
    ping = net.effect("ping", Ok)(jobs)
    ends = [on(Ok, put(done)), on(Lost, put(jobs))]
    took: list[Any] = [jobs, hold(lines), spend(hosts, after_ns=10)]
    net.transition(places.get("ping", "ping"), took, effect=ping, outcomes=ends)
    net.transition("file", [done], outputs=[put(out)])
    return net


def crawl(kernel: Compiled) -> list[str]:
    """Run some jobs to their end; the hosts in the order in which they were asked."""
    net = kernel.net
    jobs, hosts = list(net.places.values())[:2]
    for name in "abab":
        kernel.inject(jobs, Job(name), 0)  # type: ignore[arg-type]
    for name in "ab":
        kernel.inject(hosts, Host(name), 0)  # type: ignore[arg-type]
    asked, now_ns = [], 0
    while kernel.ended(now_ns) is None:
        step = kernel.step(now_ns)
        for firing in step.firings:
            asked.append(firing.args[0].host)
            kernel.started(firing.id, now_ns)
            kernel.complete(firing.id, Ok(), now_ns)
        now_ns += 1
    return asked


def test_the_source_reads_as_the_net_does() -> None:
    """Each transition says what it takes and where that is found."""
    text = source(ping_net())
    assert "# Transition ping, priority 0." in text
    assert "#   take(jobs): the first ready token for its host, first of the join on host" in text
    assert "#   hold(lines): is above 0" in text
    assert "#   spend(hosts): the first ready token for its host" in text
    assert "#   done: 1 free slot" in text


def test_the_source_is_python_and_the_same_each_time() -> None:
    """It compiles, and two compilations of equal declarations give the same text."""
    compile(source(ping_net()), "ping", "exec")
    assert source(ping_net()) == source(ping_net())


@pytest.mark.parametrize("prefix", PREFIXES)
def test_no_name_of_a_net_is_in_the_way(prefix: str) -> None:
    """Places, numbers and transitions may be called what the source would call something of others."""

    def run(execution: Any) -> list[Row]:
        net = Net("names")
        first = net.place("b", Job, key="host", order="attempt", capacity=3, source=True)
        last = net.place(f"{prefix}b", Job, capacity=2)
        number = net.counter(f"{prefix}t", start=1)
        done = net.sink(f"{prefix}done", Job)
        net.transition("t", [first, hold(number)], outputs=[put(last)])
        net.transition(f"{prefix}u", [last], outputs=[put(done)])
        kernel = execution(net)
        for host in ("a", "b", "c"):
            kernel.inject(first, Job(host), 0)
        kernel.step(0)
        rows: list[Row] = kernel.drain()
        return rows

    assert run(compile_net) == run(Interpreter) != []


def test_all_that_is_put_before_a_name_is_known() -> None:
    """The names that a source makes of a net's own names begin with what is kept free for that."""
    for seed in range(40):
        built = checked_net(Random(seed))
        if built is None:
            continue
        names = {*built.net.places, *built.net.transitions}
        kept = {prefix + name for prefix in PREFIXES for name in names}
        code = _COMMENTS.sub("", source(built.net, traced=True))
        made = {
            word
            for word in re.findall(r"[A-Za-z_]\w*", code)
            if any(word.endswith(f"_{name}") for name in names)
        }
        assert made <= kept | names


def test_tracing_is_compiled_in_or_out() -> None:
    """A kernel without a trace has no line that asks for one."""
    assert "trace" not in source(ping_net()).split('"""', 2)[2]
    assert "trace((" in source(ping_net(), traced=True)


def test_a_net_that_cannot_work_is_not_compiled() -> None:
    """The checks come first, with all their problems."""
    net = Net("broken")
    net.place("jobs", Job, source=True)
    with pytest.raises(NetError, match="nothing uses it"):
        source(net)
    with pytest.raises(NetError, match="nothing uses it"):
        compile_net(net)


def test_tracebacks_show_the_generated_source() -> None:
    """A bug in generated code can be read where it happened."""
    kernel = compile_net(ping_net())
    with pytest.raises(AttributeError) as caught:
        kernel._parts["load"]("no marking", ())
    text = "".join(traceback.format_exception(caught.value))
    assert "clock, serial, next_id = marking.now_ns" in text


@pytest.mark.parametrize(
    "names",
    [
        {"jobs": "inputs", "hosts": "token", "lines": "now", "done": "puts", "out": "put"},
        {"jobs": "a0", "hosts": "k0", "lines": "m0", "done": "e0", "out": "r0"},
        {"jobs": "Token", "hosts": "Line", "lines": "NEVER", "done": "Firing", "out": "heappush"},
        {"jobs": "class", "hosts": "lambda", "lines": "None", "done": "len", "out": "Job"},
        {"jobs": "raw html", "hosts": "raw-html", "lines": "1", "done": "?", "out": "raw_html"},
        {"jobs": 'a"""b', "hosts": "a\\", "lines": "a\nb", "ping": "ping\nraise", "done": "{x}"},
        {"jobs": "build", "hosts": "flights", "lines": "dirty", "done": "clock", "ping": "step"},
        {"jobs": "put_done", "hosts": "jobs_by_host", "lines": "stand_jobs", "ping": "find_file"},
    ],
    ids=lambda names: names["jobs"],
)
def test_any_name_will_do(names: dict[str, str]) -> None:
    """Places may be called what the generated source calls something else, or what is no identifier."""
    assert crawl(compile_net(ping_net(**names))) == crawl(compile_net(ping_net()))


def test_functions_of_the_same_name_are_distinguished() -> None:
    """Two lambdas are two functions, in the source, too."""
    net = Net("twice")
    jobs = net.place("jobs", Job, source=True)
    out = net.sink("out", Job)
    other = net.sink("other", Job)
    made = put(out, lambda job: Job(job.host, 1), jobs)
    net.transition("move", [jobs], outputs=[made, put(other, lambda job: Job("other"), jobs)])
    kernel = compile_net(net)
    kernel.inject(jobs, Job("a"), 0)
    kernel.step(0)
    assert [row.colour for row in kernel.drain()] == [Job("a", 1), Job("other")]


def test_fields_that_are_no_identifiers_can_be_keys() -> None:
    """A key is read by name, even one that Python keeps for itself."""
    kind: type[Any] = type("Odd", (), {"class": 3})
    net = Net("odd")
    odd = net.place("odd", kind, key="class", source=True)
    other = net.place("other", kind, key="class", source=True)
    net.transition("both", [odd, other])
    kernel = compile_net(net)
    kernel.inject(odd, kind(), 0)
    kernel.inject(other, kind(), 0)
    assert kernel.step(0).wake_ns is None
    assert kernel.count("odd") == 0


def test_a_marking_of_another_net_is_refused() -> None:
    """As the interpreter refuses it."""
    marking = compile_net(ping_net()).marking()
    with pytest.raises(NetError, match="load it into that one"):
        Compiled.load(Net("other"), marking)


def test_it_says_what_it_holds() -> None:
    """One line, for people."""
    kernel = compile_net(ping_net())
    crawl(kernel)
    assert repr(kernel).startswith("<compiled, <marking of ping at ")


def test_a_net_without_transitions_waits_for_ever() -> None:
    """Nothing to try is no error."""
    kernel = compile_net(Net("empty"))
    assert kernel.step(0).wake_ns is None
    assert kernel.ended(0) == "finished"


@pytest.mark.parametrize("slack", [-1, 0, 2])
def test_rebuilding_heaps_changes_nothing(monkeypatch: pytest.MonkeyPatch, slack: int) -> None:
    """With heaps rebuilt at every chance, random runs are still those of the interpreter."""
    monkeypatch.setattr(index, "SLACK", slack)
    monkeypatch.setattr(index_join, "SLACK", slack)
    monkeypatch.setitem(machine.SHARED, "SLACK", slack)
    for seed in range(40):
        random = Random(seed)
        built = checked_net(random)
        if built is not None:
            Run(Draw(random), Pair(built)).go(40)


def test_without_a_trace_everything_else_is_the_same() -> None:
    """Random runs in both executions, neither of which traces."""
    for seed in range(40):
        random = Random(seed)
        built = checked_net(random)
        if built is not None:
            Run(Draw(random), Pair(built, traced=False)).go(40)


@pytest.mark.parametrize("apart", [False, True])
def test_dead_entries_do_not_pile_up(apart: bool) -> None:
    """Under an endless stream of better tokens, heaps stay within twice their live entries.

    *apart*: a ban makes the join one whose inputs can't be in one record.
    """
    net = Net("overload")
    jobs = net.place("jobs", Job, key="host", order="attempt", source=True)
    hosts = net.place("hosts", Host, key="host", source=True)
    bans = net.place("bans", Host, key="host", source=True)
    other = net.place("other", Job, key="attempt", source=True)
    slots = net.counter("slots", key="attempt", start=lambda _attempt: 0)
    banned = [absent(bans)] if apart else []
    net.transition("never", [jobs, read(hosts), *banned, other, hold(slots)])
    net.transition("lift", [take(bans, when=lambda _host: False)])
    kernel = compile_net(net)
    kernel.inject(hosts, Host("a"), 0)
    kernel.inject(other, Job("a"), 0)
    for number in range(1_000):
        kernel.inject(jobs, Job("a", -number), 0)
        kernel.step(0)
    heaps = _heaps(kernel)
    assert len(heaps) == 2
    for heap in heaps:
        assert heap <= 2 + index.SLACK


@pytest.mark.parametrize("apart", [False, True])
def test_dead_alarms_do_not_pile_up(apart: bool) -> None:
    """Under an endless stream of tokens that are ready sooner and sooner, too."""
    net = ping_net()
    jobs, hosts = list(net.places.values())[:2]
    if apart:
        bans = net.place("bans", Host, key="host", source=True)
        net.transition("never", [take(bans), absent(hosts)])  # type: ignore[arg-type]
        net.transition("late", [jobs, take(hosts), absent(bans)], priority=9)  # type: ignore[list-item, arg-type]
    kernel = compile_net(net)
    kernel.inject(jobs, Job("a"), 0)  # type: ignore[arg-type]
    for number in range(1_000):
        ready_at_ns = 5_000 - number
        kernel.inject(hosts, Host("a"), 0, ready_at_ns=ready_at_ns)  # type: ignore[arg-type]
        assert kernel.step(0).wake_ns == ready_at_ns
    for heap in _heaps(kernel):
        assert heap <= 2 + index.SLACK


def _shared(kernel: Compiled) -> dict[str, Any]:
    """What the functions of a kernel share, by name."""
    found: dict[str, Any] = {}
    functions: list[Any] = [kernel._parts["step"]]
    while functions:
        function = functions.pop()
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            if name in found:
                continue
            thing = found[name] = cell.cell_contents
            tables = thing.values() if isinstance(thing, dict) else [thing]
            functions += [each for each in tables if isinstance(each, FunctionType)]
            functions += [thing.lag] if isinstance(thing, index_join.Join) else []
    return found


def _heaps(kernel: Compiled) -> list[int]:
    """The entries of each join's heaps."""
    shared = _shared(kernel)
    joins = [each for each in shared.values() if isinstance(each, index_join.Join)]
    stems = [name.removesuffix("_ready") for name in shared if name.endswith("_ready")]
    due = [sum(map(len, shared.get(f"{stem}_due", {}).values())) for stem in stems]
    met = [len(shared[f"{stem}_ready"]) + alarms for stem, alarms in zip(stems, due, strict=True)]
    return met + [sum(map(len, _heaps_of(join))) for join in joins]


def _heaps_of(join: index_join.Join) -> list[list[Any]]:
    """The heaps of a join, and those of its gates."""
    gates = [gate.queue for family in join.families for gate in family.gates.values()]
    return [join.ready, join.future, join.later, *gates]


@pytest.mark.parametrize("apart", [False, True])
def test_what_is_taken_elsewhere_leaves_no_trace_in_other_indexes(apart: bool) -> None:
    """A place with two indexes keeps neither lines nor records of keys that are gone."""
    net = Net("two ways")
    jobs = net.place("jobs", Job, key="host", source=True)
    hosts = net.place("hosts", Host, key="host", source=True)
    bans = net.place("bans", Host, key="host", source=True)
    net.transition("join", [jobs, read(hosts), *([absent(bans)] if apart else [])])
    net.transition("drop", [take(jobs, when=lambda job: job.attempt > 0)])
    net.transition("lift", [bans])
    kernel = compile_net(net)
    for number in range(200):
        kernel.inject(jobs, Job(f"host {number}", 1), 0)
        kernel.step(0)
    shared = _shared(kernel)
    joins = [each for each in shared.values() if isinstance(each, index_join.Join)]
    views = [each for each in shared.values() if isinstance(each, index_keys.View)]
    assert len(joins) == apart
    assert not any(join.records or join.lead.lines for join in joins)
    assert not any(family.gates for view in views for family in view.families)
    assert not shared.get("by_host")


def test_the_number_of_the_next_firing_is_reported() -> None:
    """`next_id` counts all firings that have begun."""
    kernel = compile_net(ping_net())
    kernel.inject(kernel.net.places["jobs"], Job("a"), 0)  # type: ignore[arg-type]
    kernel.inject(kernel.net.places["hosts"], Host("a"), 0)  # type: ignore[arg-type]
    assert kernel.next_id == 1
    assert [firing.id for firing in kernel.step(0).firings] == [1]
    assert kernel.next_id == 2


def test_alarms_that_hold_no_more_are_dropped() -> None:
    """Of many alarms of a key, the one that its record knows is kept, once."""
    late, early = [Waiting(9), Waiting(9)], Waiting(5)
    times, due = [3, 5, 9], {3: [early], 9: [late[0], late[1], late[0]], 5: [early, early]}
    assert index_records.thin_due(times, due, "alarm") == 3
    assert (times, due) == ([5, 9], {5: [early], 9: late})
