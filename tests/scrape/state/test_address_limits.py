"""A kept crawl with limits of addresses: its targets are given their addresses anew when it goes on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from scraper_cpn.scrape.settings import MILLISECOND, SECOND, Settings
from scraper_cpn.scrape.state.explain import explain
from scraper_cpn.simulate.webspec import WebSpec
from tests.scrape.kept import KeptCrawl

pytestmark = pytest.mark.anyio

WEB = WebSpec(hosts=3, addresses=1, pages=6, links=6, latency_ns=20 * MILLISECOND)
"""Three domains at one address."""
LIMITS = Settings(
    delay_ns=100 * MILLISECOND,
    per_domain=3,
    address_delay_ns=2 * SECOND,
    per_address=1,
    scope="any",
    sitemaps=("auto",),
)


async def test_the_pause_of_an_address_survives_the_process(tmp_path: Path) -> None:
    """Left and gone on with again and again, it fetches all, and the address no sooner than it may."""
    kept = KeptCrawl(WEB, LIMITS, tmp_path / "c.db")
    for _ in range(40):
        if (await kept.crawl(3 * SECOND)).ended == "finished":
            break
    assert len(set(kept.stored())) == 18
    times = sorted(kept.asked_ns.values())
    assert min(b - a for a, b in pairwise(times)) >= 2 * SECOND
    await kept.store.close()


async def test_what_waits_for_its_address_says_so(tmp_path: Path) -> None:
    """`explain` tells the pause of the address."""
    kept = KeptCrawl(WEB, LIMITS, tmp_path / "c.db")
    await kept.crawl(20 * SECOND)
    found = [explain(tmp_path / "c.db", url) for url in kept.live()]
    waits = [wait for each in found if each.stands == "waits" for wait in each.waits]
    pauses = [wait for wait in waits if wait.place == "address_pacing" and wait.until_ns]
    assert pauses
    assert all(wait.needs == f"the pause of the address {wait.key}" for wait in pauses)
    await kept.store.close()
