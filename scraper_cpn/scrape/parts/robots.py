"""robots.txt (RFC 9309): fetched before any page of an origin and once a day, and checked for each URL.

Owns: the targets that wait for a verdict, the known robots.txt files and those that must be fetched.
Must not know: what happens to an allowed target.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    Wording,
    choose,
    expired,
    on,
    put,
    put_new,
    read,
)  # fmt: skip
from scraper_cpn.scrape.colours import (
    Allowed,
    Denied,
    Failed,
    Failure,
    FileJob,
    Redirected,
    RobotsJob,
    RobotsOutcome,
    Rules,
    SitemapJob,
    Target,
    Throttled,
)  # fmt: skip
from scraper_cpn.scrape.parts.promises import pages_of
from scraper_cpn.scrape.parts.proxies import Proxies
from scraper_cpn.scrape.parts.routes import Routes, silent
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.robots import allowed

if TYPE_CHECKING:
    from scraper_cpn.scrape.parts.domains import Domains
    from scraper_cpn.scrape.parts.logins import Logins

DAY_NS = 86_400 * 1_000_000_000


class Robots(Part):
    """A target waits while its robots.txt is fetched, under the limits of all requests; then it is allowed or denied.

    Args:
        net: of a crawl.
        p: its policy.
        key: the fields by which the limits of requests count.
    """

    def __init__(self, net: Net, p: Policy, key: tuple[str, ...]) -> None:
        super().__init__(net, "robots")
        self._p, self._settings = p.robots, p.settings
        self._longest_ns = 2 * p.settings.timeout_ns
        self.asks = self.place("asks", Target, key="origin", work=True, paged=True)
        self.jobs = self.place("robots_jobs", RobotsJob, key=key, timed=True, work=True)
        self.rules = self.place("robots", Rules, key="origin", expires=True)
        self.known = self.set("known_robots", RobotsJob, key="origin")
        self.wording = {self.rules: Wording("robots.txt of {key}", outlasts=True)}

    def new_job(self, asks: Place[Target] | Place[SitemapJob] | Place[FileJob]) -> Output:
        """Puts the job for a robots.txt when the first request needs it, which waits in *asks*."""
        make: Any = self._p.robots_job
        return put_new(self.known, self.jobs, make, asks)

    def fetch_rules(
        self,
        limits: Sequence[Limit],
        domains: Domains,
        proxies: Proxies,
        routes: Sequence[Routes],
        log: Sink[Failure],
    ) -> None:
        """Fetch each robots.txt, and fetch it again after a failure and when it is a day old."""
        p, jobs = self._p, self.jobs
        proxy_signs = silent
        for each in routes:
            jobs, proxy_signs = each.jobs, partial(each.proxy_signs, each.jobs)
        get = self.effect("robots", RobotsOutcome)
        slower = put(domains.penalties, domains.p.slower, jobs, Rules)
        throttled = put(domains.penalties, domains.p.robots_refusal_penalty, jobs, Throttled)
        health, pacing = domains.p.health, domains.pacing
        answered = put(domains.penalties, health.answered, pacing)
        failed = put(domains.penalties, health.failed, jobs, pacing, Failed)
        next_hop = put(self.jobs, p.robots_hop, jobs, Redirected)
        new_hosts = [output for limit in limits for output in limit.brings(Redirected)]
        too_far = put(self.rules, p.rules_after_too_many_redirects, jobs, lasts_ns=DAY_NS)
        self.transition(
            "get_robots",
            [jobs],
            limits=limits,
            effect=get(jobs, proxies.pool, domains.pacing),
            outcomes=[
                on(Rules, put(self.rules, lasts_ns=DAY_NS), slower, answered, *proxy_signs(Rules)),
                on(Redirected, next_hop, *new_hosts, too_far, answered, *proxy_signs(Redirected)),
                on(
                    Throttled,
                    *self._failed(jobs, Throttled, log),
                    throttled,
                    answered,
                    *proxy_signs(Throttled),
                ),
                on(Failed, *self._failed(jobs, Failed, log), failed, *proxy_signs(Failed)),
                on(Lost, *self._failed(jobs, Lost, log), *proxy_signs(Lost)),
            ],
            deadline_ns=self._longest_ns,
        )
        again = put(self.jobs, p.refresh, self.rules)
        self.again = self.transition("refresh", [expired(self.rules)], outputs=[again])

    def _failed(
        self, jobs: Place[RobotsJob], outcome: type[object], log: Sink[Failure]
    ) -> list[Output]:
        """What a failed fetch puts: another attempt, or after the last one rules that forbid everything."""
        p = self._p
        again = put(self.jobs, p.robots_again, jobs, outcome, after_ns=p.robots_wait_ns)
        over = put(self.rules, p.robots_unreachable, jobs, outcome, lasts_ns=DAY_NS)
        return [again, over, put(log, p.robots_failure, jobs, outcome)]

    def clear(self, allowed: Place[Target], log: Sink[Failure], logins: Sequence[Logins]) -> None:
        """Check each target against the rules: it goes to *allowed*, or ends in the log."""
        denied = put(log, self._p.denied, self.asks, Denied)
        failed = [login.at_denial(self.asks) for login in logins]
        self.check = self.transition(
            "clear",
            [self.asks, read(self.rules)],
            choice=choose(self._p.clearance, self.asks, self.rules),
            outcomes=[on(Allowed, put(allowed)), on(Denied, denied, *failed)],
        )

    def properties(self) -> Iterator[Any]:
        """No URL is fetched that robots.txt forbids, or before its robots.txt was asked for."""
        from scraper_cpn.analysis import begin, every, fire, never

        if self._settings.robots == "obey":
            name = self._settings.robots_name
            yield every(
                fire(self.check.name),
                lambda seen: (
                    isinstance(seen.outcome, Allowed)
                    == allowed(seen[self.rules.name].text, name, seen[self.asks.name].url)
                ),
                claim="G8 robots.txt decides for each URL",
            )
            yield never(
                begin(*pages_of(self.net)),
                without=self.known.name,
                by="origin",
                claim="G8 no page before its robots.txt was asked for",
            )
