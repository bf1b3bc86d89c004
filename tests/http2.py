"""A loopback server that speaks HTTP/2, and does what a test wants of each request.

Owns: the frames, by the library h2. Must not know: the scraper.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from mocks.loopback import LoopbackServer


@dataclass(frozen=True)
class Asked2:
    """A request."""

    headers: dict[str, str]
    connection: int
    body: bytes


@dataclass(frozen=True)
class Answer2:
    """What to say to it."""

    body: bytes = b"hello"
    headers: tuple[tuple[str, str], ...] = ()
    status: str = "200"
    breaks_off: bool = False
    """Reset the stream after the head."""
    goes_away: bool = False
    """Say that it was not read, and that the connection ends."""


class Http2Server(LoopbackServer):
    """The server; an async context manager. Where *script* says None there is no answer."""

    def __init__(self, script: Callable[[Asked2], Answer2 | None], tls: ssl.SSLContext) -> None:
        tls.set_alpn_protocols(["h2"])
        super().__init__(tls)
        self._script = script
        self._numbers = count()
        self.asked: list[Asked2] = []

    @property
    def url(self) -> str:
        return self.root

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests until the client leaves."""
        try:
            with suppress(h2.exceptions.ProtocolError):
                await self._speak(reader, writer, next(self._numbers))
        finally:
            writer.close()

    async def _speak(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        talk = h2.connection.H2Connection(config)
        talk.initiate_connection()
        heads: dict[int, dict[str, str]] = {}
        bodies: dict[int, bytes] = {}
        left: dict[int, bytes] = {}
        writer.write(talk.data_to_send())
        while data := await reader.read(65_536):
            for event in talk.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    heads[event.stream_id] = {str(k): str(v) for k, v in event.headers}
                    bodies[event.stream_id] = b""
                elif isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += event.data
                elif isinstance(event, h2.events.StreamEnded):
                    stream = event.stream_id
                    asked = Asked2(heads[stream], number, bodies[stream])
                    self.asked.append(asked)
                    left[stream] = self._begin(talk, stream, self._script(asked))
            for stream in list(left):
                self._go_on(talk, stream, left)
            writer.write(talk.data_to_send())
            await writer.drain()

    def _begin(
        self, talk: h2.connection.H2Connection, stream: int, answer: Answer2 | None
    ) -> bytes:
        if answer is None:
            return b""
        if answer.goes_away:
            talk.close_connection(h2.errors.ErrorCodes.NO_ERROR, last_stream_id=max(0, stream - 2))
            return b""
        talk.send_headers(stream, [(":status", answer.status), *answer.headers])
        if answer.breaks_off:
            talk.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR)
            return b""
        if not answer.body:
            talk.end_stream(stream)
        return answer.body

    def _go_on(self, talk: h2.connection.H2Connection, stream: int, left: dict[int, bytes]) -> None:
        """Send as much of a body as the windows allow."""
        while left[stream]:
            size = min(talk.local_flow_control_window(stream), talk.max_outbound_frame_size)
            if size <= 0:
                return
            piece, left[stream] = left[stream][:size], left[stream][size:]
            talk.send_data(stream, piece, end_stream=not left[stream])
