"""Items come back from every format as they went in, and what was there is never lost by mistake."""

import csv
import errno
import json
import os
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, TypedDict

import anyio
import anyio.lowlevel
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from scraper_cpn.scrape.colours import Checked, Kept
from scraper_cpn.scrape.items.keep import Keeper
from scraper_cpn.scrape.items.outputs import OutputClosed, OutputError, open_output
from scraper_cpn.scrape.items.outputs.appended import Stream
from scraper_cpn.scrape.items.outputs.base import shape_of
from scraper_cpn.scrape.items.outputs.files import DurableFile, last_line
from scraper_cpn.scrape.items.outputs.jsonl import Lines
from scraper_cpn.scrape.items.outputs.sqlite import VALUES_MAX
from scraper_cpn.scrape.pages.fields import field_rule
from scraper_cpn.scrape.settings import UsageError
from tests.scrape.outputs import SUFFIXES, items_in, plain
from tests.scrape.sample_pages import item, target


class Colour(Enum):
    RED = "red"


class Thing(Struct, frozen=True, kw_only=True):
    """One field of each kind."""

    name: str | None = None
    count: int | None = None
    size: float | None = None
    new: bool | None = None
    tags: list[str | None] = []
    more: dict[str, Any] = {}


def write(path: Path, *batches: Sequence[Any], **options: Any) -> None:
    """Open an output, write the batches to it, and close it."""
    output = open_output(str(path), **options)

    async def work() -> None:
        try:
            await output.open()
            for batch in batches:
                await output.write(batch)
        finally:
            await output.close()

    anyio.run(work)


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def select(path: Path, query: str = "SELECT * FROM items ORDER BY id") -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(query)]


# There and back.

TEXT = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    [
        "",
        "\n",
        "\r\n",
        "\r",
        '"',
        '""',
        ",",
        "a,b",
        "=1+1",
        "\x00",
        "\u2028",
        "é",
        "🦜",
        " a ",
        "null",
    ]
)
THINGS = st.builds(
    Thing,
    name=st.none() | TEXT,
    count=st.none() | st.integers(-(2**63), 2**63 - 1),
    size=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    new=st.none() | st.booleans(),
    tags=st.lists(st.none() | TEXT, max_size=3),
    more=st.dictionaries(TEXT, TEXT | st.lists(TEXT, max_size=2), max_size=2),
)
BATCHES = st.lists(st.lists(THINGS, max_size=3), max_size=3)
anew = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])


@anew
@given(batches=BATCHES)
def test_jsonl_there_and_back(tmp_path: Path, batches: list[list[Thing]]) -> None:
    """Each line is an item, whatever is in it; batches leave no trace."""
    path = tmp_path / "out.jsonl"
    write(path, *batches, item=Thing, overwrite=True)
    decoded = [msgspec.convert(line, Thing) for line in lines(path)]
    assert decoded == [thing for batch in batches for thing in batch]


@anew
@given(batches=BATCHES)
def test_csv_there_and_back(tmp_path: Path, batches: list[list[Thing]]) -> None:
    """Each cell has its value; only null and an empty text are the same, as CSV has it."""
    path = tmp_path / "out.csv"
    write(path, *batches, item=Thing, overwrite=True)
    things = [thing for batch in batches for thing in batch]
    for row, thing in zip(rows(path), things, strict=True):
        assert row["name"] == (thing.name or "")
        assert row["count"] == ("" if thing.count is None else str(thing.count))
        assert (float(row["size"]) if row["size"] else None) == thing.size
        assert row["new"] == {None: "", True: "true", False: "false"}[thing.new]
        assert json.loads(row["tags"]) == thing.tags
        assert json.loads(row["more"]) == thing.more


@anew
@given(batches=BATCHES)
def test_sqlite_there_and_back(tmp_path: Path, batches: list[list[Thing]]) -> None:
    """Each column has its value and its type; ids count the items."""
    path = tmp_path / "out.db"
    write(path, *batches, item=Thing, overwrite=True)
    things = [thing for batch in batches for thing in batch]
    found = select(path)
    assert [row["id"] for row in found] == list(range(1, len(things) + 1))
    for row, thing in zip(found, things, strict=True):
        assert (row["name"], row["count"], row["size"]) == (thing.name, thing.count, thing.size)
        assert row["new"] == thing.new
        assert json.loads(row["tags"]) == thing.tags
        assert json.loads(row["more"]) == thing.more


