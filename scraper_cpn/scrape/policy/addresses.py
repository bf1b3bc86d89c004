"""Limits by IP address: which address a host counts by, and how long that holds.

Owns: the choice among the addresses of a host, and what follows from an address that can't be connected to.
Must not know: the net, name servers, sockets.

A host counts by one of its addresses, and its requests go there alone: the numerically least IPv4 address, or the least
IPv6 address if it has no other. Name servers give addresses in any order, so hosts with the same addresses have
the same choice. An IPv6 address counts with its network of 64 bits, the least that is given to one customer
(RFC 6177). An IPv6 address that carries an IPv4 one counts as that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from msgspec.structs import replace

from scraper_cpn.scrape.addresses import embedded
from scraper_cpn.scrape.colours import (
    Address,
    AddressFault,
    AddressPace,
    Failed,
    FileJob,
    HostName,
    LocatedFile,
    LocatedJob,
    LocatedMap,
    LocatedTarget,
    Redirected,
    RobotsJob,
    SitemapJob,
    Target,
)
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.urls import host_of

LASTS_NS = 60 * SECOND
"""How long an address holds if nobody says so: the system's lookup does not."""
LEAST_NS, MOST_NS = 30 * SECOND, 3600 * SECOND
"""An address holds no shorter and no longer, whatever its name server says."""
UNKNOWN_NS = 5 * SECOND
"""After so long a host without an address is looked up again."""
_NETWORK_BITS = 64
Located = LocatedTarget | LocatedJob | LocatedMap | LocatedFile
_NO_CONNECTION = frozenset({"connect", "timeout"})


@dataclass(frozen=True)
class AddressPolicy:
    """The addresses of hosts."""

    settings: Settings

    def name(self, request: Target | RobotsJob | SitemapJob | FileJob) -> HostName:
        """The host of a request, which is to be looked up."""
        return HostName(request.host)

    def hop_name(self, redirect: Redirected) -> HostName:
        """The host of the next hop of a robots.txt."""
        return HostName(host_of(redirect.url))

    def forgotten(self, address: Address) -> HostName:
        """The host of an address that holds no longer."""
        return HostName(address.host, address.avoid)

    def same(self, address: Address) -> Address:
        """An address as it was looked up."""
        return address

    def lasts_ns(self, address: Address) -> int:
        """How long an address holds."""
        return address.lasts_ns

    def pace(self, address: Address) -> AddressPace:
        """The pacing token of an address."""
        return AddressPace(address.address)

    def target(self, target: Target, address: Address) -> LocatedTarget:
        """A target with its address."""
        common = {name: getattr(target, name) for name in Target.__struct_fields__}
        return LocatedTarget(
            **common, request=target.request, address=address.address, ip=address.ip
        )

    def job(self, job: RobotsJob, address: Address) -> LocatedJob:
        """As `target`, for a robots.txt."""
        common = {name: getattr(job, name) for name in RobotsJob.__struct_fields__}
        return LocatedJob(**common, address=address.address, ip=address.ip)

    def map(self, job: SitemapJob, address: Address) -> LocatedMap:
        """As `target`, for a sitemap."""
        common = {name: getattr(job, name) for name in SitemapJob.__struct_fields__}
        return LocatedMap(**common, address=address.address, ip=address.ip)

    def file(self, job: FileJob, address: Address) -> LocatedFile:
        """As `target`, for a file."""
        common = {name: getattr(job, name) for name in FileJob.__struct_fields__}
        return LocatedFile(**common, address=address.address, ip=address.ip)

    def fault(self, work: Located, failed: Failed) -> AddressFault | None:
        """The fault of an address that nothing was sent to, as it could not be connected to."""
        away = failed.kind in _NO_CONNECTION and not failed.sent
        return AddressFault(work.host, work.address) if away and work.ip else None

    def next(self, address: Address) -> Address:
        """The next address of a host after a fault of the first; it holds for a short while, since it was looked up before."""
        after = found(HostName(address.host, address.ip), address.ips)
        return replace(after, lasts_ns=LEAST_NS)


def found(name: HostName, ips: Iterable[str], lasts_ns: int | None = None) -> Address:
    """The address of a host with these IP addresses, in their order, that hold so long; None: nobody says how long."""
    known = tuple(sorted(ips, key=lambda ip: ip == name.avoid))
    if not known:
        return Address(name.host, name.host, (), UNKNOWN_NS)
    holds_ns = LASTS_NS if lasts_ns is None else min(max(lasts_ns, LEAST_NS), MOST_NS)
    return Address(name.host, counted(known[0]), known, holds_ns, name.avoid)


def in_order(ips: Iterable[str]) -> list[str]:
    """IP addresses in the order in which they are chosen, each once; what is none is left out."""
    known = {parsed for each in ips if (parsed := _parsed(each)) is not None}
    return [str(each) for each in sorted(known, key=lambda each: (each.version, int(each)))]


def counted(ip: str) -> str:
    """By what requests to an IP address are counted: itself, or its network of 64 bits. Raises `ValueError`."""
    address = _parsed(ip)
    if address is None:
        raise ValueError(f"{ip} is no IP address")
    if isinstance(address, IPv4Address):
        return str(address)
    inner = embedded(address)
    if inner is not None:
        return str(inner)
    return str(IPv6Network((int(address), _NETWORK_BITS), strict=False))


def _parsed(ip: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(ip.strip("[]"))
    except ValueError:
        return None
