"""The shell starts what a kernel asks for, tells it every end, and leaves nothing in flight."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby, pairwise
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from msgspec import Struct

from scraper_cpn.net import Interpreter, Lost, Net, Row, absent, hold, on, put, spend
from scraper_cpn.run.calls import Calls
from scraper_cpn.run.clock import Clock
from scraper_cpn.run.effects import Batched, Binding, Paced, Plain, Start
from scraper_cpn.run.shell import SLICE_NS, Shell

MILLISECOND = 1_000_000


class Job(Struct, frozen=True):
    """A host to ping."""

    host: str
    attempt: int = 1

    def again(self) -> Job:
        return Job(self.host, self.attempt + 1)


class Host(Struct, frozen=True):
    """Its pacing token."""

    host: str


class Ok(Struct, frozen=True):
    """It answered."""


class Down(Struct, frozen=True):
    """It did not."""


class Alien:
    """An outcome that no transition knows."""


def ping_net(*, deadline_ns: int | None = None, gap_ns: int = MILLISECOND, lines: int = 2) -> Net:
    """Jobs wait for their host and a line; the lost are pinged again, and what is done is written."""
    net = Net("ping")
    jobs = net.place("jobs", Job, key="host", order="attempt", source=True, work=True)
    hosts = net.place("hosts", Host, key="host", timed=True, source=True)
    free = net.counter("lines", start=lines)
    answered = net.place("answered", Job, capacity=8, work=True)
    done, lost = net.sink("done", Job), net.sink("lost", Job)
    ping, write = net.effect("ping", Ok | Down), net.effect("write", Ok)
    net.transition(
        "ping",
        [jobs, hold(free), spend(hosts, after_ns=gap_ns)],
        effect=ping(jobs),
        deadline_ns=deadline_ns,
        outcomes=[on(Ok, put(answered)), on(Down, put(jobs, Job.again, jobs)), on(Lost, put(lost))],
    )
    net.transition(
        "write",
        [answered],
        effect=write(answered),
        outcomes=[on(Ok, put(done)), on(Lost, put(lost))],
    )
    return net


class Bench:
    """A ping net with jobs, its shell, and everything that left through a sink."""

    def __init__(
        self, jobs: str, effects: dict[str, Binding], net: Net | None = None, **options: Any
    ) -> None:
        self.net = net or ping_net()
        self.log: list[tuple[Any, ...]] = []
        self.kernel = Interpreter(self.net, self.log.append)
        self.clock = Clock()
        self.rows: list[Row] = []
        now_ns = self.clock.now_ns()
        places: Any = self.net.places
        for host in sorted(set(jobs)):
            self.kernel.inject(places["hosts"], Host(host), now_ns)
        for host in jobs:
            self.kernel.inject(places["jobs"], Job(host), now_ns)
        self.shell = Shell(self.kernel, effects, self.clock, on_rows=self.rows.extend, **options)

    def at(self, sink: str) -> list[str]:
        return [row.colour.host for row in self.rows if row.sink == sink]

    def jobs_anywhere(self) -> int:
        """Jobs in places, in firings and in rows: what a run must conserve."""
        marking = self.kernel.marking()
        return sum(isinstance(token.colour, Job) for token in marking.tokens) + len(self.rows)

    def events(self, name: str) -> list[tuple[Any, ...]]:
        return [event for event in self.log if event[0] == name]


async def pong(job: Job, start: Callable[[], None]) -> Ok:
    """A ping whose request goes out a moment after it was decided."""
    await asyncio.sleep(0)
    start()
    await asyncio.sleep(0.001)
    return Ok()


async def write(batch: Sequence[Job]) -> list[Ok]:
    await asyncio.sleep(0)
    return [Ok() for _ in batch]


EFFECTS: dict[str, Binding] = {"ping": Paced(pong), "write": Batched(write)}


@pytest.mark.anyio
async def test_runs_to_the_end() -> None:
    """Every job ends in `done`, once, and the run says that it is finished."""
    bench = Bench("aabbc", EFFECTS)
    assert await bench.shell.run() == "finished"
    assert sorted(bench.at("done")) == list("aabbc")
    assert bench.kernel.in_flight() == 0


@pytest.mark.anyio
async def test_pauses_are_counted_from_the_real_start() -> None:
    """The pacing token is dated from the call of `start`, and no start is earlier than it allows."""
    bench = Bench("aaaa", EFFECTS, ping_net(gap_ns=5 * MILLISECOND))
    await bench.shell.run()
    starts = [event[1] for event in bench.events("started") if event[3]]
    assert len(starts) == 4
    assert all(later - earlier >= 5 * MILLISECOND for earlier, later in pairwise(starts))


@pytest.mark.anyio
async def test_sleeps_until_the_useful_time_and_not_in_steps() -> None:
    """Waiting costs a bounded number of steps, whatever the length of the wait: there is no poll."""
    bench = Bench("aa", EFFECTS, ping_net(gap_ns=150 * MILLISECOND))
    steps = 0
    step = bench.kernel.step

    def counted(now_ns: int, limit: int = 100_000) -> Any:
        nonlocal steps
        steps += 1
        return step(now_ns, limit)

    bench.kernel.step = counted  # type: ignore[method-assign]
    await bench.shell.run()
    assert steps < 20


@pytest.mark.anyio
async def test_an_effect_that_raises_is_lost() -> None:
    """What an effect raises becomes `Lost`, and the run goes on."""

    async def broken(job: Job, start: Callable[[], None]) -> Ok:
        if job.host == "a":
            raise RuntimeError("no route")
        return Ok()

    bench = Bench("ab", {**EFFECTS, "ping": Paced(broken)})
    assert await bench.shell.run() == "finished"
    assert (bench.at("lost"), bench.at("done")) == (["a"], ["b"])


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["plain", "awaited", "paced", "batched", "refused"])
async def test_what_is_lost_is_told_as_the_owner_of_the_run_tells(kind: str) -> None:
    """The reason and the traceback of every kind of effect, and of an outcome that is refused, go through *telling*."""

    def plain(_: Job) -> Ok:
        raise RuntimeError("of hush \ud800")

    async def awaited(job: Job) -> Ok:
        return plain(job)

    async def paced(job: Job, start: Callable[[], None]) -> Ok:
        return plain(job)

    async def batched(jobs: Sequence[Job]) -> list[Ok]:
        return [plain(job) for job in jobs]

    effects: dict[str, dict[str, Binding]] = {
        "plain": {"ping": Plain(plain)},
        "awaited": {"ping": Plain(awaited)},
        "paced": {"ping": Paced(paced)},
        "batched": {"write": Batched(batched)},
        "refused": {"ping": Plain(lambda _: Alien())},
    }
    told = list[str]()

    def telling(text: str) -> str:
        told.append(text)
        return text

    bench = Bench("a", {**EFFECTS, **effects[kind]}, telling=telling)
    await bench.shell.run()
    assert told
    if kind != "refused":
        assert {"RuntimeError: of hush ?"} < set(told)
        assert any("Traceback" in text for text in told)


@pytest.mark.anyio
async def test_an_effect_past_its_deadline_is_lost() -> None:
    """An effect that outlasts its deadline is cancelled and `Lost`."""

    async def forever(job: Job, start: Callable[[], None]) -> Ok:
        start()
        await asyncio.sleep(3600)
        return Ok()

    bench = Bench("a", {**EFFECTS, "ping": Paced(forever)}, ping_net(deadline_ns=MILLISECOND))
    assert await bench.shell.run() == "finished"
    assert bench.at("lost") == ["a"]


def test_only_calls_past_their_deadline_end() -> None:
    """The first of two calls ends as `Lost` at its deadline; the other, which began later, goes on."""

    class At:
        ns = 0

        def now_ns(self) -> int:
            return self.ns

    bench, at = Bench("ab", EFFECTS, ping_net(deadline_ns=10)), At()
    at.ns = began_ns = bench.clock.now_ns()
    calls = Calls(bench.kernel, at, lambda: None)
    cancelled: list[str] = []
    for firing in bench.kernel.step(began_ns, 2).firings:
        call = calls.open(firing)
        call.cancel = partial(cancelled.append, firing.args[0].host)
        calls.limit(call)
        call()
        at.ns += 5
    calls.expire(began_ns + 10)
    calls.take()
    assert cancelled == ["a"]
    assert [row.colour.host for row in bench.kernel.drain()] == ["a"]
    assert (bench.kernel.in_flight(), calls.due_ns) == (1, began_ns + 15)


@pytest.mark.anyio
async def test_an_outcome_that_is_none_is_lost() -> None:
    """An effect that returns a type that its transition does not list breaks only its own firing."""
    bench = Bench(
        "ab", {**EFFECTS, "ping": Plain(lambda job: Alien() if job.host == "a" else Ok())}
    )
    assert await bench.shell.run() == "finished"
    assert (bench.at("lost"), bench.at("done")) == (["a"], ["b"])


@pytest.mark.anyio
async def test_plain_effects_answer_at_once_or_later() -> None:
    """A plain effect may return its outcome or an awaitable of it, and may raise."""

    async def later() -> Ok:
        await asyncio.sleep(0)
        return Ok()

    def either(job: Job) -> Any:
        if job.host == "c":
            raise RuntimeError("no route")
        return later() if job.host == "a" else Ok()

    bench = Bench("abc", {**EFFECTS, "ping": Plain(either)})
    assert await bench.shell.run() == "finished"
    assert (sorted(bench.at("done")), bench.at("lost")) == (["a", "b"], ["c"])


class WorkClock:
    """A clock that only work moves."""

    def __init__(self) -> None:
        self.time_ns = Clock().now_ns()

    def now_ns(self) -> int:
        return self.time_ns


@pytest.mark.anyio
@pytest.mark.parametrize(("cost_ns", "at_once"), [(SLICE_NS // 2, 2), (3 * SLICE_NS, 1)])
async def test_much_work_at_once_lets_others_have_their_turn(cost_ns: int, at_once: int) -> None:
    """However many plain effects can begin, they pause after a slice of time, and all are done."""
    log = list[str]()

    def work(job: Job) -> Ok:
        clock.time_ns += cost_ns
        log.append("work")
        return Ok()

    async def others() -> None:
        while True:
            log.append("turn")
            await asyncio.sleep(0)

    bench = Bench("abcdef", EFFECTS, ping_net(lines=6))
    clock = WorkClock()
    shell = Shell(bench.kernel, {**EFFECTS, "ping": Plain(work)}, clock)
    meanwhile = asyncio.create_task(others())
    assert await shell.run() == "finished"
    meanwhile.cancel()
    runs = [len(list(run)) for kind, run in groupby(log) if kind == "work"]
    assert runs == [at_once] * (6 // at_once)


@pytest.mark.anyio
async def test_batches_never_overlap_and_respect_their_size() -> None:
    """One batch at a time, in order, at most so many; what waits meanwhile makes up the next."""
    sizes: list[int] = []
    under_way = 0

    async def slow(batch: Sequence[Job]) -> list[Ok]:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        sizes.append(len(batch))
        await asyncio.sleep(0.002)
        under_way -= 1
        return [Ok() for _ in batch]

    bench = Bench("abcdefgh", {"ping": Plain(lambda job: Ok()), "write": Batched(slow, most=3)})
    assert await bench.shell.run() == "finished"
    assert bench.at("done") == sorted(bench.at("done"))
    assert sum(sizes) == 8
    assert max(sizes) == 3


@pytest.mark.anyio
async def test_a_batch_that_raises_loses_all_of_it() -> None:
    """A batch that raises is `Lost` for each of its firings."""

    async def broken(batch: Sequence[Job]) -> list[Ok]:
        raise RuntimeError("disk")

    bench = Bench("ab", {**EFFECTS, "write": Batched(broken)})
    assert await bench.shell.run() == "finished"
    assert sorted(bench.at("lost")) == ["a", "b"]


@pytest.mark.anyio
async def test_a_fatal_error_ends_the_run_and_is_raised() -> None:
    """A fatal exception of an effect stops everything, is raised, and leaves nothing in flight."""

    async def full(batch: Sequence[Job]) -> list[Ok]:
        raise OSError("disk full")

    bench = Bench("aabb", {**EFFECTS, "write": Batched(full)}, fatal=(OSError,))
    with pytest.raises(OSError, match="disk full"):
        await bench.shell.run()
    assert bench.kernel.in_flight() == 0
    assert bench.jobs_anywhere() == 4


async def until(holds: Callable[[], bool]) -> None:
    """Let the shell run until something holds, and then until it has nothing more to do at once."""
    with anyio.fail_after(60):
        while not holds():  # noqa: ASYNC110  (a marking has no event)
            await anyio.sleep(0.001)
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


@pytest.mark.anyio
async def test_abort_gives_back_what_had_not_started() -> None:
    """`abort` revokes unstarted firings, so that their tokens are exactly where they were."""

    async def never(job: Job, start: Callable[[], None]) -> Ok:
        await asyncio.sleep(3600)
        return Ok()

    bench = Bench("ab", {**EFFECTS, "ping": Paced(never)})
    before = bench.kernel.marking().tokens
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bench.shell.run)
        await until(lambda: bench.kernel.in_flight() == 2)
        bench.shell.abort()
    assert bench.kernel.in_flight() == 0
    assert bench.kernel.marking().tokens == before
    assert bench.rows == []


@pytest.mark.anyio
async def test_poke_wakes_a_waiting_shell() -> None:
    """What was injected from outside is seen at once after `poke`."""

    async def forever(job: Job, start: Callable[[], None]) -> Ok:
        start()
        await asyncio.sleep(3600 if job.host == "a" else 0)
        return Ok()

    bench = Bench("a", {**EFFECTS, "ping": Paced(forever)})
    places: Any = bench.net.places
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bench.shell.run)
        await until(lambda: bench.kernel.in_flight() == 1)
        bench.kernel.inject(places["hosts"], Host("b"), bench.clock.now_ns())
        bench.kernel.inject(places["jobs"], Job("b"), bench.clock.now_ns())
        bench.shell.poke()
        await until(lambda: bench.at("done") == ["b"])
        bench.shell.abort()


class CancelAt:
    """Awaits a coroutine step by step and cancels its task at the k-th suspension."""

    def __init__(self, work: Any, k: int) -> None:
        self.work, self.k, self.suspensions = work, k, 0

    def __await__(self) -> Generator[Any, None, Any]:
        steps = self.work.__await__()
        error: BaseException | None = None
        sent: Any = None
        while True:
            try:
                waited = steps.send(sent) if error is None else steps.throw(error)
            except StopIteration as stop:
                return stop.value
            self._count()
            try:
                sent, error = (yield waited), None
            except BaseException as thrown:  # noqa: BLE001  (it goes on into the coroutine)
                error = thrown

    def _count(self) -> None:
        self.suspensions += 1
        if self.suspensions == self.k:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()


async def cancelled_at(k: int) -> tuple[bool, Bench]:
    """Run the small crawl with a cancellation at suspension k; whether it came so far."""

    def sometimes(job: Job) -> Any:
        return Ok() if job.host != "b" else asyncio.sleep(0, Ok())

    bench = Bench("aabbc", {"ping": Paced(pong), "write": Plain(sometimes)})
    run = CancelAt(bench.shell.run(), k)

    async def whole() -> None:
        await run

    task = asyncio.create_task(whole())
    await asyncio.wait([task])
    return task.cancelled() or run.suspensions >= k, bench


@pytest.mark.anyio
async def test_cancelled_at_every_suspension() -> None:
    """Wherever the shell is cancelled, every job is in exactly one place and nothing is in flight."""
    k = 1
    while True:
        reached, bench = await cancelled_at(k)
        assert bench.kernel.in_flight() == 0, k
        assert bench.jobs_anywhere() == 5, k
        numbers = bench.kernel.marking().counters["lines"]
        assert numbers == (), (k, numbers)
        assert bench.kernel.count("hosts") == 3, k
        if not reached:
            break
        k += 1
    assert k > 5


async def run_until_blocked(bench: Bench, then: Callable[[], None]) -> None:
    """Run until nothing moves; then do something, and run on to the end."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bench.shell.run)
        await anyio.wait_all_tasks_blocked()
        then()


