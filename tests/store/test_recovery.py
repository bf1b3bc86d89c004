"""What a crash gives back to a paged place stands beside what waits on the shelf."""

from __future__ import annotations

import pytest
from msgspec import Struct

from scraper_cpn.net import Lost, Net, Row, hold, on, put
from scraper_cpn.store.codec import Codec
from scraper_cpn.store.memory import MemoryStore
from scraper_cpn.store.port import ItemRow, SinkRow
from scraper_cpn.store.recorder import Recorder
from scraper_cpn.store.recovery import loaded, lost_in_flight
from scraper_cpn.store.restore import restore
from scraper_cpn.store.shelf import StoreShelf


class Job(Struct, frozen=True):
    host: str
    number: int


class Done(Struct, frozen=True):
    pass


def _net() -> Net:
    """Jobs of a host, one at a time; one that is lost goes back to the others."""
    net = Net("jobs")
    jobs = net.place("jobs", Job, key="host", order="number", source=True, work=True, paged=True)
    slots = net.counter("slots", key="host", start=1)
    work = net.effect("work", Done)(jobs)
    net.transition("go", [jobs, hold(slots)], effect=work, outcomes=[on(Done), on(Lost, put(jobs))])
    return net


def _written(_row: Row) -> tuple[SinkRow, list[ItemRow]]:
    return ("", "", b""), []


@pytest.mark.anyio
@pytest.mark.parametrize("first", [0, 9])
async def test_what_a_crash_gives_back_is_taken_in_its_turn(first: int) -> None:
    """The lost job comes before those on the shelf, or behind them: each is done once, in order."""
    net = _net()
    codec, store = Codec(net), MemoryStore()
    restored = restore(store.saved(), codec)
    shelf = StoreShelf(store, codec, 1)
    run = Recorder(loaded(restored, codec, shelf, None), codec, restored.sums, _written)
    jobs = net.places["jobs"]
    run.inject(jobs, Job("a", first), 0)  # type: ignore[arg-type]
    (begun,) = run.step(0).firings
    for number in range(1, 6):
        run.inject(jobs, Job("a", number), 0)  # type: ignore[arg-type]
    batch = run.cut(lambda: ())
    assert batch is not None
    await store.commit(batch)
    assert begun.args == (Job("a", first),)

    store = store.crash()
    restored = restore(store.saved(), codec)
    await store.commit(lost_in_flight(restored, codec, 1, "the process ended", _written))
    shelf = StoreShelf(store, codec, restored.durable.next_serial)
    kernel = loaded(restored, codec, shelf, None)
    done = []
    while firings := kernel.step(1).firings:
        done.append(firings[0].args[0].number)
        kernel.started(firings[0].id, 1)
        kernel.complete(firings[0].id, Done(), 1)
    assert done == sorted([first, 1, 2, 3, 4, 5])
    assert kernel.ended(1) == "finished"
