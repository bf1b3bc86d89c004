"""What goes from one partition of a crawl to another: links, sitemaps, robots.txt that redirects, and a handler's stop.

Owns: the channels, and what is done with a token before it crosses and when it has. A crawl has this part only if it is
divided into partitions.
Must not know: how tokens are carried, where links and sitemaps come from.
"""

from collections.abc import Callable, Sequence
from typing import Any

from scraper_cpn.net import At, Limit, Net, Output, Part, Place, channel, keyed, local, put
from scraper_cpn.scrape.colours import Found, Maps, Parsed, RobotsJob, Rules, StopAt, StopRequest
from scraper_cpn.scrape.parts.domains import Domains
from scraper_cpn.scrape.policy.partitions import (
    PartitionPolicy,
    away,
    domain_of_links,
    domain_of_maps,
    here,
    leaving,
    staying,
)
from scraper_cpn.scrape.settings import Settings, UsageError


class Crossing(Part):
    """Everything that concerns another domain crosses here; all other parts are of one domain at a time."""

    def __init__(self, net: Net, p: PartitionPolicy) -> None:
        super().__init__(net, "crossing")
        self._p = p
        self._hops = self.place("robots_hops", RobotsJob, timed=True, work=True, share=local)
        self._jobs = self.place(
            "crossing_robots", RobotsJob, key="domain", work=True, share=channel()
        )
        self._rules = self.place(
            "returning_robots", Rules, key="origin", work=True, share=channel()
        )
        self._stops = self.place("stops", StopAt, work=True, share=channel(_at))

    def of_hops(self, *, by_page: bool) -> Any:
        """The share of redirects that wait: with the page that redirects, if depths are counted by page."""
        return keyed(self._p.of_hop) if by_page else local

    def links(self, found: Place[Found]) -> Place[Found]:
        """Where the links of each domain come in, of what any page has found."""
        by_domain = self.place("crossing_links", Found, work=True, share=channel(domain_of_links))
        outputs = [put(by_domain, self._p.links_by_domain, found)]
        self.transition("split_links", [found], outputs=outputs)
        return by_domain

    def maps(self, located: Place[Maps]) -> Place[Maps]:
        """Where the sitemaps of each domain come in."""
        by_domain = self.place("crossing_maps", Maps, work=True, share=channel(domain_of_maps))
        outputs = [put(by_domain, self._p.maps_by_domain, located)]
        self.transition("split_maps", [located], outputs=outputs)
        return by_domain

    def stop(self, stop: Place[StopRequest]) -> Output:
        """What a page puts whose handler wants to stop the crawl: a request to stop in each partition."""
        outputs = [put(stop, self._p.stop, self._stops)]
        self.transition("stop_here", [self._stops], outputs=outputs)
        return put(self._stops, self._p.stops, Parsed)

    # robots.txt: a redirect leads to another domain, and the rules lead back.

    def connect(
        self,
        jobs: Place[RobotsJob],
        rules: Place[Rules],
        domains: Domains,
        limits: Sequence[Limit],
        lasts_ns: int,
    ) -> None:
        """Pass redirected robots.txt on to *jobs* in the domain that they lead to, and what they say back to *rules*."""
        new = [output for limit in limits for output in limit.brings(self._jobs)]
        self.transition("cross_robots", [self._hops], outputs=[put(self._jobs)])
        self.transition("ask_elsewhere", [self._jobs], outputs=[put(jobs), *new])
        back = put(rules, lasts_ns=lasts_ns)
        slower = put(domains.penalties, self._p.slower, self._rules)
        self.transition("hear_elsewhere", [self._rules], outputs=[back, slower])

    def hop(self, make: Callable[..., RobotsJob | None], *sources: Any) -> list[Output]:
        """The next hop of a redirect: it may be in any domain."""
        making: Any = make
        return [put(self._hops, making, *sources)]

    def again(
        self,
        jobs: Place[RobotsJob],
        make: Callable[..., RobotsJob | None],
        *sources: Any,
        after_ns: Callable[..., int],
    ) -> list[Output]:
        """The next attempt: it begins in the domain of the origin again."""
        stays: Any = staying(make)
        leaves: Any = leaving(make)
        waits: Any = after_ns
        return [
            put(jobs, stays, *sources, after_ns=waits),
            put(self._hops, leaves, *sources, after_ns=waits),
        ]

    def answer(
        self, rules: Place[Rules], make: Callable[..., Any], *sources: Any, lasts_ns: int
    ) -> list[Output]:
        """What *make* says of an origin: to *rules*, or back to the domain of the origin."""
        stays: Any = here(make)
        leaves: Any = away(make)
        return [put(rules, stays, *sources, lasts_ns=lasts_ns), put(self._rules, leaves, *sources)]

    def penalty(self, domains: Domains, make: Callable[..., Any], *sources: Any) -> list[Output]:
        """The Crawl-delay of an origin that was asked in its own domain; of another, it follows the rules."""
        making: Any = here(make)
        return [put(domains.penalties, making, *sources)]

    def fetched(
        self, rules: Place[Rules], jobs: Place[RobotsJob], *, lasts_ns: int
    ) -> list[Output]:
        """The rules that were fetched, as `answer`."""
        return self.answer(rules, self._p.rules, jobs, Rules, lasts_ns=lasts_ns)


def crossing_of(net: Net, settings: Settings, partitions: int) -> Crossing | None:
    """The crossing of a crawl that is divided.

    Raises:
        UsageError: the crawl has options that can't be divided.
    """
    if partitions == 1:
        return None
    p = PartitionPolicy(settings, partitions)
    if kept := p.undivided():
        raise UsageError(
            f"partitions: {', '.join(kept)} can't be divided among partitions yet; "
            f"leave {'it' if len(kept) == 1 else 'them'} out, or crawl with --state"
        )
    return Crossing(net, p)


def _at(stop: StopAt) -> At:
    return At(stop.partition)
