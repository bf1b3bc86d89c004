"""Reading seeds into a crawl that runs.

Owns: when the next seeds are read, and the tokens that they become.
Must not know: where the text is kept, the shell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from scraper_cpn.net import Kernel
from scraper_cpn.scrape.colours import url_of
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy.frontier import split
from scraper_cpn.scrape.seeds import BadSeed, Unread, seeds_in

FEW, MANY = 1_000, 50_000
"""Below FEW waiting URLs seeds are read in any case; up to MANY, while a request could start but none may:
other seeds may belong to domains that nobody waits for."""


class SeedFeed:
    """Reads seeds as soon as the crawl could use more of them.

    Args:
        kernel: of the scrape net.
        net: the kernel's net.
        unread: the text that is left.
        permit: is called with the seeds of each block before they enter the net.
    """

    def __init__(
        self,
        kernel: Kernel,
        net: ScrapeNet,
        unread: Unread,
        permit: Callable[[Iterable[str]], None],
    ) -> None:
        self._kernel = kernel
        self._net = net
        self._unread = unread
        self._permit = permit

    def __call__(self, now_ns: int) -> bool:
        """Inject the seeds of the next block, if they are wanted; returns whether there was one."""
        if not self._is_wanted() or (block := self._unread.take()) is None:
            return False
        frontier = self._net.policy.frontier
        seeds = list(seeds_in(self._unread.name, block))
        good = dict.fromkeys(seed for seed in seeds if not isinstance(seed, BadSeed))
        if good:
            self._permit(map(url_of, good))
            found = split(frontier.seed(seed, now_ns) for seed in good)
            self._kernel.inject(self._net.frontier.found, found, now_ns)
        for bad in seeds:
            if isinstance(bad, BadSeed):
                bad_seed = frontier.bad_seed(bad.text, bad.reason)
                self._kernel.inject(self._net.seeds.bad, bad_seed, now_ns)
        return True

    @property
    def waits(self) -> bool:
        """Whether seeds may come that nobody knows yet, and be wanted."""
        return self._unread.arriving and self._may_start()

    def _may_start(self) -> bool:
        net, count = self._net, self._kernel.count
        return bool(count(net.gate.open.name) and count(net.budget.left.name))

    def _is_wanted(self) -> bool:
        net, count = self._net, self._kernel.count
        if not self._may_start():
            return False
        waiting = sum(count(place.name) for place in net.known_urls)
        return waiting < FEW or (waiting < MANY and count(net.permits.free.name) > 0)
