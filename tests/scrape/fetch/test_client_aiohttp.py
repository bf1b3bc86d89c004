"""The client on aiohttp: the moment of the start, names that it looks up, one pool for a proxy."""

import asyncio
import gc
import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp.abc import ResolveResult
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Failed, Fetched, Proxy
from scraper_cpn.scrape.fetch import client_aiohttp
from scraper_cpn.scrape.fetch.client_aiohttp import AiohttpClient
from scraper_cpn.scrape.fetch.connections import PublicResolver, Sockets, tls
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from tests.scrape.fetching import HERE, Names, get, kind_of, proxy_at
from tests.servers import Asked, Do, Server, Step, page

SETTINGS = Settings(timeout_ns=10 * SECOND)
FEW = replace(SETTINGS, concurrency=1)


# Connections.


@pytest.mark.anyio
async def test_many_connections_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """With many connections open, the next ones close after their answer."""
    monkeypatch.setattr(client_aiohttp, "KEPT_OPEN_MAX", 32)
    async with Server(lambda _: page()) as server, Fetcher(FEW, seeds=HERE) as fetcher:
        client = fetcher.client
        assert isinstance(client, AiohttpClient)
        await get(fetcher, f"{server.url}/few")
        others = [client.sockets((2, 1, 6, "", ("127.0.0.1", 1))) for _ in range(32)]
        await get(fetcher, f"{server.url}/many")
        while others:
            others.pop().close()
        await get(fetcher, f"{server.url}/few")
    assert [asked.headers.get("connection") for asked in server.asked] == [None, "close", None]


def test_sockets_are_counted_while_they_live() -> None:
    """The count of sockets falls when they are gone, with nobody telling it."""
    sockets = Sockets()
    made = [sockets((2, 1, 6, "", ("127.0.0.1", 1))) for _ in range(3)]
    assert len(sockets) == 3
    while made:
        made.pop().close()
    gc.collect()
    assert len(sockets) == 0


@pytest.mark.usefixtures("restless")
@pytest.mark.anyio
async def test_connections_to_a_proxy_are_of_an_origin() -> None:
    """Through a proxy, too, a connection is used for one scheme, host and port only."""
    async with Server(lambda _: page()) as server, Fetcher(SETTINGS, seeds=HERE) as fetcher:
        for origin in ("a.example", "b.example", "a.example:81", "a.example", "b.example"):
            await get(fetcher, f"http://{origin}/", proxy_at(server))
        assert [asked.connection for asked in server.asked] == [0, 1, 2, 0, 1]


@pytest.mark.usefixtures("restless")
@pytest.mark.anyio
async def test_connections_to_a_proxy_may_be_shared() -> None:
    """By an option, plain HTTP through a proxy uses any connection to it, and a direct request none of them."""
    sharing = replace(SETTINGS, share_proxy_connections=True)
    async with Server(lambda _: page()) as server, Fetcher(sharing, seeds=HERE) as fetcher:
        for host in ("a", "b", "c"):
            await get(fetcher, f"http://{host}.example/", proxy_at(server))
        await get(fetcher, f"{server.url}/")
        assert [asked.connection for asked in server.asked] == [0, 0, 0, 1]


# The start.


@pytest.mark.usefixtures("restless")
@pytest.mark.anyio
async def test_start_is_the_write() -> None:
    """`start` is called once per request, before the server can have it, on any connection."""
    order: list[str] = []

    def script(asked: Asked) -> bytes:
        order.append(f"asked {asked.target}")
        return page()

    async with Server(script) as server, Fetcher(SETTINGS, seeds=HERE) as fetcher:
        for name in ("/1", "/2"):
            started = f"start {name}"
            await get(fetcher, f"{server.url}{name}", start=lambda: order.append(started))  # noqa: B023
        assert server.connections == 1
    assert order == ["start /1", "asked /1", "start /2", "asked /2"]


@pytest.mark.anyio
async def test_start_waits_for_the_connection() -> None:
    """While names are looked up and connections are made, nothing has started."""
    found = asyncio.Event()

    class Slow(Names):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            await found.wait()
            return await super().resolve(host, port, family)

    started: list[int] = []
    names = Slow(a_example="127.0.0.1")
    async with (
        Server(lambda _: page()) as server,
        Fetcher(SETTINGS, seeds=["http://a.example/"], resolver=names) as fetcher,
    ):
        url = f"http://a.example:{server.port}/"
        running = asyncio.ensure_future(get(fetcher, url, start=lambda: started.append(1)))
        for _ in range(20):
            await asyncio.sleep(0)
        assert started == []
        found.set()
        assert kind_of(await running) == "fetched"
        assert started == [1]


# Cancellation.


