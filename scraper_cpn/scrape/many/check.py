"""Checking a crawl of many workers: each partition's rows, marking, pages, items and journal.

Owns: which checks there are, and their counts.
Must not know: the command line, how anything is shown, SQL.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from scraper_cpn.net.compiled.source import generated, in_python
from scraper_cpn.net.shares import Partition
from scraper_cpn.scrape.colours import STORED
from scraper_cpn.scrape.many.crawls import Known
from scraper_cpn.scrape.many.work import Program, ScrapeWork
from scraper_cpn.scrape.state.check import count_pages
from scraper_cpn.scrape.state.rows import failures
from scraper_cpn.store.net_signature import differences, listed
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.postgres.read import PartReader
from scraper_cpn.store.postgres.reader import snapshot
from scraper_cpn.store.replay import JournalReplay
from scraper_cpn.store.restore import restore


class ManyAudit(Struct, frozen=True, kw_only=True):
    """The counts of a crawl that passed all checks."""

    sound: bool = True
    partitions: int = 0
    tokens: int = 0
    """In the markings of all partitions."""
    pages: int = 0
    """Rows of stored pages."""
    failures: int = 0
    """Rows of the failed log."""
    items: int = 0
    batches: int = 0
    """How many batches were replayed."""
    firings: int = 0
    """Of those batches."""
    bases: int = 0
    """Partitions whose journal does not begin at their start."""


def audit(known: Known, on_progress: Callable[[int, int], None]) -> ManyAudit:
    """Check a crawl, also while workers run; *on_progress* is called with the partitions checked so far, and of how many.

    Each partition is checked as it is at one moment. Cost: reads everything once; replaying a batch takes as long as its
    decisions took.

    Raises:
        StoreError: "damaged" for the first fault found; "foreign" if the libraries installed here decide otherwise.
    """
    parts, whole = known.crawl.parts, ManyAudit()
    checks = _Checks(known)
    for number, part in enumerate(parts):
        try:
            with snapshot(known.crawl.address) as link:
                whole = _added(whole, checks.of(PartReader(link, part), number))
        except StoreError as error:
            if error.kind != "damaged":
                raise
            where = f"{known.crawl.address} is damaged: partition {number}"
            raise StoreError("damaged", f"{where}: {error}") from error
        on_progress(number + 1, len(parts))
    return whole


class _Checks:
    """The checks of a partition. All of them share the net, and the code that replays it."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self._partitions = len(known.crawl.parts)
        does = Program(digest=known.digest)
        self._work = ScrapeWork(known.opening, known.record, self._partitions, program=does)
        self._codec = self._work.codec
        self._build = in_python(generated(self._work.net, recorded=True, divided=True))

    def of(self, reader: PartReader, number: int) -> ManyAudit:
        """The counts of partition *number*. Raises `StoreError`."""
        if (wrong := next(reader.miscounted(), None)) is not None:
            raise StoreError("damaged", wrong)
        restore(reader.saved(), self._codec)
        pages, items = count_pages(reader.rows(STORED), reader.items())
        failed, head = sum(1 for _ in failures(reader)), reader.head()
        replay = self._replayed(reader, Partition(number, self._partitions))
        if (replay.seq, replay.marking_hash) != (head.seq, head.marking_hash):
            raise StoreError(
                "damaged", f"its journal ends at batch {replay.seq}, but its tables at {head.seq}"
            )
        return ManyAudit(
            partitions=1,
            tokens=head.tokens + head.paged,
            pages=pages,
            failures=failed,
            items=items,
            batches=head.seq - head.base_seq,
            firings=replay.firings,
            bases=int(head.base_seq > 0),
        )

    def _replayed(self, reader: PartReader, partition: Partition) -> JournalReplay:
        replay = JournalReplay(
            reader.base(), None, lambda _: self._codec, partition=partition, build=self._build
        )
        try:
            replay.play(reader.journal())
        except StoreError as error:
            others = differences(self._known.crawl.laws, self._work.laws(self._partitions))
            if error.kind != "damaged" or not others:
                raise
            raise StoreError(
                "foreign",
                f"{self._known.crawl.address}: its journals can't be replayed here, where workers would be refused: "
                f"{listed(others)}; partition {partition.number} is sound in its tables, rows and items",
            ) from error
        return replay


def _added(one: ManyAudit, other: ManyAudit) -> ManyAudit:
    names = [name for name in ManyAudit.__struct_fields__ if name != "sound"]
    return ManyAudit(**{name: getattr(one, name) + getattr(other, name) for name in names})
