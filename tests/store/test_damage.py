"""Damaged states: an error in one line, or all of it; never a part of it that looks like the whole."""

from __future__ import annotations

import random
import shutil
import sqlite3 as database
from collections import Counter
from collections.abc import Callable, Sized
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from scraper_cpn.store import sqlite
from scraper_cpn.store.backup import backup
from scraper_cpn.store.port import SavedMarking, Store, StoreError
from scraper_cpn.store.reader import StateReader
from scraper_cpn.store.whole import verify
from tests.store.batches import Batches, Model, check, plain
from tests.store.conftest import copy_of
from tests.store.crashes import put
from tests.store.test_statefile import closed, holds, refused, way

__all__ = ["way"]

BATCHES = 12


async def killed(folder: Path) -> tuple[Path, Model]:
    """A state as a process leaves it that is killed in its second session; and what it holds."""
    live, left = folder / "live.db", folder / "crawl.db"
    batches = Batches(seed=4)
    store = sqlite.create(live, "first")
    for number in range(BATCHES):
        await store.commit(batches.next())
        if number == BATCHES // 2:
            await store.close()
            store = sqlite.open_run(live)
    copy_of(live, left)
    await store.close()
    return left, batches.model


@pytest.fixture
def left(memory_folder: Path) -> tuple[Path, Model]:
    """See `killed`."""
    return anyio.run(killed, memory_folder)


def test_what_a_kill_leaves_is_whole(left: tuple[Path, Model]) -> None:
    """The state with what is beside it has every batch."""
    path, model = left
    assert verify(path) == []
    anyio.run(holds, path, model)


@pytest.mark.parametrize("note", [True, False])
def test_a_wal_that_is_gone_is_missed(
    way: Callable[[Path], object], note: bool, left: tuple[Path, Model]
) -> None:
    """Also where the note is gone with it: the file says by itself that there must be one."""
    path, _ = left
    Path(f"{path}-wal").unlink()
    if not note:
        Path(f"{path}.lock").unlink()
    for _ in range(2):  # the first attempt has left no trace
        with refused(path, "damaged", "its -wal file is missing"):
            way(path)


def test_a_copy_of_the_file_alone_is_no_backup(
    way: Callable[[Path], object], left: tuple[Path, Model], tmp_path: Path
) -> None:
    """A copy of a live state without its -wal lacks commits, and is known for it."""
    copy = tmp_path / "copy.db"
    shutil.copy(left[0], copy)
    with refused(copy, "damaged", "its -wal file is missing"):
        way(copy)


def test_a_wal_that_was_cut_is_missed(
    way: Callable[[Path], object], left: tuple[Path, Model]
) -> None:
    """Wherever it is cut: SQLite takes what is left for all."""
    path, _ = left
    wal = Path(f"{path}-wal")
    whole = wal.read_bytes()
    for part in range(8):
        wal.write_bytes(whole[: len(whole) * part // 8])
        with refused(path, "damaged", "batches are missing"):
            way(path)


def test_what_is_missing_is_counted(left: tuple[Path, Model]) -> None:
    """The error says how many batches are missing."""
    path, _ = left
    Path(f"{path}-wal").write_bytes(b"")
    missing = BATCHES - (BATCHES // 2 + 1)
    with refused(path, "damaged", f"its last {missing} batches are missing"):
        sqlite.open_run(path)


def test_a_wal_with_a_flipped_byte_is_whole_or_missed(left: tuple[Path, Model]) -> None:
    """SQLite drops all from a bad frame on; the note tells."""
    path, model = left
    files = {suffix: Path(f"{path}{suffix}").read_bytes() for suffix in ("", "-wal", ".lock")}
    dice = random.Random(1)
    ends: Counter[str] = Counter()
    for _ in range(150):
        wal = flipped(files["-wal"], dice)
        put({**files, "-wal": wal}, path)
        ends[anyio.run(judged, path, model)] += 1
    assert set(ends) <= {"damaged", "whole"}
    assert ends["damaged"] > 100


def flipped(content: bytes, dice: random.Random) -> bytes:
    """The same with one bit turned."""
    at = dice.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << dice.randrange(8))]) + content[at + 1 :]


async def judged(path: Path, model: Model) -> str:
    """Open a damaged state: the kind of the error, "whole", "values" (all rows, some changed), or "lost"."""
    try:
        store = sqlite.open_run(path)
    except StoreError as error:
        return error.kind if "\n" not in str(error) else "unclear"
    try:
        check(store, model)
    except StoreError as error:
        return error.kind
    except AssertionError:
        return "values" if sizes(store) == sizes_of(model) else "lost"
    finally:
        await store.close()
    return "whole"


def sizes(store: Store) -> list[int]:
    """How many rows a store has of each kind."""
    return [*marking_sizes(store.saved()), len(list(store.items())), len(list(store.journal()))]


def marking_sizes(saved: SavedMarking) -> list[int]:
    """How many rows a marking has of each kind, and how many rows sinks have taken."""
    said = plain(saved)
    kinds = ("tokens", "paged", "numbers", "seen", "flights", "faulted")
    return [*(len(said[kind]) for kind in kinds), sum(said["sunk"].values())]


