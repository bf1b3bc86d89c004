"""What is decided becomes durable while the run goes on, and what the world notices waits for that."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.abc import TaskGroup

from scraper_cpn.net import Ended, Row
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.run.clock import Clock
from scraper_cpn.run.committer import Committer
from scraper_cpn.run.effects import Batched, Paced
from scraper_cpn.run.shell import Shell
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.memory import MemoryStore
from scraper_cpn.store.port import Batch, StoreError
from scraper_cpn.store.recorder import Recorder
from scraper_cpn.store.restore import restore
from scraper_cpn.store.sums import Sums
from tests.run.test_shell import Host, Job, Ok, ping_net, write

pytestmark = pytest.mark.anyio


class SlowStore(MemoryStore):
    """Commits when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Batch] = []
        self.error: Exception | None = None
        self.gate = anyio.Event()

    async def commit(self, batch: Batch) -> None:
        self.asked.append(batch)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        await super().commit(batch)

    async def finish(self) -> None:
        """Let the commit that is running end, and all go on as far as it can."""
        gate, self.gate = self.gate, anyio.Event()
        gate.set()
        await wait_all_tasks_blocked()

    def open(self) -> None:
        """Commit at once from now on."""
        self.gate.set()


class Bench:
    """A ping net that is kept, and what its pings were."""

    def __init__(self, jobs: str, *, most: int = 256, answer: bool = True) -> None:
        self.net = ping_net(gap_ns=0, lines=10)
        self.store = SlowStore()
        self.codec = Codec(self.net)
        kernel = Compiled(self.net, recorded=True)
        self.recorder = Recorder(kernel, self.codec, Sums(), lambda row: ((row.sink, "", b""), []))
        self.clock = Clock()
        self.begun: list[str] = []
        self.started: list[str] = []
        self.rows: list[Row] = []
        self.committed: list[int] = []
        self.cut_rows = 0
        self.answers = anyio.Event()
        if answer:
            self.answers.set()
        self.committer = Committer(
            self.recorder, self._cut, self.store.commit, durable=self._durable, most=most
        )
        self.shell = Shell(
            self.recorder,
            {"ping": Paced(self.ping), "write": Batched(write)},
            self.clock,
            on_rows=self.rows.extend,
            committer=self.committer,
        )
        self.ended: Ended | None = None
        self.error: Exception | None = None
        self.over = False
        self.add(jobs)

    def add(self, jobs: str) -> None:
        """More to ping, each at a host of its own."""
        places: Any = self.net.places
        for host in jobs:
            self.recorder.inject(places["hosts"], Host(host), self.clock.now_ns())
            self.recorder.inject(places["jobs"], Job(host), self.clock.now_ns())
        self.shell.poke()

    async def ping(self, job: Job, start: Callable[[], None]) -> Ok:
        self.begun.append(job.host)
        await anyio.lowlevel.checkpoint()
        start()
        self.started.append(job.host)
        await self.answers.wait()
        return Ok()

    async def run(self) -> None:
        """Run it; how it ended is noted."""
        try:
            self.ended = await self.shell.run()
        except StoreError as error:
            self.error = error
        finally:
            self.over = True

    def done(self) -> list[str]:
        return sorted(row.colour.host for row in self.rows if row.sink == "done")

    def durable(self) -> Any:
        """What the store has."""
        return restore(self.store.saved(), self.codec).durable

    def _durable(self) -> None:
        self.committed.append(self.store.saved().seq)

    def _cut(self) -> Batch | None:
        batch = self.recorder.cut(list)
        if batch is not None:
            self.cut_rows += len(batch.rows)
        assert self.cut_rows <= len(self.rows), "a batch has rows that nobody was told of"
        return batch


