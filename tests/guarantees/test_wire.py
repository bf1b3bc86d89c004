"""G2 to G5, G7 and G8: whatever the web and the settings are, the referee finds nothing."""

from collections import Counter

from hypothesis import HealthCheck, given, settings

from mocks.inprocess import expected
from mocks.referee import judge
from scraper_cpn.simulate.web import ROBOTS_PATHS, SyntheticWeb
from tests.effort import effort
from tests.guarantees.crawls import Case, cases, ended_urls, failures, stored
from tests.guarantees.subjects import Subject

SLOW_DATA = [HealthCheck.too_slow, HealthCheck.data_too_large]
NOT_ASKED = ("robots", "unreachable", "address")
"""Kinds of rows without a request for a page: URLs denied or at addresses that are refused, and attempts at a robots.txt."""


@settings(max_examples=effort(20, 1_000), suppress_health_check=SLOW_DATA)
@given(cases())
def test_a_crawl_without_an_end_stores_every_page_once_and_breaks_no_rule(
    subject: Subject, case: Case
) -> None:
    """G2-G5, G8: no violation to the nanosecond, and what is stored is what can be reached, once."""
    done = subject.crawl(case.settings, SyntheticWeb(case.spec), case.seeds)
    assert done.run.ended == "finished"
    assert sorted(stored(done.rows)) == sorted(case.reachable)
    verdict = judge(done.log, expected(case.settings, tuple(case.reachable)))
    assert not verdict.violations, verdict.violations[:3]


@settings(max_examples=effort(15, 800), suppress_health_check=SLOW_DATA)
@given(cases(ending=True))
def test_a_crawl_with_budgets_breaks_no_rule(subject: Subject, case: Case) -> None:
    """G2-G5, G7, G8 hold for quotas, leases, pages, depth and time as well, whichever ends first."""
    done = subject.crawl(case.settings, SyntheticWeb(case.spec), case.seeds)
    assert done.run.ended in ("finished", "spent")
    verdict = judge(done.log, expected(case.settings))
    assert not verdict.violations, verdict.violations[:3]
    assert len(set(stored(done.rows))) == len(stored(done.rows))
    assert set(stored(done.rows)) <= set(case.reachable)


@settings(max_examples=effort(15, 800), suppress_health_check=SLOW_DATA)
@given(cases())
def test_every_request_has_a_row_and_every_url_one_end(subject: Subject, case: Case) -> None:
    """G5: a request for a page ends in a row, of the failed log or stored; no URL ends twice."""
    done = subject.crawl(case.settings, SyntheticWeb(case.spec), case.seeds)
    pages = [r.url for r in done.log if not r.url.endswith(ROBOTS_PATHS)]
    rows = [row.target.url for row in failures(done.rows) if row.kind not in NOT_ASKED]
    assert Counter(pages) == Counter(rows + stored(done.rows))
    assert set(Counter(ended_urls(done.rows)).values()) == {1}


@settings(max_examples=effort(10, 250), suppress_health_check=SLOW_DATA)
@given(cases(ending=True))
def test_at_every_step_proxies_permits_urls_and_bounds_are_as_they_must_be(
    subject: Subject, case: Case
) -> None:
    """G1, G5, G6: at every moment each proxy, permit and URL is somewhere, once; no stage is over."""
    done, watched = subject.watch(case.settings, SyntheticWeb(case.spec), case.seeds)
    assert watched.markings > done.run.firings
