"""A pool of sessions: each with its own cookies, one request at a time, and given up after errors."""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scraper_cpn import Crawl, Link, Outgoing, Page, Retry, UsageError
from scraper_cpn.scrape.colours import PooledSession, SessionFault
from scraper_cpn.scrape.policy.sessions import SessionPolicy
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.state.check import audits
from scraper_cpn.scrape.state.explain import explain
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
    session, faults = PooledSession("pool 1", errors=1), list[SessionFault]()
    for _ in range(3):
        faults.append(SessionFault("pool 1", 1, session.calm))
        session = policy.used(session)
    after = policy.after_error(session, faults[0])
    assert after.errors == 2
    assert policy.after_error(after, faults[1]).generation == 2
    calm = SessionFault("pool 1", 1, session.calm)
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


class Members:
    """A shop in which each login is good for so many pages, and a form for the session that got it.

    A page without a login is the login form, or redirects to it.
    """

    def __init__(self, lasts: int, how: str) -> None:
        self.lasts, self.how = lasts, how
        self.left: dict[str, int] = {}
        self.served = Counter[str]()
        self.ordered = list[str]()

    def __call__(self, asked: Asked) -> bytes:
        """Answer a request."""
        found = re.search(r"sid=(\w+)", asked.headers.get("cookie", ""))
        sid = found[1] if found else ""
        if asked.target == "/login":
            return self._login(asked)
        if self.left.get(sid, 0) < 1:
            return self._away()
        self.left[sid] -= 1
        if asked.method == "POST":
            if asked.body != f"token={sid}".encode():
                return page(b"", status="403 Forbidden")
            self.ordered.append(asked.target)
            return html("<i>thanks</i>")
        self.served[asked.target] += 1
        links = "".join(f"<a href=/p/{n}>x</a>" for n in range(PAGES))
        form = f"<form id=order method=post action={asked.target}/order><input name=token value={sid}></form>"
        return html(f"<b>{asked.target}</b>{links if asked.target == '/' else form}")

    def _login(self, asked: Asked) -> bytes:
        if asked.method == "GET":
            return html("<form id=login method=post><input name=user></form>")
        sid = f"s{len(self.left)}"
        self.left[sid] = self.lasts
        return html("welcome", f"Set-Cookie: sid={sid}; Path=/")

    def _away(self) -> bytes:
        if self.how == "form":
            return html("<form id=login method=post><input name=user></form>")
        return page(b"", "Location: /login", status="302 Found")


def html(text: str, *headers: str) -> bytes:
    """An HTML page."""
    return page(text.encode(), "Content-Type: text/html", *headers)


def members(url: str, **options: Any) -> Crawl[Any]:
    """A crawl that logs in, orders on each page by its form, and yields what it has read."""
    usual = {"delay": 0, "per_domain": 4, "robots": "ignore", "backoff": "1ms", "sessions": 3}
    crawl: Crawl[Any] = Crawl(**{**usual, "retries": 20, **options})

    @crawl.login(f"{url}/login", expired=lambda page: page.css("form#login"))
    def login(page: Page) -> Link:
        return page.form("form#login").fill(user="me").submit()

    @crawl.page("*/order")
    def ordered(page: Page) -> None:
        assert page.text("i") == "thanks"

    @crawl.page("*")
    def read(page: Page) -> Any:
        yield {"page": page.text("b")}
        yield from page.links()
        if page.css("form#order"):
            yield page.form("form#order").submit()

    return crawl


@pytest.mark.parametrize("how", ["form", "redirect"])
async def test_each_session_logs_in(how: str, tmp_path: Path) -> None:
    """It does so again when its login is over; its pages wait, and its forms are sent in it. A resume logs in anew."""
    site, state, out = Members(6, how), tmp_path / "members.state", tmp_path / "out.jsonl"
    async with Server(site) as server:
        await members(server.url, max_pages=8).crawl(f"{server.url}/", state=state, output=out)
        waits = [explain(state, f"{server.url}/p/{n}").stands for n in range(PAGES)]
        assert "waits" in waits
        summary = await members(server.url, max_pages=200).resumed(state)
    assert (summary.ended, summary.left) == ("finished", 0)
    failed = {group.kind: group.count for group in summary.failures}
    assert set(failed) <= {"http", "login"}, "the forms of a session that is over are refused"
    assert sorted(json.loads(line)["page"] for line in out.read_text().splitlines()) == ALL
    assert set(site.served.values()) == {1}
    assert len(site.ordered) == len(set(site.ordered)) == PAGES - failed.get("http", 0)
    assert len(site.left) > 3
    assert audits(state)[0].batches


async def test_a_session_that_is_given_up_logs_in_anew() -> None:
    """Without the cookies of the one before it; no news of its login stop the crawl."""
    forbidden, logins = Counter[str](), list[str]()

    def site(asked: Asked) -> bytes:
        found = re.search(r"sid=(\w+)", asked.headers.get("cookie", ""))
        if asked.target == "/login":
            assert found is None
            if asked.method == "POST":
                logins.append(f"s{len(logins)}")
                return html("welcome", f"Set-Cookie: sid={logins[-1]}; Path=/")
            return html("<form id=login method=post><input name=user></form>")
        assert found
        if found[1] in {"s0", "s1"} and asked.target != "/":
            forbidden[found[1]] += 1
            return page(b"", status="403 Forbidden")
        return html(f"<b>{asked.target}</b>" + "".join(f"<a href=/p/{n}>x</a>" for n in range(16)))

    async with Server(site) as server:
        crawl = members(server.url, sessions=2, status=["403=retry"])
        summary = await crawl.crawl(f"{server.url}/")
    assert (summary.ended, summary.failed, summary.items) == ("finished", 0, 17)
    assert summary.sessions_given_up >= 2
    assert set(forbidden) == {"s0", "s1"}
    assert len(logins) == 2 + summary.sessions_given_up


