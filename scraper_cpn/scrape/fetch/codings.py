"""Content codings: decoding a body, within a limit.

Owns: gzip, deflate, br and zstd (RFC 9110 section 8.4.1, RFC 1952, 7932, 8878, 9659), one around another too, and what
browsers forgive: a tail behind the end, deflate without the frame of zlib, names that are no codings.
Must not know: HTTP libraries, frames, what the body is.

A body whose coding can't be undone is a failure, never a page.
"""

import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol

import brotli
from msgspec import Struct

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ACCEPTED = "gzip, deflate, br, zstd"
"""The value of Accept-Encoding."""
LAYERS_MAX = 5
"""More codings, one around another, are an attack."""
PIECE_BYTES = 262_144
"""What is unpacked in one step; this takes less than a millisecond."""
_ZSTD_WINDOW_LOG_MAX = 23
"""8 MB. RFC 9659 allows no larger window."""
_NAME_CHARS_MAX = 40
_NO_CODINGS = frozenset({
    "identity", "none", "null", "binary", "8bit", "7bit", "utf-8", "utf8", "iso-8859-1", "windows-1252",
    "us-ascii", "ascii", "text", "text/html", "text/plain", "application/json", "chunked",
})  # fmt: skip
"""Values of Content-Encoding that are no codings. The body was not encoded."""


class CodingError(Exception):
    """The body can't be unpacked; the text names the coding and says why."""


class Unpacker(Protocol):
    """Unpacks one stream."""

    def step(self, packed: bytes) -> bytes:
        """Take more, and return at most about `PIECE_BYTES`. Raises what the library raises for damaged data."""

    @property
    def hungry(self) -> bool:
        """Whether the next step needs more to be taken; otherwise it is `step(b"")`."""

    @property
    def rest(self) -> bytes | None:
        """The bytes after the end of the stream; None while it has not ended."""


class Inflate:
    """zlib's, for any of its frames."""

    def __init__(self, window_bits: int) -> None:
        self._inflate = zlib.decompressobj(window_bits)
        self._full = False

    def step(self, packed: bytes) -> bytes:
        """See `Unpacker`."""
        taken = self._inflate.unconsumed_tail + packed
        unpacked = self._inflate.decompress(taken, PIECE_BYTES)
        self._full = len(unpacked) == PIECE_BYTES
        return unpacked

    @property
    def hungry(self) -> bool:
        """See `Unpacker`."""
        return not (self._full or self._inflate.unconsumed_tail)

    @property
    def rest(self) -> bytes | None:
        """See `Unpacker`."""
        return self._inflate.unused_data if self._inflate.eof else None


class Deflate:
    """HTTP's deflate: zlib's frame, or none at all, as in old servers."""

    def __init__(self) -> None:
        self._begin = b""
        self._inner: Inflate | None = None

    def step(self, packed: bytes) -> bytes:
        """See `Unpacker`."""
        if self._inner is None:
            packed = self._begin = self._begin + packed
            if len(packed) < 2:
                return b""
            framed = packed[0] & 15 == 8 and int.from_bytes(packed[:2]) % 31 == 0
            self._inner = Inflate(zlib.MAX_WBITS if framed else -zlib.MAX_WBITS)
        return self._inner.step(packed)

    @property
    def hungry(self) -> bool:
        """See `Unpacker`."""
        return self._inner is None or self._inner.hungry

    @property
    def rest(self) -> bytes | None:
        """See `Unpacker`."""
        return None if self._inner is None else self._inner.rest


class Brotli:
    """Google's brotli."""

    def __init__(self) -> None:
        self._inner = brotli.Decompressor()
        self._full = False

    def step(self, packed: bytes) -> bytes:
        """See `Unpacker`."""
        unpacked: bytes = self._inner.process(packed, output_buffer_limit=PIECE_BYTES)
        self._full = len(unpacked) >= PIECE_BYTES
        return unpacked

    @property
    def hungry(self) -> bool:
        """See `Unpacker`."""
        return self._inner.can_accept_more_data() and not self._full

    @property
    def rest(self) -> bytes | None:
        """See `Unpacker`."""
        return b"" if self._inner.is_finished() else None


class Zstd:
    """Zstandard, with the window that RFC 9659 allows."""

    def __init__(self) -> None:
        options = {int(zstd.DecompressionParameter.window_log_max): _ZSTD_WINDOW_LOG_MAX}
        self._inner = zstd.ZstdDecompressor(options=options)

    def step(self, packed: bytes) -> bytes:
        """See `Unpacker`."""
        return self._inner.decompress(packed, PIECE_BYTES)

    @property
    def hungry(self) -> bool:
        """See `Unpacker`."""
        return self._inner.needs_input

    @property
    def rest(self) -> bytes | None:
        """See `Unpacker`."""
        return self._inner.unused_data if self._inner.eof else None


class Coding(Struct, frozen=True):
    """A coding that is known."""

    new: Callable[[], Unpacker]
    again: tuple[bytes, ...] = ()
    """How a further stream begins that belongs to the same body; anything else behind the end is dropped."""


_GZIP = Coding(partial(Inflate, 31), (b"\x1f\x8b\x08",))
_SKIPPABLE_FRAMES = tuple(bytes([kind]) + b"\x2a\x4d\x18" for kind in range(0x50, 0x60))
_CODINGS = {
    "gzip": _GZIP,
    "x-gzip": _GZIP,
    "deflate": Coding(Deflate),
    "br": Coding(Brotli),
    "zstd": Coding(Zstd, (b"\x28\xb5\x2f\xfd", *_SKIPPABLE_FRAMES)),
}
_DAMAGE = (zlib.error, brotli.error, zstd.ZstdError)


def to_undo(codings: Sequence[str]) -> list[str]:
    """Return the codings that have to be undone, the one that was done last first.

    *codings* are in lower case. Raises `CodingError` for one that can't be undone here.
    """
    found = [name for name in reversed(codings) if name not in _NO_CODINGS]
    for name in found:
        if name not in _CODINGS:
            shown = ascii(name[:_NAME_CHARS_MAX])[1:-1]
            raise CodingError(
                f"the content coding {shown} is unknown, so that the body can't be read"
            )
    if len(found) > LAYERS_MAX:
        raise CodingError(f"{len(found)} content codings, one around another")
    return found


def unpack(packed: bytes, names: Sequence[str], *, whole: bool) -> Iterator[bytes]:
    """Yield what a body unpacks to, in pieces of some `PIECE_BYTES`; *names* come from `to_undo`.

    *whole* says whether *packed* is the whole body; otherwise it may end anywhere. Raises `CodingError`.
    """
    pieces = iter((packed,) if packed else ())
    for name in names:
        pieces = _undone(name, pieces, whole)
    return pieces


def _undone(name: str, source: Iterator[bytes], whole: bool) -> Iterator[bytes]:
    coding = _CODINGS[name]
    codec: Unpacker | None = None
    streams = 0
    for packed in source:
        taken = packed
        while True:
            if codec is None:
                if streams and not taken.startswith(coding.again):
                    return  # a tail, which browsers drop, too
                codec, streams = coding.new(), streams + 1
            try:
                piece = codec.step(taken)
            except _DAMAGE as error:
                raise CodingError(
                    f"the body is damaged, or not coded in {name} as it says"
                ) from error
            if piece:
                yield piece
            taken = b""
            if (rest := codec.rest) is not None:
                codec, taken = None, rest
                if not rest:
                    break
            elif codec.hungry:
                break
    if whole and codec is not None:
        raise CodingError(f"the body ends before its {name} coding does")
