"""The journal's limits, the -wal's length, backups."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from scraper_cpn.store import retention, sqlite
from scraper_cpn.store.backup import backup
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.reader import StateReader
from scraper_cpn.store.retention import JournalLimits
from scraper_cpn.store.statefile import PAGE_BYTES, connect
from scraper_cpn.store.whole import verify
from tests.store.batches import Batches, Model, batch, check
from tests.store.test_statefile import closed, holds

pytestmark = pytest.mark.anyio

NEVER = JournalLimits(age_ns=2**62, size_bytes=2**62)


def journal_rows(path: Path) -> int:
    """Rows of the journal that are in the file, also those before the base."""
    with closing(connect(path, write=False)) as connection:
        return int(connection.execute("SELECT count(*) FROM journal").fetchone()[0])


async def test_a_journal_within_its_limits_stays(tmp_path: Path) -> None:
    """It goes back to the start of the run."""
    batches = Batches(seed=1)
    store = sqlite.create(tmp_path / "crawl.db", "first", limits=NEVER)
    for _ in range(20):
        await store.commit(batches.next())
    check(store, batches.model)
    await store.close()


async def test_a_journal_that_is_too_long_begins_anew(tmp_path: Path) -> None:
    """The batch that passes the limit is the last before the new base, whose marking is kept."""
    path = tmp_path / "crawl.db"
    batches = Batches(seed=2, size=6)
    store = sqlite.create(path, "first", limits=JournalLimits(size_bytes=1_500))
    bases, base, length = 0, Model(), 0
    for _ in range(60):
        made = batches.next()
        await store.commit(made)
        length += len(made.inputs)
        if length > 1_500:
            bases, base, length = bases + 1, batches.model.copy(), 0
        check(store, batches.model, base)
    assert bases > 3
    await store.close()
    again = sqlite.open_run(path)
    check(again, batches.model, base)
    await again.close()
    assert verify(path) == []


async def test_a_journal_that_is_too_old_begins_anew(tmp_path: Path) -> None:
    """Its age is the kernel's time between its first and its last batch."""
    limits = JournalLimits(age_ns=3_000)
    store = sqlite.create(tmp_path / "crawl.db", "first", limits=limits)
    seqs = []
    for seq in range(1, 12):
        await store.commit(batch(seq, at_ns=10**18 + 1_000 * seq))
        seqs.append([row[0] for row in store.journal()])
    await store.close()
    assert seqs == [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4], [],
                    [6], [6, 7], [6, 7, 8], [6, 7, 8, 9], [], [11]]  # fmt: skip


async def test_what_was_before_the_base_is_deleted_in_small_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch deletes a few rows, until none is left; the state is whole all the time."""
    monkeypatch.setattr(retention, "DELETE_MOST", 3)
    path = tmp_path / "crawl.db"
    store = sqlite.create(path, "first", limits=JournalLimits(size_bytes=95))
    rows = []
    for seq in range(1, 19):
        await store.commit(batch(seq, inputs=b"x" * (10 if seq <= 10 else 0)))
        rows.append(journal_rows(path))
        assert verify(path) == []
    await store.close()
    assert rows[:10] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 7]
    assert rows[10:13] == [5, 3, 3]
    assert rows[13:] == [4, 5, 6, 7, 8]


async def test_an_interrupted_deletion_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also after the state was closed in the middle of it."""
    monkeypatch.setattr(retention, "DELETE_MOST", 3)
    path = tmp_path / "crawl.db"
    store = sqlite.create(path, "first", limits=JournalLimits(size_bytes=95))
    for seq in range(1, 11):
        await store.commit(batch(seq, inputs=b"x" * 10))
    await store.close()
    store = sqlite.open_run(path, limits=NEVER)
    for seq in range(11, 16):
        await store.commit(batch(seq))
    assert [row[0] for row in store.journal()] == [11, 12, 13, 14, 15]
    await store.close()
    assert journal_rows(path) == 5


