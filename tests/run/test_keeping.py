"""A kept run that is opened again: what becomes of its firings in flight."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper_cpn.net import Lost, Net, absent, on, put
from scraper_cpn.run.keeping import PROCESS_ENDED, KeptRun, open_kept
from tests.net.ping import Host, Job, Ok

pytestmark = pytest.mark.anyio


def guarded_net() -> Net:
    """Calls that may not start while there is a complaint about their host."""
    net = Net("guarded")
    jobs = net.place("jobs", Job, key="host", source=True, work=True)
    complaints = net.place("complaints", Host, key="host", source=True)
    lost = net.sink("lost", Lost)
    call = net.effect("call", Ok)
    net.transition(
        "call",
        [jobs],
        effect=call(jobs),
        outcomes=[on(Ok), on(Lost, put(lost, same, Lost))],
        still=[absent(complaints)],
    )
    net.transition("hear", [complaints, jobs], outputs=[], priority=1)
    return net


def same(lost: Lost) -> Lost:
    return lost


async def kept(run: KeptRun) -> None:
    """Commit what has happened."""
    batch = run.cut()
    assert batch is not None
    await run.commit(batch)


async def test_a_firing_that_may_have_started_is_lost_whatever_forbids_a_start_now(
    tmp_path: Path,
) -> None:
    """Its request may be on the wire; that a start would be refused by now does not undo it."""
    path, net = tmp_path / "run.db", guarded_net()
    run = await open_kept(net, path)
    run.recorder.inject(net.places["jobs"], Job("a"), 1)  # type: ignore[arg-type]
    assert len(run.recorder.step(1).firings) == 1
    run.recorder.inject(net.places["complaints"], Host("a"), 1)  # type: ignore[arg-type]
    await kept(run)
    await run.close()
    again = await open_kept(net, path)
    assert [row["reason"] for row in again.rows("lost")] == [PROCESS_ENDED]
    assert again.recorder.marking().flights == ()
    await again.close()
