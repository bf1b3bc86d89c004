"""A crawl that is divided into partitions: its net, what is refused of it, and planted faults in its shares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.net import (
    NetError,
    Share,
    channel,
    checked,
    constant,
    credit,
    keyed,
    leased,
    local,
)
from scraper_cpn.scrape.colours import Bandwidth, Found, Maps, Proxy, Received, SitemapJob, Target
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.partitions import PartitionPolicy, domain_of_links
from scraper_cpn.scrape.policy.volume import RatePolicy
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError

EVERYTHING = Settings(
    max_depth=3,
    max_pages=10,
    per_host=2,
    sitemaps=("auto",),
    revisit_ns=SECOND,
    max_pages_per_domain=3,
    max_bytes_per_domain=1_000,
    max_bytes=100_000,
    rate_bytes=10_000,
    proxies=(Proxy("p", url="http://p.test:1", bytes=1_000),),
)


@pytest.mark.parametrize("settings", [Settings(), Settings(robots="ignore"), EVERYTHING])
def test_each_transition_binds_one_domain(settings: Settings) -> None:
    """The check accepts the net of a crawl, with and without everything that can be divided."""
    net = checked(ScrapeNet(Policy(settings), partitions=4))
    assert net.partition == "domain"


def test_one_partition_has_the_net_that_it_always_had() -> None:
    """Without partitions nothing crosses, and nothing is declared for it."""
    net = ScrapeNet(Policy(EVERYTHING))
    assert (net.partition, net.crossing, net.channels, net.credits, net.leases) == (
        None,
        None,
        {},
        {},
        {},
    )


def test_what_is_global_crosses_by_channels_credits_and_leases() -> None:
    """Links, sitemaps, robots.txt and stops have channels, the budget of pages is drawn, proxies move."""
    net = ScrapeNet(Policy(EVERYTHING), partitions=4)
    assert list(net.channels) == [
        "crossing_robots", "returning_robots", "stops", "crossing_links", "crossing_maps"
    ]  # fmt: skip
    assert {name: each.total for name, each in net.credits.items()} == {
        "budget": 10, "byte_shares": 64 * 4
    }  # fmt: skip
    assert list(net.leases) == ["available_proxies"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(max_items=5), "--max-items can't be divided among partitions yet; leave it out"),
        (Settings(files=("image",)), "--files can't be divided"),
        (Settings(per_address=1), "--address-delay or --per-address can't be divided"),
        (Settings(dedupe="content"), "--dedupe content can't be divided"),
        (Settings(ban_status=(403,)), "--proxy-for, --ban-status or a program's banned can't be divided"),
        (Settings(max_items=5, per_address=1), "--max-items, --address-delay or --per-address can't be divided among partitions yet; leave them out"),
    ],
)  # fmt: skip
def test_what_cannot_be_divided_is_refused_in_one_line(settings: Settings, words: str) -> None:
    """The line names the options and what to do."""
    with pytest.raises(UsageError) as caught:
        ScrapeNet(Policy(settings), partitions=2)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.integers(1, 10**9), st.integers(1, 4096), st.lists(st.integers(0, 10**8), min_size=1))
def test_partitions_together_keep_the_rate(rate: int, partitions: int, pages: list[int]) -> None:
    """If each partition has these pages, one after another, all of them together get no more bytes a second than the limit."""
    p = RatePolicy(Settings(rate_bytes=rate), partitions)
    took_ns = sum(p.use_ns(Bandwidth(), Received(page)) for page in pages)
    assert (
        partitions * sum(pages) * SECOND
        <= rate * took_ns
        < (partitions * sum(pages) * SECOND + rate * len(pages))
    )


PLANTED: dict[str, tuple[Share | None, str]] = {
    "crossing_links": (local, "transition admit, put_new(asks): asks is keyed, but no input tells domain"),
    "returning_robots": (local, "transition hear_elsewhere, put(robots): robots is keyed, but no input tells domain"),
    "crossing_maps": (local, "transition admit_sitemaps, put_new(sitemap_asks): sitemap_asks is keyed, but no input tells domain"),
    "cool_down": (local, "transition wake, put(prioritized_targets): prioritized_targets is keyed, but no input tells domain"),
    "failed": (local, "transition judge on(Again), put(cool_down): cool_down is keyed, but no input tells domain"),
    "raw_html": (local, "transition parse on(Parsed), put(parsed): parsed is keyed, but no input tells domain"),
    "validated": (local, "put(failed): failed is keyed, but no input tells domain"),
    "trapped": (keyed("site_name"), "place trapped: Target has no field site_name"),
    "seen": (keyed("domain"), "place seen: has the key url, which tells domain; leave out domain"),
    "in_progress": (credit, "place in_progress: only a plain counter"),
    "permits": (keyed(), "place permits: is keyed, but has no key that tells domain"),
    "gate": (constant, "place gate: never changes, but transition close has take(gate)"),
    "available_proxies": (None, "place available_proxies: has no share"),
    "proxy_faults": (leased, "place proxy_faults: its tokens come from other partitions; declare it with source=True"),
    "domain_slots": (credit, "place domain_slots: only a plain counter that starts with a number can be credit"),
    "seen_as_channel": (channel("domain"), "place seen: is a set, and only tokens of places can cross"),
    "prioritized_targets": (keyed("domain"), "place prioritized_targets: has the key domain, which tells domain; leave out domain"),
    "robots": (constant, "place robots: never changes"),
}  # fmt: skip
"""Wrong shares, by place, with the message that refuses each."""


def plant(net: ScrapeNet, name: str, share: Share | None) -> None:
    """Give a place another share."""
    object.__setattr__(net.places[name], "share", share)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_share_is_refused_by_the_right_message(name: str) -> None:
    """Each wrong share of the scrape net is found when the net is checked."""
    share, message = PLANTED[name]
    net = ScrapeNet(Policy(EVERYTHING), partitions=4)
    plant(net, name.removesuffix("_as_channel"), share)
    with pytest.raises(NetError) as caught:
        checked(net)
    assert any(message in problem for problem in caught.value.problems), caught.value.problems


def target(url: str) -> Target:
    return Policy(Settings()).frontier.seed(url)


def test_links_are_split_by_domain_and_none_is_lost() -> None:
    """Each piece is of one domain, in the order of the page; what counts as a trap goes with its domain."""
    a, b, www = (target(f"http://{host}/") for host in ("a.test", "b.test", "www.a.test"))
    found = Found((a, b, www), trapped=(target("http://b.test/x"),), page=a.url, depth=2)
    pieces = PartitionPolicy(Settings(), 4).links_by_domain(found)
    assert [domain_of_links(piece) for piece in pieces] == ["a.test", "b.test"]
    assert [piece.targets for piece in pieces] == [(a, www), (b,)]
    assert [len(piece.trapped) for piece in pieces] == [0, 1]
    assert {(piece.page, piece.depth) for piece in pieces} == {(a.url, 2)}


def test_sitemaps_are_split_by_domain() -> None:
    """Each piece is of one domain; no sitemaps are no piece."""
    jobs = [
        SitemapJob(url=f"http://{host}/s.xml", domain=host, origin=f"http://{host}:80", site=host)
        for host in ("a.test", "b.test", "a.test")
    ]
    policy = PartitionPolicy(Settings(), 4)
    assert [len(each.jobs) for each in policy.maps_by_domain(Maps(tuple(jobs)))] == [2, 1]
    assert policy.maps_by_domain(Maps(())) == []


@pytest.mark.parametrize("limit_by", ["domain", "host"])
@pytest.mark.parametrize(
    "url", ["http://www.a.co.uk/x?y", "https://10.0.0.1:8080/", "http://[::1]/a", "http://com/"]
)
def test_every_key_tells_the_domain_that_paces(url: str, limit_by: str) -> None:
    """The origin, the host and the identity of a target tell the same domain as the target itself."""
    settings = Settings(limit_by=limit_by)  # type: ignore[arg-type]
    asked = Policy(settings).frontier.seed(url)
    tells = PartitionPolicy(settings, 4).tells()
    assert {
        tells["origin"](asked.origin),
        tells["host"](asked.host),
        tells["page"](asked.identity),
        tells["url"](asked.url),
        tells["identity"](f"POST {asked.url} 00ff"),
    } == {asked.domain}
