"""What a step costs, in calls of functions, not in seconds: it follows what changes, not what waits."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from scraper_cpn.net import Lost, Net, hold, on, put, read, spend
from scraper_cpn.net.compiled.kernel import Compiled, compile_net
from scraper_cpn.net.compiled.runtime.lines import Token
from scraper_cpn.net.compiled.runtime.records import Held


@dataclass(frozen=True)
class Target:
    domain: int
    site: int
    rank: int


@dataclass(frozen=True)
class Domain:
    domain: int


@dataclass(frozen=True)
class Site:
    site: int


@dataclass(frozen=True)
class Page:
    pass


def calls_of(act: Callable[[], Any]) -> int:
    """How many calls, of Python and of C, *act* makes."""
    count = 0

    def profile(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(profile)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def scrape_net() -> Net:
    """Targets that need their domain, a slot of it, and a permit."""
    net = Net("scrape")
    targets = net.place("targets", Target, key=("domain", "site"), order="rank", source=True)
    domains = net.place("domains", Domain, key="domain", timed=True, source=True)
    sites = net.place("sites", Site, key="site", source=True)
    slots = net.counter("slots", key="domain", start=1)
    permits = net.counter("permits", start=100)
    fetch = net.effect("fetch", Page)(targets)
    net.transition(
        "scrape",
        [targets, hold(permits), spend(domains, after_ns=1_000), hold(slots), read(sites)],
        effect=fetch,
        outcomes=[on(Page), on(Lost, put(targets))],
    )
    return net


def filled(targets: int, domains: int, *, open_domains: int = 1) -> Compiled:
    """A kernel with targets on domains of which all but some are blocked for a long time."""
    net = scrape_net()
    kernel = compile_net(net)
    places: dict[str, Any] = dict(net.places)
    kernel.inject(places["sites"], Site(0), 0)
    for number in range(domains):
        ready_at_ns = 0 if number < open_domains else 10**9 + number
        kernel.inject(places["domains"], Domain(number), 0, ready_at_ns=ready_at_ns)
    for number in range(targets):
        kernel.inject(places["targets"], Target(number % domains, 0, number % 10), 0)
    return kernel


def one_fetch(kernel: Compiled, now_ns: int) -> None:
    """A target is fetched, and the next useful time is found."""
    for firing in kernel.step(now_ns).firings:
        kernel.started(firing.id, now_ns)
        kernel.complete(firing.id, Page(), now_ns)
    kernel.step(now_ns)


def cost_of_a_fetch(targets: int, domains: int) -> int:
    """The calls of a fetch, when a kernel has settled."""
    kernel = filled(targets, domains)
    one_fetch(kernel, 0)
    return max(calls_of(lambda at=at: one_fetch(kernel, at * 1_000)) for at in (1, 2, 3))  # type: ignore[misc]


@pytest.mark.slow
def test_a_fetch_among_blocked_domains_costs_what_it_costs_alone() -> None:
    """10^5 targets on 10^4 domains, all but one blocked: as many calls as with 100 targets."""
    few, many = cost_of_a_fetch(100, 10), cost_of_a_fetch(100_000, 10_000)
    assert many <= few + 10


def test_tokens_on_one_domain_cost_nothing() -> None:
    """1,000 targets more on the same domain: the same calls."""
    assert cost_of_a_fetch(1_020, 2) <= cost_of_a_fetch(20, 2) + 4


def test_an_idle_step_looks_at_nothing() -> None:
    """A step at which nothing can happen makes as many calls as the net has transitions, about."""
    kernel = filled(1_000, 100, open_domains=0)
    kernel.step(0)
    assert calls_of(lambda: kernel.step(1)) < 15


def test_what_becomes_ready_costs_for_each_key() -> None:
    """When all domains become ready at once, the calls grow with them, not with their targets."""
    costs = {}
    for targets in (200, 2_000):
        kernel = filled(targets, 100, open_domains=0)
        kernel.step(0)
        costs[targets] = calls_of(lambda kernel=kernel: kernel.step(2 * 10**9))  # type: ignore[misc]
    assert costs[2_000] < costs[200] * 1.2


def test_unrelated_inputs_do_not_multiply() -> None:
    """100 tokens in each of three places that nothing joins: a firing costs what it costs with one."""
    costs = []
    for number in (1, 100):
        net = Net("three")
        places = [net.place(name, Site, source=True) for name in "abc"]
        net.transition("meet", places)
        kernel = compile_net(net)
        for place in places:
            for _ in range(number):
                kernel.inject(place, Site(1), 0)
        costs.append(calls_of(lambda kernel=kernel: kernel.step(0, limit=1)))  # type: ignore[misc]
    assert costs[1] <= costs[0] + 3


def test_a_shared_input_wakes_only_who_waits_for_it() -> None:
    """A site that comes back tells the records that it alone kept, not those that their domain blocks."""
    costs = []
    for blocked in (10, 1_000):
        net = scrape_net()
        kernel = compile_net(net)
        places: dict[str, Any] = dict(net.places)
        kernel.inject(places["domains"], Domain(0), 0)
        for number in range(1, blocked):
            kernel.inject(places["domains"], Domain(number), 0, ready_at_ns=10**9)
        for number in range(blocked):
            kernel.inject(places["targets"], Target(number, 0, 1), 0)
        kernel.inject(places["sites"], Site(0), 0)
        kernel.step(0, limit=1)
        costs.append(calls_of(lambda kernel=kernel: kernel.step(0)))  # type: ignore[misc]
    assert costs[1] <= costs[0] + 10


def test_a_view_of_records_looks_at_one_key_alone() -> None:
    """A key without a record has no tokens, and nobody looks for them in the records of others."""

    class Others(dict[str, Any]):
        def values(self) -> Any:
            raise AssertionError

    record = SimpleNamespace(jobs=Token(1, "colour"))
    held = Held(Others(a=record), "jobs")
    assert list(held.of("b")) == []
    assert list(held.of("a")) == [record.jobs]