def test_a_batch_of_more_than_one_statement(tmp_path: Path) -> None:
    """However many items a batch has, all are written, in their order."""
    path = tmp_path / "out.db"
    many = [Author(str(number)) for number in range(VALUES_MAX + 3)]
    write(path, many, [Author("last")], item=Author)
    assert names(path) == [author.name for author in many] + ["last"]


# What the built-in items look like.

RULES = (field_rule("price=.price"), field_rule("tags[]=.tag"), field_rule("title=h1"))
PAGE = item(fields={"price": "3", "tags": ["a", "b"], "title": "H"}, parent="https://a.example/")
COLUMNS = [
    "url",
    "requested_url",
    "status",
    "depth",
    "parent",
    "fetched_at",
    "content_type",
    "title",
    "text",
    "price",
    "tags",
    "field_title",
]


def test_built_in_items_as_csv(tmp_path: Path) -> None:
    """A column for each known thing and each field; a field never hides a column."""
    path = tmp_path / "out.csv"
    write(path, [PAGE], fields=RULES)
    (row,) = rows(path)
    assert list(row) == COLUMNS
    assert (row["price"], row["tags"], row["title"], row["field_title"]) == (
        "3",
        '["a","b"]',
        "A title",
        "H",
    )
    assert row["status"] == "200"


def test_built_in_items_as_sqlite(tmp_path: Path) -> None:
    """The same columns, with types that SQL can use."""
    path = tmp_path / "out.sqlite"
    write(path, [PAGE, item(depth=1)], fields=RULES)
    first, second = select(path)
    assert list(first) == ["id", *COLUMNS]
    assert (first["status"], first["price"], first["tags"]) == (200, "3", '["a","b"]')
    assert (second["price"], second["parent"]) == (None, None)
    assert select(path, "SELECT title FROM items WHERE depth + 1 = 2") == [{"title": "A title"}]
    query = "SELECT json_extract(tags, '$[1]') AS second FROM items WHERE depth = 0"
    assert select(path, query) == [{"second": "b"}]


def test_built_in_items_as_jsonl(tmp_path: Path) -> None:
    """The item as it is, fields inside."""
    path = tmp_path / "out.ndjson"
    write(path, [PAGE], fields=RULES)
    assert lines(path) == [msgspec.to_builtins(PAGE)]


# Items of a program.


class Renamed(Struct, rename="camel"):
    item_id: int
    seen_at: datetime
    colour: Colour


@dataclass
class Author:
    name: str


class Row(TypedDict):
    name: str


class Cat(Struct, tag=True):
    name: str


class Dog(Struct, tag=True):
    name: str


class AsArray(Struct, array_like=True):
    name: str


def test_columns_are_called_as_in_json(tmp_path: Path) -> None:
    """Names and values are those that JSON has: renamed, times as ISO 8601, enums by value."""
    path = tmp_path / "out.db"
    thing = Renamed(1, datetime(2026, 1, 2, tzinfo=UTC), Colour.RED)
    write(path, [thing], item=Renamed)
    assert select(path) == [
        {"id": 1, "itemId": 1, "seenAt": "2026-01-02T00:00:00Z", "colour": "red"}
    ]


@pytest.mark.parametrize(
    ("kind", "thing"), [(Author, Author("x")), (Row, {"name": "x"}), (Thing, {"name": "x"})]
)
@pytest.mark.parametrize("suffix", ["csv", "db"])
def test_all_records_have_columns(tmp_path: Path, suffix: str, kind: type, thing: object) -> None:
    """Dataclasses and TypedDicts too, and a dict that stands for one."""
    path = tmp_path / f"out.{suffix}"
    write(path, [thing], item=kind)
    (row,) = rows(path) if suffix == "csv" else select(path)
    assert row["name"] == "x"


@pytest.mark.parametrize("kind", [dict, dict[str, int], AsArray, Cat | Dog])
def test_items_without_fixed_fields(tmp_path: Path, kind: Any) -> None:
    """SQLite keeps them as JSON in one column; CSV says that it can't, and what to do."""
    assert shape_of(kind) is None
    path = tmp_path / "out.db"
    write(path, [{"a": [1]}, {"b": None}], item=kind)
    assert select(path) == [{"id": 1, "item": '{"a":[1]}'}, {"id": 2, "item": '{"b":null}'}]
    with pytest.raises(UsageError, match=r"CSV needs columns.*item type.*\.jsonl"):
        open_output(str(tmp_path / "out.csv"), item=kind)


