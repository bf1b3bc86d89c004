"""The frontier: which URLs enter, and in which order they leave.

Owns: the targets of seeds and links, the scope, the filters, the rank.
Must not know: the net, how a target is fetched. It reads no clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    AGED_TURN,
    TURN,
    Failure,
    Found,
    Link,
    RequestTarget,
    Target,
)
from scraper_cpn.scrape.policy import traps
from scraper_cpn.scrape.policy.depths import DepthPolicy
from scraper_cpn.scrape.policy.parameters import Parameters
from scraper_cpn.scrape.policy.sessions import place_of
from scraper_cpn.scrape.request import AGAIN, PLAIN, Request, first_visit
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import domain_of, host_of, pace_of, root_of, within

_ROOTS_REMEMBERED = 65_536
_RANKS_REMEMBERED = 4_096
_AT_ONCE = 2_000
_HEAD_START_MAX_NS = 1 << 62
"""The largest shift of a rank, 146 years, so that it fits 64 bits: levels farther from 0 count as equal."""


@dataclass(frozen=True)
class FrontierPolicy:
    """Which URLs are in scope, and in which order they are fetched."""

    settings: Settings
    sites: tuple[str, ...] = ()
    """The sites of the seeds: domains or hosts, as the scope compares them."""

    def seed(self, url: str | Link, now_ns: int = 0) -> Target:
        """The target of a URL (normalised) or link that a user gave, found at *now_ns*; 0: before all others."""
        link = Link(url) if isinstance(url, str) else url
        asked = self.asked(link.url)
        level = self.level(asked, link.priority)
        return self.target(
            asked,
            site=self.site_of(asked),
            requested_url=asked,
            priority=level,
            rank=self.rank(level, now_ns),
            handler=link.to,
            request=link.request or PLAIN,
        )

    def bad_seed(self, text: str, reason: str) -> Failure:
        """The row of the log for a line that is not a URL; *text* is the line, without secrets."""
        nowhere = Target(url=text, domain="", origin="", site="", requested_url=text)
        return Failure(target=nowhere, kind="seed", reason=reason, final=True)

    def site_of(self, url: str) -> str:
        """The part of a URL that the scope compares: the host, or the registrable domain."""
        return host_of(url) if self.settings.scope == "host" else domain_of(url, "domain")

    def discover(
        self, page: Target, links: Iterable[Link], found_ns: int = 0
    ) -> tuple[Target, ...]:
        """The targets of the links of a page that arrived at *found_ns*.

        A link that is out of scope or filtered out has no target. One that is too deep has one, since a shorter
        path to the page may be found later. Cost: a microsecond for each link.
        """
        flat, prefers = self.settings.ageing_ns is None, bool(self._prefer)
        filtered, asked = self._allow or self._deny, self._parameters.of
        site, parent, depth, found = page.site, page.url, page.depth + 1, list[Target]()
        for link in links:
            url = asked(link.url)
            names = self._reached(root_of(url), site)
            if names is not None and (not filtered or self._wanted(url)):
                level = self.level(url, link.priority) if prefers else link.priority
                target = Target(  # not by calling `target`: passing the arguments on would double the cost
                    url=url,
                    domain=names[0],
                    origin=names[1],
                    site=site,
                    requested_url=url,
                    parent=parent,
                    depth=depth,
                    priority=level,
                    rank=found_ns if flat else self.rank(level, found_ns),
                    handler=link.to,
                )
                found.append(
                    target if link.request is None else asked_from(page, target, link.request)
                )
        return tuple(found)

    def again(self, before: Target, now_ns: int) -> Target | None:
        """The target of a URL that an earlier crawl knew; None if no link to it would be followed now.

        It has the depth, the parent and the handler that it had. What was a seed may lead to where no link may: see `objection`.
        """
        url, allowed = self.asked(before.url), before.seed
        if not self.depths.near((before,)):
            return None
        if not self.inside(url, before.site) or any(each.search(url) for each in self._deny):
            return None
        if not allowed and not self._wanted(url):
            return None
        level = self.level(url, before.priority) if self._prefer else before.priority
        request = first_visit(before.request)
        target = self.target(
            url,
            site=before.site,
            requested_url=url,
            parent=before.parent,
            depth=before.depth,
            priority=level,
            rank=self.rank(level, now_ns),
            handler=before.handler,
            request=replace(request, session="") if request.pooled else request,
        )
        return None if not allowed and self.trap(target) else target

    def target(
        self,
        url: str,
        *,
        site: str,
        requested_url: str,
        parent: str | None = None,
        depth: int = 0,
        priority: int = 0,
        rank: int = 0,
        attempt: int = 1,
        lost: int = 0,
        hops: int = 0,
        handler: str = "",
        request: Request = PLAIN,
    ) -> Target:
        """Make a target with everything that is computed from its URL (normalised)."""
        domain, origin = pace_of(url, self.settings.limit_by)
        target = Target(
            url=url,
            domain=domain,
            origin=origin,
            site=site,
            requested_url=requested_url,
            parent=parent,
            depth=depth,
            priority=priority,
            rank=rank,
            attempt=attempt,
            lost=lost,
            hops=hops,
            handler=handler,
        )
        return asking(target, request)

    def asked(self, url: str) -> str:
        """The URL that is requested in place of one (normalised): without parameters that don't change the page."""
        return self._parameters.of(url)

    def to_ask(self, found: Found) -> tuple[Target, ...]:
        """The targets that robots.txt must be checked for first."""
        return self._admitted(found.targets) if self.settings.robots == "obey" else ()

    def to_fetch(self, found: Found) -> tuple[Target, ...]:
        """The targets that go straight to the frontier."""
        return () if self.settings.robots == "obey" else self._admitted(found.targets)

    def requests_to_ask(self, found: Found) -> tuple[Target, ...]:
        """As `to_ask`, for requests that are more than a plain GET."""
        return self._admitted(found.requests) if self.settings.robots == "obey" else ()

    def requests_to_fetch(self, found: Found) -> tuple[Target, ...]:
        """As `to_fetch`, for requests that are more than a plain GET."""
        return () if self.settings.robots == "obey" else self._admitted(found.requests)

    def _admitted(self, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        """The targets that are not too deep, each in a session of the pool, if there is one and it has none yet."""
        near, sessions = self.depths.near(targets), self.settings.sessions
        if sessions is None:
            return near
        return tuple(
            each if each.session else in_session(each, place_of(each.parent, number, sessions))
            for number, each in enumerate(near)
        )

    def without_traps(self, found: Found) -> Found:
        """The links of a page, with those that count as traps apart."""
        links = found.every if self.settings.trap_rules else ()
        trapped = {id(link) for link in links if self.trap(link)}
        if not trapped:
            return found
        return replace(
            found,
            targets=tuple(link for link in found.targets if id(link) not in trapped),
            requests=tuple(link for link in found.requests if id(link) not in trapped),
            trapped=tuple(link for link in links if id(link) in trapped),
        )

    def trap(self, target: Target, url: str = "") -> str:
        """Why a link, or the *url* that it redirects to, counts as a trap; empty if it does not."""
        found_ns = self.since_ns(target.priority, target.rank)
        return traps.objection(url or target.url, target.parent, found_ns, self.settings.trap_rules)

    def to_trap(self, found: Found) -> tuple[Target, ...]:
        """The links that count as traps."""
        return found.trapped

    def trapped(self, target: Target) -> Failure:
        """The final row of a link that counts as a trap."""
        return Failure(target=target, kind="trap", reason=self.trap(target), final=True)

    @cached_property
    def depths(self) -> DepthPolicy:
        """The depth of each URL."""
        return DepthPolicy(self.settings.max_depth)

    # The order of waiting targets.

    @property
    def turn(self) -> tuple[str, str]:
        """The fields of a target by which waiting targets are ordered."""
        return TURN if self.settings.ageing_ns is None else AGED_TURN

    def level(self, url: str, priority: int) -> int:
        """The level of a URL whose link has a priority: one better for each `prefer` from the first that it matches on."""
        for better, pattern in enumerate(self._prefer):
            if pattern.search(url):
                return priority - (len(self._prefer) - better)
        return priority

    def rank(self, priority: int, since_ns: int) -> int:
        """The virtual discovery time (ns): when the URL was found, plus one ageing period for each level.

        It expresses priority as age, so that it never changes while a URL waits, and nothing has to be
        sorted again. Links of one page and level share one object, since they may wait by the million.
        """
        behind_ns = self._behind_ns(priority)
        return _sum(since_ns, behind_ns) if behind_ns else since_ns

    def at_level(self, target: Target, priority: int) -> Target:
        """The target of a new URL with another priority."""
        since_ns = self.since_ns(target.priority, target.rank)
        return replace(target, priority=priority, rank=self.rank(priority, since_ns))

    def since_ns(self, priority: int, rank: int) -> int:
        """The time when a URL with this priority and rank was found."""
        return rank - self._behind_ns(priority)

    def _behind_ns(self, priority: int) -> int:
        """The shift of a level's ranks against level 0."""
        period_ns = self.settings.ageing_ns
        if period_ns is None:
            return 0
        most = _HEAD_START_MAX_NS // period_ns
        return max(-most, min(priority, most)) * period_ns

    # The scope.

    @cached_property
    def _parameters(self) -> Parameters:
        return Parameters(self.settings.strip_params, self.settings.sort_params)

    def inside(self, url: str, site: str) -> bool:
        """Whether the scope permits a link from a page of *site* to a URL."""
        if self.settings.scope == "any":
            return True
        own = self.site_of(url)
        return own == site or own in self._sites or within(host_of(url), self.settings.domains)

    def objection(self, page: Target, url: str) -> tuple[str, str] | None:
        """Why a redirect of *page* to a URL is not followed, as kind and reason; None if it is.

        A redirect passes what a link passes. The user named the seeds: a seed may redirect to where no link may
        lead, to what `allow` does not include and to what looks like a trap, but not to what `deny` excludes.
        """
        if found := self._kept_out(page, url, by_seed=page.seed):
            kind, where = found
            return (kind, f"redirects {where}")
        if not page.seed and (why := self.trap(page, url)):
            return ("trap", f"redirects to {url}: {why}")
        return None

    def refused(self, page: Target, urls: Iterable[str]) -> tuple[str, ...]:
        """Why refreshes of a page to *urls* are not followed, a line for each that is not.

        A refresh is a link: a seed may do by it what any page may. One that looks like a trap has a row of its own.
        """
        found = (self._kept_out(page, self.asked(url), by_seed=False) for url in urls)
        return tuple(f"its refresh leads {each[1]}" for each in found if each)

    def _kept_out(self, page: Target, url: str, *, by_seed: bool) -> tuple[str, str] | None:
        """Why the scope or a filter keeps a URL out to which a page leads, as kind and reason; None if they don't."""
        if not by_seed and not self.inside(url, page.site):
            return ("scope", f"out of scope, to {url}")
        if denied := next((each.pattern for each in self._deny if each.search(url)), None):
            return ("filtered", f"to {url}, which --deny {denied} excludes")
        if self._allow and not by_seed and not self._wanted(url):
            return ("filtered", f"to {url}, which no --allow includes")
        return None

    def site_after(self, page: Target, url: str) -> str:
        """The site of a page that redirects to a URL: links from there are compared with it.

        A seed that redirects within its registrable domain has the site that it redirects to, for example from
        `example.org` to `www.example.org`. Elsewhere it keeps its own, unless `follow_seeds` is set.
        """
        return self.site_of(url) if page.seed and self.joins(page, url) else page.site

    def joins(self, page: Target, url: str) -> bool:
        """Whether the links of the place that a page redirects to are followed like its own."""
        if not page.seed or self.settings.follow_seeds or self.settings.scope == "any":
            return True
        return domain_of(url, "domain") == domain_of(page.requested_url, "domain")

    @cached_property
    def _reached(self) -> Callable[[str, str], tuple[str, str] | None]:
        """A function from a root (`scheme://host[:port]`) and a site to pacing domain and origin; None: out of scope."""

        def names(root: str, site: str) -> tuple[str, str] | None:
            inside = self.inside(root, site)
            return pace_of(root, self.settings.limit_by) if inside else None

        return lru_cache(_ROOTS_REMEMBERED)(names)

    def _wanted(self, url: str) -> bool:
        if self._allow and not any(pattern.search(url) for pattern in self._allow):
            return False
        return not self._deny or not any(pattern.search(url) for pattern in self._deny)

    @cached_property
    def _sites(self) -> frozenset[str]:
        return frozenset(self.sites)

    @cached_property
    def _allow(self) -> Sequence[re.Pattern[str]]:
        return [re.compile(pattern) for pattern in self.settings.allow]

    @cached_property
    def _prefer(self) -> Sequence[re.Pattern[str]]:
        return [re.compile(pattern) for pattern in self.settings.prefer]

    @cached_property
    def _deny(self) -> Sequence[re.Pattern[str]]:
        return [re.compile(pattern) for pattern in self.settings.deny]


def asking(target: Target, request: Request) -> Target:
    """The target with another request; one that is to be made again is distinguished from all others by where it was found."""
    if request == PLAIN:
        return target
    if request.apart.startswith(AGAIN):
        number = request.apart.removeprefix(AGAIN)
        request = replace(request, apart=f"{number} {target.parent} {target.rank}")
    common = {name: getattr(target, name) for name in Target.__struct_fields__}
    return RequestTarget(**common, request=request)


def in_session(target: Target, session: str) -> Target:
    """The target in a session."""
    return asking(target, replace(target.request, session=session))


def asked_from(page: Target, target: Target, request: Request) -> Target:
    """The target with the request of a link of *page*.

    What is no plain GET may be a form of the page, so that it goes in the session of the pool that has the page.
    """
    if page.request.pooled and not (request.session or request.by_url):
        request = replace(request, session=page.request.session)
    return asking(target, request)


def split(targets: Iterable[Target]) -> Found:
    """The targets on their way into the frontier, by what tells them from others."""
    plain, others = list[Target](), list[Target]()
    for target in targets:
        (plain if target.request.by_url else others).append(target)
    return Found(tuple(plain), tuple(others))


def on_their_way(targets: Sequence[Target]) -> Iterator[Found]:
    """The targets with which a crawl begins, on their way into the frontier: some at a time, since there may be many."""
    for first in range(0, max(1, len(targets)), _AT_ONCE):
        yield split(targets[first : first + _AT_ONCE])


@lru_cache(_RANKS_REMEMBERED)
def _sum(since_ns: int, behind_ns: int) -> int:
    return since_ns + behind_ns
