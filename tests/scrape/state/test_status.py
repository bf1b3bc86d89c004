"""How a kept crawl stands: every URL is counted once, whenever one looks."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from scraper_cpn.scrape.account.report import Account
from scraper_cpn.scrape.colours import Found, Link, Proxy
from scraper_cpn.scrape.settings import MILLISECOND, SECOND, Settings
from scraper_cpn.scrape.state import status as status_module
from scraper_cpn.scrape.state.retry import retry_failed
from scraper_cpn.scrape.state.run import CrawlRecord, Opening, first_metadata, opened
from scraper_cpn.scrape.state.status import RunStatus, state_status
from scraper_cpn.simulate.webspec import WebSpec
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.sqlite import create, new_run, open_run
from tests.run.test_clock import Machine
from tests.scrape.kept import KeptCrawl

pytestmark = pytest.mark.anyio

WEB = WebSpec(
    hosts=5,
    pages=6,
    fail=0.5,
    redirect=0.3,
    latency_ns=60 * MILLISECOND,
    fail_kinds=("500", "dropped", "503 seconds"),
    robots=("absent", "delay", "error", "disallow"),
)
PACED = Settings(delay_ns=200 * MILLISECOND, retries=1, backoff_ns=300 * MILLISECOND)


def status(path: Path) -> RunStatus:
    (run,) = state_status(path).runs
    return run


@pytest.mark.slow
@given(lasts=st.lists(st.integers(0, 2_500), min_size=1, max_size=3), again=st.booleans())
@examples(max_examples=20, deadline=None)
def test_each_url_is_counted_once(lasts: list[int], again: bool) -> None:
    """Waiting, in flight, in the pipeline, stored, failed and skipped make up all that was found."""
    with TemporaryDirectory() as folder:
        anyio.run(_counted, Path(folder) / "c.db", lasts, again)


async def _counted(path: Path, lasts: list[int], again: bool) -> None:
    kept = KeptCrawl(WEB, PACED, path)
    for last in lasts:
        await kept.crawl(last * MILLISECOND)
    if again:
        await retry_failed(kept.store)
    found, ends = status(path), kept.ends()
    assert found.failed + found.skipped == len(ends)
    assert sum(each.count for each in found.failures) == len(ends)
    under_way = found.in_flight + found.pipeline
    assert sum(found.waiting.values()) + under_way == len(kept.live())
    assert sum(level.urls for level in found.levels) == sum(found.waiting.values())
    backlog = sum(each.urls for each in found.backlog)
    in_no_domain = found.waiting["admission"] + found.pipeline
    assert backlog == len(kept.live()) - in_no_domain
    sizes = [each.urls for each in found.backlog]
    assert sizes == sorted(sizes, reverse=True)
    await kept.store.close()


@pytest.mark.parametrize("robots", ["obey", "ignore"])
@pytest.mark.parametrize("ageing_ns", [None, 60 * SECOND])
async def test_each_level_says_how_long_it_has_waited(
    tmp_path: Path, ageing_ns: int | None, robots: Literal["obey", "ignore"]
) -> None:
    """Of links for admission, for robots.txt or for their turn: their number, and the oldest; by priority."""
    settings = Settings(ageing_ns=ageing_ns, robots=robots, scope="any")
    opening = Opening(settings, ())
    store = create(tmp_path / "c.db", "main", first_metadata(opening, CrawlRecord(seeds=())))
    state = await opened(store, opening)
    page, now_ns = opening.policy.frontier.seed("http://a.example/"), state.clock.now_ns()
    place: Any = state.net.places["found"]
    ages = [(7, 10), (-1, 20), (7, 30), (7, 5), (-1, 15), (0, 40)]
    for number, (priority, seconds) in enumerate(ages):
        link = Link(f"http://a.example/{number}", priority=priority)
        found = opening.policy.frontier.discover(page, [link], now_ns - seconds * SECOND)
        state.recorder.inject(place, Found(found), now_ns)
        if (
            number == 4
        ):  # one of these is fetched now, or their robots.txt; the last one is not admitted
            state.recorder.step(now_ns)
    batch = state.recorder.cut(list)
    assert batch is not None
    await state.commit(batch)
    await store.close()
    run = status(tmp_path / "c.db")
    assert run.ageing_ns == ageing_ns
    levels = [(e.priority, e.urls, e.longest_ns // SECOND) for e in run.levels]
    better = (-1, 2, 20) if robots == "obey" else (-1, 1, 15)
    assert levels == [better, (0, 1, 40), (7, 3, 30)]


async def test_who_runs_it_and_how_fast(tmp_path: Path) -> None:
    """While a process has the run open it is named, with the pages of the last minute by its journal."""
    kept = KeptCrawl(WebSpec(hosts=1, pages=8), Settings(delay_ns=10 * SECOND), tmp_path / "c.db")
    await kept.crawl(65 * SECOND)
    running = status(tmp_path / "c.db")
    assert running.pid is not None
    assert running.ended is None
    assert running.recent == pytest.approx(0.1, rel=0.2)
    await kept.store.close()
    closed = status(tmp_path / "c.db")
    assert (closed.pid, closed.recent) == (None, None)


async def test_the_rate_of_a_fast_crawl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that has seen enough pages goes back no further, and has the same rate."""
    monkeypatch.setattr(status_module, "_PAGES_MOST", 3)
    Machine(wall_ns=0, elapsed_ns=0, boot="one").install(monkeypatch)  # a clock that stands still
    kept = KeptCrawl(WebSpec(hosts=1, pages=60), Settings(delay_ns=SECOND), tmp_path / "c.db")
    for _ in range(8):
        await kept.crawl(SECOND + SECOND // 2)
    found = status(tmp_path / "c.db")
    assert found.recent is not None
    assert 0.3 < found.recent < 3
    await kept.store.close()


async def test_how_it_ended(tmp_path: Path) -> None:
    """The last process's own words, until the crawl is opened again or something is put back."""
    path = tmp_path / "c.db"
    kept = KeptCrawl(WEB, PACED, path)
    run = await kept.crawl()
    ended = {"how": run.ended, "reason": "because"}
    metadata = [
        ("ended", msgspec.json.encode(ended)),
        ("account", msgspec.json.encode(Account(pages=7, attempts=9))),
    ]
    await kept.ended(metadata)
    await kept.store.close()
    found = status(path)
    assert (found.ended, found.reason) == ("finished", "because")
    assert (found.pages, found.attempts) == (7, 9)
    store = open_run(path)
    assert await retry_failed(store)
    await store.close()
    assert (status(path).ended, status(path).reason) == (None, "")


async def test_when_a_domain_may_be_asked(tmp_path: Path) -> None:
    """The next start in it is a delay after the last, give or take the margin."""
    settings = Settings(delay_ns=30 * SECOND)
    kept = KeptCrawl(WebSpec(hosts=2, pages=5, links_out=0), settings, tmp_path / "c.db")
    await kept.crawl(SECOND)
    last_ns = max(kept.asked_ns.values())
    for each in status(tmp_path / "c.db").backlog:
        assert 30 * SECOND <= each.ready_at_ns - last_ns < 31 * SECOND
    await kept.store.close()


async def test_proxies_at_rest_and_retired(tmp_path: Path) -> None:
    """One that paces is at rest until its next start; one whose quota has ended is retired."""
    proxies = (
        Proxy("http://slow.example:1", "http://slow.example:1", delay_ns=60 * SECOND),
        Proxy("http://spent.example:1", "http://spent.example:1", quota=2),
    )
    settings = Settings(delay_ns=0, proxies=proxies)
    kept = KeptCrawl(WebSpec(hosts=1, pages=12), settings, tmp_path / "c.db")
    await kept.crawl(SECOND)
    found = status(tmp_path / "c.db")
    (resting,) = found.resting
    assert (resting.proxy, resting.faults) == ("http://slow.example:1", 0)
    assert 58 * SECOND < resting.until_ns - found.now_ns <= 61 * SECOND
    assert found.retired == ("http://spent.example:1",)
    await kept.store.close()


async def test_all_runs_or_one(tmp_path: Path) -> None:
    """In the order in which they began; a run that is not there is named with those that are."""
    path = tmp_path / "c.db"
    kept = KeptCrawl(WEB, PACED, path)
    await kept.crawl(SECOND)
    metadata = kept.store.metadata()
    await kept.store.close()
    await new_run(path, "second", {name: metadata[name] for name in kept.first}).close()
    assert [run.run for run in state_status(path).runs] == ["main", "second"]
    (second,) = state_status(path, "second").runs
    assert (second.run, second.waiting["their turn"], second.batches) == ("second", 0, 0)
    with pytest.raises(StoreError, match="has no run third; it has main, second"):
        state_status(path, "third")


async def test_the_largest_backlogs(tmp_path: Path) -> None:
    """As many as are asked for; the others are counted."""
    kept = KeptCrawl(WebSpec(hosts=9, pages=3), Settings(delay_ns=60 * SECOND), tmp_path / "c.db")
    await kept.crawl(SECOND)
    (run,) = state_status(tmp_path / "c.db", domains=4).runs
    (whole,) = state_status(tmp_path / "c.db").runs
    assert len(run.backlog) == 4
    assert run.domains == whole.domains == len(whole.backlog)
    assert run.backlog == whole.backlog[:4]
    await kept.store.close()
