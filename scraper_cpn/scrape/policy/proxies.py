"""The pace of a proxy: its slots, its delay, its quota, and its rest after a fault.

Owns: the pacing tokens of proxies and how they change.
Must not know: the net, clocks, how requests are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    Carried,
    Deferred,
    Failed,
    Fetched,
    Gone,
    Proxy,
    ProxyFault,
    Raw,
)
from scraper_cpn.scrape.policy.pauses import backoff_ns, gap_after, settled_ns, strikes_after
from scraper_cpn.scrape.settings import Settings

QUARANTINE = 2
"""From so many incidents in a row on, one request must succeed before others follow."""


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
        return proxy.quota == 0 or proxy.bytes == 0

    def proxy_gap_ns(self, proxy: Proxy) -> int:
        """The pause from one start through a proxy to the next; after the probe of a quarantine, until that has ended."""
        gap_ns = gap_after(proxy.delay_ns)
        probed = proxy.strikes >= QUARANTINE and proxy.calm == 1
        if probed and proxy.slots > 1:
            return max(gap_ns, settled_ns(self.settings))
        return gap_ns

    def at_fault(self, proxy: Proxy, failed: Failed) -> list[ProxyFault]:
        """The faults for a failure of the proxy itself, which concerns all of its tokens."""
        own = failed.kind == "proxy" and proxy.url is not None
        return faults_of(proxy, strikes_after(self.carried(proxy), proxy.slots)) if own else []

    def elsewhere(self, page: Raw, deferred: Deferred) -> list[ProxyFault]:
        """The faults of the proxy that brought a page which its handler wants to come another way."""
        own = (proxy for proxy in self.settings.proxies if proxy.proxy == page.proxy)
        proxy = next(own, None) if deferred.elsewhere else None
        return [] if proxy is None else faults_of(proxy)

    def rested(self, proxy: Proxy, fault: ProxyFault | None = None) -> Proxy:
        """A proxy's token after a fault of its own."""
        return replace(proxy, strikes=_strikes(proxy, fault), calm=0)

    def rest_ns(self, proxy: Proxy, fault: ProxyFault | None = None) -> int:
        """How long a proxy's token rests after a fault, given the token before.

        A proxy in quarantine is probed with one request: its spare tokens return later.
        """
        strikes = _strikes(proxy, fault)
        later_ns = settled_ns(self.settings) if proxy.spare and strikes >= QUARANTINE else 0
        return backoff_ns(self.settings, strikes, proxy.proxy) + later_ns

    def gone(self, proxy: Proxy) -> Gone:
        """The token of a proxy that has retired."""
        return Gone(proxy.proxy, proxy.group)

    def group_tokens(self, group: str) -> int:
        """How many tokens the proxies of a group have."""
        return sum(tokens_of(each) for each in self.settings.proxies if each.group == group)

    # Bytes.

    def carried_bytes(self, proxy: Proxy, fetched: Fetched) -> Carried | None:
        """The bytes of a page that a proxy with a quota of bytes has brought."""
        return None if proxy.bytes is None else Carried(proxy.proxy, fetched.size)

    def charged(self, proxy: Proxy, carried: Carried) -> Proxy:
        """A proxy's token with so many bytes less."""
        return replace(proxy, bytes=max(0, (proxy.bytes or 0) - carried.bytes))

    @cached_property
    def _proxy_slots(self) -> dict[str, int]:
        return {proxy.proxy: proxy.slots for proxy in self.settings.proxies}


def tokens_of(proxy: Proxy) -> int:
    """How many tokens a proxy has: one if it has a delay or a quota, otherwise one for each slot."""
    counted = proxy.quota is not None or proxy.bytes is not None
    return 1 if proxy.delay_ns or counted else proxy.slots


def faults_of(proxy: Proxy, strikes: int = 0) -> list[ProxyFault]:
    """The faults that rest all tokens of a proxy."""
    return [ProxyFault(proxy.proxy, strikes)] * tokens_of(proxy)


def copies_of(proxy: Proxy) -> list[Proxy]:
    """The tokens of a proxy."""
    spare = proxy if proxy.url is None else replace(proxy, spare=True)
    return [proxy, *[spare] * (tokens_of(proxy) - 1)]


def _strikes(proxy: Proxy, fault: ProxyFault | None) -> int:
    """The strikes of a token after a fault: all tokens of a proxy have those of the request that has failed."""
    if fault is None or not fault.strikes:
        return strikes_after(proxy, proxy.slots)
    return max(fault.strikes, proxy.strikes if proxy.calm == 0 else 0)
