"""The scraper's decisions as pure functions of colours: one policy for each part of the net.

Owns: `Policy`, all decisions of one crawl. The net uses these functions on its arcs; a scheduler written by
hand calls them directly.
Must not know: the net, the shell, clocks. All randomness is a hash of the seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from scraper_cpn.scrape.colours import Link, url_of
from scraper_cpn.scrape.policy.addresses import AddressPolicy
from scraper_cpn.scrape.policy.domains import DomainPolicy
from scraper_cpn.scrape.policy.files import FilePolicy
from scraper_cpn.scrape.policy.frontier import FrontierPolicy
from scraper_cpn.scrape.policy.hours import HoursPolicy
from scraper_cpn.scrape.policy.pipeline import PipelinePolicy
from scraper_cpn.scrape.policy.proxies import ProxyPolicy
from scraper_cpn.scrape.policy.requests import RequestPolicy
from scraper_cpn.scrape.policy.retries import RetryPolicy
from scraper_cpn.scrape.policy.robots import RobotsPolicy
from scraper_cpn.scrape.policy.routes import RoutePolicy
from scraper_cpn.scrape.policy.sessions import SessionPolicy
from scraper_cpn.scrape.policy.shares import SharePolicy
from scraper_cpn.scrape.policy.silence import SilencePolicy
from scraper_cpn.scrape.policy.sitemaps import SitemapPolicy
from scraper_cpn.scrape.policy.volume import VolumePolicy
from scraper_cpn.scrape.settings import Settings

VERSION = "18"
"""Changes whenever a decision changes: a state that an older version wrote is then refused."""


@dataclass(frozen=True)
class Policy:
    """The decisions of one crawl, grouped by part of the net."""

    settings: Settings
    sites: tuple[str, ...] = ()
    """The sites of the seeds: domains or hosts, as the scope compares them."""
    resumable: bool = True
    """Whether a state keeps the crawl, so that what it leaves may wait there."""
    remembers: bool = False
    """Whether a state keeps what tells if a page has changed, for a later crawl."""

    @cached_property
    def frontier(self) -> FrontierPolicy:
        """What is in scope, and which URL goes first."""
        return FrontierPolicy(self.settings, self.sites)

    @cached_property
    def domains(self) -> DomainPolicy:
        """The pace of domains."""
        return DomainPolicy(self.settings)

    @cached_property
    def proxies(self) -> ProxyPolicy:
        """The pace of proxies."""
        return ProxyPolicy(self.settings)

    @cached_property
    def addresses(self) -> AddressPolicy:
        """The addresses of hosts."""
        return AddressPolicy(self.settings)

    @cached_property
    def hours(self) -> HoursPolicy:
        """The hours of single domains."""
        return HoursPolicy(self.settings)

    @cached_property
    def silence(self) -> SilencePolicy:
        """Hosts that don't answer."""
        return SilencePolicy(self.settings)

    @cached_property
    def routes(self) -> RoutePolicy:
        """Which proxy a request goes through."""
        return RoutePolicy(self.settings)

    @cached_property
    def sessions(self) -> SessionPolicy:
        """The pool of sessions."""
        return SessionPolicy(self.settings)

    @cached_property
    def shares(self) -> SharePolicy:
        """The shares of levels."""
        return SharePolicy(self.settings)

    @cached_property
    def volume(self) -> VolumePolicy:
        """How much is fetched."""
        return VolumePolicy(self.settings)

    @cached_property
    def robots(self) -> RobotsPolicy:
        """robots.txt."""
        return RobotsPolicy(self.settings, self.frontier)

    @cached_property
    def sitemaps(self) -> SitemapPolicy:
        """Sitemaps."""
        return SitemapPolicy(self.settings, self.frontier, self.robots)

    @cached_property
    def files(self) -> FilePolicy:
        """The files that items name."""
        return FilePolicy(self.settings, self.frontier, self.robots)

    @cached_property
    def requests(self) -> RequestPolicy:
        """What happens after a request."""
        return RequestPolicy(self.settings, self.frontier, self.remembers)

    @cached_property
    def retries(self) -> RetryPolicy:
        """Whether there is another attempt."""
        return RetryPolicy(self.settings)

    @cached_property
    def pipeline(self) -> PipelinePolicy:
        """What happens to a page."""
        return PipelinePolicy(self.requests)


def sites_of(settings: Settings, seeds: Sequence[str | Link]) -> tuple[str, ...]:
    """The sites of seeds, as the scope compares them with links."""
    frontier = FrontierPolicy(settings)
    return tuple(dict.fromkeys(frontier.site_of(url_of(seed)) for seed in seeds))


def first_policy(settings: Settings, seeds: Sequence[str | Link], *, fed: bool) -> Policy:
    """The policy of a crawl that begins. If it is *fed* with more seeds later, the sites are not known yet."""
    return Policy(settings, () if fed else sites_of(settings, seeds), resumable=False)
