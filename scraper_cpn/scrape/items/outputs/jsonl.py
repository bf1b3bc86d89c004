"""JSON Lines: each item is one line of JSON, in UTF-8.

Owns: the file format, the repair of its end, and writing to standard output and to devices.
Must not know: columns, pages, the net.

A batch is one write; in a file it is on the disk (fsync) when `write` returns. A crash during a write
can leave an incomplete end of the file at most; `--append` checks the end first, and a state records where
to truncate.
"""

import os
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Any

import msgspec
from anyio import to_thread

from scraper_cpn.scrape.items.outputs.base import OutputClosed, OutputError
from scraper_cpn.scrape.items.outputs.files import DurableFile, last_line
from scraper_cpn.scrape.settings import UsageError

_encode = msgspec.json.Encoder().encode_lines


class JsonLines:
    """Writes items to a file."""

    def __init__(self, file: DurableFile) -> None:
        self._file = file

    @classmethod
    async def open(cls, path: Path, *, keep: int | None) -> "JsonLines":
        """Open a file and keep its first *keep* bytes, which end with a line.

        None keeps all of a file that `check_end` has accepted. Raises `OutputError`.
        """
        file = await DurableFile.open(path, keep=keep)
        if last_line(path)[1]:
            await file.append(b"\n")
        return cls(file)

    @property
    def length(self) -> int:
        """Bytes on the disk."""
        return self._file.length

    async def write(self, batch: Sequence[Any]) -> None:
        """Append a line for each item, and wait until they are on the disk."""
        await self._file.append(_encode(batch))

    async def close(self) -> None:
        """Close the file."""
        await self._file.close()


class Stream:
    """Writes items to a pipe, a terminal or a device, by its file descriptor.

    Python's own standard output is not used: if the reader has closed it, its buffered data would cause
    another error at exit.
    """

    def __init__(self, where: Path | int = 1) -> None:
        """Open a device, or a named pipe once it has a reader; a descriptor is already open.

        Raises `OutputError`.
        """
        self._name = str(where) if isinstance(where, Path) else "standard output"
        try:
            self._file = FileIO(_descriptor(where), "w", closefd=isinstance(where, Path))
        except OSError as error:
            raise self._error(error) from error

    @property
    def length(self) -> None:
        """None: data that was written can't be removed."""
        return None

    async def write(self, batch: Sequence[Any]) -> None:
        """Write a line for each item; waits for the reader without blocking anything else."""
        # A reader that has stopped reading must not hold up the end of the crawl.
        await to_thread.run_sync(self._write, _encode(batch), abandon_on_cancel=True)

    async def close(self) -> None:
        """Close a device or pipe that was opened here; standard output stays open."""
        self._file.close()

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


def check_end(path: Path) -> None:
    """Raise `UsageError` if *path* does not end as JSON Lines do, so that nothing can be appended.

    A complete last line that only lacks its line break is fine.
    """
    start, line = last_line(path)
    try:
        msgspec.json.decode(line or b"null")
    except msgspec.DecodeError:
        raise UsageError(
            f"--output {path}: its last line is torn (no JSON from byte {start} on); "
            f"cut it off with: truncate -s {start} '{path}'"
        ) from None
