"""The scraper's decisions are pure functions: the same tokens, the same answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from scraper_cpn.net import Lost
from scraper_cpn.scrape.colours import (
    WITHHELD,
    Again,
    Allowed,
    Denied,
    Domain,
    Failed,
    Failure,
    Found,
    Hold,
    Link,
    Over,
    Parsed,
    Path,
    Penalty,
    Proxy,
    ProxyFault,
    Redirected,
    RobotsJob,
    Rules,
    SitemapJob,
    Target,
    Throttled,
)
from scraper_cpn.scrape.policy import Policy, sites_of
from scraper_cpn.scrape.policy.pauses import MARGIN_MAX_NS
from scraper_cpn.scrape.policy.robots import ROBOTS_HOPS_MAX
from scraper_cpn.scrape.settings import SECOND, Settings, Site
from tests.scrape.sample_pages import raw

SEED = "http://www.shop.example/"


def policy(**options: object) -> Policy:
    """A policy whose one seed is `SEED`."""
    settings = Settings(**options)  # type: ignore[arg-type]
    return Policy(settings, (Policy(settings).frontier.site_of(SEED),))


def job(**changes: object) -> RobotsJob:
    """A first attempt at the robots.txt of the seed."""
    base = RobotsJob(
        origin="http://www.shop.example:80",
        url="http://www.shop.example/robots.txt",
        domain="shop.example",
        home="shop.example",
    )
    return replace(base, **changes)


# Turns.

T_NS = 1_800_000_000 * SECOND
MINUTE = 60 * SECOND


def link(rules: Policy, priority: int, found_ns: int) -> Target:
    """The target of a link of the seed's page, which had arrived at a time."""
    (found,) = rules.frontier.discover(
        rules.frontier.seed(SEED), [Link(SEED + "a", priority=priority)], found_ns
    )
    return found


def turn(rules: Policy, target: Target) -> tuple[int, ...]:
    """What orders it."""
    return tuple(getattr(target, name) for name in rules.frontier.turn)


@given(st.integers(0, T_NS), st.integers(0, T_NS))
def test_without_ageing_the_better_page_goes_first(first_ns: int, second_ns: int) -> None:
    """However long another one has waited."""
    rules = policy()
    assert turn(rules, link(rules, -1, first_ns)) < turn(rules, link(rules, 0, second_ns))


@given(st.none() | st.integers(1, 2**60), st.integers(-(10**30), 10**30), st.integers(0, 2**61))
def test_a_policy_knows_when_a_page_was_found(
    ageing_ns: int | None, priority: int, found_ns: int
) -> None:
    """From its rank, which has 64 bits, as a state can keep, however far apart a program's levels are."""
    rules = policy(ageing_ns=ageing_ns)
    target = link(rules, priority, found_ns)
    assert rules.frontier.since_ns(target.priority, target.rank) == found_ns
    assert -(2**63) <= target.rank < 2**63


@given(st.integers(-9, 9), st.integers(0, 9), st.integers(0, 90 * MINUTE))
def test_a_page_that_has_waited_long_goes_first(best: int, worse: int, ahead_ns: int) -> None:
    """Of two pages the better goes first, unless the other was found more than a period for each level before."""
    rules = policy(ageing_ns=10 * MINUTE)
    old = link(rules, best + worse, T_NS - ahead_ns)
    new = link(rules, best, T_NS)
    assert (turn(rules, old) < turn(rules, new)) == (ahead_ns > worse * 10 * MINUTE)


def test_a_page_keeps_its_age() -> None:
    """Another attempt and where it redirects are as old as the page; its links are not."""
    rules = policy(ageing_ns=MINUTE)
    target = link(rules, 3, T_NS)
    hop = rules.requests.hop(target, Redirected(301, SEED + "b"))
    assert hop is not None
    attempt = rules.retries.next_attempt(rules.requests.failed(target, Failed("dns", "?")))
    for each in (target, attempt, *hop.targets):
        assert (rules.frontier.since_ns(each.priority, each.rank), each.rank) == (
            T_NS,
            T_NS + 3 * MINUTE,
        )
    assert rules.frontier.seed(SEED, T_NS).rank == T_NS


