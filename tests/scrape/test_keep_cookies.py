"""Cookies in a state: encrypted, with the user's key, so that a resumed crawl is still logged in."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scraper_cpn import Crawl, Link, Page, UsageError
from scraper_cpn.cli.main import main
from scraper_cpn.scrape.state.check import audits
from scraper_cpn.scrape.state.vault import VARIABLE
from tests.scrape.test_logins import ALL, SECRET, Shop, is_in, shop_crawl
from tests.scrape.test_sessions import ALL as ALL_PAGES
from tests.scrape.test_sessions import Members, members
from tests.servers import Asked, Server, page

pytestmark = pytest.mark.anyio
KEY = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)


async def begun(shop: Shop, url: str, state: Path, **options: Any) -> list[str]:
    """Begin a crawl of the shop that keeps its cookies; return the pages."""
    crawl, seen = shop_crawl(url, max_pages=5, keep_cookies=True, **options)
    await crawl.crawl(f"{url}/", state=state)
    assert len(shop.sessions) == 1
    return seen


async def test_a_resumed_crawl_is_still_logged_in(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No file has the cookie or the key, and without the cookies it logs in anew."""
    shop, state = Shop(), tmp_path / "shop.state"
    async with Server(shop) as server:
        seen = await begun(shop, server.url, state)
        assert not is_in(tmp_path, SECRET.encode())
        assert not is_in(tmp_path, KEY.encode())
        crawl, more = shop_crawl(server.url, keep_cookies=True)
        summary = await crawl.resumed(state)
    assert (summary.ended, summary.failed, sorted(seen + more)) == ("finished", 0, ALL)
    assert shop.log.count("POST /login") == 1
    assert KEY not in caplog.text
    assert "goes on without" not in caplog.text
    assert audits(state)[0].batches


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "there is no key; set SCRAPE_KEY"),
        ("s3cret", "too short"),
        ("another" * 4, "the key is not the one"),
    ],
)
async def test_a_key_that_is_missing_or_wrong(
    key: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is one line without the key, and nothing has changed: with the right one the crawl goes on, or without cookies."""
    shop, state = Shop(), tmp_path / "shop.state"
    async with Server(shop) as server:
        seen = await begun(shop, server.url, state)
        before = state.read_bytes()
        monkeypatch.setenv(VARIABLE, key)
        crawl, _ = shop_crawl(server.url, keep_cookies=True)
        with pytest.raises(UsageError, match=said) as caught:
            await crawl.resumed(state)
        assert not key or key not in str(caught.value)
        assert state.read_bytes() == before
        crawl, more = shop_crawl(server.url)
        summary = await crawl.resumed(state)
    assert (summary.ended, sorted(seen + more)) == ("finished", ALL)
    assert shop.log.count("POST /login") == 2


@pytest.mark.parametrize("keep", [True, False])
async def test_a_form_that_waits(
    keep: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is sent with the cookies that it was made for, or the user is told that it may be refused."""

    def site(asked: Asked) -> bytes:
        if asked.target == "/":
            form = b"<form method=post action=/send><input name=token value=t>"
            return page(form, "Content-Type: text/html", "Set-Cookie: of=t")
        known = asked.headers.get("cookie") == "of=t"
        return page(b"sent", "Content-Type: text/html", status="200 OK" if known else "403 No")

    def of_form(page: Page) -> Link:
        return page.form().submit(to=sent)

    def sent(page: Page) -> dict[str, str]:
        return {"sent": page.url}

    state = tmp_path / "a.state"
    async with Server(site) as server:
        for most in (1, 2):
            crawl: Crawl[Any] = Crawl(delay=0, robots="ignore", max_pages=most, keep_cookies=keep)
            crawl.page("*/")(of_form)
            crawl.page("*/send")(sent)
            run = crawl.resumed(state) if most == 2 else crawl.crawl(f"{server.url}/", state=state)
            summary = await run
    assert (summary.items, summary.failed) == ((1, 0) if keep else (0, 1))
    assert ("such as a form's, may be refused" in caplog.text) is not keep


async def test_sessions_of_a_pool_stay_logged_in(tmp_path: Path) -> None:
    """Each has its own cookies, and goes on with them."""
    site, state, out = Members(100, "form"), tmp_path / "members.state", tmp_path / "out.jsonl"
    async with Server(site) as server:
        options = {"keep_cookies": True}
        await members(server.url, max_pages=12, **options).crawl(
            f"{server.url}/", state=state, output=out
        )
        summary = await members(server.url, max_pages=200, **options).resumed(state)
    assert (summary.ended, summary.failed) == ("finished", 0)
    read = [json.loads(line)["page"] for line in out.read_text().splitlines()]
    assert sorted(read) == ALL_PAGES
    assert len(site.left) == 3, "no session has logged in twice"


async def test_all_of_a_cookie_is_kept(tmp_path: Path) -> None:
    """Where it goes, and for how long."""
    sent, state = list[str](), tmp_path / "a.state"
    cookies = (
        "a=1; Path=/in",
        "b=2; Max-Age=1000; HttpOnly",
        "c=\u00e9; SameSite=Strict",
        "d=4; Max-Age=0",
    )

    def site(asked: Asked) -> bytes:
        sent.append(asked.headers.get("cookie", ""))
        lines = [f"Set-Cookie: {each}" for each in cookies] if asked.target == "/" else []
        return page(b"<a href=/in/x>", "Content-Type: text/html", *lines)

    async with Server(site) as server:
        for most in (1, 2):
            crawl: Crawl[Any] = Crawl(delay=0, robots="ignore", max_pages=most, keep_cookies=True)
            run = crawl.resumed(state) if most == 2 else crawl.crawl(f"{server.url}/", state=state)
            await run
    assert sent == ["", "a=1; b=2; c=\u00e9"]


async def test_a_key_in_the_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts where the environment has none; a keyring that is locked is as good as none."""
    monkeypatch.delenv(VARIABLE)
    keys = {("scraper_cpn", "state key"): KEY}
    monkeypatch.setitem(
        sys.modules, "keyring", SimpleNamespace(get_password=lambda *names: keys[names])
    )
    async with Server(Shop()) as server:
        crawl, _ = shop_crawl(server.url, keep_cookies=True)
        assert (await crawl.crawl(f"{server.url}/", state=tmp_path / "a.state")).failed == 0
        keys.clear()
        with pytest.raises(UsageError, match="keyring set scraper_cpn 'state key'"):
            await crawl.crawl(f"{server.url}/", state=tmp_path / "b.state")
    assert not (tmp_path / "b.state").exists()


def test_cookies_without_a_state(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing could keep them."""
    with pytest.raises(UsageError, match="there is no state"):
        Crawl(keep_cookies=True).run("http://a.test/")
    assert main(["http://a.test/", "--keep-cookies"]) == 2
    assert "give --state FILE" in capsys.readouterr().err
    with pytest.raises(UsageError, match="none can be kept"):
        Crawl(keep_cookies=True, cookies="off")
