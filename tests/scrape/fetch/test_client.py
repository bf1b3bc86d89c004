"""What holds for every client: one request on the wire, connections, cancellation, TLS, proxies, names."""

import asyncio
import base64
import importlib.util
import ssl
from collections.abc import Iterator, Sequence

import pytest
import trustme
from msgspec.structs import replace

from scraper_cpn import Crawl
from scraper_cpn.scrape.colours import Failed, Fetched, Proxy
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.settings import Settings, UsageError
from tests.scrape.fetching import CLIENTS, DIRECT, HERE, Names, get, kind_of, proxy_at, target
from tests.servers import Asked, Do, Server, Step, Tunnel, has_ipv6, page
from tests.socks import Socks


def connects(limits: Settings) -> int:
    """How often a client connects for the first encrypted page: the second time without HTTP/2."""
    return 2 if limits.fetcher == "httpx" else 1


# One request on the wire.


@pytest.mark.usefixtures("restless")
@pytest.mark.anyio
@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("end", [Do.CLOSE, Do.RESET])
async def test_dropped_kept_alive_connection(end: Do, proxied: bool, limits: Settings) -> None:
    """A request on a kept-alive connection that drops is one request, and never sent again."""

    def script(asked: Asked) -> Sequence[Step] | bytes:
        return page() if asked.ordinal == 0 else [end]

    async with Server(script) as server, Fetcher(limits, seeds=HERE) as fetcher:
        site = "http://a.example" if proxied else server.url
        proxy = proxy_at(server) if proxied else DIRECT
        assert kind_of(await get(fetcher, f"{site}/1", proxy)) == "fetched"
        assert kind_of(await get(fetcher, f"{site}/2", proxy)) == "dropped"
        assert [asked.target[-2:] for asked in server.asked] == ["/1", "/2"]
        assert server.connections == 1
        assert kind_of(await get(fetcher, f"{site}/2", proxy)) == "fetched"
        assert server.connections == 2


@pytest.mark.anyio
async def test_connection_closed_while_idle(limits: Settings) -> None:
    """A connection that the server closed between two requests is not used for the second."""
    async with (
        Server(lambda _: [page(), Do.CLOSE]) as server,
        Fetcher(limits, seeds=HERE) as fetcher,
    ):
        for _ in range(5):
            assert kind_of(await get(fetcher, f"{server.url}/")) == "fetched"
            await server.closed()
            await asyncio.sleep(0)
        assert server.connections == len(server.asked) == 5


@pytest.mark.usefixtures("restless")
@pytest.mark.anyio
async def test_a_request_that_may_not_start_is_not_written(limits: Settings) -> None:
    """It is no attempt, nothing is on the wire, and the next request is answered."""
    started: list[bool] = []
    async with Server(lambda _: page()) as server, Fetcher(limits, seeds=HERE) as fetcher:
        wanted, start = target(f"{server.url}/"), lambda: started.append(True)
        outcome = await fetcher.fetch(wanted, DIRECT, start, lambda: False)
        assert (kind_of(outcome), started, server.asked) == ("withheld", [], [])
        assert kind_of(await fetcher.fetch(wanted, DIRECT, start, lambda: True)) == "fetched"
        assert (started, len(server.asked)) == ([True], 1)


@pytest.mark.usefixtures("restless")
@pytest.mark.anyio
async def test_connections_are_kept(limits: Settings) -> None:
    """Requests in turn share a connection, those after an error with a small body too."""

    def script(asked: Asked) -> bytes:
        return page(b"x" * 30_000, status="404 No") if asked.ordinal % 2 else page(b"x" * 30_000)

    async with Server(script) as server, Fetcher(limits, seeds=HERE) as fetcher:
        for _ in range(6):
            await get(fetcher, f"{server.url}/")
        assert (len(server.asked), server.connections) == (6, 1)


@pytest.mark.anyio
async def test_many_at_once(limits: Settings) -> None:
    """Nothing here bounds how many requests run at a time: the net does."""
    async with Server(lambda _: [Do.STALL]) as server, Fetcher(limits, seeds=HERE) as fetcher:
        running = [asyncio.ensure_future(get(fetcher, f"{server.url}/")) for _ in range(120)]
        await server.asked_times(120)
        assert server.connections == 120
        for task in running:
            task.cancel()
        await asyncio.wait(running)


@pytest.mark.anyio
@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback interface")
async def test_ipv6(limits: Settings) -> None:
    """An IPv6 address is asked like any other."""
    async with (
        Server(lambda _: page(), host="::1") as server,
        Fetcher(limits, seeds=HERE) as fetcher,
    ):
        assert kind_of(await get(fetcher, f"{server.url}/")) == "fetched"
        assert server.asked[0].headers["host"] == f"[::1]:{server.port}"


