"""What the subjects of a race have to schedule: settings, targets, and the outcome of every effect.

Owns: the points of the grid, and all that follows from the numbers of a point, which is always the same.
Must not know: the subjects, time measurement.

Pages take 50 to 550 ms, and one attempt in ten fails and is tried again. A page has two links: one to
a new page of its own domain, so that as many targets wait as before in each domain, and one to a page
that is known. Domains want 0.5 to 5 s between two starts, a fifth of them takes two requests at once;
proxies want 0.1 to 0.4 s, a fifth of them has two slots. Targets have priorities 0 to 9.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate
from typing import Any, Literal, get_args

from msgspec import Struct

from scraper_cpn.scrape.colours import (
    Failed,
    Fetched,
    Found,
    Kept,
    Parsed,
    Proxy,
    Response,
    Target,
    Valid,
)
from scraper_cpn.scrape.settings import MILLISECOND, SECOND, Settings, Site

Kind = Literal["sparse", "dense", "blocked", "pressed", "zipf", "eager"]
"""`sparse`: timers end at any nanosecond. `dense`: pages end on a grid of 10 ms, many at once.
`blocked`: 99 of 100 domains want an hour between two starts. `pressed`: items are kept slowly, so that
full stages hold up fetching all the time. `zipf`: a domain has as many targets as its rank lets it.
`eager`: nobody wants a pause, for runs in real time."""
KINDS: tuple[Kind, ...] = get_args(Kind)

DELAYS_NS = (SECOND // 2, SECOND, 2 * SECOND, 5 * SECOND)
PROXY_DELAYS_NS = (100 * MILLISECOND, 200 * MILLISECOND, 400 * MILLISECOND)
BLOCKED_NS = 3_600 * SECOND
LEVELS = 10
AT_ONCE_MIN = 64
"""Requests at a time in all, where there are few proxies."""
KEEPING_NS = 40 * SECOND
"""To keep the items of a page where this is slow: 256 pages at a time are 6 a second, about."""
FOUND = 1_000
"""Targets of one page of seeds."""

FETCHED = Fetched(
    Response(
        url="",
        status=200,
        content_type="text/html",
        charset="utf-8",
        body=b"",
        fetched_at_ns=0,
        elapsed_ns=0,
    )
)
FAILED = Failed("http", "HTTP 500", 500)
VALID = Valid(())
KEPT = Kept(0)


class Point(Struct, frozen=True, order=True):
    """A point of the grid."""

    targets: int
    """That wait, about, at any time."""
    domains: int
    proxies: int
    kind: Kind = "sparse"

    def __str__(self) -> str:
        sizes = f"{self.targets:,} targets, {self.domains:,} domains, {self.proxies:,} proxies"
        return f"{sizes}, {self.kind}"


class Workload:
    """All inputs of a point. Making it costs O(domains + proxies)."""

    def __init__(self, point: Point) -> None:
        self.point = point
        self.names = [f"site-{number:06}.example" for number in range(point.domains)]
        self.origins = [f"https://www.{name}" for name in self.names]
        self.keeping_ns = KEEPING_NS if point.kind == "pressed" else 0

    @cached_property
    def settings(self) -> Settings:
        """Of the crawl. Robots.txt is not asked for: that is a firing more for each domain, once.

        Stages have room for twice the requests at a time; where they are to be full, that is little.
        """
        at_once = 0 if self.point.kind == "pressed" else 2 * self.point.proxies
        return Settings(
            robots="ignore",
            scope="any",
            concurrency=max(AT_ONCE_MIN, at_once),
            sites=tuple(self._site(number) for number in range(self.point.domains)),
            proxies=tuple(self._proxy(number) for number in range(self.point.proxies)),
        )

    def seeds(self) -> Iterator[Found]:
        """The targets that wait at the beginning, with URLs that nobody has hashed yet."""
        for first in range(0, self.point.targets, FOUND):
            numbers = range(first, min(first + FOUND, self.point.targets))
            yield Found(tuple(self.target(n, self.domain_of(n)) for n in numbers))

    def fetch(self, number: int) -> tuple[int, Fetched | Failed]:
        """How long the dispatch of this number takes (ns), and its outcome."""
        chance = mix(number)
        takes_ns = 50 * MILLISECOND + (chance >> 8) % (500 * MILLISECOND)
        if self.point.kind == "dense":
            takes_ns -= takes_ns % (10 * MILLISECOND)
        return takes_ns, FAILED if chance % 10 == 0 else FETCHED

    def parsed(self, number: int, domain: int) -> Parsed:
        """The links of the page of a domain that is parsed as the one of this number."""
        known = mix(number) % self.point.targets
        new = self.target(self.point.targets + number, domain)
        return Parsed((), (new, self.target(known, self.domain_of(known))))

    def target(self, number: int, domain: int) -> Target:
        """A target with fresh strings, as a parser makes them."""
        url = f"{self.origins[domain]}/articles/a-title-of-it-{number:07}"
        return Target(
            url=url,
            domain=self.names[domain],
            origin=self.origins[domain],
            site=self.names[domain],
            requested_url=url,
            parent=self.origins[domain],
            depth=1,
            priority=mix(number) % LEVELS,
        )

    def domain_of(self, number: int) -> int:
        """The domain of one of the first targets."""
        if self.point.kind != "zipf":
            return number % self.point.domains
        ranks = self._ranks
        return bisect_left(ranks, (mix(number) / 2**32) * ranks[-1])

    @cached_property
    def _ranks(self) -> list[float]:
        return list(accumulate(1 / rank for rank in range(1, self.point.domains + 1)))

    def _site(self, number: int) -> Site:
        chance = mix(number)
        delay_ns = DELAYS_NS[chance % 4]
        if self.point.kind == "blocked" and number % 100:
            delay_ns = BLOCKED_NS
        if self.point.kind == "eager":
            delay_ns = 0
        return Site(name=self.names[number], delay_ns=delay_ns, per_domain=1 + (chance % 5 == 0))

    def _proxy(self, number: int) -> Proxy:
        chance = mix(number)
        return Proxy(
            proxy=f"proxy-{number}",
            url=f"http://proxy-{number}.example:3128",
            slots=1 + (chance % 5 == 0),
            delay_ns=0 if self.point.kind == "eager" else PROXY_DELAYS_NS[chance % 3],
        )


def mix(number: int) -> int:
    """A number of 32 bits that looks random (the finaliser of MurmurHash3)."""
    number = (number ^ (number >> 16)) * 0x85EBCA6B & 0xFFFFFFFF
    number = (number ^ (number >> 13)) * 0xC2B2AE35 & 0xFFFFFFFF
    return number ^ (number >> 16)


class Tape:
    """The outcomes of the effects, in the order of their calls.

    The first subject at a point finds out the order; what it heard is made again for every other
    run, beforehand, with fresh strings. So the mocks cost the same for all, and next to nothing.
    """

    def __init__(self, workload: Workload) -> None:
        self._workload = workload
        self._fetches: list[tuple[int, Fetched | Failed]] = []
        self._domains: list[int] = []
        """Of the pages that were parsed, in order."""

    def fetch(self, _: Any) -> tuple[int, Fetched | Failed]:
        """Record the next fetch."""
        self._fetches.append(self._workload.fetch(len(self._fetches)))
        return self._fetches[-1]

    def parse(self, raw: Any) -> Parsed:
        """Record the next page."""
        domain = int(raw.target.domain[5:11])
        self._domains.append(domain)
        return self._workload.parsed(len(self._domains) - 1, domain)

    def fetches(self) -> list[tuple[int, Fetched | Failed]]:
        """What was recorded."""
        return self._fetches

    def pages(self) -> list[Parsed]:
        """What was recorded, in fresh strings."""
        return [self._workload.parsed(*each) for each in enumerate(self._domains)]
