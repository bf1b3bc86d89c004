"""The limits of a proxy: its slots, the pause between two requests, its quota and its lease.

Owns: the pacing tokens of proxies (or of the direct connection), their slots, and how they rest and retire.
Must not know: what is requested.
"""

from scraper_cpn.net import Limit, Net, Wording, expired, hold, put, spend, take
from scraper_cpn.scrape.colours import Failed, Proxy, ProxyFault
from scraper_cpn.scrape.policy.proxies import ProxyPolicy


class Proxies(Limit):
    """Each request goes through one proxy, which rests after a fault of its own and retires after quota or lease."""

    def __init__(self, net: Net, p: ProxyPolicy) -> None:
        super().__init__(net, "proxies")
        self.pool = self.place(
            "available_proxies",
            Proxy,
            key="proxy",
            timed=True,
            expires=True,
            source=True,
            budget=True,
        )
        self.slots = self.counter("proxy_slots", key="proxy", start=p.proxy_slots, share="leased")
        self.faults = self.place("proxy_faults", ProxyFault, key="proxy")
        self.retired = self.sink("retired_proxies", Proxy)
        self.takes = [spend(self.pool, p.carried, after_ns=p.proxy_gap_ns), hold(self.slots)]
        self.puts = {Failed: [put(self.faults, p.at_fault, self.pool, Failed)]}
        self.wording = {self.pool: Wording("a proxy: none is free", pause="a proxy")}

        self.transition(
            "rest",
            [self.faults, take(self.pool, include_waiting=True)],
            outputs=[put(self.pool, p.rested, self.pool, after_ns=p.rest_ns)],
            priority=-1,
        )
        self.transition("retire", [expired(self.pool)], outputs=[put(self.retired)])
        self.transition(
            "use_up",
            [take(self.pool, include_waiting=True, when=p.used_up)],
            outputs=[put(self.retired)],
            priority=-1,
        )
