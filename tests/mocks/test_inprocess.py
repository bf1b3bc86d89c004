"""The in-process face: its wire log is what the loopback face would have written."""

from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import replace

from mocks.inprocess import crawl, expected
from mocks.referee import Expectations, ProxyRule, judge
from mocks.server import LoopbackWeb
from mocks.wirelog import Request
from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.session import Session
from scraper_cpn.scrape.settings import MILLISECOND as MS
from scraper_cpn.scrape.settings import SECOND, Settings, Site
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec

SPEC = WebSpec(
    hosts=3, pages=8, fail=0.4, redirect=0.4, latency_ns=20 * MS, latency_spread_ns=30 * MS,
    robots=("disallow", "redirected", "delay"), crawl_delay_ns=SECOND // 4, busy_hosts=1,
    fail_kinds=("500", "503", "429 seconds", "429 date", "dropped", "cut"),
)  # fmt: skip
WEB = SyntheticWeb(SPEC)
POOL = tuple(Proxy(f"http://p{k}.example", f"http://p{k}.example", slots=2) for k in range(2))
SETTINGS = Settings(delay_ns=100 * MS, scope="any", proxies=POOL, backoff_ns=10 * MS)


def metadata(request: Request) -> tuple[object, ...]:
    """What of a request does not depend on when it was made."""
    return (
        request.url,
        request.method,
        request.status,
        request.fate,
        request.user_agent,
        request.location,
        request.robots,
        request.hold_ns is None,
    )


@pytest.mark.anyio
async def test_both_faces_log_the_same_requests() -> None:
    """A crawl of the same web over loopback leaves the same records, apart from their times.

    Which requests a busy host refuses depends on their order, so that it is left out here.
    """
    spec = replace(SPEC, busy_hosts=0, retry_after_s=0)
    virtual = crawl(SETTINGS, SyntheticWeb(spec)).log
    async with LoopbackWeb(spec, proxies=2) as web:
        names = zip(web.proxy_names, web.proxy_urls, strict=True)
        proxies = tuple(Proxy(name, url, slots=2) for name, url in names)
        await Session(replace(SETTINGS, proxies=proxies), web.web.seeds()).run()
    assert Counter(map(metadata, virtual)) == Counter(map(metadata, web.log))


def test_a_crawl_that_leaves_too_early_is_in_the_log() -> None:
    """A request that passed its timeout was abandoned, after just that time."""
    web = SyntheticWeb(WebSpec(pages=1, fail=1.0, fail_times=1, fail_kinds=("stalled",)))
    log = crawl(Settings(robots="ignore", timeout_ns=3 * SECOND), web).log
    assert [(request.fate, request.duration_ns) for request in log] == [
        ("abandoned", 3 * SECOND),
        ("complete", 0),
    ]


def kinds(rules: Expectations) -> set[tuple[str, str]]:
    log = crawl(SETTINGS, WEB).log
    return {(found.guarantee, found.kind) for found in judge(log, rules).violations}


RULES = expected(SETTINGS, WEB.pages())


def test_the_crawl_keeps_what_is_expected_of_it() -> None:
    """The referee finds nothing, without any tolerance."""
    assert (RULES.tolerance_ns, RULES.reaction_ns) == (0, 0)
    assert kinds(RULES) == set()


@pytest.mark.parametrize(
    ("stricter", "found"),
    [
        (replace(RULES, delay_ns=RULES.delay_ns * 2), ("G2", "gap")),
        (replace(RULES, site_delays={"h0.example": SECOND}), ("G2", "gap")),
        (replace(RULES, proxies={}, proxy=ProxyRule(slots=1)), ("G3", "slots")),
        (replace(RULES, proxies={}, proxy=ProxyRule(slots=2, quota=9)), ("G3", "quota")),
        (replace(RULES, attempts=1), ("G5", "attempts")),
        (replace(RULES, pages=("http://h0.example/none",)), ("G5", "missing")),
        (replace(RULES, max_pages=5), ("G7", "pages")),
        (replace(RULES, max_time_ns=SECOND), ("G7", "time")),
    ],
)
def test_a_crawl_with_looser_limits_is_found_out(
    stricter: Expectations, found: tuple[str, str]
) -> None:
    """Each expectation is judged: where it is stricter than the options of the crawl, it is broken."""
    assert found in kinds(stricter)


def test_expectations_are_the_settings() -> None:
    """Every limit of a crawl is expected of it."""
    first, last = 10 * SECOND, 20 * SECOND
    proxy = Proxy("p", "http://p", 3, 5, 7, not_before_ns=first, not_after_ns=last)
    settings = Settings(
        proxies=(proxy,), sites=(Site(name="a.example", delay_ns=4),), backoff_scope="url",
        retries=4, max_pages=8, max_time_ns=9, limit_by="host", robots="ignore",
    )  # fmt: skip
    rules = expected(settings)
    assert rules.proxies["p"] == ProxyRule(
        slots=3, delay_ns=5, quota=7, not_before_ns=first, not_after_ns=last
    )
    assert (rules.site_delays, rules.hold, rules.attempts) == ({"a.example": 4}, "url", 5)
    assert (rules.max_pages, rules.max_time_ns, rules.limit_by) == (8, 9, "host")
    assert (rules.robots, rules.pages) == ("ignore", None)
