"""Several outputs of one crawl, one for each type of items.

Owns: which output takes an item, and the length of each.
Must not know: formats, pages, the net.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from scraper_cpn.scrape.colours import Length
from scraper_cpn.scrape.items.outputs import CheckedOutput
from scraper_cpn.scrape.pages.verdicts import Drop


class OutputsByType(CheckedOutput):
    """Outputs by the types of their items; the first type that an item is an instance of counts."""

    def __init__(self, outputs: Mapping[type[Any], CheckedOutput]) -> None:
        self._outputs = outputs
        lengths = tuple(_single(output.begins) for output in outputs.values())
        self.begins = lengths if any(each is not None for each in lengths) else None

    @property
    def length(self) -> tuple[int | None, ...]:
        """The length of each, in order. A write counts once it has reached all of them."""
        return tuple(_single(output.length) for output in self._outputs.values())

    def taken(self, item: Any) -> Any:
        """Return an item that some output takes; raises `Drop` for others, so that they are counted."""
        if not isinstance(item, tuple(self._outputs)):
            raise Drop(f"no output is declared for items of type {type(item).__name__}")
        return item

    async def open(self) -> "OutputsByType":
        """Open all of them. Raises `OutputError`."""
        for output in self._outputs.values():
            await output.open()
        return self

    async def write(self, batch: Sequence[Any]) -> None:
        """Write each item to its output."""
        parts: dict[type[Any], list[Any]] = {}
        for item in batch:
            kind = next(kind for kind in self._outputs if isinstance(item, kind))
            parts.setdefault(kind, []).append(item)
        for kind, items in parts.items():
            await self._outputs[kind].write(items)

    async def close(self) -> None:
        """Close all of them, whatever one raises."""
        failed: list[Exception] = []
        for output in self._outputs.values():
            try:
                await output.close()
            except Exception as error:  # noqa: BLE001 - the others have to be closed first
                failed.append(error)
        for each in failed:
            raise each


def _single(length: Length) -> int | None:
    assert not isinstance(length, tuple), "outputs of several are single ones"
    return length
