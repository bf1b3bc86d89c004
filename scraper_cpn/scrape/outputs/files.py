"""Files that items are appended to.

Owns: appending so that it is on the disk, and looking at the end of a file.
Must not know: formats.
"""

import contextlib
import os
from pathlib import Path

from anyio import to_thread

from scraper_cpn.scrape.outputs.base import OutputError

LINE_BYTES_MAX = 64 * 1024 * 1024
"""A last line that is longer is no line of an output of ours."""


class DurableFile:
    """A file that grows at its end, opened for a crawl that has been checked.

    Raises `OutputError` when it can't be opened. Appends are whole: what a failed one has written is
    taken back.
    """

    def __init__(self, path: Path, *, truncate: bool) -> None:
        self._path = path
        try:
            self._file = path.open("wb" if truncate else "ab", buffering=0)
        except OSError as error:
            raise self._error(error) from error

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in the file yet."""
        return os.fstat(self._file.fileno()).st_size == 0

    async def append(self, data: bytes) -> None:
        """Append *data* and wait until it is on the disk. Raises `OutputError`.

        A cancellation waits for it: half a batch would be worse than a late end.
        """
        if data:
            await to_thread.run_sync(self._append, data)

    async def close(self) -> None:
        """Close the file; closing it again does nothing."""
        self._file.close()

    def _append(self, data: bytes) -> None:
        rest = memoryview(data)
        length = os.fstat(self._file.fileno()).st_size
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except (OSError, ValueError) as error:
            with contextlib.suppress(OSError, ValueError):
                os.ftruncate(self._file.fileno(), length)
            raise self._error(error) from error

    def _error(self, error: Exception) -> OutputError:
        what = error.strerror if isinstance(error, OSError) and error.strerror else error
        return OutputError(f"can't write {self._path}: {what}")


def last_line(path: Path) -> tuple[int, bytes]:
    """Return where the unfinished last line of a file starts, and the line.

    The line is empty for a file that ends in a line break, or is empty. Cost: the length of the
    line, and no more than `LINE_BYTES_MAX` of it.
    """
    with path.open("rb") as file:
        start = file.seek(0, os.SEEK_END)
        line = b""
        while start > 0 and len(line) < LINE_BYTES_MAX:
            # Each step reads as much again as all before it: a long line costs its length.
            length = min(start, max(len(line), 64 * 1024))
            start -= length
            file.seek(start)
            chunk = file.read(length)
            cut = chunk.rfind(b"\n") + 1
            line = chunk[cut:] + line
            if cut:
                return start + cut, line
    return start, line
