"""`--max-depth` counts the shortest path to a page, whichever path is found first (G7)."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from mocks.inprocess import crawl
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.virtual import virtual_crawl
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from tests.guarantees.crawls import MS, stored

webs = st.builds(
    WebSpec,
    seed=st.integers(0, 10_000),
    pages=st.integers(2, 25),
    links=st.integers(1, 3),
    body_bytes=st.just(200),
    latency_ns=st.just(MS),
    latency_spread_ns=st.sampled_from([0, 300 * MS]),
    slow=st.sampled_from([0.0, 0.3]),
    fail=st.sampled_from([0.0, 0.4]),
    fail_times=st.integers(1, 2),
    redirect=st.sampled_from([0.0, 0.5]),
    redirect_kinds=st.just(("own", "chain")),
)

HIDDEN = WebSpec(
    seed=3, pages=25, links=2, body_bytes=200, latency_ns=MS, latency_spread_ns=300 * MS, fail=0.4, fail_times=2, slow=0.3
)  # fmt: skip
"""A web whose longer paths are found first, so that a crawl that counts by these misses pages."""


@settings(max_examples=20)
@example(SyntheticWeb(HIDDEN), 4, 16)
@given(webs.map(SyntheticWeb), st.integers(0, 6), st.sampled_from([1, 3, 16]))
def test_a_depth_is_that_of_the_shortest_path(web: SyntheticWeb, depth: int, at_once: int) -> None:
    """Exactly the pages of a breadth-first search are stored, once each; retries and slow pages change nothing."""
    quick = Settings(
        delay_ns=0, per_domain=at_once, concurrency=at_once, max_depth=depth, timeout_ns=2_000 * MS
    )
    seeds = web.seeds()[:1]
    done = crawl(quick, web, seeds, by=virtual_crawl)
    near = [url for url, far in web.reach(scope="domain", seeds=seeds).items() if far <= depth]
    assert sorted(stored(done.rows)) == sorted(near)
    assert done.run.ended == "finished"
