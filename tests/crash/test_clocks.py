"""A clock that is wrong when a crawl goes on: no pause is cut short on the wire, none lasts an hour."""

from pathlib import Path

import pytest

from mocks.referee import Expectations, judge
from mocks.wirelog import read_log
from scraper_cpn.simulate.web import SyntheticWeb
from tests.crash.book import replayed
from tests.crash.command import served
from tests.crash.lives import Lives
from tests.crash.under import under

pytestmark = pytest.mark.slow

MS = 1_000_000
HOUR_S = 3600
DELAY_MS = 1000
"""Longer than the command takes to start, so that what is left of a pause shows."""
WEB = (
    *("--hosts", "6", "--pages", "4", "--proxies", "2", "--fail", "0.4", "--retry-after", "2"),
    *("--fail-kinds", "503 seconds,429 date,500", "--fail-times", "1"),
)
CRAWL = ("--state", "crawl.db", "--delay", f"{DELAY_MS}ms", "--backoff", "50ms", "--retries", "20")
STEPS_S = (0, -HOUR_S, HOUR_S, 0)
"""How far the wall clock is off in each life."""
BOOTS = {"one boot": False, "another boot": True}


@pytest.mark.parametrize("boots", BOOTS.values(), ids=BOOTS)
def test_pauses_hold_whatever_the_clock_says(boots: bool, tmp_path: Path) -> None:
    """The wall clock steps by an hour between lives, with and without a reboot of the machine.

    Within one boot every hold is waited out as if nothing had happened. After another boot only
    clocks say how long the machine was away: the pauses between requests hold all the same.
    """
    lives = Lives(tmp_path)
    with served(tmp_path / "wire.jsonl", *WEB) as web:
        proxies = [word for name in web.proxies for word in ("-x", name)]
        words: tuple[str, ...] = (*web.seeds, *proxies, *CRAWL)
        for number, wall_s in enumerate(STEPS_S):
            boot = {"boot": f"boot {number}", "since_boot_s": 60} if boots else {}
            before = under(wall_s=wall_s, **boot)
            if number < 3:
                lives.kill(words, 5, before=before)
            else:
                assert lives.live((*words, "-q"), before=before).code == 0
            words = ("resume", "crawl.db")
        requests = web.requests()
    book = lives.books[-1]
    assert set(book.stored) == set(_web(web.log).reach(scope="domain", attempts=9))
    assert replayed(lives.state) > 0
    lives.check_wire(requests)
    rules = Expectations(
        delay_ns=DELAY_MS * MS,
        per_domain=1,
        hold="none" if boots else "domain",
        attempts=21,
        deaths=tuple(lives.deaths),
    )
    verdict = judge(requests, rules)
    assert [each.message for each in verdict.violations] == []


def _web(log: Path) -> SyntheticWeb:
    spec = read_log(log)[0].spec
    assert spec is not None
    return SyntheticWeb(spec)