@pytest.mark.anyio
async def test_environment(limits: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the environment are not used: those of the crawl are paced."""
    async with Server(lambda _: page()) as server, Fetcher(limits, seeds=HERE) as fetcher:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        assert kind_of(await get(fetcher, f"{server.url}/")) == "fetched"


# The start.


@pytest.mark.usefixtures("restless")
@pytest.mark.anyio
async def test_start_once(limits: Settings) -> None:
    """`start` is called once per request, on a new connection and on one that was kept."""
    started: list[str] = []
    async with Server(lambda _: page()) as server, Fetcher(limits, seeds=HERE) as fetcher:
        for name in ("/1", "/2"):
            await get(fetcher, f"{server.url}{name}", start=lambda: started.append(name))  # noqa: B023
        assert server.connections == 1
    assert started == ["/1", "/2"]


@pytest.mark.anyio
async def test_start_that_raises(limits: Settings) -> None:
    """A bug of the caller's `start` is not taken for a failure of the web."""

    def start() -> None:
        raise ZeroDivisionError

    async with Server(lambda _: page()) as server, Fetcher(limits, seeds=HERE) as fetcher:
        with pytest.raises(ZeroDivisionError):
            await get(fetcher, f"{server.url}/", start=start)
        await server.asked_times(1)
        assert len(server.asked) == 1


# Cancellation.


@pytest.mark.anyio
async def test_cancellation_in_the_body(limits: Settings) -> None:
    """A fetch that is cancelled in the body raises the cancellation and closes its connection."""
    head, started = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", asyncio.Event()
    steps: list[Step] = [head, b"abc", Do.STALL]
    async with Server(lambda _: steps) as server, Fetcher(limits, seeds=HERE) as fetcher:
        running = asyncio.ensure_future(get(fetcher, f"{server.url}/", start=started.set))
        await started.wait()
        await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await server.closed()
        assert server.open == 0


@pytest.mark.anyio
async def test_leaving_closes_connections(limits: Settings) -> None:
    """Leaving the fetcher closes the connections that were kept."""
    async with Server(lambda _: page()) as server:
        async with Fetcher(limits, seeds=HERE) as fetcher:
            await get(fetcher, f"{server.url}/")
            assert server.open == 1
        await server.closed()
        assert server.open == 0


# TLS.


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    """A certificate authority that HERE trusts by default."""
    return trustme.CA()


def secure(ca: trustme.CA, *names: str) -> ssl.SSLContext:
    """Return what a server of these names needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(*names).configure_cert(context)
    return context


@pytest.mark.anyio
async def test_tls(ca: trustme.CA, limits: Settings) -> None:
    """A certificate that HERE trusts is refused before a request is sent, unless told so."""
    for name in ("127.0.0.1", "other.example"):
        for insecure, kind in ((False, "tls"), (True, "fetched")):
            started: list[int] = []
            async with (
                Server(lambda _: page(), tls=secure(ca, name)) as server,
                Fetcher(replace(limits, insecure=insecure), seeds=HERE) as fetcher,
            ):
                outcome = await get(fetcher, f"{server.url}/", start=lambda: started.append(1))  # noqa: B023
                assert kind_of(outcome) == kind
                assert len(started) == len(server.asked) == (kind == "fetched")
            if isinstance(outcome, Failed):
                assert "certificate" in outcome.reason
                assert not outcome.retry


@pytest.mark.anyio
async def test_no_http2(ca: trustme.CA, limits: Settings) -> None:
    """Where a server would rather speak HTTP/2, HTTP/1.1 is spoken: a connection is one request. httpx speaks HTTP/2."""
    if limits.fetcher == "httpx":
        return
    offer = secure(ca, "127.0.0.1")
    offer.set_alpn_protocols(["h2", "http/1.1"])
    async with (
        Server(lambda _: page(), tls=offer) as server,
        Fetcher(replace(limits, insecure=True), seeds=HERE) as fetcher,
    ):
        assert kind_of(await get(fetcher, f"{server.url}/")) == "fetched"


@pytest.mark.anyio
async def test_tls_with_who_speaks_none(limits: Settings) -> None:
    """A server that answers a TLS greeting with HTTP has failed at TLS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(page())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with Fetcher(limits, seeds=HERE) as fetcher:
        outcome = await get(fetcher, f"https://127.0.0.1:{port}/")
    server.close()
    assert kind_of(outcome) == "tls"


# Proxies.

SECRET = "pass:w%40rd"
BASIC = "Basic " + base64.b64encode(b"\xd0\xbf:pass:w@rd").decode()


@pytest.mark.anyio
async def test_plain_proxy(limits: Settings) -> None:
    """Through a proxy a request names the whole URL; credentials go to the proxy on each."""
    async with Server(lambda _: page()) as server, Fetcher(limits, seeds=HERE) as fetcher:
        for host in ("a", "b", "c"):
            url = f"http://{host}.example/x?y"
            assert kind_of(await get(fetcher, url, proxy_at(server))) == "fetched"
        assert [asked.target for asked in server.asked] == [
            "http://a.example/x?y", "http://b.example/x?y", "http://c.example/x?y",
        ]  # fmt: skip
        assert {asked.headers["proxy-authorization"] for asked in server.asked} == {BASIC}
        assert [asked.headers["host"] for asked in server.asked][1] == "b.example"


@pytest.mark.anyio
async def test_proxies_share_no_connections(limits: Settings) -> None:
    """What was said to one proxy is never sent through another, nor past both."""
    async with (
        Server(lambda _: page(b"1")) as one,
        Server(lambda _: page(b"2")) as two,
        Fetcher(limits, seeds=HERE) as fetcher,
    ):
        for proxy, body in ((proxy_at(one), b"1"), (proxy_at(two), b"2"), (proxy_at(one), b"1")):
            outcome = await get(fetcher, f"http://127.0.0.1:{two.port}/", proxy)
            assert isinstance(outcome, Fetched)
            assert outcome.response.body == body
        await get(fetcher, f"{one.url}/")
        assert [asked.target for asked in one.asked][-1] == "/"
        assert "proxy-authorization" not in one.asked[-1].headers


@pytest.mark.usefixtures("restless")
@pytest.mark.anyio
async def test_tunnel(ca: trustme.CA, limits: Settings) -> None:
    """HTTPS goes through a tunnel, whose end sees no credentials, and starts inside it."""
    started: list[int] = []
    async with Server(lambda _: page(b"inside"), tls=secure(ca, "a.example")) as origin:

        def script(asked: Asked) -> Sequence[Step]:
            started.append(0)
            return [b"HTTP/1.1 200 OK\r\n\r\n", Tunnel(origin.port)]

        async with (
            Server(script) as server,
            Fetcher(replace(limits, insecure=True), seeds=HERE) as fetcher,
        ):
            for _ in range(2):
                outcome = await get(
                    fetcher,
                    "https://a.example/x",
                    proxy_at(server),
                    start=lambda: started.append(1),
                )
                assert kind_of(outcome) == "fetched"
        connect = server.asked[0]
        first = [0] * connects(limits)
        assert connect.head.startswith(b"CONNECT a.example:443 HTTP/1.1\r\n")
        assert connect.headers["proxy-authorization"] == BASIC
        assert [asked.target for asked in origin.asked] == ["/x", "/x"]
        assert "proxy-authorization" not in origin.asked[0].headers
        assert started == [*first, 1, 1] or limits.fetcher not in CLIENTS


def refusals() -> Iterator[tuple[Sequence[Step] | bytes, str, str]]:
    """Yield what a proxy may do instead, whether it is asked for http or https, and the kind."""
    for scheme in ("http", "https"):
        yield page(status="407 Who"), scheme, "proxy"
        yield [Do.CLOSE], scheme, "dropped"
    yield [b"hello\r\n\r\n", Do.STALL], "http", "protocol"
    yield page(status="403 No"), "https", "proxy"
    for status in (502, 503, 504):
        yield page(status=f"{status} Gone"), "https", "connect"
    yield [b"HTTP/1.1 200 OK\r\n\r\n", 0.1, b"hello", Do.STALL], "https", "tls"


@pytest.mark.anyio
@pytest.mark.parametrize(("steps", "scheme", "kind"), [*refusals()])
async def test_failing_proxies(
    steps: Sequence[Step] | bytes,
    scheme: str,
    kind: str,
    caplog: pytest.LogCaptureFixture,
    limits: Settings,
) -> None:
    """A proxy's failure is named as such, and that of a host that it can't reach; it is worth another attempt, and shows no password."""
    async with Server(lambda _: steps) as server, Fetcher(limits, seeds=HERE) as fetcher:
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
async def test_absent_proxy(scheme: str, limits: Settings) -> None:
    """A proxy that isn't there, or has no address, is the proxy's failure; nothing has started."""
    async with Server(lambda _: page()) as server:
        absent = proxy_at(server)
    nameless = Proxy("p", url="http://user:secret@proxy.example:1")
    started: list[int] = []
    async with Fetcher(limits, seeds=HERE, resolver=Names()) as fetcher:
        for proxy in (absent, nameless):
            outcome = await get(
                fetcher, f"{scheme}://a.example/", proxy, start=lambda: started.append(1)
            )
            assert isinstance(outcome, Failed)
            assert (outcome.kind, outcome.retry) == ("proxy", True)
            assert "secret" not in outcome.reason
    assert started == []


# SOCKS.


@pytest.mark.anyio
async def test_socks(ca: trustme.CA, limits: Settings) -> None:
    """Names go to the proxy as they are, with credentials, for encrypted and plain pages; no request names the whole URL."""
    async with (
        Server(lambda _: page(b"two"), tls=secure(ca, "a.example")) as encrypted,
        Server(lambda _: page(b"one")) as plain,
        Socks(encrypted.port, login=b"\x01\x02me\x03p:w") as locked,
        Socks(plain.port) as free,
        Fetcher(replace(limits, insecure=True), seeds=HERE, resolver=Names()) as fetcher,
    ):
        first = Proxy("p", url=f"socks5://me:p%3Aw@127.0.0.1:{locked.port}")
        second = Proxy("q", url=f"socks5h://127.0.0.1:{free.port}")
        for url, proxy, body in (
            ("https://a.example/x", first, b"two"),
            ("http://b.example/y", second, b"one"),
        ):
            outcome = await get(fetcher, url, proxy)
            assert isinstance(outcome, Fetched), outcome
            assert outcome.response.body == body
        assert (locked.asked[-1:], free.asked) == ([b"a.example"], [b"b.example"])
        assert (encrypted.asked[0].target, plain.asked[0].target) == ("/x", "/y")
        assert "proxy-authorization" not in encrypted.asked[0].headers


@pytest.mark.anyio
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("reply", "kind"), [(1, "proxy"), (2, "proxy"), (4, "connect"), (5, "connect")]
)
async def test_socks_that_fails(scheme: str, reply: int, kind: str, limits: Settings) -> None:
    """A proxy that refuses, or is not there, is told from one that does not reach the host; no password is shown."""
    async with Socks(1, refuses=reply) as proxy, Fetcher(limits, seeds=HERE) as fetcher:
        gone = Proxy("q", url="socks5://me:secret@127.0.0.1:1")
        for each, named in (
            (Proxy("p", url=f"socks5://127.0.0.1:{proxy.port}"), kind),
            (gone, "proxy"),
        ):
            outcome = await get(fetcher, f"{scheme}://a.example/", each)
            assert isinstance(outcome, Failed)
            assert (outcome.kind, outcome.retry, outcome.sent) == (named, True, False)
            assert "secret" not in repr(outcome)


