"""How much is taken from a page, and what is left out of it.

Owns: the limits for one page at work, and a line for each of them that left something out.
Must not know: what pages are, where the limits come from.
"""

from collections.abc import Iterable

from scraper_cpn.scrape.colours import Link
from scraper_cpn.scrape.settings import PageLimits


class Cut:
    """Applies the limits for one page, and notes what they leave out."""

    def __init__(self, limits: PageLimits) -> None:
        self._limits = limits
        self._lines: dict[str, None] = {}

    @property
    def lines(self) -> tuple[str, ...]:
        """What was left out, a line for each."""
        return tuple(self._lines)

    def text(self, what: str, text: str) -> str:
        """Return *text*, or its beginning where it is too long; *what* it is, for the line."""
        most = self._limits.text_chars
        if len(text) <= most:
            return text
        self._lines[f"{what} has {len(text):,} characters; --max-text keeps {most:,}"] = None
        return text[:most]

    def values(self, what: str, values: list[str]) -> list[str]:
        """Return the values of a list that are kept."""
        most = self._limits.values
        if len(values) > most:
            self._lines[f"{what} has {len(values):,} values; --max-values keeps {most:,}"] = None
        return values[:most]

    def links(self, links: Iterable[Link]) -> list[Link]:
        """Return the first links to different URLs that are kept, in their order."""
        distinct: dict[str, Link] = {}
        most, left = self._limits.links, 0
        for link in links:
            if link.url not in distinct:
                if len(distinct) < most:
                    distinct[link.url] = link
                else:
                    left += 1
        if left:
            self._lines[f"{left:,} more links; --max-links follows {most:,}"] = None
        return list(distinct.values())
