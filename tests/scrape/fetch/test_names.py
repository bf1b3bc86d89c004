"""Looking names up: by name servers, which say how long an address holds, or by the system."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiodns
import pytest

from scraper_cpn.scrape.fetch.names import Names
from scraper_cpn.scrape.settings import SECOND

pytestmark = pytest.mark.anyio

ADDRESS, NO_ERROR, NO_NAME = 1, 0x8180, 0x8183
"""The type of a record with an IPv4 address, and flags of answers (RFC 1035 section 4.1.1)."""


class NameServer(asyncio.DatagramProtocol):
    """Knows one name, with two addresses that hold for different times."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        end = data.index(b"\0", 12) + 5
        asked, kind = data[12:end], struct.unpack(">H", data[end - 4 : end - 2])[0]
        known = b"example" in asked and b"none" not in asked
        ips = [(300, "192.0.2.1"), (90, "192.0.2.2")] if known and kind == ADDRESS else []
        answers = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", ADDRESS, 1, ttl, 4) + bytes(map(int, ip.split(".")))
            for ttl, ip in ips
        )
        flags = NO_ERROR if known else NO_NAME
        head = data[:2] + struct.pack(">HHHHH", flags, 1, len(ips), 0, 0)
        self.transport.sendto(head + asked + answers, addr)


@asynccontextmanager
async def asking_a_server() -> AsyncIterator[Names]:
    """Names of a name server of our own."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    names = Names()
    names._server = aiodns.DNSResolver(
        nameservers=["127.0.0.1"], udp_port=port, timeout=5.0, domains=[], lookups="b"
    )
    yield names
    await names.close()
    transport.close()


async def test_addresses_hold_as_long_as_their_name_server_says() -> None:
    """The shortest time of all the addresses counts."""
    async with asking_a_server() as names:
        found, lasts_ns = await names.addresses("a.example")
        assert sorted(found) == ["192.0.2.1", "192.0.2.2"]
        assert lasts_ns == 90 * SECOND


async def test_a_name_that_is_not_there() -> None:
    """It is a failure of the system's kind."""
    async with asking_a_server() as names:
        with pytest.raises(OSError, match="not found"):
            await names.addresses("none.example")


async def test_the_system() -> None:
    """The names of this machine are known whoever is asked; the system says nothing about how long they hold."""
    names = Names()
    assert "127.0.0.1" in (await names.addresses("localhost"))[0]
    await names.close()
    assert "127.0.0.1" in await names.by_system("localhost")
    assert (await Names().by_system("127.0.0.1")) == ["127.0.0.1"]
