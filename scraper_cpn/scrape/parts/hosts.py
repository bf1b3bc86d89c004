"""The limits of a host, beside those of its domain: a pause of its own, and how many requests at a time.

Owns: the pacing token of each host, its slots, and how they are created. A crawl has them only with
`--host-delay` or `--per-host`.
Must not know: the limits of domains. A request needs both limits at once.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from scraper_cpn.net import Limit, Net, Output, Place, Wording, hold, put_new, spend
from scraper_cpn.scrape.colours import FileJob, Host, Redirected, RobotsJob, SitemapJob, Target
from scraper_cpn.scrape.parts.promises import requests_of
from scraper_cpn.scrape.policy.pauses import gap_after
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import host_of


class Hosts(Limit):
    """One pacing token (`--host-delay`) and a number of slots (`--per-host`) for each host."""

    counts_by = ("host",)

    def __init__(self, net: Net, settings: Settings) -> None:
        super().__init__(net, "hosts")
        most = settings.concurrency if settings.per_host is None else settings.per_host
        self._most, self._delay_ns = most, settings.host_delay_ns
        self.pacing = self.place("hosts", Host, key="host", timed=True)
        self.slots = self.counter("host_slots", key="host", start=most)
        self.known = self.set("known_hosts", Host, key="host")
        pause_ns = gap_after(settings.host_delay_ns)
        self.takes = [spend(self.pacing, after_ns=pause_ns), hold(self.slots)]
        self.wording = {
            self.pacing: Wording(
                "a request to host {key} to start", pause="the pause of host {key}"
            ),
            self.slots: Wording("a request to host {key} to end (--per-host)"),
        }

    def brings(self, source: Place[Any] | type[Any]) -> Sequence[Output]:
        """Puts the pacing token of a host seen for the first time, for a new URL or a redirected robots.txt."""
        make: Any = _redirected_host if source is Redirected else _host
        return [put_new(self.known, self.pacing, make, source)]

    def properties(self) -> Iterator[Any]:
        """Pauses, and requests to a host at a time."""
        from scraper_cpn.analysis import at_most, conserved, min_gap

        requests = requests_of(self.net)
        yield conserved(
            self.pacing.name,
            minus=self.known.name,
            by="host",
            claim="G2 a host has one pacing token",
        )
        yield min_gap(
            self.pacing.name,
            *requests,
            at_least=lambda _: self._delay_ns,
            claim="G2 starts to a host are its delay apart",
        )
        yield at_most(
            self._most, in_flight=requests, by="host", claim="G2 requests to a host at a time"
        )


def hosts_of(net: Net, settings: Settings) -> list[Hosts]:
    """The limits of hosts, if the user has given any."""
    limited = settings.per_host is not None or settings.host_delay_ns > 0
    return [Hosts(net, settings)] if limited else []


def _host(request: Target | RobotsJob | SitemapJob | FileJob) -> Host:
    """The pacing token that a request needs."""
    return Host(request.host)


def _redirected_host(redirected: Redirected) -> Host:
    """The pacing token that the next hop of a robots.txt needs."""
    return Host(host_of(redirected.url))