def test_links_of_a_page_share_their_numbers() -> None:
    """They may wait by the million."""
    for rules in (policy(), policy(ageing_ns=MINUTE)):
        one, other = link(rules, 3, T_NS), link(rules, 3, T_NS)
        assert one.rank is other.rank


# Scope.


@pytest.mark.parametrize(
    ("scope", "url", "inside"),
    [
        ("domain", "http://blog.shop.example/a", True),
        ("domain", "http://other.example/", False),
        ("host", "http://blog.shop.example/a", False),
        ("host", "http://www.shop.example/a", True),
        ("any", "http://other.example/", True),
    ],
)
def test_scope_decides_which_links_are_followed(scope: str, url: str, inside: bool) -> None:
    """A link is followed within the seed's host, its registrable domain, or anywhere."""
    rules = policy(scope=scope)
    assert bool(rules.frontier.discover(rules.frontier.seed(SEED), [Link(url)])) == inside


def test_named_domains_are_in_scope_with_their_subdomains() -> None:
    """`--domains` adds domains, subdomains included, and no name that only ends alike."""
    rules = policy(domains=("cdn.example",))
    seed = rules.frontier.seed(SEED)
    assert rules.frontier.discover(seed, [Link("http://img.cdn.example/x")])
    assert rules.frontier.discover(seed, [Link("http://cdn.example/x")])
    assert not rules.frontier.discover(seed, [Link("http://notcdn.example/x")])


def test_allow_and_deny_filter_links() -> None:
    """A link must match one `allow`, where given, and no `deny`."""
    rules = policy(allow=("/p/",), deny=(r"\?print",))
    seed = rules.frontier.seed(SEED)
    assert rules.frontier.discover(seed, [Link("http://www.shop.example/p/1")])
    assert not rules.frontier.discover(seed, [Link("http://www.shop.example/about")])
    assert not rules.frontier.discover(seed, [Link("http://www.shop.example/p/1?print=1")])


def test_depth_is_bounded_exactly() -> None:
    """Seeds have depth 0; links of a page at `max_depth` are not admitted until a shorter path to it is found (G7)."""
    rules = policy(max_depth=1).frontier
    seed = rules.seed(SEED)
    (child,) = rules.discover(seed, [Link("http://www.shop.example/a")])
    deep = rules.discover(child, [Link("http://www.shop.example/b")])
    assert [child.depth, deep[0].depth] == [1, 2]
    links = rules.depths.links(child, deep)
    assert not rules.to_ask(links)
    assert not rules.depths.paths(links)
    known = rules.depths.expanded(links, rules.depths.reached_first(Path(child.url, 1)))
    again = rules.depths.found_again(Path(child.url, 0), known)
    assert again is not None
    assert [target.depth for target in rules.to_ask(again)] == [1]
    assert rules.depths.found_again(Path(child.url, 1), known) is None


@pytest.mark.parametrize(
    ("seed", "to", "follow", "linked", "followed"),
    [
        ("http://shop.example/", "https://www.shop.example/", {}, "https://www.shop.example/a", True),
        ("http://shop.example/", "http://m.shop.example/", {"scope": "host"}, "http://m.shop.example/a", True),
        ("http://shop.example/", "http://face.test/shop", {}, "http://face.test/a", False),
        ("http://shop.example/", "http://face.test/shop", {}, "http://shop.example/a", True),
        ("http://shop.example/", "http://face.test/shop", {"follow_seeds": True}, "http://face.test/a", True),
        ("http://a.github.io/", "http://b.github.io/", {}, "http://b.github.io/a", False),
    ],
)  # fmt: skip
def test_a_redirected_seed_joins_the_scope_within_its_domain(
    seed: str, to: str, follow: dict[str, Any], linked: str, followed: bool
) -> None:
    """Elsewhere only that page is fetched, unless `follow_seeds` is set; links back are followed."""
    settings = Settings(**follow)
    rules = Policy(settings, sites_of(settings, [seed]))
    moved = Redirected(301, to)
    hop = rules.requests.hop(rules.frontier.seed(seed), moved)
    assert hop is not None
    (target,) = hop.targets
    assert (target.seed, target.requested_url, target.hops) == (True, seed, 1)
    assert bool(rules.frontier.discover(target, [Link(linked)])) == followed


