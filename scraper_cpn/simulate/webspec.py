"""The parameters of a synthetic web, and the form of its answers.

Owns: `WebSpec` with the unit and range of every parameter, and `WebAnswer`, the answer to a request.
Must not know: how an answer is decided, sockets, clocks, the net.
"""

from email.utils import formatdate
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

MILLISECOND = 1_000_000
SECOND = 1_000_000_000

Fate = Literal["complete", "dropped", "stalled"]
FailKind = Literal[
    "500", "503", "503 seconds", "503 date", "429 seconds", "429 date", "dropped", "cut", "stalled"
]
RobotsKind = Literal["absent", "allow", "disallow", "delay", "error", "redirected"]
RedirectKind = Literal["own", "chain", "other", "loop", "private"]
Scope = Literal["host", "domain", "any"]

_Count = Annotated[int, Meta(ge=0)]
_Positive = Annotated[int, Meta(ge=1)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Nanoseconds = Annotated[int, Meta(ge=0)]


class WebSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of a synthetic web; equal specs give equal webs, byte for byte.

    Commands print the description of each parameter; `SyntheticWeb` refuses a value that is out of
    range.
    """

    seed: Annotated[int, Meta(description="of every decision")] = 0
    hosts: Annotated[_Positive, Meta(description="number of hosts")] = 1
    subdomains: Annotated[
        _Positive, Meta(description="hosts that share one registrable domain")
    ] = 1
    addresses: Annotated[
        _Count,
        Meta(
            description="IP addresses that the hosts share in turn, in virtual time; 0: each has its own"
        ),
    ] = 0
    pages: Annotated[_Positive, Meta(description="pages per host")] = 10
    links: Annotated[_Count, Meta(description="links per page to its own host")] = 5
    links_out: Annotated[_Count, Meta(description="links per page to other hosts")] = 1
    duplicates: Annotated[
        _Share, Meta(description="share of links that appear twice, in another spelling")
    ] = 0.0
    body_bytes: Annotated[
        _Count, Meta(description="size of a page; its markup is the least size")
    ] = 2000
    non_html: Annotated[
        _Share, Meta(description="share of the pages without children that are not HTML")
    ] = 0.0
    latency_ns: Annotated[_Nanoseconds, Meta(description="least time to an answer")] = 0
    latency_spread_ns: Annotated[
        _Nanoseconds, Meta(description="added to it, from 0 to this, uniformly")
    ] = 0
    slow: Annotated[_Share, Meta(description="share of pages whose body trickles")] = 0.0
    trickle_ns: Annotated[_Nanoseconds, Meta(description="how long such a body takes")] = SECOND
    fail: Annotated[_Share, Meta(description="share of pages that fail at first")] = 0.0
    fail_times: Annotated[
        _Positive, Meta(description="a failing page fails from 1 to this many times")
    ] = 2
    fail_kinds: Annotated[
        tuple[FailKind, ...], Meta(min_length=1, description="how pages fail, chosen per request")
    ] = ("500", "503", "503 seconds", "429 seconds", "dropped")
    retry_after_s: Annotated[_Count, Meta(description="Retry-After of 429 and 503, seconds")] = 1
    stall_ns: Annotated[
        _Nanoseconds, Meta(description="silence of a stalled body before the connection ends")
    ] = 60 * SECOND
    busy_hosts: Annotated[
        _Count, Meta(description="hosts (the last ones) that answer 429 at first")
    ] = 0
    busy_requests: Annotated[
        _Count, Meta(description="requests that such a host refuses, robots.txt not counted")
    ] = 2
    robots: Annotated[
        tuple[RobotsKind, ...],
        Meta(min_length=1, description="robots.txt of host 0, 1, ...; the last is for all others"),
    ] = ("absent",)
    crawl_delay_ns: Annotated[
        _Nanoseconds, Meta(description="Crawl-delay of the hosts with robots kind 'delay'")
    ] = SECOND
    redirect: Annotated[_Share, Meta(description="share of pages with a redirect to them")] = 0.0
    redirect_kinds: Annotated[
        tuple[RedirectKind, ...], Meta(min_length=1, description="where redirects lead")
    ] = ("own", "chain", "other", "loop", "private")
    chain_hops: Annotated[_Positive, Meta(description="redirects in a chain")] = 3


def check_spec(spec: WebSpec) -> None:
    """Refuse a spec with a parameter that is out of range.

    Raises:
        ValueError: the message names the parameter and its range.
    """
    try:
        msgspec.convert(msgspec.to_builtins(spec), WebSpec)
    except msgspec.ValidationError as error:
        raise ValueError(f"web spec: {error}") from None


class WebAnswer(Struct, frozen=True, gc=False, kw_only=True):
    """The answer to a request. The sender adds the headers that need a clock or a transport."""

    status: int
    """0: the connection ends without an answer."""
    headers: tuple[tuple[str, str], ...] = ()
    """Without Content-Length, Date and Retry-After."""
    body: bytes = b""
    latency_ns: int = 0
    """From the request to the first byte."""
    spread_ns: int = 0
    """From the first byte of the body to its last."""
    fate: Fate = "complete"
    """`dropped` and `stalled` send half of the body; then the connection closes, or sends nothing more."""
    retry_after_s: int | None = None
    retry_date: bool = False
    """Whether Retry-After is sent as an HTTP date instead of seconds (RFC 9110 section 10.2.3)."""

    def headers_at(self, utc_ns: int) -> tuple[tuple[str, str], ...]:
        """The headers of an answer that is sent at *utc_ns* (since 1970), with Retry-After.

        A date is rounded up to whole seconds, so that it asks for no less than `retry_after_s`.
        """
        if self.retry_after_s is None:
            return self.headers
        if not self.retry_date:
            return (*self.headers, ("Retry-After", str(self.retry_after_s)))
        date = formatdate(self.hold_until_ns(utc_ns) // SECOND, usegmt=True)
        return (*self.headers, ("Retry-After", date))

    def hold_until_ns(self, utc_ns: int) -> int:
        """The moment (UTC) before which an answer sent at *utc_ns* forbids another request."""
        wait_ns = (self.retry_after_s or 0) * SECOND
        if not self.retry_date:
            return utc_ns + wait_ns
        return -(-(utc_ns + wait_ns) // SECOND) * SECOND


class HostRules(Struct, frozen=True):
    """The robots.txt of a host and what follows from it (RFC 9309)."""

    kind: RobotsKind
    status: int
    text: str | None
    """The file that is served, directly or after a redirect; None if there is none."""
    crawl_delay_ns: int = 0
    disallowed: tuple[str, ...] = ()
    """Path prefixes; `/` when the file is unreachable (section 2.3.1.4)."""
