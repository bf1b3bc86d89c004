"""A program that wants a kernel of machine code, where there is no compiler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from scraper_cpn.scrape.crawl import Crawl
from scraper_cpn.scrape.settings import UsageError

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SEED = "http://127.0.0.1:9/"


async def streamed(crawl: Crawl[Any], _: Path) -> None:
    async for _item in crawl.stream(SEED):
        pytest.fail("an item")


WAYS: dict[str, Callable[[Crawl[Any], Path], Awaitable[Any]]] = {
    "crawl": lambda crawl, file: crawl.crawl(SEED, output=file, overwrite=True),
    "kept": lambda crawl, file: crawl.crawl(
        SEED, output=file, overwrite=True, state=file.with_suffix(".state")
    ),
    "stream": streamed,
}


@pytest.mark.parametrize("way", WAYS)
async def test_nothing_is_opened(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mistake is told before an output is replaced or a state made."""
    monkeypatch.setenv("CC", "/there/is/no/compiler")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    file = tmp_path / "a.jsonl"
    file.write_text("of yesterday")
    with pytest.raises(UsageError, match=r"^kernel: native can't be had: it needs a C compiler"):
        await WAYS[way](Crawl(kernel="native"), file)
    assert file.read_text() == "of yesterday"
    assert names_in(tmp_path) == {"a.jsonl", "caches"}


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
