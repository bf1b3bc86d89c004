"""The items of a state, in every format: as they were kept, in that order, once."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from scraper_cpn.scrape.account.ledger import failure_record
from scraper_cpn.scrape.pages.extract import Item
from scraper_cpn.scrape.pages.fields import field_rule
from scraper_cpn.scrape.settings import MILLISECOND, FieldRule, Settings, UsageError
from scraper_cpn.scrape.state.export import Export, export_failures
from scraper_cpn.scrape.state.rows import failures
from scraper_cpn.simulate.webspec import WebSpec
from scraper_cpn.store.port import StoreError
from scraper_cpn.store.reader import StateReader
from scraper_cpn.store.sqlite import create
from tests.scrape.kept import KeptCrawl
from tests.store.batches import batch

pytestmark = pytest.mark.anyio


def keep(folder: Path, bodies: list[bytes]) -> Path:
    """A state with these items."""
    path = folder / "c.db"

    async def make() -> None:
        store = create(path, "main")
        items = [(b"page", 1, number, body) for number, body in enumerate(bodies)]
        await store.commit(batch(1, items=items))
        await store.close()

    anyio.run(make)
    return path


def exported(
    path: Path, where: str, *, overwrite: bool = False, fields: tuple[FieldRule, ...] = ()
) -> list[int]:
    """Export a state; returns what was reported on the way."""
    message: list[int] = []
    with StateReader(path) as state:
        work = Export(state.run(), where, overwrite=overwrite, fields=fields)
        number = anyio.run(work.write, message.append)
    assert number == (message[-1] if message else 0)
    return message


def built_in(number: int, **more: Any) -> Item:
    return Item(
        url=f"http://a.example/{number}", requested_url="http://a.example/", status=200,
        depth=number, parent=None, fetched_at="2026-01-01T00:00:00.000Z",
        content_type="text/html", **more,
    )  # fmt: skip


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
SCALAR = st.none() | TEXT | st.integers(-(2**60), 2**60) | st.booleans()
ITEMS = st.lists(
    st.dictionaries(st.sampled_from(["a", "b b", "c-c"]), SCALAR | st.lists(SCALAR), max_size=3),
    max_size=6,
)


@given(items=ITEMS)
@examples(max_examples=40, deadline=None)
def test_json_lines_are_what_was_kept(items: list[dict[str, Any]]) -> None:
    """Byte for byte, whatever the items are."""
    bodies = [json.dumps(item).encode() for item in items]
    with TemporaryDirectory() as folder:
        exported(keep(Path(folder), bodies), f"{folder}/x.jsonl")
        assert (Path(folder) / "x.jsonl").read_bytes() == b"".join(b + b"\n" for b in bodies)


@given(items=ITEMS)
@examples(max_examples=40, deadline=None)
def test_columns_are_the_union_of_keys(items: list[dict[str, Any]]) -> None:
    """Each value is in its row and column; what an item lacks is NULL; lists are JSON."""
    names = list(dict.fromkeys(key for item in items for key in item))
    if not names:
        return
    with TemporaryDirectory() as folder:
        path = keep(Path(folder), [json.dumps(item).encode() for item in items])
        exported(path, f"{folder}/x.sqlite")
        with closing(sqlite3.connect(f"{folder}/x.sqlite")) as base:
            columns = ", ".join(f'"{name}"' for name in names)
            rows = base.execute(f"SELECT {columns} FROM items ORDER BY id").fetchall()
    assert [[back(value) for value in row] for row in rows] == [
        [plain(item.get(name)) for name in names] for item in items
    ]


def back(value: Any) -> Any:
    """A cell as JSON would have it, if it is a list."""
    if not isinstance(value, str) or not value.startswith("["):
        return value
    try:
        return json.loads(value)
    except ValueError:  # a text that looks like one
        return value


def plain(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("["):
        return back(value)
    return int(value) if isinstance(value, bool) else value


def test_the_columns_of_a_csv(tmp_path: Path) -> None:
    """One for each key that any item has, in the order in which they come up."""
    bodies = [b'{"a":1,"b":"x"}', b'{"b":"y, z","c":[1]}']
    exported(keep(tmp_path, bodies), str(tmp_path / "x.csv"))
    rows = list(csv.reader(io.StringIO((tmp_path / "x.csv").read_text(), newline="")))
    assert rows == [["a", "b", "c"], ["1", "x", ""], ["", "y, z", "[1]"]]


def test_a_column_of_numbers(tmp_path: Path) -> None:
    """Whole numbers and others are one kind of number; numbers and texts stay what they are."""
    exported(
        keep(tmp_path, [b'{"a":1,"b":1}', b'{"a":1.5,"b":"x"}', b'{"a":null}']),
        str(tmp_path / "x.sqlite"),
    )
    with closing(sqlite3.connect(tmp_path / "x.sqlite")) as base:
        rows = base.execute("SELECT a, b FROM items ORDER BY id").fetchall()
    assert rows == [(1.0, 1), (1.5, "x"), (None, None)]
    assert isinstance(rows[0][0], float)


def test_built_in_items_have_their_columns(tmp_path: Path) -> None:
    """Those of a crawl's own CSV, with one for each field that was asked for."""
    items = [built_in(0, fields={"price": "1"}), built_in(1, fields={"price": "2"})]
    path = keep(tmp_path, [msgspec.json.encode(item) for item in items])
    exported(path, str(tmp_path / "x.csv"), fields=(field_rule("price=.price"),))
    with (tmp_path / "x.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    own = [name for name in Item.__struct_fields__ if name not in ("fields", "body")]
    assert list(rows[0]) == [*own, "price"]
    assert [(row["url"], row["price"]) for row in rows] == [
        ("http://a.example/0", "1"),
        ("http://a.example/1", "2"),
    ]


@pytest.mark.parametrize("name", ["x.csv", "x.sqlite", "x.jsonl"])
def test_a_state_without_items(tmp_path: Path, name: str) -> None:
    """The output is there, with the built-in columns, and empty."""
    assert exported(keep(tmp_path, []), str(tmp_path / name)) == []
    assert (tmp_path / name).exists()


def test_items_that_are_no_objects(tmp_path: Path) -> None:
    """They have no columns, which CSV needs; JSON Lines and SQLite take them."""
    path = keep(tmp_path, [b'"text"', b"[1]"])
    with pytest.raises(UsageError, match="CSV needs columns"):
        exported(path, str(tmp_path / "x.csv"))
    exported(path, str(tmp_path / "x.jsonl"))
    assert (tmp_path / "x.jsonl").read_bytes() == b'"text"\n[1]\n'


def test_many_items_are_written_in_parts(tmp_path: Path) -> None:
    """No batch is larger than a thousand items or some megabytes, and progress is reported."""
    body = json.dumps({"text": "x" * 10_000}).encode()
    assert exported(keep(tmp_path, [b"{}"] * 2_500), str(tmp_path / "a.jsonl")) == [
        1_000, 2_000, 2_500,
    ]  # fmt: skip
    other = tmp_path / "other"
    other.mkdir()
    message = exported(keep(other, [body] * 500), str(tmp_path / "b.jsonl"))
    assert len(message) == 2
    assert (tmp_path / "b.jsonl").read_bytes() == (body + b"\n") * 500


def test_an_output_that_exists(tmp_path: Path) -> None:
    """It is replaced when that is asked for, and else stays as it is."""
    path = keep(tmp_path, [b"{}"])
    (tmp_path / "x.jsonl").write_text("mine\n")
    with pytest.raises(UsageError, match="it exists"):
        exported(path, str(tmp_path / "x.jsonl"))
    assert (tmp_path / "x.jsonl").read_text() == "mine\n"
    exported(path, str(tmp_path / "x.jsonl"), overwrite=True)
    assert (tmp_path / "x.jsonl").read_text() == "{}\n"


@pytest.mark.parametrize("name", ["x.csv", "x.sqlite"])
def test_an_item_that_can_not_be_read(tmp_path: Path, name: str) -> None:
    """It is damage of the state, and no output is begun."""
    path = keep(tmp_path, [b"{}", b"{"])
    with pytest.raises(StoreError, match="a row can't be read"):
        exported(path, str(tmp_path / name))
    assert not (tmp_path / name).exists()


async def test_the_failed_log(tmp_path: Path) -> None:
    """All its rows, oldest first, as `--failed` of the crawl writes them."""
    spec = WebSpec(hosts=1, pages=6, fail=0.7, fail_kinds=("500",))
    kept = KeptCrawl(spec, Settings(delay_ns=0, backoff_ns=MILLISECOND), tmp_path / "c.db")
    await kept.crawl()
    file = io.StringIO()
    with StateReader(tmp_path / "c.db") as state:
        number = export_failures(failures(state.run()), file)
    rows = [json.loads(line) for line in file.getvalue().splitlines()]
    assert number == len(rows)
    assert [row for row in rows if row["final"]] == [failure_record(row) for row in kept.ends()]
    assert any(not row["final"] for row in rows)
    await kept.store.close()
