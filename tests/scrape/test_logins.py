"""A crawl that logs in: over loopback, with sessions that end."""

import re
from pathlib import Path
from typing import Any

import anyio
import pytest

from scraper_cpn import Crawl, Link, Outgoing, Page, Summary, UsageError
from scraper_cpn.scrape.state.check import audits
from scraper_cpn.scrape.state.explain import explain
from tests.servers import Asked, Server, page

pytestmark = pytest.mark.anyio
FORM = "<form id=login method=post action=/login><input name=user><button>Go</button></form>"
SECRET = "session-number-"
"""What each session's cookie begins with; long, for it is looked for in files."""


class Shop:
    """A shop whose pages need a session; each session is good for so many of them.

    Without one it shows the form in place of the page, redirects to it, or answers with a status.
    """

    def __init__(self, lasts: int = 1_000, how: str = "form", refuses: bool = False) -> None:
        self.lasts, self.how, self.refuses = lasts, how, refuses
        self.sessions: dict[str, int] = {}
        self.log: list[str] = []
        self.after = ""
        """Where it leads after a login."""

    def __call__(self, asked: Asked) -> bytes:
        """Answer a request."""
        self.log.append(f"{asked.method} {asked.target}")
        found = re.search(r"sid=([\w-]+)", asked.headers.get("cookie", ""))
        sid = found[1] if found else ""
        if asked.target == "/login":
            return self._login(asked)
        if self.sessions.get(sid, 0) < 1:
            return self._away()
        self.sessions[sid] -= 1
        links = "".join(f"<a href=/p/{n}>x</a>" for n in range(6)) if asked.target == "/" else ""
        return html(f"<b>{asked.target}</b>{links}")

    def _login(self, asked: Asked) -> bytes:
        if asked.method == "GET" or self.refuses:
            return html(FORM)
        assert asked.body == b"user=me"
        sid = f"{SECRET}{len(self.sessions)}"
        self.sessions[sid] = self.lasts
        cookie = f"Set-Cookie: sid={sid}; Path=/"
        if self.after:
            return page(b"", cookie, f"Location: {self.after}", status="303 See Other")
        return html("welcome", cookie)

    def _away(self) -> bytes:
        if self.how == "form":
            return html(FORM)
        if self.how == "redirect":
            return page(b"", "Location: /login?next=there", status="302 Found")
        return page(b"", status="401 Unauthorized")


def is_in(folder: Path, secret: bytes) -> bool:
    """Whether a file has a secret."""
    return any(secret in each.read_bytes() for each in folder.iterdir())


def html(text: str, *headers: str) -> bytes:
    """An HTML page."""
    return page(text.encode(), "Content-Type: text/html", *headers)


def shop_crawl(url: str, **options: Any) -> tuple[Crawl[Any], list[str]]:
    """Return a crawl of the shop, and the list of the pages that its handler is given."""
    seen: list[str] = []
    crawl: Crawl[Any] = Crawl(**{"delay": 0, "robots": "ignore", "backoff": "1ms", **options})

    @crawl.login(f"{url}/login", expired=lambda page: page.css("form#login"))
    def login(page: Page) -> Link:
        return page.form("form#login").fill(user="me").submit()

    @crawl.page("*")
    def product(page: Page) -> Any:
        seen.append(page.text("b") or "?")
        yield from page.links()

    return crawl, seen


async def crawled(shop: Shop, **options: Any) -> tuple[Summary, list[str]]:
    """Return the summary of a crawl of the shop, and what its pages say."""
    async with Server(shop) as server:
        crawl, seen = shop_crawl(server.url, **options)
        return await crawl.crawl(f"{server.url}/"), sorted(seen)


ALL = ["/", *(f"/p/{n}" for n in range(6))]


@pytest.mark.parametrize("how", ["form", "redirect", "status"])
@pytest.mark.parametrize("per_domain", [1, 4])
async def test_a_login_that_expires(how: str, per_domain: int) -> None:
    """Every page is handled once, whatever the site says when it wants a login, and no page is one of the login's."""
    shop = Shop(lasts=3, how=how)
    summary, seen = await crawled(shop, per_domain=per_domain, retries=5)
    assert seen == ALL
    assert (summary.ended, summary.failed, summary.left) == ("finished", 0, 0)
    assert summary.seeds_failed == ()
    assert shop.log[:2] == ["GET /login", "POST /login"]
    assert shop.log.count("POST /login") == len(shop.sessions) == 3
    if (per_domain, how) == (
        1,
        "redirect",
    ):  # each session ends once, and nothing is asked for between
        pages = len(shop.log) - shop.log.count("GET /login") - shop.log.count("POST /login")
        assert pages == len(ALL) + 2


