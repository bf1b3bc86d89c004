"""The contract of all fetchers for requests that are more than a GET: what is on the wire, and what is reported of it."""

import ssl
from functools import partial
from typing import Any

import pytest
import trustme
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Failed, Fetched, Redirected, Target
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.settings import Settings
from tests.scrape.fetching import DIRECT, HERE, asking, not_started
from tests.servers import Asked, Do, Server, Step, page

CUT_SHORT: list[Step] = [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal", Do.RESET]


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest) -> ssl.SSLContext | None:
    """Plain, or encrypted."""
    if request.param == "http":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.anyio
async def test_a_request_on_the_wire(limits: Settings, tls: ssl.SSLContext | None) -> None:
    """Method, body and its headers; the link's own headers replace the crawl's, and ours."""
    mine = replace(limits, headers=(("X-Key", "crawl"), ("X-All", "1")), insecure=True)
    async with Server(lambda _: page(b"ok", "Connection: close"), tls) as server:
        seeds = [*HERE, f"{server.url}/"]
        headers = {"x-key": "link", "Accept": "application/json"}
        asked = asking(f"{server.url}/find?a=1", json={"q": 1}, headers=headers)
        async with Fetcher(mine, seeds=seeds, resolver=None) as fetcher:
            outcome = await fetcher.fetch(asked, DIRECT, not_started)
    assert isinstance(outcome, Fetched)
    (one,) = server.asked
    assert (one.method, one.target, one.body) == ("POST", "/find?a=1", b'{"q":1}')
    message = one.head.lower()
    for line in (b"content-type: application/json", b"x-key: link", b"accept: application/json"):
        assert message.count(line.partition(b":")[0] + b":") == 1
        assert line in message
    assert b"x-all: 1" in message


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"method": "POST"}, b"content-length: 0"),
        ({"method": "DELETE"}, b"DELETE / "),
        ({"method": "PUT", "body": "x"}, b"content-type: text/plain;charset=utf-8"),
    ],
)
async def test_methods(limits: Settings, options: dict[str, Any], line: bytes) -> None:
    """What has no body says so where a server would wait for one."""
    async with Server(lambda _: page()) as server, Fetcher(limits, seeds=HERE) as fetcher:
        outcome = await fetcher.fetch(asking(f"{server.url}/", **options), DIRECT, not_started)
    assert isinstance(outcome, Fetched)
    assert line.lower() in server.asked[0].head.lower()


@pytest.mark.anyio
async def test_head_has_no_body(limits: Settings, tls: ssl.SSLContext | None) -> None:
    """Whatever its headers say of one, and the connection can be used again."""

    def script(asked: Asked) -> bytes:
        whole = page(b"\x1f\x8bhello", "Content-Encoding: gzip")
        return whole[: whole.index(b"\r\n\r\n") + 4] if asked.method == "HEAD" else page(b"ok")

    loose = replace(limits, insecure=True)
    async with Server(script, tls) as server, Fetcher(loose, seeds=HERE) as fetcher:
        head = await fetcher.fetch(asking(f"{server.url}/", method="HEAD"), DIRECT, not_started)
        get = await fetcher.fetch(asking(f"{server.url}/"), DIRECT, not_started)
    assert isinstance(head, Fetched)
    assert isinstance(get, Fetched)
    assert (head.response.body, get.response.body) == (b"", b"ok")


@pytest.mark.anyio
@pytest.mark.parametrize("steps", [[Do.RESET], [Do.CLOSE], CUT_SHORT])
async def test_a_request_that_was_written_counts_as_sent(
    limits: Settings, tls: ssl.SSLContext | None, steps: list[Step]
) -> None:
    """Whatever became of the answer: once, and the failure says so."""
    loose = replace(limits, insecure=True)
    async with Server(lambda _: steps, tls) as server, Fetcher(loose, seeds=HERE) as fetcher:
        outcome = await fetcher.fetch(asking(f"{server.url}/", form={"a": 1}), DIRECT, not_started)
    assert isinstance(outcome, Failed)
    assert (outcome.sent, len(server.asked)) == (True, 1)


@pytest.mark.anyio
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_request_without_a_connection_was_not_sent(limits: Settings, scheme: str) -> None:
    """So that it may be sent again."""
    async with Server(lambda _: page()) as server:
        port = server.port
    async with Fetcher(limits, seeds=HERE) as fetcher:
        asked = asking(f"{scheme}://127.0.0.1:{port}/", form={"a": 1})
        outcome = await fetcher.fetch(asked, DIRECT, not_started)
    assert isinstance(outcome, Failed)
    assert not outcome.sent


@pytest.mark.anyio
@pytest.mark.usefixtures("restless")
async def test_what_must_not_be_sent_twice_has_a_new_connection(limits: Settings) -> None:
    """On a kept connection nobody could tell a lost answer from a connection that was closed before."""
    async with Server(lambda _: page()) as server, Fetcher(limits, seeds=HERE) as fetcher:
        asked: list[dict[str, Any]] = [{}, {}, {"form": {}}, {"form": {}, "idempotent": True}]
        for options in asked:
            await fetcher.fetch(asking(f"{server.url}/", **options), DIRECT, not_started)
    first, second, unsafe, safe = [each.connection for each in server.asked]
    assert unsafe not in (first, second)
    assert safe in (first, second, unsafe)


@pytest.mark.anyio
async def test_a_redirect_is_not_followed_by_the_client(limits: Settings) -> None:
    """Whatever the method: the net asks where it leads."""
    answer = page(b"", "Location: /next", status="307 Temporary Redirect")
    async with Server(lambda _: answer) as server, Fetcher(limits, seeds=HERE) as fetcher:
        outcome = await fetcher.fetch(asking(f"{server.url}/", form={}), DIRECT, not_started)
    assert outcome == Redirected(307, f"{server.url}/next")
    assert len(server.asked) == 1


def asked_for(statuses: frozenset[int], _: Target) -> frozenset[int]:
    """The error statuses that are asked for, whatever the target."""
    return statuses


@pytest.mark.anyio
async def test_an_error_page_that_is_asked_for(
    limits: Settings, tls: ssl.SSLContext | None
) -> None:
    """It arrives whole, like any page; others stay failures."""
    long = page(b"x" * 90_000, status="404 Not Found")
    loose = replace(limits, insecure=True)

    async with Server(lambda _: long, tls) as server:
        for also, kind in ((frozenset({404}), Fetched), (frozenset({410}), Failed)):
            async with Fetcher(loose, seeds=HERE, also=partial(asked_for, also)) as fetcher:
                outcome = await fetcher.fetch(asking(f"{server.url}/"), DIRECT, not_started)
            assert isinstance(outcome, kind)
            assert not isinstance(outcome, Fetched) or len(outcome.response.body) == 90_000
