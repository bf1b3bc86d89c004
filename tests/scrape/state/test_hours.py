"""A kept crawl with hours: it goes on in the right window, and says until when it waits."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from scraper_cpn.net.changes import Durable
from scraper_cpn.net.marking import Standing
from scraper_cpn.scrape.colours import Window
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.options.hours import hours
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import SECOND, Hours, Settings, Site
from scraper_cpn.scrape.state.explain import explain
from scraper_cpn.scrape.state.resume import reopened
from scraper_cpn.scrape.state.status import state_status
from scraper_cpn.show.explanation import explanation_lines
from scraper_cpn.show.state import status_lines
from scraper_cpn.simulate.webspec import WebSpec
from tests.scrape.kept import KeptCrawl

HOUR = 3600 * SECOND


def test_a_crawl_that_is_resumed_by_day_waits_for_the_night() -> None:
    """Left in a window and gone on with ten hours later, it has the windows from then on, and no old one."""
    policy = Policy(Settings(hours=hours("22:00-06:00")))
    net = ScrapeNet(policy)
    last_ns, now_ns = 5 * HOUR, 15 * HOUR
    old = Durable(last_ns, 2, 1)
    old.tokens = {1: Standing("open_hours", 1, Window(), 0, 6 * HOUR)}
    old.fold(reopened(old, policy, net, now_ns, last_ns).changes(old))
    found = sorted(
        (token.ready_at_ns, token.expires_at_ns)
        for token in old.tokens.values()
        if token.place == "open_hours"
    )
    assert found[:2] == [(22 * HOUR, 30 * HOUR), (46 * HOUR, 54 * HOUR)]
    assert len(found) == 366


@pytest.mark.anyio
async def test_what_waits_for_a_window_says_until_when(tmp_path: Path) -> None:
    """`explain` and `status` name the opening, after which the crawl goes on; its journal replays."""
    opens = (datetime.now(UTC).hour * 60 + 180) % 1440  # two to three hours ahead of any clock
    kept = KeptCrawl(WebSpec(pages=2), Settings(hours=Hours(opens, opens + 60)), tmp_path / "c.db")
    await kept.crawl(10 * SECOND)
    assert not kept.asked_ns
    status = state_status(tmp_path / "c.db")
    (run,) = status.runs
    assert run.opens_ns is not None
    assert "the next request starts in " in "\n".join(map(str, status_lines(status)))
    found = explain(tmp_path / "c.db", kept.live()[0])
    assert run.opens_ns in {wait.until_ns for wait in (*found.waits, *found.robots)}
    said = "\n".join(map(str, explanation_lines(found, "c.db")))
    assert "the next window (--hours): in " in said
    assert (await kept.crawl()).ended == "finished"
    assert min(kept.asked_ns.values()) >= run.opens_ns
    kept.replayed()
    await kept.store.close()


@pytest.mark.anyio
async def test_a_domain_waits_for_its_own_hours(tmp_path: Path) -> None:
    """`explain` and `status` name them, and a resumed crawl has their windows from then on."""
    opens = (datetime.now(UTC).hour * 60 + 180) % 1440
    sites = (Site(name="h0.example", hours=Hours(opens, opens + 60)),)
    kept = KeptCrawl(WebSpec(pages=2, hosts=2), Settings(sites=sites), tmp_path / "c.db")
    await kept.crawl(10 * SECOND)
    assert not any("h0.example" in url for url in kept.asked_ns)
    (run,) = state_status(tmp_path / "c.db").runs
    assert [(each.domain, each.why) for each in run.paused] == [("h0.example", "its hours")]
    found = explain(tmp_path / "c.db", "http://h0.example/")
    said = "\n".join(map(str, explanation_lines(found, "c.db")))
    assert "the hours of h0.example: in " in said
    assert (await kept.crawl()).ended == "finished"
    assert len(set(kept.stored())) == 4
