"""A policy or a part with a mistake in it: the guarantee that it breaks is not proved any more."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from scraper_cpn.analysis import ExplorationLimits, Report
from scraper_cpn.net import Net
from scraper_cpn.scrape import colours as c
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.domains import DomainPolicy
from scraper_cpn.scrape.policy.logins import LoginPolicy
from scraper_cpn.scrape.policy.proxies import ProxyPolicy
from scraper_cpn.scrape.policy.robots import RobotsPolicy
from scraper_cpn.scrape.settings import SECOND, Settings, Site
from scraper_cpn.scrape.verify import _crawls as crawls_of
from scraper_cpn.scrape.verify import guarantees, verify_crawl
from tests.analysis.test_mistakes import field, without

PLAIN = Settings(
    robots="ignore", retries=0, max_pages=2, concurrency=2, dead_after=0, refusing_max_ns=None
)
FEW = ExplorationLimits(states=2_000)


class ForgetsHolds(DomainPolicy):
    """A 429 is forgotten at once."""

    def hold_ns(self, domain: c.Domain, penalty: c.Penalty) -> int:
        del domain, penalty
        return 0


class ForgetsDelay(DomainPolicy):
    """No domain has a pause, whatever the user has asked for."""

    def _domain(self, name: str) -> c.Domain:
        return c.Domain(name, 0)


class TooManySlots(DomainPolicy):
    """Three requests to a domain at a time."""

    def slots(self, domain: str) -> int:
        del domain
        return 3


class AllowsAll(RobotsPolicy):
    """robots.txt is fetched and not obeyed."""

    def clearance(self, target: c.Target, rules: c.Rules) -> c.Allowed | c.Denied:
        del target, rules
        return c.Allowed()


class HurriesProxies(ProxyPolicy):
    """No proxy has a pause."""

    def proxy_gap_ns(self, proxy: c.Proxy) -> int:
        del proxy
        return 0


class Mistaken(Policy):
    """The shipped policy, of which some decisions are others."""

    def __init__(self, settings: Settings, **decisions: Any) -> None:
        super().__init__(settings)
        vars(self).update(decisions)


def proved(
    policy: Callable[[Settings], Policy], settings: Settings = PLAIN, net: Any = ScrapeNet
) -> Report:
    """What a look at a few states says of a crawl."""
    return verify_crawl(settings, policy=policy, net=net, limits=FEW)


@pytest.mark.parametrize(
    ("claim", "policy", "settings"),
    [
        ("G2 a hold lasts", lambda s: Mistaken(s, domains=ForgetsHolds(s)), PLAIN),
        ("G2 starts in a domain", lambda s: Mistaken(s, domains=ForgetsDelay(s)), PLAIN),
        ("G2 requests to a domain", lambda s: Mistaken(s, domains=TooManySlots(s)), PLAIN),
        (
            "G8 robots.txt decides",
            lambda s: Mistaken(s, robots=AllowsAll(s, Policy(s).frontier)),
            replace(PLAIN, robots="obey"),
        ),
        (
            "G3 starts through a proxy",
            lambda s: Mistaken(s, proxies=HurriesProxies(s)),
            replace(PLAIN, proxies=(c.Proxy("p", url="http://p", delay_ns=5),)),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_mistake_in_a_policy_breaks_its_guarantee(
    claim: str, policy: Callable[[Settings], Policy], settings: Settings
) -> None:
    """What the user has asked for is worked out apart from the policy; the verdict says what breaks it."""
    (verdict,) = [v for v in proved(policy, settings).verdicts if v.claim.startswith(claim)]
    assert verdict.status in {"refuted", "not proved"}
    assert verdict.story or "are wanted" in verdict.why


def test_the_limits_of_hosts_bring_their_claims() -> None:
    """With `--host-delay` there are three more claims, and a pause that is not kept breaks one of them."""
    settings = replace(PLAIN, host_delay_ns=10**9, per_host=1)

    def hasty(policy: Policy) -> Net:
        net = ScrapeNet(policy)
        field("scrape_target", "hosts", after_ns=0)(net, policy)
        return net

    claims = {asked.claim for asked in guarantees(ScrapeNet(Policy(settings)))}
    claims -= {asked.claim for asked in guarantees(ScrapeNet(Policy(PLAIN)))}
    assert claims == {
        "G2 a host has one pacing token",
        "G2 requests to a host at a time",
        "G2 starts to a host are its delay apart",
    }
    message = {v.claim: v for v in proved(Policy, settings, hasty).verdicts}
    assert message["G2 starts to a host are its delay apart"].status == "not proved"
    assert "are wanted" in message["G2 starts to a host are its delay apart"].why


def test_the_limits_of_addresses_bring_their_claims() -> None:
    """With `--address-delay` there are four more claims, and a pause that is not kept breaks one of them."""
    settings = replace(PLAIN, address_delay_ns=10**9, per_address=1)

    def hasty(policy: Policy) -> Net:
        net = ScrapeNet(policy)
        field("scrape_target", "address_pacing", after_ns=0)(net, policy)
        return net

    claims = {asked.claim for asked in guarantees(ScrapeNet(Policy(settings)))}
    claims -= {asked.claim for asked in guarantees(ScrapeNet(Policy(PLAIN)))}
    assert claims == {
        "G2 a host has one address",
        "G2 an address has one pacing token",
        "G2 requests to an address at a time",
        "G2 starts to an address are its delay apart",
    }
    message = {v.claim: v for v in proved(Policy, settings, hasty).verdicts}
    assert message["G2 starts to an address are its delay apart"].status == "refuted"
    assert message["G2 a host has one address"].ok


def test_an_address_without_slots_breaks_their_claim() -> None:
    """Two domains that share an address have one request at a time there, or the claim is refuted."""

    def careless(policy: Policy) -> Net:
        net = ScrapeNet(policy)
        without("scrape_target", "address_slots")(net, policy)
        return net

    settings = replace(PLAIN, per_address=1, per_domain=2)
    message = {v.claim: v for v in proved(Policy, settings, careless).verdicts}
    assert message["G2 requests to an address at a time"].status == "refuted"


@pytest.mark.parametrize(
    "more",
    [{"per_address": 2}, {"address_delay_ns": SECOND}, {"ban_status": (403,)}, {"sessions": 2}],
)
def test_what_remembers_more_is_proved_with_fewer_attempts(more: dict[str, Any]) -> None:
    """Attempts and addresses together would be more states than a proof may have: then one URL alone is tried again."""
    again = {note for _, note, fewer in crawls_of(Settings(**more)) if fewer.get("retries") != 0}
    assert again == {"1 URL", "1 URL without an answer", "1 domain that refuses"}


@pytest.mark.parametrize("statuses", [(), (403,)])
def test_groups_alone_claim_nothing_about_refusals(statuses: tuple[int, ...]) -> None:
    """What can't happen in a crawl would not be proved of it: a proxy rests for a domain only where it may be refused."""
    pool = (c.Proxy("p", url="http://p", group="g"),)
    settings = Settings(proxies=pool, proxy_for=(("*", "g"),), ban_status=statuses)
    claims = [each.claim for each in guarantees(ScrapeNet(Policy(settings)))]
    assert any("that rests for its domain" in claim for claim in claims) == bool(statuses)


