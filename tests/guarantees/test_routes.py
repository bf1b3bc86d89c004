"""Sites that refuse proxies, and proxies for groups of domains, in virtual time."""

from __future__ import annotations

import io
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from mocks.inprocess import Crawled, crawl, expected
from mocks.referee import judge
from scraper_cpn.net import Interpreter
from scraper_cpn.scrape.colours import Failed, Failure, Mapped, Proxy
from scraper_cpn.scrape.fetch.answers import Answer, fetch_outcome
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.urls import domain_of
from scraper_cpn.scrape.virtual import EPOCH_NS, VirtualWeb
from scraper_cpn.simulate.driver import VirtualEffect
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from tests.guarantees.crawls import MS, stored

WEB = WebSpec(hosts=4, pages=8, links=4, links_out=2, latency_ns=100 * MS, body_bytes=500)
Refuses = Callable[[str, str, int], int]
"""The status with which a domain refuses a proxy at a time (ns since the crawl began); 0: it does not."""
Asked = list[tuple[int, str, str, int]]
"""Requests: when, domain, proxy, refused by which status."""


def proxies(*groups: str, **given: Any) -> tuple[Proxy, ...]:
    """A proxy for each of these groups."""
    names = [f"http://p{number}.example:8080" for number in range(len(groups))]
    return tuple(
        Proxy(name, name, group=group, **given) for name, group in zip(names, groups, strict=True)
    )


def crawled(refuses: Refuses, spec: WebSpec = WEB, **options: Any) -> tuple[Crawled, Asked]:
    """A crawl of a web that refuses proxies, and what was asked."""
    asked: Asked = []

    def effects(web: VirtualWeb) -> Mapping[str, VirtualEffect]:
        def fetch(target: Any, proxy: Proxy, domain: Any, now_ns: int) -> tuple[int, Any]:
            status = refuses(target.domain, proxy.proxy[7:9], now_ns - EPOCH_NS)
            asked.append((now_ns - EPOCH_NS, target.domain, proxy.proxy[7:9], status))
            if status == 1:
                return 10 * MS, Failed("proxy", "no connection to the proxy")
            if status:
                return 10 * MS, fetch_outcome(target.url, Answer(status, {}))
            return web.fetch(target, proxy, domain, now_ns)

        return {**web.effects(), "fetch": fetch}

    given = {
        "scope": "any",
        "delay_ns": 200 * MS,
        "robots": "ignore",
        "ban_status": (403, 429),
        **options,
    }
    web = SyntheticWeb(spec)
    return crawl(Settings(**given), web, effects=effects), asked


def domains() -> list[str]:
    """The domains of the web."""
    return sorted({domain_of(url, "domain") for url in SyntheticWeb(WEB).seeds()})


def by_pair(asked: Asked) -> dict[tuple[str, str], list[int]]:
    """When each domain refused each proxy."""
    found = defaultdict(list)
    for at_ns, domain, proxy, status in asked:
        if status:
            found[domain, proxy].append(at_ns)
    return found


@pytest.mark.parametrize("status", [403, 429])
def test_a_refused_proxy_rests_for_that_domain_alone(status: int) -> None:
    """The page is stored through another proxy, and the other domains use the refused one as before."""
    first, *others = domains()
    done, asked = crawled(
        lambda domain, proxy, _: status if (domain, proxy) == (first, "p0") else 0,
        proxies=proxies("", "", ""),
    )
    assert (done.run.ended, len(stored(done.rows))) == ("finished", 32)
    assert len(by_pair(asked)[first, "p0"]) == 1
    used = {(domain, proxy) for _, domain, proxy, _ in asked}
    assert {(domain, "p0") for domain in others} <= used
    rows = [row.colour for row in done.rows if isinstance(row.colour, Failure)]
    assert [(row.kind, row.status, row.final) for row in rows] == [("banned", status, False)]
    again = next(
        at
        for at, domain, proxy, _ in asked
        if domain == first and proxy != "p0" and at > by_pair(asked)[first, "p0"][0]
    )
    assert again - by_pair(asked)[first, "p0"][0] <= 210 * MS  # no hold, only the delay


