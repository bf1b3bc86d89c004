"""The driver of the scheduler by hand: as the net's, with the same options and consumer.

Owns: how it is started. Must not know: what the results are compared with.
"""

from __future__ import annotations

from typing import Any

from baseline.crawl import Crawl as CrawlByHand
from bench.peers.net import Consumer, drive
from scraper_cpn import Crawl
from scraper_cpn.version import __version__


async def crawl(asked: Crawl[Any], seeds: list[str], consumer: Consumer) -> None:
    """Crawl with the scheduler by hand; of the API's crawl only the settings are used."""
    await CrawlByHand(asked.settings, seeds, output=consumer).run()


if __name__ == "__main__":
    drive(crawl, f"baseline {__version__}")
