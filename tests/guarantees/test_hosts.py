"""Limits of hosts, beside those of their domains: both hold at once, on any web and with any settings."""

from __future__ import annotations

import io
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mocks.inprocess import Crawled, crawl, expected
from mocks.referee import judge
from scraper_cpn.net import Interpreter
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import host_of
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from tests.guarantees.crawls import MS, Case, cases, stored

LIMITS = st.fixed_dictionaries(
    {
        "host_delay_ns": st.sampled_from([0, 300 * MS, 1500 * MS]),
        "per_host": st.none() | st.integers(1, 2),
    }
)
SETTINGS = settings(
    max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
WEB = WebSpec(hosts=4, subdomains=4, pages=5, links=4, latency_ns=100 * MS)
"""Four hosts of one domain."""


def crawled(spec: WebSpec, **options: Any) -> Crawled:
    """A crawl of that web."""
    web = SyntheticWeb(spec)
    return crawl(Settings(scope="any", **options), web, web.seeds())


def starts_of(done: Crawled) -> list[tuple[str, int]]:
    """The hosts that were asked, and when."""
    return sorted(
        ((host_of(each.url), each.start_ns) for each in done.log), key=lambda pair: pair[1]
    )


@SETTINGS
@given(cases(), LIMITS)
def test_both_limits_hold(case: Case, limits: dict[str, Any]) -> None:
    """The referee finds nothing, and every page that can be reached is stored."""
    given_ = replace(case.settings, **limits)
    done = crawl(given_, SyntheticWeb(case.spec), case.seeds)
    verdict = judge(done.log, expected(given_, tuple(case.reachable)))
    assert verdict.violations == ()
    assert done.run.ended == "finished"
    assert set(stored(done.rows)) == case.reachable.keys()


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(cases(ending=True), LIMITS)
def test_both_executions_decide_the_same(case: Case, limits: dict[str, Any]) -> None:
    """The compiled net makes the trace of the interpreter, byte for byte."""
    assume(case.spec.hosts * case.spec.pages <= 12)
    web = SyntheticWeb(case.spec)
    traces = []
    for how in ({}, {"kernel": Interpreter}):
        trace = io.StringIO()
        crawl(replace(case.settings, **limits), web, case.seeds, trace=trace, **how)  # type: ignore[arg-type]
        traces.append(trace.getvalue())
    assert traces[0] == traces[1]


def test_a_host_has_a_pause_of_its_own() -> None:
    """Hosts of a domain take turns: the domain is asked as often as it may be, each host less often."""
    done = crawled(WEB, delay_ns=100 * MS, per_domain=9, host_delay_ns=1000 * MS)
    gaps = [b - a for host in dict(starts_of(done)) for a, b in _pairs(starts_of(done), host)]
    assert min(gaps) >= 1000 * MS
    most = Counter(at // (1000 * MS) for _, at in starts_of(done)).most_common(1)
    assert most[0][1] >= 3  # several hosts within a host's pause


def _pairs(starts: list[tuple[str, int]], host: str) -> list[tuple[int, int]]:
    times = [at for each, at in starts if each == host]
    return list(pairwise(times))


def test_a_host_has_slots_of_its_own() -> None:
    """One request at a time to a host, while its domain has four."""
    done = crawled(WEB, delay_ns=0, per_domain=4, per_host=1)
    ends: dict[str, int] = {}
    for each in sorted(done.log, key=lambda request: request.start_ns):
        assert each.start_ns >= ends.get(host_of(each.url), 0)
        ends[host_of(each.url)] = each.end_ns
    running = max(sum(a.start_ns <= b.start_ns < a.end_ns for a in done.log) for b in done.log)
    assert running == 4


def test_limits_of_domains_hold_beside() -> None:
    """A host whose own limits allow more is not asked more often than its domain may be."""
    done = crawled(WEB, delay_ns=400 * MS, per_domain=1, host_delay_ns=100 * MS, per_host=3)
    starts = [at for _, at in starts_of(done)]
    assert min(b - a for a, b in pairwise(starts)) >= 400 * MS


@pytest.mark.parametrize("limits", [{}, {"per_host": 2}, {"host_delay_ns": MS}])
def test_the_part_is_in_the_net_only_where_it_is_used(limits: dict[str, Any]) -> None:
    """Without the options the net has neither its places nor another key."""
    net = ScrapeNet(Policy(Settings(**limits)))
    assert ("hosts" in net.parts) == bool(limits)
    assert net.frontier.targets.keys == (("domain", "host") if limits else ("domain",))
