"""The loopback server answers as its web says, over real sockets, and logs what it saw."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from mocks.server import LoopbackWeb
from mocks.wirelog import Request, read_log
from scraper_cpn.simulate.web import WebSpec
from scraper_cpn.simulate.webspec import MILLISECOND, SECOND

pytestmark = pytest.mark.anyio


def session() -> ClientSession:
    return ClientSession(timeout=ClientTimeout(total=20), cookie_jar=DummyCookieJar())


async def ask(port: int, *requests: str) -> bytes:
    """Everything that the server sends for requests that are written at once."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("".join(requests).replace("\n", "\r\n").encode("latin-1"))
    data = await reader.read()
    writer.close()
    await writer.wait_closed()
    return data


def get(target: str, host: str = "h0.example", more: str = "") -> str:
    return f"GET {target} HTTP/1.1\nHost: {host}\n{more}\n"


CLOSE = "Connection: close\n"


async def settled(web: LoopbackWeb, requests: int) -> list[Request]:
    """The log, once it has that many records."""
    while len(web.log) < requests:  # noqa: ASYNC110 -- the log is a plain list
        await asyncio.sleep(0.001)
    return web.log.requests


async def test_any_host_is_served_through_any_proxy() -> None:
    """Through each proxy every page is what the web says, and the log names URL and proxy."""
    async with LoopbackWeb(WebSpec(hosts=3, pages=4), proxies=3) as web, session() as client:
        urls = web.web.pages(reachable=False)
        for k, url in enumerate(urls):
            proxy = web.proxy_urls[k % 3]
            async with client.get(url, proxy=proxy, headers={"User-Agent": "me"}) as answer:
                host, path = url.removeprefix("http://").split("/", 1)
                assert await answer.read() == web.web.respond(host, f"/{path}", 0).body
        seen = [(r.url, r.proxy, r.status, r.user_agent, r.fate) for r in web.log]
        assert seen == [
            (url, web.proxy_names[k % 3], 200, "me", "complete") for k, url in enumerate(urls)
        ]
        assert all(r.start_ns <= r.end_ns for r in web.log)


async def test_hosts_are_known_by_their_header_without_a_proxy() -> None:
    """The origin's port serves every host; this machine's own names stand for the first."""
    async with LoopbackWeb(WebSpec(hosts=2, pages=4)) as web:
        named = await ask(web.port, get("/p/1", host="h1.example", more=CLOSE))
        local = await ask(web.port, get("/p/1", host=f"127.0.0.1:{web.port}", more=CLOSE))
        unknown = await ask(web.port, get("/", host="nowhere.example", more=CLOSE))
        assert b"Page 1 of h1.example" in named
        assert b"Page 1 of h0.example" in local
        assert unknown.startswith(b"HTTP/1.1 502 ")
        assert [(r.url, r.proxy) for r in web.log] == [
            ("http://h1.example/p/1", "direct"),
            (f"{web.url}p/1", "direct"),
            ("http://nowhere.example/", "direct"),
        ]


async def test_a_connection_is_kept_and_its_requests_answered_in_order() -> None:
    """Requests that are written at once are answered in turn, and dated when they arrived."""
    async with LoopbackWeb(WebSpec(pages=4, latency_ns=MILLISECOND)) as web:
        data = await ask(web.port, get("/p/1"), get("/p/2"), get("/p/3", more=CLOSE))
        titles = [data.index(b"<title>Page %d " % page) for page in (1, 2, 3)]
        assert titles == sorted(titles)
        first, second, third = web.log
        assert first.end_ns <= second.end_ns <= third.end_ns
        assert first.start_ns == second.start_ns == third.start_ns


async def test_a_client_reuses_its_connection() -> None:
    """Two requests of a session arrive on one connection."""
    async with LoopbackWeb(WebSpec(pages=4), proxies=1) as web, session() as client:
        for page in (1, 2):
            url = f"http://h0.example/p/{page}"
            async with client.get(url, proxy=web.proxy_urls[0]) as answer:
                await answer.read()
        assert len(client.connector._conns) == 1  # type: ignore[union-attr]


async def test_latency_lies_between_the_request_and_its_end() -> None:
    """An answer takes at least the latency that its page has."""
    async with LoopbackWeb(WebSpec(latency_ns=30 * MILLISECOND)) as web:
        await ask(web.port, get("/", more=CLOSE))
        assert web.log.requests[0].duration_ns >= 30 * MILLISECOND


async def test_a_slow_body_trickles_to_its_end() -> None:
    """A slow body takes its time and is complete."""
    async with LoopbackWeb(WebSpec(slow=1.0, trickle_ns=40 * MILLISECOND)) as web:
        data = await ask(web.port, get("/", more=CLOSE))
        assert data.endswith(b"</html>\n")
        record = web.log.requests[0]
        assert record.fate == "complete"
        assert record.duration_ns >= 40 * MILLISECOND


