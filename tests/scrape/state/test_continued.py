"""An output that belongs to a state holds, after any end and resume, each item once."""

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from scraper_cpn.scrape.items.outputs import OutputError, open_output
from scraper_cpn.scrape.items.outputs.appended import Stream
from scraper_cpn.scrape.items.outputs.jsonl import Lines
from scraper_cpn.scrape.items.outputs.sqlite import VALUES_MAX
from scraper_cpn.scrape.settings import UsageError
from tests.scrape.outputs import BYTES, SUFFIXES, items_in

FILES = SUFFIXES[:2]


class Thing(Struct, frozen=True):
    """An item whose text may hold whatever tears a line."""

    text: str
    number: int = 0


def written(path: Path, *batches: Sequence[Any], item: Any = Thing, **options: Any) -> list[int]:
    """Write batches, and return the output's length when it was opened and after each of them."""
    output = open_output(str(path), item=item, **options)
    lengths: list[int | None] = []

    async def work() -> None:
        assert output.length is None
        try:
            await output.open()
            lengths.append(output.length)
            for batch in batches:
                await output.write(batch)
                lengths.append(output.length)
        finally:
            await output.close()

    anyio.run(work)
    assert output.length == lengths[-1], "closing changes nothing"
    return [length for length in lengths if length is not None]


def content(path: Path) -> list[Thing]:
    """The items of a file, read by other code than ours."""
    return [Thing(each["text"], int(each["number"])) for each in items_in(path)]


def things(*texts: str) -> list[Thing]:
    return [Thing(text) for text in texts]


# The tail after the last committed length is cut, whatever it is.

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8) | (
    st.sampled_from(["\n", "\r\n", '"', ",", "é", "\u2028", "x" * 100])
)
BATCHES = st.lists(st.lists(st.builds(Thing, TEXTS, st.integers(-9, 9)), max_size=3), max_size=4)
TAILS = st.binary(max_size=40) | st.sampled_from([b'{"text":"', b'"open\r\n', b"a,1\r\n", b"\n"])


@pytest.mark.parametrize("suffix", BYTES)
@given(before=BATCHES, after=BATCHES, tail=TAILS, data=st.data())
@settings(max_examples=30, deadline=None)
def test_a_file_goes_on_where_the_state_says(
    suffix: str,
    before: list[list[Thing]],
    after: list[list[Thing]],
    tail: bytes,
    data: st.DataObject,
) -> None:
    """Items up to the committed length and new ones, and nothing of later batches or torn bytes."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"out.{suffix}"
        lengths = written(path, *before)
        with path.open("ab") as file:
            file.write(tail)
        batches = data.draw(st.integers(0, len(before)), label="committed batches")
        written(path, *after, keep=lengths[batches])
        assert content(path) == [thing for batch in before[:batches] + after for thing in batch]


@pytest.mark.parametrize("suffix", ["db", "parquet"])
@given(before=BATCHES, after=BATCHES, data=st.data())
@settings(max_examples=20, deadline=None)
def test_a_table_goes_on_where_the_state_says(
    suffix: str, before: list[list[Thing]], after: list[list[Thing]], data: st.DataObject
) -> None:
    """Rows up to the committed one and new ones, with ids that go on without a gap."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"out.{suffix}"
        lengths = written(path, *before)
        batches = data.draw(st.integers(0, len(before)), label="committed batches")
        written(path, *after, keep=lengths[batches])
        assert content(path) == [thing for batch in before[:batches] + after for thing in batch]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_length_is_that_of_what_is_there(tmp_path: Path, suffix: str) -> None:
    """Bytes of a file, the header included, and the last row of a table; a batch moves it."""
    path = tmp_path / f"out.{suffix}"
    lengths = written(path, things("a", "b"), [], things("c"))
    rows = suffix in ("db", "parquet")
    assert lengths[-1] == (3 if rows else path.stat().st_size - _size(path, 0))
    assert lengths[0] < lengths[1] == lengths[2] < lengths[3]
    assert (lengths[0] == 0) == (("json" in suffix and suffix != "json") or rows)
    assert written(path, append=True) == lengths[-1:]