def test_a_redirect_passes_what_a_link_passes() -> None:
    """Scope, allow and deny hold for redirects, with the reason in the log; a seed is exempt from allow."""
    rules = policy(allow=("/p/",), deny=("/logout",))
    seed = rules.frontier.seed(SEED)
    (page,) = rules.frontier.discover(seed, [Link(f"{SEED}p/1")])
    for target, path, kind in (
        (page, "p/2", "redirected"),
        (page, "all", "filtered"),
        (page, "p/logout", "filtered"),
        (seed, "all", "redirected"),
        (seed, "logout", "filtered"),
    ):
        moved = Redirected(302, SEED + path)
        row = rules.requests.redirect(target, moved)
        assert (row.kind, row.final) == (kind, True)
        assert (rules.requests.hop(target, moved) is not None) == (kind == "redirected")
    away = Redirected(302, "http://elsewhere.example/p/1")
    assert rules.requests.hop(page, away) is None
    assert rules.requests.redirect(page, away).kind == "scope"


def test_a_refresh_that_is_not_followed_is_told() -> None:
    """With the reason in the log, beside the page that is stored; a seed is no exception, as it is none for links."""
    rules = policy(allow=("/p/",), deny=("/logout",))
    seed = rules.frontier.seed(SEED)
    urls = (f"{SEED}p/1", f"{SEED}p/logout", f"{SEED}all", "http://elsewhere.example/p/1")
    lines = rules.frontier.refused(seed, urls)
    assert lines == (
        f"its refresh leads to {SEED}p/logout, which --deny /logout excludes",
        f"its refresh leads to {SEED}all, which no --allow includes",
        "its refresh leads out of scope, to http://elsewhere.example/p/1",
    )
    rows = rules.pipeline.told(raw(""), Parsed((), (), refused=lines))
    assert [(row.kind, row.reason, row.final) for row in rows] == [
        ("refresh", line, False) for line in lines
    ]


def test_a_redirect_in_a_circle() -> None:
    """Back to where it came from, at once or after a hop: nothing will come of that URL."""
    rules = policy()
    seed = rules.frontier.seed(SEED)
    there = Redirected(302, "http://www.shop.example/there")
    hop = rules.requests.hop(seed, there)
    assert hop is not None
    (target,) = hop.targets
    for circling, moved in (
        (seed, Redirected(302, SEED)),
        (target, there),
        (target, Redirected(302, SEED)),
    ):
        assert rules.requests.hop(circling, moved) is None
        failure = rules.requests.redirect(circling, moved)
        assert (failure.kind, failure.final) == ("redirect", True)
        assert failure.reason == "redirects in a circle, back to itself"


def test_redirects_end_after_so_many_hops() -> None:
    """The hop after `max_redirects` is not made, and the log says why."""
    rules = policy(max_redirects=2)
    target = replace(rules.frontier.seed(SEED), hops=2)
    moved = Redirected(302, "http://www.shop.example/next")
    assert rules.requests.hop(target, moved) is None
    assert rules.requests.redirect(target, moved).kind == "redirect"
    assert rules.requests.redirect(replace(target, hops=1), moved).kind == "redirected"


# Pace.


