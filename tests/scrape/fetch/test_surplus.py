"""Every body belongs to its request, whatever a server sends beside the answers that it was asked for."""

import asyncio
import ssl
from collections import Counter
from collections.abc import Sequence

import pytest
import trustme

from mocks.injecting import SURPLUS, InjectingServer, Moment, body_of
from scraper_cpn.scrape.colours import Failed, Fetched, FetchOutcome, Proxy
from scraper_cpn.scrape.fetch import client_aiohttp
from scraper_cpn.scrape.fetch.client import Surplus
from scraper_cpn.scrape.fetch.connections import KNOWN_AFTER
from scraper_cpn.scrape.fetch.doubles import Doubles
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.fetch.wire import Wire
from scraper_cpn.scrape.settings import SECOND, Settings
from tests.scrape.fetching import DIRECT, HERE, get
from tests.servers import Asked, Do, Server, Step, Tunnel, page

PAGES = 4
SETTINGS = Settings(timeout_ns=10 * SECOND, insecure=True)
LATE = (Moment.AFTER_A_WHILE, Moment.BEFORE_READING)
ANSWERS = ("answer", "redirect", "chunks", "half", "head")
"""Surplus that is an answer, or begins like one."""
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"


def judged(path: str, outcome: FetchOutcome) -> str:
    """Return whether a fetch brought the page that it asked for."""
    if isinstance(outcome, Failed):
        return "failed"
    right = isinstance(outcome, Fetched) and outcome.response.body == body_of(path)
    return "right" if right else "wrong"


async def crawl(
    server: InjectingServer, fetcher: Fetcher, *, proxied: bool, attempts: int = 1
) -> Counter[str]:
    """Fetch some pages one after another, without a pause, and return how many were right and wrong."""
    base = "http://a.example" if proxied else server.root
    proxy = Proxy("p", url=server.root) if proxied else DIRECT
    found = Counter[str]()
    for number in range(PAGES):
        for _ in range(attempts):
            path = f"{base}/{number}" if proxied else f"/{number}"
            verdict = judged(path, await get(fetcher, f"{base}/{number}", proxy))
            if verdict != "failed":
                break
        found[verdict] += 1
    return found


