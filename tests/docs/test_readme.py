"""README.md: its code runs, its commands are accepted, its picture is the net, its names exist."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
import sys
from pathlib import Path

import anyio
import pytest
from msgspec import Struct

from mocks.options import parser as mocks_parser
from scraper_cpn.cli.arguments import parse
from scraper_cpn.cli.job import job_of
from scraper_cpn.cli.main import main
from scraper_cpn.cli.net import HELP as NET_HELP
from scraper_cpn.cli.net import show_net
from scraper_cpn.cli.resume import resume_job
from scraper_cpn.cli.simulate import simulate
from scraper_cpn.scrape.items.outputs import open_output
from scraper_cpn.scrape.options.table import OPTIONS
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.state.files import Keeping, kept_in
from tests.servers import Asked, Server, page

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SITE = "https://quotes.example"
WORDS = {"status", "explain", "retry", "export", "check", "backup"}
"""The commands that look at a state, or change it, without crawling."""


class Block(Struct, frozen=True):
    """A fenced block."""

    language: str
    text: str


BLOCKS = [Block(*found) for found in re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL)]
PROGRAMS = [block.text for block in BLOCKS if block.language == "python"]
SHELL = [
    line
    for block in BLOCKS
    if block.language in ("", "sh")
    for line in block.text.splitlines()
    if line.startswith(("scrape ", "make ", "python ", "pip "))
]
PROXIES = next(block.text for block in BLOCKS if block.text.startswith("http://user:"))


def quotes(asked: Asked) -> bytes:
    """A site of two pages with quotes."""
    path = asked.target
    if path == "/robots.txt":
        return page(b"", status="404 Not Found")
    number = int(path.rpartition("/")[2])
    following = f'<li class="next"><a href="/page/{number + 1}">on</a></li>' if number < 2 else ""
    body = f"""<div class="quote"><p class="text">Quote {number}</p><b class="tag">a</b>
        <b class="tag">b</b></div>{following}"""
    return page(body.encode(), "Content-Type: text/html")


async def output_of(folder: Path, *argv: str) -> str:
    """What a Python writes to standard output; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *argv,
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, told = await process.communicate()
    assert process.returncode == 0, told.decode()
    return out.decode()


def items(text: str) -> list[object]:
    return [json.loads(line) for line in text.splitlines()]


async def keep(path: Path) -> None:
    """A state of a crawl that has not fetched anything yet."""
    async with kept_in(Keeping(path=path), Settings(), [SITE + "/"], None, None):
        pass


QUOTES = [{"text": f"Quote {number}", "tags": ["a", "b"]} for number in (1, 2)]


@pytest.mark.slow
@pytest.mark.anyio
async def test_the_program_runs(tmp_path: Path) -> None:
    """The Python program does what it says on a site of its kind, alone and by `scrape run`."""
    (program,) = PROGRAMS
    async with Server(quotes) as server:
        text = program.replace(SITE, server.url).replace("delay=1.0", "delay=0.01")
        assert text.count(server.url) == 1
        (tmp_path / "crawl.py").write_text(text)
        assert "ended='finished'" in await output_of(tmp_path, "crawl.py")
        assert items((tmp_path / "quotes.jsonl").read_text()) == QUOTES
        start = f"{server.url}/page/1"
        told = await output_of(tmp_path, "-m", "scraper_cpn", "run", "crawl.py", start, "-q")
        assert items(told) == QUOTES


@pytest.mark.parametrize("line", [line for line in SHELL if line.startswith("scrape ")])
def test_commands_are_accepted(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every `scrape` line is one that the command takes, with the files that it names there."""
    monkeypatch.chdir(tmp_path)
    Path("seeds.txt").write_text("https://quotes.example/\n")
    Path("proxies.txt").write_text(PROXIES)
    argv = shlex.split(line, comments=True)[1:]
    if "quotes.state" in argv and argv[0] != SITE + "/":
        anyio.run(keep, Path("quotes.state"))
    if argv[0] in WORDS:
        assert main(argv) in {0, 1}  # 1: there is nothing to put back, or to tell of
    elif argv[0] == "resume":
        assert resume_job(argv[1:]) is not None
    elif argv[0] == "net":
        assert show_net(argv[1:]) == 0
    elif argv[0] == "simulate":
        assert simulate(argv[1:]) == 0
        assert capsys.readouterr().out.startswith("finished after")
    else:
        assert job_of(parse(argv)).seeds


@pytest.mark.parametrize("line", [line for line in SHELL if line.startswith("make ")])
def test_make_has_the_targets(line: str) -> None:
    """Every target that is named is in the Makefile."""
    target = shlex.split(line, comments=True)[1]
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_proxies_file_is_one(tmp_path: Path) -> None:
    """The example of a proxies file is read as it is explained."""
    path = tmp_path / "proxies.txt"
    path.write_text(PROXIES)
    first, second = job_of(parse(["http://a.example", "--proxies", str(path)])).settings.proxies
    assert (first.slots, first.delay_ns, first.quota) == (2, 500_000_000, 1000)
    assert second.not_before_ns is not None
    assert second.not_after_ns is not None


def test_the_picture_is_the_net(capsys: pytest.CaptureFixture[str]) -> None:
    """The Mermaid block is what `scrape net --mermaid` prints; to change it, paste that."""
    (picture,) = [block.text for block in BLOCKS if block.language == "mermaid"]
    assert show_net(["--mermaid"]) == 0
    assert capsys.readouterr().out.strip() == picture.strip()


def test_options_that_are_named_exist() -> None:
    """Every --option in the text is one of the command's."""
    prose = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
    named = set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", prose)) - {"strict"}
    known = {option.name for option in OPTIONS} | set(re.findall(r"--([a-z]+)", NET_HELP))
    assert named <= known
    assert named


def test_formats_that_are_named_exist(tmp_path: Path) -> None:
    """Every suffix that is named for an output is one that can be written."""
    suffixes = re.findall(r"\((\.[a-z]+)\)", README)
    assert suffixes
    for suffix in suffixes:
        open_output(str(tmp_path / f"out{suffix}"), overwrite=False, append=False)


def test_commands_of_the_mocked_web_exist() -> None:
    """`python -m mocks` has the commands that are named."""
    for command in re.findall(r"python -m mocks (\w+)", README):
        log = ["wire.jsonl"] if command == "judge" else []
        assert mocks_parser().parse_args([command, *log]).command == command
    assert {"serve", "judge"} <= set(re.findall(r"python -m mocks (\w+)", README))


def test_files_that_are_linked_exist() -> None:
    """Every link into the repository leads somewhere."""
    paths = [path for path in re.findall(r"\]\(([^)]+)\)", README) if "://" not in path]
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert paths


def test_nothing_is_left_to_fill_in() -> None:
    """No placeholder is left."""
    assert "@@" not in README
