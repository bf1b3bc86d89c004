"""JSON Lines: an item is one line of JSON, in UTF-8.

Owns: the file format, the repair of its end, and writing to standard output.
Must not know: columns, pages, the net.

A batch is one write, and in a file it is on the disk (fsync) when `write` returns. What was torn by
a crash in the middle of a write is at most the end of the file; `--append` looks at it first.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from anyio import to_thread

from scraper_cpn.scrape.outputs.base import OutputClosed, OutputError
from scraper_cpn.scrape.outputs.files import DurableFile, last_line
from scraper_cpn.scrape.settings import UsageError

_encode = msgspec.json.Encoder().encode_lines


class JsonLines:
    """Items to a file."""

    def __init__(self, file: DurableFile) -> None:
        self._file = file

    @classmethod
    async def open(cls, path: Path, *, append: bool) -> "JsonLines":
        """Open a file that `check_end` has passed. Raises `OutputError`."""
        file = DurableFile(path, truncate=not append)
        if append and last_line(path)[1]:
            await file.append(b"\n")
        return cls(file)

    async def write(self, batch: Sequence[Any]) -> None:
        """Append a line for each item, and wait until they are on the disk."""
        await self._file.append(_encode(batch))

    async def close(self) -> None:
        """Close the file."""
        await self._file.close()


class StandardOutput:
    """Items to a pipe or terminal, by its file descriptor.

    Python's own standard output is not used: what it had buffered when the reader went away would
    be an error once more at exit.
    """

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor

    async def write(self, batch: Sequence[Any]) -> None:
        """Write a line for each item; waits, without holding up anything else, for the reader."""
        # A reader that has stopped reading must not hold up the end of the crawl.
        await to_thread.run_sync(self._write, _encode(batch), abandon_on_cancel=True)

    async def close(self) -> None:
        """Leave standard output open: it was not opened here."""

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except BrokenPipeError:
            raise OutputClosed("standard output is closed") from None
        except OSError as error:
            raise OutputError(f"can't write to standard output: {error.strerror}") from error


def check_end(path: Path) -> None:
    """Raise `UsageError` if *path* does not end as JSON Lines do, so that nothing can be appended.

    A complete last line that only lacks its line break is fine.
    """
    start, line = last_line(path)
    try:
        msgspec.json.decode(line or b"null")
    except msgspec.DecodeError:
        raise UsageError(
            f"--append {path}: its last line is torn (no JSON from byte {start} on); "
            f"cut it off with: truncate -s {start} '{path}'"
        ) from None
