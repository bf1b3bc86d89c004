"""Limits of IP addresses, beside those of domains and hosts: all hold at once, whatever hosts share an address."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mocks.inprocess import Crawled, crawl, expected
from mocks.referee import judge
from scraper_cpn.net import Interpreter
from scraper_cpn.scrape.colours import Address, Failed, Proxy
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.addresses import found
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.virtual import VirtualWeb
from scraper_cpn.simulate.driver import VirtualEffect
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from tests.guarantees.crawls import MS, Case, cases, stored

LIMITS = st.fixed_dictionaries(
    {
        "address_delay_ns": st.sampled_from([0, 300 * MS, 1500 * MS]),
        "per_address": st.integers(1, 2),
        "host_delay_ns": st.sampled_from([0, 700 * MS]),
        "sitemaps": st.sampled_from([(), ("auto",)]),
    }
)
WEB = WebSpec(hosts=6, addresses=2, pages=4, links=4, latency_ns=100 * MS)
"""Six domains at two addresses."""


def crawled(spec: WebSpec, **options: Any) -> Crawled:
    """A crawl of that web."""
    web = SyntheticWeb(spec)
    return crawl(Settings(scope="any", **options), web, web.seeds())


@settings(
    max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(cases(), LIMITS, st.integers(0, 3))
def test_all_limits_hold(case: Case, limits: dict[str, Any], addresses: int) -> None:
    """The referee finds nothing, and every page that can be reached is stored."""
    given_ = replace(case.settings, **limits)
    web = SyntheticWeb(replace(case.spec, addresses=addresses))
    done = crawl(given_, web, case.seeds)
    assert judge(done.log, expected(given_, tuple(case.reachable))).violations == ()
    assert done.run.ended == "finished"
    assert set(stored(done.rows)) == case.reachable.keys()


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(cases(ending=True), LIMITS)
def test_both_executions_decide_the_same(case: Case, limits: dict[str, Any]) -> None:
    """The compiled net makes the trace of the interpreter, byte for byte."""
    assume(case.spec.hosts * case.spec.pages <= 12)
    web = SyntheticWeb(replace(case.spec, addresses=1))
    traces = []
    for how in ({}, {"kernel": Interpreter}):
        trace = io.StringIO()
        crawl(replace(case.settings, **limits), web, case.seeds, trace=trace, **how)  # type: ignore[arg-type]
        traces.append(trace.getvalue())
    assert traces[0] == traces[1]


def test_hosts_at_one_address_share_its_pause() -> None:
    """Six domains whose own limits allow much more are asked as one, for each of their two addresses."""
    done = crawled(WEB, delay_ns=0, per_domain=9, address_delay_ns=500 * MS)
    starts: defaultdict[str, list[int]] = defaultdict(list)
    for each in done.log:
        starts[each.address].append(each.start_ns)
    assert len(starts) == 2
    for times in starts.values():
        gaps = [b - a for a, b in pairwise(sorted(times))]
        assert min(gaps) >= 500 * MS
        assert min(gaps) < 510 * MS
    unlimited = crawled(WEB, delay_ns=0, per_domain=9)
    verdict = judge(unlimited.log, expected(Settings(delay_ns=0, address_delay_ns=500 * MS)))
    assert "gap of a host or address" in {each.kind for each in verdict.violations}


def test_an_address_has_slots() -> None:
    """One request at a time to an address, and so two in all."""
    done = crawled(WEB, delay_ns=0, per_domain=9, per_address=1)
    running = [
        sum(a.start_ns <= b.start_ns < a.end_ns for a in done.log if a.address == b.address)
        for b in done.log
    ]
    assert set(running) == {1}
    assert max(sum(a.start_ns <= b.start_ns < a.end_ns for a in done.log) for b in done.log) == 2


def lookups(answer: Any, **options: Any) -> tuple[Crawled, list[tuple[int, str]], list[str]]:
    """A crawl of one host whose lookups are answered so; when it was looked up, and from where its pages came."""
    looked, asked = list[tuple[int, str]](), list[str]()

    def effects(web: VirtualWeb) -> Mapping[str, VirtualEffect]:
        def resolve(name: Any, now_ns: int) -> tuple[int, Address]:
            looked.append((now_ns, name.host))
            return 10 * MS, answer(name, len(looked))

        def fetch(target: Any, *more: Any) -> tuple[int, Any]:
            asked.append(target.ip)
            if target.ip in ("", "192.0.2.1"):
                return 10 * MS, Failed("connect", "no connection", sent=False)
            return web.fetch(target, *more)

        return {**web.effects(), "resolve": resolve, "fetch": fetch}

    web = SyntheticWeb(WebSpec(hosts=1, pages=8, links=8, latency_ns=10 * MS))
    given = {"robots": "ignore", "per_address": 1, "delay_ns": 10 * SECOND, **options}
    return crawl(Settings(**given), web, effects=effects), looked, asked


def test_an_address_is_looked_up_again_when_it_holds_no_longer() -> None:
    """A host is asked for its address once for each time that it lasts, and only when something waits for it."""
    done, looked, asked = lookups(lambda name, _: found(name, ["192.0.2.9"], 30 * SECOND))
    assert len(asked) == 8
    assert len(looked) == 3
    assert done.run.ended == "finished"


def test_another_address_is_tried_after_one_that_does_not_answer() -> None:
    """Pages come from the second address of a host, and the dead one is not asked for each of them."""
    _, looked, asked = lookups(
        lambda name, _: found(name, ["192.0.2.1", "192.0.2.2"]), delay_ns=SECOND
    )
    assert len(looked) == 1
    assert asked == ["192.0.2.1"] + 8 * ["192.0.2.2"]


def test_an_address_that_does_not_answer_is_remembered() -> None:
    """After the next lookup it is the last one again, and has its turn once the other one fails."""
    _, looked, asked = lookups(lambda name, _: found(name, ["192.0.2.1", "192.0.2.2"]))
    assert len(looked) > 1
    assert asked == ["192.0.2.1"] + 8 * ["192.0.2.2"]


def test_a_name_without_an_address_is_tried_again() -> None:
    """It fails like a request, with its attempts; a lookup that succeeds later is used."""
    _, looked, asked = lookups(lambda name, n: found(name, ["192.0.2.9"] if n > 1 else []))
    assert asked == [""] + 8 * ["192.0.2.9"]
    assert len(looked) >= 2


@pytest.mark.parametrize("limits", [{}, {"per_address": 2}, {"address_delay_ns": MS}])
def test_the_part_is_in_the_net_only_where_it_is_used(limits: dict[str, Any]) -> None:
    """Without the options, and through proxies, the net has neither its places nor another key."""
    net = ScrapeNet(Policy(Settings(**limits)))
    assert ("addresses" in net.parts) == bool(limits)
    assert net.frontier.targets.keys == (("domain", "host") if limits else ("domain",))
    proxied = Settings(proxies=(Proxy("p", "http://p.example:1"),), **limits)
    assert "addresses" not in ScrapeNet(Policy(proxied)).parts
