"""Which proxy a request goes through, where each domain has its own choice of them.

Owns: the group of a domain, the choice within it, and what a refusal says: that a proxy is unwelcome in one domain,
that the domain refuses everybody, or that the proxy is sick.
Must not know: the net, clocks, how requests are made.

A domain that refuses `DOMAIN_AT_FAULT` proxies in a row refuses the crawl: it is held like one that asks for a pause, and
the proxies are not blamed. A proxy that `PROXY_AT_FAULT` domains refuse at a time is sick: it rests for all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Literal

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    Deferred,
    Failed,
    FileJob,
    Mark,
    Penalty,
    Proxy,
    ProxyFault,
    Raw,
    Redirected,
    Repute,
    Rest,
    RobotsJob,
    Route,
    RoutedFile,
    RoutedJob,
    RoutedMap,
    RoutedTarget,
    Sign,
    SitemapJob,
    Target,
    Throttled,
)
from scraper_cpn.scrape.policy.proxies import faults_of
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import domain_of

DOMAIN_AT_FAULT = 3
PROXY_AT_FAULT = 3
LONGER_MAX = 4
"""So often the rest of a proxy for one domain is doubled."""
_BARRED = ("rests", "tried", "gone")
Routed = RoutedTarget | RoutedJob | RoutedMap | RoutedFile


@dataclass(frozen=True)
class RoutePolicy:
    """The proxies of each domain."""

    settings: Settings

    # The choice.

    def route(self, work: Target | RobotsJob | SitemapJob | FileJob) -> Route:
        """The route of a domain that is new."""
        return self._new(work.domain)

    def hop_route(self, redirect: Redirected) -> Route:
        """The route that the next hop of a robots.txt needs."""
        return self._new(domain_of(redirect.url, self.settings.limit_by))

    def group(self, domain: str) -> str:
        """The group of proxies that serves a domain; empty for those without a group."""
        own = (site.proxy_group for site in self.settings.sites if site.name == domain)
        named = next((group for group in own if group is not None), None)
        if named is not None:
            return named
        matching = (group for glob, group in self.settings.proxy_for if fnmatchcase(domain, glob))
        return next(matching, "")

    def has_way(self, route: Route) -> bool:
        """Whether any proxy of its group may be used. Cost: O(proxies) once one has been refused."""
        members = self._members(route.group)
        if not route.marks:
            return bool(members)
        barred = _barred(route)
        return any(name not in barred for name in members)

    def routed(self, target: Target, route: Route, free: Proxy) -> RoutedTarget:
        """A target with its proxy: *free*, which is idle longest, or else the next one that will do."""
        common = {name: getattr(target, name) for name in Target.__struct_fields__}
        proxy, watched = self._choice(route, free), _is_watched(route)
        return RoutedTarget(**common, request=target.request, proxy=proxy, watched=watched)

    def routed_job(self, job: RobotsJob, route: Route, free: Proxy) -> RoutedJob:
        """As `routed`, for a robots.txt."""
        common = {name: getattr(job, name) for name in RobotsJob.__struct_fields__}
        proxy, watched = self._choice(route, free), _is_watched(route)
        return RoutedJob(**common, proxy=proxy, watched=watched)

    def routed_map(self, job: SitemapJob, route: Route, free: Proxy) -> RoutedMap:
        """As `routed`, for a sitemap."""
        common = {name: getattr(job, name) for name in SitemapJob.__struct_fields__}
        proxy, watched = self._choice(route, free), _is_watched(route)
        return RoutedMap(**common, proxy=proxy, watched=watched)

    def routed_file(self, job: FileJob, route: Route, free: Proxy) -> RoutedFile:
        """As `routed`, for a file."""
        common = {name: getattr(job, name) for name in FileJob.__struct_fields__}
        proxy, watched = self._choice(route, free), _is_watched(route)
        return RoutedFile(**common, proxy=proxy, watched=watched)

    def turned(self, route: Route, free: Proxy) -> Route:
        """The route after this choice: a proxy that was refused before is tried with one request."""
        if not route.marks and self._is_way(route, free.proxy):
            return route
        name = self._choice(route, free)
        turn = self._members(route.group).index(name) + 1
        marks = tuple(replace(m, state="tried") if m.proxy == name else m for m in route.marks)
        return replace(route, marks=marks, turn=turn)

    def _choice(self, route: Route, free: Proxy) -> str:
        if self._is_way(route, free.proxy):
            return free.proxy
        members, barred = self._members(route.group), _barred(route)
        turns = (members[(route.turn + n) % len(members)] for n in range(len(members)))
        return next(name for name in turns if name not in barred)

    def _is_way(self, route: Route, name: str) -> bool:
        if self._groups.get(name) != route.group:
            return False
        return not route.marks or name not in _barred(route)

    # The signs of requests.

    def passed(self, work: Routed) -> Sign | None:
        """The sign of an answer without a refusal."""
        return _sign(work, "passed") if work.watched else None

    def throttled(self, work: Routed, throttled: Throttled) -> Sign | None:
        """The sign of a refusal: of the proxy, or of any request."""
        if is_ban(self.settings, work, throttled.status):
            return _sign(work, "banned")
        return self.lost(work)

    def failed(self, work: Routed, failed: Failed) -> Sign | None:
        """The sign of a failure: a status is an answer."""
        if is_ban(self.settings, work, failed.status):
            return _sign(work, "banned")
        return self.lost(work) if failed.status is None else self.passed(work)

    def lost(self, work: Routed) -> Sign | None:
        """The sign of a request that tells nothing; its proxy is tried again."""
        return _sign(work, "unknown") if work.watched else None

    def gone(self, work: Routed) -> Sign:
        """The sign of a request whose proxy has retired meanwhile."""
        return _sign(work, "gone")

    def elsewhere(self, page: Raw, deferred: Deferred) -> Sign | None:
        """The sign of a page that is to be fetched again through another proxy."""
        known = deferred.elsewhere and page.proxy in self._groups
        return Sign(page.target.domain, page.proxy, "banned") if known else None

    # What follows from it.

    def route_after(self, sign: Sign, route: Route) -> Route:
        """The route after a sign."""
        mark = _mark(route, sign.proxy)
        others = tuple(each for each in route.marks if each is not mark)
        if sign.what == "gone" or (mark is not None and mark.state == "gone"):
            return replace(route, marks=(*others, Mark(sign.proxy, 0, "gone")))
        if sign.what == "banned":
            return self._after_refusal(sign, route)
        if sign.what == "absolved":
            return route
        if sign.what == "unknown":
            again = (replace(mark, state="due"),) if mark and mark.state == "tried" else ()
            return replace(route, marks=(*others, *again)) if again else route
        if sign.what == "passed" and mark is not None and mark.state == "rests":
            return replace(route, streak=0)  # it ran together with one that was refused
        return replace(route, marks=others, streak=0)

    def _after_refusal(self, sign: Sign, route: Route) -> Route:
        if self._blames_domain(sign, route):
            return replace(route, marks=tuple(m for m in route.marks if m.state == "gone"))
        rest = self.rest(sign, route)
        if rest is None:
            return route
        others = tuple(each for each in route.marks if each.proxy != sign.proxy)
        streak = route.streak + (len(others) == len(route.marks))
        return replace(route, marks=(*others, Mark(sign.proxy, rest.count)), streak=streak)

    def rest(self, sign: Sign, route: Route) -> Rest | None:
        """The rest of a proxy for the domain that has refused it; requests that ran together are refused together."""
        mark = _mark(route, sign.proxy)
        barred = mark is not None and mark.state in ("rests", "gone")
        if sign.what != "banned" or barred or self._blames_domain(sign, route):
            return None
        return Rest(sign.domain, sign.proxy, 1 if mark is None else mark.count + 1)

    def rest_ns(self, sign: Sign, route: Route) -> int:
        """How long that lasts."""
        rest = self.rest(sign, route)
        count = 1 if rest is None else rest.count
        return self.settings.ban_rest_ns << min(count - 1, LONGER_MAX)

    def penalty(self, sign: Sign, route: Route) -> Penalty | None:
        """The penalty of a domain that refuses everybody."""
        return Penalty(sign.domain) if self._blames_domain(sign, route) else None

    def lifted(self, sign: Sign, route: Route) -> list[Rest]:
        """The rests that end early, as the domain is to blame."""
        if not self._blames_domain(sign, route):
            return []
        return [Rest(sign.domain, m.proxy, m.count) for m in route.marks if m.state == "rests"]

    def absolved(self, sign: Sign, route: Route) -> list[Sign]:
        """The proxies that are not blamed any more, as the domain is."""
        if not self._blames_domain(sign, route):
            return []
        names = dict.fromkeys(mark.proxy for mark in route.marks)
        return [Sign(sign.domain, name, "absolved") for name in names]

    def repute_after(self, sign: Sign, repute: Repute, route: Route) -> Repute:
        """What is thought of a proxy after a sign."""
        others = tuple(name for name in repute.refused_by if name != sign.domain)
        if sign.what in ("passed", "absolved"):
            return replace(repute, refused_by=others) if others != repute.refused_by else repute
        if sign.what != "banned" or self._blames_domain(sign, route):
            return repute
        if len(others) + 1 >= PROXY_AT_FAULT:
            return replace(repute, refused_by=())
        return replace(repute, refused_by=(*others, sign.domain))

    def sick(self, sign: Sign, repute: Repute, route: Route) -> list[ProxyFault]:
        """The faults of a proxy that many domains refuse."""
        if sign.what != "banned" or self._blames_domain(sign, route):
            return []
        if len({*repute.refused_by, sign.domain}) < PROXY_AT_FAULT:
            return []
        return faults_of(next(p for p in self.settings.proxies if p.proxy == sign.proxy))

    def rested(self, rest: Rest, route: Route) -> Route:
        """The route after such a rest: the proxy is due for a trial."""
        marks = tuple(
            replace(each, state="due")
            if (each.proxy, each.count, each.state) == (rest.proxy, rest.count, "rests")
            else each
            for each in route.marks
        )
        return replace(route, marks=marks)

    def resumed(self, route: Route, usable: Collection[str]) -> Route:
        """A route when its crawl goes on with the proxies given now, of which some are *usable*."""
        known = [mark for mark in route.marks if mark.proxy in self._groups]
        marks = [replace(m, state="due") if m.state in ("tried", "gone") else m for m in known]
        gone = [Mark(name, 0, "gone") for name in self._groups if name not in usable]
        kept = [mark for mark in marks if mark.proxy in usable and mark.count]
        return Route(route.domain, self.group(route.domain), (*kept, *gone), route.streak)

    def _blames_domain(self, sign: Sign, route: Route) -> bool:
        """Whether one proxy too many is refused in a row. From then on each further one is, until one passes."""
        unmarked = _mark(route, sign.proxy) is None
        return sign.what == "banned" and unmarked and route.streak + 1 >= DOMAIN_AT_FAULT

    # The groups.

    def _new(self, domain: str) -> Route:
        return Route(domain, self.group(domain))

    def _members(self, group: str) -> Sequence[str]:
        return self._by_group.get(group, ())

    @cached_property
    def _groups(self) -> dict[str, str]:
        return {proxy.proxy: proxy.group for proxy in self.settings.proxies}

    @cached_property
    def _by_group(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for proxy in self.settings.proxies:
            found.setdefault(proxy.group, []).append(proxy.proxy)
        return found


def is_ban(settings: Settings, work: object, status: int | None) -> bool:
    """Whether a status refuses the proxy that a request was given."""
    return status in settings.ban_status and isinstance(work, Routed)


def _sign(work: Routed, what: Literal["banned", "passed", "unknown", "gone"]) -> Sign:
    return Sign(work.domain, work.proxy, what)


def _mark(route: Route, proxy: str) -> Mark | None:
    return next((mark for mark in route.marks if mark.proxy == proxy), None)


def _is_watched(route: Route) -> bool:
    return bool(route.marks) or route.streak > 0


def _barred(route: Route) -> set[str]:
    return {mark.proxy for mark in route.marks if mark.state in _BARRED}
