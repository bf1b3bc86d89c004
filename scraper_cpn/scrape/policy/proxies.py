"""The pace of a proxy: its slots, its delay, its quota, and its rest after a fault.

Owns: the pacing tokens of proxies and how they change.
Must not know: the net, clocks, how requests are made.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    Carried,
    Deferred,
    Domain,
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
PROXY_AT_FAULT = 3
"""A proxy is blamed for so many requests in a row that had no answer through it, each of a domain that was not silent before."""
SUSPICIOUS = frozenset({"timeout", "connect", "dropped"})
"""The kinds of failures for which the proxy may be to blame, or the domain."""
Sign = Literal["failed", "silent", "answered"]


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

    def at_fault(self, proxy: Proxy, domain: Domain, failed: Failed) -> list[ProxyFault]:
        """The faults for a failure of the proxy itself, or for a silence that may be its own; they concern all of its tokens.

        *proxy* and *domain* are as they were when the request started. A domain that was silent before is the cause
        rather than the proxy. Where it has several slots, a request of the same domain may have run together with this one.
        """
        if failed.kind == "proxy":
            return self.own_faults(proxy, failed)
        if proxy.url is None:
            return []
        if failed.status is not None:
            return self.answered(proxy)
        if not self.compares or failed.kind not in SUSPICIOUS or domain.silent:
            return []
        strikes = strikes_after(self.carried(proxy), proxy.slots)
        return faults_of(proxy, strikes, "silent", domain.domain)

    def own_faults(self, proxy: Proxy, failed: Failed) -> list[ProxyFault]:
        """The faults for a failure of the proxy itself, which concerns all of its tokens."""
        own = failed.kind == "proxy" and proxy.url is not None
        return faults_of(proxy, strikes_after(self.carried(proxy), proxy.slots)) if own else []

    def answered(self, proxy: Proxy) -> list[ProxyFault]:
        """The signs of an answer through a proxy that gave none before."""
        return faults_of(proxy, sign="answered") if proxy.silent else []

    def elsewhere(self, page: Raw, deferred: Deferred) -> list[ProxyFault]:
        """The faults of the proxy that brought a page which its handler wants to come another way."""
        own = (proxy for proxy in self.settings.proxies if proxy.proxy == page.proxy)
        proxy = next(own, None) if deferred.elsewhere else None
        return [] if proxy is None else faults_of(proxy)

    def rested(self, proxy: Proxy, fault: ProxyFault | None = None) -> Proxy:
        """A proxy's token after a fault of its own."""
        if fault is not None and fault.sign == "answered":
            return replace(proxy, silent=0, silent_of="")
        if fault is not None and fault.sign == "silent":
            silent = min(self._silent(proxy, fault), PROXY_AT_FAULT)
            heard = replace(proxy, silent=silent, silent_of=fault.domain)
            if not self._blames(proxy, fault):
                return heard
            proxy = heard
        return replace(proxy, strikes=_strikes(proxy, fault), calm=0)

    def rest_ns(self, proxy: Proxy, fault: ProxyFault | None = None) -> int:
        """How long a proxy's token rests after a fault, given the token before; not at all before it is blamed.

        A proxy in quarantine is probed with one request: its spare tokens return later.
        """
        if fault is not None and not self._blames(proxy, fault):
            return 0
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

    def _blames(self, proxy: Proxy, fault: ProxyFault) -> bool:
        """Whether a sign is a fault of the proxy itself."""
        if fault.sign == "silent":
            return self._silent(proxy, fault) >= PROXY_AT_FAULT
        return fault.sign == "failed"

    def _silent(self, proxy: Proxy, fault: ProxyFault) -> int:
        """The silences of a proxy with one more; one that may have run together with the last one is none more."""
        together = fault.domain == proxy.silent_of and self._several(fault.domain)
        return proxy.silent if together else proxy.silent + 1

    def _several(self, domain: str) -> bool:
        """Whether several requests to a domain may run at a time."""
        own = (site.per_domain for site in self.settings.sites if site.name == domain)
        return (next(own, None) or self.settings.per_domain) > 1

    @cached_property
    def compares(self) -> bool:
        """Whether a silence is compared with others: domains without an answer are counted, and another proxy may have one."""
        return bool(self.settings.dead_after) and len(self.settings.proxies) > 1

    @cached_property
    def _proxy_slots(self) -> dict[str, int]:
        return {proxy.proxy: proxy.slots for proxy in self.settings.proxies}


def tokens_of(proxy: Proxy) -> int:
    """How many tokens a proxy has: one if it has a delay or a quota, otherwise one for each slot."""
    counted = proxy.quota is not None or proxy.bytes is not None
    return 1 if proxy.delay_ns or counted else proxy.slots


def faults_of(
    proxy: Proxy, strikes: int = 0, sign: Sign = "failed", domain: str = ""
) -> list[ProxyFault]:
    """The faults for all tokens of a proxy."""
    return [ProxyFault(proxy.proxy, strikes, sign, domain)] * tokens_of(proxy)


def copies_of(proxy: Proxy) -> list[Proxy]:
    """The tokens of a proxy."""
    spare = proxy if proxy.url is None else replace(proxy, spare=True)
    return [proxy, *[spare] * (tokens_of(proxy) - 1)]


def _strikes(proxy: Proxy, fault: ProxyFault | None) -> int:
    """The strikes of a token after a fault: all tokens of a proxy have those of the request that has failed."""
    if fault is None or not fault.strikes:
        return strikes_after(proxy, proxy.slots)
    return max(fault.strikes, proxy.strikes if proxy.calm == 0 else 0)