def test_an_id_of_the_items_own(tmp_path: Path) -> None:
    """A field called id is the item's, and need not be unique."""
    path = tmp_path / "out.db"
    kind = msgspec.defstruct("Numbered", [("id", int)])
    write(path, [kind(7), kind(7)], item=kind)
    assert select(path) == [{"id": 7}, {"id": 7}]


def test_numbers_that_sqlite_has_not(tmp_path: Path) -> None:
    """A greater integer is kept as a text rather than as a rounded number."""
    path = tmp_path / "out.db"
    kind = msgspec.defstruct("Any", [("a", Any), ("b", int | str)])
    write(path, [kind(2**70, 2**63), kind(1, "1")], item=kind)
    assert [tuple(row.values())[1:] for row in select(path)] == [(str(2**70), str(2**63)), (1, "1")]


def test_column_names_are_data(tmp_path: Path) -> None:
    """Names with quotes, spaces and SQL in them are names."""
    name = 'a"); DROP TABLE items; -- é'
    path = tmp_path / "out.db"
    write(path, [item(fields={name: "x"})], fields=(field_rule(f"{name}=p"),))
    assert select(path)[0][name] == "x"


def test_columns_that_sqlite_can_not_tell_apart(tmp_path: Path) -> None:
    """They are named before anything is fetched; CSV has no such trouble."""
    kind = msgspec.defstruct("Case", [("Name", str), ("name", str)])
    with pytest.raises(UsageError, match="'Name' and 'name' differ by case only"):
        open_output(str(tmp_path / "out.db"), item=kind)
    open_output(str(tmp_path / "out.csv"), item=kind)


def test_too_many_columns(tmp_path: Path) -> None:
    """SQLite's limit is reported before anything is fetched."""
    kind = msgspec.defstruct("Wide", [(f"f{n}", int) for n in range(2_000)])
    with pytest.raises(UsageError, match="2001 columns are more than the 2000 of SQLite"):
        open_output(str(tmp_path / "out.db"), item=kind)


def test_a_type_that_nothing_can_write(tmp_path: Path) -> None:
    """It is reported before anything is fetched."""
    kind = msgspec.defstruct("Wrong", [("a", Callable[[], None] | int), ("a1", {1: 2})])
    with pytest.raises(UsageError, match="items can't be of the type"):
        open_output(str(tmp_path / "out.db"), item=kind)


def test_formulas_are_not_altered(tmp_path: Path) -> None:
    """CSV holds the values of the page, whatever a spreadsheet makes of them."""
    path = tmp_path / "out.csv"
    write(path, [Author("=1+1"), Author("@x"), Author("-1")], item=Author)
    assert [row["name"] for row in rows(path)] == ["=1+1", "@x", "-1"]


def test_csv_is_that_of_the_rfc(tmp_path: Path) -> None:
    """RFC 4180: header, CRLF, quotes doubled and only where they are needed."""
    path = tmp_path / "out.csv"
    write(path, [Author('a "b", c'), Author("d")], item=Author)
    assert path.read_bytes() == b'name\r\n"a ""b"", c"\r\nd\r\n'


# What may be written where.


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.json.gz", "only JSON Lines and CSV can be compressed"),
        ("out", "its suffix names no format; end the name with one of .jsonl"),
        ("out.txt", "its suffix names no format"),
        ("gone/out.jsonl", "gone does not exist; create it first"),
        ("folder.jsonl", "it is a folder"),
        ("old.jsonl", "it exists; replace it with -O/--overwrite or add to it with --append"),
        ("old.jsonl", "(in Python: overwrite=True or append=True)"),
        ("old.jsonl/out.jsonl", "does not exist"),
    ],
)
def test_what_is_refused(tmp_path: Path, name: str, message: str) -> None:
    """One line with the option, the file, and what to do."""
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "old.jsonl").write_text('{"a":1}\n')
    with pytest.raises(UsageError) as error:
        open_output(str(tmp_path / name))
    assert str(error.value).startswith(f"--output {tmp_path / name}: ")
    assert message in str(error.value)


def test_overwrite_and_append_exclude_each_other(tmp_path: Path) -> None:
    """Nobody can mean both."""
    with pytest.raises(UsageError, match="overwrite=True and append=True exclude each"):
        open_output(str(tmp_path / "out.jsonl"), overwrite=True, append=True)


