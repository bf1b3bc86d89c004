"""Exporting the items and the failed log of a kept crawl to files.

Owns: the columns of items that are only known as JSON, and the form in which outputs expect items.
Must not know: the command line, formats, SQL. No more than a batch is held in memory.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Protocol, TextIO, TypedDict

import msgspec

from scraper_cpn.scrape.account.ledger import failure_record
from scraper_cpn.scrape.colours import Failure
from scraper_cpn.scrape.items.outputs import CheckedOutput, has_columns, open_output
from scraper_cpn.scrape.pages.extract import Item
from scraper_cpn.scrape.settings import FieldRule
from scraper_cpn.scrape.state.metadata import read_row
from scraper_cpn.store.port import ItemRow

_BATCH_ITEMS = 1_000
_BATCH_BYTES = 4 * 2**20

Decode = Callable[[bytes], Any]
"""Converts a stored item into the form that an output expects."""


class Whole(Protocol):
    """The part of a reader that an export needs."""

    def items(self) -> Iterator[ItemRow]:
        """The items, oldest first."""


class Export:
    """An export of a run's items; creating one checks everything and writes nothing.

    If all items have the fields of the built-in `Item`, its columns are used. Otherwise, in a format with
    columns, there is one column for each key that any item has.

    Args:
        reader: reads the run.
        where: a file, whose suffix gives the format, or `-`.
        overwrite: replace an existing file.
        fields: the fields that the crawl was asked for.
        form: the form of the output, as `open_output` takes it.

    Raises:
        UsageError: the output can't be written.
        StoreError: the state can't be read.
    """

    def __init__(
        self,
        reader: Whole,
        where: str,
        *,
        overwrite: bool,
        fields: tuple[FieldRule, ...],
        **form: Any,
    ) -> None:
        self._reader = reader
        self._decode: Decode = msgspec.Raw
        item: Any = dict
        if has_columns(where, form.get("format"), csv_excel=form.get("csv_excel", False)):
            item = _type_of(_decoded(body) for body in self._bodies())
            self._decode = _decoded if item is not None else _built_in
        self._output: CheckedOutput = open_output(
            where, overwrite=overwrite, item=item, fields=fields, **form
        )

    async def write(self, on_progress: Callable[[int], None]) -> int:
        """Write all items in the order in which they were stored; returns how many.

        Args:
            on_progress: is called with the number of items written so far.

        Raises:
            OutputError: the items can't be written.
            StoreError: the items can't be read.
        """

        async def stored() -> AsyncIterator[list[bytes]]:
            for batch in _batches(self._bodies()):
                yield batch

        return await self.write_batches(stored(), on_progress)

    async def write_batches(
        self, batches: AsyncIterator[list[bytes]], on_progress: Callable[[int], None]
    ) -> int:
        """Write batches of items as they come; returns how many items. Else as `write`."""
        number = 0
        try:
            await self._output.open()
            async for batch in batches:
                await self._output.write([self._decode(body) for body in batch])
                number += len(batch)
                on_progress(number)
        finally:
            await self._output.close()
        return number

    def _bodies(self) -> Iterator[bytes]:
        return (body for _, _, _, body in self._reader.items())


def export_failures(rows: Iterable[Failure], file: TextIO) -> int:
    """Write a failed log in the form of `--failed`; returns the number of rows."""
    number = 0
    for row in rows:
        number += 1
        file.write(json.dumps(failure_record(row), ensure_ascii=False) + "\n")
    return number


def _batches(bodies: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for body in bodies:
        batch.append(body)
        size += len(body)
        if len(batch) >= _BATCH_ITEMS or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _decoded(body: bytes) -> Any:
    return read_row(body, object)


def _built_in(body: bytes) -> Item:
    return msgspec.convert(_decoded(body), Item)


def _type_of(items: Iterable[Any]) -> Any:
    """The type of items, for `open_output`: None for the built-in one, dict without columns."""
    kinds: dict[str, set[type]] = {}
    built_in, own = True, tuple(each for each in Item.__struct_fields__ if each != "body")
    for item in items:
        if not isinstance(item, dict):
            return dict
        built_in = built_in and tuple(each for each in item if each != "body") == own
        for key, value in item.items():
            kinds.setdefault(key, set()).add(type(value))
    if built_in:
        return None
    return TypedDict("Exported", {key: _kind(found) for key, found in kinds.items()}, total=False)  # type: ignore[operator]


def _kind(found: set[type]) -> Any:
    """The type of a column: the common type of its values, if there is one."""
    kinds = found - {type(None)}
    if kinds == {int, float}:
        return float | None
    (kind,) = kinds if len(kinds) == 1 else (object,)
    return kind | None if kind in {str, int, float, bool} else Any
