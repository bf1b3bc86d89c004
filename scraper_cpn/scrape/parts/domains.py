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
from scraper_cpn.scrape.colours import Domain, Penalty, Redirected, Rules, Throttled
from scraper_cpn.scrape.parts.health import Health
from scraper_cpn.scrape.parts.promises import asked_delay_ns, asked_slots, pages_of, requests_of
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
        from scraper_cpn.analysis import (
            at_most,
            conserved,
            end,
            every,
            fire,
            min_gap,
            never,
            paused,
            start,
        )

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
        if settings.robots == "obey":
            claim = "G2 a Crawl-delay becomes the domain's pause"
            yield every(end("get_robots"), self._asks_to_slow, claim=claim)
            yield every(fire(self.penalise.name), self._is_slow_enough, claim=claim)
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
        by_url = pages_of(self.net) if settings.backoff_scope == "url" else ()
        holding = [name for name in requests if name not in by_url]
        if holding:
            yield every(
                end(*holding),
                self._is_held,
                claim="G2 a refusal holds its domain as long as it asks",
            )
        yield at_most(
            lambda domain: asked_slots(settings, domain),
            in_flight=requests,
            by="domain",
            claim="G2 requests to a domain at a time",
        )

    def _is_held(self, seen: Any) -> bool:
        """Whether a refusal puts the penalty of its domain, unless it refuses the proxy."""
        outcome = seen.outcome
        if not isinstance(outcome, Throttled) or outcome.status in self.p.settings.ban_status:
            return True
        domain, least_ns = seen[self.pacing.name].domain, outcome.wait_ns or 0
        return any(
            (each.domain, each.sign) == (domain, "throttled") and (each.wait_ns or 0) >= least_ns
            for each in seen.puts(self.penalties.name)
        )

    def _is_slow_enough(self, seen: Any) -> bool:
        """Whether a penalty leaves a domain at least as slow as it was, and as it says."""
        least_ns = max(seen[self.pacing.name].delay_ns, seen[self.penalties.name].delay_ns)
        return all(each.delay_ns >= least_ns for each in seen.puts(self.pacing.name))

    def _asks_to_slow(self, seen: Any) -> bool:
        """Whether a Crawl-delay that is longer than the user's own, and not too long, is put into a penalty."""
        rules, settings = seen.outcome, self.p.settings
        if not isinstance(rules, Rules) or not rules.crawl_delay_ns:
            return True
        asked_ns = rules.crawl_delay_ns
        if not asked_delay_ns(settings, rules.home) < asked_ns <= settings.crawl_delay_max_ns:
            return True
        return any(
            (each.domain, each.delay_ns) == (rules.home, asked_ns)
            for each in seen.puts(self.penalties.name)
        )
