"""The state file: what is taken for one, who may write to it, its runs, what is left of it."""

from __future__ import annotations

import errno
import os
import re
import socket
import sqlite3 as database
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from scraper_cpn.store import sqlite, statefile
from scraper_cpn.store.backup import backup
from scraper_cpn.store.port import BatchError, StoreError
from scraper_cpn.store.reader import StateReader
from scraper_cpn.store.tables import APPLICATION_ID, SCHEMA_VERSION
from scraper_cpn.store.whole import verify
from tests.store.batches import Batches, Model, batch, check

pytestmark = pytest.mark.anyio

NOBODY = 65_534

WAYS: dict[str, Callable[[Path], object]] = {
    "open_run": sqlite.open_run,
    "new_run": lambda path: sqlite.new_run(path, "second"),
    "StateReader": StateReader,
    "verify": verify,
    "backup": lambda path: backup(path, Path(f"{path}.copy")),
}
"""All that takes a state that is there."""


@pytest.fixture(params=list(WAYS.values()), ids=list(WAYS))
def way(request: pytest.FixtureRequest) -> Callable[[Path], object]:
    """A way to open a state."""
    opening: Callable[[Path], object] = request.param
    return opening


@contextmanager
def refused(path: Path, kind: str, text: str) -> Iterator[None]:
    """Expect one line of a kind, that names the file and says *text*."""
    with pytest.raises(StoreError, match=re.escape(text)) as failure:
        yield
    assert failure.value.kind == kind
    assert str(path) in str(failure.value)
    assert "\n" not in str(failure.value)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be somebody to whom permissions apply, also where the tests run as root."""
    root = os.getuid() == 0
    if root:
        os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        if root:
            os.setresuid(0, 0, 0)


async def closed(path: Path, count: int = 3) -> Model:
    """Make a state with some batches, and close it; returns what it holds."""
    batches = Batches(seed=1)
    store = sqlite.create(path, "first")
    for _ in range(count):
        await store.commit(batches.next())
    await store.close()
    return batches.model


def other_database(path: Path) -> None:
    """Somebody else's SQLite file."""
    with closing(database.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")


def of_version(version: int) -> Callable[[Path], None]:
    """A state file of another version."""

    def make(path: Path) -> None:
        with closing(database.connect(path)) as connection:
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {version}")

    return make


NEWER, OLDER = SCHEMA_VERSION + 1, SCHEMA_VERSION - 1
STRANGERS: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "nothing": (lambda path: None, "missing", "does not exist"),
    "a folder": (Path.mkdir, "foreign", "is no state of scrape: it is a folder"),
    "an empty file": (Path.touch, "foreign", "is no state of scrape: it is empty"),
    "a text": (lambda path: path.write_text("hello"), "foreign", "is no state of scrape"),
    "another's database": (other_database, "foreign", "is no state of scrape"),
    "a newer state": (of_version(NEWER), "foreign", "by a newer version of scrape"),
    "an older state": (of_version(OLDER), "foreign", "by an older version of scrape"),
}


@pytest.mark.parametrize(("make", "kind", "text"), STRANGERS.values(), ids=STRANGERS)
def test_what_is_no_state_is_refused_and_left_alone(
    way: Callable[[Path], object],
    make: Callable[[Path], object],
    kind: str,
    text: str,
    tmp_path: Path,
) -> None:
    """One line says what it is instead, and nothing is made beside it."""
    path = tmp_path / "crawl.db"
    make(path)
    before = sorted(tmp_path.iterdir())
    content = path.read_bytes() if path.is_file() else b""
    with refused(path, kind, text):
        way(path)
    assert sorted(tmp_path.iterdir()) == before
    assert not content or path.read_bytes() == content


def test_a_version_is_named(tmp_path: Path) -> None:
    """Of another version it is said which was found, and which is expected."""
    path = tmp_path / "crawl.db"
    of_version(NEWER)(path)
    with refused(path, "foreign", f"its schema is {NEWER}, this one's {SCHEMA_VERSION}"):
        sqlite.open_run(path)


