"""What requests of every kind are connected to: pages, robots.txt, sitemaps and files.

Owns: the bundle.
Must not know: what a request does with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scraper_cpn.net import Limit, Sink

if TYPE_CHECKING:
    from scraper_cpn.scrape.colours import Failure
    from scraper_cpn.scrape.parts.domains import Domains
    from scraper_cpn.scrape.parts.proxies import Proxies
    from scraper_cpn.scrape.parts.stages import Stage


@dataclass(frozen=True)
class Fetching:
    """What requests of every kind are connected to.

    Attributes:
        limits: each request takes something from each of them.
        domains: are told how a request ended.
        proxies: one of them carries the request.
        stages: give it a proxy or an address first.
        log: of failures.
    """

    limits: Sequence[Limit]
    domains: Domains
    proxies: Proxies
    stages: Sequence[Stage]
    log: Sink[Failure]
