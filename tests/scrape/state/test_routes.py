"""A kept crawl with routes: it goes on with the proxies that are given now, and rests hold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.fetch.answers import Answer, fetch_outcome
from scraper_cpn.scrape.settings import MILLISECOND, SECOND, Settings
from scraper_cpn.scrape.state.explain import explain
from scraper_cpn.scrape.state.status import state_status
from scraper_cpn.scrape.virtual import VirtualWeb
from scraper_cpn.simulate.webspec import WebSpec
from tests.scrape.kept import KeptCrawl

pytestmark = pytest.mark.anyio

WEB = WebSpec(hosts=3, pages=8, links=6, latency_ns=20 * MILLISECOND)
PROXIES = tuple(Proxy(f"http://p{n}:1", f"http://p{n}:1", slots=2) for n in range(2))
LIMITS = Settings(
    delay_ns=500 * MILLISECOND, scope="any", ban_status=(403,), ban_rest_ns=20 * SECOND, proxies=PROXIES
)  # fmt: skip


def refusing(kept: KeptCrawl, refused: list[tuple[str, str]]) -> None:
    """The first host refuses the first proxy."""
    web = kept._web

    def fetch(target: Any, proxy: Proxy, domain: Any, now_ns: int) -> tuple[int, Any]:
        if (target.domain[:2], proxy.proxy) == ("h0", "http://p0:1"):
            refused.append((target.url, proxy.proxy))
            return 1, fetch_outcome(target.url, Answer(403, {}))
        return VirtualWeb.fetch(web, target, proxy, domain, now_ns)

    def effects() -> Mapping[str, Any]:
        return {**VirtualWeb.effects(web), "fetch": fetch}

    web.effects = effects  # type: ignore[method-assign, assignment]


async def test_rests_survive_the_process(tmp_path: Path) -> None:
    """Left and gone on with again and again, it fetches all, and the proxy that was refused is tried once per rest."""
    kept, refused = KeptCrawl(WEB, LIMITS, tmp_path / "c.db"), list[tuple[str, str]]()
    refusing(kept, refused)
    runs = 0
    while (await kept.crawl(3 * SECOND)).ended != "finished":
        runs += 1
        assert runs < 30
    assert len(set(kept.stored())) == 24
    assert len(refused) == 1
    kept.replayed()
    await kept.store.close()


async def test_what_waits_for_a_proxy_says_so(tmp_path: Path) -> None:
    """With one proxy, that the host has refused, its URLs wait for one that it has not; the others go on."""
    limits = Settings(
        delay_ns=500 * MILLISECOND, scope="any", ban_status=(403,), ban_rest_ns=20 * SECOND,
        proxies=PROXIES[:1],
    )  # fmt: skip
    kept, refused = KeptCrawl(WEB, limits, tmp_path / "c.db"), list[tuple[str, str]]()
    refusing(kept, refused)
    await kept.crawl(5 * SECOND)
    (url, _), *more = refused
    assert not more
    found = explain(tmp_path / "c.db", url)
    (wait,) = [wait for wait in found.waits if wait.place == "routes"]
    assert wait.needs == f"a proxy that {found.domain} has refused to be tried again"
    (run,) = state_status(tmp_path / "c.db").runs
    assert [(each.domain, each.proxy) for each in run.barred] == [(found.domain, "http://p0:1")]
    assert [each.until_ns for each in run.barred] == [wait.until_ns]
    await kept.store.close()
