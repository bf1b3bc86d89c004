"""Domains that are given up, and the parts that remember each request: proved, and refuted where there is a mistake."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scraper_cpn.analysis import ExplorationLimits, Report
from scraper_cpn.net import Net
from scraper_cpn.scrape import colours as c
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.verify import verify_crawl
from tests.analysis.test_mistakes import Change, loses

PROXIES = tuple(c.Proxy(name, url=f"http://{name}") for name in ("p", "q"))
CLAIM = "G5 no request begins in a domain that was given up"


def proved(change: Change | None = None, **options: Any) -> Report:
    """What is proved of a crawl whose net may have been changed."""

    def made(policy: Policy) -> ScrapeNet:
        net = ScrapeNet(policy)
        if change is not None:
            change(net, policy)
        return net

    settings = Settings(**{"robots": "ignore", "concurrency": 1, "retries": 1, **options})
    return verify_crawl(settings, net=made, limits=ExplorationLimits(states=250_000))


def late(net: Net, _: Policy) -> None:
    """What waits for a domain that was given up is ended after everything else."""
    net.transitions["give_up"] = replace(net.transitions["give_up"], priority=9)


def broken(change: Change, **options: Any) -> dict[str, Any]:
    """What is not proved any more, by claim."""
    return {v.claim: v for v in proved(change, **options).verdicts if not v.ok}


@pytest.mark.slow
@pytest.mark.parametrize("trouble", [{"refusing_max_ns": None}, {"dead_after": 0}])
def test_a_request_in_a_domain_that_was_given_up_is_refuted(trouble: dict[str, Any]) -> None:
    """For each reason to give one up; the counterexample is replayed on a kernel."""
    verdict = broken(late, **trouble)[CLAIM]
    assert verdict.status == "refuted"
    assert "scrape_target" in verdict.story[-1]
    assert verdict.calls


@pytest.mark.slow
def test_a_url_of_a_domain_that_was_given_up_without_a_row_is_refused() -> None:
    """Its URLs end once, like all others."""
    claims = broken(loses("give_up", "Done", "failed_log"))
    assert any(claim.startswith("G5 a URL is in one place") for claim in claims), claims


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"proxies": PROXIES, "ban_status": (403,)},
        {"robots": "obey", "proxies": PROXIES, "ban_status": (403,)},
        {"robots": "obey", "sessions": 2},
    ],
    ids=lambda options: ", ".join(map(str, options)),
)
def test_parts_with_a_memory_are_proved(options: dict[str, Any]) -> None:
    """Routes of proxies, and sessions: two URLs with one attempt each, one URL with two."""
    report = proved(**options)
    assert report.ok, str(report)
    assert CLAIM in {verdict.claim for verdict in report.verdicts}


def test_crawls_that_are_equal_are_explored_once() -> None:
    """With one request at a time, those that have one at a time are no other crawls."""
    report = proved(retries=0, dead_after=0, refusing_max_ns=None)
    scopes = {verdict.scope for verdict in report.verdicts}
    assert scopes <= {"all sizes", "3 crawls of 1 or 2 URLs"}