def test_a_rest_ends_with_one_trial_and_grows() -> None:
    """After its rest the proxy is tried with one request; refused again, it rests twice as long."""
    first = domains()[0]
    spec = WebSpec(hosts=4, pages=60, links=8, links_out=2, latency_ns=100 * MS, body_bytes=500)
    _, asked = crawled(
        lambda domain, proxy, _: 403 if (domain, proxy) == (first, "p0") else 0,
        spec,
        proxies=proxies("", slots=3),
        ban_rest_ns=2 * SECOND,
        per_domain=3,
        delay_ns=100 * MS,
        retries=9,
    )
    times = by_pair(asked)[first, "p0"]
    separate = [at for before, at in pairwise(times) if at - before > SECOND]
    assert len(times) - len(separate) <= 3  # what ran together at first
    assert separate[0] - times[0] >= 2 * SECOND
    assert separate[1] - separate[0] >= 4 * SECOND


def test_a_domain_that_refuses_all_is_held_and_no_proxy_blamed() -> None:
    """Three proxies in a row make it the domain's fault: it pauses, longer each time, and others are fetched."""
    first = domains()[0]
    done, asked = crawled(
        lambda domain, _proxy, _at: 403 if domain == first else 0,
        proxies=proxies(*[""] * 5),
        retries=20,
        refusing_max_ns=60 * SECOND,
    )
    refused = [at for at, domain, _, status in asked if domain == first and status]
    assert done.run.ended == "finished"
    assert len(stored(done.rows)) == 24
    gaps = [b - a for a, b in pairwise(refused)]
    assert max(gaps[3:]) >= 8 * SECOND  # the back-off has grown
    assert len(refused) < 20  # given up before all attempts were made


def test_a_proxy_that_many_domains_refuse_is_sick() -> None:
    """It rests for all of them, also for the one that has not refused it."""
    three = domains()[:3]
    _, asked = crawled(
        lambda domain, proxy, _: 403 if proxy == "p0" and domain in three else 0,
        proxies=proxies("", "", ""),
        backoff_ns=30 * SECOND,
    )
    sick_ns = sorted(times[0] for times in by_pair(asked).values())[2]
    later = [at for at, _, proxy, _ in asked if proxy == "p0" and at > sick_ns + 20 * MS]
    assert len(by_pair(asked)) == 3
    assert not [at for at in later if at < sick_ns + 15 * SECOND]


def test_domains_are_sent_through_their_groups() -> None:
    """Every request of a domain goes through its group, robots.txt too; the rest has those without a group."""
    first, second, *_ = domains()
    done, _ = crawled(
        lambda *_: 0,
        proxies=proxies("a", "b", "", "b"),
        proxy_for=((first, "a"), (f"{second[:2]}*", "b")),
        ban_status=(),
        robots="obey",
    )
    used: dict[str, set[str]] = defaultdict(set)
    for each in done.log:
        used[domain_of(each.url, "domain")].add(each.proxy[7:9])
    assert done.run.ended == "finished"
    assert used.pop(first) == {"p0"}
    assert used.pop(second) <= {"p1", "p3"}
    assert set().union(*used.values()) == {"p2"}


def test_what_waits_for_a_retired_proxy_is_sent_through_another() -> None:
    """Proxies with quotas are used up one after another; with the last of a group its domains' pages are left."""
    first = domains()[0]
    done, _ = crawled(
        lambda *_: 0,
        proxies=(
            *proxies("a", "a", quota=2),
            Proxy("http://p9.example:80", "http://p9.example:80"),
        ),
        proxy_for=((first, "a"),),
        ban_status=(),
    )
    pages = Counter(domain_of(url, "domain") for url in stored(done.rows))
    assert (pages[first], done.run.ended) == (4, "spent")
    assert sum(pages.values()) == 28


