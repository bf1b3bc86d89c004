"""How much is taken from a page, and what is left out of it.

Owns: the limits for one page at work, what a page itself asks to leave out, and a line for each of them that left
something out.
Must not know: where the limits come from.
"""

from collections.abc import Iterable

from scraper_cpn.scrape.colours import Link
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.robots.agent import product_token
from scraper_cpn.scrape.settings import PageLimits
from scraper_cpn.scrape.urls import URL_CHARS_MAX


class Cut:
    """Applies the limits for one page, and notes what they leave out."""

    def __init__(self, limits: PageLimits) -> None:
        self.limits = limits
        self._nofollow = 0
        self._lines: dict[str, None] = {}

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each thing that was left out."""
        return tuple(self._lines)

    def leaves_out(self, page: Page, directive: str, what: str) -> bool:
        """Return whether a page asks by *directive* to leave *what* out, and the crawl does so."""
        if directive not in self.limits.respect or directive not in page.asks(
            product_token(self.limits.agent)
        ):
            return False
        self._lines[f"{what} left out: the page says {directive} (--respect {directive})"] = None
        return True

    def leaves_out_link(self) -> bool:
        """Return whether a link with `rel=nofollow` is left out; it is counted."""
        respected = "nofollow" in self.limits.respect
        self._nofollow += respected
        return respected

    def long_links(self, page: Page) -> None:
        """Note the URLs of a page that were left out for their length; call it when its links were taken."""
        if page.too_long:
            self._lines[
                f"{page.too_long:,} URLs are longer than the {URL_CHARS_MAX:,} characters that are requested"
            ] = None

    def text(self, what: str, text: str) -> str:
        """Return *text*, or its beginning where it is too long; *what* it is, for the line."""
        most = self.limits.text_chars
        if len(text) <= most:
            return text
        self._lines[f"{what} has {len(text):,} characters; --max-text keeps {most:,}"] = None
        return text[:most]

    def values(self, what: str, values: list[str]) -> list[str]:
        """Return the values of a list that are kept."""
        most = self.limits.values
        if len(values) > most:
            self._lines[f"{what} has {len(values):,} values; --max-values keeps {most:,}"] = None
        return values[:most]

    def urls(self, urls: Iterable[str]) -> list[Link]:
        """Return links to the first different URLs that are kept, in their order."""
        return self._first(list(map(Link, dict.fromkeys(urls))))

    def links(self, links: Iterable[Link]) -> list[Link]:
        """Return the first different links that are kept, in their order."""
        distinct: dict[str, Link] = {}
        for link in links:
            key = link.url if link.request is None else link.request.identity(link.url)
            distinct.setdefault(key, link)
        return self._first(list(distinct.values()))

    def _first(self, links: list[Link]) -> list[Link]:
        most = self.limits.links
        if self._nofollow:
            self._lines[f"{self._nofollow:,} links are nofollow (--respect nofollow)"] = None
        if len(links) > most:
            self._lines[f"{len(links) - most:,} more links; --max-links follows {most:,}"] = None
        return links[:most]
