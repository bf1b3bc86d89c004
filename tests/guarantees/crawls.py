"""Crawls for the tests of the guarantees: any web, any settings, and their truth.

Owns: what is drawn, and which crawls must fetch every reachable page.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

from hypothesis import strategies as st
from msgspec import Struct

from scraper_cpn.net import Row
from scraper_cpn.scrape.colours import Failure, Proxy
from scraper_cpn.scrape.settings import SECOND, Settings, Site
from scraper_cpn.scrape.virtual import EPOCH_NS
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from scraper_cpn.simulate.webspec import FailKind, RedirectKind, RobotsKind, Scope

MS = 1_000_000
Robots = Literal["obey", "ignore"]


class Case(Struct, frozen=True):
    """A crawl that a test makes."""

    settings: Settings
    spec: WebSpec
    seeds: tuple[str, ...]

    @property
    def reachable(self) -> dict[str, int]:
        """The pages that it must store, with their depths."""
        return SyntheticWeb(self.spec).reach(
            scope=self.settings.scope,
            attempts=self.settings.retries + 1,
            max_redirects=self.settings.max_redirects,
            seeds=self.seeds,
        )


def _times(most_ms: int) -> st.SearchStrategy[int]:
    return st.integers(0, most_ms).map(lambda ms: ms * MS)


def _some(kinds: Any, without: tuple[str, ...] = ()) -> st.SearchStrategy[tuple[Any, ...]]:
    names = [kind for kind in get_args(kinds) if kind not in without]
    return st.lists(st.sampled_from(names), min_size=1, max_size=5).map(tuple)


@st.composite
def specs(draw: st.DrawFn, attempts: int, robots: Robots) -> WebSpec:
    """A small web with every kind of trouble; answers take at most 1.5 s, unless they stall.

    Where robots.txt is ignored it forbids nothing, so that the truth is the same.
    """
    latency_ns = st.integers(MS, 500 * MS)
    return WebSpec(
        seed=draw(st.integers(0, 1000)),
        hosts=draw(st.integers(1, 5)),
        subdomains=draw(st.integers(1, 3)),
        pages=draw(st.integers(1, 10)),
        links=draw(st.integers(0, 4)),
        links_out=draw(st.integers(0, 2)),
        duplicates=draw(st.sampled_from([0.0, 0.5])),
        body_bytes=500,
        non_html=draw(st.sampled_from([0.0, 0.5])),
        latency_ns=draw(latency_ns),
        latency_spread_ns=draw(st.sampled_from([0, 500 * MS])),
        slow=draw(st.sampled_from([0.0, 0.3])),
        trickle_ns=500 * MS,
        fail=draw(st.sampled_from([0.0, 0.3, 1.0])),
        fail_times=draw(st.integers(1, 4)),
        fail_kinds=draw(_some(FailKind)),
        retry_after_s=draw(st.integers(0, 3)),
        busy_hosts=draw(st.integers(0, 1)),
        busy_requests=draw(st.integers(0, attempts - 1)),
        robots=draw(_some(RobotsKind, () if robots == "obey" else ("disallow", "error"))),
        crawl_delay_ns=draw(_times(3000)),
        redirect=draw(st.sampled_from([0.0, 0.5])),
        redirect_kinds=draw(_some(RedirectKind)),
        chain_hops=draw(st.integers(1, 4)),
    )


@st.composite
def proxies(draw: st.DrawFn, *, ending: bool) -> tuple[Proxy, ...]:
    """A pool of proxies, or none; *ending* ones have quotas and leases, and may leave work undone."""
    pool = []
    for number in range(draw(st.integers(1 if ending else 0, 3))):
        first, last = draw(_times(20_000)), draw(_times(60_000))
        lease = draw(st.booleans())
        pool.append(
            Proxy(
                f"http://p{number}.example:8080",
                f"http://p{number}.example:8080",
                slots=draw(st.integers(1, 3)),
                delay_ns=draw(st.sampled_from([0, 100 * MS, 700 * MS])),
                quota=draw(st.none() | st.integers(1, 30)) if ending else None,
                not_before_ns=EPOCH_NS + first if lease else None,
                not_after_ns=EPOCH_NS + last if lease and ending else None,
            )
        )
    return tuple(pool)


@st.composite
def cases(draw: st.DrawFn, *, ending: bool = False) -> Case:
    """A crawl that must come to its end; an *ending* one may run into a budget before.

    With a scope other than `any` there is one seed: among several, the sites of all are in scope.
    """
    retries = draw(st.integers(0, 3))
    robots: Robots = draw(st.sampled_from(["obey", "obey", "ignore"]))
    spec = draw(specs(retries + 1, robots))
    scope: Scope = draw(st.sampled_from(get_args(Scope)))
    web = SyntheticWeb(spec)
    settings = Settings(
        delay_ns=draw(_times(1500)),
        per_domain=draw(st.integers(1, 3)),
        concurrency=draw(st.sampled_from([1, 2, 8])),
        limit_by=draw(st.sampled_from(["domain", "host"])),
        scope=scope,
        sites=draw(sites(web)),
        max_pages=draw(st.none() | st.integers(1, 12)) if ending else None,
        max_depth=draw(st.none() | st.integers(0, 3)) if ending else None,
        max_time_ns=draw(st.none() | st.integers(1, 60).map(lambda s: s * SECOND))
        if ending
        else None,
        retries=retries,
        backoff_ns=draw(_times(1000)),
        backoff_max_ns=3 * SECOND,
        backoff_scope=draw(st.sampled_from(["domain", "url"])),
        timeout_ns=2 * SECOND,
        max_redirects=draw(st.sampled_from([0, 2, 10])),
        robots=robots,
        proxies=draw(proxies(ending=ending)),
        seed=draw(st.integers(0, 3)),
    )
    return Case(settings, spec, web.seeds() if scope == "any" else web.seeds()[:1])


def sites(web: SyntheticWeb) -> st.SearchStrategy[tuple[Site, ...]]:
    """A delay of its own for the first domain, or none."""
    site = st.builds(lambda ms: (Site(name=_domain(web.hosts[0]), delay_ns=ms),), _times(3000))
    return st.just(()) | site


def _domain(host: str) -> str:
    return ".".join(host.split(".")[-2:])


def stored(rows: list[Row]) -> list[str]:
    """The URLs of `stored`, in order."""
    return [row.colour.target.url for row in rows if row.sink == "stored"]


def failures(rows: list[Row]) -> list[Failure]:
    """The rows of `failed_log`, in order."""
    return [row.colour for row in rows if row.sink == "failed_log"]


def ended_urls(rows: list[Row]) -> list[str]:
    """The URLs that have ended: stored, or failed or skipped for good."""
    return stored(rows) + [row.target.url for row in failures(rows) if row.final]
