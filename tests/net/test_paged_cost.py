"""What a paged place costs, in calls of functions and reads of the shelf: what waits costs nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from scraper_cpn.net import Lost, Net, hold, on, put, spend
from scraper_cpn.net.compiled.kernel import Compiled, compile_net
from tests.net.tables import TableShelf
from tests.net.test_cost import Domain, Page, Target, calls_of, one_fetch


def scrape_net() -> Net:
    """Targets that need their domain and a slot of it."""
    net = Net("scrape")
    targets = net.place("targets", Target, key="domain", order="rank", source=True, paged=True)
    domains = net.place("domains", Domain, key="domain", timed=True, source=True)
    slots = net.counter("slots", key="domain", start=1)
    fetch = net.effect("fetch", Page)(targets)
    net.transition(
        "scrape",
        [targets, spend(domains, after_ns=1_000), hold(slots)],
        effect=fetch,
        outcomes=[on(Page), on(Lost, put(targets))],
    )
    return net


def opened(kernel: Compiled, domains: int) -> Compiled:
    """The same with so many domains, of which the first is open; the others are blocked for a long time."""
    places: dict[str, Any] = dict(kernel.net.places)
    for number in range(domains):
        ready_at_ns = 0 if number == 0 else 10**9 + number
        kernel.inject(places["domains"], Domain(number), 0, ready_at_ns=ready_at_ns)
    return kernel


def filled(targets: int, domains: int) -> Compiled:
    """A kernel with so many targets."""
    kernel = opened(compile_net(scrape_net()), domains)
    places: dict[str, Any] = dict(kernel.net.places)
    for number in range(targets):
        kernel.inject(places["targets"], Target(number % domains, 0, number % 10), 0)
    return kernel


def cost_of_a_fetch(kernel: Compiled) -> int:
    """The calls of a fetch, pages read among them."""
    one_fetch(kernel, 0)
    return max(calls_of(lambda at=at: one_fetch(kernel, at * 1_000)) for at in range(1, 8))  # type: ignore[misc]


@pytest.mark.slow
def test_a_fetch_among_blocked_keys_costs_what_it_costs_alone() -> None:
    """10^5 targets on 10^4 domains, all but one blocked: as many calls as with 100 targets."""
    few, many = cost_of_a_fetch(filled(100, 10)), cost_of_a_fetch(filled(100_000, 10_000))
    assert many <= few + 10


def test_blocked_keys_stay_cold() -> None:
    """Of a thousand keys on the shelf only the one whose domain is open is read, whatever is tried."""
    net, shelf = scrape_net(), TableShelf()
    for number in range(1_000):
        shelf.put("targets", number, (0, 0), number + 1, Target(number, 0, 0))
    marking = replace(compile_net(net).marking(), next_serial=2_000)
    cold = [("targets", number, 1, (0, 0), number + 1) for number in range(1_000)]
    kernel = opened(Compiled.load(net, marking, shelf=shelf, cold=cold), 1_000)
    one_fetch(kernel, 0)
    one_fetch(kernel, 5_000)
    assert shelf.reads == [0]
    assert kernel.count("targets") == 999


def test_pages_make_reads_rare() -> None:
    """A thousand targets of one domain are fetched with a read of the shelf for every 64."""
    net, shelf = scrape_net(), TableShelf()
    kernel = opened(compile_net(net, shelf=shelf), 1)
    places: dict[str, Any] = dict(net.places)
    for number in range(1_000):
        kernel.inject(places["targets"], Target(0, 0, number), 0)
    for at in range(1_000):
        one_fetch(kernel, at * 1_000)
    assert kernel.count("targets") == 0
    assert len(shelf.reads) <= 16


def test_a_late_token_costs_a_call_of_the_shelf_and_no_index() -> None:
    """A token that comes after a full page goes straight to the shelf: the same calls for the millionth."""
    costs = []
    for number in (200, 2_000):
        kernel = filled(number, 1)
        place: Any = kernel.net.places["targets"]
        costs.append(calls_of(partial(kernel.inject, place, Target(0, 0, 9), 0)))
    assert costs[1] <= costs[0]


class Host(Struct, frozen=True):
    """The pacing token of a host."""

    host: int


class Page2(Struct, frozen=True):
    """A target of a host, which belongs to a domain."""

    domain: int
    host: int


def two_limits() -> Net:
    """Targets that need their domain, and their host beside it."""
    net = Net("two limits")
    key = ("domain", "host")
    targets = net.place("targets", Page2, key=key, source=True, paged=True)
    domains = net.place("domains", Domain, key="domain", timed=True, source=True)
    slots = net.counter("slots", key="domain", start=1)
    hosts = net.place("hosts", Host, key="host", timed=True, source=True)
    host_slots = net.counter("host_slots", key="host", start=1)
    fetch = net.effect("fetch", Page)(targets)
    limits = [spend(domains, after_ns=10), hold(slots), spend(hosts, after_ns=30), hold(host_slots)]
    outcomes = [on(Page), on(Lost, put(targets))]
    net.transition("scrape", [targets, *limits], effect=fetch, outcomes=outcomes)
    return net


def fetches_of_a_domain(hosts: int) -> int:
    """The most calls that a fetch costs in a domain with so many hosts, all of which have targets."""
    net = two_limits()
    kernel = compile_net(net)
    places: dict[str, Any] = dict(net.places)
    kernel.inject(places["domains"], Domain(0), 0)
    for number in range(hosts):
        kernel.inject(places["hosts"], Host(number), 0)
        for _ in range(10):
            kernel.inject(places["targets"], Page2(0, number), 0)
    one_fetch(kernel, 0)
    return max(calls_of(lambda at=at: one_fetch(kernel, at * 10)) for at in range(1, 12))  # type: ignore[misc]


def test_a_domain_that_may_be_asked_again_costs_one_of_its_hosts() -> None:
    """With limits of hosts beside those of domains, a fetch costs the same for 10 hosts and for 1,000."""
    few, many = fetches_of_a_domain(10), fetches_of_a_domain(1_000)
    assert many <= few + 30
