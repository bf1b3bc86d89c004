"""Cookies in a whole crawl: redirects that set them, over one host and over two."""

from typing import Any

import pytest

from scraper_cpn import Crawl, Page, Summary
from tests.servers import Asked, Server, page

pytestmark = pytest.mark.anyio


def answer(text: str) -> bytes:
    """An HTML page."""
    return page(text.encode(), "Content-Type: text/html")


def moved(to: str, *cookies: str) -> bytes:
    """A redirect that sets cookies."""
    lines = [f"Set-Cookie: {cookie}" for cookie in cookies]
    return page(b"", f"Location: {to}", *lines, status="302 Found")


async def crawled(server: Server, *paths: str, **options: Any) -> tuple[Summary, list[str]]:
    """Return the summary of a crawl of a server, and what its pages say."""
    said: list[str] = []
    crawl: Crawl[Any] = Crawl(delay=0, robots="ignore", allow_private=True, **options)

    @crawl.page("*")
    def read(found: Page) -> None:
        said.append(found.text("b") or "")

    summary = await crawl.crawl(*(f"{server.url}{path}" for path in paths))
    return summary, sorted(said)


def wall(asked: Asked) -> bytes:
    """Everybody without its cookie is sent to where they are."""
    if "seen=1" in asked.headers.get("cookie", ""):
        return answer(f"<b>{asked.target}</b>")
    return moved(asked.target, "seen=1; Path=/")


async def test_a_seed_that_redirects_to_itself() -> None:
    """It is fetched with the cookie, and so are all others."""
    async with Server(wall) as server:
        summary, said = await crawled(server, "/", "/a", per_domain=4)
    assert said == ["/", "/a"]
    assert (summary.pages, summary.failed) == (2, 0)


async def test_without_cookies_it_is_a_circle() -> None:
    """The log says so, and nothing is asked twice."""
    async with Server(wall) as server:
        summary, said = await crawled(server, "/", cookies="off")
        assert len(server.asked) == 1
    assert said == []
    assert [group.kind for group in summary.failures] == ["redirect"]


async def test_a_sign_on_over_two_hosts() -> None:
    """Each host keeps its own cookie; the ticket of the other one opens the page."""

    def site(asked: Asked) -> bytes:
        host, _, port = asked.headers["host"].partition(":")
        cookie = asked.headers.get("cookie", "")
        if host == "localhost":  # who signs on
            assert "sid" not in cookie
            return moved(f"http://127.0.0.1:{port}/in?ticket=7", "sso=9; Path=/")
        assert "sso" not in cookie
        if asked.target == "/in?ticket=7":
            return moved("/page", "sid=7; Path=/")
        return answer("<b>private</b>") if cookie == "sid=7" else moved(f"http://localhost:{port}/")

    async with Server(site) as server:
        summary, said = await crawled(server, "/page")
        assert len(server.asked) == 4
    assert said == ["private"]
    assert (summary.pages, summary.failed) == (1, 0)


async def test_a_site_that_is_never_content() -> None:
    """Another cookie each time: the crawl ends at the greatest number of redirects."""
    count = iter(range(100))
    async with Server(lambda asked: moved(asked.target, f"n={next(count)}")) as server:
        summary, _ = await crawled(server, "/", max_redirects=3)
        assert len(server.asked) == 4
    assert summary.pages == 0
    (last,) = [group for group in summary.failures if group.kind == "redirect"]
    assert "more than 3 redirects" in last.examples[0].reason
