"""Hours of single domains: which domains have any, and what follows when the known ones have passed.

Owns: the tokens of domains without hours, and the verdict at the end.
Must not know: the net, clocks, calendars.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from scraper_cpn.scrape.colours import (
    DomainWindow,
    FileJob,
    GivenUp,
    Redirected,
    RobotsJob,
    SitemapJob,
    Target,
)
from scraper_cpn.scrape.settings import Hours, Settings
from scraper_cpn.scrape.urls import domain_of


@dataclass(frozen=True)
class HoursPolicy:
    """The hours of domains (`hours` in a `[[domain]]` table)."""

    settings: Settings

    @cached_property
    def of_domains(self) -> dict[str, Hours]:
        """The hours of each domain that has any."""
        return {site.name: site.hours for site in self.settings.sites if site.hours is not None}

    def any_time(self, request: Target | RobotsJob | SitemapJob | FileJob) -> DomainWindow | None:
        """The window without end of a domain that has no hours."""
        return self._of(request.domain)

    def hop_any_time(self, redirect: Redirected) -> DomainWindow | None:
        """As `any_time`, for the next hop of a robots.txt."""
        return self._of(domain_of(redirect.url, self.settings.limit_by))

    def over(self, window: DomainWindow) -> GivenUp | None:
        """The verdict when the last window that is known has closed."""
        if not window.last:
            return None
        return GivenUp(window.domain, "the windows of its hours that the crawl knew have passed")

    def _of(self, domain: str) -> DomainWindow | None:
        return None if domain in self.of_domains else DomainWindow(domain)
