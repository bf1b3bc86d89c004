"""Hosts that don't answer, while others of their domain do: when they are given up.

Owns: how requests without an answer add up for a host, and the verdict.
Must not know: the net, clocks, domains that are dead as a whole (`policy/health.py`).

If no host of a domain answers, that is the domain's trouble, or our own network's: the domain is asked with growing
pauses. A host is dead if it alone is silent.
"""

from __future__ import annotations

from dataclasses import dataclass

from scraper_cpn.scrape.colours import (
    DeadHost,
    Domain,
    Failed,
    Failure,
    FileJob,
    HostSign,
    HostSilence,
    Redirected,
    RobotsJob,
    Rules,
    SitemapJob,
    Target,
)
from scraper_cpn.scrape.policy.health import SILENT
from scraper_cpn.scrape.robots import unreachable_rules
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import host_of


@dataclass(frozen=True)
class SilencePolicy:
    """Which hosts are given up."""

    settings: Settings

    def new(self, request: Target | RobotsJob | SitemapJob | FileJob) -> HostSilence:
        """The count of a host that is new."""
        return HostSilence(request.host)

    def new_hop(self, redirect: Redirected) -> HostSilence:
        """The count of the host that the next hop of a robots.txt needs."""
        return HostSilence(host_of(redirect.url))

    def failed(self, host: HostSilence, domain: Domain, failed: Failed) -> HostSign | None:
        """The sign of a request that failed; the counts are those from its start."""
        if failed.status is not None:
            return self.answered(host)
        if failed.kind not in SILENT:
            return None
        return HostSign(host.host, answered=False, others=domain.silent < max(1, host.silent))

    def answered(self, host: HostSilence) -> HostSign | None:
        """The sign of an answer after requests without one."""
        return HostSign(host.host, answered=True) if host.silent else None

    def heard(self, host: HostSilence, sign: HostSign) -> HostSilence:
        """The count after a sign."""
        return HostSilence(host.host, 0 if sign.answered else host.silent + 1)

    def verdict(self, host: HostSilence, sign: HostSign) -> DeadHost | None:
        """Whether a host is given up at a sign."""
        silent = host.silent + 1
        if sign.answered or not sign.others or silent < self.settings.dead_host_after:
            return None
        reason = f"{silent} requests in a row to {host.host} had no answer, while other hosts of its domain answered"
        return DeadHost(host.host, reason)

    def ending(self, target: Target, dead: DeadHost) -> Failure:
        """The final row of a URL whose host was given up."""
        return Failure(target=target, kind="given up", reason=dead.reason, retry=True, final=True)

    def rules(self, job: RobotsJob, dead: DeadHost) -> Rules:
        """The rules of an origin whose robots.txt is not asked for any more."""
        return unreachable_rules(job.origin, dead.reason, job.home)
