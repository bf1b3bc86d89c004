"""The client on httpcore: HTTP/2, connections, SOCKS, names, and a user's tests with respx."""

import asyncio
import gzip
import importlib.util
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any

import httpcore
import pytest
import respx
import trustme
from httpx import Response
from msgspec.structs import replace

from scraper_cpn import Crawl
from scraper_cpn.scrape.colours import Failed, Fetched, Proxy
from scraper_cpn.scrape.fetch import pools
from scraper_cpn.scrape.fetch.client import Ask, Sending
from scraper_cpn.scrape.fetch.client_httpx import HttpxClient
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.fetch.pools import ADDRESS_S, Backend
from scraper_cpn.scrape.fetch.streams import Stream
from scraper_cpn.scrape.options.read import checked
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from tests.http2 import Answer2, Asked2, Http2Server
from tests.scrape.fetching import DIRECT, HERE, Names, asking, get, kind_of, target
from tests.servers import Asked, Do, Server, Step, Tunnel, page
from tests.socks import Socks

pytestmark = pytest.mark.anyio

SETTINGS = Settings(timeout_ns=10 * SECOND, max_body_bytes=100_000, fetcher="httpx", insecure=True)
AUTHORITY = trustme.CA()


def tls() -> ssl.SSLContext:
    """What a server needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1", "a.example").configure_cert(context)
    return context


def http2(script: Callable[[Asked2], Answer2 | None]) -> Http2Server:
    """A server of HTTP/2."""
    return Http2Server(script, tls())


def said(outcome: Any) -> bytes:
    """The body of a page."""
    assert isinstance(outcome, Fetched), outcome
    return outcome.response.body


# HTTP/2.


async def test_requests_share_a_connection() -> None:
    """Requests in turn and at the same time have one connection, and each its own answer."""

    def script(asked: Asked2) -> Answer2:
        packed = gzip.compress(asked.headers[":path"].encode() * 1_000)
        return Answer2(packed, (("content-encoding", "gzip"), ("content-type", "text/html")))

    async with http2(script) as server, Fetcher(SETTINGS, seeds=HERE) as fetcher:
        assert said(await get(fetcher, f"{server.url}/first")) == b"/first" * 1_000
        urls = [f"{server.url}/{n}?q" for n in range(30)]
        found = await asyncio.gather(*(get(fetcher, url) for url in urls))
        assert [said(each)[:3] for each in found] == [f"/{n}?"[:3].encode() for n in range(30)]
        assert server.connections == 1
        wired = [each.response.wired for each in found if isinstance(each, Fetched)]
        assert len({each.connection for each in wired}) == 1
        assert sorted(each.ordinal for each in wired) == list(range(2, 32))
        headers = server.asked[0].headers
    assert headers[":authority"] == f"127.0.0.1:{server.port}"
    assert headers["user-agent"] == SETTINGS.agent
    assert "connection" not in headers


async def test_a_body_is_sent_once_on_a_connection_of_its_own() -> None:
    """What must not be sent twice shares no connection."""
    async with (
        http2(lambda asked: Answer2(asked.body)) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        await get(fetcher, f"{server.url}/")
        for number in range(2):
            wanted = asking(f"{server.url}/", json={"n": number}, headers={"X-A": "é"})
            outcome = await fetcher.fetch(wanted, DIRECT, lambda: None)
            assert said(outcome) == b'{"n":%d}' % number
    assert [asked.connection for asked in server.asked] == [0, 1, 2]
    assert server.asked[1].headers["content-type"] == "application/json"


async def test_the_start() -> None:
    """A request that may not start is not written; one that may is dated when its head is written, before its answer."""
    order: list[str] = []

    def script(_: Asked2) -> Answer2:
        order.append("asked")
        return Answer2()

    async with http2(script) as server, Fetcher(SETTINGS, seeds=HERE) as fetcher:
        wanted, start = target(f"{server.url}/"), lambda: order.append("start")
        outcome = await fetcher.fetch(wanted, DIRECT, start, lambda: False)
        assert (kind_of(outcome), order) == ("withheld", [])
        assert kind_of(await fetcher.fetch(wanted, DIRECT, start)) == "fetched"
    assert order == ["start", "asked"]


@pytest.mark.parametrize("status", ["200", "404"])
async def test_a_body_that_is_too_long(status: str) -> None:
    """It is read to the limit, and its connection is used no more: the rest would take its window."""
    bodies = iter([b"x" * 300_000, b"short"])
    script = lambda _: Answer2(next(bodies), status=status)  # noqa: E731
    async with http2(script) as server, Fetcher(SETTINGS, seeds=HERE) as fetcher:
        first = await get(fetcher, f"{server.url}/")
        assert isinstance(first, Failed)
        assert first.kind == ("too large" if status == "200" else "http")
        await get(fetcher, f"{server.url}/")
        assert [asked.connection for asked in server.asked] == [0, 1]


async def test_a_request_that_was_not_read_is_not_sent_again() -> None:
    """Where a server goes away before it reads a request, the attempt fails: another one has to be paced."""
    answers = iter([Answer2(), Answer2(goes_away=True), Answer2()])
    async with (
        http2(lambda _: next(answers)) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        kinds = []
        for _ in range(3):
            outcome = await get(fetcher, f"{server.url}/")
            kinds.append(kind_of(outcome))
            if isinstance(outcome, Failed):
                assert (outcome.retry, outcome.sent) == (True, False)
    assert kinds == ["fetched", "dropped", "fetched"]
    assert len(server.asked) == 3


async def test_a_connection_is_left_before_servers_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a number of requests the next ones have another connection, and those under way are answered."""
    monkeypatch.setattr(pools, "REQUESTS_MAX", 3)
    async with http2(lambda _: Answer2()) as server, Fetcher(SETTINGS, seeds=HERE) as fetcher:
        found = [await get(fetcher, f"{server.url}/{n}") for n in range(2)]
        found += await asyncio.gather(*(get(fetcher, f"{server.url}/{n}") for n in range(4)))
    assert [kind_of(each) for each in found] == ["fetched"] * 6
    assert sorted(asked.connection for asked in server.asked) == [0, 0, 0, 1, 1, 1]


