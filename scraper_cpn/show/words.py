"""Numbers and text from the web, as people read them in a terminal.

Owns: how times, sizes and counts are written, and that nothing from the web steers the terminal.
Must not know: what is shown, or where.
"""

import re

SECOND = 1_000_000_000

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Also marks that reverse the direction of writing, and lone surrogates."""


def plain(text: str) -> str:
    """Return *text* on one line, with control characters replaced (they could hide or fake text)."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def clock(ns: int) -> str:
    """Return a time such as `0:07`, `12:30` or `3:05:00`, rounded down to seconds."""
    minutes, seconds = divmod(max(ns, 0) // SECOND, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def size(count: int) -> str:
    """Return a number of bytes such as `512 B`, `8.2 kB` or `1.4 GB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"


def number(count: int) -> str:
    """Return a count with thousands apart: `12,345`."""
    return f"{count:,}"


def counted(count: int, noun: str) -> str:
    """Return `1 page`, `2 pages`."""
    return f"{count:,} {noun}" + "s" * (count != 1)


def rate(count: int, elapsed_ns: int) -> str:
    """Return a rate such as `18.3/s`."""
    return f"{count * SECOND / elapsed_ns:.1f}/s" if elapsed_ns > 0 else "0.0/s"
