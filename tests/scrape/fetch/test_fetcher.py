"""Fetching: what a server may do, and which outcome that is; limits of size and time."""

import asyncio
import gzip
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from scraper_cpn.scrape.colours import (
    KINDS,
    Failed,
    Fetched,
    Redirected,
    RobotsOutcome,
    Rules,
    Throttled,
)
from scraper_cpn.scrape.fetch.answers import ROBOTS_BYTES_MAX
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.settings import SECOND, Settings
from tests.scrape.fetching import CLIENTS, DIRECT, HERE, job, kind_of, outcome_of, target
from tests.servers import Do, Server, Step, page

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def hasty(limits: Settings) -> Settings:
    """Return settings with a short time limit."""
    return replace(limits, timeout_ns=SECOND // 5)


async def robots_of(steps: Sequence[Step] | bytes, limits: Settings) -> RobotsOutcome:
    """Return the outcome of the robots.txt of a server that answers so."""
    async with Server(lambda _: steps) as server, Fetcher(limits, seeds=HERE) as fetcher:
        return await fetcher.robots(job(server), DIRECT, lambda: None)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH_10 = OK + b"Content-Length: 10\r\n\r\n"


# Pages.


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("steps", "body"),
    [
        (page(b"hello"), b"hello"),
        (page(b""), b""),
        ([CHUNKED, b"5\r\nhel", 0.01, b"lo\r\n1\r\n!\r\n0\r\n\r\n"], b"hello!"),
        ([bytes([byte]) for byte in page(b"hello")], b"hello"),
        ([b"HTTP/1.0 200 OK\r\n\r\nuntil the end", Do.CLOSE], b"until the end"),
        (page(gzip.compress(b"zipped", mtime=0), "Content-Encoding: gzip"), b"zipped"),
        (page(zlib.compress(b"deflated"), "Content-Encoding: deflate"), b"deflated"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + page(b"late"), b"late"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (OK + b"X: \xff\r\nContent-Length: 1\r\n\r\nx", b"x"),
    ],
)
async def test_bodies(steps: Sequence[Step] | bytes, body: bytes, limits: Settings) -> None:
    """A body arrives whole, however it is framed, cut into pieces or compressed."""
    outcome, asked = await outcome_of(steps, limits)
    assert isinstance(outcome, Fetched)
    assert outcome.response.body == body
    assert asked == 1


@pytest.mark.anyio
async def test_response(limits: Settings) -> None:
    """A response has its type and charset from the header, and its times from the clocks."""
    monotonic = iter([1_000, 1_700])
    answer = page(b"<meta charset=utf-16>", "Content-Type: text/HTML; charset=Latin1")
    async with (
        Server(lambda _: answer) as server,
        Fetcher(
            limits, seeds=HERE, wall_ns=lambda: 42, monotonic_ns=lambda: next(monotonic)
        ) as fetcher,
    ):
        outcome = await fetcher.fetch(target(f"{server.url}/x?y"), DIRECT, lambda: None)
    assert isinstance(outcome, Fetched)
    response = outcome.response
    assert (response.url, response.status) == (f"{server.url}/x?y", 200)
    assert (response.content_type, response.charset) == ("text/html", "latin1")
    assert (response.fetched_at_ns, response.elapsed_ns) == (42, 700)


@pytest.mark.anyio
async def test_request(limits: Settings) -> None:
    """A request says who asks, what it takes, and the very URL; no cookies where they are off."""
    answer, limits = page(b"", "Set-Cookie: a=b; Path=/"), replace(limits, cookies="off")
    async with Server(lambda _: answer) as server, Fetcher(limits, seeds=HERE) as fetcher:
        path = "/%7Ea%2Fb/c;d?e=%20&f=%27|g%27"
        for _ in range(2):
            url = f"http://localhost:{server.port}{path}"
            await fetcher.fetch(target(url), DIRECT, lambda: None)
    first, second = server.asked
    assert first.target == second.target == path
    assert first.headers["user-agent"] == limits.user_agent
    assert first.headers["accept-encoding"] == "gzip, deflate, br, zstd"
    assert "text/html" in first.headers["accept"]
    assert first.headers["host"] == f"localhost:{server.port}"
    assert "cookie" not in second.headers
    assert "referer" not in second.headers


@pytest.mark.anyio
async def test_own_headers(limits: Settings) -> None:
    """The user's headers go to a seed's scheme, host and port and to no other, doubled names included."""
    mine = replace(limits, headers=(("X-Key", "1"), ("X-Key", "2"), ("Accept", "a/b")))
    async with (
        Server(lambda _: page()) as server,
        Server(lambda _: page()) as other,
        Fetcher(mine, seeds=[*HERE, f"{server.url}/seed"]) as fetcher,
    ):
        await fetcher.fetch(target(f"{server.url}/"), DIRECT, lambda: None)
        await fetcher.robots(job(server), DIRECT, lambda: None)
        for away in (f"http://localhost:{server.port}/", f"{other.url}/"):
            await fetcher.fetch(target(away), DIRECT, lambda: None)
    to_own, to_robots, to_other_host = (asked.head.lower() for asked in server.asked)
    for head in (to_own, to_robots):
        assert b"x-key: 1\r\nx-key: 2\r\n" in head
        assert b"accept: a/b\r\n" in head
    for head in (to_other_host, other.asked[0].head.lower()):
        assert b"x-key" not in head
        assert b"accept: a/b" not in head


@pytest.mark.anyio
async def test_redirects_are_outcomes(limits: Settings) -> None:
    """A redirect is not followed: its next hop must wait its turn."""
    outcome, asked = await outcome_of(
        page(b"redirected", "Location: /next", status="302 Found"), limits
    )
    assert isinstance(outcome, Redirected)
    assert outcome.url.endswith("/next")
    assert asked == 1


# Failures.


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([Do.CLOSE], "dropped"),
        ([Do.RESET], "dropped"),
        ([OK + b"Conte", Do.CLOSE], "dropped"),
        ([LENGTH_10 + b"abc", Do.CLOSE], "dropped"),
        ([LENGTH_10 + b"abc", 0.02, Do.RESET], "dropped"),
        ([CHUNKED + b"5\r\nab", Do.CLOSE], "dropped"),
        ([CHUNKED + b"5\r\nhello\r\n", Do.CLOSE], "dropped"),
        ([b"hello\r\n\r\n", Do.STALL], "protocol"),
        ([b"\x16\x03\x01\x00\x00\r\n\r\n", Do.STALL], "protocol"),
        ([b"HTTP/1.1 abc\r\n\r\n", Do.STALL], "protocol"),
        ([b"HTTP/1.1 99 Odd\r\n\r\n", Do.STALL], "protocol"),
        ([OK + b"a: b\0c\r\n\r\n", Do.STALL], "protocol"),
        ([OK + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\n", Do.STALL], "protocol"),
        ([CHUNKED + b"zz\r\nabc\r\n", Do.STALL], "protocol"),
        ([CHUNKED + b"-1\r\nabc\r\n", Do.STALL], "protocol"),
        ([OK + b"a: " + b"x" * 1_000_000, Do.STALL], "protocol"),
        ([OK + b"".join(b"a%d: b\r\n" % n for n in range(100_000)), Do.STALL], "protocol"),
    ],
)
async def test_broken_answers(steps: Sequence[Step], kind: str, limits: Settings) -> None:
    """Each way to break an answer is a failure worth another attempt, and one request."""
    outcome, asked = await outcome_of(steps, limits)
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.retry) == (kind, True)
    assert asked == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    "steps",
    [
        [Do.STALL],
        [OK, Do.STALL],
        [LENGTH_10 + b"abc", Do.STALL],
        [LENGTH_10, *[b"x", 0.05] * 10],
        [b"HTTP/1.1 100 Continue\r\n\r\n" * 100, Do.STALL],
    ],
)
async def test_timeouts(steps: Sequence[Step], limits: Settings) -> None:
    """The time limit is for the whole request, wherever the server stalls or dawdles."""
    outcome, asked = await outcome_of(steps, hasty(limits))
    assert outcome == Failed("timeout", "no complete answer in time")
    assert asked == 1