def test_the_length_of_a_batch_of_more_than_one_statement(tmp_path: Path) -> None:
    """It is the last row, however many statements the batch took."""
    many = [Thing("", number) for number in range(VALUES_MAX)]
    assert written(tmp_path / "out.db", many) == [0, VALUES_MAX]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_appended_to_stays(tmp_path: Path, suffix: str) -> None:
    """A state that began with --append knows where it began, and cuts nothing before."""
    path = tmp_path / f"out.{suffix}"
    written(path, things("mine"))
    (start, _) = written(path, things("lost"), append=True)
    written(path, things("new"), keep=start)
    assert content(path) == things("mine", "new")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_committed_begins_anew(tmp_path: Path, suffix: str) -> None:
    """With a length of 0 the output is as new, whether it is there, empty or gone."""
    path = tmp_path / f"out.{suffix}"
    written(path, things("a"), keep=0)
    assert content(path) == things("a")
    written(path, things("b"), keep=0)
    assert content(path) == things("b")
    path.unlink()
    path.touch()
    written(path, things("c"), keep=0)
    assert content(path) == things("c")


def test_other_tables_are_left_alone(tmp_path: Path) -> None:
    """Only items are ours to delete, whatever else is in the database."""
    path = tmp_path / "out.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE mine AS SELECT 1 AS x")
    written(path, things("a"), append=True)
    written(path, keep=0)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT x FROM mine").fetchall() == [(1,)]
    assert content(path) == []


def duplicate(path: Path, copy: Path) -> None:
    """Copy a file with those that SQLite keeps beside it."""
    for each in path.parent.glob(f"{path.name}*"):
        shutil.copy(each, each.with_name(each.name.replace(path.name, copy.name)))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_copy_of_a_running_crawl_goes_on(tmp_path: Path, suffix: str) -> None:
    """What a killed process leaves, a database with its WAL included, is cut to the length."""
    path, copy = tmp_path / f"out.{suffix}", tmp_path / f"copy.{suffix}"
    output = open_output(str(path), item=Thing)

    async def work() -> Any:
        await output.write(things("a"))
        length = output.length
        await output.write(things("b"))
        duplicate(path, copy)
        await output.close()
        return length

    written(copy, things("c"), keep=anyio.run(work))
    assert content(copy) == things("a", "c")


def test_columns_called_as_row_ids(tmp_path: Path) -> None:
    """Fields may hide SQLite's own names of a row; the cut goes by the row all the same."""
    path = tmp_path / "out.db"
    kind = msgspec.defstruct("Hiding", [("id", int), ("RowID", int), ("oid", int)])
    lengths = written(path, [kind(7, 7, 7)], [kind(7, 7, 7)], item=kind)
    assert lengths == [0, 1, 2]
    written(path, [kind(3, 3, 3)], item=kind, keep=1)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT id FROM items").fetchall() == [(7,), (3,)]
    worse = msgspec.defstruct("Worse", [("rowid", int), ("_rowid_", int), ("oid", int)])
    with pytest.raises(UsageError, match="rowid, _rowid_, oid leave SQLite no name for its rows"):
        open_output(str(tmp_path / "worse.db"), item=worse)


# What is no longer what the state knows is refused, and stays as it is.


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_output_that_is_gone(tmp_path: Path, suffix: str) -> None:
    """One line: what is missing, and the command that writes it again."""
    path = tmp_path / f"out.{suffix}"
    with pytest.raises(UsageError) as error:
        open_output(str(path), item=Thing, keep=20)
    assert str(error.value) == (
        f"--output {path}: the state expects items in it, but it is gone; all items are in the "
        f"state, which writes them again: scrape export STATE -o {path}"
    )
    assert not path.exists()


