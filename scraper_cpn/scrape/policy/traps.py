"""Traps: URLs of which a site has endlessly many, found by rules on the URL alone.

Owns: the rules, and what is wrong with a URL.
Must not know: the net, how a link is found.

The rules are those of archives' crawlers (Heritrix, Nutch): they look for what honest sites don't do. A URL that no
rule could object to costs a third of a microsecond.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable

from scraper_cpn.scrape.policy.calendars import form_of, is_named, month_of

REPEATS = 3
"""A path segment, or a pair of a query, that appears so often."""
URL_CHARS_MAX = 2_083
"""The longest URL that old browsers support; Scrapy has the same limit."""
SEGMENTS_MAX = 20
"""Of a path. Heritrix has the same limit."""
PAIRS_MAX = 40
"""Of a query."""
AHEAD_MONTHS, BACK_MONTHS = 24, 480
"""How far from today a calendar may lead. Archives of honest sites go back to the first years of the web."""
_OUTSIDE_MONTHS = 12
"""A calendar is found where it leaves these years: farther away, four digits are rather the number of something."""

_EPOCH = 1970 * 12 + 1
_MONTH_NS = 146_097 * 86_400 * 10**9 // (400 * 12)
"""A month has this length on average (400 years have 146,097 days): a day early or late does not matter here."""
_ORIGIN_SLASHES = 3
_FOUR_DIGITS = re.compile(r"[12]\d{3}")


def objection(url: str, parent: str | None, found_ns: int, rules: tuple[str, ...]) -> str:
    """Return why a URL (normalised) counts as a trap by some *rules*, in one line; empty if it does not.

    *parent* is the page that links there, which arrived at *found_ns* (UTC; 0: unknown). Pure.
    """
    if _is_plain(url):
        return ""
    return next((why for rule in rules if (why := RULES[rule](url, parent, found_ns))), "")


def _is_plain(url: str) -> bool:
    """Whether no rule could object to a URL."""
    few = url.count("/") < _ORIGIN_SLASHES + REPEATS - 1 and len(url) <= URL_CHARS_MAX
    return few and "?" not in url and not _FOUR_DIGITS.search(url)


def _repeats(url: str, parent: str | None, found_ns: int) -> str:
    del parent, found_ns
    if url.count("/") < _ORIGIN_SLASHES + REPEATS - 1:
        return ""
    segments = url.partition("?")[0].removesuffix("/").split("/")[_ORIGIN_SLASHES:]
    if len(set(segments)) > len(segments) - REPEATS + 1:
        return ""
    for segment, times in Counter(segments).items():
        if times >= REPEATS and not segment.isdecimal():  # dates and coordinates repeat numbers
            return f"its path has {segment[:50] or 'nothing between two slashes'} {times} times"
    return ""


def _long(url: str, parent: str | None, found_ns: int) -> str:
    del parent, found_ns
    return f"it has more than {URL_CHARS_MAX:,} characters" if len(url) > URL_CHARS_MAX else ""


def _deep(url: str, parent: str | None, found_ns: int) -> str:
    del parent, found_ns
    if url.count("/") < _ORIGIN_SLASHES + SEGMENTS_MAX:
        return ""
    segments = url.partition("?")[0].rstrip("/").count("/") - _ORIGIN_SLASHES + 1
    return f"its path has {segments} segments" if segments > SEGMENTS_MAX else ""


def _query(url: str, parent: str | None, found_ns: int) -> str:
    del parent, found_ns
    start = url.find("?")
    if start < 0:
        return ""
    if "%2525" in url:
        return "its query was escaped three times over (%2525)"
    pairs = [pair for pair in re.split("[&?]", url[start + 1 :]) if pair]
    if len(pairs) > PAIRS_MAX:
        return f"its query has {len(pairs)} pairs"
    if len(set(pairs)) > len(pairs) - REPEATS + 1:
        return ""
    pair, times = Counter(pairs).most_common(1)[0]
    return f"its query has {pair[:50]} {times} times" if times >= REPEATS else ""


def _calendar(url: str, parent: str | None, found_ns: int) -> str:
    """A date that is far from today, on a page of the same form whose date is nearer: it goes on like this.

    `/thread/1234/3` and `/item/20410712` may be numbers, so the page has a date near today, or a parameter names it.
    """
    if parent is None or not found_ns or not ("?" in url or _FOUR_DIGITS.search(url)):
        return ""
    today = _EPOCH + found_ns // _MONTH_NS
    month, before = month_of(url, today), month_of(parent, today)
    if month is None or before is None or form_of(url) != form_of(parent):
        return ""
    off = month - today
    if _is_near(off) or (month > before) != (off > 0) or month == before:
        return ""
    if not (_is_near(before - today, _OUTSIDE_MONTHS) or is_named(url)):
        return ""
    return f"a calendar leads there, {abs(off) // 12} years from today"


def _is_near(off_months: int, more: int = 0) -> bool:
    return -BACK_MONTHS - more <= off_months <= AHEAD_MONTHS + more


RULES: dict[str, Callable[[str, str | None, int], str]] = {
    "long": _long,
    "deep": _deep,
    "repeat": _repeats,
    "query": _query,
    "calendar": _calendar,
}
"""The rules by name, in the order in which they are asked."""
