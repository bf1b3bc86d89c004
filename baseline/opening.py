"""How a crawl by hand begins, live or in virtual time.

Owns: proxies with their leases (or the direct connection), the gate and its deadline, the seeds.
Must not know: clocks, effects, who runs the scheduler.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from baseline.scheduler import Scheduler
from scraper_cpn.scrape.colours import Found, Proxy, Target
from scraper_cpn.scrape.policy.proxies import copies_of
from scraper_cpn.scrape.settings import Settings

DIRECT = "direct"
"""The name of the connection without a proxy."""


def open_crawl(
    scheduler: Scheduler, settings: Settings, targets: Sequence[Target], now_ns: int
) -> None:
    """Make a scheduler ready for its first step, at *now_ns* (UTC, since 1970).

    A lease ends one timeout early, so that no request outlives it. Proxies without pause and quota
    have a token for each slot; all have their first before any has a second.
    """
    proxies = settings.proxies or (Proxy(DIRECT, slots=settings.concurrency),)
    for copies in zip_longest(*(copies_of(proxy) for proxy in proxies)):
        for proxy in copies:
            if proxy is not None:
                ends_ns = proxy.not_after_ns
                scheduler.add_proxy(
                    proxy,
                    now_ns,
                    ready_at_ns=proxy.not_before_ns or 0,
                    expires_at_ns=None if ends_ns is None else ends_ns - settings.timeout_ns,
                )
    longest_ns = settings.max_time_ns
    scheduler.open_gate(now_ns, expires_at_ns=None if longest_ns is None else now_ns + longest_ns)
    scheduler.find(Found(tuple(targets)), now_ns)
