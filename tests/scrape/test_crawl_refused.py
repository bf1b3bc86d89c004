"""A program that wants what its system does not have: a compiler, many open files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from scraper_cpn.native import building
from scraper_cpn.scrape.crawl import Crawl
from scraper_cpn.scrape.settings import UsageError

pytestmark = pytest.mark.anyio

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


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An output of another crawl."""
    file = tmp_path / "a.jsonl"
    file.write_text("of yesterday")
    return file


@pytest.mark.parametrize("way", WAYS)
async def test_no_compiler(way: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel of machine code is refused before an output is replaced or a state made."""
    monkeypatch.setattr(building, "find_spec", lambda _: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(file.parent / "caches"))
    with pytest.raises(
        UsageError, match=r"^kernel: native is unavailable: it is built with Cython"
    ):
        await WAYS[way](Crawl(kernel="native"), file)
    assert_untouched(file)


@pytest.mark.parametrize("way", WAYS)
async def test_few_files(way: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So are more requests at a time than files may be open."""
    resource = pytest.importorskip("resource", reason="a system without a limit")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    with pytest.raises(UsageError, match=r"^concurrency: 200 requests at a time"):
        await WAYS[way](Crawl(concurrency=200), file)
    assert_untouched(file)


def assert_untouched(file: Path) -> None:
    """It is what it was, and alone."""
    assert file.read_text() == "of yesterday"
    assert [path.name for path in file.parent.iterdir()] == [file.name]