@asynccontextmanager
async def proxied(
    site: Site, number: int, quota: str = ""
) -> AsyncIterator[tuple[str, list[set[str]]]]:
    """Proxies before a site: the lines of their file, and the cookies of sessions that each has seen."""
    seen = [set[str]() for _ in range(number)]

    def through(which: int) -> Any:
        def answer(asked: Asked) -> bytes:
            if found := re.search(r"sid=(\w+)", asked.headers.get("cookie", "")):
                seen[which].add(found[1])
            head = asked.head.replace(b" http://shop.test/", b" /", 1)
            return site(replace(asked, head=head))

        return answer

    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(Server(through(n))) for n in range(number)]
        yield "\n".join(f"{each.url} {quota}" for each in servers), seen


async def test_a_session_keeps_its_proxy(tmp_path: Path) -> None:
    """All cookies of a session go through one proxy; one that is given up gives way to one with another proxy."""
    proxies = tmp_path / "proxies.txt"
    site = Site(lasts=2)
    async with proxied(site, 3) as (lines, seen):
        proxies.write_text(lines)
        crawl, pages = pool(sessions=3, proxies=proxies, sticky_proxies=True, per_proxy=2)
        summary = await crawl.crawl("http://shop.test/", state=tmp_path / "sticky.state")
    assert sorted(pages) == ALL
    assert (summary.failed, summary.left) == (0, 0)
    assert summary.sessions_given_up
    assert all(seen)
    assert sum(map(len, seen)) == len(set().union(*seen)), "no session has used two proxies"
    assert audits(tmp_path / "sticky.state")[0].batches


async def test_a_proxy_that_retires(tmp_path: Path) -> None:
    """Its sessions begin anew through one that is left; without any the crawl is at its end, and a resume goes on."""
    proxies, state, site = tmp_path / "proxies.txt", tmp_path / "sticky.state", Site()
    async with proxied(site, 2, quota="quota=4") as (lines, seen):
        proxies.write_text(lines)
        options = {"proxies": proxies, "sticky_proxies": True}
        crawl, pages = pool(**options)
        summary = await crawl.crawl("http://shop.test/", state=state)
        assert (summary.ended, summary.failed) == ("spent", 0)
        assert sum(map(len, seen)) == len(set().union(*seen))
        proxies.write_text(lines.replace("quota=4", "quota=30"))
        again, more = pool(**options)
        summary = await again.resumed(state)
    assert (summary.ended, summary.failed, summary.left) == ("finished", 0, 0)
    assert sorted(pages + more) == ALL
    assert audits(state)[0].batches


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sessions": 0}, "out of range"),
        ({"session_delay": 1}, "give sessions, too"),
        ({"sticky_proxies": True}, "give sessions, too"),
        ({"sessions": 2, "sticky_proxies": True}, "there are no proxies"),
        (
            {
                "sessions": 2,
                "sticky_proxies": True,
                "proxy": "http://p.test:1",
                "ban_status": "403",
            },
            "one proxy for all domains",
        ),
    ],
)
def test_mistakes(options: dict[str, Any], said: str) -> None:
    """Each is reported in one line."""
    with pytest.raises(UsageError, match=said):
        Crawl(**options)


class TokenApi:
    """An API whose login gives a token, which lasts for three requests; a token that another session sends is none."""

    def __init__(self) -> None:
        self.left = dict[str, int]()
        self.sent = list[tuple[str, str]]()

    def __call__(self, asked: Asked) -> bytes:
        """Answer a request."""
        if asked.target == "/login":
            token = f"t{len(self.left)}"
            self.left[token] = 3
            return page(token.encode())
        token = asked.headers.get("authorization", "")
        self.sent.append((asked.headers.get("x-session", ""), token))
        if not self.left.get(token):
            return page(b"", status="401 Unauthorized")
        self.left[token] -= 1
        return page(b"{}")


async def test_a_token_for_each_session() -> None:
    """A program knows by the name of the session whose token is whose, and renews that of one session alone."""
    api, tokens = TokenApi(), dict[str, str]()
    async with Server(api) as server:
        crawl: Crawl[Any] = Crawl(delay=0, robots="ignore", backoff="1ms", sessions=2)

        @crawl.login(Link(f"{server.url}/login", method="POST"))
        def sign_on(answer: Page) -> None:
            tokens[answer.session] = answer.body.decode()

        @crawl.before
        def authorise(request: Outgoing) -> dict[str, str]:
            token = tokens.get(request.session, "")
            return {"Authorization": token, "X-Session": request.session}

        @crawl.page("*")
        def found(page: Page) -> dict[str, str]:
            return {"session": page.session}

        summary = await crawl.crawl(*[f"{server.url}/{n}" for n in range(12)])
    assert (summary.items, summary.failed) == (12, 0)
    assert len(tokens) == 2
    used = {token for _, token in api.sent}  # the other session may be done before a renewed one is
    owners = {token: {name for name, sent in api.sent if sent == token} for token in used}
    assert all(len(names) == 1 for names in owners.values())
    assert set.union(*owners.values()) == set(tokens)
