"""CSV by RFC 4180: a header, commas, double quotes, CRLF, in UTF-8; as it is, or for spreadsheets.

Owns: both encodings, and the check of a file that is appended to.
Must not know: files and streams, databases, pages, the net.

A null and an empty text are both empty cells, since CSV can't tell them apart. Booleans are true and
false, lists and objects are JSON. A text that a spreadsheet would take for a formula (`=1+1`) is written
unchanged: a changed value would be wrong for every other reader. With `--csv-excel` it gets an apostrophe
in front, every text is in quotes, and the file begins with a byte order mark, by which Excel knows UTF-8.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from scraper_cpn.scrape.items.outputs.appended import Appended, Encoding
from scraper_cpn.scrape.items.outputs.base import Cell, Shape
from scraper_cpn.scrape.items.outputs.files import check_kept
from scraper_cpn.scrape.settings import UsageError

_MARK = b"\xef\xbb\xbf"
_FORMULA = re.compile(r"[\s\x00-\x1f\ufeff]*[=+@\-\t\r\n|%\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)*")


class Rows(Encoding):
    """Items as rows."""

    def __init__(self, shape: Shape) -> None:
        self._row = shape.row
        self.start = self._encoded([shape.names])

    def encode(self, batch: Sequence[Any], *, first: bool) -> bytes:
        """Return a row for each item."""
        return self._encoded(map(self._row, batch))

    def _encoded(self, rows: Iterable[Sequence[Cell]]) -> bytes:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerows(map(_plain, rows))
        return text.getvalue().encode()


class ExcelRows(Rows):
    """Items as rows for people with a spreadsheet."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self.start = _MARK + self.start

    def _encoded(self, rows: Iterable[Sequence[Cell]]) -> bytes:
        # Quotes keep a text together where a spreadsheet splits cells at semicolons.
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerows([_harmless(value) for value in _plain(row)] for row in rows)
        return text.getvalue().encode()


class Csv(Appended):
    """The format."""

    has_columns = True

    def __init__(self, rows: type[Rows] = Rows) -> None:
        self._rows = rows

    def check_items(self, shape: Shape | None) -> None:
        """Raise `UsageError` for items without columns."""
        if shape is None:
            raise UsageError(
                "--output: CSV needs columns, and items of this crawl have no fixed fields; "
                "give the crawl an item type, or write JSON Lines (.jsonl)"
            )

    def encoding(self, shape: Shape | None) -> Encoding:
        """Return the encoding of items with these columns."""
        assert shape is not None, "CSV without columns is refused before"
        return self._rows(shape)

    def check_end(self, path: Path, shape: Shape | None) -> None:
        """Raise `UsageError` if the header differs, or the last row is incomplete."""
        assert shape is not None, "CSV without columns is refused before"
        check_rows(path, self._written(shape))

    def check_kept(self, path: Path, shape: Shape | None, keep: int) -> None:
        """See `Format.check_kept`: the header must be ours, and a row end there."""
        assert shape is not None, "CSV without columns is refused before"
        check_kept(path, keep)
        if keep:
            check_header(path, self._written(shape))

    def _written(self, shape: Shape) -> list[str]:
        start = self._rows(shape).start.removeprefix(_MARK).decode()
        return next(csv.reader(io.StringIO(start, newline="")))


FORMAT = Csv()
EXCEL = Csv(ExcelRows)


def check_rows(path: Path, names: Sequence[str]) -> None:
    """Raise `UsageError` if rows with these columns can't be appended to the file.

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
            f"--output {path}: its last row is incomplete; complete or remove it, or name another file"
        )
    check_header(path, names)


def check_header(path: Path, names: Sequence[str]) -> None:
    """Raise `UsageError` if the file does not have these columns."""
    header = _header(path)
    if header != list(names):
        raise UsageError(
            f"--output {path}: its columns are {_listed(header)}, "
            f"those of this crawl {_listed(names)}; name another file"
        )


def _header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            return next(csv.reader(file), [])
        except csv.Error:
            return []


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "unreadable"


def _plain(row: Sequence[Cell]) -> list[Cell]:
    return [("true" if value else "false") if isinstance(value, bool) else value for value in row]


def _harmless(value: Cell) -> Cell:
    """Return a cell that no spreadsheet calculates: an apostrophe before a text makes it a text."""
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return "" if value is None else value
