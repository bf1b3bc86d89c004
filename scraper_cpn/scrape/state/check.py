"""Full integrity check of a state's crawls.

Owns: the order of the checks, and their counts.
Must not know: the command line, how anything is shown, SQL.

The database's own check and the counts of rows come first, then the tables' marking and its hash, then rows and
items, and the text of the seeds. Last, the journal is replayed from its base: after each batch the hash must equal the recorded one,
and the final marking must equal that of the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import msgspec
from msgspec import Struct

from scraper_cpn.scrape.colours import STORED
from scraper_cpn.scrape.state.libraries import others_since
from scraper_cpn.scrape.state.metadata import read_row, read_value
from scraper_cpn.scrape.state.rows import StoredPage, checksum_of, failures
from scraper_cpn.scrape.state.run import Opening, codec_of, codec_of_opening, kept, openings
from scraper_cpn.scrape.state.unread import TAKEN, check_text
from scraper_cpn.store.codec import MASK
from scraper_cpn.store.port import ItemRow, JournalRow, SinkRow, StoreError
from scraper_cpn.store.replay import JournalReplay
from scraper_cpn.store.restore import restore
from scraper_cpn.store.states import Location, RunView, look, verify

OnProgress = Callable[[str, int, int], None]
"""Is called with a run's name, the number of batches replayed so far, and their total."""


class Audit(Struct, frozen=True, kw_only=True):
    """The counts of a crawl that passed all checks."""

    run: str
    tokens: int
    """Tokens of the marking: waiting URLs, permits, pauses."""
    marking_hash: str
    """The hash of the tables' marking and of the journal's last batch; 16 hexadecimal digits."""
    pages: int
    """Rows of stored pages."""
    failures: int
    """Rows of the failed log."""
    items: int
    base: int
    """The batch after which the journal begins; 0: at the start of the crawl."""
    batches: int
    """How many batches were replayed."""
    firings: int


def audits(
    path: Location, run: str | None = None, on_progress: OnProgress | None = None
) -> list[Audit]:
    """Check the file and all its crawls, or only the crawl called *run*, even while a crawl is running.

    Cost: reads the whole file; replaying a batch takes as long as its decisions took.

    Raises:
        StoreError: the first fault found, or the state belongs to another net.
    """
    wrong = verify(path)
    if wrong:
        more = f" (and {len(wrong) - 1} more faults)" if wrong[1:] else ""
        raise StoreError("damaged", f"{path} is damaged: {wrong[0]}{more}")
    with look(path) as reader:
        names = [each.name for each in reader.runs()] if run is None else [run]
        return [_audit(path, name, reader.run(name), on_progress or _nobody) for name in names]


def _nobody(_run: str, _played: int, _of: int) -> None:
    """Ignore the progress."""


def _audit(path: Location, name: str, reader: RunView, on_progress: OnProgress) -> Audit:
    try:
        return _sound(name, reader, on_progress)
    except StoreError as error:
        if error.kind != "damaged" or str(path) in str(error):
            raise
        raise StoreError("damaged", f"{path} is damaged: run {name}: {error}") from error


def _sound(name: str, reader: RunView, on_progress: OnProgress) -> Audit:
    head, history = reader.head(), openings(reader.metadata())
    restore(reader.saved(), codec_of(history[-1][1].policy))
    pages, items = count_pages(reader.rows(STORED), reader.items())
    failed = sum(1 for _ in failures(reader))
    if (given := kept(reader.metadata()).input) is not None:
        check_text(reader, given, read_value(reader.metadata(), TAKEN, int, b"0"))
    replay = _replayed(name, reader, history, on_progress)
    if (replay.seq, replay.marking_hash) != (head.seq, head.marking_hash):
        raise StoreError(
            "damaged", f"its journal ends at batch {replay.seq}, but its tables at {head.seq}"
        )
    return Audit(
        run=name,
        tokens=head.tokens + head.paged,
        marking_hash=f"{head.marking_hash & MASK:016x}",
        pages=pages,
        failures=failed,
        items=items,
        base=head.base_seq,
        batches=head.seq - head.base_seq,
        firings=replay.firings,
    )


def _written(opening: Opening) -> object:
    """An opening in the journal's form."""
    return msgspec.to_builtins(opening)


def count_pages(rows: Iterable[SinkRow], items: Iterator[ItemRow]) -> tuple[int, int]:
    """Count stored pages and their items; checks that each page has the items that it was stored with."""
    pages = number = 0
    for _, _, body in rows:
        page = read_row(body, StoredPage)
        own = list(islice(items, page.items))
        if page.checksum != checksum_of(page.url, page.depth, own):
            raise StoreError(
                "damaged", f"{page.url} or its items have changed since they were stored"
            )
        pages, number = pages + 1, number + page.items
    if next(items, None) is not None:
        raise StoreError(
            "damaged", f"its pages have {number} items, but its table of items has more"
        )
    return pages, number


def _replayed(
    name: str, reader: RunView, history: list[tuple[int, Opening]], on_progress: OnProgress
) -> JournalReplay:
    base, head = reader.base(), reader.head()
    opening = next(each for seq, each in reversed(history) if seq <= base.seq)
    replay = JournalReplay(base, _written(opening), codec_of_opening)
    rows = _telling(reader.journal(), head.seq - base.seq, lambda *far: on_progress(name, *far))
    try:
        replay.play(rows)
    except StoreError as error:
        others = others_since(reader.metadata(), base.seq)
        if error.kind != "damaged" or not others:
            raise
        raise StoreError(
            "foreign",
            f"its journal can't be replayed with the libraries installed now ({'; '.join(others)}); "
            "its tables, rows and items are sound, and resume can continue from them",
        ) from error
    return replay


def _telling(
    rows: Iterator[JournalRow], of: int, on_progress: Callable[[int, int], None]
) -> Iterator[JournalRow]:
    for number, row in enumerate(rows, start=1):
        on_progress(number, of)
        yield row
