"""What limits requests: domains, hosts, proxies, allowances, and the marks, holds and penalties that change them.

Owns: these types; their times are integer nanoseconds, sizes are bytes.
"""

from typing import Literal

from msgspec import Struct


class Domain(Struct, frozen=True, gc=False):
    """The pacing token of a domain: a firing that takes it may start one request."""

    domain: str
    delay_ns: int
    """Least time between the starts of two requests: the largest of policy and Crawl-delay."""
    strikes: int = 0
    """Refusals (429, 503) without Retry-After in a row; sets the growing back-off."""
    calm: int = 0
    """Requests started since the last strike or pause; only counted while the domain is in trouble."""
    silent: int = 0
    """Requests in a row that had no answer at all."""
    probes: int = 0
    """Pauses since the domain counts as dead: after each of them it is asked once."""
    pace_ns: int = 0
    """The time between two starts that the server's time asks for (`--adaptive`); the delay counts if it is longer."""
    throttled_ns: int = 0
    """How long it has refused requests in a row: the sum of the pauses."""


class Host(Struct, frozen=True, gc=False):
    """The pacing token of a host, if hosts have limits of their own."""

    host: str


class HostName(Struct, frozen=True, gc=False):
    """A host whose address is not known, or not any more (`--per-address`, `--address-delay`)."""

    host: str
    avoid: str = ""
    """The address to which no connection could be made; the others are preferred. Empty for none."""


class Address(Struct, frozen=True, gc=False):
    """The address of a host, for as long as it holds. Also the outcome of looking one up."""

    host: str
    address: str
    """By which requests are counted: an IPv4 address, an IPv6 network of 64 bits, or the host's name if it has no address."""
    ips: tuple[str, ...] = ()
    """The addresses of the host, IPv4 before IPv6, each in numerical order; empty if it has none."""
    lasts_ns: int = 0
    """How long this holds."""
    avoid: str = ""
    """As `HostName.avoid`."""

    @property
    def ip(self) -> str:
        """The address that is connected to; empty for none."""
        return self.ips[0] if self.ips else ""


class AddressPace(Struct, frozen=True, gc=False):
    """The pacing token of an address."""

    address: str


class AddressFault(Struct, frozen=True, gc=False):
    """No connection could be made to the address of a host."""

    host: str
    address: str


class Proxy(Struct, frozen=True, gc=False):
    """The pacing token of a proxy, or of the direct connection."""

    proxy: str
    """Its name in logs: the URL without the password. `direct` for no proxy."""
    url: str | None = None
    """With credentials; None for the direct connection. Never logged."""
    slots: int = 1
    """Requests at a time."""
    delay_ns: int = 0
    """Least time between the starts of two requests through it."""
    quota: int | None = None
    """The total number of requests it may carry; None for no limit."""
    not_before_ns: int | None = None
    """UTC, nanoseconds since 1970; None for no limit."""
    not_after_ns: int | None = None
    """UTC, nanoseconds since 1970; the last moment at which a request may still be running."""
    strikes: int = 0
    """Separate incidents in a row in which the proxy itself failed."""
    calm: int = 0
    """Requests started since the last strike; only counted while `strikes` is above 0."""
    group: str = ""
    """Domains are sent through proxies of one group (`Settings.proxy_for`)."""
    bytes: int | None = None
    """The bytes of pages that it may still carry, decompressed; None for no limit."""
    spare: bool = False
    """Whether it has another token, with which it is probed in quarantine."""
    silent: int = 0
    """Requests without an answer since its last answer, as far as they are no sign of their domains."""
    silent_of: str = ""
    """The domain of the last one."""

    def __repr__(self) -> str:
        """Omit the URL, which may contain a password."""
        return f"<proxy {self.proxy}>"


class Penalty(Struct, frozen=True, gc=False):
    """A domain has asked for a pause, or for a slower pace."""

    domain: str
    wait_ns: int | None = None
    """The pause from now on; None: the growing back-off decides (a refusal without Retry-After)."""
    delay_ns: int = 0
    """A Crawl-delay: the new least time between starts, if larger than the present one."""
    sign: Literal["throttled", "silent", "answered", "paced", "crowded"] = "throttled"
    """The event: a refusal (or a Crawl-delay), no answer at all, an answer after requests without one, an
    answer that took another time than those before, or a page that waits for a process that parses it."""
    pace_ns: int = 0
    """The new pace, if it is `paced`."""


