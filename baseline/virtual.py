"""A crawl by hand in virtual time, on a synthetic web.

Owns: the wiring of such a crawl; driver, web and effects are those of the net.
Must not know: asyncio, sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from baseline.opening import open_crawl
from baseline.scheduler import Scheduler
from scraper_cpn.net.marking import Row
from scraper_cpn.scrape.policy import Policy, sites_of
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.virtual import EPOCH_NS, Heard, VirtualWeb
from scraper_cpn.simulate.driver import Run, VirtualEffect, run
from scraper_cpn.simulate.web import SyntheticWeb


def virtual_crawl(
    settings: Settings,
    web: SyntheticWeb,
    seeds: Sequence[str],
    *,
    heard: Heard | None = None,
    on_rows: Callable[[list[Row]], None] | None = None,
    scheduler: Callable[[Policy], Scheduler] = Scheduler,
    effects: Callable[[VirtualWeb], Mapping[str, VirtualEffect]] = VirtualWeb.effects,
) -> Run:
    """Crawl a synthetic web in virtual time.

    Args:
        settings: limits and pace, as for a real crawl.
        web: what answers.
        seeds: URLs, normalised.
        heard: is called with each request.
        on_rows: is given the rows of the sinks.
        scheduler: makes the scheduler, for tests that watch it.
        effects: what to bind, given those of the web; for injecting failures.
    """
    policy = Policy(settings, sites_of(settings, seeds))
    deciding = scheduler(policy)
    targets = [policy.frontier.seed(url, EPOCH_NS) for url in seeds]
    open_crawl(deciding, settings, targets, EPOCH_NS)
    bound = effects(VirtualWeb(settings, web, policy, heard))
    return run(deciding, bound, EPOCH_NS, on_rows=on_rows)
