"""The client on pyreqwest: what it dates, keeps, refuses and leaves to aiohttp."""

import asyncio
import importlib.util
import ssl
from collections.abc import Sequence

import pytest
import trustme
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Failed, FetchOutcome, Proxy, Throttled
from scraper_cpn.scrape.fetch.choose import new_client
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.fetch.loop import on_uvloop
from scraper_cpn.scrape.options.read import checked
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from tests.scrape.fetching import HERE, Names, get, kind_of, target
from tests.servers import Asked, Do, Server, Step, page

SETTINGS = Settings(
    timeout_ns=10 * SECOND, max_body_bytes=100_000, fetcher="pyreqwest", insecure=True
)
TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
trustme.CA().issue_cert("127.0.0.1").configure_cert(TLS)
HASTY = replace(SETTINGS, timeout_ns=SECOND // 5)


async def outcome_of(steps: Sequence[Step] | bytes, limits: Settings) -> tuple[FetchOutcome, int]:
    """Return the outcome of a page of an encrypted server that answers so, and how often it was asked."""
    async with (
        Server(lambda _: steps, tls=TLS) as server,
        Fetcher(limits, seeds=HERE) as fetcher,
    ):
        return await get(fetcher, f"{server.url}/"), len(server.asked)


# What it can't do.


def test_cacert() -> None:
    """To trust a file alone is refused, in one line, before anything is fetched or written."""
    with pytest.raises(UsageError, match=r"^cacert: .* leave out fetcher or cacert$"):
        checked(replace(SETTINGS, cacert="ca.pem"))
    with pytest.raises(UsageError, match=r"^cacert: "):
        new_client(replace(SETTINGS, cacert="ca.pem"))


def test_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without pyreqwest, the user is shown how to install it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install"):
        checked(SETTINGS)
    assert not on_uvloop(SETTINGS)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "answer",
    [
        page(b"x", *(f"A{n}: b" for n in range(101))),
        page(b"x", "A: \0"),
        b"http/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
    ],
)
async def test_intolerance(answer: bytes) -> None:
    """What aiohttp takes and reqwest does not is a failure of protocol, and never garbage."""
    outcome, asked = await outcome_of(answer, SETTINGS)
    assert (kind_of(outcome), asked) == ("protocol", 1)


@pytest.mark.anyio
async def test_unreadable_headers() -> None:
    """A Location that is not ASCII is a redirect to nowhere; other headers count as absent."""
    raw = "Location: /\xe9"
    moved, _ = await outcome_of(page(b"", raw, status="301 x"), SETTINGS)
    assert isinstance(moved, Failed)
    assert (moved.kind, moved.retry) == ("redirect", False)
    assert "not ASCII" in moved.reason
    refused, _ = await outcome_of(page(b"", raw, "Retry-After: \xe9", status="503 x"), SETTINGS)
    assert refused == Throttled(503, None)
    fetched, _ = await outcome_of(page(b"x", "Content-Type: \xe9"), SETTINGS)
    assert kind_of(fetched) == "fetched"
    absent, _ = await outcome_of(page(b"", status="301 x"), SETTINGS)
    assert isinstance(absent, Failed)
    assert absent.reason == "a redirect without Location"


@pytest.mark.anyio
async def test_strange_urls() -> None:
    """A URL that this client's own parser refuses is a failure for good, without a request."""
    async with Fetcher(replace(SETTINGS, insecure=False), seeds=HERE) as fetcher:
        outcome = await get(fetcher, "https://1.2.3.4.5/")
    assert outcome == Failed(
        "protocol", "pyreqwest can't ask for this URL", retry=False, sent=False
    )


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("steps", "kind", "reason"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", Do.CLOSE], "dropped", "incomplete"),
        (
            [b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nab", Do.STALL],
            "protocol",
            "Content-Length",
        ),
        ([Do.CLOSE], "dropped", "before the answer"),
    ],
)
async def test_reasons(steps: Sequence[Step] | bytes, kind: str, reason: str) -> None:
    """The words of reqwest become ours; a change of them in a new version is found here."""
    outcome, _ = await outcome_of(steps, SETTINGS)
    assert isinstance(outcome, Failed)
    assert outcome.kind == kind
    assert reason in outcome.reason


# The start.


