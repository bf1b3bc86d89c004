"""README.md and docs/: their programs run, their commands are accepted, their links lead somewhere."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from scraper_cpn.cli.arguments import parse
from scraper_cpn.cli.job import job_of
from scraper_cpn.cli.main import main
from scraper_cpn.cli.net import show_net
from scraper_cpn.cli.resume import resume_job
from scraper_cpn.cli.simulate import simulate
from scraper_cpn.cli.worker import OPTIONS as WORKER_OPTIONS
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.state.files import Keeping, kept_in
from scraper_cpn.store.states import Location, location_of
from tests.docs.pages import DOCS, README, ROOT, blocks

PAGES = [README, *DOCS]
SITE = "https://quotes.example/"
EXAMPLE = "postgres://me@db.example/crawls?name=quotes"
"""A database that the pages name; a real one stands for it."""
ON_STATE = {"status", "explain", "retry", "export", "check", "backup"}
CRAWLS = "postgres://crawler@db.example/crawls"
"""A database for workers that the pages name; a real one stands for it."""
PROXIES = "http://user:secret@proxy-1.example:8080 slots=2\n"


def commands() -> Iterator[str]:
    """Every `scrape` and `make` line of a shell block, once."""
    lines = {line for page in PAGES for code in blocks(page, "sh") for line in code.splitlines()}
    yield from sorted(line for line in lines if line.startswith(("scrape ", "make ")))


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem
)
def test_programs_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python blocks of a page, one after the other, run as one module."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": f"docs_{page.stem}"}
    for code in blocks(page, "python"):
        exec(compile(code, f"{page.name}", "exec"), names)


def check_many(argv: list[str]) -> None:
    """A command on a crawl of many workers is accepted: one that looks at a crawl has one to look at."""
    if argv[0] == "worker":
        assert "database" in parse(argv[1:], WORKER_OPTIONS, "worker").options
        return
    if argv[0] != SITE:
        words = argv[argv.index("--database") :][:4]
        assert main([SITE, *words]) == 0
    assert main(argv) == 0


async def keep(where: Location) -> None:
    """A state of a crawl that has not fetched anything yet."""
    async with kept_in(Keeping(path=where), Settings(), [SITE], None, None):
        pass


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith("scrape ")])
def test_commands_are_accepted(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Every `scrape` line is one that the command takes, with the files that it names there."""
    monkeypatch.chdir(tmp_path)
    for name in ("seeds.txt", "failed.jsonl"):
        Path(name).write_text(SITE)
    Path("proxies.txt").write_text(PROXIES)
    Path("cookies.txt").write_text("shop.example\tTRUE\t/\tTRUE\t0\tsid\tabc\n")
    Path("crawl.toml").write_text('delay = "2s"\n')
    argv = shlex.split(line, comments=True)[1:]
    if CRAWLS in argv:
        check_many([request.getfixturevalue("database") if w == CRAWLS else w for w in argv])
        return
    if EXAMPLE in argv:
        there = f"{request.getfixturevalue('database')}&name=quotes"
        argv = [there if word == EXAMPLE else word for word in argv]
        if argv[0] != SITE:
            anyio.run(keep, location_of(there))
    if "quotes.state" in argv and argv[0] != SITE:
        anyio.run(keep, Path("quotes.state"))
    if "--since" in argv:
        anyio.run(keep, Path("monday.db"))
    if argv[0] in ON_STATE:
        assert main(argv) in {0, 1}  # 1: there is nothing to put back, or to explain
    elif argv[0] == "resume":
        assert resume_job(argv[1:]) is not None
    elif argv[0] == "net":
        assert show_net(argv[1:]) == 0
    elif argv[0] == "verify":
        assert main(argv) == 0
    elif argv[0] == "simulate":
        assert simulate(argv[1:]) == 0
    else:
        assert job_of(parse(argv)).seeds


@pytest.mark.parametrize("line", [line for line in commands() if line.startswith("make ")])
def test_make_has_the_targets(line: str) -> None:
    """Every target that is named is in the Makefile."""
    target = shlex.split(line, comments=True)[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link to another page or into the repository names a file that exists."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)", text)]
    missing = [
        target
        for target in targets
        if target and "://" not in target and not (page.parent / target).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.stem)
def test_every_page_is_in_the_navigation(page: Path) -> None:
    """A page that the navigation leaves out is not found by readers."""
    name = page.relative_to(ROOT / "docs").as_posix()
    assert re.search(rf"\b{re.escape(name)}\s*$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
