"""Any net, run live: effects that are async functions, tokens that come meanwhile, a run that is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from scraper_cpn.net import Lost, Net, NetError, hold, on, put, put_new, remove, take
from scraper_cpn.run.effects import Plain
from scraper_cpn.run.live import Live, run_net, running
from scraper_cpn.store.port import StoreError
from tests.net.ping import Job, Ok

pytestmark = pytest.mark.anyio


def jobs_net(name: str = "jobs") -> Net:
    """Jobs are worked on two at a time; what is lost is tried once more."""
    net = Net(name)
    jobs = net.place("jobs", Job, source=True, work=True)
    lines = net.counter("lines", start=2)
    done = net.sink("done", Job)
    work = net.effect("work", Ok)
    net.transition(
        "work",
        [jobs, hold(lines)],
        effect=work(jobs),
        outcomes=[on(Ok, put(done)), on(Lost, put(jobs, again, jobs))],
    )
    return net


def again(job: Job) -> Job | None:
    return job.again() if job.attempt < 2 else None


def tokens(net: Net, *hosts: str) -> dict[Any, list[Job]]:
    return {net.places["jobs"]: [Job(host) for host in hosts]}


async def quick(job: Job) -> Ok:
    await anyio.lowlevel.checkpoint()
    return Ok(len(job.host))


def plain(job: Job) -> Ok:
    return Ok(len(job.host))


async def failing(job: Job) -> Ok:
    if job.attempt == 1:
        raise ValueError(job.host)
    return Ok()


@pytest.mark.parametrize("effect", [quick, plain, Plain(plain), failing])
@pytest.mark.parametrize("kept", [False, True])
async def test_a_net_is_run_to_its_end(effect: Any, kept: bool, tmp_path: Path) -> None:
    """Async functions, plain ones and bindings are effects; what they raise is `Lost`."""
    net = jobs_net()
    keep = tmp_path / "state.db" if kept else None
    ran = await run_net(net, {"work": effect}, tokens(net, "a", "b", "c"), keep=keep)
    assert ran.ended == "finished"
    assert sorted(row.colour.host for row in ran.rows) == ["a", "b", "c"]
    assert ran.marking.tokens == ()


async def test_a_kept_run_is_over_when_it_is_opened_again(tmp_path: Path) -> None:
    """Its first tokens are left away, its rows are there."""
    keep = tmp_path / "state.db"
    for rows in (2, 0):
        net = jobs_net()
        ran = await run_net(net, {"work": quick}, tokens(net, "a", "b"), keep=keep)
        assert (ran.ended, len(ran.rows)) == ("finished", rows)
    async with running(net, {"work": quick}, keep=keep) as live:
        assert not live.new
        assert sorted(row["host"] for row in live.rows("done")) == ["a", "b"]


async def test_a_run_that_ended_before_its_first_batch_begins_again(tmp_path: Path) -> None:
    """Its state is there and has nothing, as after a kill between both: the tokens are put in, not taken for done."""
    keep, net = tmp_path / "run.db", jobs_net()
    async with running(net, {"work": quick}, keep=keep) as live:
        live.inject(net.places["jobs"], Job("a"))  # type: ignore[arg-type]
    assert keep.exists()
    net = jobs_net()
    ran = await run_net(net, {"work": quick}, tokens(net, "a", "b"), keep=keep)
    assert (ran.ended, [row.colour.host for row in ran.rows]) == ("finished", ["a", "b"])
    again = await run_net(net, {"work": quick}, tokens(net, "a", "b"), keep=keep)
    assert (again.ended, again.rows) == ("finished", ())


async def test_a_file_of_another_net_is_refused(tmp_path: Path) -> None:
    """With what differs, and nothing is written."""
    keep = tmp_path / "state.db"
    net = jobs_net()
    await run_net(net, {"work": quick}, tokens(net, "a"), keep=keep)
    other = jobs_net()
    other.place("more", Job, source=True)
    other.transition("drop", [other.places["more"]])  # type: ignore[list-item]
    with pytest.raises(StoreError, match=r"is no run of this net .*place more is new"):
        await run_net(other, {"work": quick}, keep=keep)


async def test_a_net_is_served_until_it_is_stopped() -> None:
    """Tokens come while nothing is left to do, and rows are reported as they come."""
    net = jobs_net()
    seen: list[str] = []
    event = anyio.Event()

    def rows(row: Any) -> None:
        seen.append(row.colour.host)
        event.set()

    async with (
        running(net, {"work": quick}, on_row=rows) as live,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(live.serve)
        for host in ("a", "b", "c"):
            event = anyio.Event()
            inject(live, host)
            await event.wait()
        live.stop()
    assert seen == ["a", "b", "c"]


def inject(live: Live, host: str) -> None:
    place: Any = live.net.places["jobs"]
    live.inject(place, Job(host))


async def test_mistakes_are_reported_before_anything_runs() -> None:
    """An effect that is bound to nothing, a token that does not fit, rows of a run that is not kept."""
    net = jobs_net()
    with pytest.raises(NetError, match="effect work: is bound to nothing"):
        await run_net(net, {})
    with pytest.raises(NetError, match="takes Job, not str"):
        await run_net(net, {"work": quick}, {net.places["jobs"]: ["a"]})  # type: ignore[dict-item]
    async with running(net, {"work": quick}) as live:
        assert (live.count("jobs"), live.count(net.places["lines"])) == (0, 2)  # type: ignore[arg-type]
        assert live.marking().tokens == ()
        with pytest.raises(ValueError, match="not kept"):
            live.rows("done")


async def test_several_tokens_and_forgotten_keys_are_kept(tmp_path: Path) -> None:
    """What a firing holds comes back after a crash, as many tokens as they were; what a set forgot stays so."""
    net = Net("batch")
    jobs = net.place("jobs", Job, source=True, work=True)
    seen = net.set("seen", Job, key="host")
    ready = net.place("ready", Job, work=True)
    out = net.sink("out", Job)
    work = net.effect("work", Ok)
    net.transition("admit", [jobs], outputs=[put_new(seen, ready, Job.again, jobs)])
    batch = take(ready, 2)
    ends = [
        on(Ok, put(out), remove(seen, list, batch)),
        on(Lost, put(ready)),
    ]
    net.transition("work", [batch], effect=work(batch), outcomes=ends)

    ending = anyio.CancelScope()

    async def hang(_jobs: Any) -> Ok:
        ending.cancel()
        await anyio.sleep_forever()
        raise AssertionError

    keep = tmp_path / "state.db"
    async with running(net, {"work": hang}, keep=keep) as live:
        for host in ("a", "b", "a"):
            live.inject(jobs, Job(host))
        with ending:
            await live.finish()
    async with running(net, {"work": plain_ok}, keep=keep) as live:
        ran = await live.finish()
    assert (ran.ended, len(ran.rows)) == ("finished", 2)
    async with running(net, {"work": plain_ok}, keep=keep) as live:
        assert live.count("seen") == 0
        live.inject(jobs, Job("a"))
        live.inject(jobs, Job("c"))
        assert len((await live.finish()).rows) == 2


def plain_ok(_jobs: Any) -> Ok:
    return Ok()
