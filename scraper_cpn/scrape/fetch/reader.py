"""Reading one answer from the bytes of a connection: where its head and its body end.

Owns: the frame of a body (RFC 9112 sections 6 and 7): a length, chunks, or the end of the connection; the limits
of size; what lies behind the end.
Must not know: sockets, event loops, content codings, what an answer means.

Sans-IO: whoever has the connection feeds what it reads, and asks what became of it.
"""

import re
from collections.abc import Callable

from scraper_cpn.scrape.fetch.head import HEAD_BYTES_MAX, Head, HeadError, parse_head, without_body

CHUNK_LINE_BYTES_MAX = 16_384
"""Of a chunk's size with its extensions."""
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_CHUNK_LINE = re.compile(rb"[ \t]*0*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")
_END_OF_CHUNK = re.compile(rb"\r?\n")
_TRAILER_LINE = re.compile(rb"[^\n]*\n")
_BEGIN = b"HTTP"
_FINAL, _SWITCHING = 200, 101


class AnswerReader:
    """Reads one answer. Feed it until it is `done`.

    *body_bytes_max* says of a head how much of its body is kept; an answer that goes on is done then, and `cut`.
    *to_head*: whether it is the answer to a HEAD, which has no body.
    """

    __slots__ = (
        "_body_bytes_max", "_buffer", "_head_bytes", "_left", "_most", "_pieces", "_read", "_size",
        "_to_head", "_trailer_bytes", "broken", "cut", "done", "failure", "head", "surplus",
    )  # fmt: skip

    def __init__(self, body_bytes_max: Callable[[Head], int], *, to_head: bool = False) -> None:
        self._body_bytes_max = body_bytes_max
        self._to_head = to_head
        self._most = self._head_bytes = self._trailer_bytes = self._left = self._size = 0
        self._read = self._read_head
        self._buffer = bytearray()
        self._pieces: list[bytes] = []
        self.head: Head | None = None
        """None until it has come."""
        self.done = False
        self.cut = False
        """Whether the body goes on after the limit."""
        self.broken = False
        """Whether the connection ended before the answer did."""
        self.failure = ""
        """Why the bytes are not valid HTTP; empty if they are."""
        self.surplus = b""
        """The bytes after the end of the answer."""

    @property
    def body(self) -> bytes:
        """The body so far, as it was sent."""
        pieces = self._pieces
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    @property
    def ended_well(self) -> bool:
        """Whether there is an answer that is whole, or cut at the limit."""
        return self.done and not (self.broken or self.failure)

    @property
    def reusable(self) -> bool:
        """Whether another request may follow on this connection."""
        if not self.ended_well or self.cut or self.surplus:
            return False
        return self.head is not None and self.head.keep_alive

    def feed(self, data: bytes) -> None:
        """Read what came. Raises nothing."""
        if self.done:
            if self.ended_well and not self.cut:
                self.surplus += data
            return
        try:
            self._read(data)
        except HeadError as error:
            self.fail(str(error))

    def fail(self, why: str) -> None:
        """Record that the bytes are no answer to the request."""
        self.failure, self.done = why, True

    def feed_eof(self, *, reset: bool = False) -> None:
        """The connection has ended, in order or by a reset."""
        if not self.done:
            self.done = True
            head = self.head
            if reset or head is None or head.length is not None:
                self.broken = True
            elif head.chunked:  # behind the last chunk only fields are missing
                self.broken = self._left != _TRAILER

    def _read_head(self, data: bytes) -> None:
        """Read the final head, and interim ones before it (RFC 9110 section 15.2)."""
        while data and (found := self._whole_head(data)) is not None:
            head, data = found
            if head.status >= _FINAL:
                self._begin_body(head, data)
                return
            if head.status == _SWITCHING:
                raise HeadError("a switch to a protocol that was not requested")

    def _whole_head(self, data: bytes) -> tuple[Head, bytes] | None:
        """Return a head and what came behind it; None where it goes on."""
        buffer = self._buffer
        searched = max(0, len(buffer) - 2)
        buffer += data
        if searched == 0:
            while buffer.startswith((b"\r", b"\n")):
                del buffer[:1]
            if buffer[:4].upper() != _BEGIN[: len(buffer)]:
                raise HeadError("no status line")
        end = _END_OF_HEAD.search(buffer, searched)
        size = end.end() if end else len(buffer)
        if self._head_bytes + size > HEAD_BYTES_MAX:
            raise HeadError(f"a head of more than {HEAD_BYTES_MAX} bytes")
        if end is None:
            return None
        self._head_bytes += size
        head, rest = parse_head(bytes(buffer[: end.start()])), bytes(buffer[size:])
        buffer.clear()
        return head, rest

    def _begin_body(self, head: Head, rest: bytes) -> None:
        if self._to_head:
            head = without_body(head)
        self.head = head
        self._most = self._body_bytes_max(head)
        if head.chunked:
            self._read = self._read_chunks
        elif head.length is not None:
            self._left, self._read = head.length, self._read_counted
        else:
            self._read = self._keep
        if rest or head.length == 0:
            self._read(rest)

    def _read_counted(self, data: bytes) -> None:
        left = self._left = self._left - len(data)
        if left < 0:
            self.surplus, data = data[left:], data[:left]
        self.done = left <= 0
        self._keep(data)

    def _keep(self, data: bytes) -> None:
        self._pieces.append(data)
        self._size += len(data)
        if self._size > self._most:
            self._pieces = [b"".join(self._pieces)[: self._most]]
            self.cut = self.done = True

    def _read_chunks(self, data: bytes) -> None:
        """Read chunks (RFC 9112 section 7.1); lines may end in LF alone."""
        if self._buffer:
            data = bytes(self._buffer) + data
            self._buffer.clear()
        at, end = 0, len(data)
        while at < end and not self.done:
            if self._left > 0:
                piece = data[at : at + self._left]
                at += len(piece)
                self._left -= len(piece)
                self._keep(piece)
                if self._left == 0:
                    self._left = _AFTER_CHUNK
            elif (after := self._read_line(data, at)) is not None:
                at = after
            else:
                self._buffer += data[at:]
                return
        if self.done and not self.cut:
            self.surplus = data[at:]

    def _read_line(self, data: bytes, at: int) -> int | None:
        """Read a line of the frame and return where it ends; None where it goes on."""
        pattern = _LINES[self._left]
        found = pattern.match(data, at)
        if found is None:
            if data.find(b"\n", at) >= 0 or len(data) - at > CHUNK_LINE_BYTES_MAX:
                raise HeadError("the body's chunks are damaged")
            if self._left == _AFTER_CHUNK and data[at : at + 1] != b"\r":
                raise HeadError("the body's chunks are damaged")
            return None
        if self._left == _SIZE:
            self._left = int(found[1], 16) or _TRAILER
        elif self._left == _AFTER_CHUNK:
            self._left = _SIZE
        else:
            self._trailer_bytes += len(found[0])
            self.done = found[0] in (b"\n", b"\r\n")
            if self._trailer_bytes > HEAD_BYTES_MAX:
                raise HeadError("a trailer section without end")
        return found.end()


_SIZE, _AFTER_CHUNK, _TRAILER = 0, -1, -2
"""The next element of a chunked body after the bytes of a chunk."""
_LINES = {_SIZE: _CHUNK_LINE, _AFTER_CHUNK: _END_OF_CHUNK, _TRAILER: _TRAILER_LINE}
