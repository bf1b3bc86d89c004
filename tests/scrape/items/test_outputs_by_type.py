"""Outputs by type: each type of items in a file of its own, with and without a state."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from scraper_cpn import Crawl, Page, UsageError
from scraper_cpn.cli.main import main
from scraper_cpn.scrape.items.outputs.declared import open_declared
from scraper_cpn.scrape.state.check import audits
from scraper_cpn.scrape.state.files import past
from scraper_cpn.store.states import location_of
from tests.scrape.outputs import items_in
from tests.servers import Asked, Server, page, serving

pytestmark = pytest.mark.anyio

QUICK: dict[str, Any] = {"delay": 0, "robots": "ignore"}
Outputs = dict[type[Any], str | Path]


class Thing(Struct):
    name: str
    price: int = 0


class Other(Struct):
    name: str


class Rest(Struct):
    name: str


def site(asked: Asked) -> bytes:
    """A start page with links to nine others."""
    links = "".join(f"<a href=/{n}>{n}</a>" for n in range(1, 10)) if asked.target == "/" else ""
    return page(links.encode(), "Content-Type: text/html")


def crawl(**options: Any) -> Crawl[Any]:
    """A crawl that yields an item of each type, and a dict, from each page."""
    made: Crawl[Any] = Crawl(**QUICK, **options)

    @made.page()
    def mixed(page: Page) -> Iterator[Any]:
        name = page.url.rpartition("/")[2] or "start"
        yield from (kind(name) for kind in (Thing, Other, Rest))
        yield {"name": name}
        yield from page.links("a")

    return made


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def test_without_a_state(tmp_path: Path) -> None:
    """Each type of items goes to its file, in its format; what no file takes is dropped, and counted."""
    outputs: Outputs = {Thing: tmp_path / "a.csv", Other: tmp_path / "b.jsonl"}
    async with Server(site) as server:
        one = crawl(max_pages=1)
        summary = await one.crawl(server.url, output=outputs)
        said = "no output is declared for items of type"
        assert summary.items == 2
        assert summary.dropped == {f"{said} Rest": 1, f"{said} dict": 1}
        rest = {**outputs, object: tmp_path / "c.jsonl"}
        assert (await one.crawl(server.url, output=rest, append=True)).dropped == {}
    assert items_in(tmp_path / "a.csv") == [{"name": "start", "price": "0"}] * 2
    assert items_in(tmp_path / "b.jsonl") == [{"name": "start"}] * 2
    assert items_in(tmp_path / "c.jsonl") == [{"name": "start"}] * 2


async def test_refused(tmp_path: Path) -> None:
    """A mistake is one line, and neither a file nor a state is created."""
    (tmp_path / "link.csv").symlink_to(tmp_path / "a.csv")
    state = tmp_path / "a.state"
    mistakes: list[tuple[Any, str]] = [
        ({}, "name a file for a type"),
        ({"Thing": "a.csv"}, "is no type of items"),
        ({Thing: tmp_path / "a.csv", Other: tmp_path / "link.csv"}, "of another type of items"),
        ({Thing: tmp_path / "b.csv", object: tmp_path / "c.csv"}, "CSV needs columns"),
        ({Thing: tmp_path / "b.csv", Other: state}, "the file of the state too"),
    ]
    for wrong, said in mistakes:
        with pytest.raises(UsageError, match=said):
            await crawl().crawl("http://a.test/", output=wrong, state=state)
    with pytest.raises(UsageError, match="the file of the state too"):
        await crawl().crawl("http://a.test/", output=tmp_path / "x.db", state=tmp_path / "x.db")
    assert names_in(tmp_path) == ["link.csv"]


@pytest.mark.parametrize("suffixes", [("jsonl", "csv", "db"), ("jsonl.gz", "parquet", "json")])
async def test_with_a_state(suffixes: tuple[str, ...], database: str, tmp_path: Path) -> None:
    """A resume, also from PostgreSQL, truncates each output to its length, and adds each item once."""
    kinds = (Thing, Other, Rest)
    outputs: Outputs = {
        kind: tmp_path / f"{kind.__name__}.{suffix}"
        for kind, suffix in zip(kinds, suffixes, strict=True)
    }
    state = tmp_path / "a.state" if "db" in suffixes else f"{database}&name=a"
    place = location_of(state)
    async with Server(site) as server:
        await crawl(max_pages=4).crawl(server.url, output=outputs, state=state)
        lengths = past(place, None).lengths
        assert list(lengths) == [str(path) for path in outputs.values()]
        unsaved = open_declared(outputs, None, {}, kept=lengths)
        assert unsaved is not None
        await unsaved.write([kind("unsaved") for kind in kinds])
        await unsaved.close()
        with pytest.raises(UsageError, match=r"give output=.* again"):
            await crawl().resumed(state)
        more = {**outputs, object: tmp_path / "rest.jsonl"}
        summary = await crawl().resumed(state, more)
    assert summary.ended == "finished"
    assert sum(summary.dropped.values()) == 4, "by the first process"
    names = [[item["name"] for item in items_in(Path(path))] for path in outputs.values()]
    assert names[0] == names[1] == names[2]
    assert sorted(names[0]) == [*"123456789", "start"]
    rest = [item["name"] for item in items_in(tmp_path / "rest.jsonl")]
    assert sorted(rest) == sorted(names[0][4:])
    assert audits(place)[0].items == 3 * 10 + 6


async def test_an_output_that_was_cut(tmp_path: Path) -> None:
    """One output that is shorter than the state has it is refused by name, and the others stay as they are."""
    outputs: Outputs = {Thing: tmp_path / "a.jsonl", Other: tmp_path / "b.jsonl"}
    state = tmp_path / "a.state"
    async with Server(site) as server:
        await crawl(max_pages=3).crawl(server.url, output=outputs, state=state)
        before = (tmp_path / "a.jsonl").read_bytes()
        (tmp_path / "b.jsonl").write_bytes(b"")
        with pytest.raises(UsageError, match=r"b\.jsonl: the state expects"):
            await crawl().resumed(state, outputs)
    assert (tmp_path / "a.jsonl").read_bytes() == before


PROGRAM = """
from msgspec import Struct
from scraper_cpn import Crawl

