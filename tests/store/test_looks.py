"""What commands want to know of a state: who writes to it, what it did last, what a name became."""

from __future__ import annotations

from pathlib import Path

import pytest

from scraper_cpn.store import sqlite
from scraper_cpn.store.claim import Claim, writer
from scraper_cpn.store.reader import StateReader
from tests.store.batches import batch

pytestmark = pytest.mark.anyio


async def test_the_writer_is_known_while_it_writes(tmp_path: Path) -> None:
    """By its process and run; nobody is named before the first, or after the state was closed."""
    path = tmp_path / "crawl.db"
    assert writer(path) is None
    await sqlite.create(path, "first").close()
    assert writer(path) is None
    store = sqlite.new_run(path, "second")
    note = writer(path)
    assert note is not None
    with StateReader(path) as reader:
        assert [each.name for each in reader.runs() if each.number == note.run] == ["second"]
    await store.close()
    assert writer(path) is None


async def test_a_writer_that_crashed_is_none(tmp_path: Path) -> None:
    """Its note is still there, but the lock has ended with the process; asking takes nothing away."""
    path = tmp_path / "crawl.db"
    await sqlite.create(path, "first").close()
    claim = Claim(path)
    claim.write("identity", 1, 1)
    assert writer(path) is not None
    claim.release()
    assert writer(path) is None
    claim = Claim(path)
    assert writer(path) is not None
    claim.release()


async def test_the_latest_batch_comes_first(tmp_path: Path) -> None:
    """The journal backwards has the same rows."""
    path = tmp_path / "crawl.db"
    store = sqlite.create(path, "first")
    for seq in range(1, 4):
        await store.commit(batch(seq))
    assert [row[0] for row in store.latest()] == [3, 2, 1]
    assert list(store.latest()) == list(store.journal())[::-1]
    await store.close()


async def test_a_name_finds_its_rows(tmp_path: Path) -> None:
    """Those of all sinks, oldest first, and no others."""
    path = tmp_path / "crawl.db"
    rows = [("failed", "a", b"1"), ("stored", "b", b"2"), ("stored", "a", b"3")]
    store = sqlite.create(path, "first")
    await store.commit(batch(1, rows=rows))
    assert list(store.named("a")) == [rows[0], rows[2]]
    assert list(store.named("c")) == []
    await store.close()
