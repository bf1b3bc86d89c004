"""Who holds a partition: which process, on which machine, and whether it is known to have ended.

Owns: what a claim says of its process, and recognising that process again.
Must not know: PostgreSQL, leases.

A process is recognised by the machine's boot, its namespace of process numbers, its number and the moment at which it
started: a number alone may be another process's by now. Where the system does not tell these (all but
Linux) nothing is known of a holder, and the end of its lease has to be waited for.
"""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path

import msgspec
from msgspec import Struct

_START_FIELD = 19
"""The moment at which a process started, in the fields of `/proc/PID/stat` after its name (proc(5))."""


class Holder(Struct, frozen=True):
    """A process that holds a claim."""

    host: str
    """The machine's name, to be shown."""
    world: str
    """The boot and the namespace of process numbers; empty: unknown."""
    pid: int
    start: str
    """When the process started, in ticks since the boot; empty: unknown."""

    def __str__(self) -> str:
        return f"pid {self.pid} on {self.host}"


def myself() -> Holder:
    """This process."""
    pid = os.getpid()
    return Holder(platform.node(), _world(), pid, _start(pid) or "")


def packed(holder: Holder) -> str:
    """As a claim keeps it."""
    return msgspec.json.encode(holder).decode()


def unpacked(text: str | None) -> Holder | None:
    """From a claim; None if nobody is named, or it can't be read."""
    try:
        return None if text is None else msgspec.json.decode(text, type=Holder)
    except msgspec.DecodeError:
        return None


def is_alive(holder: Holder | None) -> bool | None:
    """Whether the process still runs; None: that can't be known from here."""
    if holder is None or not holder.start or not is_here(holder):
        return None
    return _start(holder.pid) == holder.start


def is_here(holder: Holder) -> bool:
    """Whether the process is, or was, one of this machine since it was started."""
    return bool(holder.world) and holder.world == _world()


@cache
def _world() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return ""


def _start(pid: int) -> str | None:
    """When a process started; None if there is none, or it has ended and only its parent has not asked how."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {b"Z", b"X"} else fields[_START_FIELD].decode()
