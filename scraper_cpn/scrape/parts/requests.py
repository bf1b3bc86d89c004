"""The requests for pages: a target and all its limits are taken in one atomic step.

Owns: the requests in flight, and what follows from each outcome.
Must not know: what the limits are.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from scraper_cpn.net import Limit, Lost, Net, On, Output, Part, Place, local, on, put
from scraper_cpn.scrape.colours import (
    Failed,
    Failure,
    Fetched,
    FetchOutcome,
    Found,
    Raw,
    Redirected,
    Target,
    Throttled,
    Unchanged,
    VisitOutcome,
)  # fmt: skip
from scraper_cpn.scrape.parts.crossing import Crossing
from scraper_cpn.scrape.parts.fetching import Fetching
from scraper_cpn.scrape.parts.frontier import Frontier
from scraper_cpn.scrape.parts.logins import Logins
from scraper_cpn.scrape.parts.revisits import Revisits
from scraper_cpn.scrape.parts.sessions import Sessions
from scraper_cpn.scrape.parts.stages import silent
from scraper_cpn.scrape.parts.sticky import StickyProxies
from scraper_cpn.scrape.policy import Policy


class Requests(Part):
    """`scrape_target` fetches the first target in order whose limits all permit it."""

    def __init__(self, net: Net, p: Policy, crossing: Crossing | None) -> None:
        super().__init__(net, "requests")
        self._p = p.requests
        self._longest_ns = 2 * p.settings.timeout_ns
        by_page = p.settings.max_depth is not None
        share = local if crossing is None else crossing.of_hops(by_page=by_page)
        self.hops = self.place("hops", Found, timed=True, work=True, share=share)
        self.in_progress = self.place("in_progress", Target, key="url")

    def scrape(
        self,
        frontier: Frontier,
        by: Fetching,
        limits: Sequence[Limit],
        sticky: Sequence[StickyProxies],
        *,
        fetched: Place[Raw],
        failed: Place[Failure],
        logins: Sequence[Logins],
        revisits: Revisits | None,
        sessions: Sequence[Sessions],
    ) -> None:
        """Fetch targets of the frontier; a page goes to *fetched*, a failed attempt to *failed*.

        The *limits* are all those of a page, in their order.
        """
        p, targets, compares = self._p, frontier.targets, self._p.settings.compares
        domains, proxies, log = by.domains, by.proxies, by.log
        signs = silent
        for stage in by.stages:
            targets, signs = stage.targets, partial(stage.signs, stage.targets)
        for each in sticky:
            targets = each.targets
        fetch = self.effect("fetch", VisitOutcome if compares else FetchOutcome)
        next_hop = put(frontier.links, p.hop_now, targets, Redirected)
        later = put(self.hops, p.hop_later, targets, Redirected, after_ns=p.hop_after_ns)
        penalty = put(domains.penalties, domains.p.refusal, targets, Throttled)
        health, pacing = domains.p.health, domains.pacing
        answered = put(domains.penalties, health.answered, pacing)
        adapted = put(domains.penalties, domains.p.adapted, pacing, Fetched)
        paced = [adapted] if domains.p.settings.adaptive else []
        raw = put(fetched, p.raw_through, targets, proxies.pool, Fetched)
        row, redirected = put(log, p.redirect, targets, Redirected), list[Output]()
        for login in logins:
            raw = put(fetched, p.raw_logged_in, targets, proxies.pool, login.sessions, Fetched)
            row = put(log, p.redirect_of_page, targets, Redirected)
            redirected += login.at_redirect(targets, failed, p)
        for pool in sessions:
            raw = put(fetched, p.raw_in_session, targets, proxies.pool, pool.pool, Fetched)
            for login in logins:
                them = (proxies.pool, login.sessions, pool.pool)
                raw = put(fetched, p.raw_logged_in_session, targets, *them, Fetched)
        redirect_outputs = [next_hop, later, row, *redirected]
        page, same = [raw, answered, *paced], list[On]()
        unchanged = [answered, *signs(Unchanged)]
        if revisits is not None:
            page.append(revisits.at_page(targets))
            redirect_outputs.append(revisits.at_redirect(targets, p))
            unchanged.append(revisits.at_unchanged(targets))
        if compares:
            page.append(put(log, p.visits.same, targets, Fetched))
            same.append(on(Unchanged, put(log, p.visits.unchanged, targets), *unchanged))
        no_answer = put(domains.penalties, health.failed, targets, pacing, Failed)
        self.scrape_target = self.transition(
            "scrape_target",
            [targets],
            limits=limits,
            effect=fetch(targets, proxies.pool, domains.pacing, *(each.pool for each in sessions)),
            during=self.in_progress,
            deadline_ns=self._longest_ns,
            outcomes=[
                on(Fetched, *page, *signs(Fetched)),
                *same,
                on(Redirected, *redirect_outputs, answered, *signs(Redirected)),
                on(
                    Throttled,
                    put(failed, p.throttled, targets, Throttled),
                    penalty,
                    answered,
                    *signs(Throttled),
                ),
                on(Failed, put(failed, p.failed, targets, Failed), no_answer, *signs(Failed)),
                on(Lost, put(failed, p.lost, targets, Lost), *signs(Lost)),
            ],
        )
        self.transition("hop", [self.hops], outputs=[put(frontier.links)])

    def properties(self) -> Iterator[Any]:
        """A URL is in flight once."""
        from scraper_cpn.analysis import at_most

        yield at_most(
            1, in_flight=self.scrape_target.name, by="url", claim="G4 a URL is in flight once"
        )
