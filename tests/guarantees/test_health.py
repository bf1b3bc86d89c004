"""Domains that don't answer, or only refuse: asked once per growing pause, given up at last, in virtual time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from scraper_cpn.net import Row
from scraper_cpn.scrape.colours import (
    Domain,
    Failed,
    Failure,
    Fetched,
    Proxy,
    Redirected,
    Response,
    Stored,
    Target,
    Throttled,
    Wired,
)
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.health import PROBES_MAX
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.state.packing import GONE
from scraper_cpn.scrape.virtual import VirtualWeb, virtual_crawl
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec

Answers = Callable[[Target, int], Any]
TIMEOUT_NS = 30 * SECOND
DEAD = Failed("timeout", "no complete answer in time")


class Done:
    """A crawl of 30 pages each of two domains, of which the first one answers with *answers*.

    *answers* is given a target and the number of requests for that domain before; None is a page. A request without
    an answer is noticed *late_ns* after its timeout.
    """

    def __init__(self, answers: Answers, late_ns: int = 0, **options: Any) -> None:
        self._late_ns = late_ns
        self.starts: list[int] = []
        self.rows: list[Row] = []
        self._answers = answers
        seeds = [f"http://{host}.test/{n}" for host in ("odd", "well") for n in range(30)]
        settings = Settings(robots="ignore", **options)
        self.run = virtual_crawl(
            settings,
            SyntheticWeb(WebSpec()),
            seeds,
            on_rows=self.rows.extend,
            effects=lambda web: {**web.effects(), "fetch": self._fetch},
        )

    def _fetch(self, target: Target, _: Proxy, __: Domain, now_ns: int) -> tuple[int, Any]:
        if target.domain == "odd.test":
            self.starts.append(now_ns)
            outcome = self._answers(target, len(self.starts) - 1)
            if outcome is not None:
                return TIMEOUT_NS + self._late_ns if outcome is DEAD else SECOND // 10, outcome
        return SECOND // 10, Fetched(page(target.url))

    @property
    def ends(self) -> dict[str, int]:
        """How the URLs ended, by kind."""
        found: dict[str, int] = {}
        for row in self.rows:
            colour = row.colour
            if isinstance(colour, Stored):
                found["stored"] = found.get("stored", 0) + 1
            elif isinstance(colour, Failure) and colour.final:
                found[colour.kind] = found.get(colour.kind, 0) + 1
        return found


def page(url: str) -> Response:
    return Response(
        url=url, status=200, content_type="text/html", charset=None, body=b"", fetched_at_ns=0, elapsed_ns=1
    )  # fmt: skip


@pytest.mark.parametrize(("per_domain", "late_ns"), [(1, 0), (3, 0), (3, SECOND)])
def test_a_dead_domain_is_given_up(per_domain: int, late_ns: int) -> None:
    """30 pages that hang take 16 requests; the last ones come one at a time after growing pauses.

    That also holds if a busy crawl notices late that a request has taken too long.
    """
    done = Done(lambda *_: DEAD, late_ns=late_ns, per_domain=per_domain)
    assert done.run.ended == "finished"
    assert len(done.starts) <= 10 + PROBES_MAX + per_domain - 1
    probes = done.starts[-PROBES_MAX:]
    gaps = [later - earlier - TIMEOUT_NS for earlier, later in pairwise(probes)]
    assert all(gap >= 4 * SECOND for gap in gaps)
    assert gaps[-1] >= 30 * SECOND
    assert done.ends["given up"] >= 15
    assert done.ends["stored"] == 30
    assert sum(done.ends.values()) == 60
    assert sum(row.sink == "holds" for row in done.rows) == PROBES_MAX


@pytest.mark.parametrize(("at", "times"), [(0, 9), (3, 12), (20, 5)])
def test_an_answer_forgives(at: int, times: int) -> None:
    """A domain that answers again, even after some pauses, is fetched to its end."""
    done = Done(lambda _, n: DEAD if at <= n < at + times else None, retries=20)
    assert done.ends == {"stored": 60}
    assert len(done.starts) == 30 + times


def test_other_failures_are_answers() -> None:
    """An error of the server, of a proxy or of the page is no silence."""
    gone = Failed("http", "HTTP 404 Not Found", 404, retry=False)
    proxy = Failed("proxy", "no connection to the proxy", retry=False)
    done = Done(lambda _, n: (gone, DEAD, proxy)[n % 3], retries=0)
    assert done.ends == {"http": 10, "timeout": 10, "proxy": 10, "stored": 30}
    never = Done(lambda *_: DEAD, retries=2, dead_after=0)
    assert (never.ends["timeout"], len(never.starts)) == (30, 90)


@pytest.mark.parametrize(
    "refusal", [Throttled(429, None), Throttled(503, 120 * SECOND), Throttled(403, 1)]
)
def test_a_domain_that_refuses_for_ever_is_given_up(refusal: Throttled) -> None:
    """After 15 minutes of refusals in a row the rest is not asked for any more."""
    done = Done(lambda *_: refusal, retries=1000)
    assert done.run.ended == "finished"
    assert done.ends == {"given up": 30, "stored": 30}
    assert 900 * SECOND <= done.starts[-1] - done.starts[0] <= 2500 * SECOND


def test_a_domain_that_refuses_at_times_is_not() -> None:
    """An answer between refusals begins a new series, however long they go on."""
    done = Done(lambda _, n: Throttled(429, 300 * SECOND) if n % 3 == 0 else None, retries=100)
    assert done.ends == {"stored": 60}


def test_a_pause_that_is_too_long() -> None:
    """With `--retry-after-max` a domain that asks for more is given up at once."""
    done = Done(lambda *_: Throttled(429, 7200 * SECOND), retry_after_max_ns=3600 * SECOND)
    assert (done.ends, len(done.starts)) == ({"given up": 30, "stored": 30}, 1)
    obeyed = Done(lambda _, n: Throttled(429, 7200 * SECOND) if n == 0 else None)
    assert obeyed.ends == {"stored": 60}
    assert obeyed.starts[1] - obeyed.starts[0] >= 7200 * SECOND


def test_a_slow_server_is_asked_more_slowly() -> None:
    """With `--adaptive 25%` a server that takes two seconds is asked every eight, a quick one as before."""
    slow = replace(page("http://odd.test/"), elapsed_ns=2 * SECOND, wired=Wired(1, 1, 2 * SECOND))
    quick = replace(slow, elapsed_ns=2 * SECOND, wired=Wired(1, 1, SECOND // 100))
    done = Done(lambda _, n: Fetched(slow if n < 10 else quick), adaptive=0.25)
    assert done.ends == {"stored": 60}
    gaps = [later - earlier for earlier, later in pairwise(done.starts)]
    assert all(gap >= 8 * SECOND for gap in gaps[1:9])
    assert all(gap < 1.1 * SECOND for gap in gaps[15:])
    plain = Done(lambda _, n: Fetched(slow))
    assert max(later - earlier for earlier, later in pairwise(plain.starts)) < 1.1 * SECOND


def test_a_redirect_that_asks_to_wait() -> None:
    """The next hop waits for its Retry-After; the domain goes on."""
    hop = Redirected(302, "http://odd.test/next", 60 * SECOND)
    done = Done(lambda target, _: hop if target.url.endswith("/0") else None)
    assert done.ends == {"redirected": 1, "stored": 60}
    assert done.starts[-1] - done.starts[0] >= 60 * SECOND
    assert done.starts[-2] - done.starts[0] < 40 * SECOND


def hosts_that_die(
    dies: Mapping[str, int], **options: Any
) -> tuple[list[tuple[int, str]], list[Failure], int, str]:
    """A crawl of 20 pages each of three hosts of a domain, which die after so many requests.

    Returns when which host was asked, the final failures, the number of stored pages, and how the crawl ended.
    """
    asked: list[tuple[int, str]] = []
    rows: list[Row] = []

    def effects(web: VirtualWeb) -> Mapping[str, Any]:
        def fetch(target: Target, _: Proxy, __: Domain, now_ns: int) -> tuple[int, Any]:
            before = sum(host == target.host for _, host in asked)
            asked.append((now_ns, target.host))
            if before >= dies.get(target.host, 1000):
                return TIMEOUT_NS, DEAD
            return 10_000_000, Fetched(replace(GONE, url=target.url, status=200, body=b"x"))

        return {**web.effects(), "fetch": fetch}

    seeds = [f"http://{host}.odd.test/{n}" for n in range(20) for host in "abc"]
    settings = Settings(**{"robots": "ignore", "delay_ns": SECOND, **options})
    run = virtual_crawl(
        settings, SyntheticWeb(WebSpec()), seeds, on_rows=rows.extend, effects=effects
    )
    failed = [row.colour for row in rows if isinstance(row.colour, Failure) and row.colour.final]
    stored = sum(isinstance(row.colour, Stored) for row in rows)
    return asked, failed, stored, str(run.ended)


def test_hosts_of_a_domain_die_one_by_one() -> None:
    """Each that alone is silent is given up after so many requests; the others go on, at their pace."""
    asked, failed, stored, ended = hosts_that_die(
        {"a.odd.test": 0, "b.odd.test": 8}, dead_host_after=5
    )
    assert (ended, stored + len(failed)) == ("finished", 60)
    times = Counter(host for _, host in asked)
    assert (times["a.odd.test"], times["b.odd.test"], times["c.odd.test"]) == (5, 13, 20)
    reasons = Counter(each.reason for each in failed if each.kind == "given up")
    said = "5 requests in a row to {} had no answer, while other hosts of its domain answered"
    assert set(reasons) == {said.format("a.odd.test"), said.format("b.odd.test")}
    assert all(each.retry for each in failed if each.kind == "given up")


def test_a_domain_that_is_silent_as_a_whole_is_no_matter_of_its_hosts() -> None:
    """Nobody answers, which may be our own network: the domain is asked with growing pauses, and given up at last."""
    dead = dict.fromkeys(("a.odd.test", "b.odd.test", "c.odd.test"), 0)
    _, failed, _, ended = hosts_that_die(dead, dead_host_after=3)
    assert ended == "finished"
    given_up = [each.reason.partition(" ")[2] for each in failed if each.kind == "given up"]
    assert set(given_up) == {"requests in a row had no answer"}


def test_without_the_option_dead_hosts_cost_all_their_attempts() -> None:
    """Other hosts of the domain answer, so that it never counts as dead."""
    asked, failed, _, _ = hosts_that_die({"a.odd.test": 0})
    assert sum(host == "a.odd.test" for _, host in asked) == 60
    assert {each.kind for each in failed} == {"timeout"}
    assert "silence" not in ScrapeNet(Policy(Settings())).parts


@pytest.mark.parametrize("others", [{}, {"host_delay_ns": SECOND}, {"per_address": 2}])
def test_dead_hosts_break_no_guarantee(others: dict[str, Any]) -> None:
    """Whatever a request comes to, and with the other limits by host."""
    asked, _, stored, ended = hosts_that_die(
        {"b.odd.test": 3}, dead_host_after=4, per_domain=2, **others
    )
    assert (ended, stored) == ("finished", 43)
    assert sum(host == "b.odd.test" for _, host in asked) in (7, 8)
