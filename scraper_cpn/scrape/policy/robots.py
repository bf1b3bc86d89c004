"""robots.txt (RFC 9309): when it is fetched, how often, and what it allows.

Owns: the jobs that fetch a robots.txt, the rules if there is none, the verdict on a target.
Must not know: the net, how a file is read (`scrape/robots.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    LOST,
    Allowed,
    Clearance,
    Denied,
    Failure,
    FileJob,
    Redirected,
    RobotsJob,
    Rules,
    SitemapJob,
    Target,
    Throttled,
)
from scraper_cpn.scrape.policy.frontier import FrontierPolicy
from scraper_cpn.scrape.policy.pauses import backoff_ns
from scraper_cpn.scrape.policy.retries import is_lost, is_unsent, next_attempt, was_last
from scraper_cpn.scrape.policy.stages import plain_job
from scraper_cpn.scrape.robots import allowed, too_many_hops_rules, unreachable_rules
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.urls import domain_of, normalise

ROBOTS_HOPS_MAX = 5
"""RFC 9309 section 2.3.1.2."""
_ORIGINS_REMEMBERED = 65_536


@dataclass(frozen=True)
class RobotsPolicy:
    """When a robots.txt is fetched, and what it allows."""

    settings: Settings
    frontier: FrontierPolicy

    def robots_job(self, target: Target | SitemapJob | FileJob) -> RobotsJob:
        """The robots.txt that a target needs."""
        origin, home = target.origin, target.domain
        return RobotsJob(origin=origin, url=_robots_url(origin), domain=home, home=home)

    def clearance(self, target: Target, rules: Rules) -> Clearance:
        """Whether robots.txt allows a target."""
        delay_ns, most_ns = rules.crawl_delay_ns or 0, self.settings.crawl_delay_max_ns
        if delay_ns > most_ns:
            asked, most = delay_ns // SECOND, most_ns // SECOND
            return Denied(f"Crawl-delay is {asked} s; --crawl-delay-max is {most} s", "slow")
        if allowed(rules.text, self.settings.robots_name, target.url):
            return Allowed()
        return Denied(rules.reason, rules.kind)

    def denied(self, target: Target, denied: Denied) -> Failure:
        """The final row of a URL that robots.txt forbids."""
        return Failure(target=target, kind=denied.kind, reason=denied.reason, final=True)

    def robots_hop(self, job: RobotsJob, redirect: Redirected) -> RobotsJob | None:
        """The next hop of a redirected robots.txt, which waits for its turn in its own domain."""
        if job.hops >= ROBOTS_HOPS_MAX:
            return None
        domain = domain_of(redirect.url, self.settings.limit_by)
        return replace(plain_job(job), url=redirect.url, domain=domain, hops=job.hops + 1)

    def rules_after_too_many_redirects(self, job: RobotsJob) -> Rules | None:
        """The rules after too many hops: the file counts as unavailable, and everything is allowed."""
        if job.hops < ROBOTS_HOPS_MAX:
            return None
        return too_many_hops_rules(job.origin, job.home)

    def robots_again(self, job: RobotsJob, outcome: object) -> RobotsJob | None:
        """The next attempt, from the first hop; None after the last attempt."""
        if self._robots_over(job, outcome):
            return None
        again = next_attempt(plain_job(job), outcome)
        if is_unsent(outcome):
            return again
        return replace(again, url=_robots_url(job.origin), domain=job.home, hops=0)

    def robots_wait_ns(self, job: RobotsJob, outcome: object) -> int:
        """How long the next attempt waits, in addition to its domain's pause."""
        if isinstance(outcome, Throttled) and outcome.wait_ns is not None:
            return outcome.wait_ns
        return 0 if is_unsent(outcome) else backoff_ns(self.settings, job.attempt, job.url)

    def robots_unreachable(self, job: RobotsJob, outcome: object) -> Rules | None:
        """The rules after the last attempt: complete disallow (RFC 9309 section 2.3.1.4)."""
        if not self._robots_over(job, outcome):
            return None
        kind = getattr(outcome, "kind", "")
        return unreachable_rules(job.origin, _said(outcome), job.home, kind)

    def robots_failure(self, job: RobotsJob, outcome: object) -> Failure:
        """The log's row of a failed attempt to fetch robots.txt; its URLs have rows of their own."""
        asked = _robots_url(job.origin)
        target = self.frontier.target(job.url, site="", requested_url=asked, attempt=job.attempt)
        kind = LOST if is_lost(outcome) else "unreachable"
        return Failure(target=target, kind=kind, reason=_said(outcome))

    def refresh(self, rules: Rules) -> RobotsJob:
        """The job that fetches a robots.txt again after a day (RFC 9309 section 2.4)."""
        home = rules.home or domain_of(rules.origin, self.settings.limit_by)
        url = _robots_url(rules.origin)
        return RobotsJob(origin=rules.origin, url=url, domain=home, home=home)

    def _robots_over(self, job: RobotsJob, outcome: object) -> bool:
        return was_last(self.settings, job, outcome) or not getattr(outcome, "retry", True)


def _said(outcome: object) -> str:
    """The reason of an outcome, in one line."""
    return getattr(outcome, "reason", "") or f"HTTP {getattr(outcome, 'status', '')}"


@lru_cache(_ORIGINS_REMEMBERED)
def _robots_url(origin: str) -> str:
    """The URL of an origin's robots.txt, without a default port."""
    return normalise(f"{origin}/robots.txt") or origin
