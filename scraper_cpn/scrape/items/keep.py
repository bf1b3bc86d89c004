"""The keep effect: the items of a batch of pages, written together.

Owns: one write for a whole batch, and telling whoever streams items that they are kept.
Must not know: formats, the net, pages.
"""

from collections.abc import Callable, Sequence
from typing import Any

from scraper_cpn.scrape.colours import Checked, KeepOutcome, Kept
from scraper_cpn.scrape.items.outputs import Output

OnItem = Callable[[Any], None]
"""Told of each item once it is kept. Quick: the next batch waits for it."""


class Keeper:
    """Keeps the items of one crawl in *output*; None where they only go to *on_item*."""

    def __init__(self, output: Output | None = None, on_item: OnItem | None = None) -> None:
        self._output = output
        self._on_item = on_item

    async def keep(self, batch: Sequence[Checked]) -> list[KeepOutcome]:
        """Write the items of all pages in *batch* and return an outcome for each, in order.

        When it returns they are as durable as the output makes them. The length of an outcome is
        that after the whole batch: a batch is written, or cut off, as one. Raises `OutputError` or
        `OutputClosed`, and then none of the pages is kept: the crawl can't go on.
        """
        items = [item for page in batch for item in page.items]
        if self._output is not None and items:
            await self._output.write(items)
        if self._on_item is not None:
            for item in items:
                self._on_item(item)
        length = self._output.length if self._output is not None else None
        return [Kept(len(page.items), length) for page in batch]
