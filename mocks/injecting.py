"""A server that sends unrequested answers: for tests that every body belongs to its request.

Owns: the moments of an exchange at which surplus bytes are sent, and the pages, each of which names itself.
Must not know: who asks, and what a right reaction would be.

Every URL is answered, in absolute form too, so that the server also serves as a forward proxy; with TLS it is the end of a
tunnel.
"""

import asyncio
import ssl
from collections.abc import Callable
from enum import Enum

from mocks.loopback import LoopbackServer

WRONG = b"<title>wrong</title>an answer that nobody asked for"


class Moment(Enum):
    """When surplus bytes are sent."""

    ON_CONNECTING = "as soon as a connection is there"
    BEFORE_HEAD = "behind a request, before its answer"
    IN_STATUS_LINE = "inside the status line"
    IN_FIELD = "inside a field of the head"
    BETWEEN_FIELDS = "between two fields of the head"
    AFTER_HEAD = "between head and body"
    IN_BODY = "inside the body"
    WITH_BODY = "in one piece with the end of the body"
    AFTER_BODY = "right behind the body"
    AFTER_A_WHILE = "some time behind the body, whatever is asked meanwhile"
    BEFORE_READING = "some time behind the body, and before the next request is read"


def answer(body: bytes, *fields: str) -> bytes:
    """Return a complete answer."""
    lines = (
        "HTTP/1.1 200 OK",
        "Content-Type: text/html",
        f"Content-Length: {len(body)}",
        *fields,
        "",
        "",
    )
    return "\r\n".join(lines).encode() + body


SURPLUS: dict[str, bytes] = {
    "answer": answer(WRONG),
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /wrong\r\nContent-Length: 0\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
    % (len(WRONG), WRONG),
    "half": answer(WRONG)[:-5],
    "head": b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n",
    "garbage": b"<p>wrong</p>",
    "line": b"\r\n",
}
"""What is sent."""


def body_of(target: str) -> bytes:
    """Return the page at a path."""
    return f"<title>{target}</title><p>This is the page at {target}, and no other.</p>\n".encode()


class InjectingServer(LoopbackServer):
    """A server on a free port of the loopback address; use it with `async with`.

    *chooses* says of the number of an answer on its connection, from 0 on, whether surplus goes with it. *while_s* is how long
    "some time" is, *service_s* how long the server takes for an answer.
    """

    def __init__(
        self,
        moment: Moment,
        surplus: bytes,
        *,
        while_s: float = 0.02,
        service_s: float = 0.0,
        chooses: Callable[[int], bool] = lambda _: True,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls)
        self._moment, self._surplus = moment, surplus
        self._while_s, self._service_s, self._chooses = while_s, service_s, chooses
        self.sent = 0
        """How often surplus was sent."""

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests, with surplus at its moment."""
        ordinal = 0
        if self._moment is Moment.ON_CONNECTING:
            self._inject(writer)
        while not writer.is_closing():
            head = await reader.readuntil(b"\r\n\r\n")
            await asyncio.sleep(self._service_s)
            target = head.split(b" ", 2)[1].decode()
            await self._answer(writer, target, injected=self._chooses(ordinal))
            ordinal += 1

    async def _answer(self, writer: asyncio.StreamWriter, target: str, *, injected: bool) -> None:
        whole = answer(body_of(target))
        if not injected or self._moment is Moment.ON_CONNECTING:
            writer.write(whole)
        elif self._moment in _BEHIND:
            writer.write(whole)
            if self._moment is Moment.AFTER_A_WHILE:
                self.start(self._later(writer))
            else:
                await asyncio.sleep(self._while_s if self._moment is Moment.BEFORE_READING else 0)
                self._inject(writer)
        else:
            at = _place(whole, self._moment)
            self.sent += 1
            writer.write(whole[:at] + self._surplus + whole[at:])
        await writer.drain()

    async def _later(self, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._while_s)
        self._inject(writer)

    def _inject(self, writer: asyncio.StreamWriter) -> None:
        if not writer.is_closing():
            self.sent += 1
            writer.write(self._surplus)


_BEHIND = (Moment.AFTER_BODY, Moment.AFTER_A_WHILE, Moment.BEFORE_READING)


def _place(whole: bytes, moment: Moment) -> int:
    """Return where in an answer bytes are put."""
    body = whole.index(b"\r\n\r\n") + 4
    return {
        Moment.BEFORE_HEAD: 0,
        Moment.IN_STATUS_LINE: whole.index(b"200") + 1,
        Moment.IN_FIELD: whole.index(b"Content-Length") + 4,
        Moment.BETWEEN_FIELDS: whole.index(b"Content-Length"),
        Moment.AFTER_HEAD: body,
        Moment.IN_BODY: body + 20,
        Moment.WITH_BODY: len(whole),
    }[moment]
