"""Outputs for items: JSON Lines, CSV, SQLite, standard output; one module each.

Owns: choosing the format by the output's name, and checking whether the output may be written.
Must not know: pages, the net.

An output is opened in two steps. `open_output` refuses all mistakes of a user and changes nothing; `open`
creates, replaces or continues the file, once all options are checked. A crawl that is refused before
leaves everything unchanged.
"""

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from anyio import CancelScope

from scraper_cpn.scrape.items.outputs.base import (
    Output,
    OutputClosed,
    OutputError,
    Shape,
    default_shape,
    shape_of,
)
from scraper_cpn.scrape.items.outputs.files import check_kept, missing
from scraper_cpn.scrape.settings import FieldRule, UsageError
from scraper_cpn.scrape.text import check_name

__all__ = [
    "STANDARD_OUTPUT",
    "CheckedOutput",
    "Output",
    "OutputClosed",
    "OutputError",
    "has_columns",
    "is_stream",
    "open_output",
]

STANDARD_OUTPUT = frozenset({"-", "/dev/stdout"})
"""The names of standard output. The second may be a file that others write to, so it is not reopened."""

Format = Literal["jsonl", "csv", "sqlite"]

_FORMATS: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".db": "sqlite",
}


class CheckedOutput(Output):
    """An output that has been checked; made by `open_output`, opened by `open` or the first write."""

    def __init__(self, make: Callable[[], Awaitable[Output]], *, new: bool = False) -> None:
        self.new = new
        """Whether the output begins empty, and can be truncated to that."""
        self._make = make
        self._output: Output | None = None

    @property
    def length(self) -> int | None:
        """See `Output.length`; None until the output is open."""
        return None if self._output is None else self._output.length

    async def open(self) -> Output:
        """Create, replace or continue the output; a second call does nothing. Raises `OutputError`."""
        if self._output is not None:
            return self._output
        with CancelScope(shield=True):  # an output that is half open could not be closed
            output = self._output = await self._make()
        return output

    async def write(self, batch: Sequence[Any]) -> None:
        """Write all items of *batch*, or raise; see `Output`."""
        output = self._output or await self.open()
        await output.write(batch)

    async def close(self) -> None:
        """Close the output if it was opened."""
        if self._output is not None:
            await self._output.close()


def open_output(
    where: str,
    *,
    overwrite: bool = False,
    append: bool = False,
    keep: int | None = None,
    item: Any = None,
    fields: Sequence[FieldRule] = (),
) -> CheckedOutput:
    """Return a checked output, or raise `UsageError`; creates and changes nothing yet.

    *where* is the name of a file, whose suffix gives the format, or `-` for JSON Lines on standard
    output; a device (`/dev/null`) or pipe gets JSON Lines, too, and has no content that could be replaced
    or truncated.

    An existing file is refused unless it is to be overwritten or appended to; a file to append to must
    have the same format and columns, and an intact end.

    With *keep*, an earlier `length`, the output belongs to a state: it is truncated to that length and
    continued. A file that is shorter, missing or another one is refused; 0 begins anew. *overwrite* and
    *append* must not be given then.

    *item* is the type of the items, from which CSV and SQLite take their columns: None for the built-in
    `Item` with *fields*, dict for items without fixed fields (which CSV can't have).
    """
    if overwrite and append:
        raise UsageError("overwrite=True and append=True exclude each other; give one of them")
    path = Path(where)
    check_name("--output", path.absolute())  # states store the absolute path
    if where in STANDARD_OUTPUT and sys.__stdout__ is None:
        raise UsageError("standard output is closed; name a file for the items with -o")
    if where in STANDARD_OUTPUT or is_stream(path):
        return CheckedOutput(partial(_stream, None if where in STANDARD_OUTPUT else path))
    kind = _format(path)
    shape = default_shape(fields) if item is None else shape_of(item)
    _check_shape(path, kind, shape)
    continues = append or keep is not None
    _check_place(path, may_exist=overwrite or continues)
    if continues:
        _check_continuation(path, kind, shape, keep)
    make = partial(_opened, path, kind, shape, continues, keep)
    return CheckedOutput(make, new=not continues)


