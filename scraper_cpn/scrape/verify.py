"""Proving a crawl's guarantees before it runs, for the user's own limits and policy.

Owns: the small crawls that are explored, and the properties that express each guarantee.
Must not know: the methods of proof.

A crawl of a million pages can't be explored. Properties that depend on limits are checked in crawls of two
URLs, with every outcome, every interleaving, slow connections, revocations and a stop request; properties
that follow from the declaration hold for all sizes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from scraper_cpn.analysis import (
    Expiring,
    Instance,
    Limits,
    Property,
    Report,
    Verdict,
    at_most,
    conserved,
    costs,
    each,
    ends,
    min_gap,
    never,
    no_faults,
    start,
    verify,
)
from scraper_cpn.net import Net, Place
from scraper_cpn.scrape import colours as c
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings

REQUESTS = ("scrape_target", "get_robots")
ONE_DOMAIN = ("http://a.example/1", "http://a.example/2")
TWO_DOMAINS = ("http://a.example/", "http://b.example/")

CRAWLS: tuple[tuple[tuple[str, str], str, dict[str, Any]], ...] = (
    (TWO_DOMAINS, "2 domains", {}),
    (TWO_DOMAINS, "2 domains one at a time", {"concurrency": 1}),
    (ONE_DOMAIN, "1 domain", {}),
    (ONE_DOMAIN, "1 domain one at a time", {"per_domain": 1}),
)
"""The crawls of 2 URLs that are explored: a limit must be small enough to be reached."""


def verify_crawl(
    settings: Settings, *, net: Any = ScrapeNet, limits: Limits | None = None
) -> Report:
    """Prove the guarantees of a crawl with these settings.

    Args:
        settings: of the crawl. A number that only makes a crawl bigger (requests at a time, attempts, pages)
            is replaced by a small one; the report says so.
        net: makes the net of a policy.
        limits: when to give up.
    """
    found: list[Report] = []
    for urls, note, fewer in CRAWLS:
        policy = Policy(replace(small(settings), **fewer))
        made = net(policy)
        instance = instance_of(policy, urls, note)
        found.append(verify(made, instance, *guarantees(policy, made), limits=limits))
    return Report("scrape", tuple(_joined(found)), found[0].abstraction)


def small(settings: Settings) -> Settings:
    """Settings with the same policy for a crawl that is small enough to be explored."""
    return replace(
        settings,
        concurrency=min(settings.concurrency, 2),
        per_domain=min(settings.per_domain, 2),
        retries=min(settings.retries, 1),
        max_pages=settings.max_pages and min(settings.max_pages, 2),
        proxies=settings.proxies[:2],
        scope="any",
        allow=(),
        deny=(),
    )


def instance_of(policy: Policy, urls: Sequence[str], note: str) -> Instance:
    """A crawl of a few URLs: its initial tokens, and the possible outcomes of requests and pages."""
    settings = policy.settings
    seeds = tuple(policy.frontier.seed(url) for url in urls)
    proxies = settings.proxies or (c.Proxy("direct", slots=settings.concurrency),)
    gate: Any = c.Gate() if settings.max_time_ns is None else Expiring(c.Gate())
    return Instance(
        tokens={
            "found": [c.Found(seeds)],
            "available_proxies": [
                Expiring(proxy) if proxy.not_after_ns else proxy
                for proxy in proxies
                for _ in range(min(2, proxy.slots) if proxy.quota is None else 1)
            ],
            "gate": [gate],
        },
        later={"stop": [c.Stop()]},
        outcomes={
            "fetch": lambda target, *_: [
                c.Fetched(_response(target.url)),
                c.Throttled(429, None),
                c.Failed("http", "HTTP 404", 404, retry=False),
                c.Failed("proxy", "no connection to the proxy"),
                c.Failed(c.WITHHELD, "a pause"),
            ],
            "robots": lambda job, *_: [
                c.Rules(job.origin, ""),
                c.Rules(job.origin, "User-agent: *\nDisallow: /"),
                c.Throttled(503, None),
            ],
            "parse": lambda _: [c.Parsed((), ()), c.Bad("parse", "no page")],
            "validate": lambda _: [c.Valid(())],
            "keep": lambda _: [c.Kept(0)],
        },
        forget={c.Domain: ("strikes", "calm"), c.Proxy: ("strikes", "calm")},
        times={"refresh": 1} if settings.robots == "obey" else {},
        note=note,
    )


def guarantees(policy: Policy, net: Net) -> Iterator[Property]:
    """The guarantees as properties of the net; each part may add its own."""
    settings = policy.settings
    domains, proxies = policy.domains, policy.proxies
    shown = {place.name for made in net.transitions.values() for place, _ in made.shows}
    standing = {name for name, place in net.places.items() if isinstance(place, Place)}
    places = [name for name in net.places if name in standing - shown]
    yield conserved(
        "available_proxies", "retired_proxies", by="proxy", claim="G1 proxies are conserved"
    )
    yield conserved(
        "domains", minus="known_domains", by="domain", claim="G2 a domain has one pacing token"
    )
    yield min_gap(
        "domains",
        *REQUESTS,
        at_least=lambda token: token.delay_ns,
        claim="G2 starts in a domain are its delay apart",
    )
    yield never(
        start(*REQUESTS),
        beside="penalties",
        by="domain",
        claim="G2 no start before a hold is applied",
    )
    yield at_most(
        domains.slots, in_flight=REQUESTS, by="domain", claim="G2 requests to a domain at a time"
    )
    yield min_gap(
        "available_proxies",
        *REQUESTS,
        at_least=lambda token: token.delay_ns,
        claim="G3 starts through a proxy are its delay apart",
    )
    yield at_most(
        proxies.proxy_slots,
        in_flight=REQUESTS,
        by="proxy",
        claim="G3 requests through a proxy at a time",
    )
    yield at_most(1, in_flight="scrape_target", by="url", claim="G4 a URL is in flight once")
    yield conserved(
        *places,
        minus="seen",
        by=url_of,
        rows=end_of,
        claim="G5 a URL is in one place, or has one end",
    )
    yield each(
        "prioritized_targets",
        lambda t: bool(t.attempt <= settings.retries + 1),
        claim="G5 attempts end at the cap",
    )
    yield ends(claim="G5 a crawl that can go on no more is finished, or spent")
    for stage in ("raw_html", "parsed", "validated"):
        yield at_most(
            getattr(net.places[stage], "capacity", 0), stage, claim=f"G6 {stage} keeps its bound"
        )
    yield at_most(settings.concurrency, in_flight=REQUESTS, claim="G6 requests at a time")
    if settings.max_pages is not None:
        yield costs(
            "budget",
            "scrape_target",
            c.Fetched,
            claim="G7 each page fetched costs one of the budget",
        )
    yield never(start(*REQUESTS), without="gate", claim="G7 no start after a stop or the deadline")
    yield no_faults()
    for part in net.parts.values():
        yield from part.properties()


def url_of(token: Any) -> str | None:
    """The URL that a token carries through the net; None if it carries none."""
    target = getattr(token, "target", token)
    return target.url if isinstance(target, c.Target) else None


def end_of(row: Any) -> str | None:
    """The URL that ends with a row; None for an attempt that another one follows, and for rows without a URL."""
    return None if isinstance(row, c.Failure) and not row.final else url_of(row)


def _response(url: str) -> c.Response:
    return c.Response(
        url=url,
        status=200,
        content_type="text/html",
        charset=None,
        body=b"",
        fetched_at_ns=0,
        elapsed_ns=0,
    )


def _joined(reports: Sequence[Report]) -> Iterator[Verdict]:
    """One verdict for each property: the worst, ignoring instances in which the property is vacuous."""
    for verdicts in zip(*(report.verdicts for report in reports), strict=True):
        telling = [v for v in verdicts if not v.why.startswith("says nothing")] or list(verdicts)
        order = ("refuted", "not proved", "gave up", "proved")
        worst = min(telling, key=lambda verdict: order.index(verdict.status))
        scopes = list(dict.fromkeys(v.scope for v in telling))
        several = f"{len(scopes)} crawls of 2 URLs"
        scope = worst.scope if not worst.ok or len(scopes) == 1 else several
        yield Verdict(
            worst.claim, worst.status, scope, worst.how,
            tuple(dict.fromkeys(line for v in telling for line in v.assumes)),
            sum(v.states for v in telling), sum(v.seconds for v in telling),
            worst.why, worst.story, worst.calls,
        )  # fmt: skip
