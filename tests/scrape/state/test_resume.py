"""What may change when a crawl goes on, and what never does: pauses, quotas and what was asked of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.net.changes import Durable
from scraper_cpn.net.marking import Standing
from scraper_cpn.scrape.colours import (
    Checked,
    Content,
    Domain,
    Extracted,
    Gate,
    Proxy,
    Raw,
    Rules,
    StopRequest,
)
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.parts.permits import NO_END
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.pauses import MARGIN_MAX_NS
from scraper_cpn.scrape.settings import SECOND, Settings, Site
from scraper_cpn.scrape.state.packing import GONE
from scraper_cpn.scrape.state.resume import ENDED_WITH_PROCESS, in_pipeline, latest, reopened
from scraper_cpn.scrape.state.resume_limits import waits_out
from scraper_cpn.store.edit import Edit

LAST_NS, NOW_NS = 1_000 * SECOND, 1_010 * SECOND
"""The last time that is known, and the time at which it goes on: ten seconds later."""
TIMES = st.integers(0, 10_000 * SECOND)


def settings(**given: Any) -> Settings:
    return Settings(**{"delay_ns": 2 * SECOND, **given})


def durable(*tokens: tuple[Any, ...], numbers: Any = None) -> Durable:
    """A marking with tokens: place, colour, and when it is ready."""
    standing = [
        Standing(place, serial, colour, *ready)
        for serial, (place, colour, *ready) in enumerate(tokens, 1)
    ]
    made = Durable(LAST_NS, len(standing) + 1, 1, numbers=dict(numbers or {}))
    made.tokens = {token.serial: token for token in standing}
    return made


def edited(
    old: Durable, before: Settings, after: Settings | None = None, *others: Standing, **given: Any
) -> tuple[dict[str, list[Standing]], dict[Any, int]]:
    """The tokens by place and the numbers that a run goes on with."""
    last_ns, pauses = old.now_ns, latest(others)
    edit = reopened(
        old, Policy(before), ScrapeNet(Policy(after or before)), NOW_NS, last_ns, pauses, **given
    )
    assert isinstance(edit, Edit)
    old.fold(edit.changes(old))
    places: dict[str, list[Standing]] = {}
    for token in old.tokens.values():
        places.setdefault(token.place, []).append(token)
    return places, old.numbers


# Pauses.


@given(TIMES, TIMES, TIMES, st.integers(0, 1000 * SECOND))
def test_what_was_used_shortly_before_waits(
    ready_ns: int, last_ns: int, delay_ns: int, away_ns: int
) -> None:
    """From now on what was left of its pause, its delay at most; and never less than was due."""
    now_ns = last_ns + away_ns
    waits_ns = waits_out(ready_ns, delay_ns, last_ns, now_ns)
    assert waits_ns >= ready_ns
    left_ns = max(0, ready_ns - last_ns)
    assert waits_ns - now_ns >= min(left_ns, delay_ns) or not left_ns
    assert waits_ns <= max(ready_ns, now_ns + min(left_ns, delay_ns))


@pytest.mark.parametrize(
    ("ready_s", "new_s", "expected_s"),
    [
        (0, 2, 0),  # it was never used
        (999, 2, 999),  # its pause was over
        (1_001, 2, 1_011),  # one second was left, and is waited from now on
        (1_002, 9, 1_019),  # two were left, and seven are new; all are waited from now on
        (1_002, 1, 1_011),  # the delay is shorter now
        (1_500, 2, 1_500),  # it was held by a Retry-After, and is
    ],
)
def test_a_domain_waits(ready_s: int, new_s: int, expected_s: int) -> None:
    """Under its new delay, however long the process was away."""
    old = durable(("domains", Domain("a", 2 * SECOND), ready_s * SECOND))
    (domain,) = edited(old, settings(), settings(delay_ns=new_s * SECOND))[0]["domains"]
    assert domain.colour.delay_ns == new_s * SECOND
    assert domain.ready_at_ns == expected_s * SECOND


@pytest.mark.parametrize(
    ("before_s", "crawl_delay_s", "has_s", "after_s", "expected_s"),
    [
        (2, None, 2, 1, 1),
        (2, None, 2, 5, 5),
        (2, 4, 4, 1, 4),  # the Crawl-delay was longer, and stays
        (2, 4, 4, 5, 5),
        (5, 4, 5, 1, 4),  # it was shorter than the delay, and counts now
        (2, None, 4, 1, 4),  # its rules have expired since: nobody has taken it back
    ],
)
def test_a_crawl_delay_stays(
    before_s: int, crawl_delay_s: int | None, has_s: int, after_s: int, expected_s: int
) -> None:
    """A delay may be raised and lowered, but not below what robots.txt asks for."""
    tokens: list[Any] = [("domains", Domain("a.example", has_s * SECOND, 3, 1), 0)]
    if crawl_delay_s is not None:
        rules = Rules("http://www.a.example:80", "", crawl_delay_s * SECOND)
        tokens.append(("robots", rules, 0))
    old = durable(*tokens)
    after = settings(delay_ns=after_s * SECOND)
    (domain,) = edited(old, settings(delay_ns=before_s * SECOND), after)[0]["domains"]
    assert domain.colour == Domain("a.example", expected_s * SECOND, 3, 1)


def test_a_site_has_its_own_delay() -> None:
    """What is given for one domain counts for that one."""
    old = durable(("domains", Domain("a", 2 * SECOND), 0), ("domains", Domain("b", 2 * SECOND), 0))
    after = settings(sites=(Site(name="a", delay_ns=7 * SECOND),))
    found = edited(old, settings(), after)[0]["domains"]
    assert {t.colour.domain: t.colour.delay_ns // SECOND for t in found} == {"a": 7, "b": 2}


# Limits.


def test_limits_are_what_they_are_now() -> None:
    """Concurrency, per-domain and per-proxy limits may be raised and lowered: nothing is in flight."""
    proxy = Proxy("p", "http://p", slots=3)
    after = settings(concurrency=9, per_domain=4, proxies=(proxy,))
    numbers = {
        ("permits", None): 32, ("domain_slots", "a"): 1, ("proxy_slots", "p"): 1, ("parsers", None): 48
    }  # fmt: skip
    old = durable(("domains", Domain("a", 2 * SECOND), 0), numbers=numbers)
    before = settings(proxies=(Proxy("p", "http://p", slots=1),))
    assert edited(old, before, after)[1] == {
        ("permits", None): 9, ("domain_slots", "a"): 4, ("proxy_slots", "p"): 3, ("parsers", None): 48
    }  # fmt: skip


@pytest.mark.parametrize(
    ("most", "left", "again", "new", "expected"),
    [
        (10, 4, 0, 10, 4),
        (10, 4, 2, 10, 6),  # two pages are fetched again
        (10, 4, 0, 15, 9),
        (10, 4, 0, 7, 1),
        (10, 4, 0, 5, 0),  # less than were fetched
        (10, 4, 1, 6, 1),
        (10, 4, 0, None, NO_END - 6),
        (None, NO_END - 6, 0, 10, 4),
        (None, NO_END - 6, 0, None, NO_END - 6),
    ],
)
def test_the_budget_goes_on(
    most: int | None, left: int, again: int, new: int | None, expected: int
) -> None:
    """Pages count over all lives, but for those that are fetched again; the limit may change."""
    old = durable(("gate", Gate(), 0), numbers={("budget", None): left})
    numbers = edited(
        old, settings(max_pages=most), settings(max_pages=new), again={"a.example": again}
    )[1]
    assert numbers["budget", None] == expected


def test_pages_without_their_content_are_lost() -> None:
    """Wherever in the pipeline: one more attempt of its URL, in the log, and once only."""
    before = settings()
    target = Policy(before).frontier.seed("http://a.example/")
    pages = [("raw_html", Raw(target, GONE), 0), ("parsed", Extracted(target, ()), 0),
             ("validated", Checked(target, ()), 0)]  # fmt: skip
    old = durable(*pages)
    assert in_pipeline(old, ScrapeNet(Policy(before))) == {"a.example": 3}
    places = edited(old, before)[0]
    assert [(t.colour.kind, t.colour.reason, t.colour.retry) for t in places["failed"]] == [
        ("lost", ENDED_WITH_PROCESS, True)
    ] * 3
    assert in_pipeline(old, ScrapeNet(Policy(before))) == {}


def test_the_content_of_a_page_that_was_not_parsed_is_forgotten() -> None:
    """It may have been a refusal, and the next page with it is no duplicate."""
    before = settings(dedupe="content")
    target = Policy(before).frontier.seed("http://a.example/")
    old = durable(("raw_html", Raw(target, GONE, content="x"), 0),
                  *(("contents", Content(each, target.url), 0) for each in "xy"))  # fmt: skip
    places = edited(old, before)[0]
    assert [token.colour.content for token in places["contents"]] == ["y"]


def test_a_stop_counts_for_one_process() -> None:
    """A new gate, with the time limit from now on; nobody wishes to stop any more."""
    old = durable(("gate", Gate(), 0), ("stop", StopRequest(), 0))
    places = edited(old, settings(), settings(max_time_ns=5 * SECOND))[0]
    assert "stop" not in places
    assert [token.expires_at_ns for token in places["gate"]] == [NOW_NS + 5 * SECOND]


# Proxies.


def pool(*proxies: Proxy) -> Settings:
    return settings(proxies=proxies)


def named(places: dict[str, list[Standing]], name: str = "p") -> list[Standing]:
    return [t for t in places.get("available_proxies", ()) if t.colour.proxy == name]


QUOTAS = st.none() | st.integers(1, 20)


@given(st.integers(1, 20), st.integers(0, 20), QUOTAS)
def test_a_quota_counts_over_all_lives(was: int, left: int, new: int | None) -> None:
    """What was carried is carried, whatever the quota is now; one that was used up needs a greater one."""
    left = min(was, left)
    before = pool(Proxy("p", "http://p", quota=was))
    tokens = [("available_proxies", Proxy("p", "http://p", quota=left, strikes=2, calm=1), 0)]
    old = durable(("gate", Gate(), 0), *(tokens if left else []))
    found = named(edited(old, before, pool(Proxy("p", "http://u:p@p", quota=new)))[0])
    carried = was - left
    if not left and new is not None and new <= was:
        assert found == []
        return
    (token,) = found
    assert token.colour.quota == (None if new is None else max(0, new - carried))
    assert token.colour.url == "http://u:p@p", "as it was given now, password and all"
    assert (token.colour.strikes, token.colour.calm) == ((2, 1) if left else (0, 0))


def test_a_lease_that_has_ended_may_be_given_again() -> None:
    """For longer; the same one is not taken for a new one."""
    was = Proxy("p", "http://p", not_after_ns=900 * SECOND)
    old = durable(("gate", Gate(), 0))
    assert named(edited(old, pool(was), pool(was))[0]) == []
    longer = Proxy("p", "http://p", not_after_ns=2_000 * SECOND)
    (token,) = named(edited(old, pool(was), pool(longer))[0])
    assert token.expires_at_ns == 2_000 * SECOND - settings().timeout_ns


def test_proxies_may_come_and_go() -> None:
    """One that is not given any more is gone; a new one is ready, from its own time on."""
    old = durable(("available_proxies", Proxy("p", "http://p"), 0))
    new = Proxy("q", "http://q", slots=2, not_before_ns=2_000 * SECOND)
    places = edited(old, pool(Proxy("p", "http://p")), pool(new))[0]
    assert named(places) == []
    assert [t.ready_at_ns for t in named(places, "q")] == [2_000 * SECOND] * 2
    direct = edited(old, pool(new), settings(concurrency=5))[0]
    assert len(named(direct, "direct")) == 5


@pytest.mark.parametrize("slots", [1, 2, 4])
@pytest.mark.parametrize("delay_s", [0, 3, 8])
def test_a_proxy_waits_out_its_pause(slots: int, delay_s: int) -> None:
    """With all its tokens, however many they are now, it waits for the one that waits longest."""
    was = Proxy("p", "http://p", slots=2, delay_ns=3 * SECOND)
    old = durable(("available_proxies", was, 1_003 * SECOND), ("available_proxies", was, 0))
    now = Proxy("p", "http://p", slots=slots, delay_ns=delay_s * SECOND)
    found = named(edited(old, pool(was), pool(now))[0])
    assert len(found) == (1 if delay_s else slots)
    expected_s = 1_010 + max(3, delay_s)
    assert {t.ready_at_ns for t in found} == {expected_s * SECOND}


# Other runs of the same state.


def test_runs_share_their_pauses() -> None:
    """A domain and a proxy that another run waits for are waited for, known or not; so is its quota."""
    others = [
        Standing("domains", 1, Domain("a", 2 * SECOND), 1_030 * SECOND),
        Standing("domains", 2, Domain("b", 2 * SECOND), 1_040 * SECOND),
        Standing("domains", 3, Domain("c", 2 * SECOND), 1_001 * SECOND),
        Standing("domains", 4, Domain("a", 2 * SECOND), 1_020 * SECOND),
        Standing("available_proxies", 5, Proxy("p", "http://p", quota=9), 1_050 * SECOND),
        Standing("available_proxies", 6, Proxy("p", "http://p", quota=3), 1_015 * SECOND),
    ]
    old = durable(("domains", Domain("a", 2 * SECOND), 0))
    old.seen["known_domains"] = ["a"]
    before = pool(Proxy("p", "http://p", quota=5))
    empty = Durable(LAST_NS)
    for began in (old, empty):
        places = edited(began, settings(), before, *others)[0]
        ready = {t.colour.domain: t.ready_at_ns // SECOND for t in places["domains"]}
        assert ready == {"a": 1_030, "b": 1_040}
        assert set(began.seen["known_domains"]) == {"a", "b"}
        (proxy,) = named(places)
        assert (proxy.colour.quota, proxy.ready_at_ns) == (3, 1_050 * SECOND)


def test_margins_are_in_the_pauses() -> None:
    """What is longer than the delay by the policy's margin is waited for, at least by the delay."""
    gap_ns = 2 * SECOND + MARGIN_MAX_NS
    old = durable(("domains", Domain("a", 2 * SECOND), LAST_NS + gap_ns))
    (domain,) = edited(old, settings())[0]["domains"]
    assert domain.ready_at_ns >= NOW_NS + 2 * SECOND