def _size(path: Path, length: int) -> int:
    """The bytes of a file that ends at a length."""
    return length + len(b"\n]\n") * (path.suffix == ".json")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_output_that_is_shorter(tmp_path: Path, suffix: str) -> None:
    """What was expected and what was found are said, and nothing is touched."""
    path = tmp_path / f"out.{suffix}"
    _, first, second = written(path, things("a"), things("b"))
    written(path, keep=first)
    before = path.read_bytes()
    with pytest.raises(UsageError) as error:
        open_output(str(path), item=Thing, keep=second)
    unit = "rows" if suffix == "parquet" else "bytes"
    expected = "rows up to 2" if suffix == "db" else f"{second} {unit}"
    found = "it has them up to 1" if suffix == "db" else f"it has {_size(path, first)}"
    assert f"the state expects {expected} in it, but {found}; all items" in str(error.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_file_in_its_place(tmp_path: Path, suffix: str) -> None:
    """It is shorter too; an empty database has no table at all."""
    path = tmp_path / f"out.{suffix}"
    path.touch()
    with pytest.raises(UsageError, match=r"the state expects .* in it, but it has"):
        open_output(str(path), item=Thing, keep=5)
    assert path.read_bytes() == b""


@pytest.mark.parametrize("suffix", FILES)
def test_a_file_that_was_changed(tmp_path: Path, suffix: str) -> None:
    """A cut in the middle of a line shows that the file is not what was written."""
    path = tmp_path / f"out.{suffix}"
    length = written(path, things("a"))[-1]
    path.write_bytes(b"# edited\n" + path.read_bytes())
    with pytest.raises(UsageError, match=f"a line that ends at byte {length} .* it was changed"):
        open_output(str(path), item=Thing, keep=length)


def test_other_columns(tmp_path: Path) -> None:
    """A file of other columns is another file, though its length fits."""
    other = msgspec.defstruct("Other", [("title", str)])
    for suffix in ("csv", "db", "parquet"):
        path = tmp_path / f"out.{suffix}"
        length = written(path, [other("a")], item=other)[-1]
        with pytest.raises(UsageError, match=r"columns .*title.* of this crawl .*text, number"):
            open_output(str(path), item=Thing, keep=length)


def test_a_file_that_shrinks_after_the_check(tmp_path: Path) -> None:
    """It is an error of the output, and nothing is padded with zeros."""
    path = tmp_path / "out.jsonl"
    length = written(path, things("a"))[-1]
    output = open_output(str(path), item=Thing, keep=length)
    os.truncate(path, 3)
    with pytest.raises(OutputError, match=f"{length} bytes of it were to be kept, it has 3"):
        anyio.run(output.open)
    assert path.stat().st_size == 3


# Cut, then written: in this order on the disk.


@pytest.mark.parametrize("suffix", FILES)
def test_the_cut_is_on_the_disk_before_anything_is_written(
    tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a crash could leave new bytes before, or old ones after, the place of the cut."""
    path = tmp_path / f"out.{suffix}"
    length = written(path, things("a"), things("b"))[1]
    calls: list[tuple[str, int]] = []

    def noting(name: str) -> None:
        real = getattr(os, name)

        def call(descriptor: int, *rest: int) -> None:
            real(descriptor, *rest)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                calls.append((name, path.stat().st_size))

        monkeypatch.setattr(os, name, call)

    noting("ftruncate")
    noting("fsync")
    end = written(path, things("c"), keep=length)[-1]
    assert calls == [("ftruncate", length), ("fsync", length), ("fsync", end)]


def test_a_failed_write_moves_no_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken back is not counted."""
    path = tmp_path / "out.jsonl"
    output = open_output(str(path), item=Thing)

    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    async def work() -> None:
        await output.write(things("a"))
        length = output.length
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OutputError):
            await output.write(things("b"))
        assert output.length == length == path.stat().st_size
        await output.close()

    anyio.run(work)


def test_standard_output_has_no_length(capfd: pytest.CaptureFixture[str]) -> None:
    """It can't be taken back; a resume goes on with what follows."""
    assert written(Path("-"), things("a"), keep=7) == []
    assert capfd.readouterr().out == '{"text":"a","number":0}\n'
    assert Stream(Lines()).length is None
