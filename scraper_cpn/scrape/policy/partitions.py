"""How a crawl is divided into partitions: by the domain that paces a request.

Owns: which domain each token belongs to, what of a page's links goes where, and what can't be divided.
Must not know: the net, how many machines there are, how tokens cross.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    Checked,
    Extracted,
    Failure,
    Found,
    Maps,
    Parsed,
    Penalty,
    Raw,
    RobotsJob,
    Rules,
    SitemapJob,
    StopAt,
    StopRequest,
    Target,
)
from scraper_cpn.scrape.policy.domains import DomainPolicy
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import domain_of

UNDIVIDED: dict[str, Callable[[Settings], object]] = {
    "--max-items": lambda s: s.max_items is not None,
    "--dedupe content": lambda s: s.dedupe == "content",
    "--proxy-for, --ban-status or a program's banned": lambda s: s.has_routes,
    "--address-delay or --per-address": lambda s: s.has_addresses,
    "--shares": lambda s: s.shares,
    "--since": lambda s: s.since is not None,
    "--files": lambda s: s.files,
    "sessions": lambda s: s.sessions is not None,
    "a login": lambda s: s.login is not None,
}
"""What counts over all domains in a way that can't be divided, with the settings that ask for it."""


@dataclass(frozen=True)
class PartitionPolicy:
    """Where the tokens of a crawl belong that is divided into *partitions*."""

    settings: Settings
    partitions: int

    def undivided(self) -> list[str]:
        """The options of the crawl that can't be divided."""
        return [name for name, asks in UNDIVIDED.items() if asks(self.settings)]

    def tells(self) -> dict[str, Callable[[Any], Hashable]]:
        """The keys of tokens that tell the domain."""
        return {
            "origin": self.of_origin,
            "host": self.of_host,
            "url": self.of_page,
            "identity": self.of_page,
            "page": self.of_page,
        }

    def of_origin(self, origin: str) -> str:
        """The domain of an origin."""
        return domain_of(origin, self.settings.limit_by)

    def of_host(self, host: str) -> str:
        """The domain of a host."""
        return domain_of(f"http://{host}", self.settings.limit_by)

    def of_page(self, identity: str) -> str:
        """The domain of the page that a target's identity names: a URL, or a method, a URL and more."""
        is_url = identity.startswith(("http://", "https://"))
        return domain_of(identity if is_url else identity.split(" ")[1], self.settings.limit_by)

    def of_hop(self, found: Found) -> str:
        """The domain of the page whose redirect is followed."""
        return self.of_page(found.page)

    # Links, each to the partition of its domain.

    def links_by_domain(self, found: Found) -> list[Found]:
        """The links of a page, those of each domain for themselves, in their order."""
        if len({each.domain for each in _all_of(found)}) == 1:
            return [found]
        return [
            replace(
                found,
                targets=_of(domain, found.targets),
                requests=_of(domain, found.requests),
                trapped=_of(domain, found.trapped),
            )
            for domain in dict.fromkeys(each.domain for each in _all_of(found))
        ]

    def maps_by_domain(self, maps: Maps) -> list[Maps]:
        """The same of sitemaps."""
        jobs: dict[str, list[SitemapJob]] = {}
        for job in maps.jobs:
            jobs.setdefault(job.domain, []).append(job)
        return [Maps(tuple(each)) for each in jobs.values()]

    # A stop, to all partitions.

    def stops(self, parsed: Parsed) -> list[StopAt]:
        """The request of a handler that no partition starts more requests."""
        return [StopAt(n, parsed.stop) for n in range(self.partitions)] if parsed.stop else []

    def stop(self, stop: StopAt) -> StopRequest:
        """The same, where it has arrived."""
        return StopRequest(stop.reason)

    # robots.txt, which may redirect to another domain and back.

    def rules(self, job: RobotsJob, rules: Rules) -> Rules:
        """The rules that were fetched."""
        del job
        return rules

    def slower(self, rules: Rules) -> Penalty | None:
        """The penalty for a Crawl-delay that was fetched in another domain."""
        domain = rules.home or self.of_origin(rules.origin)
        job = RobotsJob(origin=rules.origin, url=rules.origin, domain="", home=domain)
        return DomainPolicy(self.settings).slower(job, rules)


def here(make: Callable[..., Any]) -> Callable[..., Any]:
    """What *make* makes of a robots.txt that was asked for in the domain of its origin; of another, nothing."""

    @wraps(make)
    def made(job: RobotsJob, *others: Any) -> Any:
        return make(job, *others) if job.domain == job.home else None

    return made


def away(make: Callable[..., Any]) -> Callable[..., Any]:
    """What *make* makes of a robots.txt that was asked for in another domain than that of its origin."""

    @wraps(make)
    def made(job: RobotsJob, *others: Any) -> Any:
        return None if job.domain == job.home else make(job, *others)

    return made


def staying(make: Callable[..., RobotsJob | None]) -> Callable[..., RobotsJob | None]:
    """The next job that *make* makes, if it is in the same domain."""

    @wraps(make)
    def made(job: RobotsJob, *others: Any) -> RobotsJob | None:
        following = make(job, *others)
        return following if following and following.domain == job.domain else None

    return made


def leaving(make: Callable[..., RobotsJob | None]) -> Callable[..., RobotsJob | None]:
    """The next job that *make* makes, if it is in another domain."""

    @wraps(make)
    def made(job: RobotsJob, *others: Any) -> RobotsJob | None:
        following = make(job, *others)
        return following if following and following.domain != job.domain else None

    return made


def domain_of_links(found: Found) -> str:
    """The domain of links that are all of one."""
    return next(iter(_all_of(found))).domain


def domain_of_maps(maps: Maps) -> str:
    """The domain of sitemaps that are all of one."""
    return maps.jobs[0].domain


def domain_of_page(page: Raw | Extracted | Checked | Failure) -> str:
    """The domain of a page on its way to the output, or of a failed attempt."""
    return page.target.domain


def _all_of(found: Found) -> tuple[Target, ...]:
    return (*found.targets, *found.requests, *found.trapped)


def _of(domain: str, targets: Iterable[Target]) -> tuple[Target, ...]:
    return tuple(target for target in targets if target.domain == domain)
