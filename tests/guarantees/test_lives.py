"""G9: a crawl that is killed at any moment, as often as one likes, goes on as if it had only been slow."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import anyio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from mocks.inprocess import expected
from mocks.referee import Expectations, ProxyRule, Violation, judge
from mocks.wirelog import DIRECT
from scraper_cpn.scrape.colours import LOST, Raw, Target
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.virtual import VirtualWeb
from scraper_cpn.simulate.web import ROBOTS_PATHS, SyntheticWeb, WebSpec
from tests.effort import effort
from tests.guarantees.crawls import Case, cases
from tests.guarantees.lives import Killed, Lives

LIVES = effort(12, 400)
"""Crawls of each test; thousands are for a night."""
DEATHS = 4
MOMENTS = st.lists(st.integers(0, 60) | st.integers(0, 600), max_size=DEATHS)
SETTINGS = settings(
    max_examples=LIVES, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def lived(case: Case, moments: list[int], seed: int) -> Lives:
    """A crawl that was killed after so many moments of each life, and ended in one more."""
    random = Random(seed)
    lives = Lives(case.settings, SyntheticWeb(case.spec), case.seeds, random)

    async def live() -> None:
        for number in moments:
            await lives.live(number)
            if lives.ended is not None:
                return
            alive(lives)
            pass_time(lives, random)
        await lives.live()

    anyio.run(live)
    return lives


def pass_time(lives: Lives, random: Random) -> None:
    """Nothing, some time, or a reboot after which the wall clock may be behind."""
    machine = lives.machine
    machine.true_ns += random.choice([0, 0, random.randrange(5 * SECOND)])
    leases = any(proxy.not_before_ns or proxy.not_after_ns for proxy in lives.settings.proxies)
    if random.random() < 0.4:
        machine.reboot(0 if leases else random.choice([0, -random.randrange(3600 * SECOND)]))


def alive(lives: Lives) -> None:
    """G4, G5: each URL that was seen is in one place, or has ended, once; what was durable is there."""
    known = lives.known()
    assert all(known.get(name, 0) >= number for name, number in lives.acknowledged.items())
    durable = lives.restored().durable
    urls = [
        target.url
        for token in durable.tokens.values()
        if isinstance(target := getattr(token.colour, "target", token.colour), Target)
    ]
    ended = lives.stored() + [row.target.url for row in lives.failures() if row.final]
    assert Counter(urls + ended) == Counter(durable.seen.get("seen", ()))


def patient(case: Case) -> Case:
    """No page is given up because of deaths, and there is no deadline, which would begin anew with each life."""
    more = replace(case.settings, losses=DEATHS + 1, max_time_ns=None)
    return replace(case, settings=more)


def most(case: Case) -> set[str]:
    """The pages that may be stored: the failures of some went with lost attempts."""
    more = replace(case.settings, retries=case.settings.retries + DEATHS)
    return set(replace(case, settings=more).reachable)


@SETTINGS
@given(cases(), MOMENTS, st.integers(0, 1000))
def test_a_killed_crawl_stores_every_page_and_breaks_no_rule(
    case: Case, moments: list[int], seed: int
) -> None:
    """G2 to G5, G8, G9 by the referee's log of all lives, to the nanosecond."""
    lives = lived(patient(case), moments, seed)
    assert lives.ended == "finished"
    assert not broken(lives, expected(lives.settings, tuple(case.reachable)))
    assert set(case.reachable) <= set(lives.stored()) <= most(case)
    consistent(lives)


@SETTINGS
@given(cases(ending=True), MOMENTS, st.integers(0, 1000))
def test_a_killed_crawl_keeps_its_budgets(case: Case, moments: list[int], seed: int) -> None:
    """G3, G7: quotas, leases and pages count over all lives."""
    lives = lived(patient(case), moments, seed)
    assert lives.ended in ("finished", "spent")
    assert not broken(lives, expected(lives.settings))
    assert set(lives.stored()) <= most(case)
    consistent(lives)


