"""Whatever effects do, nothing is lost: crashes, deadlines passed and nonsense are data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mocks.inprocess import expected
from mocks.referee import judge
from scraper_cpn.scrape.colours import LOST, Failed, Proxy
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.virtual import VirtualWeb
from scraper_cpn.simulate.faults import Faults, faulty
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from tests.effort import effort
from tests.guarantees.crawls import MS, Case, cases, ended_urls, failures, stored
from tests.guarantees.subjects import Subject

SHARES = st.sampled_from([0.0, 0.1, 0.5])
FAULTS = st.builds(
    Faults,
    seed=st.integers(0, 1000),
    lost=SHARES,
    nonsense=SHARES,
    late=SHARES,
    late_ns=st.sampled_from([SECOND, 3600 * SECOND]),
)


def spoiled(faults: Faults) -> Any:
    def bound(web: VirtualWeb) -> Any:
        return faulty(web.effects(), faults)

    return bound


@settings(max_examples=effort(10, 400), suppress_health_check=[HealthCheck.too_slow])
@given(cases(), FAULTS)
def test_effects_that_fail_lose_nothing(subject: Subject, case: Case, faults: Faults) -> None:
    """At every step all is conserved (see `Watched`), the crawl ends, and each URL ends once."""
    done, _ = subject.watch(
        case.settings, SyntheticWeb(case.spec), case.seeds, effects=spoiled(faults)
    )
    assert done.run.ended == "finished"
    assert set(Counter(ended_urls(done.rows)).values()) == {1}


@settings(max_examples=effort(10, 400), suppress_health_check=[HealthCheck.too_slow])
@given(cases(), FAULTS)
def test_effects_that_fail_break_no_rule_that_the_crawl_knows_of(
    subject: Subject, case: Case, faults: Faults
) -> None:
    """G2, G3, G5, G8 hold; what was lost with an answer (its hold, its page) can't be kept."""
    spec = replace(case.spec, crawl_delay_ns=0)
    done = subject.crawl(case.settings, SyntheticWeb(spec), case.seeds, effects=spoiled(faults))
    gone = Counter(row.target.url for row in failures(done.rows) if row.kind == LOST)
    rules = replace(expected(case.settings), hold="none", lost=gone)
    found = [v for v in judge(done.log, rules).violations if v.kind != "fetched again"]
    assert not found, found[:3]


def test_a_page_that_is_lost_behind_the_fetch_is_fetched_again(subject: Subject) -> None:
    """What was lost on its way down the pipeline is in the log as lost, three times at most (G5)."""
    done = crawl_of_one(subject, Faults(lost=1.0), "parse")
    assert [(row.kind, row.target.attempt, row.final) for row in failures(done.rows)] == [
        ("lost", 1, False),
        ("lost", 2, False),
        ("lost", 3, True),
    ]
    assert [request.url for request in done.log] == ["http://h0.example/"] * 3


def test_an_effect_that_hangs_is_cut_off(subject: Subject) -> None:
    """A fetch that takes an hour is over at its deadline, and the next attempt succeeds."""
    calls = 0

    def bound(web: VirtualWeb) -> Any:
        effects = web.effects()

        def hang_once(*given: Any) -> tuple[int, Any]:
            nonlocal calls
            calls += 1
            takes_ns, outcome = effects["fetch"](*given)
            return (3600 * SECOND if calls == 1 else takes_ns), outcome

        return {**effects, "fetch": hang_once}

    case = one_page()
    done = subject.crawl(case.settings, SyntheticWeb(case.spec), case.seeds, effects=bound)
    assert [row.reason for row in failures(done.rows)] == ["took longer than its deadline"]
    assert stored(done.rows) == ["http://h0.example/"]


def one_page() -> Case:
    return Case(Settings(robots="ignore"), WebSpec(pages=1), ("http://h0.example/",))


def crawl_of_one(subject: Subject, faults: Faults, effect: str) -> Any:
    """A crawl of one page, one of whose effects is spoiled."""
    case = one_page()

    def bound(web: VirtualWeb) -> Any:
        effects = web.effects()
        return {**effects, effect: faulty({effect: effects[effect]}, faults)[effect]}

    return subject.crawl(case.settings, SyntheticWeb(case.spec), case.seeds, effects=bound)


@pytest.mark.parametrize("slots", [1, 2, 8])
def test_a_dead_proxy_costs_little_and_no_page(subject: Subject, slots: int) -> None:
    """A proxy that always fails rests longer and longer, and as a whole: all its slots do."""
    pool = tuple(Proxy(f"http://p{k}", f"http://p{k}", slots=slots) for k in range(3))

    def bound(web: VirtualWeb) -> Any:
        effects = web.effects()

        def dead(name: str) -> Any:
            def fetch(work: Any, proxy: Proxy, *given: Any) -> tuple[int, Any]:
                done = effects[name](work, proxy, *given)
                return (
                    (done[0], Failed("proxy", "it is dead"))
                    if proxy.proxy == pool[0].proxy
                    else done
                )

            return fetch

        return {**effects, "fetch": dead("fetch"), "robots": dead("robots")}

    web = SyntheticWeb(WebSpec(hosts=10, pages=30, latency_ns=50 * MS))
    limits = Settings(delay_ns=200 * MS, scope="any", proxies=pool)
    done = subject.crawl(limits, web, effects=bound)
    carried = Counter(request.proxy for request in done.log)
    assert len(stored(done.rows)) == 300
    assert 1 < carried["http://p0"] <= 3 * slots + 8


@pytest.mark.parametrize(("slots", "per_domain"), [(1, 1), (4, 1), (4, 2)])
def test_a_proxy_without_answers_is_told_from_a_domain_without_answers(
    slots: int, per_domain: int
) -> None:
    """One that brings nothing from many domains is sick, and rests; of one that is dead, the proxies are not blamed."""
    pool = tuple(Proxy(f"http://p{k}", f"http://p{k}", slots=slots) for k in range(3))
    sick = carried_by(pool, lambda _, proxy: proxy == "http://p0", per_domain)
    assert 3 <= sick["http://p0"] <= 3 * slots + 12
    assert sick["http://p1"] > 100
    alone = carried_by(pool[:2], lambda _, proxy: proxy == "http://p0", per_domain, hosts=1)
    assert alone["http://p0"] <= 3 * slots + 12 or per_domain > 1
    dead = carried_by(pool, lambda url, _: "//h0." in url, per_domain)
    assert min(dead.values()) > 80


def carried_by(
    pool: tuple[Proxy, ...], silent: Callable[[str, str], bool], per_domain: int, hosts: int = 10
) -> Counter[str | None]:
    """How many requests each proxy carries, where those that are *silent* have no answer."""

    def bound(web: VirtualWeb) -> Any:
        effects = web.effects()

        def spoiled(name: str) -> Any:
            def fetch(work: Any, proxy: Proxy, *given: Any) -> tuple[int, Any]:
                done = effects[name](work, proxy, *given)
                return (done[0], Failed("dropped", "")) if silent(work.url, proxy.proxy) else done

            return fetch

        return {**effects, "fetch": spoiled("fetch"), "robots": spoiled("robots")}

    web = SyntheticWeb(WebSpec(hosts=hosts, pages=300 // hosts, latency_ns=50 * MS))
    limits = Settings(delay_ns=200 * MS, scope="any", proxies=pool, per_domain=per_domain)
    return Counter(request.proxy for request in Subject().crawl(limits, web, effects=bound).log)
