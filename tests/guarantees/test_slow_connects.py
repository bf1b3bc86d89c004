"""G2 and G7 where a request takes long to connect: what a domain, or the deadline, says meanwhile counts."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from mocks.inprocess import Crawled, expected
from mocks.referee import judge
from scraper_cpn.scrape.colours import Fetched, Response, Target, Throttled
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.virtual import EPOCH_NS, VirtualWeb
from scraper_cpn.simulate.driver import Connecting, SlowEffect, VirtualEffect
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from tests.effort import effort
from tests.guarantees.crawls import Case, cases, failures, stored
from tests.guarantees.subjects import Subject

SLOW_DATA = [HealthCheck.too_slow, HealthCheck.data_too_large]
HOST = "http://h0.example"


def slowly(web: VirtualWeb) -> Mapping[str, VirtualEffect | SlowEffect]:
    """The effects of a web to which each request connects in 0 to 1.5 seconds."""
    effects = web.effects()

    def slow(name: str) -> SlowEffect:
        def connecting(work: Any, proxy: Any, domain: Any, now_ns: int) -> Connecting:
            digest = blake2b(f"{work.url} {now_ns}".encode(), digest_size=2).digest()
            wait_ns = int.from_bytes(digest, "big") % 4 * SECOND // 2
            return Connecting(wait_ns, lambda at_ns: effects[name](work, proxy, domain, at_ns))

        return connecting

    return {**effects, "fetch": slow("fetch"), "robots": slow("robots")}


@settings(max_examples=effort(10, 600), suppress_health_check=SLOW_DATA)
@given(cases())
def test_a_crawl_over_slow_connects_breaks_no_rule(subject: Subject, case: Case) -> None:
    """G2-G5, G8: on the wire no gap is too short, no hold is broken, and every page is stored once."""
    done = subject.crawl(case.settings, SyntheticWeb(case.spec), case.seeds, effects=slowly)
    assert done.run.ended == "finished"
    verdict = judge(done.log, expected(case.settings, tuple(case.reachable)))
    assert not verdict.violations, verdict.violations[:3]
    assert sorted(stored(done.rows)) == sorted(case.reachable)


@settings(max_examples=effort(10, 400), suppress_health_check=SLOW_DATA)
@given(cases(ending=True))
def test_a_crawl_that_ends_early_over_slow_connects_breaks_no_rule(
    subject: Subject, case: Case
) -> None:
    """G7: no request is on the wire after the deadline, and budgets are exact."""
    done = subject.crawl(case.settings, SyntheticWeb(case.spec), case.seeds, effects=slowly)
    verdict = judge(done.log, expected(case.settings))
    assert not verdict.violations, verdict.violations[:3]


class Wire:
    """Two pages of one host: the first is throttled after 2 s, the second connects for 5 s."""

    def __init__(self) -> None:
        self.starts: list[tuple[str, int]] = []

    def effects(self, web: VirtualWeb) -> Mapping[str, Any]:
        def fetch(target: Target, _: Any, __: Any, now_ns: int) -> Connecting:
            first = target.url == f"{HOST}/1"
            return Connecting(
                0 if first or self._asked(target.url) else 5 * SECOND,
                lambda at_ns: self._answer(target.url, at_ns),
            )

        return {**web.effects(), "fetch": fetch}

    def _asked(self, url: str) -> bool:
        return any(each == url for each, _ in self.starts)

    def _answer(self, url: str, at_ns: int) -> tuple[int, Any]:
        self.starts.append((url, (at_ns - EPOCH_NS) // SECOND))
        if len(self.starts) == 1:
            return 2 * SECOND, Throttled(429, 60 * SECOND)
        response = Response(
            url=url, status=200, content_type="text/html", charset=None, body=b"",
            fetched_at_ns=at_ns, elapsed_ns=0,
        )  # fmt: skip
        return SECOND, Fetched(response)


def _crawl(subject: Subject, wire: Wire, chosen: Settings) -> Crawled:
    seeds = (f"{HOST}/1", f"{HOST}/2")
    return subject.crawl(chosen, SyntheticWeb(WebSpec(pages=1)), seeds, effects=wire.effects)


def test_a_request_that_connects_when_its_domain_is_throttled_is_not_written(
    subject: Subject,
) -> None:
    """G2: the second waits with the first until the hold is over, and it costs no attempt."""
    wire, chosen = Wire(), Settings(robots="ignore", per_domain=2)
    done = _crawl(subject, wire, chosen)
    assert wire.starts[0] == (f"{HOST}/1", 0)
    assert sorted(url for url, at_s in wire.starts[1:] if at_s >= 62) == [f"{HOST}/1", f"{HOST}/2"]
    assert [row.kind for row in failures(done.rows)] == ["throttled"]
    assert len(stored(done.rows)) == 2


def test_a_request_that_connects_at_the_deadline_is_not_written(subject: Subject) -> None:
    """G7: it goes back unharmed, and the crawl is spent."""
    wire, chosen = Wire(), Settings(robots="ignore", per_domain=2, max_time_ns=4 * SECOND)
    done = _crawl(subject, wire, replace(chosen, backoff_scope="url"))
    assert [at_s for _, at_s in wire.starts] == [0]
    assert done.run.ended == "spent"
