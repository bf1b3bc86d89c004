"""What failed is put back once, and only where another attempt may help."""

from __future__ import annotations

from collections import Counter

import anyio
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from scraper_cpn.scrape.account.ledger import worth_a_retry
from scraper_cpn.scrape.settings import MILLISECOND, Settings
from scraper_cpn.scrape.state.retry import retry_failed
from scraper_cpn.simulate.webspec import WebSpec
from tests.scrape.kept import KeptCrawl

pytestmark = pytest.mark.anyio

FAILING = WebSpec(
    hosts=3, pages=8, fail=0.5, fail_times=4, fail_kinds=("500", "dropped", "stalled")
)
ONCE = Settings(
    retries=0, delay_ns=100 * MILLISECOND, timeout_ns=2_000 * MILLISECOND, concurrency=3
)


async def test_what_failed_is_fetched_again() -> None:
    """After as many retries as pages fail, all is stored, each page once, and nothing has failed."""
    kept = KeptCrawl(FAILING, ONCE)
    await kept.crawl()
    failed = {row.target.url for row in kept.ends() if worth_a_retry(row)}
    assert failed
    for _ in range(4):
        await retry_failed(kept.store)
        await kept.crawl()
    assert failed < set(kept.stored())
    assert sorted(kept.stored()) == sorted(set(kept.stored()))
    assert len(kept.stored()) == 24
    assert not [row for row in kept.ends() if worth_a_retry(row)]


async def test_a_kind_alone_is_put_back() -> None:
    """What failed in another way stays an end; the answer says how many of which kind."""
    kept = KeptCrawl(FAILING, ONCE)
    await kept.crawl()
    before = Counter(row.kind for row in kept.ends())
    assert before["timeout"]
    assert before["dropped"]
    assert await retry_failed(kept.store, ["timeout"]) == {"timeout": before["timeout"]}
    assert Counter(row.kind for row in kept.ends()) == before - Counter(timeout=before["timeout"])
    assert len(kept.live()) == before["timeout"]
    assert await retry_failed(kept.store, ["timeout"]) == {}
    assert await retry_failed(kept.store) == dict(before - Counter(timeout=before["timeout"]))


async def test_a_target_is_as_new_and_keeps_what_it_is() -> None:
    """It has all its attempts before it; depth, parent, priority and handler are what they were."""
    spec = WebSpec(hosts=2, pages=8, fail=0.5, fail_times=9, fail_kinds=("500",))
    kept = KeptCrawl(spec, Settings(retries=1, backoff_ns=1, delay_ns=0))
    await kept.crawl()
    ends = {row.target.url: row.target for row in kept.ends() if worth_a_retry(row)}
    assert {target.attempt for target in ends.values()} == {2}
    await retry_failed(kept.store)
    assert sorted(kept.live()) == sorted(ends)
    first = kept.asked.copy()
    await kept.crawl()
    assert {kept.asked[url] - first[url] for url in ends} == {2}
    assert all(row.target == ends[row.target.url] for row in kept.ends() if worth_a_retry(row))


async def test_a_robots_txt_that_could_not_be_had_is_asked_for_again() -> None:
    """Its URLs wait for it, and are not fetched before it is there."""
    spec = WebSpec(hosts=2, pages=3, robots=("error", "allow"))
    kept = KeptCrawl(spec, ONCE)
    await kept.crawl()
    ends = {row.target.url: row for row in kept.ends() if row.kind == "unreachable"}
    (origin,) = {row.target.origin for row in ends.values()}
    robots = f"{origin.removesuffix(':80')}/robots.txt"
    before = kept.asked.copy()
    assert await retry_failed(kept.store) == {"unreachable": len(ends)}
    await kept.crawl()
    assert kept.asked[robots] == before[robots] + 1
    assert not set(ends) & set(kept.asked)
    assert {row.target.url for row in kept.ends()} == set(ends)
    kept.replayed()


async def test_a_robots_txt_that_is_there_now() -> None:
    """What it allows is fetched."""
    spec = WebSpec(hosts=1, pages=5, robots=("error",))
    kept = KeptCrawl(spec, ONCE)
    await kept.crawl()
    assert kept.stored() == []
    kept.changes(replace(spec, robots=("allow",)))
    await retry_failed(kept.store)
    await kept.crawl()
    assert len(kept.stored()) == 5
    assert kept.ends() == []
    kept.replayed()


async def test_a_robots_txt_that_nobody_asks_for() -> None:
    """It is left alone where only other kinds are put back."""
    spec = WebSpec(
        hosts=2, pages=5, robots=("error", "allow"), fail=0.6, fail_times=9, fail_kinds=("500",)
    )
    kept = KeptCrawl(spec, ONCE)
    await kept.crawl()
    before = kept.asked.copy()
    assert (await retry_failed(kept.store, ["http"])).keys() == {"http"}
    await kept.crawl()
    again = {url for url in kept.asked if kept.asked[url] > before[url]}
    assert again
    assert not [url for url in again if url.endswith("/robots.txt")]


async def test_what_a_retry_can_not_help_stays_an_end() -> None:
    """URLs that robots.txt forbids, and a state where nothing has failed: nothing is written."""
    kept = KeptCrawl(WebSpec(hosts=2, pages=6, robots=("disallow",)), ONCE)
    await kept.crawl()
    assert kept.ends()
    seq = kept.store.saved().seq
    assert await retry_failed(kept.store) == {}
    assert kept.store.saved().seq == seq


KINDS = st.none() | st.sets(st.sampled_from(["timeout", "dropped", "http", "unreachable"]))
STEPS = st.lists(st.integers(0, 3_000) | st.just(None) | st.tuples(KINDS), max_size=5)


@pytest.mark.slow
@given(steps=STEPS, seed=st.integers(0, 5), robots=st.sampled_from(["absent", "error"]))
@example(steps=[None, ({"dropped"},), (None,)], seed=0, robots="absent")
@settings(max_examples=16, deadline=None)
def test_no_target_is_ever_there_twice(
    steps: list[int | tuple[set[str] | None] | None], seed: int, robots: str
) -> None:
    """Whatever the order of crawls, crashes and retries: a URL waits, is stored or has failed, once.

    And the journal, retries included, leads to what the tables have.
    """
    anyio.run(_played, steps, seed, robots)


async def _played(steps: list[int | tuple[set[str] | None] | None], seed: int, robots: str) -> None:
    spec = WebSpec(
        seed=seed,
        hosts=3,
        pages=5,
        fail=0.6,
        fail_times=3,
        fail_kinds=("500", "dropped", "stalled"),
        robots=("absent", robots),  # type: ignore[arg-type]
        latency_ns=50 * MILLISECOND,
    )
    kept = KeptCrawl(spec, ONCE)
    await kept.crawl(lasts_ns=500 * MILLISECOND)
    known: set[str] = set()
    for step in steps:
        if isinstance(step, tuple):
            await retry_failed(kept.store, step[0])
        else:
            await kept.crawl(None if step is None else step * MILLISECOND)
        there = Counter(kept.live() + kept.stored() + [row.target.url for row in kept.ends()])
        assert set(there.values()) <= {1}
        assert known <= set(there), "no URL is ever forgotten"
        known = set(there)
    kept.replayed()
