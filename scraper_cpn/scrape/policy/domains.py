"""The pace of a domain: its delay, its slots, and penalties that lengthen its pause.

Owns: the pacing tokens of domains and how they change.
Must not know: the net, clocks, how requests are made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    Domain,
    Fetched,
    FileJob,
    Penalty,
    Redirected,
    RobotsJob,
    Rules,
    SitemapJob,
    Target,
    Throttled,
)
from scraper_cpn.scrape.policy.health import HealthPolicy, is_in_trouble
from scraper_cpn.scrape.policy.pauses import backoff_ns, gap_after, settled_ns, strikes_after
from scraper_cpn.scrape.policy.routes import is_ban
from scraper_cpn.scrape.settings import SECOND, Settings, Site
from scraper_cpn.scrape.urls import domain_of

PACE_MAX_NS = 60 * SECOND
"""The slowest pace that `--adaptive` leads to."""
CROWDED_S_MAX = 60
"""The longest pause of a domain whose pages wait to be parsed."""


@dataclass(frozen=True)
class DomainPolicy:
    """How often requests to a domain may start, how many at a time, and what slows them down."""

    settings: Settings

    def domain(self, target: Target | RobotsJob | SitemapJob | FileJob) -> Domain:
        """The pacing token that a target needs."""
        return self._domains[target.domain]

    def robots_hop_domain(self, redirect: Redirected) -> Domain:
        """The pacing token that the next hop of a robots.txt needs."""
        return self._domain(domain_of(redirect.url, self.settings.limit_by))

    def slots(self, domain: str) -> int:
        """Requests to a domain at a time."""
        site = self._limits.get(domain)
        return (
            self.settings.per_domain if site is None or site.per_domain is None else site.per_domain
        )

    def delay_ns(self, domain: str) -> int:
        """The least time between two starts in a domain, by the user's settings."""
        site = self._limits.get(domain)
        return self.settings.delay_ns if site is None or site.delay_ns is None else site.delay_ns

    def paced(self, domain: Domain) -> Domain:
        """The pacing token after a start."""
        return replace(domain, calm=domain.calm + 1) if is_in_trouble(domain) else domain

    def gap_ns(self, domain: Domain) -> int:
        """The pause from one start to the next; a dead domain is asked once at a time, whatever its slots."""
        gap_ns = gap_after(max(domain.delay_ns, domain.pace_ns))
        if domain.probes and self.slots(domain.domain) > 1:
            return max(gap_ns, settled_ns(self.settings))
        return gap_ns

    # Penalties.

    def refusal(self, target: Target, throttled: Throttled) -> Penalty | None:
        """The penalty of a domain for a 429 or 503, unless that refuses the proxy alone."""
        if self.settings.backoff_scope == "url" or is_ban(self.settings, target, throttled.status):
            return None
        return Penalty(target.domain, throttled.wait_ns)

    def robots_refusal_penalty(
        self, job: RobotsJob | SitemapJob | FileJob, throttled: Throttled
    ) -> Penalty | None:
        """The penalty of a domain for a 429 or 503 in answer to a request for robots.txt, a sitemap or a file."""
        if is_ban(self.settings, job, throttled.status):
            return None
        return Penalty(job.domain, throttled.wait_ns)

    def slower(self, job: RobotsJob, rules: Rules) -> Penalty | None:
        """The penalty of a domain for a Crawl-delay, which lengthens the running pause and all later ones."""
        delay_ns = rules.crawl_delay_ns
        if delay_ns is None or delay_ns <= self.delay_ns(job.home):
            return None
        if delay_ns > self.settings.crawl_delay_max_ns:
            return None  # none of its pages is fetched
        # The pause began with the last start in the domain. That was this request's start, unless the
        # file was on another domain or other requests may have started since; then it began now at the latest.
        alone = job.domain == job.home and self.slots(job.home) == 1
        wait_ns = max(0, delay_ns - rules.elapsed_ns) if alone else delay_ns
        return Penalty(job.home, wait_ns, delay_ns)

    def adapted(self, domain: Domain, fetched: Fetched) -> Penalty | None:
        """The change of a domain's pace by the time that its server took, so that it works for us its share of the time.

        The pace is a mean of the last answers' times, and changes if that is a quarter away. *domain* is as it was
        when the request started.
        """
        assert self.settings.adaptive is not None
        response, old_ns = fetched.response, domain.pace_ns
        took_ns = response.wired.service_ns or response.elapsed_ns
        wanted_ns = min(int(took_ns / self.settings.adaptive), PACE_MAX_NS)
        new_ns = (old_ns + wanted_ns) // 2 if old_ns else wanted_ns
        if abs(new_ns - old_ns) <= old_ns // 4:
            return None
        wait_ns = max(0, new_ns - response.elapsed_ns) if new_ns > old_ns else 0
        return Penalty(domain.domain, wait_ns, sign="paced", pace_ns=new_ns)

    def crowded(self, domain: str, wait_s: float) -> Penalty:
        """The pause of a domain whose page has to wait so long to be parsed: it sends no more than can be parsed."""
        return Penalty(domain, int(min(wait_s, CROWDED_S_MAX) * SECOND), sign="crowded")

    def held(self, domain: Domain, penalty: Penalty) -> Domain:
        """The pacing token after a penalty; only a refusal without Retry-After is a strike."""
        if penalty.delay_ns:
            return replace(domain, delay_ns=max(domain.delay_ns, penalty.delay_ns))
        if penalty.sign == "paced":
            return replace(domain, pace_ns=penalty.pace_ns)
        if penalty.sign == "crowded":
            return domain
        if penalty.sign in ("silent", "answered"):
            return self.health.heard(domain, penalty)
        after = self.health.throttled(domain, self.hold_ns(domain, penalty))
        if penalty.wait_ns is not None:
            return after
        return replace(after, strikes=self._strikes(domain), calm=0)

    def hold_ns(self, domain: Domain, penalty: Penalty) -> int:
        """How long a penalty holds the domain, from now."""
        if penalty.sign == "silent":
            return self.health.silence_ns(domain)
        if penalty.wait_ns is not None:
            return penalty.wait_ns
        return backoff_ns(self.settings, self._strikes(domain), domain.domain)

    def _strikes(self, domain: Domain) -> int:
        return strikes_after(domain, self.slots(domain.domain))

    @cached_property
    def health(self) -> HealthPolicy:
        """Which domains are given up."""
        return HealthPolicy(self.settings, self)

    @cached_property
    def _limits(self) -> dict[str, Site]:
        return {site.name: site for site in self.settings.sites}

    def _domain(self, name: str) -> Domain:
        return Domain(name, self.delay_ns(name))

    @cached_property
    def _domains(self) -> _Domains:
        return _Domains(self._domain)


class _Domains(dict[str, Domain]):
    """The initial pacing tokens of domains, cached since every new URL needs one.

    The cache has as many entries as the net knows domains.
    """

    def __init__(self, make: Callable[[str], Domain]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> Domain:
        domain = self[name] = self._make(name)
        return domain
