"""The initial tokens of a crawl, live or in virtual time.

Owns: proxies with their leases (or the direct connection), the gate and its deadline, the windows of `--hours`, the
bytes that may come, the seeds.
Must not know: clocks, effects, who runs the net.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scraper_cpn.net import Kernel, Place
from scraper_cpn.scrape.colours import (
    Allowance,
    Bandwidth,
    Failure,
    Gate,
    ItemsLeft,
    Owed,
    Proxy,
    Repute,
    Round,
    Target,
    Window,
)
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.parts.volume import Bytes, Rate
from scraper_cpn.scrape.policy.frontier import on_their_way
from scraper_cpn.scrape.policy.proxies import copies_of
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.windows import windows, windows_of_domains

DIRECT = "direct"
"""The name of the connection without a proxy."""


def open_crawl(
    kernel: Kernel,
    net: ScrapeNet,
    targets: Sequence[Target],
    now_ns: int,
    bad_seeds: Sequence[Failure] = (),
) -> None:
    """Put the initial tokens into a kernel of the scrape net, at *now_ns* (UTC, since 1970).

    *refused* are lines of the input that are not URLs.

    For the net a proxy's lease ends one timeout early, so that no request outlives it. A connection without
    a delay or a quota (the direct one, most proxies) has a token for each slot: a request holds its token
    while it is being connected, and other requests must not have to wait for that.
    """
    settings = net.policy.settings
    for proxy in _tokens(settings.proxies or (direct(settings),)):
        kernel.inject(
            net.proxies.pool,
            proxy,
            now_ns,
            ready_at_ns=proxy.not_before_ns or 0,
            expires_at_ns=_later(proxy.not_after_ns, -settings.timeout_ns),
        )
    for place, colour in (*first_tokens(net), *reputes(net)):
        kernel.inject(place, colour, now_ns)
    end_ns = _later(settings.max_time_ns, now_ns)
    kernel.inject(net.gate.open, Gate(), now_ns, expires_at_ns=end_ns)
    for hours in net.hours:
        for opens_ns, closes_ns in windows(settings.hours, now_ns):
            kernel.inject(
                hours.open, Window(), now_ns, ready_at_ns=opens_ns, expires_at_ns=closes_ns
            )
    for limit in net.domain_hours:
        for window, opens_ns, closes_ns in windows_of_domains(limit.p.of_domains, now_ns):
            kernel.inject(limit.open, window, now_ns, ready_at_ns=opens_ns, expires_at_ns=closes_ns)
    for found in on_their_way(targets):
        kernel.inject(net.frontier.found, found, now_ns)
    for bad in bad_seeds:
        kernel.inject(net.seeds.bad, bad, now_ns)


def direct(settings: Settings) -> Proxy:
    """The connection without a proxy, which carries as many requests at a time as the crawl may make."""
    return Proxy(DIRECT, slots=settings.concurrency)


def first_tokens(net: ScrapeNet) -> Iterator[tuple[Place[Any], Any]]:
    """Yield the initial tokens of optional parts, with their places: limits, and the sitemaps that the user named."""
    named = net.policy.sitemaps.given()
    if net.sitemaps is not None and named.jobs:
        yield net.sitemaps.located, named
    for each in net.items:
        yield each.left, ItemsLeft(net.policy.settings.max_items or 0)
    for shares in net.shares:
        yield shares.round, Round()
    for limit in net.volume:
        if isinstance(limit, Bytes) and limit.owed is not None:
            yield limit.owed, Owed(0)
        elif isinstance(limit, Bytes):
            yield limit.left, Allowance(net.policy.settings.max_bytes or 0)
        elif isinstance(limit, Rate):
            yield limit.free, Bandwidth()


def reputes(net: ScrapeNet) -> Iterator[tuple[Place[Any], Any]]:
    """Yield what is thought of each proxy at first, with its place."""
    for routes in net.routes:
        for proxy in net.policy.settings.proxies:
            yield routes.reputes, Repute(proxy.proxy)


def _tokens(proxies: Sequence[Proxy]) -> Iterator[Proxy]:
    """Yield each proxy once, or once for each slot; every proxy appears once before any appears twice."""
    copies = [copies_of(proxy) for proxy in proxies]
    for number in range(max(map(len, copies))):
        for each in copies:
            yield from each[number : number + 1]


def _later(time_ns: int | None, by_ns: int) -> int | None:
    return None if time_ns is None else time_ns + by_ns
