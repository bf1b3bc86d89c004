"""What is expected of a crawl, and what a verdict says.

Owns: the options of the referee with units and defaults, and the shape of its findings.
Must not know: how anything is judged; the crawler that made the log.
"""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from mocks.wirelog import Request

MILLISECOND = 1_000_000
SECOND = 1_000_000_000
NEVER = 2**63

Guarantee = Literal["G2", "G3", "G4", "G5", "G7", "G8"]

GUARANTEES: dict[Guarantee, str] = {
    "G2": "requests to a domain start its delay apart and outside its holds",
    "G3": "a proxy is used within its slots, delay, quota and lease",
    "G4": "no URL is in flight twice or fetched again after success",
    "G5": "attempts stay under the cap, and no reachable page is missing",
    "G7": "pages, depth and time stay within their budgets",
    "G8": "robots.txt is fetched first and obeyed (RFC 9309)",
}

UNSEEN: dict[str, str] = {
    "G1": "what a proxy does between requests does not show on the wire",
    "G6": "the fill of a crawler's stages does not show on the wire",
    "G9": "a log alone does not show what was kept across a crash",
    "G10": "one log shows one run",
}
"""The guarantees that no wire log can judge, and why."""


class ProxyRule(Struct, frozen=True, kw_only=True):
    """What a proxy may carry. Moments are on the log's clock."""

    slots: int | None = 1
    """Requests at a time; None for any number."""
    delay_ns: int = 0
    """Least time between starts."""
    quota: int | None = None
    """Requests in all."""
    not_before_ns: int | None = None
    not_after_ns: int | None = None
    """The last moment at which a request may still be running."""


class Death(Struct, frozen=True):
    """The end of a crawler's process, after which another went on with its crawl.

    What a killed process had heard and not yet written down is unknown to the next one. So an
    answer that was lost is no success, no hold and no robots.txt to later requests, and its URL may
    be asked again. All other answers bind every life, and what the crawler itself did (the starts of
    its requests, each proxy's) always does.
    """

    at_ns: int
    """A moment when the process was dead and the next one had not begun. No request of it runs on."""
    lost: frozenset[str] = frozenset()
    """URLs whose last answer went with it, whichever life had heard it."""


class Expectations(Struct, frozen=True, kw_only=True):
    """The limits that the crawl was given. What is None is not judged."""

    delay_ns: int = SECOND
    """Least time between the starts of two requests to one pacing domain (G2)."""
    site_delays: Mapping[str, int] = field(default_factory=dict)
    """Domains with a delay of their own, nanoseconds."""
    limit_by: Literal["domain", "host"] = "domain"
    """Whether a pacing domain is a registrable domain or a host."""
    per_domain: int | None = None
    """Requests to a pacing domain at a time (G2)."""
    host_delay_ns: int = 0
    """Least time between the starts of two requests to one host, beside that of its domain (G2)."""
    per_host: int | None = None
    """Requests to one host at a time (G2)."""
    address_delay_ns: int = 0
    """Least time between the starts of two requests to one IP address (G2)."""
    per_address: int | None = None
    """Requests to one IP address at a time (G2)."""
    hold: Literal["domain", "url", "none"] = "domain"
    """What a 429 or 503 with Retry-After holds until then (G2)."""
    backoff_ns: int = 0
    """What a 429 or 503 without Retry-After holds for, at least (G2)."""
    robots: Literal["obey", "ignore"] = "obey"
    """`ignore` judges neither Crawl-delay nor G8."""
    proxies: Mapping[str, ProxyRule] = field(default_factory=dict)
    """The proxies with a rule of their own, by the name in the log (G3)."""
    proxy: ProxyRule = ProxyRule()
    """The rule of all other proxies; requests without a proxy need a rule under `direct`."""
    attempts: int = 3
    """Requests for one URL, beside those that were lost with the process that made them (G5)."""
    losses: int = 3
    """Requests for one URL that are lost before it is given up (G5)."""
    lost: Mapping[str, int] = field(default_factory=dict)
    """How many requests for each URL were lost with a worker, while others went on: by the failed log of a crawl of many
    workers. Their answers count for nothing. Of a crawl in one process `deaths` say it."""
    pages: tuple[str, ...] | None = None
    """URLs that the crawl must have fetched (G5)."""
    max_pages: int | None = None
    """Pages fetched with success, robots.txt not counted (G7)."""
    max_depth: int | None = None
    """Links from a seed (G7); needs `depths`."""
    depths: Mapping[str, int] = field(default_factory=dict)
    """The least depth at which each URL can be found."""
    max_time_ns: int | None = None
    """No request starts later than this after the first (G7)."""
    deaths: tuple[Death, ...] = ()
    """Of the crawler's processes, by time."""
    tolerance_ns: int = 2 * MILLISECOND
    """Jitter between sender and server: intervals may be this much shorter than they should."""
    reaction_ns: int = 10 * MILLISECOND
    """Time that a crawler has to act on an answer: a hold or Crawl-delay that was sent less than
    this before a request does not count against that request. With `per_domain` 1 it is none: who
    starts the next request of a domain has dealt with the answer of the one before."""


class Violation(Struct, frozen=True):
    """A guarantee that was broken."""

    guarantee: Guarantee
    kind: str
    """Two or three words: which of the guarantee's rules."""
    message: str
    """One line: who, by how much, what was allowed."""
    lines: tuple[int, ...] = ()
    """The requests concerned, as positions in the log from 0; the last is the one at fault."""


class Verdict(Struct, frozen=True, kw_only=True):
    """What the referee found."""

    requests: int
    pages: int
    """URLs fetched with success, robots.txt not counted."""
    violations: tuple[Violation, ...]
    """By guarantee, then in the order of the log."""
    least_time_ns: int
    """The least time in which politeness allowed these requests; see `mocks.referee.least`."""
    actual_ns: int
    """From the first start to the last end."""
    bound: str
    """What sets `least_time_ns`: a pacing domain, or the proxies."""
    tolerance_ns: int
    reaction_ns: int
    not_judged: Mapping[str, str] = field(default_factory=lambda: dict(UNSEEN))

    @property
    def utilisation(self) -> float:
        """Least over actual time; 1 for an empty log, and above 1 only where rules were broken."""
        return self.least_time_ns / self.actual_ns if self.actual_ns else 1.0

    def count(self, guarantee: Guarantee) -> int:
        """Violations of one guarantee."""
        return sum(violation.guarantee == guarantee for violation in self.violations)


class Seen(Struct, frozen=True, gc=False):
    """A request with its place in the log and the keys that it is judged by."""

    line: int
    request: Request
    domain: str
    """Its pacing domain."""
    origin: str
    """`scheme://host`, with the port unless it is the default."""
    target: str
    """Path and query."""
    forgotten_ns: int = NEVER
    """When its answer was lost with the process that had asked for it; see `Death`."""
    cut: bool = False
    """Whether it was running when the process died that had asked for it."""

    @property
    def start_ns(self) -> int:
        """When it started."""
        return self.request.start_ns

    @property
    def end_ns(self) -> int:
        """When it ended."""
        return self.request.end_ns
