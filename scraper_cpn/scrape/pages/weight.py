"""Which pages are harmless to parse, and where.

Owns: the limits of what parsing may cost on the event loop, and in a process that others wait for.
Must not know: processes, event loops, handlers.
"""

from typing import Final

from scraper_cpn.scrape.pages.bound import parsing_bound
from scraper_cpn.scrape.pages.glance import glanced_bound
from scraper_cpn.scrape.pages.page import Page

SMALL_BYTES: Final = 32 * 1024
"""Larger pages are not parsed on the event loop: to read an ordinary one would hold it for milliseconds."""
SMALL_TAGS: Final = 2_000
"""To look at more would hold it, too."""
QUICK_NS: Final = 25_000_000
QUICK_BYTES: Final = 32_000_000
"""The maximum cost of a page that is parsed on the event loop, in the worst case. An ordinary page of
`SMALL_BYTES` costs 0.2 ms; of thousands of pages bred to be slow within these limits, the worst cost 3 ms."""
HARMLESS_NS: Final = 300_000_000
HARMLESS_BYTES: Final = 48_000_000
"""The maximum cost of a page if other pages wait for it."""
HARMLESS_TAGS: Final = 20_000
"""To look at more takes longer than to try them."""

_ESCAPE: Final = b"\x1b"
_ISO_2022_JP: Final = b"2022"
"""In this encoding an escape changes what is a tag, and a page may declare it where only its parser looks."""


def is_quick(page: Page) -> bool:
    """Return whether the event loop may parse *page*. Costs what parsing an ordinary page costs."""
    return len(page.body) <= SMALL_BYTES and _is_below(page, SMALL_TAGS, QUICK_NS, QUICK_BYTES)


def is_harmless(page: Page) -> bool:
    """Return whether parsing *page* is over soon for certain. Costs what parsing an ordinary page costs."""
    return _is_below(page, HARMLESS_TAGS, HARMLESS_NS, HARMLESS_BYTES)


def _is_below(page: Page, most_tags: int, most_ns: int, most_bytes: int) -> bool:
    if _ESCAPE in page.body and _ISO_2022_JP in page.body:
        return False
    html = page.utf8
    tags = html.count(b"<")
    if tags > most_tags:
        return False
    glanced = glanced_bound(html, tags)
    if glanced and glanced.time_ns <= most_ns and glanced.memory_bytes <= most_bytes:
        return True
    bound = parsing_bound(html)
    return bound.time_ns <= most_ns and bound.memory_bytes <= most_bytes
