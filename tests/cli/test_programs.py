"""Commands for who writes a program: `scrape new`, `scrape test`, `scrape shell`."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import pytest

from scraper_cpn import Page
from scraper_cpn.cli import shell as command
from scraper_cpn.cli.arguments import parse
from scraper_cpn.cli.job import job_of
from scraper_cpn.cli.main import main
from scraper_cpn.cli.shell import shell
from scraper_cpn.scrape.byhand import NoPage
from tests.servers import serving

PROGRAM = """
from scraper_cpn import Crawl, Drop, Page

crawl = Crawl(delay=0, max_depth=1)


@crawl.page("*/first")
def first(page):
    yield {"title": page.title}
    yield page.link("/second", to=second, data={"rank": 2, "key": b"k"})
    yield from page.links("a")


@crawl.page("")
def second(page: Page, rank: int, key: bytes):
    yield {"title": page.title, "rank": rank}


@crawl.page()
def other(page):
    raise ValueError("not known")


@crawl.item
def change(item):
    if item["title"] is None:
        raise Drop("no title")
    return item
"""


class Site(BaseHTTPRequestHandler):
    """Pages with a title, some links and a cookie."""

    asked: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.send_response(303)
        self.send_header("Location", "/sent")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        if self.path == "/robots.txt":
            self.send_response(404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.asked.append(self.path)
        if self.path == "/interrupted":
            os.kill(os.getpid(), signal.SIGINT)
            self.rfile.read(1)  # until the client goes
            return
        body = f"<title>{self.path}</title><a href=/third>x</a>".encode()
        if self.path == "/data":
            body = b'["data"]'
        self.send_response(404 if self.path == "/none" else 200)
        self.send_header(
            "Content-Type", "application/json" if self.path == "/data" else "text/html"
        )
        self.send_header("Set-Cookie", "secret=1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of the site; the current folder is a new one."""
    monkeypatch.chdir(tmp_path)
    Site.asked = []
    with serving(Site) as url:
        yield url