@pytest.mark.parametrize(("kind", "status"), [("dropped", 0), ("cut", 200)])
async def test_a_dropped_answer_ends_the_connection(kind: str, status: int) -> None:
    """The client sees an end before the whole body; the next visit is served."""
    spec = WebSpec(fail=1.0, fail_times=1, fail_kinds=(kind,))  # type: ignore[arg-type]
    async with LoopbackWeb(spec) as web:
        broken = await ask(web.port, get("/"))
        whole = await ask(web.port, get("/", more=CLOSE))
        assert (broken == b"") == (kind == "dropped")
        assert b"</html>" not in broken
        assert b"</html>" in whole
        assert [(r.status, r.fate) for r in web.log] == [(status, "dropped"), (200, "complete")]


async def test_a_stalled_answer_falls_silent_until_its_end() -> None:
    """Half a body, silence for the stall, then the end."""
    spec = WebSpec(fail=1.0, fail_kinds=("stalled",), stall_ns=40 * MILLISECOND)
    async with LoopbackWeb(spec) as web:
        data = await ask(web.port, get("/"))
        record = web.log.requests[0]
        assert b"<title>" in data
        assert b"</html>" not in data
        assert (record.status, record.fate) == (200, "stalled")
        assert record.duration_ns >= 40 * MILLISECOND


@pytest.mark.parametrize(
    ("spec", "fate", "status"),
    [
        (WebSpec(latency_ns=100 * SECOND), "abandoned", 0),
        (WebSpec(fail=1.0, fail_kinds=("stalled",)), "stalled", 200),
        (WebSpec(slow=1.0, trickle_ns=100 * SECOND), "abandoned", 200),
    ],
)
async def test_a_client_that_leaves_is_recorded(spec: WebSpec, fate: str, status: int) -> None:
    """A request whose client left ends then, and says how far the answer had come."""
    async with LoopbackWeb(spec) as web, session() as client:
        with suppress(TimeoutError):
            async with client.get(web.url, timeout=ClientTimeout(total=0.1)) as answer:
                await answer.read()
        records = await settled(web, 1)
        assert [(r.fate, r.status) for r in records] == [(fate, status)]


async def test_requests_in_flight_are_recorded_when_the_server_ends(tmp_path: Path) -> None:
    """Closing the server loses no request."""
    spec, path = WebSpec(latency_ns=100 * SECOND), tmp_path / "wire.jsonl"
    async with LoopbackWeb(spec, log_path=path) as web:
        waiting = asyncio.create_task(ask(web.port, get("/")))
        await asyncio.sleep(0.05)
    with suppress(OSError):
        await waiting
    assert [r.fate for r in read_log(path)[1]] == ["abandoned"]


async def test_a_proxy_wants_its_credentials() -> None:
    """Without them 407, which the origin never sees; with them the page."""
    spec = WebSpec(pages=2)
    async with LoopbackWeb(spec, proxies=1, credentials=("us er", "p@ss")) as web:
        async with session() as client:
            url, bare = "http://h0.example/", web.proxy_names[0]
            async with client.get(url, proxy=bare) as answer:
                assert answer.status == 407
            wrong = web.proxy_urls[0].replace("p%40ss", "guess")
            async with client.get(url, proxy=wrong) as answer:
                assert answer.status == 407
            async with client.get(url, proxy=web.proxy_urls[0]) as answer:
                assert answer.status == 200
        assert [(r.status, r.origin) for r in web.log] == [(407, False), (407, False), (200, True)]
        assert "us%20er:p%40ss@" in web.proxy_urls[0]
        assert all("ss" not in r.proxy for r in web.log)


async def test_a_tunnel_is_refused() -> None:
    """CONNECT gets 501 from the proxy itself."""
    async with LoopbackWeb(WebSpec(), proxies=1) as web:
        port = int(web.proxy_urls[0].rpartition(":")[2])
        data = await ask(
            port, "CONNECT h0.example:443 HTTP/1.1\nHost: h0.example:443\nConnection: close\n\n"
        )
        assert data.startswith(b"HTTP/1.1 501 ")
        assert [(r.method, r.origin) for r in web.log] == [("CONNECT", False)]


@pytest.mark.parametrize("kind", ["429 seconds", "429 date", "503 seconds", "503 date"])
async def test_a_refusal_says_how_long_it_holds(kind: str) -> None:
    """Retry-After is sent as seconds or as a date, and the log has the hold that it asks for."""
    spec = WebSpec(fail=1.0, fail_kinds=(kind,), retry_after_s=2)  # type: ignore[arg-type]
    async with LoopbackWeb(spec) as web:
        data = await ask(web.port, get("/", more=CLOSE))
        record = web.log.requests[0]
        assert record.status == int(kind[:3])
        assert (b"Retry-After: 2\r\n" in data) == kind.endswith("seconds")
        assert b"Retry-After: " in data
        assert record.hold_ns is not None
        assert 2 * SECOND <= record.hold_ns < 3 * SECOND
        assert record.hold_ns == 2 * SECOND or kind.endswith("date")


