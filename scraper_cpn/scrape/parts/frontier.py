"""The frontier: each URL is admitted once, then waits for its turn.

Owns: the links that were found, the known URLs and requests, and the targets that wait to be fetched.
Must not know: how a target is fetched, what its limits are.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from scraper_cpn.net import Limit, Net, Part, Sink, local, put, put_new
from scraper_cpn.scrape.colours import Failure, Found, Target
from scraper_cpn.scrape.parts.crossing import Crossing
from scraper_cpn.scrape.parts.depths import Depths
from scraper_cpn.scrape.parts.robots import Robots
from scraper_cpn.scrape.parts.sitemaps import Sitemaps
from scraper_cpn.scrape.parts.traps import Traps
from scraper_cpn.scrape.policy.frontier import FrontierPolicy


class Frontier(Part):
    """Links come in as `found`; each new one waits as a target, in the order of its priority.

    A GET is new if its URL is; any other request is new if the same was not made before.

    Args:
        net: of a crawl.
        p: the policy.
        key: the fields by which the limits of requests count.
        depths: lower the depths of links on their way; None: there is no greatest depth.
    """

    def __init__(
        self, net: Net, p: FrontierPolicy, key: tuple[str, ...], depths: Depths | None
    ) -> None:
        super().__init__(net, "frontier")
        self._p, self._depths = p, depths
        self._traps: Traps | None = None
        self.found = self.place("found", Found, source=True, work=True, share=local)
        self.links = self.found if depths is None else depths.links
        """Where the links of pages and the next hops of redirects come in."""
        self.seen = self.set("seen", Target, key="url", paged=True)
        self.requested = self.set("requested", Target, key="identity", paged=True)
        self.targets = self.place(
            "prioritized_targets", Target, key=key, order=p.turn, work=True, paged=True
        )

    def admit(
        self,
        robots: Robots,
        limits: Sequence[Limit],
        traps: Traps | None,
        sitemaps: Sitemaps | None,
        log: Sink[Failure],
        crossing: Crossing | None,
    ) -> None:
        """Admit new URLs: each first waits for its robots.txt, or goes straight to the waiting targets.

        Those that count as *traps* go to the *log*. The *sitemaps* of new origins are looked for. Those of other
        partitions are admitted there.
        """
        asks, targets = robots.asks, self.targets
        found = self.found if crossing is None else crossing.links(self.found)
        asking = put_new(self.seen, asks, self._p.to_ask, found)
        waiting = put_new(self.seen, targets, self._p.to_fetch, found)
        asking_too = put_new(self.requested, asks, self._p.requests_to_ask, found)
        waiting_too = put_new(self.requested, targets, self._p.requests_to_fetch, found)
        brought = [new for limit in limits for at in (asks, targets) for new in limit.brings(at)]
        outputs = [asking, waiting, asking_too, waiting_too, *brought, robots.new_job(asks)]
        self._traps = traps
        if traps is not None:
            outputs.append(traps.catch(self.seen, found))
            traps.write(log)
        if sitemaps is not None:
            outputs += sitemaps.look(found, robots)
        if self._depths is not None:
            outputs.append(put(self._depths.paths, self._p.depths.paths, found))
            self._depths.shorten(self.found)
        self.transition("admit", [found], outputs=outputs)

    def properties(self) -> Iterator[Any]:
        """No waiting URL is a trap, or deeper than the limit."""
        if self._depths is not None:
            yield self._depths.bounded(self.targets)
        if self._traps is not None:
            yield self._traps.none_in(self.targets)