def is_stream(path: Path) -> bool:
    """Tell whether *path* is a device or a pipe, which has no content of its own."""
    return path.is_char_device() or path.is_fifo()


def has_columns(where: str) -> bool:
    """Tell whether an output of that name stores items as rows with columns."""
    stream = where in STANDARD_OUTPUT or is_stream(Path(where))
    return not stream and _FORMATS.get(Path(where).suffix.lower(), "jsonl") != "jsonl"


async def _stream(path: Path | None) -> Output:
    from scraper_cpn.scrape.items.outputs.jsonl import Stream

    return Stream() if path is None else Stream(path)


async def _opened(
    path: Path, kind: Format, shape: Shape | None, append: bool, keep: int | None
) -> Output:
    # Formats are imported on use: that of a database is slow to import, and starts threads.
    from scraper_cpn.scrape.items.outputs import csv_file, jsonl

    kept_bytes = keep if append else 0
    if kind == "jsonl":
        return await jsonl.JsonLines.open(path, keep=kept_bytes)
    if kind == "csv":
        assert shape is not None, "CSV without columns is refused before"
        return await csv_file.CsvFile.open(path, shape, keep=kept_bytes)
    from scraper_cpn.scrape.items.outputs.sqlite import Database

    return await Database.open(path, shape, append=append, keep=keep)


def _check_shape(path: Path, kind: Format, shape: Shape | None) -> None:
    if kind == "csv" and shape is None:
        raise UsageError(
            f"--output {path}: CSV needs columns, and items of this crawl have no fixed fields; "
            "give the crawl an item type, or write JSON Lines (.jsonl)"
        )
    if kind == "sqlite":
        from scraper_cpn.scrape.items.outputs.sqlite import check_columns

        check_columns(shape)


def _format(path: Path) -> Format:
    suffix = path.suffix.lower()
    if suffix == ".json":
        raise UsageError(
            f"--output {path}: items are written one by one, which JSON can't; "
            f"write JSON Lines: {path.with_suffix('.jsonl')}"
        )
    if suffix not in _FORMATS:
        known = ", ".join(_FORMATS)
        raise UsageError(f"--output {path}: the suffix says the format, one of {known}; or - alone")
    return _FORMATS[suffix]


def _check_place(path: Path, *, may_exist: bool) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise UsageError(f"--output {path}: the folder {folder} does not exist; create it first")
    if path.is_dir():
        raise UsageError(f"--output {path}: it is a folder; give the name of a file")
    if path.exists() and not may_exist:
        raise UsageError(
            f"--output {path}: it exists; replace it with -O/--overwrite or add to it with --append "
            "(in Python: overwrite=True or append=True)"
        )
    # The folder must be writable: SQLite keeps files beside its own, and a missing file must be created.
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UsageError(f"--output {path}: no permission to write it; choose another place")


def _check_continuation(path: Path, kind: Format, shape: Shape | None, keep: int | None) -> None:
    if not path.exists():
        if keep:
            raise missing(path, "items", "it is gone")
        return
    try:
        if kind == "jsonl":
            _check_jsonl(path, keep)
        elif kind == "csv":
            assert shape is not None, "CSV without columns is refused before"
            _check_csv(path, shape, keep)
        else:
            from scraper_cpn.scrape.items.outputs.sqlite import check_table

            check_table(path, shape, keep or 0)
    except OSError as error:
        raise UsageError(f"--output {path}: can't read it: {error.strerror}") from None


def _check_jsonl(path: Path, keep: int | None) -> None:
    from scraper_cpn.scrape.items.outputs.jsonl import check_end

    if keep is None:
        check_end(path)
    else:
        check_kept(path, keep)


def _check_csv(path: Path, shape: Shape, keep: int | None) -> None:
    from scraper_cpn.scrape.items.outputs.csv_file import check_header, check_rows

    if keep is None:
        check_rows(path, shape)
        return
    check_kept(path, keep)
    if keep:
        check_header(path, shape)