@pytest.mark.slow
def test_sitemaps_bring_their_claim() -> None:
    """A crawl of a page and a sitemap, in every order, keeps all guarantees."""
    report = verify_crawl(Settings(sitemaps=("auto",), concurrency=1, retries=0))
    claims = {verdict.claim: verdict.status for verdict in report.verdicts}
    assert claims["G8 no sitemap before its robots.txt was asked for"] == "proved"
    assert set(claims.values()) == {"proved"}


@pytest.mark.parametrize("resumable", [True, False])
@pytest.mark.slow
def test_files_keep_the_guarantees(resumable: bool) -> None:
    """A crawl of a page whose item names a file, in every order; the page waits for it, and ends."""
    settings = Settings(files=("images",), save_bodies="b", concurrency=1, retries=0)
    policy = partial(Policy, resumable=resumable)
    claims = {
        verdict.claim: verdict.status for verdict in verify_crawl(settings, policy=policy).verdicts
    }
    assert claims["G4 a file is in flight once"] == "proved"
    assert claims["G5 a file that items name has one end"] == "proved"
    assert claims["G8 no file before its robots.txt was asked for"] == "proved"
    assert set(claims.values()) == {"proved"}


@pytest.mark.slow
def test_visits_keep_the_guarantees() -> None:
    """A page that is visited twice, whether it changes or not, in every order."""
    report = verify_crawl(Settings(revisit_ns=SECOND, concurrency=1, retries=0))
    assert {verdict.status for verdict in report.verdicts} == {"proved"}