def test_a_place_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder or file that may not be written is reported before anything is fetched."""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UsageError, match="no permission"):
        open_output(str(tmp_path / "out.jsonl"))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("options", [{}, {"overwrite": True}, {"append": True}])
def test_checking_changes_nothing(tmp_path: Path, suffix: str, options: dict[str, Any]) -> None:
    """Until the crawl begins, no file is made, and none that is there is touched."""
    path = tmp_path / f"out.{suffix}"
    if options:
        write(path, [Author("old")], item=Author)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    output = open_output(str(path), item=Author, **options)
    anyio.run(output.close)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def names(path: Path) -> list[str]:
    """The names of the items in a file of any format."""
    return [item["name"] for item in items_in(path)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_overwriting_replaces(tmp_path: Path, suffix: str) -> None:
    """Nothing of what was there stays, even if nothing comes."""
    path = tmp_path / f"out.{suffix}"
    write(path, [Author("old")], item=Author)
    write(path, [Author("new")], item=Author, overwrite=True)
    assert names(path) == ["new"]
    write(path, item=Author, overwrite=True)
    assert names(path) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_appending_continues(tmp_path: Path, suffix: str) -> None:
    """What was there stays, and a file that is not there is made."""
    path = tmp_path / f"out.{suffix}"
    for name in ("a", "b\n", "c"):
        write(path, [Author(name)], item=Author, append=True)
    assert names(path) == ["a", "b\n", "c"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_empty_file_can_be_continued(tmp_path: Path, suffix: str) -> None:
    """As `touch` makes it."""
    path = tmp_path / f"out.{suffix}"
    path.touch()
    write(path, [Author("a")], item=Author, append=True)
    assert names(path) == ["a"]


# Appending to what a crash, or someone else, has left.


def test_a_last_line_without_its_break_is_completed(tmp_path: Path) -> None:
    """A whole item whose line break is missing gets it."""
    path = tmp_path / "out.jsonl"
    path.write_text('{"name":"a"}\n{"name":"b"}')
    write(path, [Author("c")], item=Author, append=True)
    assert names(path) == ["a", "b", "c"]


def test_a_torn_line_is_reported_with_its_place(tmp_path: Path) -> None:
    """What to cut is said to the byte, and that command does repair the file."""
    path = tmp_path / "out.jsonl"
    path.write_bytes(b'{"name":"a"}\n{"name":"' + "é".encode()[:1])
    with pytest.raises(UsageError, match=r"its last line is incomplete .*truncate -s 13 ") as error:
        open_output(str(path), item=Author, append=True)
    os.truncate(path, int(str(error.value).split("-s ")[1].split()[0]))
    write(path, [Author("b")], item=Author, append=True)
    assert names(path) == ["a", "b"]


@given(text=st.binary(max_size=12), long=st.integers(0, 200_000))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_last_line(tmp_path: Path, text: bytes, long: int) -> None:
    """It is what follows the last line break, however long."""
    path = tmp_path / "file"
    content = text + b"x" * long + text
    path.write_bytes(content)
    line = content.rpartition(b"\n")[2]
    assert last_line(path) == (len(content) - len(line), line)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name\r\na", "its last row is incomplete"),
        (b'name\r\n"a\r\n', "its last row is incomplete"),
        (b"title\r\na\r\n", "its columns are title, those of this crawl name"),
        (b"name,age\r\na,1\r\n", "its columns are name, age, those"),
        (b"\xff\x00\r\n", "its columns are"),
        (b"x" * 200_000 + b"\r\n", "its columns are unreadable, those of this crawl name"),
    ],
)
def test_csv_that_can_not_be_continued(tmp_path: Path, content: bytes, message: str) -> None:
    """Another header or a torn row is reported; nothing is written."""
    path = tmp_path / "out.csv"
    path.write_bytes(content)
    with pytest.raises(UsageError) as error:
        open_output(str(path), item=Author, append=True)
    assert message in str(error.value)
    assert path.read_bytes() == content


def test_csv_of_another_program(tmp_path: Path) -> None:
    """A mark at its beginning and plain line breaks are no obstacle."""
    path = tmp_path / "out.csv"
    path.write_bytes(b"\xef\xbb\xbfname\na\n")
    write(path, [Author("b")], item=Author, append=True)
    assert path.read_bytes() == b"\xef\xbb\xbfname\na\nb\r\n"


def test_databases_that_can_not_be_continued(tmp_path: Path) -> None:
    """A file that is no database, and one whose table has other columns."""
    path = tmp_path / "out.db"
    path.write_text("this is no database at all, only a text that is long enough")
    with pytest.raises(UsageError, match="can't read it as an SQLite database"):
        open_output(str(path), item=Author, append=True)
    write(path, [Thing()], item=Thing, overwrite=True)
    with pytest.raises(
        UsageError, match=r"columns id, name, count.* items of this crawl id, name;"
    ):
        open_output(str(path), item=Author, append=True)


def test_a_database_of_someone_else_gets_a_table(tmp_path: Path) -> None:
    """Other tables stay as they are."""
    path = tmp_path / "out.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE mine (x)")
    write(path, [Author("a")], item=Author, append=True)
    assert names(path) == ["a"]
    assert select(path, "SELECT * FROM mine") == []


# Errors while writing.


@pytest.fixture
def full_disk() -> Path:
    """A file on a device that is always full."""
    device = Path("/dev/full")
    if not device.exists() or not stat.S_ISCHR(device.stat().st_mode):
        pytest.skip("needs /dev/full")
    return device


def test_a_full_disk(full_disk: Path, tmp_path: Path) -> None:
    """It is one line, of a type that the command knows."""
    path = tmp_path / "out.jsonl"
    path.symlink_to(full_disk)
    with pytest.raises(OutputError, match=r"^can't write .*out\.jsonl: No space left on device$"):
        write(path, [Author("a")], item=Author, append=True)


def test_a_failed_append_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is whole or not there: what was written of it is taken back."""
    path = tmp_path / "out.jsonl"

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    async def work() -> None:
        file = await DurableFile.open(path, keep=0)
        await file.append(b"first\n")
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OutputError, match="Input/output error"):
            await file.append(b"second\n")
        await file.close()

    anyio.run(work)
    assert path.read_bytes() == b"first\n"