def sizes_of(model: Model) -> list[int]:
    """The same of a model."""
    marking: list[Sized] = [
        model.tokens,
        model.paged,
        model.numbers,
        model.seen,
        model.flights,
        model.faulted,
    ]
    outputs: list[Sized] = [model.rows, model.items, model.journal]
    return [*(len(rows) for rows in marking), *(len(rows) for rows in outputs)]


@pytest.mark.slow
def test_a_file_with_a_flipped_byte_lacks_no_row(memory_folder: Path) -> None:
    """A byte within a value may turn unseen by SQLite (the marking hash is for that); no row is lost unseen."""
    path = memory_folder / "crawl.db"
    model = anyio.run(closed, path, 8)
    content = path.read_bytes()
    dice = random.Random(2)
    ends: Counter[str] = Counter()
    for _ in range(300):
        put({"": flipped(content, dice)}, path)
        findings = found(path)
        end = anyio.run(judged, path, model)
        ends["missed by verify" if end == "lost" and not findings else end] += 1
    assert set(ends) <= {"whole", "values", "damaged", "foreign", "missing", "lost", "io"}
    assert ends["damaged"] > 5
    assert ends["lost"] < 5


def found(path: Path) -> list[str]:
    """What `verify` says, an error being a finding."""
    try:
        return verify(path)
    except StoreError as error:
        return [str(error)]


def test_a_truncated_file_is_refused(way: Callable[[Path], object], memory_folder: Path) -> None:
    """Wherever it is cut, one line says that it is damaged, or no state at all."""
    path = memory_folder / "crawl.db"
    anyio.run(closed, path)
    content = path.read_bytes()
    for length in (*range(1, len(content), 4_096), len(content) - 1):
        put({"": content[:length]}, path)
        with pytest.raises(StoreError) as failure:
            way(path)
        assert failure.value.kind == ("foreign" if length < 100 else "damaged")
        assert "\n" not in str(failure.value)


def test_rows_that_are_gone_are_missed(memory_folder: Path) -> None:
    """A table that has not as many rows as the run's counts say is found at opening, whatever table it is."""
    path = memory_folder / "crawl.db"
    anyio.run(closed, path, 8)
    content = path.read_bytes()
    tables = (
        "token",
        "paged",
        "number",
        "flight",
        "seen",
        "faulted",
        "sink_row",
        "item",
        "journal",
    )
    for table in tables:
        put({"": content}, path)
        with closing(database.connect(path, isolation_level=None)) as connection:
            connection.execute(f"DELETE FROM {table}")
        with refused(path, "damaged", f"table {table} has 0 rows of"):
            sqlite.open_run(path)
        assert [line for line in verify(path) if f"table {table} has 0 rows of" in line]


def test_a_row_of_no_run_is_found(memory_folder: Path) -> None:
    """`verify` tells of what belongs to no run."""
    path = memory_folder / "crawl.db"
    anyio.run(closed, path)
    with closing(database.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO seen VALUES (7, 1, 'urls', 'x')")
    assert verify(path) == ["table seen has a row of a run that is not there"]


def test_an_older_copy_in_its_place_is_reported(left: tuple[Path, Model]) -> None:
    """It is refused while the note of the later one is there; who means it deletes the note."""
    path, model = left
    anyio.run(holds, path, model)
    older = path.read_bytes()
    later = anyio.run(one_more_then_killed, path, model)
    put({"": older, ".lock": later}, path)
    with refused(path, "damaged", f"delete {path}.lock to continue without"):
        sqlite.open_run(path)
    Path(f"{path}.lock").unlink()
    anyio.run(holds, path, model)


async def one_more_then_killed(path: Path, model: Model) -> bytes:
    """Commit a batch after those of a model; returns the note that a kill would leave."""
    batches = Batches(seed=9)
    batches.model = model.copy()
    store = sqlite.open_run(path)
    await store.commit(batches.next())
    note = copy_of(path, path.with_name("killed.db")).with_name("killed.db.lock").read_bytes()
    await store.close()
    return note


def test_a_backup_may_take_the_place(left: tuple[Path, Model]) -> None:
    """A backup put back is opened, whatever came after it was made."""
    path, model = left
    copy = path.with_name("backup.db")
    backup(path, copy)
    note = anyio.run(one_more_then_killed, path, model)
    put({"": copy.read_bytes(), ".lock": note}, path)
    anyio.run(holds, path, model)


def test_a_note_that_can_not_be_read_is_none(left: tuple[Path, Model]) -> None:
    """What power loss has made of the note does not keep a state from being opened."""
    path, model = left
    for torn in (b"", b"\0" * 160, b'{"pid":1,"ident'):
        Path(f"{path}.lock").write_bytes(torn)
        with StateReader(path) as reader:
            assert reader.run().head().seq == len(model.journal)
    anyio.run(holds, path, model)


def test_what_a_killed_creation_leaves_is_not_mixed_in(left: tuple[Path, Model]) -> None:
    """A draft, and the -wal of one, are replaced by the next."""
    old, _ = left
    path = old.with_name("other.db")
    for suffix in ("", "-wal"):
        shutil.copy(f"{old}{suffix}", f"{path}.new{suffix}")
    anyio.run(sqlite.create(path, "first").close)
    anyio.run(holds, path, Model())
    assert verify(path) == []
    assert not list(path.parent.glob("other.db.new*"))
