"""Recognising hosts and addresses that are not part of the public Internet.

Owns: the special-purpose address registries of IANA, the IPv6 forms that carry an IPv4 address, and the
names that are kept for local use.
Must not know: name servers, HTTP, what a crawl permits.

Everything is pure. Python's own `ipaddress.is_global` is not used: its tables differ between versions, and
it counts unassigned IPv6 space and the deprecated IPv4-compatible and site-local addresses as global.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_HOSTS_REMEMBERED = 65_536

_LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa")
"""Domains that are never public (RFC 6761, RFC 6762, ICANN 2024, RFC 8375)."""

_IPV4: tuple[tuple[str, str], ...] = (
    ("192.0.0.9/32", ""),  # Port Control Protocol anycast: globally reachable
    ("192.0.0.10/32", ""),  # TURN anycast: globally reachable
    ("0.0.0.0/8", "this host"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "shared"),  # carriers' NAT; also the metadata of Alibaba Cloud
    ("127.0.0.0/8", "loopback"),
    (
        "168.63.129.16/32",
        "cloud metadata",
    ),  # the host of Azure: public space, reached from inside only
    ("169.254.0.0/16", "link-local"),  # the metadata of most clouds
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),  # also the metadata of Oracle Cloud
    ("192.0.2.0/24", "documentation"),
    ("192.88.99.0/24", "reserved"),  # the former 6to4 relays
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "benchmarking"),
    ("198.51.100.0/24", "documentation"),
    ("203.0.113.0/24", "documentation"),
    ("224.0.0.0/4", "multicast"),
    ("255.255.255.255/32", "broadcast"),
    ("240.0.0.0/4", "reserved"),
)
"""The IANA IPv4 Special-Purpose Address Registry (RFC 6890), and multicast (RFC 5771). The first row that
holds an address counts; an empty word means that it is public."""

_IPV6: tuple[tuple[str, str], ...] = (
    ("::/128", "this host"),
    ("::1/128", "loopback"),
    ("64:ff9b:1::/48", "private"),  # RFC 8215: translation to IPv4 inside of a network
    ("100::/64", "discard-only"),
    ("2001:1::1/128", ""),  # Port Control Protocol anycast
    ("2001:1::2/128", ""),  # TURN anycast
    ("2001:1::3/128", ""),  # DNS-SD anycast
    ("2001:3::/32", ""),  # AMT
    ("2001:4:112::/48", ""),  # AS112
    ("2001:20::/28", ""),  # ORCHIDv2
    ("2001:30::/28", ""),  # drone remote identification
    ("2001::/23", "reserved"),  # Teredo, benchmarking and others
    ("2001:db8::/32", "documentation"),
    ("3fff::/20", "documentation"),
    ("5f00::/16", "reserved"),  # segment routing
    ("fc00::/7", "private"),  # also the metadata of AWS
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private"),  # site-local, deprecated by RFC 3879
    ("ff00::/8", "multicast"),
    ("2000::/3", ""),  # the only space from which public addresses are given out (RFC 4291)
    (
        "::/0",
        "reserved",
    ),  # IPv4-compatible addresses among it (RFC 4291 section 2.5.5.1, deprecated)
)
"""The IANA IPv6 Special-Purpose Address Registry, and the rest of the IPv6 address space."""

_V4_ROWS = tuple((IPv4Network(network), word) for network, word in _IPV4)
_V6_ROWS = tuple((IPv6Network(network), word) for network, word in _IPV6)
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are the IPv4 address


@lru_cache(_HOSTS_REMEMBERED)
def not_public(host: str) -> str:
    """Return the kind of a host that is not public, such as "loopback" or "private"; empty if it may be public.

    *host* is an IP address (with or without brackets, with or without a zone), or the name of a host. A name is
    judged by its spelling alone: "local name" for localhost and its like. Asks no name server, and never
    raises. An address that other software would read differently (`0x7f.1`, `017700000001`) must be normalised
    first, as a URL is by the WHATWG standard.
    """
    name = host.strip("[]").rstrip(".").lower()
    try:
        address = ip_address(name)
    except ValueError:
        return "local name" if _is_local_name(name) else ""
    if isinstance(address, IPv6Address):
        inner = embedded(address)
        if inner is None:
            return next(word for network, word in _V6_ROWS if address in network)
        address = inner
    return next((word for network, word in _V4_ROWS if address in network), "")


def is_address(host: str) -> bool:
    """Return whether *host* is an IP address, which needs no name server."""
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_local_name(name: str) -> bool:
    return any(name == local or name.endswith(f".{local}") for local in _LOCAL_NAMES)


def embedded(address: IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that receives packets to an IPv6 address, if there is one."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour
