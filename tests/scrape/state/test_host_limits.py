"""A kept crawl with limits of hosts: its targets wait by domain and host, and it goes on as it began."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from scraper_cpn.scrape.settings import MILLISECOND, SECOND, Settings
from scraper_cpn.scrape.state.explain import explain
from scraper_cpn.scrape.state.status import state_status
from scraper_cpn.scrape.urls import host_of
from scraper_cpn.simulate.webspec import WebSpec
from tests.scrape.kept import KeptCrawl

pytestmark = pytest.mark.anyio

WEB = WebSpec(hosts=3, subdomains=3, pages=6, links=6, latency_ns=20 * MILLISECOND)
"""Three hosts of one domain."""
LIMITS = Settings(
    delay_ns=100 * MILLISECOND, per_domain=3, host_delay_ns=2 * SECOND, per_host=1, scope="any"
)


async def test_the_pauses_of_hosts_survive_the_process(tmp_path: Path) -> None:
    """Left and gone on with again and again, it fetches all, and no host sooner than it may."""
    kept = KeptCrawl(WEB, LIMITS, tmp_path / "c.db")
    for _ in range(40):
        if (await kept.crawl(3 * SECOND)).ended == "finished":
            break
    starts: dict[str, list[int]] = defaultdict(list)
    for url, start_ns in kept.asked_ns.items():
        starts[host_of(url)].append(start_ns)
    assert len(starts) == 3
    assert len(set(kept.stored())) == 18
    for times in starts.values():
        assert min(b - a for a, b in pairwise(sorted(times))) >= 2 * SECOND
    await kept.store.close()


async def test_what_waits_for_its_host_says_so(tmp_path: Path) -> None:
    """`explain` tells the pause of the host, and `status` counts the backlog by domain."""
    kept = KeptCrawl(WEB, LIMITS, tmp_path / "c.db")
    await kept.crawl(3 * SECOND)
    found = [explain(tmp_path / "c.db", url) for url in kept.live()]
    waits = [wait for each in found if each.stands == "waits" for wait in each.waits]
    pauses = [wait for wait in waits if wait.place == "hosts" and wait.until_ns]
    assert pauses
    assert all(wait.needs == f"the pause of host {wait.key}" for wait in pauses)
    (run,) = state_status(tmp_path / "c.db").runs
    assert [each.domain for each in run.backlog] == [found[0].domain]
    assert run.backlog[0].urls == len([each for each in found if each.stands != "found"])
    await kept.store.close()
