"""What a page yields when no program reads it: one item, and its links.

Owns: `Item`, the record that the `scrape` command writes for each page.
Must not know: the net, which links are followed, handlers, outputs.
"""

import time
from collections.abc import Collection
from functools import lru_cache
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from scraper_cpn.scrape.colours import Link, Saved
from scraper_cpn.scrape.pages.cut import Cut
from scraper_cpn.scrape.pages.fields import FieldValue, take_fields
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.settings import MILLISECOND, SECOND, FieldRule


class Item(Struct, frozen=True, kw_only=True):
    """A page, as the `scrape` command writes it."""

    url: str
    """Where the page came from, behind all redirects."""
    requested_url: str
    """The URL that was asked for first."""
    status: Annotated[int, Meta(ge=0, le=999)]
    """The HTTP status: 200 to 299, or what `--status` takes for a page."""
    depth: Annotated[int, Meta(ge=0, le=2**62)]
    """Links followed from a seed; a seed has 0."""
    parent: str | None
    """The page that linked here; null for a seed."""
    fetched_at: str
    """When the last byte had arrived: ISO 8601, UTC, milliseconds."""
    content_type: str
    """The media type in lower case; empty when the server sent none."""
    title: str | None = None
    """The page's title, white space folded; null without one."""
    text: str | None = None
    """The visible text, white space folded; null for what is neither HTML nor XML."""
    fields: dict[str, FieldValue] = {}
    """What the user's selectors found, with files (`--files`) in place of their URLs; empty for what is neither HTML nor XML."""
    body: Saved | UnsetType = UNSET
    """Where the body was saved; not there where it was not."""


def extract(
    page: Page, fetched_at_ns: int, rules: tuple[FieldRule, ...], cut: Cut
) -> tuple[Item | None, list[Link]]:
    """Return the item of *page*, and its links to different URLs.

    What is neither HTML nor XML yields its metadata and no links. What the limits leave out, and what the page
    asks crawlers to leave out, is noted in *cut*. Costs about what parsing the page costs.
    """
    unwanted = cut.leaves_out(page, "noindex", "its item")
    urls = [] if cut.leaves_out(page, "nofollow", "its links") else _followed(page, cut)
    item = None if unwanted else _item(page, fetched_at_ns, rules, cut)
    links = cut.urls(urls)
    cut.long_links(page)
    return item, links


def refreshes_of(page: Page, kinds: Collection[str]) -> tuple[str, ...]:
    """Return where a page sends browsers by a Refresh header or meta element, if such links are followed at all."""
    return tuple(dict.fromkeys(page.urls_of({"refresh"}))) if "refresh" in kinds else ()


def _followed(page: Page, cut: Cut) -> list[str]:
    kinds = cut.limits.kinds
    if "nofollow" not in cut.limits.respect:
        return page.urls_of(kinds)
    found = page.links_of(kinds)
    return [url for each, url in found if not (each.nofollow and cut.leaves_out_link())]


def _item(page: Page, fetched_at_ns: int, rules: tuple[FieldRule, ...], cut: Cut) -> Item:
    """Return the item of *page*, of which nothing else is wanted then."""
    has_tree = page.has_tree
    title = page.title if has_tree else None
    return Item(
        url=page.url,
        requested_url=page.requested_url,
        status=page.status,
        depth=page.depth,
        parent=page.parent,
        fetched_at=iso(fetched_at_ns),
        content_type=page.content_type,
        title=title and cut.text("the title", title),
        fields=take_fields(page, rules, cut) if has_tree else {},
        text=cut.text("the text", page.tree.last_text()) if has_tree else None,
        body=page.saved or UNSET,
    )


def iso(time_ns: int) -> str:
    """Return *time_ns* (UTC, since 1970) as ISO 8601 with milliseconds: 2026-01-31T09:05:00.250Z."""
    return f"{_to_the_second(time_ns // SECOND)}.{time_ns // MILLISECOND % 1000:03d}Z"


@lru_cache(16)
def _to_the_second(time_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time_s))