@asynccontextmanager
async def running(bench: Bench) -> AsyncIterator[TaskGroup]:
    """Run until it waits; in the end let it finish."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(bench.run)
        await wait_all_tasks_blocked()
        try:
            yield tasks
        finally:
            bench.store.open()
            bench.answers.set()


async def test_an_effect_starts_only_after_its_commit() -> None:
    """Not even its coroutine is begun before; then it is, at once."""
    bench = Bench("ab")
    async with running(bench):
        assert (len(bench.store.asked), bench.begun) == (1, [])
        assert bench.recorder.in_flight() == 2
        await bench.store.finish()
        assert bench.started == ["a", "b"]
    assert bench.ended == "finished"
    assert bench.done() == ["a", "b"]


async def test_each_commit_is_reported_of_once_it_is_durable() -> None:
    """Those of the end included; one that fails is not."""
    bench = Bench("ab")
    async with running(bench):
        assert bench.committed == []
        await bench.store.finish()
        assert bench.committed == [1]
    assert bench.committed == list(range(1, len(bench.store.asked) + 1))
    assert bench.committed[-1] > 1

    broken = Bench("a")
    broken.store.error = StoreError("full", "the disk is full")
    async with running(broken):
        await broken.store.finish()
    assert isinstance(broken.error, StoreError)
    assert broken.committed == []


async def test_the_next_batch_fills_while_one_is_committed() -> None:
    """One commit at a time; what is decided meanwhile goes with the next one, all of it."""
    bench = Bench("a", answer=False)
    async with running(bench):
        for more in ("b", "c"):
            bench.add(more)
            await wait_all_tasks_blocked()
        assert len(bench.store.asked) == 1
        assert bench.recorder.filling == 2
        await bench.store.finish()
        assert bench.begun == ["a"], "the second batch is on its way, and no more"
        assert len(bench.store.asked) == 2
        assert bench.store.asked[1].firings == 2
        await bench.store.finish()
        assert bench.begun == ["a", "b", "c"]
    assert bench.done() == ["a", "b", "c"]


async def test_firing_waits_when_two_batches_wait() -> None:
    """With a full batch behind the one that is committed, nothing more is decided."""
    bench = Bench("abcdefg", most=2, answer=False)
    async with running(bench):
        assert bench.recorder.in_flight() == 4
        assert bench.committer.full
        await bench.store.finish()
        assert bench.recorder.in_flight() == 6
        assert bench.begun == ["a", "b"]
    assert bench.done() == list("abcdefg")


async def test_rows_of_a_waiting_run_are_delivered_with_their_batch() -> None:
    """Outcomes that come while firing waits reach the user, and a batch, each once."""
    bench = Bench("abcdefg", most=1)
    async with running(bench):
        while not bench.over:
            await bench.store.finish()
    assert bench.done() == list("abcdefg")
    assert bench.cut_rows == 7


@pytest.mark.parametrize("kind", ["full", "io"])
async def test_a_commit_that_fails_ends_the_run(kind: str) -> None:
    """With that error; nothing starts, nothing is left in flight, and nothing is committed after it."""
    bench = Bench("ab")
    bench.store.error = StoreError(kind, "the disk")
    async with running(bench):
        pass
    assert bench.error is bench.store.error
    assert bench.begun == []
    assert bench.recorder.in_flight() == 0
    assert len(bench.store.asked) == 1


async def test_a_later_commit_that_fails_cancels_what_runs() -> None:
    """Running effects end, and how they ended is not written any more."""
    bench = Bench("a", answer=False)
    async with running(bench):
        await bench.store.finish()
        assert bench.started == ["a"]
        bench.store.error = StoreError("io", "the disk")
        bench.store.open()
    assert bench.error is bench.store.error
    assert bench.recorder.in_flight() == 0
    assert len(bench.store.asked) == 2
    assert bench.durable().flights.keys() == {1}, "on the disk it is still running"


@pytest.mark.parametrize("how", ["cancel", "abort"])
async def test_ending_during_a_commit_waits_for_it(how: str) -> None:
    """It becomes durable; what it would have started goes back, and that is durable, too."""
    bench = Bench("ab")
    async with running(bench) as tasks:
        bench.add("c")
        await wait_all_tasks_blocked()
        assert bench.recorder.filling == 1
        if how == "cancel":
            tasks.cancel_scope.cancel()
        else:
            bench.shell.abort()
        with anyio.CancelScope(shield=True):
            await wait_all_tasks_blocked()
            assert not bench.over
            await bench.store.finish()
            bench.store.open()
            await wait_all_tasks_blocked()
    assert bench.over
    assert (bench.begun, bench.ended, bench.error) == ([], None, None)
    assert bench.recorder.in_flight() == 0
    assert bench.durable().flights == {}
    assert bench.durable().marking(bench.net) == bench.recorder.marking()


async def test_the_end_is_durable() -> None:
    """What came after the last commit is committed before `run` returns."""
    bench = Bench("abc")
    bench.store.open()
    await bench.run()
    assert bench.ended == "finished"
    assert bench.durable().marking(bench.net) == bench.recorder.marking()
    assert [row[0] for row in bench.store.rows("done")] == ["done"] * 3


async def test_a_cancelled_effect_is_durable_as_lost() -> None:
    """After Ctrl-C the state knows that what ran is lost: it counts as an attempt."""
    bench = Bench("a", answer=False)
    bench.store.open()
    async with running(bench):
        assert bench.started == ["a"]
        bench.shell.abort()
    assert [row[0] for row in bench.store.rows("lost")] == ["lost"]
    assert bench.durable().flights == {}


async def test_an_error_of_any_text_can_be_written() -> None:
    """Half a character in what an effect raised does not end the run."""
    bench = Bench("a")
    bench.store.open()

    async def fail(_job: Job, _start: Callable[[], None]) -> Ok:
        await anyio.lowlevel.checkpoint()
        raise ValueError("\ud800")

    bench.shell = Shell(
        bench.recorder,
        {"ping": Paced(fail), "write": Batched(write)},
        bench.clock,
        on_rows=bench.rows.extend,
        committer=bench.committer,
    )
    await bench.run()
    assert (bench.ended, bench.error) == ("finished", None)
    assert [row[0] for row in bench.store.rows("lost")] == ["lost"]
