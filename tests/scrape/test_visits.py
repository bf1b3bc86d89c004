"""What is sent on the next visit of a page, and what an answer to it means."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Checked, Failed, Fetched, Unchanged
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


def test_conditions_are_added_when_the_next_visit_is_due() -> None:
    """A page rests with its validators alone, and is asked for under them; those of an earlier visit are gone."""
    visits = Policy(Settings(revisit_ns=1)).requests.visits
    seed = Policy(Settings()).frontier.seed("http://h.example/")
    before = Visit(content="digest", etag='"1"', modified="then")
    page = asking(seed, Request(headers=(("X-Own", "a"),), visit=before))
    resting = visits.after_keeping(Checked(page, ()))
    assert resting is not None
    assert resting.request.headers == (("X-Own", "a"),)
    due = visits.due(resting)
    assert due.request.visit == resting.request.visit
    assert visits.due(due) == due
    asks = {"X-Own": "a", "If-None-Match": '"1"', "If-Modified-Since": "then"}
    assert dict(due.request.headers) == asks
    again = visits.after_unchanged(due)
    assert again is not None
    assert dict(visits.due(again).request.headers) == asks
