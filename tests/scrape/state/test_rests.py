"""Pages that wait for days for their next visit: in the state, not in memory, and none is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.state.explain import explain
from scraper_cpn.scrape.state.status import state_status
from scraper_cpn.simulate.webspec import WebSpec
from scraper_cpn.store.sqlite import open_run
from tests.scrape.kept import KeptCrawl

DAY = 24 * 3600 * SECOND
SPEC = WebSpec(seed=2, hosts=2, pages=45, links=8)


def pages(kept: KeptCrawl) -> list[str]:
    """The URLs that were asked for, without robots.txt."""
    return [url for url in kept.asked if not url.endswith("/robots.txt")]


@pytest.mark.anyio
async def test_pages_rest_in_the_state(tmp_path: Path) -> None:
    """Memory has the first 64. `explain` says until when each rests, and the crawl goes on with all of them, in two processes."""
    path = tmp_path / "state"
    kept = KeptCrawl(SPEC, Settings(revisit_ns=7 * DAY, visits=2, delay_ns=0), path)
    await kept.crawl(DAY)
    urls = set(kept.stored())
    assert len(urls) > 70
    rests = kept._state.recorder.kernel._parts["PLACES"]["revisits"]
    assert (len(rests), rests.pages.hot <= 64) == (len(urls), True)

    await kept.store.close()
    assert state_status(path).runs[0].waiting["their next visit"] == len(urls)
    for url in sorted(urls)[::50]:
        found = explain(path, url)
        (wait,) = found.waits
        assert (found.stands, wait.needs, found.ahead) == ("rests", "its own back-off", 0)
        assert wait.until_ns is not None
        assert 5 * DAY < wait.until_ns - found.now_ns < 7 * DAY

    for days in (6, 2, 30):
        kept.store = open_run(path)
        run = await kept.crawl(days * DAY)
        kept.replayed()
        await kept.store.close()
    assert run.ended == "finished"
    assert {url: kept.asked[url] for url in urls} == dict.fromkeys(urls, 2)


@pytest.mark.anyio
async def test_pages_cool_down_in_the_state(tmp_path: Path) -> None:
    """So do those that wait for their next attempt; `status` counts them, and a crash loses none."""
    path = tmp_path / "state"
    spec = WebSpec(seed=3, hosts=90, pages=1, fail=1.0, fail_times=1, fail_kinds=("500",))
    given = Settings(delay_ns=0, backoff_ns=9 * DAY, backoff_max_ns=9 * DAY, backoff_scope="url")
    kept = KeptCrawl(spec, given, path)
    await kept.crawl(DAY)
    cooling = kept._state.recorder.kernel._parts["PLACES"]["cool_down"]
    assert (len(cooling), cooling.pages.hot <= 64) == (90, True)

    await kept.store.close()
    run = state_status(path).runs[0]
    assert (run.waiting["a retry"], run.levels[0].urls, run.domains) == (90, 90, 90)
    assert explain(path, pages(kept)[-1]).stands == "cools down"
    kept.store = open_run(path)
    await kept.crawl(8 * DAY)  # to the middle of the wave
    await kept.store.close()
    kept.store = open_run(path)
    assert (await kept.crawl()).ended == "finished"
    kept.replayed()
    await kept.store.close()
    assert [kept.asked[url] for url in pages(kept)] == [2] * 90
