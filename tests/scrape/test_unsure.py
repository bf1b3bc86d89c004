"""Requests that may have been processed: never sent twice by themselves, and again when the user wants it."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest
from anyio import to_thread

from scraper_cpn import Crawl, Link, Page
from scraper_cpn.cli.main import main
from scraper_cpn.scrape.fetch.client import ACCEPT
from scraper_cpn.scrape.state.check import audits
from scraper_cpn.scrape.state.explain import explain
from tests.scrape.test_logins import FORM, html
from tests.servers import Asked, Do, Server, Step, page

pytestmark = pytest.mark.anyio


def ordering(**options: Any) -> Crawl[Any]:
    """A crawl that reads what comes back."""
    crawl: Crawl[Any] = Crawl(delay=0, robots="ignore", backoff="1ms", **options)

    @crawl.page("")
    def ordered(answer: Page, number: int) -> dict[str, int]:
        return {"number": number}

    return crawl


def order(url: str, number: int, **options: Any) -> Link:
    """An order."""
    return Link(
        f"{url}/order", to="ordered", json={"n": number}, data={"number": number}, **options
    )


async def command(*words: str) -> int:
    """Run a command, which has an event loop of its own."""
    return await to_thread.run_sync(main, list(words))


@pytest.mark.parametrize("kind", [[], ["--kind", "unsure"]])
async def test_a_retry_on_purpose(
    kind: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a word nothing is sent again, and the command says what would; the user's word sends each once more."""
    broken, state = True, tmp_path / "a.state"

    def site(asked: Asked) -> list[Step]:
        return [Do.CLOSE] if broken and asked.method == "POST" else [page(b"{}")]

    async with Server(site) as server:
        orders = [order(server.url, n) for n in range(2)]
        summary = await ordering().crawl(*orders, state=state)
        assert {group.kind: group.count for group in summary.failures} == {"unsure": 2}
        broken = False
        assert await command("explain", str(state), f"{server.url}/order") == 0
        assert f"scrape retry {state} --kind unsure" in capsys.readouterr().out
        assert await command("retry", str(state), *kind) == 0
        said = capsys.readouterr().out
        summary = await ordering().resumed(state)
        bodies = sorted(each.body for each in server.asked)
    once = [b'{"n":0}', b'{"n":1}']
    assert bodies == (sorted(once * 2) if kind else once)
    assert summary.items == (2 if kind else 0)
    if kind:
        assert "2 URLs put back" in said
        assert await command("retry", str(state), "--kind", "unsure") == 0
        assert "nothing to retry" in capsys.readouterr().out, "they were put back once"
    else:
        assert "2 requests may have been processed, and are not sent twice" in said
        assert f"scrape retry {state} --kind unsure" in said
    assert audits(state)[0].batches


@pytest.mark.parametrize(
    ("answer", "idempotent", "sent"),
    [
        (html(FORM), False, 1),
        (html(FORM), True, 2),
        (page(b"", "Location: /login", status="302 Found"), False, 1),
        (page(b"", "Location: /login", status="302 Found"), True, 2),
        (page(b"", status="401 Unauthorized"), False, 2),
    ],
)
async def test_a_login_that_has_expired_when_a_post_comes(
    answer: bytes, idempotent: bool, sent: int
) -> None:
    """The server may have processed it, unless it says 401: a shop may log out whoever has ordered."""
    orders = 0

    def site(asked: Asked) -> bytes:
        nonlocal orders
        if asked.target == "/login":
            return html(FORM) if asked.method == "GET" else html("welcome")
        orders += 1
        return answer if orders == 1 else page(b"{}")

    async with Server(site) as server:
        crawl = ordering()

        @crawl.login(f"{server.url}/login", expired=lambda page: page.css("form#login"))
        def login(page: Page) -> Link:
            return page.form("form#login").submit()

        summary = await crawl.crawl(order(server.url, 1, idempotent=idempotent))
    assert (orders, summary.items) == (sent, sent - 1)
    if sent == 1:
        (unsure,) = [group for group in summary.failures if group.kind == "unsure"]
        assert unsure.examples[0].reason == (
            "the site asked for a login; this POST may have been processed, and is not idempotent"
        )


