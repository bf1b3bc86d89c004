"""A synthetic world for measurements: many domains, many waiting targets, pages that answer at once.

Owns: the URLs, the outcomes of all effects of the scrape net without HTTP or parsing, and states in
which a given number of targets waits. Everything is determined by its numbers.
Must not know: stores' tables, clocks, what is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from scraper_cpn.net import Firing
from scraper_cpn.scrape.colours import Fetched, Kept, Parsed, Response, Rules, Target, Valid
from scraper_cpn.scrape.pages.extract import Item
from scraper_cpn.scrape.settings import Settings

SETTINGS = Settings(scope="any", concurrency=1_000)
"""Robots.txt is obeyed, and every domain has its delay, as by default."""

_TITLE = "A title of some length, as pages have them"
_TEXT = "Some words that are on the page and that its item has, too. " * 10


class World(Struct, frozen=True, kw_only=True):
    """The sizes of a world.

    Attributes:
        domains: the number of domains that have targets.
        waiting: the number of targets known before the measurement.
        links: the number of links on each page that is fetched afterwards.
        fresh: the number of these that are new; the others are known.
    """

    domains: int
    waiting: int
    links: int = 10
    fresh: int = 1

    @property
    def each(self) -> int:
        """Targets of a domain, but for the seed."""
        return self.waiting // self.domains

    def seeds(self) -> list[str]:
        """The first page of each domain."""
        return [url_of(domain, 0) for domain in range(self.domains)]


def url_of(domain: int, page: int) -> str:
    """An address of 63 characters, a usual length."""
    return f"https://www.site-{domain:06}.example/articles/a-title-of-it-{page:07}"


def numbers_of(url: str) -> tuple[int, int]:
    """Domain and page of an address."""
    return int(url[17:23]), int(url[-7:])


class Pages:
    """The effects of the scrape net in a world; they end at once.

    A domain's first page links to all its targets; every other page to pages that were seen, and to
    `fresh` new ones, so that as many targets wait as before.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._work: dict[str, Callable[..., Any]] = {
            "fetch": lambda target, *_: Fetched(_response(target)),
            "robots": lambda job, *_: Rules(job.origin, ""),
            "parse": lambda raw: self._parsed(raw.target),
            "validate": lambda page: Valid(page.items),
            "keep": lambda page: Kept(len(page.items)),
        }

    def outcome(self, firing: Firing) -> Any:
        """The outcome of the effect of a firing."""
        return self._work[firing.effect](*firing.args)

    def _parsed(self, target: Target) -> Parsed:
        domain, page = numbers_of(target.url)
        return Parsed((_item(target),), tuple(self._links(target, domain, page)))

    def _links(self, target: Target, domain: int, page: int) -> list[Target]:
        each = self._world.each
        if page == 0:
            return [_link(target, domain, number) for number in range(1, each + 1)]
        old, fresh = self._world.links - self._world.fresh, self._world.fresh
        numbers = [1 + (page * 7 + n * 13) % each for n in range(old)]
        # No other page links to these, whenever it is fetched and by which process.
        numbers += [each + 1 + page * fresh + n for n in range(fresh)]
        return [_link(target, domain, number) for number in numbers]


def _link(page: Target, domain: int, number: int) -> Target:
    url = url_of(domain, number)
    return Target(
        url=url,
        domain=page.domain,
        origin=page.origin,
        site=page.site,
        requested_url=url,
        parent=page.url,
        depth=page.depth + 1,
    )


def _response(target: Target) -> Response:
    return Response(
        url=target.url,
        status=200,
        content_type="text/html",
        charset="utf-8",
        body=b"",
        fetched_at_ns=0,
        elapsed_ns=0,
    )


def _item(target: Target) -> Item:
    return Item(
        url=target.url,
        requested_url=target.requested_url,
        status=200,
        depth=target.depth,
        parent=target.parent,
        fetched_at="2026-01-01T00:00:00.000Z",
        content_type="text/html",
        title=_TITLE,
        text=_TEXT,
    )
