"""Requests start in the windows of `--hours` only, in virtual time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from mocks.inprocess import Crawled, crawl
from scraper_cpn.net.compiled.kernel import Compiled
from scraper_cpn.net.interpreted.interpreter import Interpreter
from scraper_cpn.scrape.colours import Failure, Target
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import open_crawl
from scraper_cpn.scrape.options.hours import hours
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import SECOND, Settings, Site
from scraper_cpn.scrape.verify import verify_crawl
from scraper_cpn.scrape.virtual import EPOCH_NS, VirtualWeb, virtual_crawl, virtual_partitions
from scraper_cpn.simulate.driver import Connecting, SlowEffect, VirtualEffect
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from tests.guarantees.crawls import MS, stored

WEB = SyntheticWeb(WebSpec(hosts=2, pages=16, links=6, latency_ns=900 * MS))
ONE_PAGE = SyntheticWeb(WebSpec(pages=1))
MINUTE, DAY = 60 * SECOND, 86_400 * SECOND


def crawled(given: str, web: SyntheticWeb = WEB, **more: Any) -> Crawled:
    """A crawl that requests a page of each host every ten minutes. It begins at 22:13:20 UTC on a Tuesday."""
    settings = Settings(hours=hours(given), delay_ns=10 * MINUTE, robots="ignore")
    return crawl(settings, web, **more)


def test_a_crawl_goes_on_in_the_next_nights() -> None:
    """It takes three nights for its pages, and every host is asked again as soon as the window opens."""
    done = crawled("22:00-23:00")
    assert (done.run.ended, len(stored(done.rows))) == ("finished", 32)
    times = [datetime.fromtimestamp(each.start_ns / SECOND, UTC) for each in done.log]
    nights = Counter(each.strftime("%a") for each in times)
    assert nights == {"Tue": 2 * 5, "Wed": 2 * 6, "Thu": 2 * 5}
    assert {each.hour for each in times} == {22}
    assert min(times[10:]).strftime("%H:%M:%S") == "22:00:00"


def test_days_are_those_on_which_a_window_opens() -> None:
    """What does not fit into the night of Wednesday waits for the next week."""
    done = crawled("Wed 23:00-00:50")
    days = {(each.start_ns - EPOCH_NS) // DAY for each in done.log}
    assert (done.run.ended, days) == ("finished", {1, 8})


def slowly(web: VirtualWeb) -> Mapping[str, VirtualEffect | SlowEffect]:
    """The effects of a web to which a connection takes 50 seconds."""
    effects = web.effects()

    def fetch(target: Target, proxy: Any, domain: Any, _: int) -> Connecting:
        fetched = effects["fetch"]
        return Connecting(50 * SECOND, lambda at_ns: fetched(target, proxy, domain, at_ns))

    return {**effects, "fetch": fetch}


def test_a_connection_that_is_there_after_the_closing_brings_no_request() -> None:
    """Begun at 22:13:20, it would bring one at 22:14:10; the page is requested in the next night instead."""
    done = crawled("22:13-22:14", seeds=("http://h0.example/",), effects=slowly, web=ONE_PAGE)
    (start_ns,) = [each.start_ns for each in done.log]
    assert start_ns == EPOCH_NS + DAY + 30 * SECOND
    assert done.run.ended == "finished"


@pytest.mark.parametrize("kernel", [Compiled, Interpreter])
def test_a_late_firing_does_not_shift_a_window(kernel: type[Compiled | Interpreter]) -> None:
    """After a machine's sleep to the next noon the window opens and closes when it would have."""
    net = ScrapeNet(Policy(Settings(hours=hours("20:00-21:00"), robots="ignore"), ("h0.example",)))
    running, noon_ns = kernel(net), EPOCH_NS + DAY // 2
    open_crawl(running, net, [net.policy.frontier.seed("http://h0.example/")], EPOCH_NS)
    opens_ns = EPOCH_NS + DAY - 133 * MINUTE - 20 * SECOND
    late = running.step(noon_ns)
    assert (late.firings, late.wake_ns) == ((), opens_ns)
    assert not running.step(opens_ns - 1).firings
    before = running.count("open_hours")
    assert not running.step(opens_ns + 60 * MINUTE).firings
    assert running.count("open_hours") == before - 1
    assert len(running.step(opens_ns + DAY).firings) == 1


def test_without_the_option_there_is_no_place() -> None:
    """What is off costs nothing."""
    assert "open_hours" not in ScrapeNet(Policy(Settings())).places


@pytest.mark.slow
def test_no_start_outside_of_the_hours_is_proved() -> None:
    """The claim holds in every order, and with it all others."""
    given = Settings(hours=hours("1:00-2:00"), robots="ignore", retries=0)
    verdicts = {verdict.claim: verdict.status for verdict in verify_crawl(given).verdicts}
    assert verdicts["G2 no start outside of --hours"] == "proved"
    assert set(verdicts.values()) == {"proved"}, verdicts


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_domain_has_hours_of_its_own(partitions: int) -> None:
    """Each request is in the hours of its domain and in those of the crawl; other domains have the crawl's alone."""
    settings = Settings(
        hours=hours("22:00-23:00"),
        sites=(Site(name="h0.example", hours=hours("22:30-01:00")),),
        delay_ns=10 * MINUTE,
        scope="any",
    )
    by: Any = partial(virtual_partitions, partitions=partitions)
    done = crawl(settings, WEB, by=virtual_crawl if partitions == 1 else by)
    assert (done.run.ended, len(stored(done.rows))) == ("finished", 32)
    starts = [(each.url, datetime.fromtimestamp(each.start_ns / SECOND, UTC)) for each in done.log]
    own = [at.strftime("%H:%M") for url, at in starts if "h0.example" in url]
    others = [at.strftime("%H:%M") for url, at in starts if "h1.example" in url]
    assert min(own) == "22:30"
    assert min(others) == "22:00"
    assert max(own + others) < "23:00"


@pytest.mark.parametrize("kernel", [Compiled, Interpreter])
def test_a_domain_whose_hours_have_passed_is_given_up(kernel: Any) -> None:
    """A crawl knows the windows of a year: after the last one, the URLs of its domain end with the reason."""
    settings = Settings(
        sites=(Site(name="h0.example", hours=hours("Wed 12:00-24:00")),),
        delay_ns=DAY * 6,
        robots="ignore",
    )
    done = crawl(settings, SyntheticWeb(WebSpec(pages=60, links=60)), kernel=kernel)
    assert done.run.ended == "finished"
    failed = [row.colour for row in done.rows if isinstance(row.colour, Failure)]
    assert {(each.kind, each.reason) for each in failed} == {
        ("given up", "the windows of its hours that the crawl knew have passed")
    }
    assert len(stored(done.rows)) >= 50
    assert len(failed) + len(stored(done.rows)) == 60


@pytest.mark.slow
def test_hours_of_domains_bring_their_claim() -> None:
    """No request starts outside of them, also where a connection takes longer than the window."""
    site = Site(name="a.example", hours=hours("0:00-1:00"))
    net = ScrapeNet(Policy(Settings(sites=(site,))))
    assert "hours of domains" in net.parts
    assert (
        "hours of domains" not in ScrapeNet(Policy(Settings(sites=(Site(name="a.example"),)))).parts
    )
    report = verify_crawl(Settings(sites=(site,), robots="ignore", retries=0, concurrency=1))
    claims = {verdict.claim: verdict.status for verdict in report.verdicts}
    assert claims["G2 no start outside of the hours of its domain"] == "proved"
    assert set(claims.values()) == {"proved"}