@pytest.mark.anyio
async def test_no_connection(limits: Settings) -> None:
    """A refused connection is a failure without a request."""
    async with Server(lambda _: page()) as server:
        closed = server.port
    started: list[int] = []
    async with Fetcher(limits, seeds=HERE) as fetcher:
        url = f"http://127.0.0.1:{closed}/"
        outcome = await fetcher.fetch(target(url), DIRECT, lambda: started.append(1))
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.retry) == ("connect", True)
    assert started == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("status", "kind"), [("503 Busy", Throttled), ("302 Found", Redirected), ("404 No", Failed)]
)
@pytest.mark.parametrize(
    "end",
    [
        [b"Content-Length: 10\r\n\r\n", Do.STALL],
        [b"Content-Length: 10\r\n\r\nabc", Do.CLOSE],
        [b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", Do.STALL],
        [b"Content-Length: 1000000\r\n\r\n" + b"x" * 200_000, Do.STALL],
    ],
)
async def test_status_stands(
    status: str, kind: type, end: Sequence[Step], limits: Settings
) -> None:
    """What an error or a redirect says counts, whatever becomes of its body."""
    head, *rest = end
    assert isinstance(head, bytes)
    start = f"HTTP/1.1 {status}\r\nLocation: /x\r\n".encode()
    outcome, _ = await outcome_of([start + head, *rest], hasty(limits))
    assert isinstance(outcome, kind)
    if isinstance(outcome, Failed):
        assert (outcome.kind, outcome.status) == ("http", 404)


@pytest.mark.parametrize("name", CLIENTS)
@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.binary(max_size=30)
        | st.sampled_from([OK, LENGTH_10, CHUNKED, b"\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n"]),
        max_size=6,
    )
)
def test_any_bytes(name: Any, pieces: list[bytes]) -> None:
    """Whatever bytes a server sends before it closes, fetching ends in an outcome."""

    async def once() -> None:
        outcome, asked = await outcome_of(
            [*pieces, Do.CLOSE], Settings(timeout_ns=60 * SECOND, fetcher=name)
        )
        assert asked == 1
        assert isinstance(outcome, Fetched | Redirected | Throttled | Failed)
        if isinstance(outcome, Failed):
            assert outcome.kind in KINDS

    asyncio.run(once())