def test_a_quota_of_bytes() -> None:
    """A proxy that has carried so many bytes is used no more; what was in flight then still arrives."""
    done, asked = crawled(lambda *_: 0, ban_status=(), proxies=proxies("", slots=2, bytes=1))
    assert done.run.ended == "spent"
    assert len(asked) == 2


def test_a_proxy_in_quarantine_is_probed_with_one_request() -> None:
    """From its second fault in a row on, one request goes through it after its rest, and others only later."""
    _, asked = crawled(
        lambda _domain, _proxy, at: 1 if at < 99 * SECOND else 0,
        ban_status=(),
        proxies=proxies("", slots=4),
        retries=100,
        dead_after=0,
    )
    times = Counter(at // MS for at, *_ in asked)
    first, second, *probes = [number for at, number in sorted(times.items()) if at < 99_000]
    assert (first, second) == (4, 2)
    assert len(probes) >= 2
    assert set(probes) == {1}


@pytest.mark.parametrize("per_host", [None, 1])
def test_both_executions_decide_the_same(per_host: int | None) -> None:
    """The compiled net makes the trace of the interpreter, byte for byte; the referee finds nothing."""
    spec = WebSpec(hosts=3, pages=3, links=2, links_out=1, latency_ns=100 * MS, fail=0.3)
    first = domain_of(SyntheticWeb(spec).seeds()[0], "domain")
    traces = []
    for how in ({}, {"kernel": Interpreter}):
        trace = io.StringIO()
        settings = Settings(
            scope="any", delay_ns=200 * MS, per_host=per_host, ban_status=(403, 500), ban_rest_ns=SECOND,
            proxies=proxies("", "", "a", "a", quota=20), proxy_for=((first, "a"),),
        )  # fmt: skip
        done = crawl(settings, SyntheticWeb(spec), trace=trace, **how)  # type: ignore[arg-type]
        traces.append(trace.getvalue())
        assert judge(done.log, expected(settings)).violations == ()
    assert traces[0] == traces[1]


def test_the_part_is_in_the_net_only_where_it_is_used() -> None:
    """Without the options the net is as it was, whatever proxies there are."""
    plain = ScrapeNet(Policy(Settings(proxies=proxies("", ""))))
    assert not {"routes", "route", "carried_bytes", "gone_proxies"} & {
        *plain.parts,
        *plain.places,
        *plain.transitions,
    }


def test_sitemaps_go_through_the_proxies_of_their_domains() -> None:
    """Groups hold for sitemaps, too, and a proxy that refuses one gives way to another."""
    given = Settings(
        scope="any",
        delay_ns=100 * MS,
        sitemaps=("auto",),
        proxies=proxies("a", "a", "b"),
        proxy_for=(("h0.example", "a"), ("*", "b")),
        ban_status=(403,),
    )
    asked: list[tuple[str, str]] = []

    def effects(web: VirtualWeb) -> Mapping[str, VirtualEffect]:
        def sitemap(job: Any, proxy: Proxy, domain: Any, now_ns: int) -> tuple[int, Any]:
            asked.append((job.domain, proxy.proxy[7:9]))
            if len(asked) == 1:
                return 10 * MS, fetch_outcome(job.url, Answer(403, {}))
            return 10 * MS, Mapped(policy_of(given).sitemaps.targets(job, [_page(job)], 0))

        return {**web.effects(), "sitemap": sitemap}

    done = crawl(given, SyntheticWeb(replace(WEB, links=0, links_out=0)), effects=effects)
    assert done.run.ended == "finished"
    by_domain = {domain: {proxy for each, proxy in asked if each == domain} for domain in domains()}
    assert by_domain["h0.example"] == {"p0", "p1"}
    assert all(used == {"p2"} for domain, used in by_domain.items() if domain != "h0.example")
    assert {f"http://{domain}/p/3" for domain in domains()} <= set(stored(done.rows))


def _page(job: Any) -> str:
    return f"http://{job.domain}/p/3"


def policy_of(given: Settings) -> Policy:
    """The policy of a crawl of every site."""
    return Policy(given, tuple(domains()))
