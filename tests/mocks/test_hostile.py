"""Hostile servers do what they are there for, and count who asked."""

import asyncio
import gzip

import pytest

from mocks.hostile import BOMB_BYTES, FLOOD_LINES, WAYS, HostileServer

pytestmark = pytest.mark.anyio

ENDLESS = {"endless-body": 3_000_000, "endless-head": 3_000_000, "drip": 72}
"""With the bytes that are read of each; the head of `drip` has 69."""
BROKEN = {
    "short-body": b"Content-Length: 100\r\n\r\nshort",
    "bad-chunk": b"\r\n\r\nzz\r\n",
    "garbage": b"\x16\x03\x01\x00garbage\r\n\r\n",
    "bad-status": b"HTTP/1.1 1234 Odd",
    "bad-location": b"Location: http://[::bad/ \x7f",
    "no-location": b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
    "file-location": b"Location: file:///etc/passwd",
    "bad-retry-after": b"Retry-After: -1e999 soon",
    "bad-charset": b"charset=no-such\r\n\r\n<title>\xff\xfe",
    "bad-gzip": b"Content-Encoding: gzip\r\n\r\n<p>no gzip",
    "drop-at-once": b"",
    "no-such-way": b"HTTP/1.1 404",
}


async def ask(bad: HostileServer, *ways: str, most: int = 10**8) -> bytes:
    """What arrives for requests on one connection until it ends, or *most* bytes have come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", bad.port)
    for way in ways:
        writer.write(f"GET /{way} HTTP/1.1\r\n\r\n".encode())
    writer.write_eof()
    data = b""
    try:
        while len(data) < most and (more := await reader.read(2**16)):
            data += more
    finally:
        writer.transport.abort()
    return data


async def test_the_second_request_on_a_connection_is_dropped() -> None:
    """The first is answered, the next read and dropped; both are counted."""
    async with HostileServer() as bad:
        data = await ask(bad, "drop-after-read", "drop-after-read")
        assert data.count(b"HTTP/1.1 200") == 1
        assert bad.requests["drop-after-read"] == 2


async def test_a_bomb_is_small_until_it_is_unpacked() -> None:
    """A body of less than a thousandth unpacks to its full size."""
    async with HostileServer() as bad:
        body = (await ask(bad, "gzip-bomb")).partition(b"\r\n\r\n")[2]
        assert len(body) < BOMB_BYTES / 900
        assert len(gzip.decompress(body)) == BOMB_BYTES


async def test_floods_of_headers() -> None:
    """Many lines, or a long one, before the end of the head."""
    async with HostileServer() as bad:
        assert (await ask(bad, "header-flood")).count(b"\r\n") == FLOOD_LINES + 3
        assert len((await ask(bad, "long-header")).partition(b"\r\n\r\n")[0]) > 1_000_000


@pytest.mark.parametrize(("way", "most"), ENDLESS.items())
async def test_what_has_no_end_goes_on(way: str, most: int) -> None:
    """Bytes keep coming for as long as the client reads, and the server ends all the same."""
    async with HostileServer() as bad:
        assert len(await ask(bad, way, most=most)) >= most


async def test_silence_is_a_connection_without_an_answer() -> None:
    """Nothing comes, and nothing ends."""
    async with HostileServer() as bad:
        reader, writer = await asyncio.open_connection("127.0.0.1", bad.port)
        writer.write(b"GET /silence HTTP/1.1\r\n\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await reader.read(1)
        writer.transport.abort()


async def test_a_reset_is_an_error_of_the_connection() -> None:
    """The client gets a reset, not an end."""
    async with HostileServer() as bad:
        with pytest.raises(ConnectionResetError):
            await ask(bad, "reset")


@pytest.mark.parametrize("way", BROKEN)
async def test_broken_answers(way: str) -> None:
    """Each way sends what it is named for."""
    async with HostileServer() as bad:
        data = await ask(bad, way)
        assert BROKEN[way] in data
        assert bool(data) == bool(BROKEN[way])


async def test_any_host_is_answered_as_by_a_proxy() -> None:
    """The path of an absolute target counts, too."""
    async with HostileServer() as bad:
        reader, writer = await asyncio.open_connection("127.0.0.1", bad.port)
        writer.write(b"GET http://h0.example/short-body HTTP/1.1\r\n\r\n")
        assert (await reader.read()).endswith(b"short")
        assert bad.requests == {"short-body": 1}
        writer.transport.abort()


async def test_a_way_that_is_none_is_named() -> None:
    """A URL is only given for a way that exists."""
    async with HostileServer() as bad:
        assert bad.url("reset") == f"{bad.root}/reset"
        with pytest.raises(ValueError, match="no way 'polite'"):
            bad.url("polite")


def test_every_way_is_tested() -> None:
    """No way is without a test above."""
    others = {"drop-after-read", "gzip-bomb", "header-flood", "long-header", "silence", "reset"}
    assert set(WAYS) == others | set(ENDLESS) | (set(BROKEN) - {"no-such-way"})