class Thing(Struct):
    name: str

class Other(Struct):
    name: str

crawl = Crawl(delay=0, robots="ignore", prefer="[1-3]$", output={Thing: "a.csv", Other: "b.db"})

@crawl.page
def both(page):
    name = page.url.rpartition("/")[2] or "start"
    yield Thing(name)
    yield Other(name)
    yield {"name": name}
    yield from page.links("a")
"""


class Site(BaseHTTPRequestHandler):
    """The same pages, for a crawl in another event loop."""

    def do_GET(self) -> None:
        self.wfile.write(site(Asked(f"GET {self.path} HTTP/1.1".encode(), 0, 0)))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Say nothing."""


def test_the_commands_take_the_outputs_of_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`scrape run` and `scrape resume` write each type to its file; -o counts more, and a file has one purpose."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "job.py").write_text(PROGRAM)

    def scrape(*words: str) -> tuple[int, str]:
        return main(list(words)), capsys.readouterr().err

    with serving(Site) as url:
        run = ("run", "job.py", url, "--allow-private")
        assert scrape(*run, "--failed", "a.csv")[0] == 2
        code, said = scrape(*run, "--state", "s", "--max-pages", "4")
        assert (code, "8 items in a.csv, b.db" in said) == (0, True)
        assert "no output is declared for items of type dict" in said
        with (tmp_path / "a.csv").open("a") as file:
            file.write("unsaved\n")
        assert scrape("resume", "s", "-O")[0] == 2
        assert scrape("resume", "s", "--max-pages", "99")[0] == 0
        assert scrape(*run)[0] == 2, "the files are there"
        assert scrape(*run, "-o", "all.jsonl")[0] == 0
    names = [[item["name"] for item in items_in(tmp_path / name)] for name in ("a.csv", "b.db")]
    assert names[0] == names[1]
    assert sorted(names[0]) == [*"123456789", "start"]
    assert len(items_in(tmp_path / "all.jsonl")) == 30
