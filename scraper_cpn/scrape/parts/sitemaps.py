"""Sitemaps: read like pages, under robots.txt and the limits of all requests. Only crawls with `--sitemaps` have this part.

Owns: the origins whose sitemaps are looked for, the known sitemaps and those that must be read.
Must not know: how a sitemap is read, what happens to its URLs.

A sitemap that a site names is read before its pages, and so is the newest one of an index. The others are read when
no page of their domain waits: a site may list more URLs than fit in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from scraper_cpn.net import (
    Limit,
    Lost,
    Net,
    Output,
    Part,
    Place,
    Sink,
    choose,
    local,
    on,
    put,
    put_new,
    read,
    take,
)  # fmt: skip
from scraper_cpn.scrape.colours import (
    Allowed,
    Denied,
    Failed,
    Failure,
    Found,
    Mapped,
    Maps,
    MapSite,
    Redirected,
    SitemapJob,
    SitemapOutcome,
    Throttled,
)  # fmt: skip
from scraper_cpn.scrape.parts.crossing import Crossing
from scraper_cpn.scrape.parts.fetching import Fetching
from scraper_cpn.scrape.parts.permits import Budget
from scraper_cpn.scrape.parts.robots import Robots
from scraper_cpn.scrape.parts.stages import silent
from scraper_cpn.scrape.policy import Policy

if TYPE_CHECKING:
    from scraper_cpn.scrape.parts.domains import Domains
    from scraper_cpn.scrape.parts.health import Health


class Sitemaps(Part):
    """Sitemaps come in by `sites` and `located`; their URLs leave like the links of a page.

    Args:
        net: of a crawl.
        p: its policy.
        key: the fields by which the limits of requests count.
    """

    def __init__(self, net: Net, p: Policy, key: tuple[str, ...]) -> None:
        super().__init__(net, "sitemaps")
        self.p, self._settings = p.sitemaps, p.settings
        self._longest_ns = 2 * p.settings.timeout_ns
        self.located = self.place("sitemaps_located", Maps, source=True, work=True, share=local)
        self.asks = self.place("sitemap_asks", SitemapJob, key="origin", work=True)
        self.jobs = self.place("sitemaps", SitemapJob, key=key, timed=True, work=True)
        self.later = self.place("later_sitemaps", SitemapJob, key=key, timed=True, work=True)
        self.known = self.set("known_sitemaps", SitemapJob, key="url")

    def look(self, found: Place[Found], robots: Robots) -> Sequence[Output]:
        """Looks for the sitemaps of each origin of which URLs are *found*; nothing, if only named ones are read."""
        if not self.p.is_auto:
            return ()
        sites = self.place("sitemap_sites", MapSite, key="origin", work=True)
        known = self.set("known_sitemap_sites", MapSite, key="origin")
        if self._settings.robots == "obey":
            named = put(self.located, self.p.named, sites, robots.rules)
            self.transition("locate", [sites, read(robots.rules)], outputs=[named])
        else:
            usual = put(self.located, self.p.well_known, sites)
            self.transition("locate", [sites], outputs=[usual])
        return [put_new(known, sites, self.p.sites, found)]

    def clear(
        self,
        robots: Robots,
        limits: Sequence[Limit],
        log: Sink[Failure],
        crossing: Crossing | None,
    ) -> None:
        """Check each new sitemap against its robots.txt, in the partition of its domain."""
        located = self.located if crossing is None else crossing.maps(self.located)
        p, asks, self._known_robots = self.p, self.asks, robots.known
        brought = [new for limit in limits for new in limit.brings(asks)]
        new = [put_new(self.known, asks, p.jobs, located), *brought]
        ready = [put(self.jobs, p.at_once, asks), put(self.later, p.later, asks)]
        if self._settings.robots == "ignore":
            self.transition("admit_sitemaps", [located], outputs=new)
            self.transition("clear_sitemap", [asks], outputs=ready)
            return
        new.append(robots.new_job(asks))
        self.transition("admit_sitemaps", [located], outputs=new)
        self.transition(
            "clear_sitemap",
            [asks, read(robots.rules)],
            choice=choose(p.clearance, asks, robots.rules),
            outcomes=[on(Allowed, *ready), on(Denied, put(log, p.denied, asks, Denied))],
        )

    def fetch(self, found: Place[Found], by: Fetching, budget: Budget) -> None:
        """Read the sitemaps while pages may still be fetched; their URLs go to *found*."""
        get, self._requests = self.effect("sitemap", SitemapOutcome), list[str]()
        jobs_in_turn = [("get_sitemap", self.jobs, 0), ("get_later_sitemap", self.later, 1)]
        signs = silent
        for stage in by.stages:
            (maps,) = stage.maps
            jobs_in_turn = [("get_sitemap", maps, 0)]
            signs = partial(stage.signs, maps)
        for name, jobs, priority in jobs_in_turn:
            self._requests.append(name)
            self.transition(
                name,
                [jobs, read(budget.left)],
                limits=by.limits,
                effect=get(jobs, by.proxies.pool, by.domains.pacing),
                outcomes=self._outcomes(jobs, found, by.domains, by.log, signs),
                deadline_ns=self._longest_ns,
                priority=priority,
            )

    def _outcomes(
        self,
        jobs: Place[SitemapJob],
        found: Place[Found],
        domains: Domains,
        log: Sink[Failure],
        signs: Callable[[type[Any]], list[Output]],
    ) -> list[Any]:
        p, health, penalties = self.p, domains.p.health, domains.penalties
        answered = put(penalties, health.answered, domains.pacing)
        throttled = put(penalties, domains.p.robots_refusal_penalty, jobs, Throttled)
        no_answer = put(penalties, health.failed, jobs, domains.pacing, Failed)
        nested = put(self.located, p.nested, jobs, Mapped)
        hop = put(self.located, p.hop, jobs, Redirected)
        strayed = put(log, p.strayed, jobs, Redirected)
        remarks = put(log, p.remarks, jobs, Mapped)
        return [
            on(
                Mapped, put(found, p.links, jobs, Mapped), nested, remarks, answered, *signs(Mapped)
            ),
            on(Redirected, hop, strayed, answered, *signs(Redirected)),
            on(Throttled, *self._failed(jobs, Throttled, log), throttled, *signs(Throttled)),
            on(Failed, *self._failed(jobs, Failed, log), no_answer, *signs(Failed)),
            on(Lost, *self._failed(jobs, Lost, log), *signs(Lost)),
        ]

    def _failed(
        self, jobs: Place[SitemapJob], outcome: type[object], log: Sink[Failure]
    ) -> list[Output]:
        """What a failed attempt puts: another one, or nothing more after the last."""
        p = self.p
        again = [put(jobs, p.again, jobs, outcome, after_ns=p.wait_ns)]
        if jobs is not self.jobs and jobs is not self.later:
            at_once = put(self.jobs, p.again_at_once, jobs, outcome, after_ns=p.wait_ns)
            again = [at_once, put(self.later, p.again_later, jobs, outcome, after_ns=p.wait_ns)]
        return [*again, put(log, self.p.failed, jobs, outcome)]

    def give_up(self, health: Health, log: Sink[Failure]) -> None:
        """End the sitemaps of domains that were given up."""
        for name, jobs in (("give_up_sitemap", self.jobs), ("give_up_later", self.later)):
            self.transition(
                name,
                [take(jobs, include_waiting=True), read(health.given_up)],
                outputs=[put(log, self.p.given_up, jobs, health.given_up)],
                priority=-1,
            )

    def properties(self) -> Iterator[Any]:
        """Sitemaps obey robots.txt, too."""
        from scraper_cpn.analysis import begin, never

        if self._settings.robots == "obey":
            yield never(
                begin(*self._requests),
                without=self._known_robots.name,
                by="origin",
                claim="G8 no sitemap before its robots.txt was asked for",
            )


def sitemaps_of(net: Net, p: Policy, key: tuple[str, ...]) -> Sitemaps | None:
    """The sitemaps, if the crawl reads any."""
    return Sitemaps(net, p, key) if p.settings.sitemaps else None
