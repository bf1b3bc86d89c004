"""A server that sends unrequested answers over HTTP/2: for tests that every body belongs to its request.

Owns: the frames, and the moments at which an answer with the number of the next request is sent.
Must not know: who asks, and what a right reaction would be.
"""

import asyncio
import ssl
from enum import Enum

from hpack import Decoder, Encoder
from hyperframe.frame import DataFrame, Frame, HeadersFrame, SettingsFrame

from mocks.injecting import WRONG, body_of
from mocks.loopback import LoopbackServer

_PREFACE_BYTES = 24


class Moment2(Enum):
    """When the answer to a request that was not made is sent."""

    ON_CONNECTING = "as soon as a connection is there"
    WITH_BODY = "in one piece with the end of an answer"
    AFTER_BODY = "right behind an answer"
    AFTER_A_WHILE = "some time behind an answer"
    BEFORE_HEAD = "behind a request, before its answer"
    TWICE = "once more, behind the answer with the same number"


class InjectingServer2(LoopbackServer):
    """A server on a free port of the loopback address; use it with `async with`."""

    def __init__(self, moment: Moment2, tls: ssl.SSLContext, *, while_s: float = 0.02) -> None:
        tls.set_alpn_protocols(["h2"])
        super().__init__(tls)
        self._moment, self._while_s = moment, while_s
        self.sent = 0
        """How often an answer was sent that nobody asked for."""

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests, and one that was not made at its moment."""
        writer.write(SettingsFrame(0).serialize())
        if self._moment is Moment2.ON_CONNECTING:
            writer.write(self._wrong(1))
        await reader.readexactly(_PREFACE_BYTES)
        heads = Decoder()
        while True:
            frame, size = Frame.parse_frame_header(memoryview(await reader.readexactly(9)))
            frame.parse_body(memoryview(await reader.readexactly(size)))
            if isinstance(frame, SettingsFrame) and "ACK" not in frame.flags:
                writer.write(SettingsFrame(0, flags=["ACK"]).serialize())
            if isinstance(frame, HeadersFrame):
                fields = dict(heads.decode(frame.data, raw=True))
                await self._answer(writer, frame.stream_id, fields[b":path"].decode())

    async def _answer(self, writer: asyncio.StreamWriter, number: int, path: str) -> None:
        right = _answer(number, body_of(path))
        if self._moment is Moment2.BEFORE_HEAD:
            writer.write(self._wrong(number + 2) + right)
        elif self._moment is Moment2.TWICE:
            writer.write(right + self._wrong(number))
        elif self._moment is Moment2.WITH_BODY:
            writer.write(right + self._wrong(number + 2))
        else:
            writer.write(right)
        await writer.drain()
        if self._moment is Moment2.AFTER_A_WHILE:
            await asyncio.sleep(self._while_s)
        if self._moment in (Moment2.AFTER_BODY, Moment2.AFTER_A_WHILE):
            writer.write(self._wrong(number + 2))

    def _wrong(self, number: int) -> bytes:
        self.sent += 1
        return _answer(number, WRONG)


def _answer(number: int, body: bytes) -> bytes:
    """Return a complete answer with that number; its head changes no table of HPACK."""
    head = Encoder()
    head.header_table_size = 0
    fields = [(":status", "200"), ("content-type", "text/html")]
    frames: list[Frame] = [
        HeadersFrame(number, head.encode(fields), flags=["END_HEADERS"]),
        DataFrame(number, body, flags=["END_STREAM"]),
    ]
    return b"".join(frame.serialize() for frame in frames)
