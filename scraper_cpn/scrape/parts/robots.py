"""robots.txt (RFC 9309): fetched before any page of an origin and once a day, and checked for each URL.

Owns: the targets that wait for a verdict, the known robots.txt files and those that must be fetched.
Must not know: what happens to an allowed target.
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
from scraper_cpn.scrape.parts.stages import silent
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.robots import allowed

if TYPE_CHECKING:
    from scraper_cpn.scrape.parts.crossing import Crossing
    from scraper_cpn.scrape.parts.fetching import Fetching
    from scraper_cpn.scrape.parts.logins import Logins

DAY_NS = 86_400 * 1_000_000_000


class Robots(Part):
    """A target waits while its robots.txt is fetched, under the limits of all requests; then it is allowed or denied.

    Args:
        net: of a crawl.
        p: its policy.
        key: the fields by which the limits of requests count.
        crossing: leads to other partitions; None if there are none.
    """

    def __init__(
        self, net: Net, p: Policy, key: tuple[str, ...], crossing: Crossing | None
    ) -> None:
        super().__init__(net, "robots")
        self._crossing = crossing
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

    def fetch_rules(self, by: Fetching) -> None:
        """Fetch each robots.txt, and fetch it again after a failure and when it is a day old."""
        p, jobs, domains, log = self._p, self.jobs, by.domains, by.log
        signs = silent
        for each in by.stages:
            jobs, signs = each.jobs, partial(each.signs, each.jobs)
        get = self.effect("robots", RobotsOutcome)
        crossing, slower, rules = self._crossing, domains.p.slower, self._fetched(jobs)
        slow = put(domains.penalties, slower, jobs, Rules)
        paces = [slow] if crossing is None else crossing.penalty(domains, slower, jobs, Rules)
        throttled = put(domains.penalties, domains.p.robots_refusal_penalty, jobs, Throttled)
        health, pacing = domains.p.health, domains.pacing
        answered = put(domains.penalties, health.answered, pacing)
        failed = put(domains.penalties, health.failed, jobs, pacing, Failed)
        next_hop = self._hop(jobs, by.limits)
        too_far = self.answer(p.rules_after_too_many_redirects, jobs)
        self.transition(
            "get_robots",
            [jobs],
            limits=by.limits,
            effect=get(jobs, by.proxies.pool, domains.pacing),
            outcomes=[
                on(Rules, *rules, *paces, answered, *signs(Rules)),
                on(Redirected, *next_hop, *too_far, answered, *signs(Redirected)),
                on(
                    Throttled,
                    *self._failed(jobs, Throttled, log),
                    throttled,
                    answered,
                    *signs(Throttled),
                ),
                on(Failed, *self._failed(jobs, Failed, log), failed, *signs(Failed)),
                on(Lost, *self._failed(jobs, Lost, log), *signs(Lost)),
            ],
            deadline_ns=self._longest_ns,
        )
        again = put(self.jobs, p.refresh, self.rules)
        self.again = self.transition("refresh", [expired(self.rules)], outputs=[again])
        if crossing is not None:
            crossing.connect(self.jobs, self.rules, domains, by.limits, DAY_NS)

    def _fetched(self, jobs: Place[RobotsJob]) -> list[Output]:
        """The rules that were fetched, where their origin belongs."""
        if self._crossing is None:
            return [put(self.rules, lasts_ns=DAY_NS)]
        return self._crossing.fetched(self.rules, jobs, lasts_ns=DAY_NS)

    def _hop(self, jobs: Place[RobotsJob], limits: Sequence[Limit]) -> list[Output]:
        """The next hop of a redirect, and what a host or domain needs that was never seen."""
        if self._crossing is not None:
            return self._crossing.hop(self._p.robots_hop, jobs, Redirected)
        new_hosts = [output for limit in limits for output in limit.brings(Redirected)]
        return [put(self.jobs, self._p.robots_hop, jobs, Redirected), *new_hosts]

    def answer(self, make: Callable[..., Any], *sources: Any) -> list[Output]:
        """What *make* says of an origin, where that belongs."""
        if self._crossing is not None:
            return self._crossing.answer(self.rules, make, *sources, lasts_ns=DAY_NS)
        making: Any = make
        return [put(self.rules, making, *sources, lasts_ns=DAY_NS)]

    def _failed(
        self, jobs: Place[RobotsJob], outcome: type[object], log: Sink[Failure]
    ) -> list[Output]:
        """What a failed fetch puts: another attempt, or after the last one rules that forbid everything."""
        p = self._p
        again = [put(self.jobs, p.robots_again, jobs, outcome, after_ns=p.robots_wait_ns)]
        if self._crossing is not None:
            again = self._crossing.again(
                self.jobs, p.robots_again, jobs, outcome, after_ns=p.robots_wait_ns
            )
        over = self.answer(p.robots_unreachable, jobs, outcome)
        return [*again, *over, put(log, p.robots_failure, jobs, outcome)]

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
        from scraper_cpn.analysis import begin, each, end, every, fire, never

        if self._settings.robots == "obey":
            settings = self._settings
            name, jobs, most = settings.robots_name, self.jobs.name, settings.retries + 1
            yield each(
                jobs,
                lambda job: job.attempt - job.lost <= most and job.lost < settings.losses,
                claim="G5 attempts for a robots.txt end at the cap",
            )
            yield every(
                end("get_robots"),
                lambda seen: (
                    not isinstance(seen.outcome, Throttled | Failed | Lost)
                    or not any(
                        allowed(rules.text, name, f"{rules.origin}/page")
                        for rules in seen.puts(self.rules.name)
                    )
                ),
                claim="G8 a robots.txt that can't be fetched forbids all",
            )
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