def test_a_file_that_can_not_be_opened(tmp_path: Path) -> None:
    """What has changed since the check is an error of the output."""
    for suffix in SUFFIXES[:-1]:
        path = tmp_path / f"folder.{suffix}"
        output = open_output(str(path), item=Author)
        path.mkdir()
        with pytest.raises(OutputError, match=r"^can't (write|replace) .*folder"):
            anyio.run(output.open)


def test_a_database_that_can_not_be_opened(tmp_path: Path) -> None:
    """What has changed since the check is reported here too, and no thread stays behind."""
    path = tmp_path / "out.db"
    output = open_output(str(path), item=Author, append=True)
    path.mkdir()
    with pytest.raises(OutputError, match=r"^can't write .*out\.db: unable to open"):
        anyio.run(output.open)
    anyio.run(output.close)


def test_a_file_that_can_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is appended to has to be looked at first."""
    path = tmp_path / "out.jsonl"
    path.touch()

    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(UsageError, match="can't read it: Permission denied"):
        open_output(str(path), append=True)


def test_a_database_that_breaks(tmp_path: Path) -> None:
    """A failed batch is rolled back whole, reported in one line, and the next one works."""
    path = tmp_path / "out.db"
    output = open_output(str(path), item=Author)

    async def work() -> None:
        await output.write([Author("a")])
        with closing(sqlite3.connect(path)) as other:
            other.execute("CREATE TRIGGER no BEFORE INSERT ON items WHEN new.name = 'bad'"
                          " BEGIN SELECT RAISE(ABORT, 'not this one'); END")  # fmt: skip
            other.commit()
        with pytest.raises(OutputError, match=r"^can't write .*out\.db: not this one$"):
            await output.write([Author("b"), Author("bad")])
        with pytest.raises(OutputError):
            await output.write([Author("b")] * VALUES_MAX + [Author("bad")])
        await output.write([Author("c")])
        await output.close()
        await output.close()

    anyio.run(work)
    assert names(path) == ["a", "c"]


def test_others_can_read_while_a_crawl_writes(tmp_path: Path) -> None:
    """What `write` has returned for is there for every reader."""
    path = tmp_path / "out.db"
    output = open_output(str(path), item=Author)

    async def work() -> None:
        await output.write([Author("a")])
        assert names(path) == ["a"]
        await output.close()

    anyio.run(work)
    assert [each.name for each in tmp_path.iterdir()] == ["out.db"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_cancelled_write_is_whole(tmp_path: Path, suffix: str) -> None:
    """A write that is cancelled has happened, and the output goes on to work."""
    path = tmp_path / f"out.{suffix}"
    output = open_output(str(path), item=Author)

    async def work() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await output.write([Author("a"), Author("b")])
        await output.write([Author("c")])
        await output.close()

    anyio.run(work)
    assert names(path) in (["a", "b", "c"], ["c"])


# Standard output.


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The two ends of a pipe: to read from, to write to."""
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            assert end == ends[0], "only the reader goes away in these tests"


