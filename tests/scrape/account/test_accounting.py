"""What a crawl tells of itself while it waits for its hours, and when they have passed."""

import pytest

from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.scrape.account.accounting import Accounting
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.options.hours import hours
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import SECOND, Settings

HOUR = 3600 * SECOND


@pytest.fixture
def accounting() -> Accounting:
    """Of a crawl whose windows have all passed."""
    settings = Settings(hours=hours("22:00-06:00"))
    net = ScrapeNet(Policy(settings))
    return Accounting(Compiled(net), net, settings)


def test_the_view_says_until_when_every_domain_waits(accounting: Accounting) -> None:
    """By day it tells the opening, by night nothing."""
    (held,) = accounting.snapshot(15 * HOUR).holds
    assert (held.domain, held.reason) == ("every domain", "--hours")
    assert (held.until_ns, held.wait_ns) == (22 * HOUR, 7 * HOUR)
    assert accounting.snapshot(23 * HOUR).holds == ()


def test_a_crawl_without_a_window_says_so(accounting: Accounting) -> None:
    """It is spent, for that reason."""
    summary = accounting.summary("spent", 15 * HOUR, interrupted=False)
    assert summary.reason == "the windows of --hours that it knew have passed"