async def test_a_stream_that_is_broken_off() -> None:
    """The page is lost; the request may have been processed."""
    async with (
        http2(lambda _: Answer2(breaks_off=True)) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        outcome = await get(fetcher, f"{server.url}/")
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.retry, outcome.sent) == ("dropped", True, True)


async def test_cancelled_without_an_answer() -> None:
    """A request that is cancelled has started, and its connection is used no more."""
    started: list[int] = []
    async with (
        http2(lambda asked: None if len(server.asked) == 1 else Answer2()) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        start = lambda: started.append(1)  # noqa: E731
        running = asyncio.ensure_future(get(fetcher, f"{server.url}/", start=start))
        while not server.asked:  # noqa: ASYNC110  (nobody needs to be told faster)
            await asyncio.sleep(0.001)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert kind_of(await get(fetcher, f"{server.url}/")) == "fetched"
    assert (started, server.connections) == ([1], 2)


async def test_cookies_are_those_of_the_moment() -> None:
    """The cookies are read in the step that writes the request, and not when it begins to connect."""
    cookies = ["old=1"]

    def may_start() -> bool:
        cookies[:] = ["new=1"]
        return True

    async with http2(lambda _: Answer2()) as server:
        client = HttpxClient(SETTINGS)
        await client.open()
        sending = Sending(lambda: None, time.monotonic_ns, may_start)
        url = f"{server.url}/"
        ask = Ask(url, DIRECT, sending, 9, own=True, wary=False, cookie=lambda: cookies[0])
        await client.send(ask)
        await client.close()
    assert server.asked[0].headers["cookie"] == "new=1"


@pytest.mark.parametrize("through", [None, "socks5", "https"])
async def test_cancelled_before_it_is_connected(through: str | None) -> None:
    """A connection that a server or a proxy has not answered yet is closed at once."""
    accepted, closed = asyncio.Event(), asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        accepted.set()
        await reader.read()
        closed.set()
        writer.close()

    async with (
        await asyncio.start_server(speak, "127.0.0.1", 0) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        where = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        proxy = Proxy("p", url=f"{through}://{where}") if through else DIRECT
        running = asyncio.ensure_future(get(fetcher, f"https://{where}/", proxy))
        await accepted.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        async with asyncio.timeout(10):
            await closed.wait()


# HTTP/1.1.


async def test_servers_without_http_2() -> None:
    """The client on aiohttp asks them; the connection that has shown that is closed, and no other one is made in vain."""
    connected: list[int] = []

    def tunnel(_: Asked) -> Sequence[Step]:
        connected.append(1)
        return [b"HTTP/1.1 200 OK\r\n\r\n", Tunnel(server.port)]

    async with (
        Server(lambda _: page(), tls=tls()) as server,
        Server(tunnel) as proxy,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        for _ in range(3):
            outcome = await get(fetcher, f"{server.url}/", Proxy("p", url=proxy.url))
            assert kind_of(outcome) == "fetched"
    assert len(server.asked) == 3
    assert len(connected) <= 4


async def test_time() -> None:
    """An answer that does not end in time is a failure."""
    async with (
        Server(lambda _: [b"HTTP/1.1 200 OK\r\n", Do.STALL], tls=tls()) as server,
        Fetcher(replace(SETTINGS, timeout_ns=SECOND // 5), seeds=HERE) as fetcher,
    ):
        assert kind_of(await get(fetcher, f"{server.url}/")) == "timeout"


async def test_a_certificate_names_hosts() -> None:
    """The names of a certificate that was verified are known."""
    with AUTHORITY.cert_pem.tempfile() as path:
        limits = replace(SETTINGS, insecure=False, cacert=path)
        async with http2(lambda _: Answer2()) as server, Fetcher(limits, seeds=HERE) as fetcher:
            outcome = await get(fetcher, f"{server.url}/")
    assert isinstance(outcome, Fetched)
    assert outcome.response.certificate_hosts == ("127.0.0.1", "a.example")


# Names and proxies.


async def test_private_addresses() -> None:
    """A name is checked at the very address that is connected to."""
    names = Names(evil_example="127.0.0.1", seed_example="127.0.0.1")
    async with http2(lambda _: Answer2()) as server:
        seeds = ["https://seed.example/"]
        async with Fetcher(SETTINGS, seeds=seeds, resolver=names) as fetcher:
            for host, kind in (("evil", "address"), ("none", "dns"), ("seed", "fetched")):
                outcome = await get(fetcher, f"https://{host}.example:{server.port}/")
                assert kind_of(outcome) == kind
    assert [asked.headers[":authority"] for asked in server.asked] == [
        f"seed.example:{server.port}"
    ]


async def test_an_address_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two addresses the first may be dead; the last one has all the time that is left."""
    tried: list[tuple[str, float | None]] = []

    async def connect(self: object, address: str, port: int, until_s: float | None, *_: Any) -> Any:
        tried.append((address, until_s))
        if until_s is not None:
            raise httpcore.ConnectTimeout
        return httpcore.AsyncMockStream([])

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    backend: Any = Backend(Names(a_example="127.0.0.1 127.0.0.2"))
    assert isinstance(await backend.connect_tcp("a.example", 443), Stream)
    assert tried == [("127.0.0.1", ADDRESS_S), ("127.0.0.2", None)]


@pytest.mark.parametrize("fetcher", ["aiohttp", "httpx"])
async def test_credentials_in_any_script(fetcher: str) -> None:
    """The name and the password for a proxy are UTF-8."""
    async with (
        Server(lambda _: page(), tls=tls()) as server,
        Socks(server.port, login=b"\x01\x02\xc3\xa9\x02\xc3\xa4") as socks,
        Fetcher(replace(SETTINGS, fetcher=fetcher), seeds=HERE) as client,
    ):
        proxy = Proxy("p", url=f"socks5://%C3%A9:%C3%A4@127.0.0.1:{socks.port}")
        assert kind_of(await get(client, "https://a.example/", proxy)) == "fetched"


def test_credentials_that_socks_can_not_carry() -> None:
    """They are refused before anything is fetched, and not shown."""
    for fetcher in ("aiohttp", "httpx"):
        proxy = Proxy("p", url=f"socks5://{'%C3%A9' * 128}:secret@127.0.0.1:1")
        with pytest.raises(UsageError, match="255 bytes") as refused:
            checked(replace(SETTINGS, fetcher=fetcher, proxies=(proxy,)))
        assert "secret" not in str(refused.value)


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its libraries the user is shown how to install them."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "h2" else True)
    with pytest.raises(UsageError, match=r"scraper-cpn\[httpx\]"):
        checked(SETTINGS)


# Tests of users.


async def test_a_crawl_is_tested_with_respx(respx_mock: respx.MockRouter) -> None:
    """A user's crawl runs on answers that respx gives, without a network."""
    respx_mock.get("https://a.example/robots.txt").mock(return_value=Response(404))
    respx_mock.get("https://a.example/").mock(
        side_effect=[Response(500), Response(200, html="<title>A</title>")]
    )
    summary = await Crawl(fetcher="httpx", delay=0, backoff="1ms").crawl("https://a.example/")
    assert (summary.pages, summary.items, summary.attempts) == (1, 1, 2)