def test_standard_output_is_jsonl(capfd: pytest.CaptureFixture[str]) -> None:
    """`-` writes JSON Lines, and nothing else, to where standard output goes."""
    write(Path("-"), [Author("a")], [Author("é\n")], item=Author)
    assert capfd.readouterr().out == '{"name":"a"}\n{"name":"é\\n"}\n'


def test_a_reader_that_has_gone_away(pipe: tuple[int, int]) -> None:
    """A closed pipe has its own type, so that the command can end quietly."""
    os.close(pipe[0])
    with pytest.raises(OutputClosed):
        anyio.run(Stream(Lines(), pipe[1]).write, [Author("a")])


def test_standard_output_that_can_not_be_written() -> None:
    """Any other error than a closed pipe is an error of the output."""
    descriptor = os.open(os.devnull, os.O_RDONLY)
    with pytest.raises(OutputError, match="can't write standard output: Bad file descriptor"):
        anyio.run(Stream(Lines(), descriptor).write, [Author("a")])
    os.close(descriptor)
    with pytest.raises(OutputError, match="can't write standard output: Bad file descriptor"):
        Stream(Lines(), descriptor)


def test_a_slow_reader_does_not_hold_up_the_loop(pipe: tuple[int, int]) -> None:
    """More than a pipe holds is written while other tasks go on, and arrives whole."""
    things = [Author("x" * 100_000) for _ in range(5)]
    received: list[bytes] = []
    read = threading.Event()

    def drain() -> None:
        read.wait(30)
        while chunk := os.read(pipe[0], 65_536):
            received.append(chunk)
            if chunk.endswith(b"\n") and sum(map(len, received)) > 500_000:
                return

    async def other() -> None:
        for _ in range(10):
            await anyio.lowlevel.checkpoint()
        read.set()

    async def work() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(anyio.to_thread.run_sync, drain)
            tasks.start_soon(other)
            await Stream(Lines(), pipe[1]).write(things)

    anyio.run(work)
    assert [json.loads(line)["name"] for line in b"".join(received).splitlines()] == [
        thing.name for thing in things
    ]


# Devices and pipes.


@pytest.mark.parametrize("options", [{}, {"overwrite": True}, {"append": True}, {"keep": 10}])
def test_nothing_is_kept_in_the_null_device(options: dict[str, Any]) -> None:
    """It is written to, whatever its suffix; it has nothing to protect, to check or to cut."""
    write(Path(os.devnull), [Author("a")], item=dict, **options)
    assert not Path(os.devnull).is_file()


def test_the_other_name_of_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """/dev/stdout is standard output, a file that others write to included: nothing is cut."""
    write(Path("/dev/stdout"), [Author("a")], item=Author)
    write(Path("/dev/stdout"), [Author("b")], item=Author)
    assert capfd.readouterr().out == '{"name":"a"}\n{"name":"b"}\n'


def test_a_named_pipe(tmp_path: Path) -> None:
    """It gets JSON Lines, and its reader the end when the output is closed."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(path.read_bytes()))
    reader.start()
    write(path, [Author("a")], item=Author)
    reader.join()
    assert received == [b'{"name":"a"}\n']


def test_a_full_device(full_disk: Path) -> None:
    """It is named in the error."""
    with pytest.raises(OutputError, match=f"^can't write {full_disk}: No space left on device$"):
        write(full_disk, [Author("a")], item=Author)


def test_a_device_that_can_not_be_opened(tmp_path: Path) -> None:
    """What has changed since the check is an error of the output."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    output = open_output(str(path), item=Author)
    path.unlink()
    with pytest.raises(OutputError, match=r"can't write .*pipe: No such file"):
        anyio.run(output.open)


