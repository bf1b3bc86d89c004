"""Looking at a state while it is written to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from scraper_cpn.store import sqlite, statefile
from scraper_cpn.store.reader import StateReader
from tests.store.batches import Batches, batch, plain
from tests.store.test_statefile import closed

pytestmark = pytest.mark.anyio


async def test_a_reader_sees_one_moment(tmp_path: Path) -> None:
    """What is committed after it was opened is for the next reader; the writer does not wait for it."""
    path = tmp_path / "crawl.db"
    store, batches = sqlite.create(path, "first"), Batches(seed=1)
    await store.commit(batches.next())
    before = batches.model.copy()
    with StateReader(path) as early:
        await store.commit(batches.next())
        assert plain(early.run().saved()) == before.marking()
        with StateReader(path) as late:
            assert plain(late.run().saved()) == batches.model.marking()
    await store.close()


READ = """
import sys
from pathlib import Path
from scraper_cpn.store.reader import StateReader
last = 0
while last < int(sys.argv[2]):
    with StateReader(Path(sys.argv[1])) as reader:
        saved = reader.run().saved()
        assert len(list(saved.tokens)) == saved.seq >= last, (saved.seq, last)
        last = saved.seq
"""


async def test_another_process_reads_while_batches_are_committed(tmp_path: Path) -> None:
    """Each time it looks it sees the state after a whole batch, and none that it has seen goes away."""
    path = tmp_path / "crawl.db"
    count = 200
    store = sqlite.create(path, "first")
    await store.commit(batch(1, born=[(1, "proxies", 0, None, b"")]))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(anyio.run_process, [sys.executable, "-c", READ, str(path), str(count)])
        for seq in range(2, count + 1):
            await store.commit(batch(seq, born=[(seq, "proxies", 0, None, b"")]))
            await anyio.sleep(0.001)
    await store.close()


async def test_a_reader_does_not_keep_a_state_from_being_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state is whole all the same; the reader goes on with its moment."""
    monkeypatch.setattr(statefile, "BUSY_SECONDS", 0.01)
    path = tmp_path / "crawl.db"
    store, batches = sqlite.create(path, "first"), Batches(seed=1)
    await store.commit(batches.next())
    with StateReader(path) as reader:
        await store.close()
        assert plain(reader.run().saved()) == batches.model.marking()
        again = sqlite.open_run(path)
        assert plain(again.saved()) == batches.model.marking()
        await again.close()


async def test_a_reader_knows_the_runs(tmp_path: Path) -> None:
    """By name, age and last batch, with the metadata that each was made with."""
    path = tmp_path / "crawl.db"
    model = await closed(path, count=4)
    await sqlite.new_run(path, "second", {"settings": b"{}"}).close()
    with StateReader(path) as reader:
        first, second = reader.runs()
        assert (first.name, first.seq, first.at_ns) == ("first", 4, 4_000)
        assert first.metadata == model.metadata
        assert (second.name, second.seq, second.metadata) == ("second", 0, {"settings": b"{}"})
        assert first.created_ns <= second.created_ns
        assert plain(reader.run("first").saved()) == model.marking()


async def test_a_reader_counts(tmp_path: Path) -> None:
    """Tokens by place, targets by key, and the tokens of places that somebody shares."""
    path = tmp_path / "crawl.db"
    tokens = [(n, ("proxies", "domains")[n % 2], n, None, b"t") for n in range(5)]
    targets = [("waiting", ("a", "b", "b")[n], 0, 0, 10 + n, b"") for n in range(3)]
    targets.append(("parked", "a", 0, 0, 20, b""))
    store = sqlite.create(path, "first")
    await store.commit(batch(1, born=tokens, paged_born=targets))
    with StateReader(path) as reader:
        run = reader.run()
        assert run.counts() == {"proxies": 3, "domains": 2, "waiting": 3, "parked": 1}
        assert run.backlog("waiting") == {"a": 1, "b": 2}
        assert run.backlog("nowhere") == {}
        assert list(run.tokens(["domains"])) == [tokens[1], tokens[3]]
        assert list(run.tokens([])) == []
    await store.close()


def test_looking_at_a_killed_state_changes_nothing(memory_folder: Path) -> None:
    """Neither the file nor its -wal: they are the writer's to put together."""
    path = memory_folder / "crawl.db"
    code = (
        "import anyio, os, sys; from pathlib import Path; from scraper_cpn.store import sqlite\n"
        "from tests.store.batches import Batches\n"
        "store, batches = sqlite.create(Path(sys.argv[1]), 'first'), Batches(1)\n"
        "anyio.run(store.commit, batches.next())\n"
        "os._exit(9)"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(path)], check=False, cwd=Path(__file__).parents[2]
    )
    files = [path, Path(f"{path}-wal")]
    before = [file.read_bytes() for file in files]
    with StateReader(path) as reader:
        assert reader.run().head().seq == 1
    assert [file.read_bytes() for file in files] == before
