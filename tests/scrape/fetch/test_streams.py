"""Over HTTP/1.1 the client on httpcore listens before it asks: an answer to no request becomes nobody's page."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpcore
import pytest
import trustme
from httpcore import AnyIOBackend

from mocks.injecting import SURPLUS, InjectingServer, Moment, body_of
from scraper_cpn.scrape.colours import Failed, Fetched, Proxy
from scraper_cpn.scrape.fetch import streams
from scraper_cpn.scrape.fetch.client import Surplus
from scraper_cpn.scrape.fetch.connections import UNASKED_DATA, Unasked
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.fetch.streams import Stream
from scraper_cpn.scrape.settings import SECOND, Settings
from tests.scrape.fetching import DIRECT, HERE, get
from tests.servers import Asked, Server, Step, Tunnel, page
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


async def readable(stream: Stream) -> None:
    """Wait until something waits to be read."""
    while not stream.get_extra_info("is_readable"):  # noqa: ASYNC110 - the system tells nobody
        await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("way", "surplus"),
    [("direct", "line"), *((way, "answer") for way in (*WAYS, "plain socks"))],
)
async def test_a_server_that_speaks_first(way: str, surplus: str) -> None:
    """Whichever way it is reached, it is not asked, which is reported."""
    drops: list[Surplus] = []
    plain = way == "plain socks"
    async with (
        InjectingServer(
            Moment.ON_CONNECTING, SURPLUS[surplus], tls=None if plain else tls()
        ) as server,
        way_to(server.port, way.removeprefix("plain ")) as proxy,
        Fetcher(SETTINGS, seeds=HERE, on_surplus=drops.append) as fetcher,
    ):
        started: list[int] = []
        base = server.url.replace("127.0.0.1", "localhost") if "socks" in way else server.url
        outcomes = [
            await get(fetcher, f"{base}/{n}", proxy, start=lambda: started.append(1))
            for n in range(2)
        ]
    assert outcomes == [EARLY, EARLY]
    assert started == []
    assert [(drop.origin, drop.proxy, drop.requests) for drop in drops] == [
        (base, proxy.proxy, 0)
    ] * 2


@pytest.mark.parametrize("moment", [Moment.WITH_BODY, Moment.AFTER_BODY, Moment.AFTER_A_WHILE])
async def test_no_body_is_another_ones(moment: Moment) -> None:
    """A connection has one request, so that what comes behind a body belongs to nobody."""
    async with (
        InjectingServer(moment, SURPLUS["answer"], tls=tls()) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        for number in range(3):
            outcome = await get(fetcher, f"{server.url}/{number}")
            assert isinstance(outcome, Fetched)
            assert outcome.response.body == body_of(f"/{number}")


@pytest.mark.parametrize("way", WAYS)
async def test_silent_servers_are_asked(way: str) -> None:
    """The tickets of TLS are no surplus, and each page is the one that was asked for."""
    async with (
        Server(lambda asked: page(asked.target.encode()), tls=tls()) as server,
        way_to(server.port, way) as proxy,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        base = server.url.replace("127.0.0.1", "localhost") if "socks" in way else server.url
        found = await asyncio.gather(*(get(fetcher, f"{base}/{n}", proxy) for n in range(5)))
    assert [isinstance(each, Fetched) and each.response.body for each in found] == [
        b"/%d" % number for number in range(5)
    ]


async def test_what_comes_after_it_was_listened_to() -> None:
    """A connection is looked at again when its first request is written."""

    async def speak(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await speaks.wait()
        writer.write(SURPLUS["answer"])
        writer.close()

    speaks = asyncio.Event()
    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stream = Stream(await AnyIOBackend().connect_tcp("127.0.0.1", port))
    await stream.listen()
    speaks.set()
    await readable(stream)
    with pytest.raises(Unasked):
        await stream.write(b"GET / HTTP/1.1\r\n\r\n")
    await stream.aclose()
    server.close()


async def test_an_answer_that_is_older_than_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes before any of the request was acknowledged is no answer; the request was made all the same."""
    monkeypatch.setattr(streams, "unacknowledged_bytes", lambda _: 1_000_000)
    async with (
        Server(lambda _: page(), tls=tls()) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        assert await get(fetcher, f"{server.url}/") == Failed("protocol", UNASKED_DATA, sent=True)


async def test_a_server_that_ends_the_connection_at_once() -> None:
    """It has said nothing, so that nothing was surplus."""

    def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stream = Stream(await AnyIOBackend().connect_tcp("127.0.0.1", port))
    await readable(stream)
    with pytest.raises(httpcore.ReadError):
        await stream.listen()
    await stream.aclose()
    server.close()
