"""The client: one request on the wire, when it starts, connections, TLS, proxies, names."""

import asyncio
import base64
import gc
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec.structs import replace

from scraper_cpn.scrape import client
from scraper_cpn.scrape.client import Sockets, tls
from scraper_cpn.scrape.colours import Failed, Fetched, FetchOutcome, Proxy, RobotsJob, Target
from scraper_cpn.scrape.fetch import KEPT_OPEN_MAX, Fetcher
from scraper_cpn.scrape.settings import SECOND, Settings, UsageError
from tests.servers import Asked, Do, Server, Step, Tunnel, page

DIRECT = Proxy("direct")
SETTINGS = Settings(timeout_ns=10 * SECOND)


def nobody(host: str) -> bool:
    """No host is the user's own."""
    return False


def not_started() -> None:
    """For requests whose start matters to nobody."""


async def get(
    fetcher: Fetcher,
    url: str,
    proxy: Proxy = DIRECT,
    start: Callable[[], None] = not_started,
    **changes: Any,
) -> FetchOutcome:
    """Fetch a URL."""
    changes = {"requested_url": url, **changes}
    target = Target(url=url, domain="d", authority="a", site="s", **changes)
    return await fetcher.fetch(target, proxy, start)


def kind_of(outcome: FetchOutcome) -> str:
    """Return the kind of a failure, or `fetched`."""
    if isinstance(outcome, Failed):
        return outcome.kind
    assert isinstance(outcome, Fetched)
    return "fetched"


class Names(AbstractResolver):
    """A resolver that knows some names and keeps what it was asked."""

    def __init__(self, **addresses: str) -> None:
        self.addresses = {name.replace("_", "."): found for name, found in addresses.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
        """Look a name up."""
        self.asked.append(host)
        if host not in self.addresses:
            raise OSError(None, "unknown name")
        return [
            ResolveResult(hostname=host, host=found, port=port, family=family, proto=0, flags=0)
            for found in self.addresses[host].split()
        ]

    async def close(self) -> None:
        """Nothing to close."""


# One request on the wire.


@pytest.mark.anyio
@pytest.mark.parametrize("end", [Do.CLOSE, Do.RESET])
async def test_dropped_kept_alive_connection(end: Do) -> None:
    """A request on a kept-alive connection that drops is one request, and never sent again."""

    def script(asked: Asked) -> Sequence[Step] | bytes:
        return page() if asked.ordinal == 0 else [end]

    async with Server(script) as server, Fetcher(SETTINGS, own=nobody) as fetcher:
        assert kind_of(await get(fetcher, f"{server.url}/1")) == "fetched"
        assert kind_of(await get(fetcher, f"{server.url}/2")) == "dropped"
        assert [asked.target for asked in server.asked] == ["/1", "/2"]
        assert server.connections == 1
        assert kind_of(await get(fetcher, f"{server.url}/2")) == "fetched"
        assert server.connections == 2


@pytest.mark.anyio
async def test_connection_closed_while_idle() -> None:
    """A connection that the server closed between two requests is not used for the second."""
    async with (
        Server(lambda _: [page(), Do.CLOSE]) as server,
        Fetcher(SETTINGS, own=nobody) as fetcher,
    ):
        for _ in range(5):
            assert kind_of(await get(fetcher, f"{server.url}/")) == "fetched"
            await server.closed()
            await asyncio.sleep(0)
        assert server.connections == len(server.asked) == 5


@pytest.mark.anyio
async def test_connections_are_kept() -> None:
    """Requests in turn share a connection, those after an error with a small body too."""

    def script(asked: Asked) -> bytes:
        return page(b"x" * 30_000, status="404 No") if asked.ordinal % 2 else page(b"x" * 30_000)

    async with Server(script) as server, Fetcher(SETTINGS, own=nobody) as fetcher:
        for _ in range(6):
            await get(fetcher, f"{server.url}/")
        assert (len(server.asked), server.connections) == (6, 1)


@pytest.mark.anyio
async def test_many_connections_are_not_kept() -> None:
    """With many connections open, the next ones close after their answer."""
    async with Server(lambda _: page()) as server, Fetcher(SETTINGS, own=nobody) as fetcher:
        await get(fetcher, f"{server.url}/few")
        others = [fetcher._sockets((2, 1, 6, "", ("127.0.0.1", 1))) for _ in range(KEPT_OPEN_MAX)]
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


@pytest.mark.anyio
async def test_many_at_once() -> None:
    """Nothing here bounds how many requests run at a time: the net does."""
    started, all_there = 0, asyncio.Event()

    def start() -> None:
        nonlocal started
        started += 1
        if started == 120:
            all_there.set()

    async with Server(lambda _: [Do.STALL]) as server, Fetcher(SETTINGS, own=nobody) as fetcher:
        running = [
            asyncio.ensure_future(get(fetcher, f"{server.url}/", start=start)) for _ in range(120)
        ]
        async with asyncio.timeout(8):
            await all_there.wait()
        for task in running:
            task.cancel()
        await asyncio.wait(running)


# The start.


@pytest.mark.anyio
async def test_start_is_the_write() -> None:
    """`start` is called once per request, before the server can have it, on any connection."""
    order: list[str] = []

    def script(asked: Asked) -> bytes:
        order.append(f"asked {asked.target}")
        return page()

    async with Server(script) as server, Fetcher(SETTINGS, own=nobody) as fetcher:
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
        Fetcher(SETTINGS, own=nobody, resolver=names) as fetcher,
    ):
        url = f"http://a.example:{server.port}/"
        running = asyncio.ensure_future(get(fetcher, url, start=lambda: started.append(1)))
        for _ in range(20):
            await asyncio.sleep(0)
        assert started == []
        found.set()
        assert kind_of(await running) == "fetched"
        assert started == [1]


