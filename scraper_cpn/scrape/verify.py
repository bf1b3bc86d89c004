"""Proving a crawl's guarantees before it runs, for the user's own limits and policy.

Owns: the small crawls that are explored, and the properties that express each guarantee.
Must not know: the methods of proof.

A crawl of a million pages can't be explored. Properties that depend on limits are checked in crawls of two
URLs, with every outcome, every interleaving, slow connections, revocations and a stop request; properties
that follow from the declaration hold for all sizes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from msgspec.structs import replace

from scraper_cpn.analysis import (
    Expiring,
    ExplorationLimits,
    Instance,
    Property,
    Report,
    Verdict,
    conserved,
    ends,
    no_faults,
    verify,
)
from scraper_cpn.analysis.compiled import Builder
from scraper_cpn.analysis.processes import in_order
from scraper_cpn.net import Place
from scraper_cpn.scrape import colours as c
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.parts.hours import DomainHours
from scraper_cpn.scrape.parts.promises import asked_delay_ns
from scraper_cpn.scrape.parts.volume import Bytes, Rate
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.addresses import found as address_of
from scraper_cpn.scrape.policy.health import PROBES_MAX
from scraper_cpn.scrape.policy.proxies import copies_of
from scraper_cpn.scrape.policy.visits import VisitPolicy
from scraper_cpn.scrape.request import Visit
from scraper_cpn.scrape.settings import SECOND, Settings, Site
from scraper_cpn.scrape.urls import origin_of

LIMITS = ExplorationLimits(states=2_000_000, seconds=60)
HOUR_NS = 3600 * SECOND
"""A server asks for such a pause; a domain that asks for more than the user allows is given up."""
BODY = b"page"
ONE_URL = ("http://a.example/1",)
ONE_DOMAIN = ("http://a.example/1", "http://a.example/2")
TWO_DOMAINS = ("http://a.example/", "http://b.example/")
Crawl = tuple[tuple[str, ...], str, dict[str, Any]]

CRAWLS: tuple[Crawl, ...] = (
    (TWO_DOMAINS, "2 domains", {}),
    (TWO_DOMAINS, "2 domains one at a time", {"concurrency": 1}),
    (ONE_DOMAIN, "1 domain", {}),
    (ONE_DOMAIN, "1 domain one at a time", {"per_domain": 1}),
    (ONE_URL, "1 URL", {"losses": 2}),
)
"""The crawls of 2 URLs that are explored: a limit must be small enough to be reached."""
FIRST_ATTEMPTS: tuple[Crawl, ...] = (
    *((urls, f"{note}, 1 attempt", {**fewer, "retries": 0}) for urls, note, fewer in CRAWLS[:-1]),
    CRAWLS[-1],
)
"""Instead of these, where what is remembered of each request makes them too many: retries of one URL alone."""
ALONE: dict[str, Any] = {
    "robots": "ignore",
    "concurrency": 1,
    "per_domain": 1,
    "ban_status": (),
    "page_bans": False,
    "proxy_for": (),
    "sites": (),
    "sessions": None,
    "sitemaps": (),
    "files": (),
    "login": None,
    "revisit_ns": None,
}
"""Without what has a memory of its own."""
UNANSWERED: Crawl = (
    ONE_URL,
    "1 URL without an answer",
    {**ALONE, "dead_after": 1, "retries": PROBES_MAX + 1},
)
"""Each request may fail without an answer, until its domain is given up."""
REFUSED: Crawl = (ONE_DOMAIN, "1 domain that refuses", {**ALONE, "refusing_max_ns": 1})
"""Each request may be refused, until the domain is given up."""


def verify_crawl(
    settings: Settings,
    *,
    policy: Callable[[Settings], Policy] = Policy,
    net: Callable[[Policy], ScrapeNet] = ScrapeNet,
    limits: ExplorationLimits = LIMITS,
    processes: int = 1,
    builder: Builder | None = None,
) -> Report:
    """Prove the guarantees of a crawl with these settings.

    Args:
        settings: of the crawl. A number that only makes a crawl bigger (requests at a time, attempts, pages)
            is replaced by a small one.
        policy: the decisions: `Policy`, or a subclass of it.
        net: makes the net of a policy: `ScrapeNet`, or a subclass of it with other parts.
        limits: when to give up, for each of the crawls. After a refutation, no other crawl is looked at.
        processes: how many of the crawls are looked at at a time, each in a process of its own.
        builder: of the search in machine code (`kernels.searching`); None: in Python.

    Raises:
        NetError: the net can't work.
        AnalysisError: a property of a part names what the net does not have.
    """

    def proof(urls: tuple[str, ...], note: str, given: Settings) -> Report:
        whole = net(policy(given))
        instance = instance_of(whole, _with_sites(urls, settings), note)
        return verify(whole, instance, *guarantees(whole), limits=limits, builder=builder)

    found: list[Report] = []
    crawls = [partial(proof, *crawl) for crawl in _distinct(settings)]
    for report in in_order(crawls, processes):
        found.append(report)
        if any(verdict.status == "refuted" for verdict in report.verdicts):
            break
    return Report("scrape", tuple(_joined(found)), found[0].abstraction)


def _distinct(settings: Settings) -> Iterator[tuple[tuple[str, ...], str, Settings]]:
    """The crawls, each once: with one request at a time, those that have one at a time are others again."""
    looked_at: list[tuple[tuple[str, ...], Settings]] = []
    for urls, note, fewer in _crawls(settings):
        given = replace(small(settings), **fewer)
        if (urls, given) not in looked_at:
            looked_at.append((urls, given))
            yield urls, note, given


def _crawls(settings: Settings) -> Iterator[Crawl]:
    """The crawls that are explored for these settings."""
    remembered = (
        settings.has_routes or settings.has_addresses or settings.sessions or settings.login
    )
    yield from FIRST_ATTEMPTS if remembered else CRAWLS
    if len(settings.proxies) > 1 and not remembered:
        yield ONE_DOMAIN, "1 domain, 1 proxy", {"proxies": small(settings).proxies[:1]}
    if settings.dead_after:
        yield UNANSWERED
    if settings.refusing_max_ns is not None:
        yield REFUSED


def small(settings: Settings) -> Settings:
    """Settings with the same policy for a crawl that is small enough to be explored."""
    per_host = settings.per_host
    return replace(
        settings,
        concurrency=min(settings.concurrency, 2),
        per_domain=min(settings.per_domain, 2),
        per_host=None if per_host is None else min(per_host, 2),
        per_address=settings.per_address and min(settings.per_address, 2),
        sites=tuple(map(_small_site, settings.sites)),
        retries=min(settings.retries, 1),
        losses=1,
        max_pages=settings.max_pages and min(settings.max_pages, 2),
        max_pages_per_domain=settings.max_pages_per_domain
        and min(settings.max_pages_per_domain, 2),
        proxies=tuple(map(_small_proxy, settings.proxies[:2])),
        dead_after=0,
        dead_host_after=min(settings.dead_host_after, 1),
        refusing_max_ns=None,
        retry_after_max_ns=settings.retry_after_max_ns and HOUR_NS - 1,
        max_bytes=settings.max_bytes and len(BODY),
        max_bytes_per_domain=settings.max_bytes_per_domain and len(BODY),
        max_items=settings.max_items and 1,
        sessions=settings.sessions and min(settings.sessions, 2),
        sitemaps=settings.sitemaps[:1],
        files=settings.files[:1],
        shares=tuple(min(share, 2) for share in settings.shares),
        visits=settings.revisit_ns and min(settings.visits or 2, 2),
        scope="any",
        allow=(),
        deny=(),
    )


def _small_site(site: Site) -> Site:
    return replace(site, per_domain=site.per_domain and min(site.per_domain, 2))


def _small_proxy(proxy: c.Proxy) -> c.Proxy:
    return replace(
        proxy, slots=min(proxy.slots, 2), quota=None if proxy.quota is None else min(proxy.quota, 2)
    )


def _with_sites(urls: Sequence[str], settings: Settings) -> list[str]:
    """The URLs, in the domains that have settings of their own where there are some."""
    names = [site.name for site in settings.sites]
    names += [name for name in ("a.example", "b.example") if name not in names]
    renamed = {"a.example": names[0], "b.example": names[1]}
    parts = [url.partition("://")[2].partition("/") for url in urls]
    return [f"http://{renamed[host]}/{path}" for host, _, path in parts]


def instance_of(net: ScrapeNet, urls: Sequence[str], note: str) -> Instance:
    """A crawl of a few URLs: its initial tokens, and the possible outcomes of requests and pages."""
    policy, settings = net.policy, net.policy.settings
    mapped = bool(settings.sitemaps)
    named = f"Sitemap: {origin_of(urls[-1])}/sitemap.xml\n" if mapped else ""
    revisits = settings.compares
    more = mapped or revisits or bool(settings.files)
    pages = urls[:-1] or urls if more else urls  # a sitemap, a file, or another visit, is one
    seeds = tuple(policy.frontier.seed(url) for url in pages)
    if settings.since is not None:
        seeds = tuple(policy.requests.visits.known(each, Visit(kept="before")) for each in seeds)
    if settings.shares:
        seeds = tuple(policy.frontier.at_level(each, n) for n, each in enumerate(seeds))
    proxies = settings.proxies or (c.Proxy("direct", slots=settings.concurrency),)
    counted = bool(_trouble(settings))
    gate: Any = c.Gate() if settings.max_time_ns is None else Expiring(c.Gate())
    return Instance(
        tokens={
            net.frontier.found.name: [c.Found(seeds)],
            net.proxies.pool.name: [
                Expiring(proxy) if proxy.not_after_ns else proxy
                for one in proxies
                for proxy in copies_of(one)[:2]
            ],
            net.gate.open.name: [gate],
            **dict(_given(net)),
        },
        later={
            net.gate.stop.name: [c.StopRequest()],
            **{each.open.name: [c.Window()] for each in net.hours},
            **{each.open.name: _windows(each) for each in net.domain_hours},
        },
        outcomes={
            "fetch": lambda target, *_: _fetched(target, settings),
            "robots": lambda job, *_: _asked(job, named, settings, slow=len(urls) == 1),
            **({"sitemap": lambda *_: [c.Mapped(()), c.Throttled(503, None)]} if mapped else {}),
            **({"file": _filed} if net.files else {}),
            "parse": lambda raw: _parsed(raw, policy),
            **({"resolve": _resolved} if net.addresses else {}),
            "validate": lambda _: [c.Valid((), number=n) for n in _sizes(settings)],
            "keep": lambda _: [c.Kept(0)],
        },
        forget={
            **({} if counted else {c.Domain: ("strikes", "calm")}),
            c.Hold: ("wait_ns",),
            c.Proxy: ("strikes", "calm"),
            c.ProxyFault: ("strikes",),
        },
        times={net.robots.again.name: 1} if settings.robots == "obey" else {},
        note=note,
    )


def _resolved(name: c.HostName) -> list[c.Address]:
    """What a lookup may find: the address that all hosts share, or none."""
    return [address_of(name, ["192.0.2.1"]), address_of(name, ())]


def _windows(hours: DomainHours) -> list[c.DomainWindow]:
    """A window of each domain that has hours, which is the last that is known."""
    return [c.DomainWindow(domain, last=True) for domain in hours.p.of_domains]


def _fetched(target: c.Target, settings: Settings) -> list[Any]:
    """What may become of a request: where troubles are counted, a page or the trouble, so that the counts are few."""
    page = c.Fetched(_response(target.url))
    return [page, *(_trouble(settings) or _ends(target, settings))]


def _ends(target: c.Target, settings: Settings) -> Iterator[Any]:
    yield c.Throttled(429, None)
    if settings.per_domain == 1:
        yield c.Throttled(429, HOUR_NS)
    yield c.Failed("http", "HTTP 404", 404, retry=False)
    yield c.Failed("proxy", "no connection to the proxy")
    for status in settings.ban_status[:1]:
        yield c.Failed("http", "HTTP error", status, retry=False)
    yield c.Failed(c.WITHHELD, "a pause")
    if target.request.visit:
        yield from _changes(target.url)


def _asked(job: c.RobotsJob, named: str, settings: Settings, *, slow: bool) -> list[Any]:
    """What may become of a request for a robots.txt, which may name a sitemap; where it is *slow*, it may ask for a pause."""
    forbidden = c.Rules(job.origin, f"{named}User-agent: *\nDisallow: /")
    found = [c.Rules(job.origin, named), forbidden, c.Throttled(503, None)]
    slow_ns = asked_delay_ns(settings, job.home) + SECOND
    if slow and slow_ns <= settings.crawl_delay_max_ns:
        found.append(c.Rules(job.origin, named, crawl_delay_ns=slow_ns, home=job.home))
    return found


def _trouble(settings: Settings) -> list[Any]:
    """What is counted until a domain is given up for it."""
    if settings.dead_after:
        return [c.Failed("connect", "no connection")]
    return [] if settings.refusing_max_ns is None else [c.Throttled(429, None)]


def _given(net: ScrapeNet) -> Iterator[tuple[str, list[Any]]]:
    """The tokens with which the optional parts begin, by place."""
    settings = net.policy.settings
    named = net.policy.sitemaps.given()
    if net.sitemaps is not None and named.jobs:
        yield net.sitemaps.located.name, [named]
    for limit in net.volume:
        if isinstance(limit, Bytes) and settings.max_bytes is not None:
            yield limit.left.name, [c.Allowance(settings.max_bytes)]
        if isinstance(limit, Rate):
            yield limit.free.name, [c.Bandwidth()]
    for shares in net.shares:
        yield shares.round.name, [c.Round()]
    for hours in net.hours:
        yield hours.open.name, [Expiring(c.Window())]
    for limit in net.domain_hours:
        yield limit.open.name, [Expiring(window) for window in _windows(limit)]
    for items in net.items:
        if settings.max_items is not None:
            yield items.left.name, [c.ItemsLeft(settings.max_items)]
    for routes in net.routes:
        yield routes.reputes.name, [c.Repute(proxy.proxy) for proxy in settings.proxies]


def guarantees(net: ScrapeNet) -> list[Property]:
    """The guarantees as properties of the net: those of the whole, and those that each part brings."""
    shown = {place.name for made in net.transitions.values() for place, _ in made.shows}
    standing = {name for name, place in net.places.items() if isinstance(place, Place)}
    places = [name for name in net.places if name in standing - shown]
    found: list[Property] = [
        conserved(
            *places,
            minus=net.frontier.seen.name,
            by=url_of,
            rows=partial(end_of, visits=net.policy.requests.visits),
            claim="G5 a URL is in one place, or has one end",
        ),
        ends(claim="G5 a crawl that stops is finished, or its budget is spent"),
        no_faults(),
    ]
    found += [each for part in net.parts.values() for each in part.properties()]
    return sorted(found, key=lambda asked: asked.claim)


def url_of(token: Any) -> str | None:
    """The URL that a token carries through the net; None if it carries none, or is a step of a login."""
    target = getattr(token, "target", token)
    return target.url if isinstance(target, c.Target) and not target.request.login else None


def end_of(row: Any, visits: VisitPolicy | None = None) -> str | None:
    """The URL that ends with a row; None for an attempt or a visit that another one follows, and for rows without a URL."""
    if isinstance(row, c.Failure) and not row.final:
        return None
    again = visits is not None and isinstance(row, c.Stored) and not visits.is_last(row.target)
    return None if again else url_of(row)


def _filed(job: c.FileJob, *_: Any) -> list[c.FileOutcome]:
    """What may become of a file that an item names."""
    return [c.Filed(c.File(job.asked, "a"), len(BODY)), c.Throttled(503, None)]


def _parsed(raw: c.Raw, policy: Policy) -> list[c.ParseOutcome | c.ParsedWithFiles]:
    """What may become of a page."""
    settings, bad = policy.settings, c.Bad("parse", "no page")
    if settings.files:
        file = policy.files.job(f"{origin_of(raw.target.url)}/file", raw.target)
        return [c.ParsedWithFiles((), (), files=(file,)), bad]
    if raw.target.request.login:
        return [c.LoggedIn(), bad]
    return [c.Parsed((), ()), bad, *([c.LoggedOut()] if settings.login else [])]


def _changes(url: str) -> list[c.VisitOutcome]:
    """What a visit after the first may find: nothing new, or another content."""
    return [c.Unchanged(), c.Fetched(replace(_response(url), body=b"new"))]


def _sizes(settings: Settings) -> range:
    """The numbers of items that a page may have."""
    return range(3 if settings.max_items else 1)


def _response(url: str) -> c.Response:
    return c.Response(
        url=url,
        status=200,
        content_type="text/html",
        charset=None,
        body=BODY,
        fetched_at_ns=0,
        elapsed_ns=0,
    )


def _joined(reports: Sequence[Report]) -> Iterator[Verdict]:
    """One verdict for each property: the worst, ignoring instances in which the property is vacuous."""
    claims: dict[str, list[Verdict]] = {}
    for verdict in (verdict for report in reports for verdict in report.verdicts):
        claims.setdefault(verdict.claim, []).append(verdict)
    for claim in sorted(claims):
        verdicts = claims[claim]
        telling = [v for v in verdicts if not v.why.startswith("proves nothing")] or verdicts
        order = ("refuted", "not proved", "gave up", "proved")
        worst = min(telling, key=lambda verdict: order.index(verdict.status))
        scopes = list(dict.fromkeys(v.scope for v in telling))
        several = f"{len(scopes)} crawls of 1 or 2 URLs"
        scope = worst.scope if not worst.ok or len(scopes) == 1 else several
        yield Verdict(
            worst.claim, worst.status, scope, worst.how,
            tuple(dict.fromkeys(line for v in telling for line in v.assumes)),
            sum(v.states for v in telling), sum(v.seconds for v in telling),
            worst.why, worst.story, worst.calls,
        )  # fmt: skip