def test_a_write_that_was_abandoned_touches_no_other_file(pipe: tuple[int, int]) -> None:
    """What a reader comes to late never goes into a file that was opened since."""
    stream = Stream(Lines(), pipe[1])
    anyio.run(stream.close)
    with pytest.raises(ValueError, match="closed"):
        anyio.run(stream.write, [Author("a")])
    os.fstat(pipe[1])


# With the effect.


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_keep_effect_writes_files(tmp_path: Path, suffix: str) -> None:
    """The items of a batch of pages are in the file when the effect returns."""
    path = tmp_path / f"out.{suffix}"
    output = open_output(str(path), item=Author)

    async def work() -> None:
        pages = [Checked(target(), (Author("a"), Author("b"))), Checked(target(), (Author("c"),))]
        assert await Keeper(output).keep(pages) == [Kept(2, output.length), Kept(1, output.length)]
        assert suffix == "parquet" or names(path) == ["a", "b", "c"]
        await output.close()

    anyio.run(work)
    assert names(path) == ["a", "b", "c"]


# Formats of their own kind.


def test_a_number_keeps_its_digits_in_every_table(tmp_path: Path) -> None:
    """Beyond 64 bits it is a text of all its digits, in the database and in Parquet."""
    things = [Thing(count=2**64 + 1), Thing(count=-5)]
    for suffix in ("db", "parquet"):
        write(tmp_path / f"out.{suffix}", things[:1], things[1:], item=Thing)
    assert [row["count"] for row in items_in(tmp_path / "out.db")] == [str(2**64 + 1), -5]
    assert [row["count"] for row in items_in(tmp_path / "out.parquet")] == [str(2**64 + 1), "-5"]
    (made,) = select(tmp_path / "out.db", "SELECT strict FROM pragma_table_list WHERE name='items'")
    assert made == {"strict": 1}


def test_decimals_are_texts(tmp_path: Path) -> None:
    """They lose nothing, and sort as numbers where they are cast."""
    kind = msgspec.defstruct("Priced", [("price", Decimal)])
    path = tmp_path / "out.db"
    write(path, [kind(Decimal(text)) for text in ("10.10", "9.50")], item=kind)
    query = "SELECT price FROM items ORDER BY CAST(price AS REAL)"
    assert select(path, query) == [{"price": "9.50"}, {"price": "10.10"}]


def test_a_table_of_an_earlier_version(tmp_path: Path) -> None:
    """It is continued if no long number can lose digits in it."""
    path = tmp_path / "out.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)")
    write(path, [Author("a")], item=Author, append=True)
    assert names(path) == ["a"]
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE items")
        database.execute("CREATE TABLE items (id INTEGER PRIMARY KEY, number INTEGER)")
    with pytest.raises(UsageError, match="its table items is not STRICT"):
        open_output(str(path), item=msgspec.defstruct("One", [("number", int)]), append=True)


def test_csv_for_spreadsheets(tmp_path: Path) -> None:
    """A mark, quotes, CRLF; an apostrophe before what would be calculated, and before nothing else."""
    path = tmp_path / "out.csv"
    texts = ["=1+1", " @x", "-1", "+49 30", "a;=b", "\t=c", "=d", "é"]
    write(path, [Author(text) for text in texts], item=Author, csv_excel=True)
    expected = ["'=1+1", "' @x", "-1", "'+49 30", "a;=b", "'\t=c", "'=d", "é"]
    cells = "".join(f'"{text}"\r\n' for text in ["name", *expected])
    assert path.read_bytes() == b"\xef\xbb\xbf" + cells.encode()
    write(path, [Author("f")], item=Author, csv_excel=True, append=True)
    assert path.read_bytes().endswith(b'"\xc3\xa9"\r\n"f"\r\n')
    with pytest.raises(UsageError, match=r"--csv-excel: .*out\.jsonl is no CSV"):
        open_output(str(tmp_path / "out.jsonl"), item=Author, csv_excel=True)


def test_json_is_whole_after_each_batch(tmp_path: Path) -> None:
    """Whoever reads meanwhile finds an array; a foreign one is continued, and nothing else."""
    path = tmp_path / "out.json"
    output = open_output(str(path), item=Author)

    async def work() -> None:
        for count in range(3):
            assert len(names(path) if count else []) == count
            await output.write([Author(str(count))])
        await output.close()

    anyio.run(work)
    path.write_text('[ {"name": "0"} ]')
    write(path, [Author("1")], item=Author, append=True)
    assert names(path) == ["0", "1"]
    path.write_text("[]")
    write(path, [Author("1")], item=Author, append=True)
    assert names(path) == ["1"]
    for content in ('{"a": []}', "[1, 2", "no"):
        path.write_text(content)
        with pytest.raises(UsageError, match="it is no complete array of JSON"):
            open_output(str(path), item=Author, append=True)