async def test_robots_txt_and_redirects_of_a_login() -> None:
    """The steps obey robots.txt, and the page behind the login is no page of the crawl yet."""
    shop = Shop()
    shop.after = "/"
    async with Server(
        lambda asked: page(b"") if asked.target == "/robots.txt" else shop(asked)
    ) as server:
        crawl, seen = shop_crawl(server.url, robots="obey")
        summary = await crawl.crawl(f"{server.url}/")
    assert (sorted(seen), summary.failed, summary.left) == (ALL, 0, 0)
    assert shop.log[:4] == ["GET /login", "POST /login", "GET /", "GET /"]


async def test_a_login_that_is_refused() -> None:
    """The crawl ends, says why, and asks for no page."""
    shop = Shop(refuses=True)
    summary, seen = await crawled(shop)
    assert seen == []
    assert shop.log == ["GET /login", "POST /login"]
    assert summary.ended == "spent"
    assert summary.reason == "the login failed: the page after the login asks for a login again"


async def test_a_login_that_robots_txt_forbids() -> None:
    """The crawl ends, too."""
    rules = html("User-agent: *\nDisallow: /login", "X: y")
    async with Server(lambda _: rules) as server:
        crawl, seen = shop_crawl(server.url, robots="obey")
        summary = await crawl.crawl(f"{server.url}/")
    assert (seen, summary.ended, summary.left) == ([], "spent", 1)
    assert summary.reason == "the login failed: robots.txt disallows it"


@pytest.mark.parametrize("headers", [[], ["Set-Cookie: k=v; Path=/"]])
@pytest.mark.parametrize(
    ("goals", "options", "why"),
    [
        ({"/login": "/a", "/a": "/login"}, {}, ""),
        ({"/login": "/a", "/a": "/b", "/b": "/a"}, {}, "more than 3 redirects"),
        ({"/login": "/a"}, {"deny": ["/a"]}, "which --deny /a excludes"),
    ],
)
async def test_a_login_that_redirects_to_nowhere(
    headers: list[str], goals: dict[str, str], options: dict[str, Any], why: str
) -> None:
    """A circle of redirects, and one that is not followed, end the crawl, which says so."""

    def site(asked: Asked) -> bytes:
        goal = goals.get(asked.target)
        return page(b"", f"Location: {goal}", *headers, status="302 Found") if goal else html(FORM)

    async with Server(site) as server:
        crawl, seen = shop_crawl(server.url, max_redirects=3, **options)
        summary = await crawl.crawl(f"{server.url}/")
    assert (seen, summary.ended, summary.left) == ([], "spent", 1)
    assert summary.reason.startswith("the login failed: ")
    assert why in summary.reason


@pytest.mark.parametrize("limit", ["max_pages_per_domain", "max_bytes_per_domain"])
async def test_a_login_on_a_domain_that_is_not_asked_any_more(limit: str) -> None:
    """The pages of other domains do not wait for it."""
    async with Server(Shop()) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        crawl, seen = shop_crawl(url, allow_private=True, **{limit: 1})
        summary = await crawl.crawl(f"{server.url}/")
    assert (seen, summary.ended, summary.left) == ([], "spent", 1)
    assert summary.reason.startswith("the login failed: localhost has ")


async def test_a_step_that_yields_a_link_and_raises() -> None:
    """It has failed, even if its handler keeps what it has yielded elsewhere."""
    crawl: Crawl[Any] = Crawl(delay=0, robots="ignore")
    async with Server(lambda _: html(FORM)) as server:

        @crawl.page("", keep_partial=True)
        def second(page: Page) -> Any:
            yield Link("/third")
            raise ValueError("no token")

        @crawl.login(f"{server.url}/login")
        def login(page: Page) -> Link:
            return Link("/second", to=second)

        summary = await crawl.crawl(f"{server.url}/")
    assert summary.ended == "spent"
    assert summary.reason.startswith("the login failed: second raised ValueError: no token")


async def test_sessions_log_in_by_themselves() -> None:
    """Each has a login of its own, when its first page is found."""
    shop = Shop()
    async with Server(shop) as server:
        crawl, seen = shop_crawl(server.url)
        links = [Link(f"{server.url}/p/{n}", session=name) for n, name in enumerate("aab")]
        await crawl.crawl(*links)
    assert sorted(seen) == ["/p/0", "/p/1", "/p/2"]
    assert sorted(shop.sessions.values()) == [998, 999]