@pytest.mark.anyio
async def test_start_that_raises() -> None:
    """A bug of the caller's `start` is not taken for a failure of the web."""

    def start() -> None:
        raise ZeroDivisionError

    async with Server(lambda _: page()) as server, Fetcher(SETTINGS, own=nobody) as fetcher:
        with pytest.raises(ZeroDivisionError):
            await get(fetcher, f"{server.url}/", start=start)
        await server.closed()
        assert len(server.asked) == 1


# Cancellation.


@pytest.mark.anyio
@pytest.mark.parametrize(
    "steps", [[Do.STALL], [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", Do.STALL]]
)
async def test_cancellation(steps: Sequence[Step]) -> None:
    """A cancelled fetch raises the cancellation and closes its connection at once."""
    started = asyncio.Event()
    async with Server(lambda _: steps) as server, Fetcher(SETTINGS, own=nobody) as fetcher:
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
            async with Fetcher(SETTINGS, own=nobody) as fetcher:
                running = asyncio.ensure_future(get(fetcher, f"{server.url}/"))
                for _ in range(steps):
                    await asyncio.sleep(0)
                running.cancel()
                await asyncio.wait([running])
                assert running.cancelled() or kind_of(running.result()) == "fetched"
            await server.closed()
            assert server.open == 0
        gc.collect()  # an unclosed socket would warn, which fails the test


@pytest.mark.anyio
async def test_leaving_closes_connections() -> None:
    """Leaving the fetcher closes the connections that were kept."""
    async with Server(lambda _: page()) as server:
        async with Fetcher(SETTINGS, own=nobody) as fetcher:
            await get(fetcher, f"{server.url}/")
            assert server.open == 1
        await server.closed()
        assert server.open == 0


# TLS.


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that nobody trusts by default."""
    return trustme.CA()


@pytest.fixture
def cacert(authority: trustme.CA, tmp_path: Path) -> str:
    """The path of its certificate."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def secure(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    """Return what a server of these names needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.mark.anyio
async def test_tls(authority: trustme.CA, cacert: str) -> None:
    """A certificate counts if its authority is trusted and it names the host, or if told so."""
    trusting = replace(SETTINGS, cacert=cacert)
    cases = [
        ("127.0.0.1", trusting, "fetched"),
        ("127.0.0.1", SETTINGS, "tls"),
        ("127.0.0.1", replace(SETTINGS, insecure=True), "fetched"),
        ("other.example", trusting, "tls"),
        ("other.example", replace(SETTINGS, insecure=True), "fetched"),
    ]
    for name, limits, kind in cases:
        started: list[int] = []
        async with (
            Server(lambda _: page(), tls=secure(authority, name)) as server,
            Fetcher(limits, own=nobody) as fetcher,
        ):
            outcome = await get(fetcher, f"{server.url}/", start=lambda: started.append(1))  # noqa: B023
            assert kind_of(outcome) == kind, (name, limits)
            assert len(started) == len(server.asked) == (kind == "fetched")
        if isinstance(outcome, Failed):
            assert "certificate" in outcome.reason
            assert not outcome.retry


@pytest.mark.anyio
async def test_tls_with_who_speaks_none() -> None:
    """A server that answers a TLS greeting with HTTP has failed at TLS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(page())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Fetcher(SETTINGS, own=nobody) as fetcher:
        outcome = await get(fetcher, f"https://127.0.0.1:{port}/")
    server.close()
    assert kind_of(outcome) == "tls"


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


# Proxies.

SECRET = "pass:w%40rd"
BASIC = "Basic " + base64.b64encode(b"user:pass:w@rd").decode()


def proxy_at(server: Server) -> Proxy:
    """Return a server as a proxy with credentials."""
    return Proxy(
        f"http://user@127.0.0.1:{server.port}",
        url=f"http://user:pass%3Aw%40rd@127.0.0.1:{server.port}",
    )


@pytest.mark.anyio
async def test_plain_proxy() -> None:
    """Through a proxy a request names the whole URL; credentials go to the proxy on each."""
    async with Server(lambda _: page()) as server, Fetcher(SETTINGS, own=nobody) as fetcher:
        for host in ("a", "b", "c"):
            url = f"http://{host}.example/x?y"
            assert kind_of(await get(fetcher, url, proxy_at(server))) == "fetched"
        assert [asked.target for asked in server.asked] == [
            "http://a.example/x?y", "http://b.example/x?y", "http://c.example/x?y",
        ]  # fmt: skip
        assert {asked.headers["proxy-authorization"] for asked in server.asked} == {BASIC}
        assert [asked.headers["host"] for asked in server.asked][1] == "b.example"
        assert server.connections == 1, "connections to a proxy serve every host"


@pytest.mark.anyio
async def test_proxies_share_no_connections() -> None:
    """What was said to one proxy is never sent through another, nor past both."""
    async with (
        Server(lambda _: page(b"1")) as one,
        Server(lambda _: page(b"2")) as two,
        Fetcher(SETTINGS, own=nobody) as fetcher,
    ):
        for proxy, body in ((proxy_at(one), b"1"), (proxy_at(two), b"2"), (proxy_at(one), b"1")):
            outcome = await get(fetcher, f"http://127.0.0.1:{two.port}/", proxy)
            assert isinstance(outcome, Fetched)
            assert outcome.response.body == body
        await get(fetcher, f"{one.url}/")
        assert [asked.target for asked in one.asked][-1] == "/"
        assert "proxy-authorization" not in one.asked[-1].headers


@pytest.mark.anyio
async def test_tunnel(authority: trustme.CA, cacert: str) -> None:
    """HTTPS goes through a tunnel, whose end sees no credentials, and starts inside it."""
    started: list[int] = []
    async with Server(lambda _: page(b"inside"), tls=secure(authority, "a.example")) as origin:

        def script(asked: Asked) -> Sequence[Step]:
            started.append(0)
            return [b"HTTP/1.1 200 OK\r\n\r\n", Tunnel(origin.port)]

        async with (
            Server(script) as server,
            Fetcher(replace(SETTINGS, cacert=cacert), own=nobody) as fetcher,
        ):
            for _ in range(2):
                outcome = await get(
                    fetcher,
                    "https://a.example/x",
                    proxy_at(server),
                    start=lambda: started.append(1),
                )
                assert kind_of(outcome) == "fetched"
        (connect,) = server.asked
        assert connect.head.startswith(b"CONNECT a.example:443 HTTP/1.1\r\n")
        assert connect.headers["proxy-authorization"] == BASIC
        assert [asked.target for asked in origin.asked] == ["/x", "/x"]
        assert "proxy-authorization" not in origin.asked[0].headers
        assert started == [0, 1, 1]


def refusals() -> Iterator[tuple[Sequence[Step] | bytes, str, str]]:
    """Yield what a proxy may do instead, whether it is asked for http or https, and the kind."""
    for scheme in ("http", "https"):
        yield page(status="407 Who"), scheme, "proxy"
        yield [Do.CLOSE], scheme, "dropped"
        yield [b"hello\r\n\r\n", Do.STALL], scheme, "protocol"
    yield page(status="403 No"), "https", "proxy"
    yield page(status="502 Gone"), "https", "proxy"
    yield [b"HTTP/1.1 200 OK\r\n\r\n", Do.CLOSE], "https", "connect"
    yield [b"HTTP/1.1 200 OK\r\n\r\n", 0.1, b"hello", Do.STALL], "https", "tls"


@pytest.mark.anyio
@pytest.mark.parametrize(("steps", "scheme", "kind"), [*refusals()])
async def test_failing_proxies(
    steps: Sequence[Step] | bytes, scheme: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy's failure is named as such, is worth another attempt, and shows no password."""
    async with Server(lambda _: steps) as server, Fetcher(SETTINGS, own=nobody) as fetcher:
        outcome = await get(fetcher, f"{scheme}://a.example/", proxy_at(server))
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.retry) == (kind, True)
    assert len(server.asked) == 1
    for text in (repr(outcome), caplog.text, repr(vars(fetcher)["_settings"])):
        assert "w%40rd" not in text
        assert "w@rd" not in text
        assert BASIC not in text


@pytest.mark.anyio
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_absent_proxy(scheme: str) -> None:
    """A proxy that isn't there, or has no address, is the proxy's failure; nothing has started."""
    async with Server(lambda _: page()) as server:
        absent = proxy_at(server)
    nameless = Proxy("p", url="http://user:secret@proxy.example:1")
    started: list[int] = []
    async with Fetcher(SETTINGS, own=nobody, resolver=Names()) as fetcher:
        for proxy in (absent, nameless):
            outcome = await get(
                fetcher, f"{scheme}://a.example/", proxy, start=lambda: started.append(1)
            )
            assert isinstance(outcome, Failed)
            assert (outcome.kind, outcome.retry) == ("proxy", True)
            assert "secret" not in outcome.reason
    assert started == []


# Names.


@pytest.mark.anyio
@pytest.mark.parametrize("hops", [0, 1])
async def test_proxies_look_names_up(hops: int) -> None:
    """With a proxy no name of a site is looked up here, behind a redirect neither."""
    names = Names(proxy_example="127.0.0.1")
    async with (
        Server(lambda _: page(status="403 No")) as server,
        Fetcher(SETTINGS, own=nobody, resolver=names) as fetcher,
    ):
        proxy = Proxy("p", url=f"http://proxy.example:{server.port}")
        for scheme in ("http", "https"):
            url = f"{scheme}://site.example/"
            await get(fetcher, url, proxy, hops=hops, requested_url="http://first.example/")
        assert len(server.asked) == 2
    assert set(names.asked) == {"proxy.example"}


@pytest.mark.anyio
async def test_unknown_name() -> None:
    """A name without an address is a failure of its own kind, and nothing has started."""
    async with Fetcher(SETTINGS, own=nobody, resolver=Names()) as fetcher:
        outcome = await get(fetcher, "http://a.example/")
    assert outcome == Failed("dns", "the name has no address (unknown name)")


def redirected(url: str) -> dict[str, Any]:
    """Return what a target behind a redirect from *url* has."""
    return {"hops": 1, "requested_url": url}


@pytest.mark.anyio
async def test_redirect_to_a_private_name() -> None:
    """A public host can't redirect to a name that leads into a private network."""
    names = Names(evil_example="127.0.0.1", mixed_example="10.9.9.9 127.0.0.1")
    async with (
        Server(lambda _: page()) as server,
        Fetcher(SETTINGS, own=nobody, resolver=names) as fetcher,
    ):
        for name in ("evil", "mixed"):
            url = f"http://{name}.example:{server.port}/"
            outcome = await get(fetcher, url, **redirected("http://public.example/"))
            assert isinstance(outcome, Failed)
            assert (outcome.kind, outcome.retry) == ("redirect", False)
        job = RobotsJob(authority="http://public.example:80", url=url, domain="d", home="d", hops=1)
        refused = await fetcher.robots(job, DIRECT, not_started)
        assert isinstance(refused, Failed)
        assert refused.kind == "redirect"
        assert server.asked == []


@pytest.mark.anyio
async def test_private_names_that_are_fine() -> None:
    """Names that a user gave, or that a private host redirects to, may be private."""
    names = Names(intranet_example="127.0.0.1")
    async with (
        Server(lambda _: page()) as server,
        Fetcher(SETTINGS, own=lambda host: False, resolver=names) as strict,
        Fetcher(SETTINGS, own=lambda host: host == "intranet.example", resolver=names) as mine,
    ):
        url = f"http://intranet.example:{server.port}/"
        assert kind_of(await get(strict, url)) == "fetched"
        assert kind_of(await get(strict, url, **redirected("http://localhost/"))) == "fetched"
        assert kind_of(await get(mine, url, **redirected("http://public.example/"))) == "fetched"


@pytest.mark.anyio
async def test_public_addresses_only() -> None:
    """Of the addresses of a name, the private ones are left out."""
    resolver = client.PublicResolver(Names(mixed_example="10.0.0.1 8.8.8.8 ::1"))
    assert [found["host"] for found in await resolver.resolve("mixed.example")] == ["8.8.8.8"]
