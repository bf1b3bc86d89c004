"""A pool of sessions: each with its own cookies, one request at a time, and given up after errors."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from scraper_cpn import Crawl, Page, Retry, UsageError
from scraper_cpn.scrape.colours import PooledSession, SessionFault
from scraper_cpn.scrape.policy.sessions import SessionPolicy
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.state.check import audits
from tests.servers import Asked, Server, page

pytestmark = pytest.mark.anyio
PAGES = 8


class Site:
    """A site that gives everybody without a session one by a redirect, and serves so many pages to each.

    What goes beyond is refused: by 429, or by a page that says so.
    """

    def __init__(self, lasts: int = 1_000, how: str = "429") -> None:
        self.lasts, self.how = lasts, how
        self.served = Counter[str]()
        self.refused = Counter[str]()
        self.mine = Counter[bool]()

    def __call__(self, asked: Asked) -> bytes:
        """Answer a request."""
        cookie = asked.headers.get("cookie", "")
        self.mine["me=1" in cookie and "filed=2" in cookie] += 1
        found = re.search(r"sid=(\w+)", cookie)
        if found is None:
            sid = f"s{len(self.served)}"
            self.served[sid] = 0
            lines = (f"Location: {asked.target}", f"Set-Cookie: sid={sid}; Path=/")
            return page(b"", *lines, status="302 Found")
        if self.served[found[1]] >= self.lasts:
            self.refused[found[1]] += 1
            if self.how == "429":
                return page(b"", "Retry-After: 0", status="429 Too Many Requests")
            return page(b"<i>slow down</i>", "Content-Type: text/html")
        self.served[found[1]] += 1
        links = "".join(f"<a href=/p/{n}>x</a>" for n in range(PAGES))
        return page(f"<b>{asked.target}</b>{links}".encode(), "Content-Type: text/html")


def pool(**options: Any) -> tuple[Crawl[Any], list[str]]:
    """Return a crawl with a pool of sessions, and the list of the pages that its handler is given."""
    seen: list[str] = []
    usual = {"delay": 0, "per_domain": 4, "robots": "ignore", "backoff": "1ms", "sessions": 2}
    crawl: Crawl[Any] = Crawl(**{**usual, "retries": 20, "backoff_scope": "url", **options})

    @crawl.page("*")
    def read(found: Page) -> Any:
        if found.text("i"):
            raise Retry("slow down", after="1ms", elsewhere=True)
        seen.append(found.text("b") or "?")
        yield from found.links()

    return crawl, seen


ALL = ["/", *(f"/p/{n}" for n in range(PAGES))]


async def test_pages_are_divided(tmp_path: Path) -> None:
    """Each session is given its cookie once, a redirect stays in its session, and the user's cookies go with all."""
    site = Site()
    async with Server(site) as server:
        file = tmp_path / "cookies.txt"
        file.write_text("127.0.0.1\tFALSE\t/\tFALSE\t0\tfiled\t2\n")
        crawl, seen = pool(cookie={"me": "1"}, cookie_file=file)
        summary = await crawl.crawl(f"{server.url}/")
    assert sorted(seen) == ALL
    assert (summary.failed, len(site.served), sum(site.served.values())) == (0, 2, len(ALL))
    assert min(site.served.values()) > 1
    assert site.mine == {True: len(ALL) + 2}


def test_errors_that_are_noticed_late() -> None:
    """Three pages in a row that a handler refuses are three errors, although others start while they are parsed."""
    policy = SessionPolicy(Settings())
    session, faults = PooledSession("1", errors=1), list[SessionFault]()
    for _ in range(3):
        faults.append(SessionFault("1", 1, session.calm))
        session = policy.used(session)
    after = policy.after_error(session, faults[0])
    assert after.errors == 2
    assert policy.after_error(after, faults[1]).generation == 2
    calm = SessionFault("1", 1, session.calm)
    assert policy.after_error(policy.used(session), calm).errors == 1, "pages came between"


@pytest.mark.parametrize("how", ["429", "page"])
async def test_a_session_is_given_up_after_errors(how: str, tmp_path: Path) -> None:
    """After three in a row another one takes its place; all of that is in the state."""
    site, state = Site(lasts=2, how=how), tmp_path / "pool.state"
    async with Server(site) as server:
        crawl, seen = pool()
        summary = await crawl.crawl(f"{server.url}/", state=state)
    assert sorted(seen) == ALL
    assert summary.failed == 0
    given_up, began = summary.sessions_given_up, len(site.served)
    assert 2 <= began - 2 <= given_up <= began
    assert max(site.refused.values()) <= 3 + 2, "two more may have been under way"
    assert audits(state)[0].batches


async def test_a_session_pauses() -> None:
    """Two starts of one session are its delay apart, whatever the domain allows."""
    site = Site()
    async with Server(site) as server:
        crawl, _ = pool(sessions=1, session_delay="50ms", max_pages=3)
        summary = await crawl.crawl(f"{server.url}/")
    assert summary.elapsed_ns > 3 * 50_000_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sessions": 0}, "out of range"),
        ({"session_delay": 1}, "give sessions, too"),
        ({"sessions": 2, "login": "http://shop.test/"}, "can't log in"),
    ],
)
def test_mistakes(options: dict[str, Any], said: str) -> None:
    """Each is reported in one line."""
    with pytest.raises(UsageError, match=said):
        Crawl(**options)