def test_the_limits_of_bytes_bring_their_claims() -> None:
    """A request that does not look at the bytes that are left begins beyond them."""
    settings = replace(PLAIN, max_bytes=100, rate_bytes=10)

    def careless(policy: Policy) -> Net:
        net = ScrapeNet(policy)
        without("scrape_target", "bytes_left")(net, policy)
        return net

    message = {v.claim: v for v in proved(Policy, settings, careless).verdicts}
    assert message["G7 no page or file begins after so many bytes"].status == "refuted"
    assert message["G7 each page takes the bandwidth as long as its bytes may take"].ok


class LetsAllPass(LoginPolicy):
    """No page needs the login of its session."""

    def is_in(self, login: c.Login) -> bool:
        del login
        return True


WITH_LOGIN = replace(PLAIN, login="https://login.example/")
NEEDS_LOGIN = "G7 no page is requested without the login of its session"


def test_a_login_brings_its_claims() -> None:
    """Pages that do not wait for the login of their session break one."""

    def careless(settings: Settings) -> Policy:
        policy = Policy(settings)
        vars(policy.requests)["logins"] = LetsAllPass(settings, policy.frontier)
        return policy

    message = {v.claim: v for v in proved(careless, WITH_LOGIN).verdicts}
    assert message[NEEDS_LOGIN].status == "refuted"


@pytest.mark.slow
def test_a_login_breaks_no_claim() -> None:
    """Whatever happens to its pages, and to those that need it."""
    message = {v.claim: v for v in proved(Policy, WITH_LOGIN).verdicts}
    assert message[NEEDS_LOGIN].ok
    assert message["G4 a session has one login at a time"].ok
    assert message["G5 a URL is in one place, or has one end"].ok


@pytest.mark.slow
def test_sticky_proxies_bring_their_claim() -> None:
    """In no order of events that is looked at does a request go through another proxy than its session's."""
    proxies = (c.Proxy("p", url="http://p"), c.Proxy("q", url="http://q"))
    settings = replace(PLAIN, sessions=2, sticky_proxies=True, proxies=proxies)
    claim = "G3 each request goes through the proxy that its session keeps"
    assert {v.claim: v.status for v in proved(Policy, settings).verdicts}[claim] != "refuted"


def test_domains_with_settings_of_their_own_are_looked_at() -> None:
    """A `[[domain]]` table allows one request at a time where others may have more: its domain is in the crawls."""
    settings = replace(PLAIN, per_domain=3, sites=(Site(name="shop.example", per_domain=1),))
    report = proved(lambda s: Mistaken(s, domains=TooManySlots(s)), settings)
    (verdict,) = [v for v in report.verdicts if v.claim == "G2 requests to a domain at a time"]
    assert verdict.status == "refuted"
    assert any("shop.example" in line for line in verdict.story)