async def test_what_a_json_link_accepts() -> None:
    """JSON first; what the user or the link says counts more, and a form is sent as ever."""
    async with Server(lambda _: page(b"{}")) as server:
        links = [
            order(server.url, 1),
            order(server.url, 2, headers={"Accept": "text/csv"}),
            Link(f"{server.url}/form", to="ordered", form={"a": 1}, data={"number": 3}),
        ]
        await ordering().crawl(*links)
        await ordering(header={"accept": "text/xml"}).crawl(links[0])
        accepted = [each.headers["accept"] for each in server.asked]
    assert accepted == ["application/json,*/*;q=0.8", "text/csv", ACCEPT, "text/xml"]


async def test_a_form_of_a_page_that_is_fetched_again(tmp_path: Path) -> None:
    """Its hidden token is another one then, so that it is another request; it was sent, and is not sent twice."""
    tokens, posted, came = list[str](), list[bytes](), anyio.Event()
    ends = True

    def site(asked: Asked) -> bytes:
        if asked.method == "POST":
            posted.append(asked.body)
            return page(b"", "Location: /answer", status="303 See Other")
        if asked.target == "/answer":
            came.set()
            return html("<b>answer</b>")
        tokens.append(f"t{len(tokens)}")
        form = f"<form method=post action=/ask><input name=token value={tokens[-1]}></form>"
        return html(
            f"<b>product</b><a href=/other>x</a>{form}" if asked.target == "/" else "<b>other</b>"
        )

    def asking() -> Crawl[Any]:
        crawl: Crawl[Any] = Crawl(delay=0, robots="ignore", backoff="1ms")

        @crawl.page("*")
        def read(page: Page) -> Any:
            yield {"says": page.text("b")}
            yield from page.links()
            if page.css("form"):
                yield page.form().submit()

        @crawl.item
        async def keep(item: dict[str, Any]) -> dict[str, Any]:
            if ends and item["says"] == "product":
                await anyio.sleep_forever()
            return item

        return crawl

    state, out = tmp_path / "a.state", tmp_path / "a.jsonl"
    async with Server(site) as server:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: asking().crawl(f"{server.url}/", state=state, output=out))
            await came.wait()
            tasks.cancel_scope.cancel()
        ends = False
        summary = await asking().resumed(state)
    items = sorted(json.loads(line)["says"] for line in out.read_text().splitlines())
    assert (items, summary.failed) == (["answer", "other", "product"], 0)
    assert posted == [b"token=t0"]
    assert audits(state)[0].batches


async def test_several_requests_of_a_url_are_told_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`explain` says of each POST what became of it, by what its link carried."""
    state = tmp_path / "a.state"

    def site(asked: Asked) -> bytes:
        refused = asked.body == b'{"n":1}'
        return page(b"", status="404 Not Found") if refused else page(b"{}")

    async with Server(site) as server:
        orders = [order(server.url, n) for n in range(3)]
        await ordering().crawl(*orders, state=state)
        found = explain(state, f"{server.url}/order")
        assert await command("explain", str(state), f"{server.url}/order") == 0
    ends = {(end.method, end.stands, end.items, len(end.attempts)) for end in found.requests}
    assert ends == {("POST", "stored", 1, 0), ("POST", "failed", None, 1)}
    assert len(found.requests) == 3
    said = capsys.readouterr().out
    assert said.count("of 3 requests: stored, with 1 item") == 2
    assert "POST with the data {'number': 1}, " in said
    assert "attempt 1: http: HTTP 404" in said


async def test_no_record_has_what_was_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither `scrape explain --json` nor the summary, which `--json` and programs write down as a whole; both have the data."""
    state = tmp_path / "a.state"
    async with Server(lambda asked: [Do.CLOSE]) as server:
        seeds = [order(server.url, 7001, headers={"X-Key": "k3y-of-mine"})]
        summary = await ordering().crawl(*seeds, state=state)
        assert await command("explain", str(state), f"{server.url}/order", "--json") == 0
    sent = b64encode(b'{"n":7001}').decode()
    for record in (capsys.readouterr().out, msgspec.json.encode(summary).decode()):
        assert '"POST"' in record
        assert "k3y-of-mine" not in record
        assert sent not in record
