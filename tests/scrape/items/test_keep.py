"""The items of many pages are kept by one write."""

from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from scraper_cpn.scrape.colours import Checked, KeepOutcome, Kept
from scraper_cpn.scrape.items.keep import Keeper
from scraper_cpn.scrape.items.outputs import OutputError
from tests.scrape.sample_pages import target


class Notebook:
    """An output in memory that notes each write."""

    def __init__(self) -> None:
        self.writes: list[list[Any]] = []

    @property
    def length(self) -> int:
        return sum(map(len, self.writes))

    async def write(self, batch: Sequence[Any]) -> None:
        self.writes.append(list(batch))

    async def close(self) -> None: ...


class FullDisk(Notebook):
    """An output that can't be written."""

    async def write(self, batch: Sequence[Any]) -> None:
        raise OutputError("can't write items.db: database or disk is full")


PAGES = [Checked(target(), ("a", "b")), Checked(target(), ()), Checked(target(), ("c",))]


def kept(keeper: Keeper, pages: Sequence[Checked]) -> list[KeepOutcome]:
    return anyio.run(keeper.keep, pages)


def test_one_write_for_the_whole_batch() -> None:
    """All items in the order of the pages, and an outcome for each page, with the output's length."""
    output = Notebook()
    assert kept(Keeper(output), PAGES) == [Kept(2, 3), Kept(0, 3), Kept(1, 3)]
    assert output.writes == [["a", "b", "c"]]


def test_nothing_is_written_for_pages_without_items() -> None:
    """An empty batch costs no write."""
    output = Notebook()
    assert kept(Keeper(output), [PAGES[1]]) == [Kept(0, 0)]
    assert kept(Keeper(output), []) == []
    assert output.writes == []


def test_a_reader_is_reported_once_items_are_kept() -> None:
    """The callback hears of each item, after the write."""
    output = Notebook()
    heard: list[tuple[Any, int]] = []
    keeper = Keeper(output, on_item=lambda item: heard.append((item, len(output.writes))))
    kept(keeper, PAGES)
    assert heard == [("a", 1), ("b", 1), ("c", 1)]


def test_without_an_output_items_only_stream() -> None:
    """A program may want items and no file."""
    heard: list[Any] = []
    assert kept(Keeper(on_item=heard.append), PAGES) == [Kept(2), Kept(0), Kept(1)]
    assert heard == ["a", "b", "c"]


def test_a_failed_write_keeps_nothing() -> None:
    """Nobody hears of items that are not kept, and the error goes on to end the crawl."""
    heard: list[Any] = []
    with pytest.raises(OutputError, match="disk is full"):
        kept(Keeper(FullDisk(), heard.append), PAGES)
    assert heard == []