@pytest.mark.anyio
async def test_cancellation_before_the_head() -> None:
    """A fetch that is cancelled before its answer begins closes its connection at once."""
    started = asyncio.Event()
    async with Server(lambda _: [Do.STALL]) as server, Fetcher(SETTINGS, seeds=HERE) as fetcher:
        running = asyncio.ensure_future(get(fetcher, f"{server.url}/", start=started.set))
        await started.wait()
        await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await server.closed()
        assert server.open == 0


@pytest.mark.anyio
async def test_cancellation_anywhere() -> None:
    """Cancelled after any number of steps of the event loop, a fetch leaves nothing open."""
    async with Server(lambda _: page(b"x" * 100_000)) as server:
        for steps in range(25):
            async with Fetcher(SETTINGS, seeds=HERE) as fetcher:
                running = asyncio.ensure_future(get(fetcher, f"{server.url}/"))
                for _ in range(steps):
                    await asyncio.sleep(0)
                running.cancel()
                await asyncio.wait([running])
                assert running.cancelled() or kind_of(running.result()) == "fetched"
            await server.closed()
            assert server.open == 0
        gc.collect()  # an unclosed socket would warn, which fails the test


# TLS.


@pytest.fixture
def ca() -> trustme.CA:
    """A certificate authority that nobody trusts by default."""
    return trustme.CA()


@pytest.mark.anyio
async def test_cacert(ca: trustme.CA, tmp_path: Path) -> None:
    """A certificate counts if its authority is in the file and it names the host."""
    path = tmp_path / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    trusting = replace(SETTINGS, cacert=str(path))
    for name, kind in (("127.0.0.1", "fetched"), ("other.example", "tls")):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ca.issue_cert(name).configure_cert(context)
        async with (
            Server(lambda _: page(), tls=context) as server,
            Fetcher(trusting, seeds=HERE) as fetcher,
        ):
            outcome = await get(fetcher, f"{server.url}/")
            assert kind_of(outcome) == kind
            if isinstance(outcome, Fetched):
                assert outcome.response.certificate_hosts == ("127.0.0.1",)


def test_bad_cacert(tmp_path: Path) -> None:
    """A CA file that is missing or holds no certificate is a mistake of the user, in one line."""
    empty = tmp_path / "empty.pem"
    empty.write_text("hello")
    for path, what in ((tmp_path / "none.pem", "No such file"), (empty, "no certificate")):
        with pytest.raises(UsageError) as caught:
            tls(replace(SETTINGS, cacert=str(path)))
        assert str(path) in str(caught.value)
        assert what in str(caught.value)
        assert "\n" not in str(caught.value)


# Names.


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([b"hello\r\n\r\n", Do.STALL], "protocol"),
        ([b"HTTP/1.1 200 OK\r\n\r\n", Do.CLOSE], "connect"),
    ],
)
async def test_broken_tunnels(steps: Sequence[Step], kind: str) -> None:
    """A tunnel that is no answer, or leads nowhere, is a failure of its kind."""
    async with Server(lambda _: steps) as server, Fetcher(SETTINGS, seeds=HERE) as fetcher:
        outcome = await get(fetcher, "https://a.example/", proxy_at(server))
    assert kind_of(outcome) == kind


@pytest.mark.anyio
async def test_proxies_look_names_up() -> None:
    """With a proxy the name of a seed is not looked up here; another is, and where it is not found the proxy may."""
    names = Names(proxy_example="127.0.0.1")
    async with (
        Server(lambda _: page(status="403 No")) as server,
        Fetcher(SETTINGS, seeds=["http://seed.example/"], resolver=names) as fetcher,
    ):
        proxy = Proxy("p", url=f"http://proxy.example:{server.port}")
        for scheme in ("http", "https"):
            for host in ("seed.example", "site.example"):
                await get(fetcher, f"{scheme}://{host}/", proxy)
        assert len(server.asked) == 4
    assert set(names.asked) == {"proxy.example", "site.example"}


@pytest.mark.anyio
async def test_strange_host() -> None:
    """A host that looks like an address and is none is a failure for good."""
    async with Fetcher(SETTINGS, seeds=HERE) as fetcher:
        outcome = await get(fetcher, "http://1.2.3.4.5/")
    assert outcome == Failed(
        "dns", "the host is neither a name nor an address", retry=False, sent=False
    )


@pytest.mark.anyio
async def test_unknown_name() -> None:
    """A name without an address is a failure of its own kind, and nothing has started."""
    async with Fetcher(SETTINGS, seeds=HERE, resolver=Names()) as fetcher:
        outcome = await get(fetcher, "http://a.example/")
    assert outcome == Failed("dns", "the name has no address (unknown name)", sent=False)


@pytest.mark.anyio
async def test_public_addresses_only() -> None:
    """Of the addresses of a name, the private ones are left out."""
    resolver = PublicResolver(Names(mixed_example="10.0.0.1 8.8.8.8 ::1"))
    assert [found["host"] for found in await resolver.resolve("mixed.example")] == ["8.8.8.8"]
