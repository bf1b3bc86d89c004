"""Over HTTP/2 an answer that began before its request was written becomes nobody's page."""

import asyncio
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trustme
from httpcore import AnyIOBackend

from mocks.injecting import SURPLUS, InjectingServer, Moment, body_of
from mocks.injecting_http2 import InjectingServer2, Moment2
from scraper_cpn.scrape.colours import Failed, Fetched, Proxy
from scraper_cpn.scrape.fetch import streams
from scraper_cpn.scrape.fetch.client import Surplus
from scraper_cpn.scrape.fetch.connections import UNASKED_DATA
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.fetch.streams import Frames, Stream
from scraper_cpn.scrape.settings import SECOND, Settings
from tests.http2 import Answer2, Http2Server
from tests.scrape.fetching import DIRECT, HERE, get
from tests.servers import Asked, Server, Step, Tunnel
from tests.socks import Socks

pytestmark = pytest.mark.anyio

SETTINGS = Settings(timeout_ns=10 * SECOND, fetcher="httpx", insecure=True)
AUTHORITY = trustme.CA()
WAYS = ("direct", "tunnel", "encrypted proxy", "socks")
EARLY = Failed("protocol", UNASKED_DATA, sent=False)


def tls() -> ssl.SSLContext:
    """What a server needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert("127.0.0.1", "a.example").configure_cert(context)
    return context


@asynccontextmanager
async def way_to(port: int, way: str) -> AsyncIterator[Proxy]:
    """The proxy through which a port is reached."""

    def tunnel(_: Asked) -> Sequence[Step]:
        return [b"HTTP/1.1 200 OK\r\n\r\n", Tunnel(port)]

    if way == "direct":
        yield DIRECT
    elif way == "socks":
        async with Socks(port) as socks:
            yield Proxy("p", url=f"socks5://127.0.0.1:{socks.port}")
    else:
        async with Server(tunnel, tls=tls() if way == "encrypted proxy" else None) as proxy:
            yield Proxy("p", url=proxy.url)


@pytest.mark.parametrize("way", WAYS)
async def test_a_server_that_answers_first(way: str) -> None:
    """Whichever way it is reached, it is not asked, which is reported."""
    drops: list[Surplus] = []
    async with (
        InjectingServer2(Moment2.ON_CONNECTING, tls()) as server,
        way_to(server.port, way) as proxy,
        Fetcher(SETTINGS, seeds=HERE, on_surplus=drops.append) as fetcher,
    ):
        started: list[int] = []
        base = server.root.replace("127.0.0.1", "localhost") if "socks" in way else server.root
        outcomes = [
            await get(fetcher, f"{base}/{n}", proxy, start=lambda: started.append(1))
            for n in range(2)
        ]
    assert outcomes == [EARLY, EARLY]
    assert started == []
    assert [(drop.origin, drop.proxy, drop.requests) for drop in drops] == [
        (base, proxy.proxy, 0)
    ] * 2


@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("moment", [*Moment2])
async def test_no_body_is_another_ones(moment: Moment2, at_once: bool) -> None:
    """At whatever moment a server sends the answer to a request that is not made yet, no page gets it."""
    found = Counter[str]()

    async def fetch(path: str) -> None:
        for _ in range(3):
            outcome = await get(fetcher, f"{server.root}{path}")
            if not isinstance(outcome, Failed):
                right = isinstance(outcome, Fetched) and outcome.response.body == body_of(path)
                found["right" if right else "wrong"] += 1
                return
        found["failed"] += 1

    async with (
        InjectingServer2(moment, tls()) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        if at_once:
            await asyncio.gather(*(fetch(f"/{number}") for number in range(6)))
        else:
            for number in range(6):
                await fetch(f"/{number}")
                await asyncio.sleep(0.03 if number % 2 else 0)
    assert server.sent > 0
    assert found["wrong"] == 0
    never = (Moment2.ON_CONNECTING, Moment2.BEFORE_HEAD, Moment2.TWICE)
    assert found["right"] == (0 if moment in never else 6)


@pytest.mark.parametrize("moment", [*Moment])
async def test_over_http_1(moment: Moment) -> None:
    """Where the server does not choose HTTP/2, the client on aiohttp asks, which takes no answer of doubt."""
    async with (
        InjectingServer(moment, SURPLUS["answer"], tls=tls()) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        for number in range(3):
            outcome = await get(fetcher, f"{server.root}/{number}")
            if isinstance(outcome, Fetched):
                assert outcome.response.body == body_of(f"/{number}")


@pytest.mark.parametrize("way", WAYS)
async def test_silent_servers_are_asked(way: str) -> None:
    """The tickets of TLS are no surplus, and each page is the one that was asked for."""
    async with (
        Http2Server(lambda asked: Answer2(asked.headers[":path"].encode()), tls()) as server,
        way_to(server.port, way) as proxy,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        base = server.url.replace("127.0.0.1", "localhost") if "socks" in way else server.url
        found = [await get(fetcher, f"{base}/{n}", proxy) for n in range(5)]
        found += await asyncio.gather(*(get(fetcher, f"{base}/{n}", proxy) for n in range(5)))
    assert [isinstance(each, Fetched) and each.response.body for each in found] == [
        b"/%d" % number for number in range(5)
    ] * 2
    assert server.connections == 1


async def test_an_answer_that_is_older_than_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes before any of the request was acknowledged is no answer; the request was made all the same."""
    monkeypatch.setattr(streams, "unacknowledged_bytes", lambda _: 1_000_000)
    async with (
        Http2Server(lambda _: Answer2(), tls()) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        assert await get(fetcher, f"{server.url}/") == Failed("protocol", UNASKED_DATA, sent=True)


def test_frames_in_pieces() -> None:
    """The numbers are those of messages, wherever the bytes are parted."""
    frames = b"".join(
        len(body).to_bytes(3, "big") + bytes([kind, 0]) + number.to_bytes(4, "big") + body
        for kind, number, body in ((4, 0, b""), (1, 1, b"abc"), (0, 1, b""), (8, 5, b"1234"), (0, 3, b"d" * 300))
    )  # fmt: skip
    for size in (1, 2, 7, 9, 10, 1_000):
        found, reader = list[int](), Frames()
        for at in range(0, len(frames), size):
            found += [each.number for each in reader.read(frames[at : at + size])]
        assert found == [1, 1, 3]


async def test_a_server_that_ends_the_connection_at_once() -> None:
    """It has said nothing, so that nothing was surplus; what is not HTTP/2 is not looked at."""

    def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stream = Stream(await AnyIOBackend().connect_tcp("127.0.0.1", port))
    assert await stream.read(9) == b""
    await stream.aclose()
    server.close()
