"""Retrying failed URLs of a crawl of many workers, while none of them runs.

Owns: claiming all partitions for that, and letting the crawl go on.
Must not know: the command line, which rows are put back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from contextlib import suppress

from scraper_cpn.cluster.session import Session
from scraper_cpn.cluster.sql import query
from scraper_cpn.scrape.many.crawls import Known
from scraper_cpn.scrape.many.work import divided_net
from scraper_cpn.scrape.state.retry import retry_failed
from scraper_cpn.scrape.state.run import ScrapeCodec
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.postgres.claim import Claim, new_owner
from scraper_cpn.store.postgres.holder import myself, packed
from scraper_cpn.store.postgres.link import Link, Pool
from scraper_cpn.store.postgres.store import PostgresStore

LEASE_SECONDS = 60.0
"""How long a partition is kept from workers while its rows are put back."""


async def put_back(known: Known, kinds: Collection[str] | None) -> dict[str, int]:
    """Put failed URLs back as if they were new; returns how many of each kind. The crawl may go on then.

    Raises:
        StoreError: "locked" if a worker runs; the database can't be written.
    """
    crawl, owner = known.crawl, new_owner()
    codec = ScrapeCodec(divided_net(known.opening, len(crawl.parts)))
    session = Session(crawl.address, crawl.id)
    link, pool = Link(crawl.address), Pool(crawl.address)
    found = Counter[str]()
    try:
        lease_ms = int(LEASE_SECONDS * 1_000)
        claimed = await session.claim(owner, lease_ms, packed(myself()), [], len(crawl.parts))
        if len(claimed) < len(crawl.parts):
            raise StoreError(
                "locked",
                f"{crawl.address}: workers run; let them leave first: scrape stop, with the same --database and --name",
            )
        for each in claimed:
            claim = Claim(each.part, each.epoch, owner, LEASE_SECONDS)
            store = PostgresStore(crawl.address, link, pool, claim)
            found.update(await retry_failed(store, kinds, (known.opening, codec)))
        if found:
            await session.ask(query("go_on"), crawl.id)
    finally:
        with suppress(StoreError):  # then its leases end by themselves
            await session.release_worker(owner)
        session.close()
        pool.close()
        link.close()
    return dict(found)
