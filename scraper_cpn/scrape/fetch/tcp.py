"""What the operating system knows of a TCP connection: times, what waits to be read, what has not arrived.

Owns: the system calls, and reading TCP_INFO of Linux.
Must not know: requests, answers, event loops.
"""

import select
import socket
import struct
import sys
from typing import Any

_LINUX = sys.platform == "linux"
ROUND_TRIP_MAX_S = 0.1
_AGO = struct.Struct("=I")
_SENT_AT, _CAME_AT, _TCP_INFO_BYTES = 44, 52, 56
"""Where `struct tcp_info` of Linux has tcpi_last_data_sent and tcpi_last_data_recv, in milliseconds ago."""
_ROUND_TRIP_AT, _ROUND_TRIP_BYTES = 68, 104
"""Where it has tcpi_rtt, in microseconds."""


def kernel_ns(connected: Any) -> int | None:
    """Return the time from the last packet that a socket sent to the last one that came, from 1 ms; None if unknown.

    Linux alone knows it (tcp(7), TCP_INFO), to the millisecond or four.
    """
    if not sys.platform.startswith("linux") or not hasattr(connected, "getsockopt"):
        return None
    try:
        info = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
    except OSError:
        return None
    if len(info) < _TCP_INFO_BYTES:
        return None
    (sent_ms,), (came_ms,) = _AGO.unpack_from(info, _SENT_AT), _AGO.unpack_from(info, _CAME_AT)
    return max(1, int(sent_ms) - int(came_ms)) * 1_000_000


def round_trip_s(connected: Any) -> float:
    """Return how long a packet takes to the other side and back, up to `ROUND_TRIP_MAX_S`; 0 if unknown."""
    if not _LINUX or connected is None:
        return 0.0
    try:
        info = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ROUND_TRIP_BYTES)
    except OSError:  # it has just closed
        return 0.0
    microseconds: int = struct.unpack_from("I", info, _ROUND_TRIP_AT)[0]
    return min(microseconds / 1e6, ROUND_TRIP_MAX_S)


if hasattr(select, "poll"):

    def readable(fd: int) -> bool:
        """Whether there is something to read from a socket, its end included."""
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        return bool(poller.poll(0))
else:

    def readable(fd: int) -> bool:
        """Whether there is something to read from a socket, its end included."""
        return bool(select.select((fd,), (), (), 0)[0])


if _LINUX:
    import fcntl
    import termios

    def unacknowledged_bytes(fd: int) -> int:
        """Return how many bytes of what was written the other side has not acknowledged (tcp(7), SIOCOUTQ)."""
        try:
            info = fcntl.ioctl(fd, termios.TIOCOUTQ, b"\0\0\0\0")
        except OSError:
            return 0
        return int.from_bytes(info, sys.byteorder)
else:

    def unacknowledged_bytes(fd: int) -> int:  # noqa: ARG001
        """Unknown: none."""
        return 0
