"""Writing a kernel's events as lines of JSON; equal decisions give equal bytes.

Owns: the form of `--trace`. A token is shown by its serial and the one field that identifies it for
people; bodies never appear. Must not know: the net's names, the shell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TextIO

import msgspec

FIELDS: dict[str, tuple[str, ...]] = {
    "inject": ("at_ns", "put"),
    "fire": ("at_ns", "id", "transition", "took", "outcome", "puts"),
    "begin": ("at_ns", "id", "transition", "took"),
    "started": ("at_ns", "id", "puts"),
    "again": ("at_ns", "id", "outcome", "due_ns"),
    "attempt": ("at_ns", "id", "number"),
    "end": ("at_ns", "id", "outcome", "puts"),
    "revoke": ("id",),
    "fault": ("place", "serial", "error"),
}
LABELS = ("proxy", "url", "target", "domain", "origin", "targets", "page")
"""The fields that can identify a token; the first that it has is used. A proxy's name comes before its URL,
which contains its password."""


def tracer(out: TextIO) -> Callable[[tuple[Any, ...]], None]:
    """A trace function for a kernel, which writes a line for each event."""
    encode = msgspec.json.Encoder().encode

    def write(event: tuple[Any, ...]) -> None:
        out.write(encode(record(event)).decode() + "\n")

    return write


def record(event: tuple[Any, ...]) -> dict[str, Any]:
    """An event with named parts and shortened tokens."""
    named: dict[str, Any] = {"event": event[0]}
    for name, value in zip(FIELDS[event[0]], event[1:], strict=True):
        named[name] = (
            _put(value)
            if name == "put"
            else [_put(put) for put in value]
            if name == "puts"
            else value
        )
    return named


def _put(put: tuple[str, int, Any, int]) -> list[Any]:
    place, serial, colour, ready_at_ns = put
    return [place, serial, label(colour), ready_at_ns]


def label(colour: Any) -> Any:
    """The URL, domain, proxy or origin that identifies a token for people; None if it has none."""
    for name in LABELS:
        value = getattr(colour, name, None)
        if isinstance(value, tuple):
            return [label(part) for part in (*value, *getattr(colour, "requests", ()))]
        if value is not None and value != "":  # a page without a proxy
            return value if isinstance(value, str) else label(value)
    return None
