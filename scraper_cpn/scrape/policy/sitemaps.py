"""Sitemaps: where they are, in which order they are read, and what their URLs become.

Owns: the jobs that read sitemaps, and the links of those that were read.
Must not know: the net, the formats of sitemaps (`scrape/sitemaps.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    Clearance,
    Denied,
    Failure,
    Found,
    GivenUp,
    Link,
    Mapped,
    Maps,
    MapSite,
    Redirected,
    Rules,
    SitemapJob,
    Target,
    Throttled,
)
from scraper_cpn.scrape.policy.frontier import FrontierPolicy
from scraper_cpn.scrape.policy.pauses import backoff_ns
from scraper_cpn.scrape.policy.retries import is_unsent, next_attempt, was_last
from scraper_cpn.scrape.policy.robots import RobotsPolicy
from scraper_cpn.scrape.policy.routes import is_ban
from scraper_cpn.scrape.policy.stages import plain_map
from scraper_cpn.scrape.robots import sitemaps_in
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import domain_of, host_of, pace_of

AUTO = "auto"
"""Sitemaps are looked for where sites say that they are, or usually have them."""
WELL_KNOWN = ("/sitemap.xml", "/sitemap_index.xml")
"""Where a sitemap is looked for if robots.txt names none."""
NESTED_MAX = 3
"""Indexes in indexes: sitemaps.org has none, some sites have one."""
_FIRST_MAX = 10
"""So many of the sitemaps that a robots.txt names are read before pages: some name a thousand."""
_LINKS_AT_ONCE = 500
"""URLs that are admitted in one step."""


@dataclass(frozen=True)
class SitemapPolicy:
    """Which sitemaps are read, and when."""

    settings: Settings
    frontier: FrontierPolicy
    robots: RobotsPolicy

    # Where they are.

    @property
    def is_auto(self) -> bool:
        """Whether they are looked for."""
        return AUTO in self.settings.sitemaps

    def given(self) -> Maps:
        """The sitemaps that the user named."""
        urls = [url for url in self.settings.sitemaps if url != AUTO]
        return Maps(tuple(self._job(url, self.frontier.site_of(url)) for url in urls))

    def sites(self, found: Found) -> tuple[MapSite, ...]:
        """The origins of new URLs whose sitemaps are looked for: those in scope."""
        inside = self.frontier.inside
        origins = {each.origin: each for each in found.targets if inside(each.url, each.site)}
        return tuple(MapSite(name, each.site) for name, each in origins.items())

    def named(self, site: MapSite, rules: Rules) -> Maps:
        """The sitemaps that a robots.txt names, or else the well-known places."""
        urls = sitemaps_in(rules.text, _root(site.origin))
        if not urls:
            return self.well_known(site)
        return Maps(
            tuple(
                self._job(url, site.site, first=number < _FIRST_MAX)
                for number, url in enumerate(urls)
            )
        )

    def well_known(self, site: MapSite) -> Maps:
        """The usual places."""
        root = _root(site.origin)
        return Maps(tuple(self._job(f"{root}{path}", site.site, guess=True) for path in WELL_KNOWN))

    def jobs(self, maps: Maps) -> tuple[SitemapJob, ...]:
        """The jobs that read sitemaps."""
        return maps.jobs

    def _job(self, url: str, site: str, **more: Any) -> SitemapJob:
        domain, origin = pace_of(url, self.settings.limit_by)
        return SitemapJob(url=url, domain=domain, origin=origin, site=site, **more)

    def clearance(self, job: SitemapJob, rules: Rules) -> Clearance:
        """Whether robots.txt allows a sitemap."""
        return self.robots.clearance(self.page(job), rules)

    # In which order they are read.

    def at_once(self, job: SitemapJob) -> SitemapJob | None:
        """A sitemap that is read before pages: one that a site names, and the newest of an index."""
        return plain_map(job) if job.first else None

    def later(self, job: SitemapJob) -> SitemapJob | None:
        """Any other is read when no page of its domain waits, so that URLs don't pile up."""
        return None if job.first else plain_map(job)

    # What they become.

    def page(self, job: SitemapJob) -> Target:
        """The page that the URLs of a sitemap count as links of."""
        return self.frontier.target(
            job.url, site=job.site, requested_url=job.url, attempt=job.attempt, hops=job.hops
        )

    def targets(self, job: SitemapJob, urls: Iterable[str], at_ns: int) -> tuple[Target, ...]:
        """The targets of the URLs of a sitemap that arrived at *at_ns*: those that a link may lead to."""
        return self.frontier.discover(self.page(job), map(Link, urls), at_ns)

    def links(self, job: SitemapJob, mapped: Mapped) -> list[Found]:
        """The URLs of a sitemap, in pieces."""
        del job
        depths, targets = self.frontier.depths, mapped.targets
        pieces = [
            targets[start : start + _LINKS_AT_ONCE]
            for start in range(0, len(targets), _LINKS_AT_ONCE)
        ]
        return [self.frontier.without_traps(Found(depths.near(piece))) for piece in pieces]

    def nested(self, job: SitemapJob, mapped: Mapped) -> Maps | None:
        """The sitemaps of an index: those on its host or in scope, as any site could name those of others."""
        if not mapped.sitemaps or job.nesting >= NESTED_MAX:
            return None
        return Maps(
            tuple(
                self._job(url, job.site, nesting=job.nesting + 1, first=job.first and not number)
                for number, url in enumerate(self._own(job, mapped))
            )
        )

    def _own(self, job: SitemapJob, mapped: Mapped) -> list[str]:
        inside, host = self.frontier.inside, job.host
        return [url for url in mapped.sitemaps if host_of(url) == host or inside(url, job.site)]

    def hop(self, job: SitemapJob, redirect: Redirected) -> Maps | None:
        """The next hop of a sitemap that is redirected."""
        if job.hops >= self.settings.max_redirects or not self._may_lead(job, redirect):
            return None
        domain, origin = pace_of(redirect.url, self.settings.limit_by)
        there = replace(
            plain_map(job), url=redirect.url, domain=domain, origin=origin, hops=job.hops + 1
        )
        return Maps((there,))

    def again(self, job: SitemapJob, outcome: object) -> SitemapJob | None:
        """The next attempt; None after the last one."""
        if self._is_over(job, outcome):
            return None
        job = plain_map(job)
        return next_attempt(job, outcome)

    def again_at_once(self, job: SitemapJob, outcome: object) -> SitemapJob | None:
        """As `again`, for one that is read before pages."""
        return self.again(job, outcome) if job.first else None

    def again_later(self, job: SitemapJob, outcome: object) -> SitemapJob | None:
        """As `again`, for any other."""
        return None if job.first else self.again(job, outcome)

    def wait_ns(self, job: SitemapJob, outcome: object) -> int:
        """How long the next attempt waits, in addition to its domain's pause."""
        if isinstance(outcome, Throttled) and outcome.wait_ns is not None:
            return outcome.wait_ns
        return 0 if is_unsent(outcome) else backoff_ns(self.settings, job.attempt, job.url)

    def _is_over(self, job: SitemapJob, outcome: object) -> bool:
        last = was_last(self.settings, job, outcome)
        refused = is_ban(self.settings, job, getattr(outcome, "status", None))
        return last or not (refused or getattr(outcome, "retry", True))

    # What is reported.

    def remarks(self, job: SitemapJob, mapped: Mapped) -> Iterator[Failure]:
        """The rows about what is wrong with a sitemap; a guess that is none at all is no mistake."""
        if not (job.guess and not mapped.targets and not mapped.sitemaps):
            for trouble in mapped.troubles:
                yield self._row(job, trouble)
        if mapped.sitemaps and job.nesting >= NESTED_MAX:
            yield self._row(job, f"its {len(mapped.sitemaps):,} sitemaps are nested too deeply")
        elif others := len(mapped.sitemaps) - len(self._own(job, mapped)):
            yield self._row(job, f"{others:,} of its sitemaps are on hosts out of scope")

    def _may_lead(self, job: SitemapJob, redirect: Redirected) -> bool:
        """Whether a redirect stays in the scope, or on the registrable domain that was named."""
        own = domain_of(job.url, "domain") == domain_of(redirect.url, "domain")
        return own or self.frontier.inside(redirect.url, job.site)

    def strayed(self, job: SitemapJob, redirect: Redirected) -> Failure | None:
        """The row of a sitemap that redirects too often, to itself, or out of scope; a guess that does is just not there."""
        if redirect.url == job.url:
            return self._row(job, "redirects in a circle, back to itself", redirect.status)
        if not self._may_lead(job, redirect):
            reason = f"redirects out of scope, to {redirect.url}"
            return None if job.guess else self._row(job, reason, redirect.status)
        if job.hops < self.settings.max_redirects:
            return None
        return self._row(job, f"more than {self.settings.max_redirects} redirects", redirect.status)

    def denied(self, job: SitemapJob, denied: Denied) -> Failure | None:
        """The row of a sitemap that robots.txt forbids."""
        return None if job.guess else self._row(job, denied.reason)

    def failed(self, job: SitemapJob, outcome: object) -> Failure | None:
        """The row of an attempt that failed; a guess that is not there is no failure."""
        status = getattr(outcome, "status", None)
        if not self._is_over(job, outcome):
            return Failure(
                target=self.page(job),
                kind=getattr(outcome, "kind", "lost"),
                reason=_said(outcome),
                status=status,
                retry=True,
            )
        if job.guess and getattr(outcome, "kind", "") == "http":
            return None
        return self._row(job, _said(outcome), status)

    def given_up(self, job: SitemapJob, given_up: GivenUp) -> Failure | None:
        """The row of a sitemap whose domain was given up."""
        return None if job.guess else self._row(job, given_up.reason)

    def _row(self, job: SitemapJob, reason: str, status: int | None = None) -> Failure:
        return Failure(target=self.page(job), kind="sitemap", reason=reason, status=status)


def _said(outcome: object) -> str:
    """The reason of an outcome, in one line."""
    return getattr(outcome, "reason", "") or f"HTTP {getattr(outcome, 'status', '')}"


def _root(origin: str) -> str:
    """An origin as URLs begin with it: without the port that its scheme has."""
    return origin.removesuffix(":443" if origin.startswith("https:") else ":80")
