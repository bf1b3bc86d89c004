"""The recipes of the documentation, on a server, cut off in the middle and resumed."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import anyio
import pytest

from scraper_cpn import Crawl, Link
from tests.docs.pages import ROOT, blocks
from tests.servers import serving

RECIPES = blocks(ROOT / "docs" / "recipes.md", "python")
CATEGORIES, PRODUCTS, HITS = ["lamps", "chairs"], 3, 5
ORDERS, SESSION_PAGES = 4, 2


LOGIN = (
    "<form id=login method=post action=/account/login>"
    "<input name=user><input name=password><button>Go</button></form>"
)


class Site(BaseHTTPRequestHandler):
    """A shop, a search and a login. The request number `stops_at` is never answered."""

    requests: ClassVar[list[str]] = []
    logins: ClassVar[int] = 0
    """Each is good for `SESSION_PAGES` pages."""
    left: ClassVar[int] = 0
    stops_at: ClassVar[int] = 0
    stopped: ClassVar[threading.Event]
    released: ClassVar[threading.Event]

    def do_GET(self) -> None:
        self._answer(self._page())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.path == "/account/login":
            Site.logins += 1
            Site.left = SESSION_PAGES
            ok = body == "user=me&password=secret"
            return self._answer("welcome" if ok else "no", cookie=f"sid={Site.logins}; Path=/")
        if self.path == "/login":
            ok = body == "token=t7&user=me&password=secret"
            return self._answer(
                "<table><tr class=order><td class=number>1<td class=total>9</table>" if ok else "no"
            )
        start = json.loads(body)["from"]
        after = start + 2 if start + 2 < HITS else None
        hits = [{"n": n} for n in range(start, min(start + 2, HITS))]
        return self._answer(json.dumps({"hits": hits, "next": after}), "application/json")

    def _page(self) -> str:
        parts = self.path.strip("/").split("/")
        match parts:
            case ["shop"]:
                return (
                    "<nav>"
                    + "".join(f"<a href=/c/{c}>{c}</a>" for c in CATEGORIES)
                    + "<a>-</a></nav>"
                )
            case ["c", name]:
                links = "".join(
                    f"<p class=product><a href=/p/{name}/{n}>x</a></p>" for n in range(PRODUCTS)
                )
                return f"{links}<a class=next href=/c/{name}/2>next</a>"
            case ["c", name, _]:
                return f"<p class=product><a href=/p/{name}/last>x</a></p>"
            case ["p", name, number]:
                return f"<h1>{name} {number}</h1><b class=price>7</b>"
            case ["orders" | "order", *_] if not self._is_logged_in():
                return LOGIN
            case ["orders"]:
                return "".join(f"<a class=order href=/order/{n}>x</a>" for n in range(ORDERS))
            case ["order", number]:
                return f"<b class=number>{number}</b><b class=total>9</b>"
            case ["account", "login"]:
                return LOGIN
            case ["login"]:
                return "<form id=login method=post><input type=hidden name=token value=t7><input name=user><input name=password><button>Go</button></form>"
        return ""

    def _is_logged_in(self) -> bool:
        if self.headers["Cookie"] != f"sid={Site.logins}" or not Site.left:
            return False
        Site.left -= 1
        return True

    def _answer(self, text: str, kind: str = "text/html", cookie: str = "") -> None:
        if self.path != "/robots.txt":
            self.requests.append(self.path)
            if len(self.requests) == self.stops_at:
                self.stopped.set()
                self.released.wait(20)
                return
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """The address of the site."""
    Site.requests, Site.stopped, Site.released = [], threading.Event(), threading.Event()
    Site.logins = Site.left = 0
    with serving(Site) as url:
        yield url
        Site.released.set()


def program(number: int, site: str) -> dict[str, Any]:
    """Return the names of a recipe, for this site."""
    code = (
        RECIPES[number].replace("https://shop.example", site).replace("https://api.example", site)
    )
    assert len(code.splitlines()) < 40
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(code.replace("delay=1.0", "delay=0"), "recipe", "exec"), names)
    return names


async def cut_off(crawl: Crawl[Any], seed: str | Link, out: Path, state: Path) -> None:
    """Crawl until the server does not answer, and end there: what is in flight is lost, as by a kill."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: crawl.crawl(seed, output=out, state=state))
        await anyio.to_thread.run_sync(Site.stopped.wait, 20)
        tasks.cancel_scope.cancel()


def run_cut_off(crawl: Crawl[Any], seed: str | Link, tmp_path: Path, stops_at: int) -> list[Any]:
    """Return the items of a crawl that is cut off at a request, and resumed."""
    out, state = tmp_path / "out.jsonl", tmp_path / "out.state"
    Site.stops_at = stops_at
    anyio.run(cut_off, crawl, seed, out, state)
    Site.released.set()
    Site.stops_at = 0
    summary = crawl.resume(state)
    assert (summary.ended, summary.failed, summary.left) == ("finished", 0, 0)
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_a_shop(site: str, tmp_path: Path) -> None:
    """Each product once, with the category that its link carried."""
    crawl = program(0, site)["crawl"]
    items = run_cut_off(crawl, f"{site}/shop", tmp_path, stops_at=5)
    names = [(item["category"], item["name"]) for item in items]
    wanted = [(c, f"{c} {n}") for c in CATEGORIES for n in [*range(PRODUCTS), "last"]]
    assert sorted(names) == sorted(wanted)


def test_a_search(site: str, tmp_path: Path) -> None:
    """All hits once; the request that was cut off is made again, since the recipe says that it may be."""
    names = program(1, site)
    items = run_cut_off(names["api"], names["search"]("lamps"), tmp_path, stops_at=2)
    assert items == [{"n": n} for n in range(HITS)]
    assert len(Site.requests) == 4


def test_a_form(site: str, tmp_path: Path) -> None:
    """What a browser sends opens the page behind it."""
    items = run_cut_off(program(2, site)["member"], f"{site}/login", tmp_path, stops_at=2)
    assert items == [{"order": "1", "total": "9"}]


def test_a_login_that_expires(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each order once, although every session is good for a few pages, and the crawl is cut off in the middle."""
    monkeypatch.setenv("SHOP_PASSWORD", "secret")
    items = run_cut_off(program(3, site)["orders"], f"{site}/orders", tmp_path, stops_at=6)
    assert sorted(item["number"] for item in items) == [str(n) for n in range(ORDERS)]
    assert Site.logins >= 3


def test_a_post_is_not_sent_twice(site: str, tmp_path: Path) -> None:
    """One that was in flight when the process ended is reported as such, and not sent again by a resume."""
    names = program(1, site)
    seed = Link(f"{site}/search", to=names["found"], json={"q": "", "from": 0}, data={"query": ""})
    crawl, state = names["api"], tmp_path / "a.state"
    Site.stops_at = 1
    anyio.run(cut_off, crawl, seed, tmp_path / "a.jsonl", state)
    Site.released.set()
    summary = crawl.resume(state)
    assert [group.kind for group in summary.failures] == ["unsure"]
    assert len(Site.requests) == 1
