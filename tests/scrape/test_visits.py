"""What is sent on the next visit of a page, and what an answer to it means."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Failed, Fetched, Unchanged
from scraper_cpn.scrape.fetch.answers import visit_outcome
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.frontier import asking
from scraper_cpn.scrape.policy.visits import state_of
from scraper_cpn.scrape.request import Request, Visit
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.state.packing import GONE


@pytest.mark.parametrize(
    ("etag", "sent"),
    [
        ('W/"a b"', 'W/"a b"'),
        ("unquoted", "unquoted"),
        ("\u00fc", ""),
        ("a\rHost: b", ""),
        ("a" * 9000, ""),
    ],
)
def test_a_validator_that_no_header_can_have_is_not_sent(etag: str, sent: str) -> None:
    """Any other is sent as it came: servers compare it with their own."""
    assert state_of(Fetched(replace(GONE, headers=(("etag", etag),)))).etag == sent


@pytest.mark.parametrize("kept", ["", "digest"])
def test_a_304_counts_for_a_page_that_was_kept(kept: str) -> None:
    """Before that nothing was asked under a condition, and it is a failure."""
    seed = Policy(Settings()).frontier.seed("http://h.example/")
    target = asking(seed, Request(visit=Visit(kept=kept)))
    outcome = visit_outcome(target, Failed("http", "HTTP 304", 304))
    assert isinstance(outcome, Unchanged if kept else Failed)
