"""The choice of a proxy for each domain: groups of proxies, and proxies that a domain has refused.

Owns: the route of each domain, what waits for a certain proxy, and what is thought of each proxy. A crawl has them only
with `--ban-status`, `--proxy-for` or a program's `banned`.
Must not know: how a request is made, the limits of a proxy itself.

Where there are routes, a target is given its proxy before its request begins: the one that is idle longest, if the
domain's route permits it. It is given back if that proxy is not free for a while.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from scraper_cpn.net import (
    Arc,
    Lost,
    Net,
    Output,
    Place,
    Wording,
    absent,
    put,
    put_new,
    read,
    take,
)
from scraper_cpn.scrape.colours import (
    Failed,
    Redirected,
    Repute,
    Rest,
    Route,
    RoutedFile,
    RoutedJob,
    RoutedMap,
    RoutedTarget,
    Sign,
    Throttled,
)
from scraper_cpn.scrape.parts.promises import asked_group, pages_of, requests_of
from scraper_cpn.scrape.parts.stages import Stage, Staged, Waiting
from scraper_cpn.scrape.policy.routes import RoutePolicy
from scraper_cpn.scrape.settings import SECOND

if TYPE_CHECKING:
    from scraper_cpn.analysis import SeenEvent
    from scraper_cpn.scrape.parts.domains import Domains
    from scraper_cpn.scrape.parts.proxies import Proxies

PATIENCE_NS = 5 * SECOND
"""After so long a wait for a certain proxy, the choice is made again."""


_ROUTED = Staged("routed", "proxy", RoutedTarget, RoutedJob, RoutedMap, RoutedFile)


class Routes(Stage):
    """Each domain has a route: its group of proxies, without those that it has refused.

    Args:
        net: of a crawl.
        p: the policy.
        domains: the limits of domains.
        keys: the fields by which the limits of requests count: of a robots.txt, and of a page.
        turn: the fields of a target by which waiting targets are ordered.
        mapped: whether the crawl reads sitemaps.
        filed: whether it fetches files that items name.
    """

    def __init__(
        self,
        net: Net,
        p: RoutePolicy,
        domains: Domains,
        keys: tuple[tuple[str, ...], tuple[str, ...]],
        turn: tuple[str, ...],
        *,
        mapped: bool,
        filed: bool,
    ) -> None:
        super().__init__(
            net,
            "routes",
            _ROUTED,
            slots=domains.p.slots,
            keys=keys,
            turn=turn,
            mapped=mapped,
            filed=filed,
        )
        self.p, self._domains = p, domains
        self.routes = self.place("routes", Route, key="domain")
        self.known = self.set("known_routes", Route, key="domain")
        self.news = self.place("proxy_signs", Sign, key=("domain", "proxy"))
        self.rests = self.place("proxy_rests", Rest, key=("domain", "proxy"), timed=True)
        self.lifts = self.place("lifted_rests", Rest, key=("domain", "proxy"))
        self.reputes = self.place("reputes", Repute, key="proxy", source=True)
        self.takes = [absent(self.rests)]
        barred = "a proxy that {key} has not refused (--ban-status), of its group (--proxy-for)"
        self.wording = {
            self.routes: Wording(barred, pause="a proxy that {key} has refused to be tried again"),
            self.lanes: Wording("a request to {key} to end (--per-domain)"),
        }

    def brings(self, source: Place[Any] | type[Any]) -> Sequence[Output]:
        """Puts the route of a domain seen for the first time, for a new URL or a redirected robots.txt."""
        make: Any = self.p.hop_route if source is Redirected else self.p.route
        return [put_new(self.known, self.routes, make, source)]

    def signs(self, place: Place[Any], outcome: type[Any]) -> list[Output]:
        """The sign about the proxy that an outcome puts for a request of *place*."""
        p, passed = self.p, [put(self.news, self.p.passed, place)]
        told = {
            Throttled: [put(self.news, p.throttled, place, Throttled)],
            Failed: [put(self.news, p.failed, place, Failed)],
            Lost: [put(self.news, p.lost, place)],
        }
        return told.get(outcome, passed)

    def connect(self, queues: Iterator[Waiting], proxies: Proxies) -> None:
        """Give each target and job a proxy once nothing else keeps it; the first free one is preferred."""
        self._judge(proxies)
        make: dict[type[Any], Any] = {
            RoutedTarget: self.p.routed, RoutedJob: self.p.routed_job, RoutedMap: self.p.routed_map,
            RoutedFile: self.p.routed_file,
        }  # fmt: skip
        pool = proxies.pool
        for queue in queues:
            way = take(self.routes, when=self.p.has_way)
            waiting, routed = queue.waiting, queue.staged
            given = put(routed, make[routed.colour], waiting, way, pool, lasts_ns=_patience)
            turned = put(self.routes, self.p.turned, way, pool)
            inputs: list[Arc[Any] | Place[Any]] = [
                waiting,
                way,
                take(self.lanes),
                *queue.ready,
                read(pool),
            ]
            self.transition(
                f"route_{queue.name}",
                inputs,
                outputs=[given, turned],
                join=routed.keys[:-1],
                priority=queue.priority,
            )

    def reroute(
        self, backs: Sequence[tuple[str, Place[Any], list[Output]]], proxies: Proxies
    ) -> None:
        """Choose again for that whose proxy has retired."""
        assert proxies.gone is not None
        for name, staged, back in backs:
            gone = put(self.news, self.p.gone, staged)
            self.ways_back.append(f"reroute_{name}")
            self.transition(
                f"reroute_{name}", [staged, read(proxies.gone)], outputs=[*back, gone], priority=-1
            )

    def lost(self, staged: Place[Any]) -> list[Output]:
        """The sign about a proxy that was given and not used."""
        return [put(self.news, self.p.lost, staged)]

    def _judge(self, proxies: Proxies) -> None:
        """Decide the target of a refusal: a proxy in one domain, the domain, or the proxy everywhere."""
        p, signs, routes, reputes = self.p, self.news, self.routes, self.reputes
        self.transition(
            "judge_sign",
            [signs, routes, reputes],
            outputs=[
                put(routes, p.route_after, signs, routes),
                put(reputes, p.repute_after, signs, reputes, routes),
                put(self.rests, p.rest, signs, routes, after_ns=p.rest_ns),
                put(self._domains.penalties, p.penalty, signs, routes),
                put(proxies.faults, p.sick, signs, reputes, routes),
                put(signs, p.absolved, signs, routes),
                put(self.lifts, p.lifted, signs, routes),
            ],
            priority=-1,
        )
        rests, lifts = self.rests, self.lifts
        self.transition(
            "lift_rest", [lifts, take(rests, include_waiting=True)], outputs=[], priority=-1
        )
        self.transition("end_rest", [rests, routes], outputs=[put(routes, p.rested, rests, routes)])

    def properties(self) -> Iterator[Any]:
        """Where a request goes through."""
        from scraper_cpn.analysis import begin, conserved, every, never

        settings, requests = self.p.settings, requests_of(self.net)
        groups = {proxy.proxy: proxy.group for proxy in settings.proxies}

        def in_its_group(seen: SeenEvent) -> bool:
            used = groups[seen["available_proxies"].proxy]
            return used == asked_group(settings, seen["domains"].domain)

        for name in requests if settings.robots == "obey" else pages_of(self.net):
            yield every(
                begin(name),
                in_its_group,
                claim=f"G3 {name} goes through its domain's group of proxies",
            )
        if settings.ban_status or settings.page_bans:  # otherwise none ever rests
            yield never(
                begin(*requests),
                while_in="proxy_rests",
                by=_pair,
                claim="G3 no request through a proxy that rests for its domain",
            )
        yield conserved(
            "routes", minus="known_routes", by="domain", claim="G3 a domain has one route"
        )


def routes_of(
    net: Net,
    p: RoutePolicy,
    domains: Domains,
    keys: tuple[tuple[str, ...], tuple[str, ...]],
    turn: tuple[str, ...],
) -> list[Routes]:
    """The routes of domains, if anything makes one differ from another."""
    if not p.settings.has_routes:
        return []
    return [
        Routes(
            net,
            p,
            domains,
            keys,
            turn,
            mapped=bool(p.settings.sitemaps),
            filed=bool(p.settings.files),
        )
    ]


def _pair(token: Any) -> tuple[str, str] | None:
    """The domain and proxy that a token joins."""
    both = hasattr(token, "domain") and hasattr(token, "proxy")
    return (token.domain, token.proxy) if both else None


def _patience(*_: object) -> int:
    return PATIENCE_NS
