"""The scenarios for every crawler: a synthetic web, limits, and the purpose.

Owns: their sizes and limits, and what the referee expects of each.
Must not know: who crawls.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from mocks.referee import Expectations, ProxyRule
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from scraper_cpn.simulate.webspec import RobotsKind

MS, SECOND = 1_000_000, 1_000_000_000
USER_AGENT = "bench/1"


class Scenario(Struct, frozen=True, kw_only=True):
    """A web and the limits of its crawl.

    Attributes:
        name: short.
        about: its purpose, in one sentence.
        web: what is served.
        delay_ns: least time between two starts in a domain; 0 for none.
        at_once: requests at a time in all.
        proxies: forward proxies; hosts can be reached through them alone.
        per_proxy: requests through each at a time; None for any number.
        consume_ns: how long the consumer takes for each item, one after another.
        max_pages: pages to be fetched in all; None for all.
        retries: attempts after the first.
        channel: items that a channel holds where a crawler asks for a number; None: all of a host.
        named: run only if it is asked for by name.
    """

    name: str
    about: str
    web: WebSpec
    delay_ns: int = 0
    at_once: int = 64
    proxies: int = 1
    per_proxy: int | None = None
    consume_ns: int = 0
    max_pages: int | None = None
    retries: int = 2
    channel: int | None = None
    named: bool = False

    def task(self, seeds: list[str], proxies: list[str]) -> dict[str, Any]:
        """The input of a driver."""
        return {
            "mode": "crawl",
            "seeds": seeds,
            "proxies": proxies,
            "delay_s": self.delay_ns / SECOND,
            "delay_ms": self.delay_ns // MS,
            "at_once": self.at_once,
            "per_proxy": self.per_proxy or self.at_once,
            "consume_s": self.consume_ns / SECOND,
            "consume_ms": self.consume_ns // MS,
            "max_pages": self.max_pages,
            "retries": self.retries,
            "timeout_s": 30,
            "user_agent": USER_AGENT,
            "capacity": self.channel or 2 * self.web.pages,
        }

    def reachable(self) -> tuple[str, ...]:
        """The number of pages that can be fetched within the attempts."""
        web = SyntheticWeb(self.web)
        return tuple(web.reach(scope="host", attempts=self.retries + 1))

    def expectations(self) -> Expectations:
        """The limits that the referee checks."""
        return Expectations(
            delay_ns=self.delay_ns,
            limit_by="host",
            proxy=ProxyRule(slots=self.per_proxy),
            attempts=self.retries + 1,
            pages=self.reachable() if self.max_pages is None else None,
            max_pages=self.max_pages,
        )


_ROBOTS: tuple[RobotsKind, ...] = ("disallow", "allow", "absent")
_FAILING = WebSpec(
    seed=1,
    hosts=20,
    pages=40,
    links_out=0,
    latency_ns=30 * MS,
    fail=0.1,
    fail_kinds=("503", "503 seconds", "429 seconds", "dropped"),
    robots=_ROBOTS,
)

SCENARIOS = (
    Scenario(
        name="failures",
        about="20 hosts of 40 pages, 0.2 s between two requests of a host; 10 % of the pages fail "
        "once or twice (503, 503 and 429 with Retry-After 1 s, dropped connections).",
        web=_FAILING,
        delay_ns=200 * MS,
    ),
    Scenario(
        name="crawl-delay",
        about="The same, and five hosts ask for a Crawl-delay of 1 s.",
        web=replace(_FAILING, robots=(*["delay"] * 5, *_ROBOTS)),
        delay_ns=200 * MS,
    ),
    Scenario(
        name="slow consumer",
        about="10 hosts of 200 pages, no delay; the consumer takes 5 ms for each item.",
        web=WebSpec(seed=3, hosts=10, pages=200, links_out=0, latency_ns=10 * MS),
        consume_ns=5 * MS,
        channel=16,
    ),
    Scenario(
        name="speed",
        about="50 hosts of 100 pages, no delay, no latency, 64 requests at once.",
        web=WebSpec(seed=4, hosts=50, pages=100, links_out=0),
    ),
    Scenario(
        name="one host",
        about="1 host of 5,000 pages, no delay, no latency, 64 requests at once.",
        web=WebSpec(seed=8, hosts=1, pages=5_000, links_out=0),
    ),
    Scenario(
        name="many pages",
        about="100 hosts of 1,000 pages, no delay, no latency, 64 requests at once.",
        web=WebSpec(seed=9, hosts=100, pages=1_000, links_out=0),
        named=True,
    ),
    Scenario(
        name="slow pages",
        about="4 hosts of 200 pages, 20 ms each; 2 % of the pages take 3 s.",
        web=WebSpec(
            seed=5,
            hosts=4,
            pages=200,
            links_out=0,
            latency_ns=20 * MS,
            slow=0.02,
            trickle_ns=3 * SECOND,
        ),
    ),
    Scenario(
        name="proxies",
        about="20 hosts of 20 pages, 0.1 s between two requests of a host, through 4 proxies that "
        "may carry 2 requests at a time; 50 ms each.",
        web=WebSpec(seed=6, hosts=20, pages=20, links_out=0, latency_ns=50 * MS),
        delay_ns=100 * MS,
        proxies=4,
        per_proxy=2,
    ),
    Scenario(
        name="budget",
        about="1 host of 400 pages, 20 ms each, no delay, 16 at once; 200 pages are to be fetched.",
        web=WebSpec(seed=7, hosts=1, pages=400, links_out=0, latency_ns=20 * MS),
        at_once=16,
        max_pages=200,
    ),
)