# Codings.


ZIPPED = gzip.compress(b"zipped", mtime=0)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("packed", "coding", "body"),
    [
        (gzip.compress(ZIPPED, mtime=0), "gzip, gzip", b"zipped"),
        (ZIPPED, "GZIP", b"zipped"),
        (ZIPPED, "x-gzip", b"zipped"),
        (ZIPPED + b"tail", "gzip", b"zipped"),
        (ZIPPED + ZIPPED, "gzip", b"zippedzipped"),
        (zlib.compress(b"raw")[2:-4], "deflate", b"raw"),
        (brotli.compress(b"brotli"), "br", b"brotli"),
        (zstd.compress(b"standard"), "zstd", b"standard"),
        (gzip.compress(brotli.compress(b"both"), mtime=0), "br,identity , gzip", b"both"),
        (b"plain", "utf-8", b"plain"),
        (b"plain", "identity", b"plain"),
        (b"", "gzip", b""),
    ],
)
async def test_codings(packed: bytes, coding: str, body: bytes, limits: Settings) -> None:
    """Whatever was done to a body is undone, and what browsers forgive is forgiven."""
    outcome, _ = await outcome_of(page(packed, f"Content-Encoding: {coding}"), limits)
    assert isinstance(outcome, Fetched)
    assert outcome.response.body == body


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("packed", "coding", "said"),
    [
        (b"nonsense", "gzip", "gzip"),
        (ZIPPED[:-1], "gzip", "ends before its gzip coding"),
        (gzip.compress(b"y" * 90, mtime=0)[:-12], "gzip", "ends before its gzip coding"),
        (ZIPPED, "gzip, gzip", "gzip"),
        (ZIPPED, "br", "br"),
        (ZIPPED, "compress", "compress is unknown"),
        (ZIPPED, "gzip, foo", "foo is unknown"),
        (ZIPPED, ",".join(["gzip"] * 6), "6 content codings"),
        (ZIPPED[:-8] + bytes(8), "gzip", "damaged"),
    ],
)
async def test_codings_that_stay(packed: bytes, coding: str, said: str, limits: Settings) -> None:
    """A body whose coding can't be undone is a failure that names the coding, and is not tried again."""
    outcome, _ = await outcome_of(page(packed, f"Content-Encoding: {coding}"), limits)
    assert isinstance(outcome, Failed)
    assert (outcome.kind, outcome.retry, outcome.status) == ("coding", False, 200)
    assert said in outcome.reason


