"""What is public is decided by the registries of IANA, whatever form an address has."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.addresses import is_address, not_public
from scraper_cpn.scrape.urls import host_of, normalise

SPECIAL_IPV4 = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
    "192.0.0.0/29", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
)  # fmt: skip
SPECIAL_IPV6 = (
    "::/128", "::1/128", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:2::/48",
    "2001:db8::/32", "3fff::/20", "4000::/3", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
)  # fmt: skip
FORMS = ("{}", "::ffff:{}", "[::ffff:{}]")


def within(network: str) -> st.SearchStrategy[IPv4Address | IPv6Address]:
    """Any address of a network."""
    found = ip_network(network)
    first = int(found.network_address)
    make = IPv4Address if isinstance(found, IPv4Network) else IPv6Address
    return st.integers(first, first + found.num_addresses - 1).map(make)


def carried(address: IPv4Address) -> list[str]:
    """The IPv6 addresses whose packets end at an IPv4 address: mapped, 6to4, NAT64."""
    number = int(address)
    forms = [0xFFFF << 32 | number, 0x2002 << 112 | number << 80, 0x64FF9B << 96 | number]
    return [str(IPv6Address(form)) for form in forms]


@pytest.mark.parametrize("network", [*SPECIAL_IPV4, *SPECIAL_IPV6])
@given(data=st.data())
def test_special_addresses_are_not_public(network: str, data: st.DataObject) -> None:
    """No address of a special network is public, in brackets or not; nor is one that carries it."""
    address = data.draw(within(network))
    assert not_public(str(address))
    assert not_public(f"[{address}]")
    if isinstance(address, IPv4Address):
        assert all(not_public(form) for form in carried(address))


@pytest.mark.parametrize(
    "host",
    ["8.8.8.8", "1.1.1.1", "192.0.0.9", "168.63.129.17", "172.32.0.1", "[2001:4860:4860::8888]",
     "2606:4700::1", "[::ffff:8.8.8.8]", "[64:ff9b::808:808]", "2002:808:808::1", "example.com",
     "localhost.example", "mylocal", "1.2.3.4.example", "internal.example"],
)  # fmt: skip
def test_public_hosts(host: str) -> None:
    """Public addresses are public, also where IPv6 carries them; so may be every name of the Internet."""
    assert not_public(host) == ""


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("127.8.8.8", "loopback"), ("[::1]", "loopback"), ("10.1.2.3", "private"),
        ("169.254.169.254", "link-local"), ("fe80::1%eth0", "link-local"), ("100.100.100.200", "shared"),
        ("fd00:ec2::254", "private"), ("168.63.129.16", "cloud metadata"), ("0.0.0.0", "this host"),
        ("localhost", "local name"), ("LOCALHOST.", "local name"), ("a.localhost", "local name"),
        ("printer.local", "local name"), ("metadata.google.internal", "local name"),
        ("router.home.arpa", "local name"),
    ],
)  # fmt: skip
def test_kinds_are_named(host: str, kind: str) -> None:
    """A message says what kind of address it is."""
    assert not_public(host) == kind


@pytest.mark.parametrize(
    "literal",
    ["0x7f.1", "2130706433", "017700000001", "127.1", "0x7f000001", "%31%32%37.0.0.1", "127。0。0。1",
     "127.0.0.1.", "[::ffff:127.0.0.1]", "[0:0:0:0:0:ffff:7f00:1]"],
)  # fmt: skip
def test_odd_spellings_are_normalised_first(literal: str) -> None:
    """What the URL standard reads as a loopback address is one by the time it is judged."""
    url = normalise(f"http://{literal}/")
    assert url is not None
    assert not_public(host_of(url)) == "loopback"


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    """Nothing raises."""
    assert isinstance(not_public(text), str)
    assert isinstance(is_address(text), bool)
