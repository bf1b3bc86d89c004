"""Files that items are appended to.

Owns: durable appending and truncating, reading the end of a file, and the error for an output that does
not match its state.
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
"""The longest last line that is read: our outputs have no longer lines."""


class DurableFile:
    """A file that is appended to, for a crawl that has been checked; made by `open`.

    Appends are atomic: the partial data of a failed append is removed. A format may want an *end* behind its
    items; then each append replaces the end of the one before.
    """

    def __init__(self, path: Path, file: FileIO, end: bytes) -> None:
        self._path = path
        self._file = file
        self._end = end
        self.length = os.fstat(file.fileno()).st_size
        """Bytes on the disk, without the end."""

    @classmethod
    async def open(cls, path: Path, *, keep: int | None, end: bytes = b"") -> "DurableFile":
        """Open or create a file, and truncate it to its first *keep* bytes (None: keep all of it).

        When it returns, the truncation, the content and the file's name are on the disk. Raises `OutputError`,
        also if the file is shorter.
        """
        return await to_thread.run_sync(cls._open, path, keep, end)

    @classmethod
    def _open(cls, path: Path, keep: int | None, end: bytes) -> "DurableFile":
        try:
            # A file without an end may have other writers, which appending does not harm.
            file = _overwritten(path) if end else path.open("ab", buffering=0)
        except OSError as error:
            raise _error(path, error) from error
        try:
            opened = cls(path, _cut(file, keep), end)
            sync_folder(path.parent)
            if opened.length:
                opened._append(b"")  # the end, which was cut too
            return opened
        except (OSError, ValueError) as error:
            file.close()
            raise _error(path, error) from error
        except OutputError:
            file.close()
            raise

    async def append(self, data: bytes) -> None:
        """Append *data* and wait until it is on the disk. Raises `OutputError`.

        A cancellation waits for the append: half a batch would be worse than a late end.
        """
        if data:
            await to_thread.run_sync(self._append, data)

    async def close(self) -> None:
        """Close the file; a second call does nothing. Raises `OutputError` if it was removed or cut meanwhile."""
        if self._file.closed:
            return
        found = os.fstat(self._file.fileno())
        self._file.close()
        if found.st_nlink == 0:
            raise removed(self._path)
        if found.st_size < self.length:
            raise truncated(self._path)

    def _append(self, data: bytes) -> None:
        length = self._appended_at()
        rest = memoryview(data + self._end)
        if not rest:
            return
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except (OSError, ValueError) as error:
            with contextlib.suppress(OSError, ValueError):
                self._undo(length)
            raise _error(self._path, error) from error
        self.length = length + len(data)

    def _appended_at(self) -> int:
        """Return where the next append begins. Raises `OutputError` if the file was cut."""
        try:
            size = os.fstat(self._file.fileno()).st_size
            if self._end:
                self._file.seek(self.length)
        except (OSError, ValueError) as error:
            raise _error(self._path, error) from error
        if size < self.length:
            raise truncated(self._path)
        return self.length if self._end else size

    def _undo(self, length: int) -> None:
        os.ftruncate(self._file.fileno(), length)
        if self._end:
            self._file.seek(length)
            self._file.write(self._end)


def _overwritten(path: Path) -> FileIO:
    return FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b")


def _cut(file: FileIO, keep: int | None) -> FileIO:
    length = os.fstat(file.fileno()).st_size
    if keep is not None and keep > length:
        raise ValueError(f"{keep} bytes of it were to be kept, it has {length}")
    if keep is not None and keep < length:
        os.ftruncate(file.fileno(), keep)
    if length:
        os.fsync(file.fileno())
    return file


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable: otherwise a new file may be lost in a power failure.

    Errors are ignored: a folder that can't be read, or a file system without support, must not prevent writing.
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
    """Return the error for an output that was removed or replaced while it was written."""
    return OutputError(
        f"{path} was removed while the crawl wrote to it, and its items are gone with it; "
        "a crawl that is kept in a state has them there: scrape export STATE -o FILE"
    )


def truncated(path: Path) -> OutputError:
    """Return the error for an output that became shorter while it was written."""
    return OutputError(
        f"{path} was cut while the crawl wrote to it, and items are gone; "
        "a crawl that is kept in a state has them there: scrape export STATE -o FILE"
    )


def missing(path: Path, expected: str, found: str) -> UsageError:
    """Return the error for an output that no longer has the content that its state records."""
    return UsageError(
        f"--output {path}: the state expects {expected} in it, but {found}; all items are in the "
        f"state, which writes them again: scrape export STATE -o {path}"
    )


def check_length(path: Path, keep: int) -> None:
    """Raise `UsageError` if the file is shorter than *keep* bytes."""
    length = path.stat().st_size
    if length < keep:
        raise missing(path, f"{keep:,} bytes", f"it has {length:,}")


def check_kept(path: Path, keep: int) -> None:
    """Raise `UsageError` if the file is shorter than *keep* bytes, or no line ends there."""
    check_length(path, keep)
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
            # Each step doubles what was read, so that the cost is the line's length.
            length = min(start, max(len(line), 64 * 1024))
            start -= length
            file.seek(start)
            chunk = file.read(length)
            cut = chunk.rfind(b"\n") + 1
            line = chunk[cut:] + line
            if cut:
                return start + cut, line
    return start, line
