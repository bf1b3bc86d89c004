"""The choice of a proxy for each domain: groups of proxies, and proxies that a domain has refused.

Owns: the route of each domain, what waits for a certain proxy, and what is thought of each proxy. A crawl has them only
with `--ban-status`, `--proxy-for` or a program's `banned`.
Must not know: how a request is made, the limits of a proxy itself.

Where there are routes, a target is given its proxy before its request begins: the one that is idle longest, if the
domain's route permits it. It is given back if that proxy is not free for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from scraper_cpn.net import (
    Arc,
    Limit,
    Lost,
    Net,
    Output,
    Place,
    Wording,
    absent,
    expired,
    put,
    put_new,
    read,
    take,
)
from scraper_cpn.scrape.colours import (
    Failed,
    Fetched,
    Proxy,
    Redirected,
    Repute,
    Rest,
    RobotsJob,
    Route,
    RoutedJob,
    RoutedTarget,
    Rules,
    Sign,
    Target,
    Throttled,
    Unchanged,
)
from scraper_cpn.scrape.parts.promises import asked_group, pages_of, requests_of
from scraper_cpn.scrape.policy.routes import RoutePolicy, plain_job, plain_target
from scraper_cpn.scrape.settings import SECOND

if TYPE_CHECKING:
    from scraper_cpn.analysis import SeenEvent
    from scraper_cpn.scrape.parts.domains import Domains
    from scraper_cpn.scrape.parts.health import Health
    from scraper_cpn.scrape.parts.proxies import Proxies

PATIENCE_NS = 5 * SECOND
"""After so long a wait for a certain proxy, the choice is made again."""


class Routes(Limit):
    """Each domain has a route: its group of proxies, without those that it has refused.

    Args:
        net: of a crawl.
        p: the policy.
        domains: the limits of domains.
        keys: the fields by which the limits of requests count: of a robots.txt, and of a page.
        turn: the fields of a target by which waiting targets are ordered.
    """

    def __init__(
        self,
        net: Net,
        p: RoutePolicy,
        domains: Domains,
        keys: tuple[tuple[str, ...], tuple[str, ...]],
        turn: tuple[str, ...],
    ) -> None:
        super().__init__(net, "routes")
        self.p, self._domains, (job_key, page_key) = p, domains, keys
        self.routes = self.place("routes", Route, key="domain")
        self.known = self.set("known_routes", Route, key="domain")
        self.lanes = self.counter("lanes", key="domain", start=domains.p.slots)
        self.signs = self.place("proxy_signs", Sign, key=("domain", "proxy"))
        self.rests = self.place("proxy_rests", Rest, key=("domain", "proxy"), timed=True)
        self.lifts = self.place("lifted_rests", Rest, key=("domain", "proxy"))
        self.reputes = self.place("reputes", Repute, key="proxy", source=True)
        self.targets: Place[Any] = self.place(
            "routed_targets",
            RoutedTarget,
            key=(*page_key, "proxy"),
            order=turn,
            work=True,
            expires=True,
        )
        self.jobs: Place[Any] = self.place(
            "routed_jobs", RoutedJob, key=(*job_key, "proxy"), work=True, expires=True
        )
        outcomes: tuple[type[Any], ...] = (
            Fetched, Unchanged, Rules, Redirected, Throttled, Failed, Lost,
        )  # fmt: skip
        self.takes = [absent(self.rests)]
        self.puts = {outcome: [put(self.lanes)] for outcome in outcomes}
        barred = "a proxy that {key} has not refused (--ban-status), of its group (--proxy-for)"
        self.wording = {
            self.routes: Wording(barred, pause="a proxy that {key} has refused to be tried again"),
            self.lanes: Wording("a request to {key} to end (--per-domain)"),
        }

    def brings(self, source: Place[Any] | type[Any]) -> Sequence[Output]:
        """Puts the route of a domain seen for the first time, for a new URL or a redirected robots.txt."""
        make: Any = self.p.hop_route if source is Redirected else self.p.route
        return [put_new(self.known, self.routes, make, source)]

    def proxy_signs(self, place: Place[Any], outcome: type[Any]) -> list[Output]:
        """The sign about the proxy that an outcome puts for a request of *place*."""
        p, passed = self.p, [put(self.signs, self.p.passed, place)]
        signs = {
            Throttled: [put(self.signs, p.throttled, place, Throttled)],
            Failed: [put(self.signs, p.failed, place, Failed)],
            Lost: [put(self.signs, p.lost, place)],
        }
        return signs.get(outcome, passed)

    def connect(
        self,
        targets: Place[Target],
        jobs: Place[RobotsJob],
        limits: Sequence[Limit],
        proxies: Proxies,
        health: Health,
        budgets: Sequence[Limit],
    ) -> None:
        """Give each target and job a proxy once nothing else keeps it: *limits*, and for targets *budgets*."""
        self._judge(proxies)
        others = [limit for limit in limits if limit not in (self, proxies)]
        ready = [there(arc) for limit in others for arc in limit.takes]
        paid = [there(arc) for limit in budgets for arc in limit.takes]
        self._choose("route_robots", jobs, self.jobs, self.p.routed_job, proxies, ready)
        self._choose("route", targets, self.targets, self.p.routed, proxies, [*ready, *paid])
        self._give_back("robots", self.jobs, jobs, plain_job, proxies, health)
        self._give_back("target", self.targets, targets, plain_target, proxies, health)

    def _choose(
        self,
        name: str,
        waiting: Place[Any],
        routed: Place[Any],
        make: Callable[[Any, Route, Proxy], Any],
        proxies: Proxies,
        ready: Sequence[Arc],
    ) -> None:
        """Give a proxy to what waits; the first free one is preferred."""
        way, pool = take(self.routes, when=self.p.has_way), proxies.pool
        given = put(routed, make, waiting, way, pool, lasts_ns=_patience)
        turned = put(self.routes, self.p.turned, way, pool)
        inputs: list[Arc[Any] | Place[Any]] = [waiting, way, take(self.lanes), *ready, read(pool)]
        self.transition(name, inputs, outputs=[given, turned], join=routed.keys[:-1])

    def _give_back(
        self,
        name: str,
        routed: Place[Any],
        waiting: Place[Any],
        make: Callable[[Any], Any],
        proxies: Proxies,
        health: Health,
    ) -> None:
        """Choose again for what has waited long, whose proxy has retired, or whose domain was given up."""
        assert proxies.gone is not None
        lost, gone = (put(self.signs, sign, routed) for sign in (self.p.lost, self.p.gone))
        back = [put(waiting, make, routed), put(self.lanes)]
        self.transition(f"hurry_{name}", [expired(routed)], outputs=[*back, lost])
        for verb, arc, proxy_signs in (
            ("reroute", read(proxies.gone), [gone]),
            ("release", read(health.given_up), [lost]),
        ):
            outputs = [*back, *proxy_signs]
            self.transition(f"{verb}_{name}", [routed, arc], outputs=outputs, priority=-1)

    def _judge(self, proxies: Proxies) -> None:
        """Decide the target of a refusal: a proxy in one domain, the domain, or the proxy everywhere."""
        p, signs, routes, reputes = self.p, self.signs, self.routes, self.reputes
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
    return [Routes(net, p, domains, keys, turn)] if p.settings.has_routes else []


def there(arc: Arc[Any]) -> Arc[Any]:
    """The condition that an arc would find what it needs."""
    place: Any = arc.place
    return read(place) if arc.when is None else read(place, when=arc.when)


def _pair(token: Any) -> tuple[str, str] | None:
    """The domain and proxy that a token joins."""
    both = hasattr(token, "domain") and hasattr(token, "proxy")
    return (token.domain, token.proxy) if both else None


def silent(outcome: type[Any]) -> list[Output]:
    """What outcomes say of a proxy where there are no routes."""
    del outcome
    return []


def _patience(*_: object) -> int:
    return PATIENCE_NS
