"""Outputs, read back."""

import csv
import gzip
import io
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from pyarrow import parquet

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BYTES = ["jsonl", "csv", "json", "jsonl.gz", "csv.zst"]
"""Suffixes of formats whose items are bytes behind one another."""
SUFFIXES = [*BYTES, "db", "parquet"]


def items_in(path: Path) -> list[dict[str, Any]]:
    """The items of an output of any format, read by other code than ours; texts where it has no types."""
    if path.name.endswith(".parquet"):
        return [dict(row) for row in parquet.read_table(path).to_pylist()]
    if path.suffix == ".db":
        with closing(sqlite3.connect(path)) as database:
            database.row_factory = sqlite3.Row
            found = [dict(row) for row in database.execute("SELECT * FROM items ORDER BY id")]
        assert [row.pop("id") for row in found] == list(range(1, len(found) + 1))
        return found
    text = plain(path).decode("utf-8")
    if ".csv" in path.suffixes:
        return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    if path.suffix == ".json":
        return [dict(each) for each in json.loads(text)]
    lines = text.split("\n")
    assert lines.pop() == ""
    return [json.loads(line) for line in lines]


def plain(path: Path) -> bytes:
    """The content of a file, decompressed."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(content) if content else b""
    if path.suffix == ".zst":
        return zstd.decompress(content)
    return content
