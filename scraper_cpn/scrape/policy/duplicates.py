"""Duplicates: which pages have the same content.

Owns: what a content is, and the row of a page that repeats one.
Must not know: the net, how a page is fetched.
"""

from __future__ import annotations

from dataclasses import dataclass

from scraper_cpn.scrape.colours import (
    Content,
    Duplicate,
    Failure,
    Fetched,
    Original,
    Raw,
    Target,
)
from scraper_cpn.scrape.policy.visits import state_of
from scraper_cpn.scrape.settings import Settings


@dataclass(frozen=True)
class DuplicatePolicy:
    """Compares pages by their bytes. The answers to requests that are more than a GET of a URL are all different."""

    settings: Settings

    def key(self, target: Target, fetched: Fetched) -> str:
        """What tells the content of a page from others; empty if contents are not compared."""
        if self.settings.dedupe == "off":
            return ""
        request = target.request
        own = not request.by_url or request.login
        return target.identity if own else state_of(fetched).content

    def content(self, page: Raw) -> Content:
        """What is remembered of a page whose content is new."""
        return Content(page.content, page.target.url)

    def verdict(self, page: Raw, content: Content) -> Original | Duplicate:
        """Whether a page repeats another one; not the one that is fetched again."""
        return Original() if page.target.url == content.url else Duplicate()

    def duplicate(self, page: Raw, content: Content) -> Failure:
        """The final row of a page that repeats another one."""
        reason = f"its content is that of {content.url}"
        return Failure(
            target=page.target,
            kind="duplicate",
            reason=reason,
            status=page.response.status or None,
            final=True,
        )