class HostSilence(Struct, frozen=True, gc=False):
    """How many requests to a host in a row had no answer (`--dead-host-after`)."""

    host: str
    silent: int = 0


class HostSign(Struct, frozen=True, gc=False):
    """A request to a host had an answer, or none."""

    host: str
    answered: bool
    others: bool = False
    """Whether other hosts of its domain have answered meanwhile."""


class DeadHost(Struct, frozen=True, gc=False):
    """A host that is not asked any more."""

    host: str
    reason: str


class GivenUp(Struct, frozen=True, gc=False):
    """A domain that is not asked any more."""

    domain: str
    reason: str


class Allowance(Struct, frozen=True, gc=False):
    """The bytes that may still come (`--max-bytes`)."""

    bytes: int


class KnownLevel(Struct, frozen=True, gc=False):
    """A level of priority that targets have."""

    priority: int


class Turn(Struct, frozen=True, gc=False):
    """One request of a level may begin in this round."""

    priority: int


class Round(Struct, frozen=True, gc=False):
    """A round of requests."""


class RoundEnd(Struct, frozen=True, gc=False):
    """The end of a round: what is left of its turns is forgotten."""


class ItemsLeft(Struct, frozen=True, gc=False):
    """The items that may still be kept (`--max-items`)."""

    items: int


class DomainAllowance(Struct, frozen=True, gc=False):
    """The bytes that may still come from a domain (`--max-bytes-per-domain`)."""

    domain: str
    bytes: int


class DomainReceived(Struct, frozen=True, gc=False):
    """The bytes of a page of a domain."""

    domain: str
    bytes: int


class Bandwidth(Struct, frozen=True, gc=False):
    """While this token is ready, the bytes received so far are within `--rate-limit`."""


class Window(Struct, frozen=True, gc=False):
    """While this token is ready, requests may start (`--hours`). Its expiry is the closing of the window."""


class DomainWindow(Struct, frozen=True, gc=False):
    """While this token is ready, requests to its domain may start: a window of its hours, or any time if it has none."""

    domain: str
    last: bool = False
    """Whether it is the last window that the crawl knows."""


class Received(Struct, frozen=True, gc=False):
    """The bytes of a page."""

    bytes: int


class Owed(Struct, frozen=True, gc=False):
    """The bytes that a partition has had beyond its shares of `max_bytes`."""

    bytes: int


class Hold(Struct, frozen=True, gc=False):
    """A row of `holds`: a domain pauses."""

    domain: str
    wait_ns: int
    """From now on."""
    reason: str


class ProxyFault(Struct, frozen=True, gc=False):
    """What one of a proxy's tokens is to know: it has failed, or gave no answer, or gave one again."""

    proxy: str
    strikes: int = 0
    """Its incidents in a row with this one; 0: as its token says."""
    sign: Literal["failed", "silent", "answered"] = "failed"
    """The event: a failure of the proxy itself, a request that had no answer through it, or an answer after such requests."""
    domain: str = ""
    """Of the request without an answer."""


class Carried(Struct, frozen=True, gc=False):
    """The bytes of a page that a proxy has brought."""

    proxy: str
    bytes: int


class Mark(Struct, frozen=True, gc=False):
    """What a route remembers of a proxy that its domain has refused."""

    proxy: str
    count: int
    """Refusals in a row."""
    state: Literal["rests", "due", "tried", "gone"] = "rests"
    """It rests for this domain, is due for one trial, is being tried, or has retired."""


class Route(Struct, frozen=True, gc=False):
    """Which proxies the requests to a domain go through."""

    domain: str
    group: str = ""
    """The group of proxies that serves it."""
    marks: tuple[Mark, ...] = ()
    streak: int = 0
    """Proxies that were refused in a row."""
    turn: int = 0
    """Where the search for the next proxy begins, if none that is free will do."""


class Sign(Struct, frozen=True, gc=False):
    """How a request to a domain through a proxy has ended, as far as it concerns their relation."""

    domain: str
    proxy: str
    what: Literal["banned", "passed", "unknown", "gone", "absolved"]


class Rest(Struct, frozen=True, gc=False):
    """A proxy rests for one domain that has refused it."""

    domain: str
    proxy: str
    count: int


class Repute(Struct, frozen=True, gc=False):
    """The domains that refuse a proxy at present."""

    proxy: str
    refused_by: tuple[str, ...] = ()


class Gone(Struct, frozen=True, gc=False):
    """A token of a proxy has retired."""

    proxy: str
    group: str = ""
