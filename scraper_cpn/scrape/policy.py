"""What the scraper decides, as pure functions of colours.

Owns: how long to wait, whether to try again, what is in scope, what becomes of an outcome. The net
names these functions on its arcs; a scheduler written by hand can call them as they are.
Must not know: the net, the shell, clocks. All randomness is a hash of the seed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from hashlib import blake2b
from typing import Protocol

from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    AGED_TURN,
    TURN,
    Again,
    Allowed,
    Bad,
    Checked,
    Clearance,
    Denied,
    Domain,
    Extracted,
    Failed,
    Failure,
    Fetched,
    Found,
    Kept,
    Link,
    Over,
    Parsed,
    Penalty,
    Proxy,
    ProxyFault,
    Raw,
    Redirected,
    RobotsJob,
    Rules,
    Stored,
    Target,
    Throttled,
    Valid,
    Verdict,
)
from scraper_cpn.scrape.robots import allowed, too_many_hops_rules, unreachable_rules
from scraper_cpn.scrape.settings import Settings, Site
from scraper_cpn.scrape.urls import domain_of, host_of, normalise, pace_of, root_of, within

VERSION = "4"
"""Another one where a decision changes: a state that an older one has written is then refused."""
ROBOTS_HOPS_MAX = 5
"""RFC 9309 section 2.3.1.2."""
MARGIN_MAX_NS = 5_000_000
"""What the pause between two starts is longer than asked: a start is stamped when its request is
written, and the way from there to the server's clock takes a little less or more each time."""

_ROOTS_REMEMBERED = 65_536
_RANKS_REMEMBERED = 4_096
_HEAD_START_MAX_NS = 1 << 62
"""146 years, so that a rank has 64 bits: levels that are farther from 0 count as equal."""


class Reason(Protocol):
    """Anything that says why it happened, such as the net's `Lost`."""

    @property
    def reason(self) -> str:
        """One line for people."""


