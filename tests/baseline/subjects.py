"""The two schedulers, behind one face."""

from __future__ import annotations

from typing import Any

from baseline.opening import open_crawl
from baseline.scheduler import Scheduler
from scraper_cpn.net.compiled.kernel import Compiled, compile_net
from scraper_cpn.scrape import opening
from scraper_cpn.scrape.colours import Found, StopRequest, Target
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings


class ByHand(Scheduler):
    """The scheduler that is tested."""

    def open(self, settings: Settings, targets: list[Target], now_ns: int) -> None:
        open_crawl(self, settings, targets, now_ns)


class ByNet:
    """The compiled net."""

    def __init__(self, policy: Policy) -> None:
        self._net = ScrapeNet(policy)
        self._kernel: Compiled = compile_net(self._net)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kernel, name)

    def _place(self, name: str) -> Any:
        return self._net.places[name]

    def open(self, settings: Settings, targets: list[Target], now_ns: int) -> None:
        opening.open_crawl(self._kernel, self._net, targets, now_ns)

    def find(self, found: Found, now_ns: int) -> None:
        self._kernel.inject(self._place("found"), found, now_ns)

    def stop(self, now_ns: int) -> None:
        self._kernel.inject(self._place("stop"), StopRequest(), now_ns)
