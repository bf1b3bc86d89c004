"""When the bytes that a server reads had arrived: as the kernel dated them, not as they were read.

Owns: sockets that know when what they read last had arrived (SO_TIMESTAMPNS, socket(7)).
Must not know: HTTP, what is served.

A server on a busy machine reads late, and a gap between two requests then looks shorter than it
was. The kernel dates bytes on loopback while their sender writes them.
"""

from __future__ import annotations

import socket
import struct
import sys
import time
from weakref import WeakValueDictionary

_SO_TIMESTAMPNS = 35  # asm-generic/socket.h; the module `socket` does not name it
_DATE = struct.Struct("@ll")  # a struct timespec: seconds and nanoseconds of UTC
_SPACE = socket.CMSG_SPACE(_DATE.size)

_LOOKS = 5
"""Tries to read two clocks together; a machine that is busy stops a process in between."""
_TRIES, _PAUSE_S = 300, 0.001
"""How often it is looked whether the kernel dates yet, and the pause after each look."""


class Arrivals(socket.socket):
    """A listening socket whose connections know when their bytes arrived.

    Where a system does not date them (none but Linux, and an event loop that reads without this
    socket), they count from when they are read. Making one takes some 0.1 ms on Linux, or as long as
    the kernel needs to begin: on a busy machine up to 20 ms. It is looked for 300 times, 1 ms apart.
    """

    def __init__(self, address: tuple[str, int], backlog: int) -> None:
        """Listen on *address*. Raises OSError where that is impossible."""
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self._accepted = WeakValueDictionary[object, Dated]()
        self.bind(address)
        if sys.platform == "linux":
            self.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)  # accepted sockets inherit it
        self.listen(backlog)
        if sys.platform == "linux":
            self._wait_for_dates()

    def _wait_for_dates(self) -> None:
        """Linux begins to date in the background, after the first socket has asked it to."""
        with (
            socket.create_connection(self.getsockname()) as sender,
            self._accepted_from(sender.getsockname()) as reader,
        ):
            for _ in range(_TRIES):
                sender.send(b"?")
                if reader.recvmsg(1, _SPACE)[1]:
                    return
                time.sleep(_PAUSE_S)

    def _accepted_from(self, address: object) -> socket.socket:
        accepted, peer = super().accept()
        while peer != address:  # a client that knew this port from an earlier run
            accepted.close()
            accepted, peer = super().accept()
        return accepted

    def accept(self) -> tuple[socket.socket, object]:
        """Accept a connection, as any socket does."""
        accepted, address = super().accept()
        dated = self._accepted[address] = Dated(fileno=accepted.detach())
        return dated, address

    def last_ns(self, peer: object) -> int:
        """When the bytes that were just read from *peer* had arrived, on the monotonic clock."""
        dated = self._accepted.get(peer)
        return time.monotonic_ns() if dated is None else dated.arrived_ns


class Dated(socket.socket):
    """A connection; `arrived_ns` is when what was read last had arrived.

    What arrived in several parts and was read at once counts from its last part (tcp(7)): a client that
    writes a head in one go has one part.
    """

    arrived_ns = 0

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Read, as any socket does."""
        data, notes, _, _ = self.recvmsg(size, _SPACE, flags)
        self.arrived_ns = _monotonic_ns(notes)
        return data


def _monotonic_ns(notes: list[tuple[int, int, bytes]]) -> int:
    """The date among *notes* on the monotonic clock; now, where there is none."""
    for level, kind, data in notes:
        if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
            seconds, rest_ns = _DATE.unpack(data)
            return _of_utc(seconds * 1_000_000_000 + rest_ns)
    return time.monotonic_ns()


def _of_utc(date_ns: int) -> int:
    """A moment of UTC on the monotonic clock, if the clock of UTC was not set since."""
    return min(_look(date_ns) for _ in range(_LOOKS))[1]


def _look(date_ns: int) -> tuple[int, int]:
    """How long it took to read both clocks, and the moment by these."""
    before_ns = time.monotonic_ns()
    ago_ns = max(time.time_ns() - date_ns, 0)
    return time.monotonic_ns() - before_ns, before_ns - ago_ns
