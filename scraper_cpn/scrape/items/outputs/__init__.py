"""Outputs for items: files of several formats, a module each, and standard output.

Owns: checking whether an output may be written, before anything is.
Must not know: formats (the registry knows them), pages, the net.

An output is opened in two steps. `open_output` refuses all mistakes of a user and changes nothing; `open`
creates, replaces or continues the file, once all options are checked. A crawl that is refused before
leaves everything unchanged.
"""

import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from anyio import CancelScope

from scraper_cpn.scrape.colours import Length
from scraper_cpn.scrape.items.outputs.base import (
    Format,
    ItemOutput,
    OutputClosed,
    OutputError,
    Shape,
    default_shape,
    shape_of,
)
from scraper_cpn.scrape.items.outputs.files import missing
from scraper_cpn.scrape.items.outputs.registry import chosen
from scraper_cpn.scrape.settings import FieldRule, UsageError
from scraper_cpn.scrape.text import check_name

__all__ = [
    "STANDARD_OUTPUT",
    "CheckedOutput",
    "ItemOutput",
    "OutputClosed",
    "OutputError",
    "has_columns",
    "is_stream",
    "open_output",
    "place_of",
]

STANDARD_OUTPUT = frozenset({"-", "/dev/stdout"})
"""The names of standard output. The second may be a file that others write to, so it is not reopened."""


class CheckedOutput(ItemOutput):
    """An output that has been checked; made by `open_output`, opened by `open` or the first write."""

    def __init__(self, make: Callable[[], Awaitable[ItemOutput]], *, new: bool = False) -> None:
        self.begins: Length = 0 if new else None
        """The length with which the output begins, if it begins empty and can be truncated to that."""
        self._make = make
        self._output: ItemOutput | None = None

    @property
    def length(self) -> Length:
        """See `ItemOutput.length`; None until the output is open."""
        return None if self._output is None else self._output.length

    async def open(self) -> ItemOutput:
        """Create, replace or continue the output; a second call does nothing. Raises `OutputError`."""
        if self._output is not None:
            return self._output
        with CancelScope(shield=True):  # an output that is half open could not be closed
            output = self._output = await self._make()
        return output

    async def write(self, batch: Sequence[Any]) -> None:
        """Write all items of *batch*, or raise; see `ItemOutput`."""
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
    format: str | None = None,  # noqa: A002 - the option's name
    csv_excel: bool = False,
    bodies: bool = False,
) -> CheckedOutput:
    """Return a checked output, or raise `UsageError`; creates and changes nothing yet.

    *where* is the name of a file, whose suffix gives the format, or `-` for standard output; that and a
    device (`/dev/null`) or pipe get JSON Lines, and have no content that could be replaced or truncated.
    *format* overrides both; *csv_excel* makes CSV that for spreadsheets.

    An existing file is refused unless it is to be overwritten or appended to; a file to append to must
    have the same format and columns, and an intact end.

    With *keep*, an earlier `length`, the output belongs to a state: it is truncated to that length and
    continued. A file that is shorter, missing or another one is refused; 0 begins anew. *overwrite* and
    *append* must not be given then.

    *item* is the type of the items, from which tables take their columns: None for the built-in `Item` with
    *fields* and *bodies* (where bodies were saved), dict for items without fixed fields (which CSV can't have).
    """
    if overwrite and append:
        raise UsageError("overwrite=True and append=True exclude each other; give one of them")
    path = Path(where)
    check_name("--output", path.absolute())  # states store the absolute path
    if where in STANDARD_OUTPUT and sys.__stdout__ is None:
        raise UsageError("standard output is closed; name a file for the items with -o")
    stream = where in STANDARD_OUTPUT or is_stream(path)
    kind = chosen(where, format, excel=csv_excel, stream=stream)
    shape = default_shape(fields, bodies=bodies) if item is None else shape_of(item)
    kind.check_items(shape)
    if stream and not kind.has_streams:
        raise UsageError(f"--format {format}: only files can have this format; name one with -o")
    if stream:
        return CheckedOutput(partial(_stream, kind, 1 if where in STANDARD_OUTPUT else path, shape))
    continues = append or keep is not None
    _check_place(path, is_there=kind.is_there(path) and not (overwrite or continues))
    if continues:
        _check_continuation(path, kind, shape, keep)
    make = partial(kind.open, path, shape, keep=keep, replace=not continues)
    return CheckedOutput(make, new=not continues)


def place_of(where: str | Path) -> str:
    """The name by which a state knows an output: its absolute path, or `-`."""
    return "-" if str(where) in STANDARD_OUTPUT else str(Path(where).absolute())


def is_stream(path: Path) -> bool:
    """Tell whether *path* is a device or a pipe, which has no content of its own."""
    return path.is_char_device() or path.is_fifo()


def has_columns(where: str, format: str | None = None, *, csv_excel: bool = False) -> bool:  # noqa: A002
    """Tell whether such an output stores items as rows with columns. Raises `UsageError`."""
    stream = where in STANDARD_OUTPUT or is_stream(Path(where))
    return chosen(where, format, excel=csv_excel, stream=stream).has_columns


async def _stream(kind: Format, where: Path | int, shape: Shape | None) -> ItemOutput:
    return kind.stream(where, shape)


def _check_place(path: Path, *, is_there: bool) -> None:
    folder = path.parent
    if not folder.is_dir():
        raise UsageError(f"--output {path}: the folder {folder} does not exist; create it first")
    if path.is_dir():
        raise UsageError(f"--output {path}: it is a folder; give the name of a file")
    if is_there:
        raise UsageError(
            f"--output {path}: it exists; replace it with -O/--overwrite or add to it with --append "
            "(in Python: overwrite=True or append=True)"
        )
    # The folder must be writable: SQLite keeps files beside its own, and a missing file must be created.
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise UsageError(f"--output {path}: no permission to write it; choose another place")


def _check_continuation(path: Path, kind: Format, shape: Shape | None, keep: int | None) -> None:
    if not kind.is_there(path):
        if keep:
            raise missing(path, "items", "it is gone")
        return
    try:
        if keep is None:
            kind.check_end(path, shape)
        else:
            kind.check_kept(path, shape, keep)
    except OSError as error:
        raise UsageError(f"--output {path}: can't read it: {error.strerror}") from None
