"""CSV by RFC 4180: a header, commas, double quotes, CRLF; in UTF-8 without a byte order mark.

Owns: the file format, the check of a file that is appended to.
Must not know: databases, pages, the net.

A null and an empty text are both empty cells, since CSV can't tell them apart. Booleans are true and
false, lists and objects are JSON. A text that a spreadsheet would take for a formula (`=1+1`) is written
unchanged: a changed value would be wrong for every other reader, so import such a file as text. A batch
is on the disk (fsync) when `write` returns.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from scraper_cpn.scrape.items.outputs.base import Cell, Shape
from scraper_cpn.scrape.items.outputs.files import DurableFile
from scraper_cpn.scrape.settings import UsageError


class CsvFile:
    """Writes items to a CSV file."""

    def __init__(self, file: DurableFile, shape: Shape) -> None:
        self._file = file
        self._shape = shape

    @classmethod
    async def open(cls, path: Path, shape: Shape, *, keep: int | None) -> "CsvFile":
        """Open a file and keep its first *keep* bytes, which end with a row; an empty file gets a header.

        None keeps all of a file that `check_rows` has accepted. Raises `OutputError`.
        """
        file = await DurableFile.open(path, keep=keep)
        if file.length == 0:
            await file.append(_encoded([shape.names]))
        return cls(file, shape)

    @property
    def length(self) -> int:
        """Bytes on the disk, including the header."""
        return self._file.length

    async def write(self, batch: Sequence[Any]) -> None:
        """Append a row for each item, and wait until they are on the disk."""
        await self._file.append(_encoded(self._shape.row(item) for item in batch))

    async def close(self) -> None:
        """Close the file."""
        await self._file.close()


def check_rows(path: Path, shape: Shape) -> None:
    """Raise `UsageError` if rows of *shape* can't be appended to the file.

    They can't if the header differs, or the last row is incomplete (no line break, or an open quote). Cost:
    reads the whole file once.
    """
    quotes = 0
    end = b""
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1024 * 1024), b""):
            quotes += block.count(b'"')
            end = block[-1:]
    if not end:
        return
    if end != b"\n" or quotes % 2:
        raise UsageError(
            f"--output {path}: its last row is torn; complete or remove it, or name another file"
        )
    check_header(path, shape)


def check_header(path: Path, shape: Shape) -> None:
    """Raise `UsageError` if the file does not have the columns of *shape*."""
    header = _header(path)
    if header != list(shape.names):
        raise UsageError(
            f"--output {path}: its columns are {_listed(header)}, "
            f"those of this crawl {_listed(shape.names)}; name another file"
        )


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            return next(csv.reader(file), [])
        except csv.Error:
            return []


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "unreadable"


def _encoded(rows: Iterable[Sequence[Cell]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(map(_plain, rows))
    return text.getvalue().encode()


def _plain(row: Sequence[Cell]) -> list[Cell]:
    return [("true" if value else "false") if isinstance(value, bool) else value for value in row]
