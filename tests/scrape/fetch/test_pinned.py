"""A request that was given its address goes there, whatever the name leads to, with all clients."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
import trustme
from aiohttp.abc import ResolveResult
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Failed, HostName, LocatedJob, Proxy
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.settings import SECOND, Settings
from tests.scrape.fetching import CLIENTS, DIRECT, HERE, Names, kind_of, not_started, target
from tests.servers import Server, page

pytestmark = pytest.mark.anyio

LIMITS = Settings(timeout_ns=10 * SECOND, per_address=1)
AUTHORITY = trustme.CA()


def secure(*names: str) -> ssl.SSLContext:
    """What a server needs that has a certificate for these names."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names).configure_cert(context)
    return context


async def pinned(fetcher: Fetcher, url: str, ip: str, proxy: Proxy = DIRECT) -> str:
    """What becomes of a request from that address."""
    return kind_of(await fetcher.fetch(target(url), proxy, not_started, lambda: True, ip=ip))


@pytest.mark.parametrize("client", CLIENTS)
async def test_no_name_is_looked_up_between_check_and_connection(client: str) -> None:
    """A name that leads elsewhere by now is not asked again; its server hears the name."""
    names = Names(a_example="203.0.113.1")
    async with (
        Server(lambda _: [page()]) as server,
        Fetcher(
            replace(LIMITS, fetcher=client), seeds=["http://a.example/"], resolver=names
        ) as fetcher,
    ):
        assert await pinned(fetcher, f"http://a.example:{server.port}/", "127.0.0.1") == "fetched"
        assert names.asked == []
        assert server.asked[0].headers["host"] == f"a.example:{server.port}"


@pytest.mark.parametrize("client", CLIENTS)
async def test_the_certificate_is_that_of_the_name(client: str, tmp_path: Any) -> None:
    """Over TLS the name is checked, not the address."""
    AUTHORITY.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    limits = replace(LIMITS, fetcher=client, cacert=str(tmp_path / "ca.pem"))
    seeds = ["https://a.example/", "https://b.example/"]
    async with (
        Server(lambda _: [page()], tls=secure("a.example")) as server,
        Fetcher(limits, seeds=seeds, resolver=Names()) as fetcher,
    ):
        assert await pinned(fetcher, f"https://a.example:{server.port}/", "127.0.0.1") == "fetched"
        assert await pinned(fetcher, f"https://b.example:{server.port}/", "127.0.0.1") == "tls"


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_an_address_that_is_not_public_is_refused(client: str, scheme: str) -> None:
    """The very address counts, unless the host is a seed's."""
    async with (
        Server(lambda _: [page()]) as server,
        Fetcher(replace(LIMITS, fetcher=client), seeds=(), resolver=Names()) as fetcher,
    ):
        url = f"{scheme}://a.example:{server.port}/"
        assert await pinned(fetcher, url, "127.0.0.1") == "address"
        assert server.asked == []


@pytest.mark.parametrize("client", CLIENTS)
async def test_a_connection_to_another_address_is_not_used(client: str) -> None:
    """A kept connection belongs to its address: a request for another one connects anew."""
    async with (
        Server(lambda _: [page()], host="0.0.0.0") as server,
        Fetcher(
            replace(LIMITS, fetcher=client), seeds=["http://a.example/"], resolver=Names()
        ) as fetcher,
    ):
        url = f"http://a.example:{server.port}/"
        for ip in ("127.0.0.1", "127.0.0.2"):
            assert await pinned(fetcher, url, ip) == "fetched"
        assert [each.connection for each in server.asked] == [0, 1]


async def test_what_has_no_address() -> None:
    """Neither a page nor a robots.txt is asked for, and the failure is that of a name."""
    async with Fetcher(LIMITS, seeds=HERE) as fetcher:
        assert await pinned(fetcher, "http://a.example/", "") == "dns"
        job = LocatedJob(
            origin="o", url="http://a.example/robots.txt", domain="d", home="d", address="a", ip=""
        )
        outcome = await fetcher.robots(job, DIRECT, not_started)
        assert isinstance(outcome, Failed)
        assert (outcome.kind, outcome.sent) == ("dns", False)


async def test_the_address_of_a_host() -> None:
    """The least one that is public; of a host whose addresses are all private, the least; an address is its own."""
    names = Names(
        mixed_example="10.0.0.1 8.8.8.8 1.1.1.1 2606:4700::1",
        six_example="2606:4700::2 2606:4700::1",
        private_example="192.168.0.2 10.0.0.1",
        odd_example="nonsense",
    )
    async with Fetcher(LIMITS, seeds=["http://private.example/"], resolver=names) as fetcher:
        for host, ip, key in (
            ("mixed.example", "1.1.1.1", "1.1.1.1"),
            ("six.example", "2606:4700::1", "2606:4700::/64"),
            ("private.example", "10.0.0.1", "10.0.0.1"),
            ("odd.example", "", "odd.example"),
            ("none.example", "", "none.example"),
            ("9.9.9.9", "9.9.9.9", "9.9.9.9"),
            ("[2606:4700::7]", "2606:4700::7", "2606:4700::/64"),
        ):
            found = await fetcher.address(HostName(host))
            assert (found.host, found.ip, found.address) == (host, ip, key)


class Broken(Names):
    """A resolver that knows no name, and takes its time over one."""

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        if host == "odd.example":
            raise UnicodeError
        raise TimeoutError


async def test_a_lookup_that_fails() -> None:
    """Whatever a lookup comes to, the host has no address then."""
    async with Fetcher(LIMITS, seeds=(), resolver=Broken()) as fetcher:
        for host in ("odd.example", "slow.example"):
            assert (await fetcher.address(HostName(host))).ips == ()
