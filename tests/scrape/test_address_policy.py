"""By which address a host counts: the choice, the networks of IPv6, and how long it holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.colours import HostName
from scraper_cpn.scrape.policy.addresses import (
    LASTS_NS,
    LEAST_NS,
    MOST_NS,
    UNKNOWN_NS,
    AddressPolicy,
    counted,
    found,
    in_order,
)
from scraper_cpn.scrape.settings import SECOND, Settings

HOST = HostName("a.example")


@given(st.permutations(["192.0.2.9", "192.0.2.10", "2001:db8::1", "100.64.0.1"]))
def test_the_choice_does_not_depend_on_the_order_of_answers(ips: list[str]) -> None:
    """Hosts that share their addresses count by the same one, in whatever order they are told."""
    assert in_order(ips) == ["100.64.0.1", "192.0.2.9", "192.0.2.10", "2001:db8::1"]


@pytest.mark.parametrize(
    ("ip", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2606:4700:1:2:3:4:5:6", "2606:4700:1:2::/64"),
        ("2606:4700:1:2:ffff::", "2606:4700:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("64:ff9b::c000:201", "192.0.2.1"),
        ("2002:c000:201::1", "192.0.2.1"),
        ("[::1]", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_by_what_an_address_counts(ip: str, key: str) -> None:
    """IPv4 by itself, IPv6 by 64 bits, and an IPv6 address that carries an IPv4 one by that."""
    assert counted(ip) == key


def test_what_is_no_address_is_left_out() -> None:
    """A name server may say anything."""
    assert in_order(["", "a.example", "1.2.3", "192.0.2.1", "192.0.2.1"]) == ["192.0.2.1"]
    with pytest.raises(ValueError, match="is no IP address"):
        counted("a.example")


@pytest.mark.parametrize(
    ("ips", "ttl_ns", "lasts_ns"),
    [
        (["192.0.2.1"], None, LASTS_NS),
        (["192.0.2.1"], 0, LEAST_NS),
        (["192.0.2.1"], 300 * SECOND, 300 * SECOND),
        (["192.0.2.1"], 10**20, MOST_NS),
        ([], None, UNKNOWN_NS),
    ],
)
def test_how_long_an_address_holds(ips: list[str], ttl_ns: int | None, lasts_ns: int) -> None:
    """As its name server says, within limits."""
    assert found(HOST, ips, ttl_ns).lasts_ns == lasts_ns


def test_the_next_address() -> None:
    """The addresses of a host take turns; a host with one keeps it, and one without has none."""
    policy = AddressPolicy(Settings())
    two = found(HOST, ["192.0.2.1", "2001:db8::1"])
    assert policy.next(two).address == "2001:db8::/64"
    assert policy.next(policy.next(two)).ip == "192.0.2.1"
    assert policy.next(found(HOST, ["192.0.2.1"])).ip == "192.0.2.1"
    assert policy.next(found(HOST, ())).address == "a.example"


def test_an_address_to_avoid_is_the_last_one() -> None:
    """It is remembered beyond the next lookup, until another one fails."""
    policy = AddressPolicy(Settings())
    first = found(HOST, ["192.0.2.1", "192.0.2.2"])
    name = policy.forgotten(policy.next(first))
    assert name == HostName("a.example", "192.0.2.1")
    again = found(name, ["192.0.2.1", "192.0.2.2"])
    assert again.ips == ("192.0.2.2", "192.0.2.1")
    assert policy.forgotten(policy.next(again)).avoid == "192.0.2.2"