def test_an_old_sqlite_is_refused(
    way: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that lacks STRICT tables is named, with the least that will do."""
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 36, 0))
    for open_it in (way, lambda path: sqlite.create(path, "first")):
        with pytest.raises(StoreError, match=r"a state needs 3\.37\.0 or newer"):
            open_it(tmp_path / "crawl.db")


@pytest.mark.parametrize("left", ["crawl.db", "crawl.db-wal"])
def test_a_state_is_not_made_over_what_is_there(left: str, tmp_path: Path) -> None:
    """Neither over a file nor beside the -wal of one that is gone, which SQLite would mix into it."""
    (tmp_path / left).write_text("precious")
    with refused(tmp_path / left, "exists", "resume it, or name another file"):
        sqlite.create(tmp_path / "crawl.db", "first")
    assert (tmp_path / left).read_text() == "precious"


async def test_a_state_and_its_copy_are_for_their_owner_alone(tmp_path: Path) -> None:
    """Requests in it may have passwords. Its journal is, too, since SQLite gives that the same mode."""
    state, copy = tmp_path / "s.db", tmp_path / "copy.db"
    await closed(state)
    backup(state, copy)
    assert [path.stat().st_mode & 0o777 for path in (state, copy)] == [0o600, 0o600]


def test_a_state_needs_a_folder(tmp_path: Path) -> None:
    """Where the folder is not there, one line says so, and none is made."""
    path = tmp_path / "gone" / "crawl.db"
    with refused(path, "missing", "there is no folder"):
        sqlite.create(path, "first")
    assert not path.parent.exists()


def test_a_state_is_made_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What dies while it makes the file leaves none, and does not stand in the way of the next.

    A state that is there has its run, so that it can be resumed.
    """
    path = tmp_path / "crawl.db"
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sqlite.create(path, "first")
    assert not path.exists()
    assert verify_after(anyio.run(closed, path), path) == []


def interrupted(draft: Path, path: Path) -> None:
    """Stand for an interrupt at the last moment."""
    raise KeyboardInterrupt


def verify_after(model: Model, path: Path) -> list[str]:
    """What is wrong with a state that holds a model."""
    with StateReader(path) as reader:
        assert reader.run().head().seq == len(model.journal)
    return verify(path)


def test_a_state_that_was_closed_is_one_file(tmp_path: Path) -> None:
    """It can be copied as it is; beside it there is an empty lock file at most."""
    path = tmp_path / "crawl.db"
    model = anyio.run(closed, path)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["crawl.db", "crawl.db.lock"]
    assert Path(f"{path}.lock").read_bytes() == b""
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    anyio.run(holds, copy, model)


async def holds(path: Path, model: Model, name: str | None = None) -> None:
    """Assert that a run of a state is what a model says."""
    store = sqlite.open_run(path, name)
    check(store, model)
    await store.close()


async def test_only_one_may_write(tmp_path: Path) -> None:
    """A second process gets the pid of the first, and the lock once it is closed."""
    path = tmp_path / "crawl.db"
    first = sqlite.create(path, "first")
    with refused(path, "locked", f"is in use by another process (pid {os.getpid()})"):
        sqlite.open_run(path)
    await first.close()
    second = sqlite.open_run(path)
    await second.close()


OPEN_IT = """
import sys
from pathlib import Path
from scraper_cpn.store import sqlite
from scraper_cpn.store.port import BatchError, StoreError
try:
    sqlite.open_run(Path(sys.argv[1]))
except StoreError as error:
    print(error.kind, error)
"""


async def test_another_process_may_not_write_either(tmp_path: Path) -> None:
    """The lock is the system's: a second process gets the pid of the first."""
    path = tmp_path / "crawl.db"
    store = sqlite.create(path, "first")
    done = await anyio.run_process([sys.executable, "-c", OPEN_IT, str(path)])
    await store.commit(batch(1))
    await store.close()
    assert done.stdout.startswith(b"locked ")
    assert f"(pid {os.getpid()})".encode() in done.stdout


async def test_a_lock_of_another_program_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that has the file in a transaction of its own is waited for, and then named as the reason."""
    monkeypatch.setattr(statefile, "BUSY_SECONDS", 0.01)
    path = tmp_path / "crawl.db"
    store = sqlite.create(path, "first")
    with closing(database.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with refused(path, "locked", "is locked by another program"):
            await store.commit(batch(1))
        other.execute("ROLLBACK")
    await store.close()


async def test_runs_share_a_file_and_nothing_else(tmp_path: Path) -> None:
    """Two runs may have tokens, flights and items of the same numbers; each is read back alone."""
    path = tmp_path / "crawl.db"
    first = await closed(path, count=6)
    second = Batches(seed=2)
    store = sqlite.new_run(path, "second", {"settings": b"2"})
    second.model.metadata["settings"] = b"2"
    for _ in range(6):
        await store.commit(second.next())
    await store.close()
    for name, model in (("first", first), ("second", second.model)):
        await holds(path, model, name)
    assert verify(path) == []


async def test_runs_are_named(tmp_path: Path) -> None:
    """A name that is taken is refused, as is one that is not there, and none where there are two."""
    path = tmp_path / "crawl.db"
    await closed(path)
    with refused(path, "exists", "has a run first; resume it, or use another name"):
        sqlite.new_run(path, "first")
    await sqlite.new_run(path, "second").close()
    with refused(path, "missing", "name the run; it has first, second"):
        sqlite.open_run(path)
    with refused(path, "missing", "has no run third; it has first, second"):
        sqlite.open_run(path, "third")


def test_what_is_no_file_is_refused(way: Callable[[Path], object], tmp_path: Path) -> None:
    """A pipe, a socket, a device and a folder: one line says what it is, and nobody waits for it."""
    pipe, folder, plug = tmp_path / "pipe", tmp_path / "folder", tmp_path / "plug"
    os.mkfifo(pipe)
    folder.mkdir()
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind(str(plug))
        for path, kind in (
            (pipe, "a pipe"), (folder, "a folder"), (plug, "a socket"), (Path("/dev/null"), "a device")
        ):  # fmt: skip
            with refused(path, "foreign", f"is no state of scrape: it is {kind}"):
                way(path)


def test_without_permission_to_write(memory_folder: Path) -> None:
    """A file that can't be written is refused with the reason; it can still be read and checked."""
    memory_folder.chmod(0o755)
    path = memory_folder / "crawl.db"
    model = anyio.run(closed, path)
    path.chmod(0o444)
    memory_folder.chmod(0o555)
    with unprivileged():
        for write in (sqlite.open_run, lambda path: sqlite.new_run(path, "second")):
            with refused(path, "readonly", "check the permissions of the file and of its folder"):
                write(path)
        assert verify_after(model, path) == []
    memory_folder.chmod(0o755)


def test_without_permission_to_read(way: Callable[[Path], object], memory_folder: Path) -> None:
    """A file that can't be read is refused with the reason."""
    memory_folder.chmod(0o755)
    path = memory_folder / "crawl.db"
    anyio.run(closed, path)
    path.chmod(0)
    with unprivileged(), refused(path, "readonly", "Permission denied"):
        way(path)


def test_a_link_is_the_state_that_it_leads_to(tmp_path: Path) -> None:
    """It is locked, read and written as by its own name."""
    path, link = tmp_path / "crawl.db", tmp_path / "link.db"
    model = anyio.run(closed, path)
    link.symlink_to(path)
    store = sqlite.open_run(link)
    with refused(path, "locked", "is in use by another process"):
        sqlite.open_run(path)
    with StateReader(link) as reader:
        assert reader.run().head().seq == len(model.journal)
    anyio.run(store.close)
    assert verify(link) == []
    assert not Path(f"{link}.lock").exists()


async def test_a_full_disk_beside_sqlite_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is the note that can't be written: the batch is there, and none is taken after it."""
    path = tmp_path / "crawl.db"
    store = sqlite.create(path, "first")
    with monkeypatch.context() as patch:
        patch.setattr("scraper_cpn.store.claim.os.pwrite", full)
        with refused(path, "full", "the disk is full; make room, then resume"):
            await store.commit(batch(1))
    with refused(path, "full", "the disk is full"):
        await store.commit(batch(2))
    await store.close()
    again = sqlite.open_run(path)
    assert again.saved().seq == 1
    await again.close()


def full(*_: object) -> int:
    """Stand for a write to a disk that is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_a_value_that_sqlite_can_not_hold_is_our_bug(tmp_path: Path) -> None:
    """A number of more than 64 bits, or a text that is no Unicode, is refused with its batch."""
    wrong: list[dict[str, Any]] = [{"gone": [2**63]}, {"seen": [("urls", "\ud800")]}]
    for number, parts in enumerate(wrong):
        path = tmp_path / f"{number}.db"
        store = sqlite.create(path, "first")
        with pytest.raises(BatchError, match=re.escape(str(path))):
            await store.commit(batch(1, **parts))
        await store.close()
        again = sqlite.open_run(path)
        assert again.saved().seq == 0
        await again.close()


async def test_after_a_bug_of_ours_no_batch_is_taken(tmp_path: Path) -> None:
    """Whatever goes wrong within a batch, nothing of it is there, and the next says the same."""
    path = tmp_path / "crawl.db"
    store = sqlite.create(path, "first")
    wrong: Any = batch(1, seen=[("urls", "x")], faulted=None)
    for made in (wrong, batch(1)):
        with pytest.raises(TypeError, match="NoneType"):
            await store.commit(made)
    await store.close()
    again = sqlite.open_run(path)
    assert list(again.saved().seen) == []
    await again.close()