# Limits of size.


@pytest.mark.anyio
async def test_size_limit(limits: Settings) -> None:
    """A body of exactly the limit is a page; one byte more is too large, for good."""
    most = limits.max_body_bytes
    whole, _ = await outcome_of(page(b"x" * most), limits)
    assert isinstance(whole, Fetched)
    assert len(whole.response.body) == most
    endless: list[Step] = [OK + b"\r\n" + b"x" * (most + 1), Do.STALL]
    for steps in (page(b"x" * (most + 1)), endless):
        outcome, _ = await outcome_of(steps, limits)
        assert isinstance(outcome, Failed)
        assert (outcome.kind, outcome.retry) == ("too large", False)


@pytest.mark.anyio
@pytest.mark.parametrize("length", ["3", "3, 3", "-3", "x"])
async def test_a_false_length(length: str, limits: Settings) -> None:
    """A length beside a chunked body opens no way around the limit, whatever it says."""
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = (b"8000\r\n" + bytes(0x8000) + b"\r\n") * 20
    outcome, asked = await outcome_of([head.encode() + chunks, Do.STALL], limits)
    assert kind_of(outcome) in {"protocol", "too large"}
    assert asked == 1


@pytest.mark.anyio
@pytest.mark.parametrize("status", ["200 OK", "404 No"])
async def test_unread_bodies(status: str, limits: Settings) -> None:
    """A connection whose body was not read to its end is closed, not used again."""
    answer = page(b"x" * 5_000_000, status=status)
    async with Server(lambda _: answer) as server, Fetcher(limits, seeds=HERE) as fetcher:
        for _ in range(2):
            await fetcher.fetch(target(f"{server.url}/"), DIRECT, lambda: None)
            await server.closed()
        assert server.connections == 2


_BOMBS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda raw: gzip.compress(raw, 1),
    "deflate": lambda raw: zlib.compress(raw, 1),
    "br": lambda raw: brotli.compress(raw, quality=1),
    "zstd": lambda raw: zstd.compress(raw, 1),
}


@pytest.mark.anyio
@pytest.mark.parametrize("coding", [*_BOMBS])
async def test_bomb(coding: str, limits: Settings) -> None:
    """A small body that unpacks to 200 MB is given up near the limit, not unpacked."""
    bomb = page(_BOMBS[coding](bytes(200_000_000)), f"Content-Encoding: {coding}")
    tracemalloc.start()
    try:
        outcome, asked = await outcome_of(bomb, limits)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(outcome, Failed)
    assert outcome.kind == "too large"
    assert asked == 1
    assert peak_bytes < 10_000_000


# robots.txt.


@pytest.mark.anyio
async def test_robots(limits: Settings) -> None:
    """robots.txt is fetched like a page and becomes rules."""
    found = await robots_of(
        page(b"User-agent: *\nCrawl-delay: 2\n", "Content-Type: image/gif"), limits
    )
    assert isinstance(found, Rules)
    assert (found.text, found.crawl_delay_ns) == ("User-agent: *\nCrawl-delay: 2\n", 2 * SECOND)
    assert found.elapsed_ns > 0


@pytest.mark.anyio
async def test_endless_robots(limits: Settings) -> None:
    """Of a robots.txt without end 500 KiB are read; what was read counts (RFC 9309 2.5)."""
    rule = b"User-agent: *\nDisallow: /x\n"
    found = await robots_of([OK + b"\r\n" + rule + b"#\n" * ROBOTS_BYTES_MAX, Do.STALL], limits)
    assert isinstance(found, Rules)
    assert found.text.startswith(rule.decode())
    assert ROBOTS_BYTES_MAX - 2 <= len(found.text) <= ROBOTS_BYTES_MAX


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        (page(status="404 No"), Rules),
        (page(b"", "Location: /r", status="301 x"), Redirected),
        (page(status="429 x"), Throttled),
        (page(status="500 x"), Failed),
        ([Do.CLOSE], Failed),
    ],
)
async def test_no_robots(steps: Sequence[Step] | bytes, kind: type, limits: Settings) -> None:
    """A robots.txt that can't be had is the outcome that its cause deserves."""
    assert isinstance(await robots_of(steps, limits), kind)
