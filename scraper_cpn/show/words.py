"""Formatting numbers and text from the web for people at a terminal.

Owns: the format of times, sizes and counts, and removing control sequences from text of the web.
Must not know: what is shown, or where.
"""

import re
from datetime import UTC, datetime

SECOND = 1_000_000_000

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, including marks that reverse the direction of writing, and lone surrogates."""


def plain(text: str) -> str:
    """Return *text* on one line, with control characters replaced (they could hide or fake text)."""
    return _CONTROL.sub("\ufffd", text)


def clock(ns: int) -> str:
    """Return a time such as `0:07`, `12:30` or `3:05:00`, rounded down to seconds."""
    minutes, seconds = divmod(max(ns, 0) // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def lasted(ns: int) -> str:
    """Return a duration as `clock` does, but as `0.4 s` if it is too short for that."""
    if ns >= SECOND:
        return clock(ns)
    tenths = ns * 10 // SECOND
    return f"0.{tenths} s" if tenths else "less than 0.1 s"


def size(count: int) -> str:
    """Return a number of bytes such as `512 B`, `8.2 kB` or `1.4 GB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"


def number(count: int) -> str:
    """Return a count with separated thousands: `12,345`."""
    return f"{count:,}"


def counted(count: int, noun: str, many: str = "") -> str:
    """Return `1 page`, `2 pages`; *many* is the plural if it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def rate(count: int, elapsed_ns: int) -> str:
    """Return a rate such as `18.3/s`."""
    return f"{count * SECOND / elapsed_ns:.1f}/s" if elapsed_ns > 0 else "0.0/s"


def moment(ns: int) -> str:
    """Return a time, nanoseconds since 1970, such as `2026-03-01 12:00:07 UTC`."""
    return datetime.fromtimestamp(ns // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def ahead(ns: int) -> str:
    """Return the time until a moment: `now`, `in 3.2 s`, `in 12:30`; rounded up, so never too early."""
    if ns <= 0:
        return "now"
    if ns >= 60 * SECOND:
        return f"in {clock(ns + SECOND - 1)}"
    tenths = -(-ns * 10 // SECOND)
    return f"in {tenths // 10}.{tenths % 10} s"
