"""The contract of all fetchers for cookies: what is on the wire, and what of an answer is kept."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from msgspec.structs import replace

from scraper_cpn.scrape.colours import Fetched, FetchOutcome, Redirected, Target
from scraper_cpn.scrape.fetch.fetcher import Fetcher
from scraper_cpn.scrape.settings import Settings, UsageError
from tests.scrape.fetching import DIRECT, HERE, asking, job, not_started, target
from tests.servers import Asked, Server, page

CLOSE = "Connection: close"


@pytest.fixture(params=["http", "https"])
def tls(request: pytest.FixtureRequest) -> ssl.SSLContext | None:
    """Plain, or encrypted."""
    if request.param == "http":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


def moved(asked: Asked) -> bytes:
    """Set two cookies and redirect, but for robots.txt."""
    if asked.target == "/robots.txt":
        return page(b"", CLOSE, "Set-Cookie: robots=1")
    cookies = ("Set-Cookie: a=1; Path=/", "Set-Cookie: b=x, y; Path=/")
    return page(b"", CLOSE, f"Location: {asked.target}", *cookies, status="302 Found")


async def asked_for(
    limits: Settings,
    tls: ssl.SSLContext | None,
    *paths: str,
    answer: Any = moved,
    **options: Any,
) -> tuple[list[Any], list[FetchOutcome]]:
    """Return the Cookie header of each request to a seed's server, and the outcomes."""
    limits = replace(limits, insecure=True)
    async with Server(answer, tls) as server:
        seeds = [*HERE, f"{server.url}/"]
        async with Fetcher(limits, seeds=seeds) as fetcher:
            outcomes = [
                await fetcher.fetch(_target(f"{server.url}{path}", options), DIRECT, not_started)
                for path in paths
            ]
        return [asked.headers.get("cookie") for asked in server.asked], outcomes


def _target(url: str, options: dict[str, Any]) -> Target:
    return asking(url, **options) if options else target(url)


@pytest.mark.anyio
async def test_cookies_of_a_redirect(limits: Settings, tls: ssl.SSLContext | None) -> None:
    """Each Set-Cookie of any answer counts, and the redirect says that its next request has other cookies."""
    cookies, outcomes = await asked_for(limits, tls, "/", "/")
    assert cookies == [None, "a=1; b=x, y"]
    first, second = outcomes
    assert isinstance(first, Redirected)
    assert isinstance(second, Redirected)
    assert first.cookies
    assert not second.cookies


@pytest.mark.anyio
async def test_robots_txt_has_no_cookies(limits: Settings) -> None:
    """Neither are they sent with its request, nor taken from its answer."""
    async with Server(moved) as server, Fetcher(limits, seeds=HERE) as fetcher:
        await fetcher.fetch(target(f"{server.url}/"), DIRECT, not_started)
        await fetcher.robots(job(server), DIRECT, not_started)
        await fetcher.fetch(target(f"{server.url}/"), DIRECT, not_started)
    assert [asked.headers.get("cookie") for asked in server.asked][1:] == [None, "a=1; b=x, y"]


@pytest.mark.anyio
async def test_sessions_have_their_own(limits: Settings) -> None:
    """What one session is given is not sent by another."""
    cookies, _ = await asked_for(limits, None, "/", "/", session="one")
    assert cookies == [None, "a=1; b=x, y"]
    async with Server(moved) as server, Fetcher(limits, seeds=HERE) as fetcher:
        for options in ({"session": "one"}, {"session": "two"}, {}):
            await fetcher.fetch(_target(f"{server.url}/", options), DIRECT, not_started)
    assert [asked.headers.get("cookie") for asked in server.asked] == [None, None, None]


@pytest.mark.anyio
async def test_cookies_of_the_user(limits: Settings, tls: ssl.SSLContext | None) -> None:
    """They go to the hosts of the seeds, until the server changes them."""
    mine = replace(limits, cookie=(("a", "mine"), ("c", "3")))
    cookies, _ = await asked_for(mine, tls, "/", "/")
    assert cookies == ["a=mine; c=3", "a=1; c=3; b=x, y"]


@pytest.mark.anyio
async def test_not_to_other_hosts(limits: Settings) -> None:
    """A host that is no seed gets none of the user's cookies."""
    mine = replace(limits, cookie=(("a", "mine"),), allow_private=True)
    async with Server(moved) as server, Fetcher(mine, seeds=["http://shop.test/"]) as fetcher:
        await fetcher.fetch(target(f"{server.url}/"), DIRECT, not_started)
    assert "cookie" not in server.asked[0].headers


@pytest.mark.anyio
async def test_a_cookie_header_of_the_user(limits: Settings, tls: ssl.SSLContext | None) -> None:
    """It goes out as it is, and no second one beside it."""
    mine = replace(limits, headers=(("Cookie", "h=1"),))
    cookies, _ = await asked_for(mine, tls, "/", "/")
    assert cookies == ["h=1", "h=1"]
    cookies, _ = await asked_for(limits, tls, "/", "/", headers={"cookie": "l=1"})
    assert cookies == ["l=1", "l=1"]


@pytest.mark.anyio
async def test_bytes_that_are_no_text(limits: Settings, tls: ssl.SSLContext | None) -> None:
    """A value comes back as it came."""
    answer = page(b"", CLOSE).replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=\xe4; Path=/\r\n\r\n", 1)
    cookies, outcomes = await asked_for(limits, tls, "/", "/", answer=lambda _: answer)
    assert cookies == [None, "a=\xe4"]
    assert all(isinstance(outcome, Fetched) for outcome in outcomes)


@pytest.mark.anyio
async def test_a_file_of_cookies(limits: Settings, tmp_path: Path) -> None:
    """A crawl begins with them; a file that is gone is reported in one line."""
    path = tmp_path / "cookies.txt"
    path.write_text("127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\tabc\n")
    mine = replace(limits, cookie_file=str(path))
    cookies, _ = await asked_for(mine, None, "/x")
    assert cookies == ["sid=abc"]
    path.unlink()
    with pytest.raises(UsageError, match="cookie-file: can't read"):
        await asked_for(mine, None, "/x")
