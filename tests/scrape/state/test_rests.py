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


@pytest.mark.anyio
async def test_pages_rest_in_the_state(tmp_path: Path) -> None:
    """Memory has the first 64. `explain` says until when each rests, and the crawl goes on with all of them, in two processes."""
    path = tmp_path / "state"
    kept = KeptCrawl(SPEC, Settings(revisit_ns=7 * DAY, visits=3, delay_ns=0), path)
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
    assert {url: kept.asked[url] for url in urls} == dict.fromkeys(urls, 3)
