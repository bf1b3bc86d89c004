"""Formats that are a sequence of encoded items: in files, and on standard output.

Owns: `Encoding`, which such a format brings, and the outputs that write it to files, pipes and devices.
Must not know: which encodings there are, pages, the net.

A batch is one write; in a file it is on the disk (fsync) when `write` returns. A crash during a write
can leave an incomplete end of the file at most; `--append` checks the end first, and a state records where
to truncate.
"""

import os
from abc import abstractmethod
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Any

from anyio import to_thread

from scraper_cpn.scrape.items.outputs.base import (
    Format,
    ItemOutput,
    OutputClosed,
    OutputError,
    Shape,
)
from scraper_cpn.scrape.items.outputs.files import DurableFile, check_kept


class Encoding:
    """Items as bytes."""

    start = b""
    """Before the first item."""
    end = b""
    """Behind the last item."""

    def encode(self, batch: Sequence[Any], *, first: bool) -> bytes:
        """Return the bytes of some items; *first* tells whether none is before them."""
        raise NotImplementedError


class Appended(Format):
    """A format that is a sequence of encoded items."""

    has_streams = True
    has_end = False
    """Whether its files have an end behind the last item."""

    @abstractmethod
    def encoding(self, shape: Shape | None) -> Encoding:
        """Return the encoding of items of a shape."""

    def check_items(self, shape: Shape | None) -> None:
        """Accept all items; see `Format.check_items`."""

    def check_kept(self, path: Path, shape: Shape | None, keep: int) -> None:
        """See `Format.check_kept`: a line must end there."""
        check_kept(path, keep)

    def kept_bytes(self, path: Path) -> int | None:
        """Return how many bytes of a file that `check_end` has accepted are kept; None for all."""
        return None

    def prepare(self, path: Path) -> None:
        """Complete a file that `check_end` has accepted."""

    async def open(
        self, path: Path, shape: Shape | None, *, keep: int | None, replace: bool
    ) -> ItemOutput:
        """See `Format.open`."""
        if replace:
            keep = 0
        elif keep is None:
            keep = await to_thread.run_sync(self._prepared, path)
        return await AppendedFile.open(path, self.encoding(shape), keep=keep)

    def _prepared(self, path: Path) -> int | None:
        if not path.exists():
            return None
        self.prepare(path)
        return self.kept_bytes(path)

    def stream(self, where: Path | int, shape: Shape | None) -> ItemOutput:
        """See `Format.stream`."""
        return Stream(self.encoding(shape), where)


class AppendedFile:
    """Writes items to a file."""

    def __init__(self, file: DurableFile, encoding: Encoding) -> None:
        self._file = file
        self._encoding = encoding

    @classmethod
    async def open(cls, path: Path, encoding: Encoding, *, keep: int | None) -> "AppendedFile":
        """Open a file and keep its first *keep* bytes, behind which an item may stand; None keeps all of it.

        Raises `OutputError`.
        """
        file = await DurableFile.open(path, keep=keep, end=encoding.end)
        if file.length == 0:
            await file.append(encoding.start)
        return cls(file, encoding)

    @property
    def length(self) -> int:
        """Bytes on the disk, without what stands behind the last item."""
        return self._file.length

    async def write(self, batch: Sequence[Any]) -> None:
        """Append items, and wait until they are on the disk."""
        if batch:
            first = self.length == len(self._encoding.start)
            await self._file.append(self._encoding.encode(batch, first=first))

    async def close(self) -> None:
        """Close the file. Raises `OutputError` if it was removed or cut meanwhile."""
        await self._file.close()


class Stream:
    """Writes items to a pipe, a terminal or a device, by its file descriptor.

    Python's own standard output is not used: if the reader has closed it, its buffered data would cause
    another error at exit.
    """

    def __init__(self, encoding: Encoding, where: Path | int = 1) -> None:
        """Open a device, or a named pipe once it has a reader; a descriptor is already open.

        Raises `OutputError`.
        """
        self._encoding = encoding
        self._name = str(where) if isinstance(where, Path) else "standard output"
        self._items = False
        self._begun = False
        try:
            self._file = FileIO(_descriptor(where), "w", closefd=isinstance(where, Path))
        except OSError as error:
            raise self._error(error) from error

    @property
    def length(self) -> None:
        """None: data that was written can't be removed."""
        return None

    async def write(self, batch: Sequence[Any]) -> None:
        """Write items; waits for the reader without blocking anything else."""
        if batch:
            data = self._started() + self._encoding.encode(batch, first=not self._items)
            self._items = True
            await self._send(data)

    async def close(self) -> None:
        """Write the end, and close a device or pipe that was opened here; standard output stays open."""
        if self._file.closed:
            return
        try:
            await self._send(self._started() + self._encoding.end)
        finally:
            self._file.close()

    def _started(self) -> bytes:
        """Return the start, the first time."""
        start = b"" if self._begun else self._encoding.start
        self._begun = True
        return start

    async def _send(self, data: bytes) -> None:
        if data:
            # A reader that has stopped reading must not hold up the end of the crawl.
            await to_thread.run_sync(self._write, data, abandon_on_cancel=True)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                # `fileno` is called each time: a closed descriptor may belong to another file by now.
                rest = rest[os.write(self._file.fileno(), rest) :]
        except BrokenPipeError:
            raise OutputClosed(f"{self._name} is closed") from None
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> OutputError:
        return OutputError(f"can't write {self._name}: {error.strerror}")


def _descriptor(where: Path | int) -> int:
    return os.open(where, os.O_WRONLY | os.O_NOCTTY) if isinstance(where, Path) else where
