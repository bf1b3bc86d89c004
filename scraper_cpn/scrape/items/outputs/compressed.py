"""Compressed files: gzip and Zstandard around a format that is a sequence of encoded items.

Owns: both compressions, and the check of a file that is continued.
Must not know: the formats inside, pages, the net.

Each batch is a member (gzip, RFC 1952) or a frame (Zstandard, RFC 8878) of its own, and a file of them
is one compressed file for every reader. So the file is whole after each batch, and can be truncated to any
earlier one.
"""

import gzip
import sys
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scraper_cpn.scrape.items.outputs.appended import Appended, Encoding
from scraper_cpn.scrape.items.outputs.base import Shape
from scraper_cpn.scrape.items.outputs.files import check_length, missing
from scraper_cpn.scrape.settings import UsageError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_BLOCK_BYTES = 1024 * 1024
_DAMAGED = (gzip.BadGzipFile, zlib.error, zstd.ZstdError)


class Compression(ABC):
    """A way to compress."""

    magic: bytes
    """How each member begins."""

    @abstractmethod
    def compressed(self, data: bytes) -> bytes:
        """Return a whole member."""

    @abstractmethod
    def opened(self, path: Path) -> gzip.GzipFile | zstd.ZstdFile:
        """Return the content of a file. Reading it raises `ValueError`, `EOFError` or `OSError`."""

    def check(self, path: Path, start: bytes) -> bool:
        """Read a file to its end, and return whether its content is empty or begins with *start*.

        Raises `ValueError` or `EOFError` if the file does not end with a whole member.
        """
        if not path.stat().st_size:
            return True
        with self.opened(path) as file:
            try:
                head = file.read(len(start)) if start else file.read(_BLOCK_BYTES)
                while file.read(_BLOCK_BYTES):
                    pass
            except _DAMAGED as error:
                raise ValueError(str(error)) from None
        return not head or head.startswith(start)


class Gzip(Compression):
    """gzip, without times, so that equal items give equal files."""

    magic = b"\x1f\x8b"

    def compressed(self, data: bytes) -> bytes:
        """See `Compression`."""
        return gzip.compress(data, mtime=0)

    def opened(self, path: Path) -> gzip.GzipFile:
        """See `Compression`."""
        return gzip.open(path)


class Zstandard(Compression):
    """Zstandard."""

    magic = b"\x28\xb5\x2f\xfd"

    def compressed(self, data: bytes) -> bytes:
        """See `Compression`."""
        return zstd.compress(data)

    def opened(self, path: Path) -> zstd.ZstdFile:
        """See `Compression`."""
        return zstd.open(path)


class Compressing(Encoding):
    """An encoding, compressed batch by batch."""

    def __init__(self, inner: Encoding, compression: Compression) -> None:
        self._inner = inner
        self._compressed = compression.compressed
        self.start = self._compressed(inner.start) if inner.start else b""

    def encode(self, batch: Sequence[Any], *, first: bool) -> bytes:
        """Return a member."""
        return self._compressed(self._inner.encode(batch, first=first))


class Compressed(Appended):
    """A format, compressed."""

    def __init__(self, inner: Appended, compression: Compression) -> None:
        self._inner = inner
        self._compression = compression
        self.has_columns = inner.has_columns

    def check_items(self, shape: Shape | None) -> None:
        """See `Format.check_items`."""
        self._inner.check_items(shape)

    def encoding(self, shape: Shape | None) -> Encoding:
        """Return the compressed encoding."""
        return Compressing(self._inner.encoding(shape), self._compression)

    def check_end(self, path: Path, shape: Shape | None) -> None:
        """Raise `UsageError` if the file has other columns, or no whole end. Reads all of it once."""
        start = self._inner.encoding(shape).start
        try:
            if not self._compression.check(path, start):
                raise UsageError(
                    f"--output {path}: its columns are not those of this crawl; name another file"
                )
        except (ValueError, EOFError) as error:
            raise UsageError(
                f"--output {path}: it is damaged or ends too early ({error}); name another file"
            ) from None

    def check_kept(self, path: Path, shape: Shape | None, keep: int) -> None:
        """See `Format.check_kept`: a member must begin the file."""
        check_length(path, keep)
        magic = self._compression.magic
        with path.open("rb") as file:
            begins = file.read(len(magic))
        if keep and begins != magic:
            raise missing(path, "a compressed file", "it was changed")


GZIP = Gzip()
ZSTANDARD = Zstandard()