@pytest.mark.parametrize("suffix", ["jsonl.gz", "csv.zst"])
def test_a_compressed_file_that_ends_too_early(tmp_path: Path, suffix: str) -> None:
    """It is reported, and so are other columns."""
    path = tmp_path / f"out.{suffix}"
    write(path, [Author("a")], item=Author)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(UsageError, match="it is damaged or ends too early"):
        open_output(str(path), item=Author, append=True)
    path.write_bytes(whole)
    if "csv" in suffix:
        with pytest.raises(UsageError, match="its columns are not those of this crawl"):
            open_output(str(path), item=Thing, append=True)


def test_rows_that_wait_for_a_parquet_file(tmp_path: Path) -> None:
    """What a killed process has left beside the file is continued; a torn end of it is reported."""
    path, waiting = tmp_path / "out.parquet", tmp_path / "out.parquet.rows"
    write(path, [Author("a")], item=Author)
    assert not waiting.exists()
    waiting.write_bytes(b'0\n["a"]\n["b"]\n')
    with pytest.raises(UsageError, match="it exists"):
        open_output(str(path), item=Author)
    write(path, [Author("c")], item=Author, append=True)
    assert names(path) == ["a", "b", "c"]
    waiting.write_bytes(b'3\n["d')
    with pytest.raises(UsageError, match=r"the rows that wait beside it is torn; .*truncate -s 2 "):
        open_output(str(path), item=Author, append=True)


def test_types_of_parquet(tmp_path: Path) -> None:
    """Columns have types; lists are JSON."""
    path = tmp_path / "out.parquet"
    thing = Thing(name="é", count=3, size=0.5, new=True, tags=["a"], more={})
    write(path, [thing, Thing()], item=Thing)
    first, second = items_in(path)
    assert first == {
        "name": "é",
        "count": 3,
        "size": 0.5,
        "new": True,
        "tags": '["a"]',
        "more": "{}",
    }
    assert (second["name"], second["new"]) == (None, None)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"format": "csv"}, b"name\r\na\r\nb\r\n"),
        ({"format": "json"}, b'[\n{"name":"a"},\n{"name":"b"}\n]\n'),
        ({"csv_excel": True}, b'\xef\xbb\xbf"name"\r\n"a"\r\n"b"\r\n'),
    ],
)
def test_forms_of_standard_output(
    capfdbinary: pytest.CaptureFixture[bytes], form: dict[str, Any], expected: bytes
) -> None:
    """CSV and JSON go there too, whole."""
    write(Path("-"), [Author("a")], [], [Author("b")], item=Author, **form)
    assert capfdbinary.readouterr().out == expected


@pytest.mark.parametrize(
    ("name", "form", "message"),
    [
        (
            "-",
            {"format": "cvs"},
            "--format cvs: this is not a format; give one of jsonl, json, csv",
        ),
        ("-", {"format": "sqlite"}, "--format sqlite: only files can have this format"),
        ("out", {"format": "json.gz"}, "only JSON Lines and CSV can be compressed"),
    ],
)
def test_forms_that_are_refused(
    tmp_path: Path, name: str, form: dict[str, Any], message: str
) -> None:
    """One line, before anything is fetched."""
    with pytest.raises(UsageError, match=message):
        open_output(name if name == "-" else str(tmp_path / name), item=Author, **form)


@pytest.mark.parametrize("suffix", ["jsonl", "json", "jsonl.gz"])
def test_a_file_that_is_cut_meanwhile(tmp_path: Path, suffix: str) -> None:
    """Items that are gone are reported, by the next write and at the end."""
    path = tmp_path / f"out.{suffix}"
    output = open_output(str(path), item=Author)

    async def work() -> None:
        await output.write([Author("a")])
        os.truncate(path, 1)
        with pytest.raises(OutputError, match="was cut while the crawl wrote to it"):
            await output.write([Author("b")])
        with pytest.raises(OutputError, match="was cut while the crawl wrote to it"):
            await output.close()

    anyio.run(work)
    assert plain(path.rename(tmp_path / "cut")) in (b"{", b"[", b"\x1f")
