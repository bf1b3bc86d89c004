"""Who may write to a state: the lock is on the file, and SQLite keeps its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import anyio
import pytest

from scraper_cpn.store import sqlite, statefile
from scraper_cpn.store.claim import noted, writer
from scraper_cpn.store.reader import StateReader
from tests.store.batches import batch
from tests.store.test_statefile import OPEN_IT, refused

pytestmark = pytest.mark.anyio


async def test_the_lock_is_on_the_file_itself(tmp_path: Path) -> None:
    """Whatever is removed, renamed or linked beside it, no second process gets in; the note comes back."""
    path, other = tmp_path / "crawl.db", tmp_path / "other.db"
    store = sqlite.create(path, "first")
    os.unlink(f"{path}.lock")  # noqa: PTH108 - as a user does
    os.link(path, other)
    for name in (path, other):
        done = await anyio.run_process([sys.executable, "-c", OPEN_IT, str(name)])
        assert done.stdout.startswith(b"locked "), name
    await store.commit(batch(1))
    assert noted(path) is not None
    done = await anyio.run_process([sys.executable, "-c", OPEN_IT, str(other)])
    assert done.stdout.startswith(b"locked "), "its -wal has another name; nothing is damaged"
    other.unlink()
    path.rename(other)
    done = await anyio.run_process([sys.executable, "-c", OPEN_IT, str(other)])
    assert done.stdout.startswith(b"locked ")
    other.rename(path)
    await store.commit(batch(2))
    await store.close()
    await sqlite.open_run(path).close()


def there(name: str) -> bool:
    """Whether there is a file of that name."""
    return Path(name).exists()


LOOK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("SELECT * FROM run").fetchall()
connection.close()
"""


async def test_a_look_in_the_same_process_leaves_sqlite_its_locks(tmp_path: Path) -> None:
    """Closing a file drops the locks of its process: then another program would remove the -wal at its end."""
    path = tmp_path / "crawl.db"
    store = sqlite.create(path, "first")
    await store.commit(batch(1))
    statefile.check_header(path)
    assert writer(path) is not None
    with StateReader(path) as reader:
        assert reader.run().head().seq == 1
    await anyio.run_process([sys.executable, "-c", LOOK, str(path)])
    assert there(f"{path}-wal")
    await store.commit(batch(2))
    await store.close()
    await sqlite.open_run(path).close()


async def test_of_two_that_make_a_state_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The draft is locked from its beginning, and the lock goes with it to its name."""
    path = tmp_path / "crawl.db"

    def made_twice(draft: Path, to: Path) -> None:
        with refused(path, "locked", "is in use by another process"):
            sqlite.create(path, "second")
        os.rename(draft, to)  # noqa: PTH104 - a Path's is this function

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", made_twice)
        store = sqlite.create(path, "first")
    with refused(path, "locked", "is in use by another process"):
        sqlite.open_run(path)
    await store.close()
    assert not there(f"{path}.new")