def test_a_pause_is_never_shorter_than_asked() -> None:
    """The gap is the delay plus a margin of at most one percent; none where there is no delay (G2)."""
    rules = policy()
    assert rules.domains.gap_ns(Domain("d", 0)) == 0
    assert rules.domains.gap_ns(Domain("d", SECOND // 10)) == SECOND // 10 + SECOND // 1000
    assert rules.domains.gap_ns(Domain("d", 100 * SECOND)) == 100 * SECOND + MARGIN_MAX_NS
    assert rules.proxies.proxy_gap_ns(Proxy("p", delay_ns=SECOND)) == SECOND + MARGIN_MAX_NS


def test_limits_by_site_win() -> None:
    """A `[[domain]]` table sets its domain's delay and concurrency; the others keep the general ones."""
    rules = policy(
        delay_ns=5, per_domain=2, sites=(Site(name="shop.example", delay_ns=7, per_domain=3),)
    )
    domains = [
        rules.domains.domain(rules.frontier.seed(url)) for url in (SEED, "http://b.example/")
    ]
    assert [(domain.domain, domain.delay_ns) for domain in domains] == [
        ("shop.example", 7),
        ("b.example", 5),
    ]
    assert [rules.domains.slots("shop.example"), rules.domains.slots("b.example")] == [3, 2]


def test_a_refusal_with_retry_after_holds_the_domain_that_long() -> None:
    """Retry-After is obeyed as it is, whatever the back-off would have been."""
    rules = policy()
    penalty = rules.domains.refusal(rules.frontier.seed(SEED), Throttled(429, 42 * SECOND))
    assert penalty == Penalty("shop.example", 42 * SECOND)
    assert rules.domains.hold_ns(Domain("shop.example", SECOND), penalty) == 42 * SECOND


def test_refusals_without_retry_after_grow_the_hold() -> None:
    """Each incident doubles the hold up to the cap, within the jitter of [1/2, 1]."""
    rules = policy(backoff_ns=SECOND, backoff_max_ns=8 * SECOND)
    penalty, domain = Penalty("d"), Domain("d", 0)
    for full in (1, 2, 4, 8, 8):
        hold_ns = rules.domains.hold_ns(domain, penalty)
        assert full * SECOND // 2 <= hold_ns <= full * SECOND
        domain = rules.domains.paced(rules.domains.held(domain, penalty))
    assert domain.strikes == 5


def test_a_domain_whose_pages_wait_to_be_parsed_pauses() -> None:
    """As long as they wait, a minute at most; that is no fault of its server, and reported."""
    rules, domain = policy(), Domain("d", 0)
    penalty = rules.domains.crowded("d", 0.5)
    assert rules.domains.hold_ns(domain, penalty) == SECOND // 2
    assert rules.domains.held(domain, penalty) == domain
    assert rules.domains.health.verdict(domain, penalty) is None
    assert rules.domains.health.hold(domain, penalty) == Hold(
        "d", SECOND // 2, "its pages wait to be parsed"
    )
    assert rules.domains.crowded("d", 1e9).wait_ns == 60 * SECOND


def test_refusals_of_requests_that_ran_together_are_one_incident() -> None:
    """A second refusal before any new start is the same incident; an answer in between forgives."""
    rules = policy(per_domain=2)
    once = rules.domains.held(Domain("d", 0), Penalty("d"))
    assert rules.domains.held(once, Penalty("d")).strikes == 1
    two = rules.domains.paced(rules.domains.paced(once))
    assert rules.domains.held(two, Penalty("d")).strikes == 2
    three = rules.domains.paced(two)
    assert rules.domains.held(three, Penalty("d")).strikes == 1


def test_a_refusal_with_retry_after_is_no_strike() -> None:
    """A server that says when to come back is obeyed, and no back-off grows."""
    rules = policy()
    once = rules.domains.held(Domain("d", 0), Penalty("d"))
    assert rules.domains.held(once, Penalty("d", SECOND)) == once


def test_backoff_scope_url_spares_the_domain() -> None:
    """With `--backoff-scope url` a refusal is no penalty, and the URL itself waits for Retry-After."""
    rules = policy(backoff_scope="url")
    seed = rules.frontier.seed(SEED)
    assert rules.domains.refusal(seed, Throttled(503, 9)) is None
    assert rules.requests.throttled(seed, Throttled(503, 9 * SECOND)).wait_ns == 9 * SECOND
    assert rules.requests.throttled(seed, Throttled(503, None)).wait_ns > 0
    assert policy().requests.throttled(seed, Throttled(503, 9 * SECOND)).wait_ns == 0


def test_a_crawl_delay_slows_and_never_speeds_up() -> None:
    """A Crawl-delay counts only if it is longer, from the start of the request that brought it."""
    rules = policy(delay_ns=SECOND)
    found = Rules(
        "http://www.shop.example:80", "", crawl_delay_ns=3 * SECOND, elapsed_ns=SECOND // 10
    )
    penalty = rules.domains.slower(job(), found)
    assert penalty == Penalty("shop.example", 3 * SECOND - SECOND // 10, 3 * SECOND)
    held = rules.domains.held(Domain("shop.example", SECOND), penalty)
    assert (held.delay_ns, held.strikes) == (3 * SECOND, 0)
    assert rules.domains.slower(job(), replace(found, crawl_delay_ns=SECOND // 2)) is None
    assert rules.domains.slower(job(), replace(found, crawl_delay_ns=None)) is None
    whole = Penalty("shop.example", 3 * SECOND, 3 * SECOND)
    assert rules.domains.slower(job(domain="elsewhere.example"), found) == whole
    assert policy(per_domain=2).domains.slower(job(), found) == whole


def test_a_proxy_carries_its_quota_and_no_more() -> None:
    """Each start takes one of the quota; the last start retires the proxy (G3)."""
    rules = policy()
    assert rules.proxies.carried(Proxy("p")) == Proxy("p")
    assert rules.proxies.carried(Proxy("p", quota=2)) == Proxy("p", quota=1)
    assert rules.proxies.carried(Proxy("p", quota=1)) == Proxy("p", quota=0)
    assert [rules.proxies.used_up(Proxy("p", quota=left)) for left in (None, 1, 0)] == [
        False,
        False,
        True,
    ]


def test_only_a_real_proxy_is_at_fault_and_rests_longer_each_time() -> None:
    """A proxy's own failure rests it, with growing back-off; other failures and `direct` don't."""
    rules = policy(backoff_ns=SECOND)
    proxy = Proxy("p", "http://p:1")
    fault = ProxyFault("p", 1)
    domain, refused = Domain("shop.example", 0), Failed("proxy", "refused")
    assert rules.proxies.at_fault(replace(proxy, slots=3), domain, refused) == [fault] * 3
    assert rules.proxies.at_fault(replace(proxy, quota=9), domain, refused) == [fault]
    assert rules.proxies.at_fault(proxy, domain, Failed("timeout", "slow")) == []
    assert rules.proxies.at_fault(Proxy("direct"), domain, refused) == []
    assert SECOND // 2 <= rules.proxies.rest_ns(proxy) <= SECOND
    again = rules.proxies.carried(rules.proxies.rested(proxy))
    assert again is not None
    assert SECOND <= rules.proxies.rest_ns(again) <= 2 * SECOND


# robots.txt.


def test_each_origin_has_its_own_rules_and_none_when_ignored() -> None:
    """A link needs its origin's robots.txt, http and https apart (G8)."""
    found = Found(
        tuple(
            policy().frontier.seed(f"{scheme}://www.shop.example/{n}")
            for scheme in ("http", "https")
            for n in "ab"
        )
    )
    assert [policy().robots.robots_job(target).url for target in found.targets] == [
        *["http://www.shop.example/robots.txt"] * 2,
        *["https://www.shop.example/robots.txt"] * 2,
    ]
    ignoring = policy(robots="ignore")
    assert (ignoring.frontier.to_ask(found), ignoring.frontier.to_fetch(found)) == (
        (),
        found.targets,
    )
    assert (policy().frontier.to_ask(found), policy().frontier.to_fetch(found)) == (
        found.targets,
        (),
    )


def test_rules_allow_and_deny() -> None:
    """What robots.txt disallows is denied with its reason."""
    rules = policy()
    text = "User-agent: *\nDisallow: /private/\n"
    known = Rules("http://www.shop.example:80", text)
    assert rules.robots.clearance(rules.frontier.seed(SEED), known) == Allowed()
    denied = rules.robots.clearance(rules.frontier.seed(SEED + "private/x"), known)
    assert denied == Denied("robots.txt disallows it")
    assert rules.robots.denied(rules.frontier.seed(SEED), Denied("no")).final


def test_robots_redirects_wait_in_their_own_domain_and_end_after_five() -> None:
    """A hop changes the pacing key, not the origin; the sixth is not made: all is allowed."""
    rules = policy()
    moved = Redirected(301, "https://www.other.example/robots.txt")
    hop = rules.robots.robots_hop(job(), moved)
    assert hop is not None
    assert (hop.origin, hop.domain, hop.home, hop.hops) == (
        job().origin,
        "other.example",
        "shop.example",
        1,
    )
    assert rules.domains.robots_hop_domain(moved).domain == "other.example"
    assert rules.robots.rules_after_too_many_redirects(job()) is None
    last = job(hops=ROBOTS_HOPS_MAX)
    assert rules.robots.robots_hop(last, moved) is None
    redirected = rules.robots.rules_after_too_many_redirects(last)
    assert redirected is not None
    assert rules.robots.clearance(rules.frontier.seed(SEED + "x"), redirected) == Allowed()


def test_unreachable_robots_disallow_everything_after_the_last_attempt() -> None:
    """A robots.txt that can't be had is tried again, then means complete disallow (RFC 9309 2.3.1.4)."""
    rules = policy(retries=1)
    failed = Failed("timeout", "slow")
    again = rules.robots.robots_again(
        job(url="http://x.example/r", domain="x.example", hops=2), failed
    )
    assert again == job(attempt=2)
    assert rules.robots.robots_unreachable(job(), failed) is None
    assert rules.robots.robots_again(job(attempt=2), failed) is None
    closed = rules.robots.robots_unreachable(job(attempt=2), failed)
    assert closed is not None
    denied = rules.robots.clearance(rules.frontier.seed(SEED), closed)
    assert isinstance(denied, Denied)
    assert (denied.kind, denied.reason.endswith(": slow")) == ("unreachable", True)
    assert rules.robots.denied(rules.frontier.seed(SEED), denied).kind == "unreachable"
    assert rules.robots.robots_unreachable(job(), replace(failed, retry=False)) is not None


def test_robots_attempts_wait_as_asked_or_back_off() -> None:
    """Retry-After of a robots.txt is obeyed; else the back-off grows."""
    rules = policy(backoff_ns=SECOND)
    assert rules.robots.robots_wait_ns(job(), Throttled(429, 7)) == 7
    assert SECOND // 2 <= rules.robots.robots_wait_ns(job(), Throttled(429, None)) <= SECOND
    assert rules.robots.robots_wait_ns(job(attempt=3), Failed("timeout", "")) >= 2 * SECOND
    assert rules.domains.robots_refusal_penalty(job(), Throttled(429, 7)) == Penalty(
        "shop.example", 7
    )
    assert rules.robots.robots_failure(job(), Throttled(429, 7)).reason == "HTTP 429"
    assert rules.robots.refresh(Rules("http://www.shop.example:80", "")) == job()


# Attempts.


def failure(attempt: int, *, retry: bool = True) -> Failure:
    """A failed attempt at the seed."""
    target = replace(policy().frontier.seed(SEED), attempt=attempt)
    return Failure(target=target, kind="timeout", reason="slow", retry=retry, wait_ns=5)


def test_attempts_end_at_the_cap() -> None:
    """`--retries 2` means three attempts; what can't be helped gets one (G5)."""
    rules = policy(retries=2)
    verdicts = [rules.retries.verdict(failure(attempt)) for attempt in (1, 2, 3)]
    assert verdicts == [Again(), Again(), Over()]
    assert rules.retries.verdict(failure(1, retry=False)) == Over()
    assert rules.retries.next_attempt(failure(1)).attempt == 2
    assert rules.retries.again_after_ns(failure(1)) == 5
    assert rules.retries.over(failure(3)).final


BUSY = Throttled(503, None)


def test_attempts_that_were_lost_have_a_cap_of_their_own() -> None:
    """They count neither to `--retries` nor against a page that has failed before; three of them are the end (G5)."""
    rules = policy(retries=1)
    retries, target = rules.retries, rules.frontier.seed(SEED)
    ended = []
    for kind in ("timeout", "lost", "lost", "timeout", "lost"):
        row = Failure(target=target, kind=kind, reason="", retry=True)
        ended.append(retries.verdict(row) == Over())
        target = retries.next_attempt(row)
    assert (ended, target.attempt, target.lost) == ([False, False, False, True, True], 6, 3)


def test_jobs_whose_attempts_were_lost_are_made_again() -> None:
    """A robots.txt, a sitemap and a file have the caps of a page."""
    rules = policy(retries=1)
    target = rules.frontier.seed(SEED)
    jobs: list[tuple[Any, Any]] = [
        (rules.robots.robots_again, rules.robots.robots_job(target)),
        (rules.sitemaps.again, SitemapJob(url=SEED, domain="a", origin="a", site="a")),
        (rules.files.again, rules.files.job(SEED, target)),
    ]
    for again, job in jobs:
        twice = again(again(job, Lost("its worker ended")), Lost("its worker ended"))
        assert (twice.attempt, twice.lost, again(twice, Lost("again"))) == (3, 2, None)
        assert again(again(twice, BUSY), BUSY) is None


@given(st.integers(1, 200), st.integers(0, 10**12), st.integers(1, 10**12), st.integers(0, 2**32))
def test_backoff_stays_between_half_and_all_of_the_exponential(
    attempt: int, base_ns: int, cap_ns: int, seed: int
) -> None:
    """The wait is in [1/2, 1] of min(base * 2^(attempt-1), cap), and the same for the same seed."""
    rules = policy(backoff_ns=base_ns, backoff_max_ns=cap_ns, seed=seed)
    target: Target = replace(rules.frontier.seed(SEED), attempt=attempt)
    full = min(base_ns * 2 ** (attempt - 1), cap_ns)
    wait_ns = rules.requests.failed(target, Failed("timeout", "slow")).wait_ns
    assert full // 2 <= wait_ns <= full
    assert rules.requests.failed(target, Failed("timeout", "slow")).wait_ns == wait_ns


def test_a_request_that_was_not_written_is_no_attempt() -> None:
    """It goes again at once, with the number of its attempt, however few attempts are left."""
    decided = Policy(Settings(retries=0))
    target = decided.frontier.seed("http://a.example/")
    unsent = Failed(WITHHELD, "a pause")
    failure = decided.requests.failed(target, unsent)
    assert decided.retries.verdict(failure) == Again()
    assert decided.retries.next_attempt(failure) == target
    assert decided.retries.again_after_ns(failure) == 0
    job = decided.robots.robots_job(target)
    assert decided.robots.robots_again(job, unsent) == job
    assert decided.robots.robots_wait_ns(job, unsent) == 0


def test_preferred_urls_are_levels_better() -> None:
    """Each pattern counts more than those behind it, for seeds and links, on top of a link's own priority."""
    rules = policy(prefer=("/product/", "/category/"), ageing_ns=MINUTE).frontier
    seed = rules.seed(f"{SEED}category/1", T_NS)
    found = rules.discover(
        seed,
        [Link(f"{SEED}category/product/"), Link(f"{SEED}x"), Link(f"{SEED}category/", priority=5)],
        T_NS,
    )
    assert [target.priority for target in (seed, *found)] == [-1, -2, 0, 4]
    assert [target.rank - T_NS for target in (seed, *found)] == [
        level * MINUTE for level in (-1, -2, 0, 4)
    ]