@pytest.mark.parametrize("how", ["form", "redirect"])
async def test_a_resume_logs_in_anew(
    tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A state has no cookies, which is reported; what has happened leads to the same marking when it is replayed."""
    shop, state = Shop(lasts=3, how=how), tmp_path / "shop.state"
    async with Server(shop) as server:
        crawl, seen = shop_crawl(server.url, max_pages=5)
        await crawl.crawl(f"{server.url}/", state=state)
        assert len(shop.sessions) == 1
        waits = explain(state, f"{server.url}/p/5")
        assert waits.stands == "waits"
        again, more = shop_crawl(server.url, max_pages=50)
        summary = await again.resumed(state)
    assert sorted(seen + more) == ALL
    assert (len(shop.sessions) > 2, summary.ended, summary.failed) == (True, "finished", 0)
    assert "the crawl goes on without the 1 that it had" in caplog.text
    assert "--keep-cookies" in caplog.text
    (audit,) = audits(state)
    assert audit.batches, "replayed to the same marking"


async def test_a_login_of_an_api(tmp_path: Path) -> None:
    """It begins with a POST, which a redirect repeats; its answer holds what each request needs. No state has the password."""
    log, tokens = list[str](), ["t1", "t2"]

    def api(asked: Asked) -> bytes:
        log.append(f"{asked.method} {asked.target}")
        if asked.target == "/login":
            return page(b"", "Location: /v2/login", status="308 Permanent Redirect")
        if asked.target == "/v2/login":
            assert asked.body == b'{"password":"pa55word"}'
            return page(b'{"token":"%s"}' % tokens[0].encode(), "Content-Type: application/json")
        if asked.headers.get("authorization") != f"Bearer {tokens[0]}":
            return page(b"", status="401 Unauthorized")
        if asked.target == "/data/1":
            tokens.pop(0)
        return page(b"{}", "Content-Type: application/json")

    crawl: Crawl[Any] = Crawl(delay=0, robots="ignore", backoff="1ms")
    session = {"token": ""}
    async with Server(api) as server:

        @crawl.login(Link(f"{server.url}/login", json={"password": "pa55word"}))
        def sign_on(answer: Page) -> None:
            session["token"] = answer.json()["token"]

        @crawl.before
        def authorise(request: Outgoing) -> dict[str, str]:
            return {"Authorization": f"Bearer {session['token']}"}

        @crawl.page("*")
        def data(answer: Page) -> dict[str, str]:
            return {"url": answer.url}

        urls = [f"{server.url}/data/{n}" for n in range(3)]
        summary = await crawl.crawl(*urls, state=tmp_path / "api.state")
    assert (summary.items, summary.failed) == (3, 0)
    assert log.count("POST /login") == log.count("POST /v2/login") == 2
    assert not is_in(tmp_path, b"pa55word")


async def test_a_state_without_the_password_of_a_form(tmp_path: Path) -> None:
    """What a form sends is in no state; a login that was under way is begun anew, and a redirect with 307 repeats the form."""
    log, state = list[str](), tmp_path / "form.state"

    def site(asked: Asked) -> bytes:
        log.append(f"{asked.method} {asked.target} {asked.body.decode()}")
        if asked.target == "/login" and asked.method == "POST":
            return page(b"", "Location: /in", status="307 Temporary Redirect")
        if asked.target == "/in":
            return html("welcome", "Set-Cookie: sid=c00kie; Path=/")
        return html("data" if "sid" in asked.headers.get("cookie", "") else FORM)

    async with Server(site) as server:
        for most in (1, 50):
            crawl: Crawl[Any] = Crawl(delay=0, robots="ignore", max_pages=most)

            @crawl.login(f"{server.url}/login", expired=lambda page: page.css("form#login"))
            def login(page: Page) -> Link:
                return page.form("form#login").fill(user="pa55word").submit()

            @crawl.page("*")
            def data(page: Page) -> dict[str, str]:
                return {"text": page.text("body") or ""}

            run = crawl.crawl(f"{server.url}/", state=state) if most == 1 else crawl.resumed(state)
            summary = await run
            assert not is_in(tmp_path, b"pa55word")
            assert not is_in(tmp_path, b"c00kie")
    steps = ["GET /login ", "POST /login user=pa55word", "POST /in user=pa55word", "GET / "]
    assert log == ["GET /login ", *steps]
    assert (summary.ended, summary.items, summary.failed, summary.left) == ("finished", 1, 0, 0)
    (audit,) = audits(state)
    assert audit.batches, "replayed to the same marking"


def test_what_is_no_login(tmp_path: Path) -> None:
    """One crawl has one login, at a URL, with cookies, and with a plain function."""
    crawl: Crawl[Any] = Crawl()
    with pytest.raises(UsageError, match="is not a URL"):
        crawl.login("shop")
    with pytest.raises(UsageError, match="only a program can log in"):
        Crawl(login="http://shop.test/login").run("http://shop.test/")
    with pytest.raises(UsageError, match="cookies are off"):
        Crawl(cookies="off").login("http://shop.test/login")

    with pytest.raises(UsageError, match="ask for a login are alike"):
        Crawl(dedupe="content").login("http://shop.test/login")

    proxies = tmp_path / "proxies.txt"
    proxies.write_text("http://p.test:1")
    guarded: Crawl[Any] = Crawl(proxies=proxies, banned=lambda page: not page.body)
    guarded.login("http://shop.test/login")
    assert guarded.settings.page_bans, "a login changes no other setting"

    async def expired(page: Page) -> bool:
        return not page

    with pytest.raises(UsageError, match="not async"):
        crawl.login("http://shop.test/login", expired=expired)
    declare = crawl.login("http://shop.test/login")
    declare(anyio.sleep)
    with pytest.raises(UsageError, match="there is a login already, 'sleep'"):
        declare(anyio.sleep)