@pytest.mark.anyio
async def test_a_task_that_will_not_end_is_waited_for() -> None:
    """Whoever cancels a run gets it back only when what its effects clean up is done."""
    log: list[str] = []

    async def slow(job: Job, start: Callable[[], None]) -> Ok:
        start()
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.01)
            log.append("clean")
        return Ok()

    bench = Bench("a", {**EFFECTS, "ping": Paced(slow)})
    await run_until_blocked(bench, bench.shell.abort)
    assert (log, bench.at("lost")) == (["clean"], ["a"])


@pytest.mark.anyio
async def test_an_effect_that_cancels_itself_is_lost() -> None:
    """A `CancelledError` that nobody here asked for ends its firing, and the run goes on."""

    async def gone(job: Job, start: Callable[[], None]) -> Ok:
        raise asyncio.CancelledError

    bench = Bench("a", {**EFFECTS, "ping": Paced(gone)})
    assert await bench.shell.run() == "finished"
    assert bench.at("lost") == ["a"]


@pytest.mark.anyio
async def test_work_that_may_not_start_any_more_is_undone() -> None:
    """A firing whose condition is gone just before its start goes back whole, and what it returns is nothing."""
    net = ping_net()
    made = net.transitions["ping"]
    hosts: Any = net.places["hosts"]
    net.transitions["ping"] = replace(made, still=(absent(hosts),))
    bench = Bench("a", EFFECTS, net)
    refused: list[bool] = []

    async def pong_late(job: Job, start: Start) -> Ok:
        if not refused:
            bench.kernel.inject(hosts, Host("a"), bench.clock.now_ns())
        refused.append(not start.may_start())
        bench.shell.abort()
        return Ok()

    bench.shell = Shell(bench.kernel, {**EFFECTS, "ping": Paced(pong_late)}, bench.clock)
    await bench.shell.run()
    assert refused
    assert all(refused)
    assert not bench.events("started")
    assert bench.events("revoke")