@SETTINGS
@given(cases(), MOMENTS, st.integers(0, 1000), st.data())
def test_a_crawl_goes_on_under_other_limits(
    case: Case, moments: list[int], seed: int, data: st.DataObject
) -> None:
    """Delays, limits and proxies may change with every life; the laxest that counted are never broken."""
    case = patient(case)
    case = replace(case, settings=replace(case.settings, sites=()))
    random = Random(seed)
    lives = Lives(case.settings, SyntheticWeb(case.spec), case.seeds, random)
    every = [case.settings]

    async def live() -> None:
        for number in [*moments, None]:
            await lives.live(number)
            if lives.ended is not None:
                return
            pass_time(lives, random)
            other = data.draw(cases()).settings
            lives.settings = replace(
                case.settings,
                delay_ns=other.delay_ns,
                per_domain=other.per_domain,
                concurrency=other.concurrency,
            )
            every.append(lives.settings)

    anyio.run(live)
    rules = replace(
        expected(case.settings, tuple(case.reachable)),
        delay_ns=min(one.delay_ns for one in every),
        per_domain=max(one.per_domain for one in every),
    )
    direct = max(one.concurrency for one in every)
    rules = replace(rules, proxies={**rules.proxies, DIRECT: ProxyRule(slots=direct)})
    assert not broken(lives, rules)
    consistent(lives)


def test_a_page_that_kills_the_process_is_given_up() -> None:
    """It is no crash loop: three deaths are its end, whatever `--retries` says; others in flight lose an attempt at most."""
    killer = "http://h0.example/"
    case = Case(
        Settings(delay_ns=0, robots="ignore", retries=0), WebSpec(pages=6, links=6), (killer,)
    )
    bad = next(url for url in case.reachable if url != killer)

    def deadly(web: VirtualWeb) -> Any:
        effects = web.effects()

        def parse(raw: Raw, now_ns: int) -> Any:
            if raw.target.url == bad:
                raise Killed
            return effects["parse"](raw, now_ns)

        return {**effects, "parse": parse}

    lives = Lives(case.settings, SyntheticWeb(case.spec), case.seeds, Random(1), deadly)

    async def live() -> None:
        while lives.ended is None:
            assert lives.deaths < 10
            await lives.live()

    anyio.run(live)
    assert (lives.ended, lives.deaths) == ("finished", case.settings.losses)
    rows = [(row.target.url, row.kind, row.final) for row in lives.failures() if row.final]
    assert rows == [(bad, "lost", True)]
    assert set(lives.stored()) == set(case.reachable) - {bad}
    consistent(lives)
    asked = Counter(request.url for request in lives.log)
    assert asked[bad] == case.settings.losses
    innocent = [row.target.url for row in lives.failures() if row.target.url != bad]
    assert max(Counter(innocent).values(), default=0) <= lives.deaths


def broken(lives: Lives, rules: Expectations) -> list[Violation]:
    """What breaks a rule. A robots.txt whose next hop was lost is asked for again from its first hop."""
    moved = {r.url for r in lives.log if r.location is not None and r.url.endswith(ROBOTS_PATHS)}
    gone = Counter(row.target.url for row in lives.failures() if row.kind == LOST)
    return [
        each
        for each in judge(lives.log, replace(rules, lost=gone, losses=DEATHS + 1)).violations
        if each.kind != "fetched again" or each.message.split(": ")[0] not in moved
    ]


def consistent(lives: Lives) -> None:
    """What is in the store in the end: no page twice, a row for each request, a journal that replays."""
    alive(lives)
    assert max(Counter(lives.stored()).values(), default=1) == 1
    items = list(lives.store.items())
    assert (
        len({row[:3] for row in items})
        == len(items)
        == sum(r["items"] for r in lives.rows("stored"))
    )
    asked = Counter(r.url for r in lives.log if not r.url.endswith(ROBOTS_PATHS))
    rows = Counter(row.target.url for row in lives.failures())
    assert asked <= rows + Counter(lives.stored())
    if lives.deaths % 2:
        assert lives.replayed().seq == lives.known()["seq"]
