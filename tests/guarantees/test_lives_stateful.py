"""G1, G4, G5, G9 as a machine: submit, work, crash, wait, reboot and go on, in any order."""

from __future__ import annotations

from random import Random

import anyio
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from mocks.inprocess import expected
from mocks.referee import judge
from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from tests.effort import effort
from tests.guarantees.crawls import MS
from tests.guarantees.lives import Lives
from tests.guarantees.test_lives import alive, consistent

STEPS = 6
SPEC = WebSpec(
    hosts=3, pages=8, links=2, fail=0.3, fail_times=2, latency_ns=50 * MS, busy_hosts=1,
    busy_requests=1, retry_after_s=2, crawl_delay_ns=SECOND, robots=("allow", "delay"),
)  # fmt: skip
POOL = (
    Proxy("http://p0", "http://p0", delay_ns=100 * MS, quota=500),
    Proxy("http://p1", "http://p1", slots=2),
)
URLS = sorted(SyntheticWeb(SPEC).reach(scope="any", attempts=4, max_redirects=10))


class Crashes(RuleBasedStateMachine):
    """A crawl of one page, to which others are submitted while it works, dies and goes on."""

    @initialize(seed=st.integers(0, 1000))
    def begin(self, seed: int) -> None:
        crawl = Settings(
            delay_ns=300 * MS, concurrency=3, retries=4 + STEPS, backoff_ns=100 * MS, scope="any",
            timeout_ns=2 * SECOND, proxies=POOL,
        )  # fmt: skip
        self.lives = Lives(crawl, SyntheticWeb(SPEC), (URLS[0],), Random(seed))

    @rule(
        moments=st.integers(0, 30) | st.integers(0, 200),
        urls=st.lists(st.tuples(st.integers(0, 2 * SECOND), st.sampled_from(URLS)), max_size=3),
    )
    def live(self, moments: int, urls: list[tuple[int, str]]) -> None:
        """Work until so many moments have passed, and die."""
        anyio.run(self.lives.live, moments, urls)

    @rule(away_ns=st.sampled_from([SECOND, 3600 * SECOND]))
    def wait(self, away_ns: int) -> None:
        """Nobody runs."""
        self.lives.machine.true_ns += away_ns

    @rule(behind_ns=st.sampled_from([0, SECOND, 3600 * SECOND]))
    def reboot(self, behind_ns: int) -> None:
        """Another boot; the wall clock may be behind."""
        self.lives.machine.reboot(-behind_ns)

    @invariant()
    def all_is_somewhere_once(self) -> None:
        """URLs, what was acknowledged, and proxies."""
        alive(self.lives)
        durable = self.lives.restored().durable
        known = set(durable.seen.get("seen", ()))
        for token in durable.tokens.values():
            if token.place == "found":
                known |= {target.url for target in token.colour.targets}
        assert self.lives.submitted <= known
        proxies = sorted(
            t.colour.proxy for t in durable.tokens.values() if t.place == "available_proxies"
        )
        assert proxies in ([], ["http://p0", "http://p1", "http://p1"])

    def teardown(self) -> None:
        """Go on to the end: what was submitted has ended, and no rule was broken in any life."""
        if not hasattr(self, "lives"):
            return
        anyio.run(self.lives.live)
        assert self.lives.ended == "finished"
        ended = {*self.lives.stored(), *(r.target.url for r in self.lives.failures() if r.final)}
        assert {URLS[0], *self.lives.submitted} <= ended
        rules = replace(expected(self.lives.settings), max_time_ns=None)
        found = judge(self.lives.log, rules).violations
        assert not found, found[:3]
        consistent(self.lives)


Crashes.TestCase.settings = settings(
    max_examples=effort(6, 130),
    stateful_step_count=STEPS,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestCrashes = Crashes.TestCase
