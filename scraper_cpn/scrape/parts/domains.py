"""The limits of a domain: the pause between two requests, and how many at a time.

Owns: the pacing token of each domain, its slots, and the penalties that lengthen its pause.
Must not know: why a penalty was given.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from scraper_cpn.net import (
    Limit,
    Net,
    Output,
    Place,
    Wording,
    absent,
    hold,
    put,
    put_new,
    spend,
    take,
)
from scraper_cpn.scrape.colours import Domain, Penalty, Redirected
from scraper_cpn.scrape.parts.health import Health
from scraper_cpn.scrape.parts.promises import asked_delay_ns, asked_slots, requests_of
from scraper_cpn.scrape.policy.domains import DomainPolicy


class Domains(Limit):
    """One pacing token for each domain; a request spends it, and it returns when the pause is over."""

    def __init__(self, net: Net, p: DomainPolicy, health: Health) -> None:
        super().__init__(net, "domains")
        self.p = p
        self.pacing = self.place("domains", Domain, key="domain", timed=True)
        self.slots = self.counter("domain_slots", key="domain", start=p.slots)
        self.penalties = self.place("penalties", Penalty, key="domain", source=True)
        self.known = self.set("known_domains", Domain, key="domain")
        self.counts_by = ("domain",)
        self.still = [absent(self.penalties)]
        self.takes = [spend(self.pacing, p.paced, after_ns=p.gap_ns), hold(self.slots)]
        self.wording = {
            self.pacing: Wording("a request to {key} to start", pause="the pause of {key}"),
            self.slots: Wording("a request to {key} to end (--per-domain)"),
        }

        # A penalty has precedence: it takes the pacing token before a request can use it.
        self.penalise = self.transition(
            "penalise",
            [self.penalties, take(self.pacing, include_waiting=True)],
            outputs=[
                put(self.pacing, p.held, self.pacing, self.penalties, after_ns=p.hold_ns),
                *health.judged(self.pacing, self.penalties),
            ],
            priority=-1,
        )

    def brings(self, source: Place[Any] | type[Any]) -> Sequence[Output]:
        """Puts the pacing token of a domain seen for the first time, for a new URL or a redirected robots.txt."""
        make: Any = self.p.robots_hop_domain if source is Redirected else self.p.domain
        return [put_new(self.known, self.pacing, make, source)]

    def properties(self) -> Iterator[Any]:
        """Pauses, holds, and requests to a domain at a time."""
        from scraper_cpn.analysis import at_most, conserved, min_gap, never, paused, start

        settings, requests = self.p.settings, requests_of(self.net)
        yield conserved(
            self.pacing.name,
            minus=self.known.name,
            by="domain",
            claim="G2 a domain has one pacing token",
        )
        yield min_gap(
            self.pacing.name,
            *requests,
            at_least=lambda token: max(token.delay_ns, asked_delay_ns(settings, token.domain)),
            claim="G2 starts in a domain are its delay apart",
        )
        if settings.backoff_scope == "domain" or settings.robots == "obey":
            yield paused(
                self.penalise.name,
                self.pacing.name,
                at_least=lambda seen: seen[self.penalties.name].wait_ns or 0,
                claim="G2 a hold lasts as long as the server asks",
            )
            yield never(
                start(*requests),
                while_in=self.penalties.name,
                by="domain",
                claim="G2 no start before a hold is applied",
            )
        yield at_most(
            lambda domain: asked_slots(settings, domain),
            in_flight=requests,
            by="domain",
            claim="G2 requests to a domain at a time",
        )
