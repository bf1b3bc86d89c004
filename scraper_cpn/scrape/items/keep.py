"""The keep effect: writing the items of a batch of pages together.

Owns: one write for a whole batch, and notifying the consumer of streamed items once they are written.
Must not know: formats, the net, pages.
"""

from collections.abc import Callable, Sequence
from typing import Any

from scraper_cpn.scrape.colours import Checked, KeepOutcome, Kept
from scraper_cpn.scrape.items.outputs import ItemOutput

OnItem = Callable[[Any], None]
"""Called with each item once it is written. It must be fast: the next batch waits for it."""


class Keeper:
    """Writes the items of one crawl to *output*; None if they only go to *on_item*."""

    def __init__(self, output: ItemOutput | None = None, on_item: OnItem | None = None) -> None:
        self._output = output
        self._on_item = on_item

    async def keep(self, batch: Sequence[Checked]) -> list[KeepOutcome]:
        """Write the items of all pages in *batch* and return an outcome for each, in order.

        When it returns, the items are as durable as the output makes them. An outcome's length is the
        length after the whole batch, since a batch is written, or truncated, as a whole. Raises
        `OutputError` or `OutputClosed`; then none of the pages is kept, and the crawl can't continue.
        """
        items = [item for page in batch for item in page.items]
        if self._output is not None and items:
            await self._output.write(items)
        if self._on_item is not None:
            for item in items:
                self._on_item(item)
        length = self._output.length if self._output is not None else None
        return [Kept(len(page.items), length) for page in batch]