@pytest.mark.anyio
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("given", ["me:wrong!@", ""])
async def test_socks_with_a_wrong_password(given: str, scheme: str, limits: Settings) -> None:
    """It is distinguished from a proxy that does not reach the host; no password is shown."""
    login = b"\x01\x02me\x06secret"
    async with Socks(1, login=login) as proxy, Fetcher(limits, seeds=HERE) as fetcher:
        through = Proxy("p", url=f"socks5://{given}127.0.0.1:{proxy.port}")
        outcome = await get(fetcher, f"{scheme}://a.example/", through)
        assert isinstance(outcome, Failed)
        assert (outcome.kind, outcome.retry, outcome.sent) == ("proxy", True, False)
        assert "name and password" in outcome.reason or limits.fetcher not in CLIENTS
        assert "wrong!" not in outcome.reason
        assert not proxy.asked


@pytest.mark.anyio
async def test_socks_that_speaks_something_else(limits: Settings) -> None:
    """A port at which no SOCKS is spoken is a proxy that fails."""

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    async with (
        await asyncio.start_server(speak, "127.0.0.1", 0) as server,
        Fetcher(limits, seeds=HERE) as fetcher,
    ):
        port = server.sockets[0].getsockname()[1]
        outcome = await get(fetcher, "https://a.example/", Proxy("p", f"socks5://127.0.0.1:{port}"))
    assert kind_of(outcome) == "proxy"


@pytest.mark.parametrize("fetcher", CLIENTS)
def test_socks_that_is_not_installed(fetcher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without python-socks the user is shown how to install it."""
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "python_socks" else found(name)
    )
    with pytest.raises(UsageError, match=r"scraper-cpn\[socks\]"):
        Crawl(fetcher=fetcher, proxy="socks5://127.0.0.1:1080")
