"""Exporting the items and the failed log of a crawl of many workers.

Owns: reading all partitions as one.
Must not know: the command line, formats, SQL.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import anyio

from scraper_cpn.cluster.look import look_at
from scraper_cpn.scrape.items.outputs import has_columns
from scraper_cpn.scrape.many.crawls import Known
from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.scrape.state.export import Export, export_failures
from scraper_cpn.scrape.state.rows import failures
from scraper_cpn.store.port import ItemRow
from scraper_cpn.store.postgres.link import Link
from scraper_cpn.store.postgres.read import PartReader

LOOK_SECONDS = 0.5
"""How often new items are looked for."""
_TOGETHER = 500
"""The most items of a partition in one batch."""


class _Whole:
    """The items of all partitions, as of one run: in each they are in order, and the partitions follow each other."""

    def __init__(self, parts: Sequence[PartReader]) -> None:
        self._parts = parts

    def items(self) -> Iterator[ItemRow]:
        """The items."""
        return chain.from_iterable(part.items() for part in self._parts)


def export_crawl(
    known: Known,
    where: str,
    *,
    failed: str | None,
    overwrite: bool,
    on_progress: Callable[[int, int], None],
    follow: bool = False,
    **form: Any,
) -> dict[str, Any]:
    """Write the items of a crawl, and its failed log; returns what was written.

    Args:
        known: the crawl.
        where: a file, whose suffix gives the format, or `-`.
        failed: the file for the failed log; None: it is not written.
        overwrite: replace an existing file.
        on_progress: is called with the items written so far, and how many there are.
        follow: whether to go on with items that become durable, until the crawl has ended.
        form: the form of the output, as `open_output` takes it.

    Raises:
        UsageError: the output can't be written.
        OutputError: the items can't be written.
        StoreError: the database can't be read.
    """
    if follow and has_columns(
        where, form.get("format"), csv_excel=bool(form.get("csv_excel", False))
    ):
        raise UsageError("--follow: the columns are not known yet; write to a .jsonl file")
    link = Link(known.crawl.address)
    try:
        parts = [PartReader(link, part) for part in known.crawl.parts]
        work = Export(
            _Whole(parts), where, overwrite=overwrite, fields=known.opening.settings.fields, **form
        )
        account: dict[str, Any] = {"output": where}
        if follow:
            account["items"] = anyio.run(
                work.write_batches,
                _following(known, link, parts),
                lambda done: on_progress(done, done),
            )
        if failed is not None:
            with Path(failed).open("w", encoding="utf-8") as log:
                account |= {
                    "failed": failed,
                    "failed_rows": export_failures(chain.from_iterable(map(failures, parts)), log),
                }
        if not follow:
            of = sum(part.head().items for part in parts)
            account["items"] = anyio.run(work.write, lambda done: on_progress(done, of))
        return account
    finally:
        link.close()


async def _following(
    known: Known, link: Link, parts: Sequence[PartReader]
) -> AsyncIterator[list[bytes]]:
    """The items of a crawl as they become durable, until it has ended."""
    at = dict.fromkeys(parts, 0)
    while True:
        look = link.call(lambda on: look_at(on, known.crawl.id))
        fresh = list[bytes]()
        for part in at:
            for number, body in islice(part.items_after(at[part]), _TOGETHER):
                at[part] = number
                fresh.append(body)
        if fresh:
            yield fresh
        elif look.ended is not None:
            return
        else:
            await anyio.sleep(LOOK_SECONDS)