@dataclass(frozen=True)
class Policy:
    """The decisions of one crawl."""

    settings: Settings
    sites: tuple[str, ...] = ()
    """The sites of the seeds: domains or hosts, as the scope compares them."""
    _limits: dict[str, Site] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_limits", {site.name: site for site in self.settings.sites})

    # Into the frontier.

    def seed(self, url: str, now_ns: int = 0) -> Target:
        """The target of a URL that a user named (normalised), at a time; 0: before all others."""
        return self.target(
            url, site=self.site_of(url), requested_url=url, rank=self.rank(0, now_ns)
        )

    def site_of(self, url: str) -> str:
        """What the scope compares: the host, or the registrable domain."""
        return host_of(url) if self.settings.scope == "host" else domain_of(url, "domain")

    def discover(
        self, page: Target, links: Iterable[Link], found_ns: int = 0
    ) -> tuple[Target, ...]:
        """The targets of the links of a page that had arrived at *found_ns*.

        A link has none that is out of scope, too deep, or filtered out. Cost: a microsecond for a link.
        """
        most, flat = self.settings.max_depth, self.settings.ageing_ns is None
        if most is not None and page.depth >= most:
            return ()
        filtered = self._allow or self._deny
        site, parent, depth, found = page.site, page.url, page.depth + 1, list[Target]()
        for link in links:
            url = link.url
            names = self._reached(root_of(url), site)
            if names is not None and (not filtered or self._wanted(url)):
                target = Target(  # not by `target`: passing all of it on would cost as much again
                    url=url,
                    domain=names[0],
                    origin=names[1],
                    site=site,
                    requested_url=url,
                    parent=parent,
                    depth=depth,
                    priority=link.priority,
                    rank=found_ns if flat else self.rank(link.priority, found_ns),
                    handler=link.to,
                )
                found.append(target)
        return tuple(found)

    def target(
        self,
        url: str,
        *,
        site: str,
        requested_url: str,
        parent: str | None = None,
        depth: int = 0,
        priority: int = 0,
        rank: int = 0,
        attempt: int = 1,
        hops: int = 0,
        handler: str = "",
    ) -> Target:
        """A target, with what follows from its URL (normalised)."""
        domain, origin = pace_of(url, self.settings.limit_by)
        return Target(
            url=url,
            domain=domain,
            origin=origin,
            site=site,
            requested_url=requested_url,
            parent=parent,
            depth=depth,
            priority=priority,
            rank=rank,
            attempt=attempt,
            hops=hops,
            handler=handler,
        )

    def to_ask(self, found: Found) -> tuple[Target, ...]:
        """The targets that robots.txt is asked about first."""
        return found.targets if self.settings.robots == "obey" else ()

    def to_fetch(self, found: Found) -> tuple[Target, ...]:
        """The targets that go straight to the frontier."""
        return () if self.settings.robots == "obey" else found.targets

    def domain(self, target: Target) -> Domain:
        """The pacing token that a target needs."""
        return self._domains[target.domain]

    def robots_job(self, target: Target) -> RobotsJob:
        """The robots.txt that a target needs."""
        origin, home = target.origin, target.domain
        return RobotsJob(origin=origin, url=_robots_url(origin), domain=home, home=home)

    # Its order.

    @property
    def turn(self) -> tuple[str, str]:
        """The fields of a target that order those that wait."""
        return TURN if self.settings.ageing_ns is None else AGED_TURN

    def rank(self, priority: int, since_ns: int) -> int:
        """When a page of level 0 would have been found that goes just before this one.

        It never changes while pages wait, so that nothing is sorted again. Without ageing it is one object
        for all links of a page, and with ageing one for those of a level: they may wait by the million.
        """
        behind_ns = self._behind_ns(priority)
        return _sum(since_ns, behind_ns) if behind_ns else since_ns

    def since_ns(self, priority: int, rank: int) -> int:
        """When the URL of a target was found that has these."""
        return rank - self._behind_ns(priority)

    # Pace.

    def slots(self, domain: str) -> int:
        """Requests to a domain at a time."""
        site = self._limits.get(domain)
        return (
            self.settings.per_domain if site is None or site.per_domain is None else site.per_domain
        )

    def proxy_slots(self, name: str) -> int:
        """Requests through a proxy at a time."""
        return self._proxy_slots.get(name, self.settings.concurrency)

    def paced(self, domain: Domain) -> Domain:
        """The pacing token after a start."""
        return replace(domain, calm=domain.calm + 1) if domain.strikes else domain

    def gap_ns(self, domain: Domain) -> int:
        """From one start to the next."""
        return domain.delay_ns + min(domain.delay_ns // 100, MARGIN_MAX_NS)

    def carried(self, proxy: Proxy) -> Proxy:
        """A proxy's token after a start."""
        if proxy.quota is None and not proxy.strikes:
            return proxy
        left = None if proxy.quota is None else proxy.quota - 1
        return replace(proxy, quota=left, calm=proxy.calm + 1 if proxy.strikes else 0)

    def used_up(self, proxy: Proxy) -> bool:
        """Whether a proxy has carried its quota; it is retired before anything else can use it."""
        return proxy.quota == 0

    def proxy_gap_ns(self, proxy: Proxy) -> int:
        """From one start through a proxy to the next."""
        return proxy.delay_ns + min(proxy.delay_ns // 100, MARGIN_MAX_NS)

    def refusal(self, target: Target, refused: Throttled) -> Penalty | None:
        """What a 429 or 503 does to the domain."""
        if self.settings.backoff_scope == "url":
            return None
        return Penalty(target.domain, refused.wait_ns)

    def slower(self, job: RobotsJob, rules: Rules) -> Penalty | None:
        """What a Crawl-delay does to the domain: the running pause grows, and all later ones."""
        delay_ns = rules.crawl_delay_ns
        if delay_ns is None or delay_ns <= self.delay_ns(job.home):
            return None
        # The pause began with the last start in the domain. That was this request's, unless the file
        # was elsewhere or others may start meanwhile; then it began no later than now.
        alone = job.domain == job.home and self.slots(job.home) == 1
        wait_ns = max(0, delay_ns - rules.elapsed_ns) if alone else delay_ns
        return Penalty(job.home, wait_ns, delay_ns)

    def held(self, domain: Domain, penalty: Penalty) -> Domain:
        """The pacing token after a penalty; only a refusal without Retry-After is a strike."""
        delay_ns = max(domain.delay_ns, penalty.delay_ns)
        if penalty.wait_ns is not None:
            return replace(domain, delay_ns=delay_ns)
        return replace(domain, delay_ns=delay_ns, strikes=self._strikes(domain), calm=0)

    def hold_ns(self, domain: Domain, penalty: Penalty) -> int:
        """How long a penalty holds the domain, from now."""
        if penalty.wait_ns is not None:
            return penalty.wait_ns
        return self._backoff_ns(self._strikes(domain), domain.domain)

    def at_fault(self, proxy: Proxy, failed: Failed) -> list[ProxyFault]:
        """A failure that is the proxy's own concerns all of its tokens."""
        own = failed.kind == "proxy" and proxy.url is not None
        return [ProxyFault(proxy.proxy)] * tokens_of(proxy) if own else []

    def rested(self, proxy: Proxy) -> Proxy:
        """A proxy's token after a fault of its own."""
        return replace(proxy, strikes=self._strikes(proxy), calm=0)

    def rest_ns(self, proxy: Proxy) -> int:
        """How long a fault rests a proxy, given the token after the fault."""
        return self._backoff_ns(self._strikes(proxy), proxy.proxy)

    # robots.txt.

    def clearance(self, target: Target, rules: Rules) -> Clearance:
        """Whether robots.txt allows a target."""
        if allowed(rules.text, self.settings.user_agent, target.url):
            return Allowed()
        return Denied(rules.reason, rules.kind)

    def robots_hop(self, job: RobotsJob, moved: Redirected) -> RobotsJob | None:
        """The next hop of a redirected robots.txt; it waits its turn in its own domain."""
        if job.hops >= ROBOTS_HOPS_MAX:
            return None
        domain = domain_of(moved.url, self.settings.limit_by)
        return replace(job, url=moved.url, domain=domain, hops=job.hops + 1)

    def robots_hop_domain(self, moved: Redirected) -> Domain:
        """The pacing token that the next hop needs."""
        return self._domain(domain_of(moved.url, self.settings.limit_by))

    def rules_after_too_many_redirects(self, job: RobotsJob) -> Rules | None:
        """After too many hops the file counts as unavailable: all is allowed."""
        return too_many_hops_rules(job.origin) if job.hops >= ROBOTS_HOPS_MAX else None

    def robots_again(self, job: RobotsJob, outcome: object) -> RobotsJob | None:
        """Another attempt, from the first hop; none after the last."""
        if self._robots_over(job, outcome):
            return None
        url = _robots_url(job.origin)
        return replace(job, url=url, domain=job.home, hops=0, attempt=job.attempt + 1)

    def robots_wait_ns(self, job: RobotsJob, outcome: object) -> int:
        """How long the next attempt waits by itself, beside its domain."""
        if isinstance(outcome, Throttled) and outcome.wait_ns is not None:
            return outcome.wait_ns
        return self._backoff_ns(job.attempt, job.url)

    def robots_unreachable(self, job: RobotsJob, outcome: object) -> Rules | None:
        """After the last attempt: complete disallow (RFC 9309 section 2.3.1.4)."""
        if not self._robots_over(job, outcome):
            return None
        return unreachable_rules(job.origin, _said(outcome))

    def robots_refusal_penalty(self, job: RobotsJob, refused: Throttled) -> Penalty:
        """What a 429 or 503 for robots.txt does to the domain that was asked."""
        return Penalty(job.domain, refused.wait_ns)

    def robots_failure(self, job: RobotsJob, outcome: object) -> Failure:
        """The log's row of a failed attempt at robots.txt; its URLs have rows of their own."""
        asked = _robots_url(job.origin)
        target = self.target(job.url, site="", requested_url=asked, attempt=job.attempt)
        return Failure(target=target, kind="unreachable", reason=_said(outcome))

    def refresh(self, rules: Rules) -> RobotsJob:
        """A robots.txt that is a day old is fetched again (RFC 9309 section 2.4)."""
        home = domain_of(rules.origin, self.settings.limit_by)
        url = _robots_url(rules.origin)
        return RobotsJob(origin=rules.origin, url=url, domain=home, home=home)

    # What becomes of an outcome.

    def denied(self, target: Target, denied: Denied) -> Failure:
        """A URL that robots.txt forbids ends here."""
        return Failure(target=target, kind=denied.kind, reason=denied.reason, final=True)

    def raw(self, target: Target, fetched: Fetched) -> Raw:
        """A page on its way to be parsed."""
        return Raw(target, fetched.response)

    def hop(self, target: Target, moved: Redirected) -> Found | None:
        """Where a redirect leads, if that is in scope and not too far; a redirected seed joins."""
        if self._stray(target, moved) is not None:
            return None
        site = self.site_of(moved.url) if target.seed else target.site
        hop = self.target(
            moved.url,
            site=site,
            requested_url=target.requested_url,
            parent=target.parent,
            depth=target.depth,
            priority=target.priority,
            rank=target.rank,
            hops=target.hops + 1,
            handler=target.handler,
        )
        return Found((hop,))

    def moved(self, target: Target, moved: Redirected) -> Failure:
        """The end of a URL that redirects."""
        stray = self._stray(target, moved)
        kind, reason = stray or ("moved", f"redirects to {moved.url}")
        return Failure(target=target, kind=kind, reason=reason, status=moved.status, final=True)

    def refused(self, target: Target, refused: Throttled) -> Failure:
        """An attempt that the server refused."""
        reason = f"HTTP {refused.status}" + (", no Retry-After" if refused.wait_ns is None else "")
        by_domain = self.settings.backoff_scope == "domain"
        wait_ns = (
            0 if by_domain else refused.wait_ns or self._backoff_ns(target.attempt, target.url)
        )
        return Failure(
            target=target,
            kind="refused",
            reason=reason,
            status=refused.status,
            retry=True,
            wait_ns=wait_ns,
        )

    def failed(self, target: Target, failed: Failed) -> Failure:
        """An attempt that failed."""
        wait_ns = self._backoff_ns(target.attempt, target.url)
        return Failure(
            target=target,
            kind=failed.kind,
            reason=failed.reason,
            status=failed.status,
            retry=failed.retry,
            wait_ns=wait_ns,
        )

    def lost(self, target: Target, lost: Reason) -> Failure:
        """An attempt that was cancelled or crashed."""
        wait_ns = self._backoff_ns(target.attempt, target.url)
        return Failure(target=target, kind="lost", reason=lost.reason, retry=True, wait_ns=wait_ns)

    def lost_page(self, page: Raw | Extracted | Checked, lost: Reason) -> Failure:
        """A page that was lost on its way down the pipeline; its URL is fetched again."""
        return self.lost(page.target, lost)

    def verdict(self, failure: Failure) -> Verdict:
        """Whether a target gets another attempt."""
        if failure.retry and failure.target.attempt <= self.settings.retries:
            return Again()
        return Over()

    def next_attempt(self, failure: Failure) -> Target:
        """The target, for its next attempt."""
        return replace(failure.target, attempt=failure.target.attempt + 1)

    def again_after_ns(self, failure: Failure) -> int:
        """How long the next attempt waits by itself, beside its domain."""
        return failure.wait_ns

    def over(self, failure: Failure) -> Failure:
        """The last row of a target that failed for good."""
        return replace(failure, final=True)

    # The pipeline.

    def links(self, parsed: Parsed) -> Found | None:
        """The links of a page."""
        return Found(parsed.targets) if parsed.targets else None

    def extracted(self, page: Raw, parsed: Parsed) -> Extracted:
        """A page on its way to be validated."""
        return Extracted(page.target, parsed.items)

    def bad(self, page: Raw | Extracted, bad: Bad) -> Failure:
        """A page that ends because of its content."""
        return Failure(
            target=page.target, kind=bad.kind, reason=bad.reason, detail=bad.detail, final=True
        )

    def checked(self, page: Extracted, valid: Valid) -> Checked:
        """A page on its way to be kept."""
        return Checked(page.target, valid.items)

    def invalid(self, page: Extracted, valid: Valid) -> list[Failure]:
        """A row for each item that does not fit the schema; the page goes on with the others."""
        return [Failure(target=page.target, kind="invalid", reason=line) for line in valid.errors]

    def stored(self, page: Checked, kept: Kept) -> Stored:
        """The end of a page that went well."""
        return Stored(page.target, kept.items, page.items, kept.length)

    # Parts.

    def _behind_ns(self, priority: int) -> int:
        """By how much a level is behind level 0."""
        period_ns = self.settings.ageing_ns
        if period_ns is None:
            return 0
        most = _HEAD_START_MAX_NS // period_ns
        return max(-most, min(priority, most)) * period_ns

    @cached_property
    def _reached(self) -> Callable[[str, str], tuple[str, str] | None]:
        """Pacing domain and origin of a URL's root (`scheme://host[:port]`); None where a site's links don't lead."""

        def names(root: str, site: str) -> tuple[str, str] | None:
            inside = self._inside(root, site)
            return pace_of(root, self.settings.limit_by) if inside else None

        return lru_cache(_ROOTS_REMEMBERED)(names)

    def _inside(self, url: str, site: str) -> bool:
        if self.settings.scope == "any":
            return True
        own = self.site_of(url)
        return own == site or own in self._sites or within(host_of(url), self.settings.domains)

    def _wanted(self, url: str) -> bool:
        if self._allow and not any(pattern.search(url) for pattern in self._allow):
            return False
        return not self._deny or not any(pattern.search(url) for pattern in self._deny)

    def _stray(self, target: Target, moved: Redirected) -> tuple[str, str] | None:
        """Why a redirect is not followed."""
        if target.hops >= self.settings.max_redirects:
            return (
                "redirect",
                f"more than {self.settings.max_redirects} redirects, the last to {moved.url}",
            )
        if moved.url in (target.url, target.requested_url):
            return ("redirect", "redirects in a circle, back to itself")
        if not target.seed and not self._inside(moved.url, target.site):
            return ("scope", f"redirects out of scope, to {moved.url}")
        return None

    def _domain(self, name: str) -> Domain:
        return Domain(name, self.delay_ns(name))

    def delay_ns(self, domain: str) -> int:
        """The least time between two starts in a domain, as far as the user says."""
        site = self._limits.get(domain)
        return self.settings.delay_ns if site is None or site.delay_ns is None else site.delay_ns

    def _strikes(self, token: Domain | Proxy) -> int:
        """The strikes after one more refusal.

        Refusals of requests that ran together are one incident. It follows on the last one if no more
        requests were started since than may run at a time; else one of them was answered, and the
        series begins anew.
        """
        if token.strikes and token.calm == 0:
            return token.strikes
        at_once = token.slots if isinstance(token, Proxy) else self.slots(token.domain)
        return 1 if token.calm > at_once else token.strikes + 1

    def _robots_over(self, job: RobotsJob, outcome: object) -> bool:
        return job.attempt > self.settings.retries or not getattr(outcome, "retry", True)

    def _backoff_ns(self, count: int, what: str) -> int:
        """Exponential, with jitter in [1/2, 1] from the seed, so that crawls don't move in step."""
        full = min(self.settings.backoff_ns << min(count - 1, 40), self.settings.backoff_max_ns)
        digest = blake2b(f"{self.settings.seed} {what} {count}".encode(), digest_size=4).digest()
        return full // 2 + (full - full // 2) * int.from_bytes(digest, "big") // 0xFFFFFFFF

    @cached_property
    def _domains(self) -> _Domains:
        return _Domains(self._domain)

    @cached_property
    def _sites(self) -> frozenset[str]:
        return frozenset(self.sites)

    @cached_property
    def _allow(self) -> Sequence[re.Pattern[str]]:
        return [re.compile(pattern) for pattern in self.settings.allow]

    @cached_property
    def _deny(self) -> Sequence[re.Pattern[str]]:
        return [re.compile(pattern) for pattern in self.settings.deny]

    @cached_property
    def _proxy_slots(self) -> dict[str, int]:
        return {proxy.proxy: proxy.slots for proxy in self.settings.proxies}


class _Domains(dict[str, Domain]):
    """The first pacing tokens of domains: asked for every new URL, and known after the first one.

    As many as the net knows domains.
    """

    def __init__(self, make: Callable[[str], Domain]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, name: str) -> Domain:
        domain = self[name] = self._make(name)
        return domain


def _said(outcome: object) -> str:
    """What an outcome says of itself, in one line."""
    return getattr(outcome, "reason", "") or f"HTTP {getattr(outcome, 'status', '')}"


def sites_of(settings: Settings, seeds: Sequence[str]) -> tuple[str, ...]:
    """The sites of seeds, as the scope compares them with links."""
    probe = Policy(settings)
    return tuple(dict.fromkeys(probe.site_of(seed) for seed in seeds))


def tokens_of(proxy: Proxy) -> int:
    """How many tokens stand for a proxy: one that paces or counts, else one for each slot."""
    return 1 if proxy.delay_ns or proxy.quota is not None else proxy.slots


@lru_cache(_RANKS_REMEMBERED)
def _sum(since_ns: int, behind_ns: int) -> int:
    return since_ns + behind_ns


@lru_cache(_ROOTS_REMEMBERED)
def _robots_url(origin: str) -> str:
    """The robots.txt of an origin, without a default port."""
    return normalise(f"{origin}/robots.txt") or origin
