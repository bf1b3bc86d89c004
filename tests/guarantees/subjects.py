"""Who has to keep the guarantees: the net, and the scheduler written by hand.

Owns: how each crawls a web in virtual time, watched at every step or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from baseline.opening import open_crawl
from baseline.scheduler import Scheduler
from baseline.virtual import virtual_crawl as by_hand
from mocks.inprocess import Crawled, crawl
from scraper_cpn.net.compiled.kernel import compile_net
from scraper_cpn.scrape.colours import Target
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import open_crawl as open_net
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.virtual import VirtualWeb, virtual_crawl
from scraper_cpn.simulate.web import SyntheticWeb
from tests.baseline.watched import Watched as WatchedByHand
from tests.guarantees.watch import Watched, watched


class Subject:
    """One of the two."""

    name = "net"
    by: Any = staticmethod(virtual_crawl)
    """Crawls in virtual time."""

    def __repr__(self) -> str:
        return self.name

    def opened(self, policy: Policy, targets: Sequence[Target]) -> Any:
        """A kernel, or what has its calls, with the first tokens of a crawl at time 0."""
        net = ScrapeNet(policy)
        kernel = compile_net(net)
        open_net(kernel, net, targets, 0)
        return kernel

    def crawl(
        self,
        settings: Settings,
        web: SyntheticWeb,
        seeds: Sequence[str] = (),
        effects: Any = VirtualWeb.effects,
    ) -> Crawled:
        """A crawl of *web*."""
        return crawl(settings, web, seeds, effects=effects, by=self.by)

    def watch(
        self,
        settings: Settings,
        web: SyntheticWeb,
        seeds: Sequence[str] = (),
        effects: Any = VirtualWeb.effects,
    ) -> tuple[Crawled, Watched | WatchedByHand]:
        """The same, looked at after every call; with what was looked at."""
        kernels: list[Watched] = []

        def kernel(*given: Any) -> Watched:
            kernels.append(watched(settings)(*given))
            return kernels[0]

        return crawl(settings, web, seeds, effects=effects, kernel=kernel), kernels[0]


class ByHand(Subject):
    """The scheduler written by hand."""

    name = "by hand"
    by = staticmethod(by_hand)

    def opened(self, policy: Policy, targets: Sequence[Target]) -> Any:
        scheduler = Scheduler(policy)
        open_crawl(scheduler, policy.settings, targets, 0)
        return scheduler

    def watch(
        self,
        settings: Settings,
        web: SyntheticWeb,
        seeds: Sequence[str] = (),
        effects: Any = VirtualWeb.effects,
    ) -> tuple[Crawled, Watched | WatchedByHand]:
        made: list[WatchedByHand] = []

        def scheduler(policy: Any) -> WatchedByHand:
            made.append(WatchedByHand(policy))
            return made[0]

        given = {"effects": effects, "by": by_hand, "scheduler": scheduler}
        return crawl(settings, web, seeds, **given), made[0]


SUBJECTS = (Subject(), ByHand())
