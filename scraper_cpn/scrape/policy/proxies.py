"""The pace of a proxy: its slots, its delay, its quota, and its rest after a fault.

Owns: the pacing tokens of proxies and how they change.
Must not know: the net, clocks, how requests are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from msgspec.structs import replace

from scraper_cpn.scrape.colours import Deferred, Failed, Proxy, ProxyFault, Raw
from scraper_cpn.scrape.policy.pauses import backoff_ns, gap_after, strikes_after
from scraper_cpn.scrape.settings import Settings


@dataclass(frozen=True)
class ProxyPolicy:
    """How many requests a proxy may carry, and how long it rests after a fault of its own."""

    settings: Settings

    def proxy_slots(self, name: str) -> int:
        """How many requests may run through a proxy at a time."""
        return self._proxy_slots.get(name, self.settings.concurrency)

    def carried(self, proxy: Proxy) -> Proxy:
        """A proxy's token after a start."""
        if proxy.quota is None and not proxy.strikes:
            return proxy
        left = None if proxy.quota is None else proxy.quota - 1
        return replace(proxy, quota=left, calm=proxy.calm + 1 if proxy.strikes else 0)

    def used_up(self, proxy: Proxy) -> bool:
        """Whether a proxy has used up its quota; it is retired before anything else can use it."""
        return proxy.quota == 0

    def proxy_gap_ns(self, proxy: Proxy) -> int:
        """The pause from one start through a proxy to the next."""
        return gap_after(proxy.delay_ns)

    def at_fault(self, proxy: Proxy, failed: Failed) -> list[ProxyFault]:
        """The faults for a failure of the proxy itself, which concerns all of its tokens."""
        own = failed.kind == "proxy" and proxy.url is not None
        return [ProxyFault(proxy.proxy)] * tokens_of(proxy) if own else []

    def elsewhere(self, page: Raw, deferred: Deferred) -> list[ProxyFault]:
        """The faults of the proxy that brought a page which its handler wants to come another way."""
        own = (proxy for proxy in self.settings.proxies if proxy.proxy == page.proxy)
        proxy = next(own, None) if deferred.elsewhere else None
        return [] if proxy is None else [ProxyFault(proxy.proxy)] * tokens_of(proxy)

    def rested(self, proxy: Proxy) -> Proxy:
        """A proxy's token after a fault of its own."""
        return replace(proxy, strikes=strikes_after(proxy, proxy.slots), calm=0)

    def rest_ns(self, proxy: Proxy) -> int:
        """How long a proxy rests after a fault, given its token after the fault."""
        return backoff_ns(self.settings, strikes_after(proxy, proxy.slots), proxy.proxy)

    @cached_property
    def _proxy_slots(self) -> dict[str, int]:
        return {proxy.proxy: proxy.slots for proxy in self.settings.proxies}


def tokens_of(proxy: Proxy) -> int:
    """How many tokens a proxy has: one if it has a delay or a quota, otherwise one for each slot."""
    return 1 if proxy.delay_ns or proxy.quota is not None else proxy.slots
