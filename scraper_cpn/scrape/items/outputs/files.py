"""Files that items are appended to.

Owns: appending and cutting so that it is on the disk, looking at the end of a file, and the error
of an output that is not what a state knows.
Must not know: formats.
"""

import contextlib
import os
from io import FileIO
from pathlib import Path

from anyio import to_thread

from scraper_cpn.scrape.items.outputs.base import OutputError
from scraper_cpn.scrape.settings import UsageError

LINE_BYTES_MAX = 64 * 1024 * 1024
"""A last line that is longer is no line of an output of ours."""


class DurableFile:
    """A file that grows at its end, for a crawl that has been checked; made by `open`.

    Appends are whole: what a failed one has written is taken back.
    """

    def __init__(self, path: Path, file: FileIO) -> None:
        self._path = path
        self._file = file
        self.length = os.fstat(file.fileno()).st_size
        """Bytes that are on the disk."""

    @classmethod
    async def open(cls, path: Path, *, keep: int | None) -> "DurableFile":
        """Open a file, or make it, and cut it to its first *keep* bytes (None: keep it all).

        When it returns, the cut is on the disk, as is what was kept, and the file's name. Raises
        `OutputError`, also for a file that is shorter.
        """
        return await to_thread.run_sync(cls._open, path, keep)

    @classmethod
    def _open(cls, path: Path, keep: int | None) -> "DurableFile":
        try:
            file = path.open("ab", buffering=0)
        except OSError as error:
            raise _error(path, error) from error
        try:
            return cls(path, _cut(file, keep))
        except (OSError, ValueError) as error:
            file.close()
            raise _error(path, error) from error

    async def append(self, data: bytes) -> None:
        """Append *data* and wait until it is on the disk. Raises `OutputError`.

        A cancellation waits for it: half a batch would be worse than a late end.
        """
        if data:
            await to_thread.run_sync(self._append, data)

    async def close(self) -> None:
        """Close the file; closing it again does nothing. Raises `OutputError` where it was removed meanwhile."""
        if self._file.closed:
            return
        gone = os.fstat(self._file.fileno()).st_nlink == 0
        self._file.close()
        if gone:
            raise removed(self._path)

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
            raise _error(self._path, error) from error
        self.length = length + len(data)


def _cut(file: FileIO, keep: int | None) -> FileIO:
    length = os.fstat(file.fileno()).st_size
    if keep is not None and keep > length:
        raise ValueError(f"{keep} bytes of it were to be kept, it has {length}")
    if keep is not None and keep < length:
        os.ftruncate(file.fileno(), keep)
    if length:
        os.fsync(file.fileno())
    _sync_folder(Path(file.name).parent)
    return file


def _sync_folder(path: Path) -> None:
    """Bring the names in a folder to the disk: without it a new file may be gone with the power.

    A folder that may not be read, or a file system that can't do it, is no reason to write nothing.
    """
    with contextlib.suppress(OSError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _error(path: Path, error: Exception) -> OutputError:
    what = error.strerror if isinstance(error, OSError) and error.strerror else error
    return OutputError(f"can't write {path}: {what}")


def removed(path: Path) -> OutputError:
    """Return the error of an output that was removed, or replaced, while it was written."""
    return OutputError(
        f"{path} was removed while the crawl wrote to it, and its items are gone with it; "
        "a crawl that is kept in a state has them there: scrape export STATE -o FILE"
    )


def missing(path: Path, expected: str, found: str) -> UsageError:
    """Return the error of an output that no longer holds what a state says of it."""
    return UsageError(
        f"--output {path}: the state knows {expected} of it, but {found}; all items are in the "
        f"state, which writes them again: scrape export STATE -o {path}"
    )


def check_kept(path: Path, keep: int) -> None:
    """Raise `UsageError` if the file does not hold *keep* bytes, or no line ends with them."""
    length = path.stat().st_size
    if length < keep:
        raise missing(path, f"{keep:,} bytes", f"it has {length:,}")
    with path.open("rb") as file:
        file.seek(max(keep - 1, 0))
        if keep and file.read(1) != b"\n":
            raise missing(path, f"a line that ends at byte {keep:,}", "it was changed")


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
