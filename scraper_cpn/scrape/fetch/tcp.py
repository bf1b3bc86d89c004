"""The time of a server, as the operating system knows it of a TCP connection.

Owns: reading TCP_INFO of Linux.
Must not know: requests, answers, event loops.
"""

import socket
import struct
import sys
from typing import Any

_AGO = struct.Struct("=I")
_SENT_AT, _CAME_AT, _TCP_INFO_BYTES = 44, 52, 56
"""Where `struct tcp_info` of Linux has tcpi_last_data_sent and tcpi_last_data_recv, in milliseconds ago."""


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
