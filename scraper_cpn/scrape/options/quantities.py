"""Reading durations, sizes, shares and counts.

Owns: the spelling of numbers, and how they are shown again. A reader takes a text or an object, and returns the value or
raises `ValueError` with what is wrong and what is allowed.
Must not know: which options there are.
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from scraper_cpn.scrape.redact import hidden, shown
from scraper_cpn.scrape.settings import MILLISECOND, SECOND

Reader = Callable[[Any], Any]

UNITS_NS = {
    "d": 86_400 * SECOND,
    "h": 3_600 * SECOND,
    "m": 60 * SECOND,
    "s": SECOND,
    "ms": MILLISECOND,
}
"""Units from the largest on, so that `duration_text` can take the first that fits."""

LONGEST_NS = 36_500 * UNITS_NS["d"]
"""A century: the sum with the present time stays below 2**63 nanoseconds."""

UNITS_BYTES = {"G": 10**9, "M": 10**6, "k": 10**3}

LARGEST_COUNT = 9 * 10**18
"""A round number that fits 64 bits."""

NUMBER = r"(\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})"
"""Any finite float fits; longer ones would overflow `Decimal`."""

_DURATION = re.compile(rf"{NUMBER}\s*(ms|s|m|h|d|)", re.ASCII)

_SIZE = re.compile(rf"{NUMBER}\s*([kKmMgG]?)", re.ASCII)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Also matches bytes of a command line that are not UTF-8."""


def duration(value: object) -> int:
    """Read a duration and return nanoseconds, from 0 to a century.

    Text is a number with ms, s, m, h or d; without a unit, and as an int or float, it is seconds.
    """
    allowed = "a duration is a number with ms, s, m, h or d, such as 500ms or 1.5h"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise ValueError(f"{value} is not finite; {allowed}")
        value = f"{Decimal(str(value)):f}"
    found = _matched(value, _DURATION, "duration", allowed)
    ns = int(Decimal(found[1]) * UNITS_NS[found[2] or "s"])
    if ns > LONGEST_NS:
        raise ValueError(f"{hidden(found[0])} is too long; a century (36500d) is the most")
    return ns


def positive_duration(value: object) -> int:
    """Read a duration above 0 and return nanoseconds."""
    ns = duration(value)
    if ns == 0:
        raise ValueError(
            f"{hidden(str(value))} is not a positive duration; give more than 0, such as 30s"
        )
    return ns


def duration_text(ns: int) -> str:
    """Return the shortest exact text that `duration` reads as *ns*."""
    for unit, size in UNITS_NS.items():
        if ns % size == 0 and ns:
            return f"{ns // size}{unit}"
    if ns == 0:
        return "0s"
    return f"{(Decimal(ns) / MILLISECOND).normalize():f}ms"


def size(value: object) -> int:
    """Read a size and return bytes, at least 1. Text may end in k, M or G (powers of 1000)."""
    allowed = "a size is a number of bytes, or one with k, M or G, such as 10M"
    found = _matched(value, _SIZE, "size", allowed)
    unit = found[2].upper().replace("K", "k")
    count = int(Decimal(found[1]) * UNITS_BYTES.get(unit, 1))
    if not 1 <= count <= LARGEST_COUNT:
        raise ValueError(f"{hidden(found[0])} is out of range; a size is 1 byte to 9000000000G")
    return count


def size_text(count: int) -> str:
    """Return the shortest exact text that `size` reads as *count* bytes."""
    for unit, factor in UNITS_BYTES.items():
        if count % factor == 0 and count:
            return f"{count // factor}{unit}"
    return str(count)


def share(value: object) -> float:
    """Read a share: a percentage such as 25%, or a number above 0 and up to 1."""
    allowed = "a share is a percentage such as 25%, or a number above 0 and up to 1"
    text = plain_text(value, allowed)
    found = re.fullmatch(rf"{NUMBER}\s*(%?)", text, re.ASCII)
    if found is None:
        raise ValueError(f"{shown(text)} is not a share; {allowed}")
    number = float(found[1]) / (100 if found[2] else 1)
    if not 0.001 <= number <= 1:
        raise ValueError(f"{hidden(text)} is out of range; a share is 0.1% to 100%")
    return number


def share_text(number: float) -> str:
    """Return the text that `share` reads as *number*."""
    return f"{number * 100:g}%"


def count(least: int, most: int = LARGEST_COUNT) -> Reader:
    """Return a reader of whole numbers from *least* to *most*."""
    span = f"{least} or more" if most == LARGEST_COUNT else f"{least} to {most}"

    def read(value: object) -> int:
        text = plain_text(value, f"give a whole number, {span}")
        if not re.fullmatch(r"[+-]?\d+", text, re.ASCII):
            raise ValueError(f"{shown(text)} is not a whole number; give {span}")
        if not re.fullmatch(r"[+-]?0*\d{1,19}", text):
            raise ValueError(f"{shown(text)} is out of range; give {least} to {most}")
        if not least <= int(text) <= most:
            raise ValueError(f"{hidden(text)} is out of range; give {span}")
        return int(text)

    return read


def _matched(value: object, form: re.Pattern[str], what: str, allowed: str) -> re.Match[str]:
    """Return the number and the unit of *what*, in its *form*; raises `ValueError`."""
    text = plain_text(value, allowed)
    if text.startswith("-"):
        raise ValueError(f"{hidden(text)} is negative; {allowed}")
    found = form.fullmatch(text)
    if found is None:
        raise ValueError(f"{shown(text)} is not a {what}; {allowed}")
    return found


def plain_text(value: object, allowed: str, *, secret: bool = False) -> str:
    """Return the text of *value* without blanks around it; raises `ValueError`, which shows no *secret*."""
    said = "the value" if secret else shown(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if isinstance(value, float):
        value = f"{Decimal(str(value)):f}"
    if not isinstance(value, str):
        raise ValueError(f"{said} is not allowed; {allowed}")
    if not value.strip():
        raise ValueError(f"the value is empty; {allowed}")
    if _CONTROL.search(value):
        raise ValueError(f"{said} has control characters; {allowed}")
    return value.strip()
