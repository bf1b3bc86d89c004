"""Crawls of a world that run in virtual time, with and without a store.

Owns: making and filling them, and how many batches and bytes of journal they come to.
Must not know: how long anything takes.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from bench.driver import Driver
from bench.frontier import SETTINGS, Pages, World
from scraper_cpn.net import Lost
from scraper_cpn.net.compiled.kernel import Compiled, compile_net
from scraper_cpn.run.committer import Committer
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import open_crawl
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.state.run import CrawlRecord, Opening, codec_of, first_metadata, opened
from scraper_cpn.scrape.virtual import EPOCH_NS
from scraper_cpn.store import sqlite
from scraper_cpn.store.memory import MemoryStore
from scraper_cpn.store.port import Batch, SavedMarking, Store
from scraper_cpn.store.restore import restore

OPENING = Opening(SETTINGS, ())
CHUNK = 5_000
"""Firings between two looks at how far filling is."""


class Tally:
    """Counts of what was committed."""

    def __init__(self) -> None:
        self.batches = 0
        self.inputs_bytes = 0

    def add(self, batch: Batch) -> None:
        """Count a batch."""
        self.batches += 1
        self.inputs_bytes += len(batch.inputs)


def new_state(world: World, path: Path) -> Store:
    """A state file of a crawl that has not begun."""
    return sqlite.create(
        path, "main", first_metadata(OPENING, CrawlRecord(seeds=tuple(world.seeds())))
    )


async def kept(world: World, store: Store, tally: Tally | None = None, most: int = 256) -> Driver:
    """Begin or continue the crawl in a store.

    Args:
        world: that it is in.
        store: open, and closed by the caller.
        tally: counts what is committed, from now on.
        most: firings in a batch, as `Committer` has them.
    """
    state = await opened(store, OPENING)

    async def commit(batch: Batch) -> None:
        if tally is not None:
            tally.add(batch)
        await state.commit(batch)

    committer = Committer(state.recorder, partial(state.recorder.cut, tuple), commit, most=most)
    pages = Pages(world)
    counted = state.recorder.kernel
    return Driver(state.recorder, counted, pages.outcome, state.clock.now_ns(), committer)


def unkept(world: World, saved: SavedMarking | None = None) -> Driver:
    """A crawl without recording, from its beginning or from the marking in a store."""
    policy = Policy(SETTINGS)
    if saved is None:
        net, now_ns = ScrapeNet(policy), EPOCH_NS
        kernel = compile_net(net)
        open_crawl(kernel, net, [policy.frontier.seed(url) for url in world.seeds()], now_ns)
    else:
        kernel, now_ns = _loaded(saved, policy), saved.at_ns
    return Driver(kernel, kernel, Pages(world).outcome, now_ns)


def _loaded(saved: SavedMarking, policy: Policy) -> Compiled:
    codec = codec_of(policy)
    durable = restore(saved, codec, paged=False).durable
    kernel = Compiled.load(codec.net, durable.marking(codec.net))
    for firing_id, flying in sorted(durable.flights.items()):
        if not flying.started:
            kernel.started(firing_id, saved.at_ns, asked=True)
        kernel.complete(firing_id, Lost("the process ended"), saved.at_ns)
    return kernel


async def in_memory(other: Store) -> MemoryStore:
    """A copy of a store in memory."""
    store = MemoryStore(other.metadata())
    await copy(other, store)
    return store


async def copy(other: Store, store: Store) -> None:
    """Write the marking of a store to another one, which is empty, as its first batch."""
    saved = other.saved()
    await store.commit(
        Batch(
            seq=1,
            at_ns=saved.at_ns,
            next_serial=saved.next_serial,
            next_id=saved.next_id,
            firings=0,
            marking_hash=saved.marking_hash,
            inputs=b"",
            born=list(saved.tokens),
            paged_born=list(saved.paged),
            numbers=list(saved.numbers),
            seen=list(saved.seen),
            flights=list(saved.flights),
        )
    )


async def fill(world: World, driver: Driver) -> None:
    """Fetch the first page of every domain and admit its links, so that all targets wait."""
    while driver.seen < world.waiting and await driver.run(CHUNK):
        pass
    while driver.asking and await driver.run(CHUNK):
        pass
