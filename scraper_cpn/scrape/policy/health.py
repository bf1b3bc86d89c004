"""Domains that don't answer, or answer with nothing but refusals: when they are left alone, and when given up.

Owns: what counts as no answer, how requests without an answer and refusals add up, and the verdict.
Must not know: the net, clocks. Long is the sum of the pauses that a domain has been given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    Domain,
    Failed,
    Failure,
    FileJob,
    GivenUp,
    Hold,
    Penalty,
    RobotsJob,
    Rules,
    SitemapJob,
    Target,
)
from scraper_cpn.scrape.policy.pauses import backoff_ns
from scraper_cpn.scrape.robots import unreachable_rules
from scraper_cpn.scrape.settings import SECOND, Settings

PROBES_MAX = 6
"""The number of pauses of a dead domain before it is given up."""
SILENT = frozenset({"timeout", "connect", "dns", "tls", "dropped"})
"""The kinds of failures that mean no answer. A failure of a proxy is no evidence about a domain."""
_FIRST_PAUSE = 4
"""The first pause of a dead domain is the back-off after so many failures: eight times the first one."""


class Pace(Protocol):
    """The part of a domain's pace that matters here."""

    def slots(self, domain: str) -> int:
        """Requests to a domain at a time."""

    def hold_ns(self, domain: Domain, penalty: Penalty) -> int:
        """How long a penalty holds the domain, from now."""


@dataclass(frozen=True)
class HealthPolicy:
    """Counts requests without an answer, and the time that a domain refuses."""

    settings: Settings
    pace: Pace

    # What a request says about its domain.

    def failed(
        self, work: Target | RobotsJob | SitemapJob | FileJob, domain: Domain, failed: Failed
    ) -> Penalty | None:
        """The sign of a request that failed: with an answer, or without one."""
        if failed.status is not None:
            return self.answered(domain)
        if not self.settings.dead_after or failed.kind not in SILENT:
            return None
        return Penalty(work.domain, 0, sign="silent")

    def answered(self, domain: Domain) -> Penalty | None:
        """The sign of an answer after requests without one. *domain* is as it was when the request started."""
        return Penalty(domain.domain, 0, sign="answered") if domain.silent else None

    # How the signs add up.

    def heard(self, domain: Domain, penalty: Penalty) -> Domain:
        """The pacing token after a request without an answer, or after an answer."""
        if penalty.sign == "answered":
            return replace(domain, silent=0, probes=0)
        domain = replace(domain, silent=domain.silent + 1)
        if domain.silent < self.settings.dead_after or self._is_same_incident(domain):
            return domain
        return replace(domain, probes=domain.probes + 1, calm=0)

    def silence_ns(self, domain: Domain) -> int:
        """The pause after one more request without an answer: none until the domain counts as dead."""
        if domain.silent + 1 < self.settings.dead_after or self._is_same_incident(domain):
            return 0
        return backoff_ns(self.settings, domain.probes + _FIRST_PAUSE, domain.domain)

    def throttled(self, domain: Domain, hold_ns: int) -> Domain:
        """The pacing token after a refusal that holds it for a time. An answer in between begins a new series."""
        if self.settings.refusing_max_ns is None:
            return domain
        if domain.throttled_ns and domain.calm == 0:
            return domain  # of a request that ran together with one that was refused
        before_ns = 0 if domain.calm > self.pace.slots(domain.domain) else domain.throttled_ns
        return replace(domain, throttled_ns=before_ns + max(hold_ns, domain.delay_ns), calm=0)

    # The end.

    def verdict(self, domain: Domain, penalty: Penalty) -> GivenUp | None:
        """Whether a domain is given up at a penalty; *domain* is its token before."""
        if penalty.sign == "silent":
            return self._dead(domain, penalty)
        if penalty.sign == "throttled" and not penalty.delay_ns:
            return self._refusing(domain, penalty)
        return None

    def hold(self, domain: Domain, penalty: Penalty) -> Hold | None:
        """The row about a pause: of each refusal, and of a dead domain."""
        if (
            penalty.sign in ("answered", "paced")
            or penalty.delay_ns
            or self.verdict(domain, penalty)
        ):
            return None
        wait_ns = self.pace.hold_ns(domain, penalty)
        if penalty.sign == "silent":
            return Hold(domain.domain, wait_ns, "no answer") if wait_ns else None
        if penalty.sign == "crowded":
            return Hold(domain.domain, wait_ns, "its pages wait to be parsed")
        return Hold(domain.domain, wait_ns, "it asked for a pause")

    def ending(self, target: Target, given_up: GivenUp) -> Failure:
        """The final row of a URL whose domain was given up."""
        return Failure(
            target=target, kind="given up", reason=given_up.reason, retry=True, final=True
        )

    def rules(self, job: RobotsJob, given_up: GivenUp) -> Rules:
        """The rules of an origin whose robots.txt is not asked for any more."""
        return unreachable_rules(job.origin, given_up.reason, job.home)

    def _dead(self, domain: Domain, penalty: Penalty) -> GivenUp | None:
        after = self.heard(domain, penalty)
        if after.probes <= PROBES_MAX:
            return None
        return GivenUp(domain.domain, f"{after.silent} requests in a row had no answer")

    def _refusing(self, domain: Domain, penalty: Penalty) -> GivenUp | None:
        most_ns, wait_ns = self.settings.retry_after_max_ns, penalty.wait_ns or 0
        if most_ns is not None and wait_ns > most_ns:
            asked, most = wait_ns // SECOND, most_ns // SECOND
            reason = f"it asked for a pause of {asked} s; --retry-after-max is {most} s"
            return GivenUp(domain.domain, reason)
        limit_ns = self.settings.refusing_max_ns
        ongoing = 0 < domain.calm <= self.pace.slots(domain.domain)
        if limit_ns is None or not ongoing or domain.throttled_ns < limit_ns:
            return None
        lasted = domain.throttled_ns // SECOND
        return GivenUp(domain.domain, f"it has refused all requests for {lasted} s")

    def _is_same_incident(self, domain: Domain) -> bool:
        """Whether no request has started since the last pause: what fails now ran together with what failed."""
        return domain.probes > 0 and domain.calm == 0


def is_in_trouble(domain: Domain) -> bool:
    """Whether the requests that start in a domain are counted."""
    return bool(domain.strikes or domain.probes or domain.throttled_ns)
