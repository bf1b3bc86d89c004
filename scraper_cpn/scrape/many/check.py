"""Checking a crawl of many workers: each partition's marking, pages and items.

Owns: which checks there are, and their counts. A partition's journal is not replayed.
Must not know: the command line, how anything is shown.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from scraper_cpn.scrape.colours import STORED
from scraper_cpn.scrape.many.crawls import Known
from scraper_cpn.scrape.many.work import divided_net
from scraper_cpn.scrape.state.check import count_pages
from scraper_cpn.scrape.state.rows import failures
from scraper_cpn.scrape.state.run import ScrapeCodec
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.postgres.read import PartReader
from scraper_cpn.store.postgres.reader import snapshot
from scraper_cpn.store.restore import restore


class ManyAudit(Struct, frozen=True, kw_only=True):
    """The counts of a crawl that passed all checks."""

    sound: bool = True
    partitions: int
    tokens: int
    """In the markings of all partitions."""
    pages: int
    """Rows of stored pages."""
    failures: int
    """Rows of the failed log."""
    items: int


def audit(known: Known, on_progress: Callable[[int, int], None]) -> ManyAudit:
    """Check a crawl, also while workers run; *on_progress* is called with the partitions checked so far, and of how many.

    Each partition is checked as it is at one moment. Cost: reads everything once.

    Raises:
        StoreError: "damaged" for the first fault found.
    """
    parts = known.crawl.parts
    codec = ScrapeCodec(divided_net(known.opening, len(parts)))
    tokens = pages = failed = items = 0
    for number, part in enumerate(parts):
        try:
            with snapshot(known.crawl.address) as link:
                here = _checked(PartReader(link, part), codec)
        except StoreError as error:
            if error.kind != "damaged":
                raise
            where = f"{known.crawl.address} is damaged: partition {number}"
            raise StoreError("damaged", f"{where}: {error}") from error
        tokens, pages, failed, items = (
            mine + more for mine, more in zip((tokens, pages, failed, items), here, strict=True)
        )
        on_progress(number + 1, len(parts))
    return ManyAudit(
        partitions=len(parts), tokens=tokens, pages=pages, failures=failed, items=items
    )


def _checked(reader: PartReader, codec: ScrapeCodec) -> tuple[int, int, int, int]:
    restored = restore(reader.saved(), codec)
    pages, items = count_pages(reader.rows(STORED), reader.items())
    return len(restored.durable.tokens), pages, sum(1 for _ in failures(reader)), items
