"""Explaining what became of a URL in a crawl of many workers.

Owns: asking the partition of the URL's domain.
Must not know: the command line, how anything is shown.
"""

from __future__ import annotations

from scraper_cpn.net.shares import partition_of
from scraper_cpn.scrape.many.crawls import Known
from scraper_cpn.scrape.many.work import divided_net
from scraper_cpn.scrape.state.explain import whereabouts
from scraper_cpn.scrape.state.explanation import Explanation
from scraper_cpn.scrape.state.run import ScrapeCodec
from scraper_cpn.scrape.urls import domain_of
from scraper_cpn.store.postgres.read import PartReader
from scraper_cpn.store.postgres.reader import snapshot
from scraper_cpn.store.reader import RunInfo


def explain_in(known: Known, url: str) -> Explanation:
    """Find a URL (normalised) in the partition of its domain.

    Cost: as that of `state.explain`, for one partition.

    Raises:
        StoreError: the database can't be read.
    """
    policy = known.opening.policy
    partitions = len(known.crawl.parts)
    number = partition_of(domain_of(url, policy.settings.limit_by), partitions)
    part = known.crawl.parts[number]
    codec = ScrapeCodec(divided_net(known.opening, partitions))
    with snapshot(known.crawl.address) as link:
        reader = PartReader(link, part)
        head = reader.head()
        name = f"partition {number} of {partitions}"
        info = RunInfo(part, name, 0, head.seq, head.at_ns, known.facts | reader.metadata())
        found = whereabouts(reader, info, codec, url)
        asked = policy.frontier.asked(url)
        if found.stands == "unknown" and asked != url:
            found = whereabouts(reader, info, codec, asked)
        return found
