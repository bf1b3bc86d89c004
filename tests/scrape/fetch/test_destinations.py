"""Requests go to public addresses, and to the hosts that the user named."""

from typing import Any

import anyio
import pytest
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Failed, RobotsJob
from scraper_cpn.scrape.fetch import destinations
from scraper_cpn.scrape.fetch.destinations import Destinations
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.settings import SECOND, Settings
from tests.scrape.fetching import CLIENTS, DIRECT, Names, get, kind_of, not_started, proxy_at
from tests.servers import Server, page

pytestmark = pytest.mark.anyio


@pytest.fixture(params=CLIENTS)
def limits(request: pytest.FixtureRequest) -> Settings:
    """Settings for each client."""
    return Settings(timeout_ns=10 * SECOND, fetcher=request.param)


@pytest.mark.parametrize("proxied", [False, True])
async def test_addresses_that_are_not_public_are_refused(limits: Settings, proxied: bool) -> None:
    """A literal and a name that leads there are refused before anything is sent, pages and robots.txt alike."""
    names = Names(evil_example="127.0.0.1", mixed_example="10.9.9.9 127.0.0.1")
    async with (
        Server(lambda _: page()) as server,
        Fetcher(limits, seeds=["http://seed.example/"], resolver=names) as fetcher,
    ):
        proxy = proxy_at(server) if proxied else DIRECT
        for host in ("127.0.0.1", "[::1]", "localhost", "evil.example", "mixed.example"):
            for scheme in ("http", "https"):
                root = f"{scheme}://{host}:{server.port}"
                job = RobotsJob(origin=root, url=f"{root}/robots.txt", domain="d", home="d")
                for outcome in (
                    await get(fetcher, f"{root}/", proxy),
                    await fetcher.robots(job, proxy, not_started),
                ):
                    assert isinstance(outcome, Failed)
                    assert (outcome.kind, outcome.retry) == ("address", False)
                    assert "--allow-private" in outcome.reason
        assert server.asked == []


async def test_a_seed_may_be_private_and_so_may_all_with_the_option() -> None:
    """The host of a seed may have any address, that host alone; `allow_private` permits all hosts."""
    names = Names(intranet_example="127.0.0.1", other_example="127.0.0.1")
    settings = Settings(timeout_ns=10 * SECOND)
    free = replace(settings, allow_private=True)
    async with (
        Server(lambda _: page()) as server,
        Fetcher(settings, seeds=["http://intranet.example/"], resolver=names) as strict,
        Fetcher(free, seeds=["http://intranet.example/"], resolver=names) as anywhere,
    ):
        named = f"http://intranet.example:{server.port}/"
        other = f"http://other.example:{server.port}/"
        assert kind_of(await get(strict, named)) == "fetched"
        assert kind_of(await get(strict, other)) == "address"
        assert kind_of(await get(anywhere, other)) == "fetched"
        assert kind_of(await get(anywhere, server.url + "/")) == "fetched"


async def test_the_address_that_was_judged_is_the_one_that_is_used() -> None:
    """A name that gives a public address to the first question and a private one to the next connects to neither."""

    class Rebinding(Names):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> Any:
            self.addresses[host] = "192.0.0.9" if not self.asked else "127.0.0.1"
            return await super().resolve(host, port, family)

    settings = Settings(timeout_ns=SECOND // 5)
    async with (
        Server(lambda _: page()) as server,
        Fetcher(settings, seeds=(), resolver=Rebinding()) as fetcher,
    ):
        first = await get(fetcher, f"http://evil.example:{server.port}/")
        assert kind_of(first) in {"connect", "timeout"}  # it went to the public address
        assert server.asked == []


async def test_a_lookup_is_remembered_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a proxy a name is looked up once a minute, and the names looked up longest ago are forgotten."""
    monkeypatch.setattr(destinations, "REMEMBERED_MAX", 2)
    now_s = 100.0
    names = Names(a_example="8.8.8.8", b_example="10.0.0.1", c_example="8.8.8.8")
    found = Destinations((), resolver=names, monotonic_s=lambda: now_s)
    for host in ("a.example", "a.example", "b.example", "b.example", "absent.example"):
        await found.looked_up(host)
    assert names.asked == ["a.example", "b.example", "absent.example"]
    assert await found.looked_up("b.example") is not None
    assert await found.looked_up("a.example") is None  # it was forgotten for absent.example
    now_s += destinations.REMEMBERED_S
    await found.looked_up("a.example")
    assert names.asked[3:] == ["a.example", "a.example"]


async def test_a_slow_lookup_is_left_to_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no name server answers here, a proxy that finds the name is used after `LOOKUP_S`."""
    monkeypatch.setattr(destinations, "LOOKUP_S", 0.01)

    class Silent(Names):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> Any:
            await anyio.sleep(3600)

    assert await Destinations((), resolver=Silent()).looked_up("a.example") is None


async def test_the_system_is_asked_where_nobody_else_is() -> None:
    """Without a resolver names are looked up by the system, and nonsense is left to whoever connects."""
    found = Destinations(())
    assert await found.looked_up("8.8.8.8") is None
    assert await found.looked_up(f"{'x' * 64}.example") is None


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://shop.example/b", True), ("https://shop.example:443/", True),
        ("http://shop.example/", False), ("https://shop.example:8443/", False),
        ("https://www.shop.example/", True), ("https://m.shop.example/", False),
        ("https://example/", False), ("http://a.example:8080/x", True), ("http://a.example/x", False),
        ("https://plain.example/", True), ("http://www.plain.example/", True),
        ("https://www.github.io/", False), ("https://www.127.0.0.1/", False),
    ],
)  # fmt: skip
async def test_headers_go_to_the_origins_of_seeds(url: str, own: bool) -> None:
    """The scheme, host and port of a seed, also with or without www and with https; no other port or subdomain."""
    seeds = ["https://shop.example/a?b", "http://a.example:8080/", "http://plain.example/"]
    found = Destinations([*seeds, "https://github.io/", "https://127.0.0.1/"])
    assert found.is_own(url) is own
