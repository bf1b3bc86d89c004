"""Shares between levels of priority: what of each round of requests a level has."""

from __future__ import annotations

from collections import Counter

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocks.inprocess import crawl
from scraper_cpn.scrape.policy.shares import SharePolicy
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.virtual import virtual_crawl
from scraper_cpn.simulate.webspec import WebAnswer
from tests.guarantees.handmade import Handmade, page

PREFER = ("/p2/", "/p1/")


def asked(settings: Settings, numbers: dict[int, int]) -> list[int]:
    """The levels of the requests for pages, in their order; the seed leads to so many of each level."""
    home = "http://h.example/"
    links = [f"/p{level}/{each}" for level, number in numbers.items() for each in range(number)]

    def site(url: str) -> WebAnswer | None:
        return page(*links) if url == home else None if url.endswith("robots.txt") else page()

    done = crawl(settings, Handmade(site), [home], by=virtual_crawl)
    assert done.run.ended == "finished"
    urls = [request.url for request in done.log if "/p" in request.url]
    assert len(urls) == sum(numbers.values())
    return [int(url.partition("/p")[2][0]) for url in urls]


def test_each_round_has_the_shares_and_the_rest_goes_by_priority() -> None:
    """As long as a level has URLs; what it no longer takes, others have."""
    settings = Settings(delay_ns=SECOND, prefer=PREFER, shares=(4, 2, 1), trap_rules=())
    levels = asked(settings, {2: 40, 1: 20, 0: 20})
    rounds = [Counter(levels[first : first + 7]) for first in range(0, 70, 7)]
    assert rounds[1:] == [Counter({2: 4, 1: 2, 0: 1})] * 9
    assert levels[70:] == [0] * 10


def test_without_shares_the_best_level_has_all() -> None:
    """Priority alone: a level waits until all better ones are done."""
    levels = asked(Settings(delay_ns=SECOND, prefer=PREFER, trap_rules=()), {2: 9, 1: 9, 0: 9})
    assert levels == sorted(levels, reverse=True)


@hypothesis.settings(max_examples=20)
@given(
    st.sampled_from([(2, 1), (1, 3, 2)]),
    st.fixed_dictionaries({level: st.integers(1, 25) for level in range(3)}),
    st.integers(1, 4),
)
def test_two_rounds_of_requests_less_one_have_the_share_of_each_level_that_waits(
    shares: tuple[int, ...], numbers: dict[int, int], concurrency: int
) -> None:
    """However many URLs of each level there are, and requests at a time."""
    settings = Settings(
        delay_ns=0, per_domain=4, concurrency=concurrency, prefer=PREFER, shares=shares, robots="ignore",
        trap_rules=(),
    )  # fmt: skip
    levels, policy = asked(settings, numbers), SharePolicy(settings)
    share = {level: policy.share(-level) for level in numbers}
    window = 2 * sum(share.values()) - 1
    for level in numbers:
        last = len(levels) - 1 - levels[::-1].index(level)
        for at in range(last - window + 1):
            assert levels[at : at + window].count(level) >= share[level]


@pytest.mark.parametrize(
    ("prefer", "shares"),
    [((), {-1: 8, 0: 8, 1: 4, 2: 1, 9: 1}), (PREFER, {-9: 8, -2: 8, -1: 4, 0: 1, 5: 1})],
)
def test_the_shares_are_those_of_the_best_levels(
    prefer: tuple[str, ...], shares: dict[int, int]
) -> None:
    """The first one counts for the best level of --prefer, or for 0; the last one for all that are worse than those named."""
    policy = SharePolicy(Settings(prefer=prefer, shares=(8, 4, 1)))
    assert {level: policy.share(level) for level in shares} == shares


def test_ageing_goes_on_within_the_shares() -> None:
    """It orders what may go; a level that waits keeps its share at least."""
    settings = Settings(
        delay_ns=SECOND, prefer=("/p2/",), shares=(3, 1), ageing_ns=SECOND, trap_rules=()
    )
    levels = asked(settings, {2: 12, 0: 4})
    assert [Counter(levels[n : n + 4]) for n in range(4, 16, 4)] == [Counter({2: 3, 0: 1})] * 3