@pytest.mark.anyio
@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("surplus", ANSWERS)
@pytest.mark.parametrize("moment", [*Moment])
async def test_no_body_is_another_ones(moment: Moment, surplus: str, proxied: bool) -> None:
    """At whatever moment a server sends an answer too many, no page gets a body that is not its own."""
    async with (
        InjectingServer(moment, SURPLUS[surplus]) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        found = await crawl(server, fetcher, proxied=proxied)
    assert found["wrong"] == 0
    assert sum(found.values()) == PAGES


@pytest.mark.anyio
@pytest.mark.parametrize("service_s", [0.0, 0.01])
@pytest.mark.parametrize("while_s", [0.0, 0.005, 0.02])
@pytest.mark.parametrize("surplus", [*SURPLUS])
@pytest.mark.parametrize("moment", LATE)
async def test_late_surplus_costs_nothing(
    moment: Moment, surplus: str, while_s: float, service_s: float
) -> None:
    """What comes some time behind a body costs no page, be the next request on its way or not."""
    if while_s < 0.005:
        surplus = "garbage"  # an answer would be a second one to the same request
    async with (
        InjectingServer(moment, SURPLUS[surplus], while_s=while_s, service_s=service_s) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        found = await crawl(server, fetcher, proxied=False, attempts=3)
    assert found == {"right": PAGES}


@pytest.mark.anyio
@pytest.mark.parametrize("surplus", ["garbage", "line"])
@pytest.mark.parametrize("moment", [Moment.WITH_BODY, Moment.AFTER_BODY])
async def test_behind_the_body(moment: Moment, surplus: str) -> None:
    """What stands behind a body and is no answer is dropped, with its connection."""
    drops: list[Surplus] = []
    async with (
        InjectingServer(moment, SURPLUS[surplus]) as server,
        Fetcher(SETTINGS, seeds=HERE, on_surplus=drops.append) as fetcher,
    ):
        found = await crawl(server, fetcher, proxied=False)
        assert found == {"right": PAGES}
        assert server.connections == len(drops) == PAGES
        assert {drop.origin for drop in drops} == {server.root}
        assert [drop.requests for drop in drops] == [1] * PAGES


@pytest.mark.anyio
@pytest.mark.parametrize("moment", [Moment.WITH_BODY, Moment.AFTER_BODY])
async def test_the_same_answer_behind_every_page(moment: Moment) -> None:
    """Where a server sends the same answer behind every page, the pages are distinguished from it from the second one on."""
    async with (
        InjectingServer(moment, SURPLUS["answer"]) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        first = await crawl(server, fetcher, proxied=False)
        again = await crawl(server, fetcher, proxied=False)
    assert first["wrong"] == 0
    assert first["right"] >= PAGES - 1
    assert again == {"right": PAGES}


def test_which_answer_is_meant() -> None:
    """An answer counts where the other one is repeated and it is not; the answer before, sent again, never does."""
    doubles = Doubles()
    assert not doubles.first_is_meant("s", "/0", b"page 0", b"junk")
    assert doubles.first_is_meant("s", "/1", b"page 1", b"junk")
    assert doubles.first_is_meant("s", "/0", b"page 0", b"junk")
    assert not doubles.first_is_meant("s", "/2", b"junk", b"page 2")
    assert not doubles.first_is_meant("s", "/3", b"page 2", b"page 3")
    assert not doubles.first_is_meant("s", "/4", b"page 1", b"junk")
    assert not doubles.first_is_meant("other", "/1", b"page 1", b"junk")
    late = Doubles()
    for number in range(4):
        assert not late.first_is_meant("s", f"/{number}", b"%d" % (number - 1), b"%d" % number)


@pytest.mark.usefixtures("restless")
@pytest.mark.anyio
async def test_idle_connections_end() -> None:
    """Bytes on an idle connection end it before the next request, and the next ones are used once."""
    drops: list[Surplus] = []
    connections: list[tuple[int, int]] = []
    async with (
        InjectingServer(
            Moment.AFTER_A_WHILE, SURPLUS["answer"], chooses=lambda n: n == 1
        ) as server,
        Fetcher(SETTINGS, seeds=HERE, on_surplus=drops.append) as fetcher,
    ):
        for number in range(6):
            outcome = await get(fetcher, f"{server.root}/{number}")
            assert judged(f"/{number}", outcome) == "right"
            assert isinstance(outcome, Fetched)
            connections.append((outcome.response.wired.connection, outcome.response.wired.ordinal))
            await asyncio.sleep(0.05 if number == 1 else 0)
    (drop,) = drops
    first = connections[0][0]
    assert (drop.connection, drop.requests) == (first, 2)
    assert connections[:2] == [(first, 1), (first, 2)]
    assert all(ordinal == 1 for _, ordinal in connections[2:])
    assert len({number for number, _ in connections}) == 5


@pytest.mark.anyio
async def test_connections_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection of a server that is little known rests before it is used again; of a known one it need not."""

    async def connections_of(requests: int, rest_s: float) -> int:
        monkeypatch.setattr(client_aiohttp, "REST_S", rest_s)
        before = server.connections
        for _ in range(requests):
            await get(fetcher, f"{server.url}/")
        return server.connections - before

    async with Server(lambda _: page()) as server, Fetcher(SETTINGS, seeds=HERE) as fetcher:
        assert await connections_of(2, rest_s=3) == 2
        assert await connections_of(KNOWN_AFTER, rest_s=0) == 0
        assert await connections_of(2, rest_s=3) == 0


@pytest.mark.usefixtures("restless")
@pytest.mark.anyio
async def test_harmless_surplus() -> None:
    """A server that says that it closes an idle connection may keep the next one alive."""
    timeout = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"
    drops: list[Surplus] = []

    def script(asked: Asked) -> Sequence[Step]:
        return [page(), 0.005, timeout, Do.CLOSE] if asked.connection == 0 else [page()]

    async with (
        Server(script) as server,
        Fetcher(SETTINGS, seeds=HERE, on_surplus=drops.append) as fetcher,
    ):
        await get(fetcher, f"{server.url}/")
        await server.closed()
        for _ in range(2):
            assert isinstance(await get(fetcher, f"{server.url}/"), Fetched)
        assert len(drops) == 1
        assert server.connections == 2


@pytest.mark.anyio
async def test_an_error_behind_a_page() -> None:
    """A page with an error behind it is that page: servers say so before they close."""
    steps = HEAD + b"ok" + page(status="400 Bad Request")
    async with Server(lambda _: steps) as server, Fetcher(SETTINGS, seeds=HERE) as fetcher:
        outcome = await get(fetcher, f"{server.url}/")
    assert isinstance(outcome, Fetched)
    assert outcome.response.body == b"ok"


@pytest.mark.anyio
async def test_before_the_request() -> None:
    """A server that speaks first is not asked, which is reported."""
    started: list[int] = []
    async with (
        InjectingServer(Moment.ON_CONNECTING, SURPLUS["line"]) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        outcome = await get(fetcher, f"{server.root}/", start=lambda: started.append(1))
    assert outcome == Failed(
        "protocol", "the server sent data before a request was made", sent=False
    )
    assert started == []


@pytest.mark.anyio
async def test_a_wire_that_ended_at_once() -> None:
    """A connection that ends before anybody could ask is not silent, and ends nothing else."""
    wire = Wire(asyncio.get_running_loop())
    wire.take_over(1, lambda _: None)
    assert not wire.silent()
    assert not await wire.listen()


@pytest.mark.anyio
async def test_connections_that_end_at_once() -> None:
    """A server that closes or resets whatever connects is a failure like any other."""

    def accepted(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    server = await asyncio.start_server(accepted, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Fetcher(SETTINGS, seeds=HERE) as fetcher:
        for _ in range(20):
            outcome = await get(fetcher, f"http://127.0.0.1:{port}/")
            assert isinstance(outcome, Failed)
            assert outcome.kind == "dropped"
    server.close()


@pytest.mark.anyio
@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("moment", [Moment.WITH_BODY, *LATE])
async def test_encrypted(moment: Moment, proxied: bool) -> None:
    """Connections with TLS, through a tunnel too, are no different."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with InjectingServer(moment, SURPLUS["garbage"], tls=context) as server:

        def tunnel(_: Asked) -> Sequence[Step]:
            return [b"HTTP/1.1 200 OK\r\n\r\n", Tunnel(server.port)]

        async with Server(tunnel) as proxy, Fetcher(SETTINGS, seeds=HERE) as fetcher:
            way = Proxy("p", url=proxy.url) if proxied else DIRECT
            for number in range(PAGES):
                for _ in range(3):
                    outcome = await get(fetcher, f"{server.root}/{number}", way)
                    if not isinstance(outcome, Failed):
                        break
                assert judged(f"/{number}", outcome) == "right"
                await asyncio.sleep(0.005)


@pytest.mark.usefixtures("restless")
@pytest.mark.anyio
async def test_encrypted_connections_are_kept() -> None:
    """The tickets of TLS are no surplus: its connections are used again."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with (
        Server(lambda _: page(), tls=context) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        for _ in range(3):
            assert isinstance(await get(fetcher, f"{server.url}/"), Fetched)
        assert server.connections == 1