@pytest.mark.anyio
async def test_start_is_the_head() -> None:
    """A start is dated when the head has come, before the body: never before the request is written."""
    order: list[str] = []
    started = asyncio.Event()

    def script(asked: Asked) -> Sequence[Step]:
        order.append("asked")
        return [b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", 0.02, b"x"]

    def start() -> None:
        order.append("start")
        started.set()

    async with Server(script, tls=TLS) as server, Fetcher(SETTINGS, seeds=HERE) as fetcher:
        running = asyncio.ensure_future(get(fetcher, f"{server.url}/", start=start))
        await started.wait()
        assert not running.done()
        assert kind_of(await running) == "fetched"
    assert order == ["asked", "start"]


@pytest.mark.anyio
async def test_cancelled_before_the_head() -> None:
    """Cancelled while it waits, a request counts as started; its connection ends with its time limit."""
    started: list[int] = []
    async with Server(lambda _: [Do.STALL], tls=TLS) as server:
        async with Fetcher(HASTY, seeds=HERE) as fetcher:
            running = asyncio.ensure_future(
                get(fetcher, f"{server.url}/", start=lambda: started.append(1))
            )
            await server.asked_times(1)
            assert started == []
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert started == [1]
        await server.closed()
        assert server.open == 0


@pytest.mark.anyio
async def test_dropped_requests_have_not_started() -> None:
    """A request without an answer is not dated: whoever asked dates it when it has ended."""
    started: list[int] = []
    async with (
        Server(lambda _: [Do.CLOSE], tls=TLS) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        outcome = await get(fetcher, f"{server.url}/", start=lambda: started.append(1))
    assert (kind_of(outcome), started) == ("dropped", [])


# Connections.


@pytest.mark.usefixtures("restless")
@pytest.mark.anyio
async def test_plain_http_is_not_its_business() -> None:
    """Plain HTTP goes through the client on aiohttp, which keeps connections and dates a start at the write."""
    order: list[str] = []

    def script(_: Asked) -> bytes:
        order.append("asked")
        return page()

    async with Server(script) as server, Fetcher(SETTINGS, seeds=HERE) as fetcher:
        for _ in range(2):
            await get(fetcher, f"{server.url}/", start=lambda: order.append("start"))
    assert [asked.connection for asked in server.asked] == [0, 0]
    assert order == ["start", "asked"] * 2


@pytest.mark.anyio
async def test_connections_are_used_once() -> None:
    """Each request has a connection of its own, and says so: nobody can look whether an old one is silent."""
    async with (
        Server(lambda _: page(), tls=TLS) as server,
        Fetcher(SETTINGS, seeds=HERE) as fetcher,
    ):
        for _ in range(3):
            await get(fetcher, f"{server.url}/")
    assert [asked.connection for asked in server.asked] == [0, 1, 2]
    assert {asked.headers["connection"] for asked in server.asked} == {"close"}


# Names.


@pytest.mark.anyio
async def test_names() -> None:
    """Of hosts that need a public address aiohttp asks those whose certificate proves nothing; the system finds others."""
    names = Names(evil_example="127.0.0.1")
    async with (
        Server(lambda _: page()) as server,
        Fetcher(SETTINGS, seeds=["http://seed.invalid/"], resolver=names) as fetcher,
    ):
        for scheme in ("http", "https"):
            url = f"{scheme}://evil.example:{server.port}/"
            assert kind_of(await get(fetcher, url)) == "address"
        assert names.asked == ["evil.example"]
        assert kind_of(await get(fetcher, f"https://seed.invalid:{server.port}/")) == "dns"
        assert names.asked == ["evil.example"]
        assert server.asked == []


@pytest.mark.anyio
async def test_nameless_proxy() -> None:
    """A proxy whose name has no address has failed by itself."""
    nameless = Proxy("p", url="http://user:secret@proxy.invalid:1")
    async with Fetcher(SETTINGS, seeds=HERE, resolver=Names()) as fetcher:
        for scheme in ("http", "https"):
            outcome = await fetcher.fetch(
                target(f"{scheme}://a.example/"),
                nameless,
                lambda: None,
            )
            assert isinstance(outcome, Failed)
            assert (outcome.kind, outcome.retry) == ("proxy", True)
            assert "secret" not in repr(outcome)