def test_a_new_program_passes_its_test(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program and its test work as they are written, and nothing is overwritten."""
    monkeypatch.chdir(tmp_path)
    assert main(["new", "quotes", r"https://quotes.example/a/b?c\n{next}"]) == 0
    monkeypatch.syspath_prepend(str(tmp_path))
    import_module("test_quotes").test_items_and_links()
    for name in ("quotes", "test_quotes"):
        monkeypatch.delitem(sys.modules, name)
    text = (tmp_path / "quotes.py").read_text()
    assert r'start=["https://quotes.example/a/b?c\\n{next}"]' in text
    assert main(["new", "quotes"]) == 2
    assert (tmp_path / "quotes.py").read_text() == text


@pytest.mark.parametrize("name", ["json", "Quotes", "a-b", "../a", "class", "", "scraper_cpn"])
def test_names_that_no_program_can_have(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that can't be imported, or would hide another module, is refused in one line."""
    assert main(["new", name]) == 2
    assert "can't be the name of a program" in capsys.readouterr().err


def test_pages_are_recorded_and_replayed(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Recorded pages give the same without the network; what a changed program makes of them is shown, and accepted."""
    Path("a.jsonl").touch()
    Path("a.py").write_text(PROGRAM.replace("max_depth=1", "max_depth=1, output='a.jsonl'"))
    assert main(["test", "a.py", "--record", f"{site}/first", "-q"]) == 0
    assert capsys.readouterr().out == "3 pages recorded in a.pages\n"
    asked = len(Site.asked)
    assert main(["test", "a.py"]) == 0
    assert capsys.readouterr().out == "3 pages, 0 differ\n"
    texts = "".join(path.read_text() for path in Path("a.pages").iterdir())
    assert "secret=1" not in texts
    assert "other raised ValueError" in texts
    Path("a.py").write_text(
        PROGRAM.replace('"rank": rank', '"rank": -rank').replace("is None", "== '/first'")
    )
    assert main(["test", "a.py"]) == 1
    out = capsys.readouterr().out
    assert '-      "rank": 2' in out
    assert '+      "rank": -2' in out
    assert '+    "no title": 1' in out
    assert out.endswith("3 pages, 2 differ\n")
    assert main(["test", "a.py", "--accept"]) == 0
    assert main(["test", "a.py"]) == 0
    assert capsys.readouterr().out.endswith("3 pages, 2 accepted\n3 pages, 0 differ\n")
    assert len(Site.asked) == asked


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "give the file of a program"),
        (["a.py"], "has no recorded pages"),
        (["a.py", "--delay", "1"], "for --record"),
        (["a.py", "--record", "--state", "x"], "keeps no state"),
        (["none.py"], "none.py does not exist; give the file"),
    ],
)
def test_what_test_refuses(
    argv: list[str], said: str, site: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake is reported in one line."""
    Path("a.py").write_text(PROGRAM)
    assert main(["test", *argv]) == 2
    assert said in capsys.readouterr().err


def test_bodies_in_json(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The body of a page and its description are two files, whatever the page is."""
    Path("a.py").write_text(
        "from scraper_cpn import Crawl\ncrawl = Crawl(delay=0)\n"
        "@crawl.page()\ndef read(page):\n    return {'found': page.json()[0]}\n"
    )
    main(["test", "a.py", "--record", f"{site}/data", f"{site}/first", "--retries", "0"])
    assert b'["data"]' in [path.read_bytes() for path in Path("a.pages").iterdir()]
    assert main(["test", "a.py"]) == 0
    assert "retry what failed" not in capsys.readouterr().err


def test_a_file_in_place_of_the_folder(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is crawled that can't be recorded."""
    Path("a.py").write_text(PROGRAM)
    Path("a.pages").touch()
    assert main(["test", "a.py", "--record", f"{site}/first"]) == 2
    assert "a.pages is in the way" in capsys.readouterr().err
    assert not Site.asked


def test_a_damaged_recording(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is no recorded page is named."""
    Path("a.py").write_text(PROGRAM)
    Path("a.pages").mkdir()
    Path("a.pages/x.page.json").write_text("{}")
    assert main(["test", "a.py"]) == 2
    assert "a.pages/x.page.json is no recorded page" in capsys.readouterr().err


def test_banned_pages_rest_the_proxy(site: str) -> None:
    """What a program says of refusals counts for the command, too, and beside a login."""
    Path("a.py").write_text(
        "from scraper_cpn import Crawl\ncrawl = Crawl(banned=lambda page: False)\n"
        "@crawl.login('https://a.example/')\ndef login(page):\n    pass\n"
    )
    job = job_of(parse(["run", "a.py", site, "--proxy", "http://p.example:1"]))
    assert job.settings.has_routes
    assert not job_of(parse(["run", "a.py", site])).settings.has_routes


def test_the_shell(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A page by its URL, relative ones and links; what brings no page says why; a page may be fetched twice."""
    found: list[str] = []

    def prompt(banner: str, names: dict[str, Any]) -> None:
        fetch = names["fetch"]
        found.append(banner)
        assert fetch("second").text("title") == "/second"
        assert names["page"].title == "/second"
        fetch(names["Link"](f"{site}/second", headers={"X-A": "1"}))
        assert isinstance(fetch("/second"), Page)
        assert fetch(names["Link"](f"{site}/send", form={"a": "b"})).title == "/sent"
        with pytest.raises(NoPage, match="http: HTTP 404"):
            fetch("/none")

    assert shell([f"{site}/first", "--delay", "0"], prompt) == 0
    assert f"page is <Page {site}/first 200" in found[0]
    assert Site.asked == ["/first", "/second", "/second", "/second", "/sent", "/none"]


@pytest.fixture
def _hears_ctrl_c() -> Iterator[None]:
    """Hear SIGINT also where the tests run in the background, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_hears_ctrl_c")
def test_ctrl_c_in_the_shell(site: str) -> None:
    """It ends the request that is under way, which is not made again; the next one comes as usual."""

    def prompt(_: str, names: dict[str, Any]) -> None:
        with pytest.raises(KeyboardInterrupt):
            names["fetch"]("/interrupted")
        assert names["fetch"]("/second").title == "/second"
        with pytest.raises(NoPage, match="http: HTTP 404"):
            names["fetch"]("/none")

    assert shell([f"{site}/first", "--delay", "0", "--backoff", "1ms"], prompt) == 0
    assert Site.asked == ["/first", "/interrupted", "/second", "/none"]


def test_the_shell_without_a_page(
    site: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A URL without a page is reported, and the prompt comes all the same; the plain one reads lines."""
    monkeypatch.setattr(command, "import_module", lambda name: exec("raise ImportError"))
    monkeypatch.setattr(
        "sys.stdin", io.StringIO("print(page, fetch('" + site + "/first').title)\n")
    )
    assert main(["shell", f"{site}/none", "--delay", "0"]) == 0
    message = capsys.readouterr()
    assert "no page: http: HTTP 404 Not Found" in message.err
    assert "there is no page yet" in message.err
    assert "None /first" in message.out


MISTAKES = {
    "page.css('li[')": "ValueError: bad CSS selector 'li[': expected an identifier at position 3",
    "page.xpath('//a[')": "ValueError: bad XPath '//a[': expected a node test at the end of the expression",
    "page.css(3)": "ValueError: a selector is a text such as 'h1', not 3",
    "page.form('#none')": "has no form '#none'",
    "fetch('mailto:a@b.example')": "UsageError: 'mailto:a@b.example' is not a URL",
    "fetch('/none')": "NoPage: http: HTTP 404 Not Found",
}


def test_a_mistake_in_the_shell_is_one_line(
    site: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What our own code notices is said without its frames; a function of the person's, and other errors, show theirs."""
    monkeypatch.setattr(command, "import_module", lambda name: exec("raise ImportError"))
    lines = [*MISTAKES, "def own(): page.css('li[')", "", "own()", "1/0"]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines) + "\n"))
    assert main(["shell", f"{site}/first", "--delay", "0"]) == 0
    told = capsys.readouterr().err.splitlines()[1:]
    assert not [line for line in told if "scraper_cpn" in line]
    for line, said in zip(told, MISTAKES.values(), strict=False):
        assert said in line
    rest = "\n".join(told[len(MISTAKES) :])
    assert 'File "<console>", line 1, in own\n' in rest
    assert rest.rstrip().endswith("ZeroDivisionError: division by zero")


def test_a_mistake_in_ipython_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """IPython asks us how to show an exception, and shows those itself that are none of ours."""
    shown: list[object] = []

    class Prompt:
        def __init__(self, **_: object) -> None: ...

        def set_custom_exc(self, kinds: tuple[type[BaseException], ...], show: Any) -> None:
            self.kinds, self.show = kinds, show

        def showtraceback(self, what: tuple[object, ...], tb_offset: int | None) -> None:
            shown.append((what[0], tb_offset))

        def __call__(self) -> None:
            for line in ("Page.from_html('').css('li[')", "1/0"):
                try:
                    exec(compile(line, "<cell>", "exec"), {"Page": Page})
                except self.kinds as error:
                    self.show(self, type(error), error, error.__traceback__, tb_offset=1)

    command._ipython(Prompt, "", {})
    assert capsys.readouterr().err.splitlines() == [MISTAKES["page.css('li[')"]]
    assert shown == [(ZeroDivisionError, 1)]


@pytest.mark.parametrize(
    ("argv", "said"),
    [(["a", "b"], "one URL"), (["--state", "x"], "no meaning here"), (["nothing"], "is not a URL")],
)
def test_what_the_shell_refuses(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistake is reported in one line."""
    assert main(["shell", *argv]) == 2
    assert said in capsys.readouterr().err


def test_each_has_a_help(capsys: pytest.CaptureFixture[str]) -> None:
    """-h prints it."""
    for name in ("new", "test", "shell"):
        assert main([name, "-h"]) == 0
        assert capsys.readouterr().out.startswith(f"usage: scrape {name}")


def test_pages_of_a_login_are_not_recorded(site: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A crawl that logs in records what comes behind the login."""
    login = f"""

@crawl.login("{site}/login")
def login(page):
    return page.link("/in")
"""
    Path("a.py").write_text(PROGRAM + login)
    main(["test", "a.py", "--record", f"{site}/first", "-q", "--max-pages", "9", "--retries", "0"])
    assert Site.asked[:2] == ["/login", "/in"]
    names = [path.name for path in Path("a.pages").glob("*.page.json")]
    assert len(names) == 3
    assert not any("login" in name or "-in-" in name for name in names)
    assert main(["test", "a.py"]) == 0