async def test_a_base_is_of_one_run(tmp_path: Path) -> None:
    """Another run in the file keeps its own base and journal."""
    path = tmp_path / "crawl.db"
    first, second = Batches(seed=3, size=6), Batches(seed=4, size=6)
    store = sqlite.create(path, "first", limits=NEVER)
    for _ in range(10):
        await store.commit(first.next())
    await store.close()
    store = sqlite.new_run(path, "second", limits=JournalLimits(size_bytes=0))
    for _ in range(10):
        await store.commit(second.next())
    check(store, second.model, second.model)
    await store.close()
    await holds(path, first.model, "first")


async def test_the_wal_does_not_grow_without_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is long it is written from its beginning; one that a reader has kept growing is cut when that has gone."""
    most = 200_000
    monkeypatch.setattr(sqlite, "WAL_MOST_BYTES", most)
    path = tmp_path / "crawl.db"
    wal = anyio.Path(f"{path}-wal")
    store, batches = sqlite.create(path, "first"), Batches(seed=5, size=8)

    async def sizes(count: int) -> list[int]:
        found = []
        for _ in range(count):
            await store.commit(batches.next())
            found.append((await wal.stat()).st_size)
        return found

    async def longest(count: int) -> int:
        return max(await sizes(count))

    assert await longest(60) < 2 * most
    assert min(await sizes(60)) > most  # it keeps its length, so that no sync lengthens it
    reader = StateReader(path)
    assert await longest(60) > 2 * most
    reader.close()
    await longest(60)
    for _ in range(20):
        with StateReader(path):
            await longest(1)
        assert await longest(5) < 3 * most
    check(store, batches.model)
    await store.close()


async def test_a_backup_of_a_live_state_is_whole(tmp_path: Path) -> None:
    """It is the state at one moment, in one file that opens as any other, and verifies."""
    path, copy = tmp_path / "crawl.db", tmp_path / "backup.db"
    store, batches = sqlite.create(path, "first"), Batches(seed=6)
    for _ in range(5):
        await store.commit(batches.next())
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.to_thread.run_sync, backup, path, copy)
        tasks.start_soon(store.commit, batch(6, paged_gone=[], next_serial=10**6))
    await store.close()
    assert verify(copy) == []
    with StateReader(copy) as reader:
        assert reader.run().head().seq in {5, 6}
    again = sqlite.open_run(copy)
    assert list(again.items()) == batches.model.items
    await again.commit(batch(again.saved().seq + 1))
    await again.close()


def test_a_backup_replaces_nothing(tmp_path: Path) -> None:
    """A file that is there is left as it is."""
    path, copy = tmp_path / "crawl.db", tmp_path / "precious.db"
    anyio.run(sqlite.create(path, "first").close)
    copy.write_text("precious")
    with pytest.raises(StoreError, match=re.escape(f"{copy} exists; name another file")) as failure:
        backup(path, copy)
    assert failure.value.kind == "exists"
    assert copy.read_text() == "precious"


def test_a_backup_needs_a_folder(tmp_path: Path) -> None:
    """Where it can't be written one line says so."""
    path, copy = tmp_path / "crawl.db", tmp_path / "gone" / "backup.db"
    anyio.run(sqlite.create(path, "first").close)
    with pytest.raises(StoreError) as failure:
        backup(path, copy)
    assert "\n" not in str(failure.value)
    assert str(copy) in str(failure.value)


def test_a_damaged_state_is_not_copied(tmp_path: Path) -> None:
    """A backup that can't be relied upon is worse than none."""
    path, copy = tmp_path / "crawl.db", tmp_path / "backup.db"
    anyio.run(closed, path, 40)
    content = bytearray(path.read_bytes())
    content[-2 * PAGE_BYTES :] = bytes(2 * PAGE_BYTES)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=re.escape(f"{path} is damaged")) as failure:
        backup(path, copy)
    assert failure.value.kind == "damaged"
    assert not copy.exists()


def test_an_interrupted_backup_is_not_in_the_way(tmp_path: Path) -> None:
    """What it has left is replaced by the next."""
    path, copy = tmp_path / "crawl.db", tmp_path / "backup.db"
    model = anyio.run(closed, path)
    Path(f"{copy}.new").write_text("half")
    backup(path, copy)
    assert not Path(f"{copy}.new").exists()
    anyio.run(holds, copy, model)
