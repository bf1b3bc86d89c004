"""The limits of a proxy: its slots, the pause between two requests, its quota and its lease.

Owns: the pacing tokens of proxies (or of the direct connection), their slots, and how they rest and retire.
Must not know: what is requested.
"""

from collections.abc import Iterator
from typing import Any

from scraper_cpn.net import (
    Limit,
    Net,
    Output,
    Place,
    Wording,
    absent,
    expired,
    hold,
    leased,
    local,
    put,
    read,
    spend,
    take,
)
from scraper_cpn.scrape.colours import (
    RETIRED_PROXIES,
    Carried,
    Domain,
    Failed,
    Fetched,
    Gone,
    Proxy,
    ProxyFault,
)
from scraper_cpn.scrape.parts.promises import asked_proxy_slots, requests_of
from scraper_cpn.scrape.parts.silence import ANSWERS
from scraper_cpn.scrape.policy.proxies import ProxyPolicy


class Proxies(Limit):
    """Each request goes through one proxy, which rests after a fault of its own and retires after quota or lease."""

    def __init__(self, net: Net, p: ProxyPolicy, pacing: Place[Domain]) -> None:
        super().__init__(net, "proxies")
        self.p = p
        self._settings = p.settings
        share = leased if p.settings.proxies else local  # each partition has direct connections
        self.pool = self.place(
            "available_proxies",
            Proxy,
            key="proxy",
            timed=True,
            expires=True,
            source=True,
            budget=True,
            share=share,
        )
        self.slots = self.counter("proxy_slots", key="proxy", start=p.proxy_slots, share=share)
        self.faults = self.place("proxy_faults", ProxyFault, key="proxy", share=local)
        self.retired = self.sink(RETIRED_PROXIES, Proxy)
        self._carried: list[Place[Carried]] = []
        self.takes = [spend(self.pool, p.carried, after_ns=p.proxy_gap_ns), hold(self.slots)]
        self.puts: dict[type[Any], list[Output]] = {
            Failed: [put(self.faults, p.at_fault, self.pool, pacing, Failed)],
            **self._charges(),
        }
        if p.compares:
            for outcome in ANSWERS:
                answered = put(self.faults, p.answered, self.pool)
                self.puts[outcome] = [*self.puts.get(outcome, ()), answered]
        self.wording = {self.pool: Wording("a proxy: none is free", pause="a proxy")}

        self.transition(
            "rest",
            [self.faults, take(self.pool, include_waiting=True)],
            outputs=[put(self.pool, p.rested, self.pool, self.faults, after_ns=p.rest_ns)],
            priority=-1,
        )
        if share is leased:
            free = read(self.slots, at_least=p.proxy_slots)
            unpaid = [absent(carried) for carried in self._carried]
            self.release(self.pool, [free, absent(self.faults), *unpaid])
        leaves = [put(self.retired), *self._leaves()]
        self.transition("retire", [expired(self.pool)], outputs=leaves)
        self.transition(
            "use_up",
            [take(self.pool, include_waiting=True, when=p.used_up)],
            outputs=leaves,
            priority=-1,
        )

    def _leaves(self) -> list[Output]:
        """What tells routes or sessions of a proxy that retires; a crawl without a proxy for a group is at its end."""
        self.gone: Place[Gone] | None = None
        if not (self._settings.has_routes or self._settings.sticky_proxies):
            return []
        self.gone = self.place("gone_proxies", Gone, key="proxy")
        if not self._settings.has_routes:
            return [put(self.gone, self.p.gone, self.pool)]
        leaving = self.place("leaving_proxies", Gone, key="group")
        self.group_left = self.counter(
            "group_proxies", key="group", start=self.p.group_tokens, budget=True
        )
        self.transition("leave", [leaving, take(self.group_left)], outputs=[], priority=-1)
        return [put(place, self.p.gone, self.pool) for place in (self.gone, leaving)]

    def _charges(self) -> dict[type[Any], list[Output]]:
        """What a page costs of a quota of bytes, if any proxy has one."""
        p = self.p
        if all(proxy.bytes is None for proxy in p.settings.proxies):
            return {}
        carried = self.place("carried_bytes", Carried, key="proxy", share=local)
        self._carried = [carried]
        self.transition(
            "charge",
            [carried, take(self.pool, include_waiting=True)],
            outputs=[put(self.pool, p.charged, self.pool, carried)],
            priority=-1,
        )
        return {Fetched: [put(carried, p.carried_bytes, self.pool, Fetched)]}

    def properties(self) -> Iterator[Any]:
        """Proxies are conserved, and keep their pauses, slots and quotas."""
        from scraper_cpn.analysis import at_most, conserved, each, every, min_gap, start

        settings, requests = self._settings, requests_of(self.net)
        yield conserved(
            self.pool.name, self.retired.name, by="proxy", claim="G1 proxies are conserved"
        )
        yield min_gap(
            self.pool.name,
            *requests,
            at_least=lambda token: token.delay_ns,
            claim="G3 starts through a proxy are its delay apart",
        )
        yield at_most(
            lambda proxy: asked_proxy_slots(settings, proxy),
            in_flight=requests,
            by="proxy",
            claim="G3 requests through a proxy at a time",
        )
        if any(proxy.quota is not None for proxy in settings.proxies):
            yield each(
                self.pool.name,
                lambda proxy: proxy.quota is None or proxy.quota >= 0,
                claim="G3 no start beyond a quota",
            )
            yield every(
                start(*requests),
                lambda seen: all(
                    proxy.quota == seen[self.pool.name].quota - 1
                    for proxy in seen.puts(self.pool.name)
                    if seen[self.pool.name].quota is not None
                ),
                claim="G3 each start costs one of a quota",
            )