async def test_robots_txt_and_redirects_are_in_the_log() -> None:
    """The log has the rules that were served, and where redirects led."""
    async with LoopbackWeb(WebSpec(hosts=2, pages=9, robots=("redirected", "absent"))) as web:
        for path, host in [("/robots.txt", 0), ("/rules/robots.txt", 0), ("/robots.txt", 1)]:
            await ask(web.port, get(path, host=f"h{host}.example", more=CLOSE))
        await ask(web.port, get("/r/own/3", more=CLOSE))
        assert [(r.status, r.location, r.robots) for r in web.log][:3] == [
            (301, "/rules/robots.txt", None),
            (200, None, web.web.rules("h0.example").text),
            (404, None, None),
        ]
        assert web.log.requests[3].location == "/p/3"


async def test_gzip_is_sent_when_both_sides_want_it() -> None:
    """A client that accepts gzip gets it from a server that compresses, and no other does."""
    for compress in (True, False):
        async with LoopbackWeb(WebSpec(), compress=compress) as web, session() as client:
            async with client.get(web.url) as answer:
                assert (answer.headers.get("Content-Encoding") == "gzip") is compress
                assert b"</html>" in await answer.read()
            async with client.get(web.url, headers={"Accept-Encoding": "identity"}) as answer:
                assert "Content-Encoding" not in answer.headers


async def test_head_has_no_body() -> None:
    """HEAD gets the head that GET would get."""
    async with LoopbackWeb(WebSpec()) as web:
        data = await ask(web.port, get("/", more=CLOSE).replace("GET", "HEAD"))
        assert data.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Content-Length: 2000\r\n" in data
        assert data.endswith(b"\r\n\r\n")


async def test_the_body_of_a_request_is_skipped() -> None:
    """A POST with a body, in one piece or several, counted or in chunks, leaves the next request intact."""
    async with LoopbackWeb(WebSpec(pages=3)) as web:
        post = "POST /p/1 HTTP/1.1\nHost: h0.example\nContent-Length: 200000\n\n" + "x" * 200_000
        chunked = (
            "POST /p/1 HTTP/1.1\nHost: h0.example\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n"
        )
        for first in (post, chunked):
            data = await ask(web.port, first, get("/p/2", more=CLOSE))
            assert data.index(b"<title>Page 1") < data.index(b"<title>Page 2")


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("nonsense\n\n", b"400"),
        ("GET ftp://x/ HTTP/1.1\n\n", b"400"),
        ("GET / HTTP/1.1\nHost: h0.example\nTransfer-Encoding: gzip\n\n", b"501"),
        ("GET / HTTP/1.1\nHost: h0.example\nContent-Length: x\n\n", b"400"),
        ("GET / HTTP/1.1\nHost: \n\n", b"400"),
        ("GET / HTTP/1.1\nX: " + "x" * 70_000, b"431"),
    ],
)
async def test_what_is_no_request_is_refused(request_text: str, status: bytes) -> None:
    """Bytes that are no request get an error and an end, and are not in the log."""
    async with LoopbackWeb(WebSpec()) as web:
        assert (await ask(web.port, request_text)).split(b" ")[1] == status
        assert len(web.log) == 0


async def test_a_client_that_floods_is_cut_off() -> None:
    """Bytes without end behind a request that waits are not stored."""
    async with LoopbackWeb(WebSpec(latency_ns=100 * SECOND)) as web:
        with suppress(ConnectionError):
            assert await ask(web.port, get("/"), "x" * 1_000_000) == b""
        assert [r.fate for r in await settled(web, 1)] == ["abandoned"]


async def test_many_clients_at_once_get_every_page_once() -> None:
    """Sixty-four clients on eight proxies take 400 pages, each as the web has it."""
    async with LoopbackWeb(WebSpec(hosts=10, pages=40), proxies=8) as web, session() as client:
        urls = iter(enumerate(web.web.pages(reachable=False)))

        async def work() -> None:
            for k, url in urls:
                async with client.get(url, proxy=web.proxy_urls[k % 8]) as answer:
                    assert f"of {answer.url.host}</title>" in await answer.text()

        await asyncio.gather(*(work() for _ in range(64)))
        assert sorted(r.url for r in web.log) == sorted(web.web.pages(reachable=False))


async def test_the_server_is_gone_after_its_block() -> None:
    """Nothing listens any more, and kept connections are ended."""
    async with LoopbackWeb(WebSpec(), proxies=1) as web, session() as client:
        async with client.get(web.url) as answer:
            await answer.read()
        port = web.port
    with pytest.raises((OSError, ClientError)):
        await ask(port, get("/"))
