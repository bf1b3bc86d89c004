"""README.md: its program runs on a site, its picture is of the net, its options exist.

`test_pages.py` runs its commands and follows its links, as those of every page.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest

from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.options.table import OPTIONS
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings
from tests.docs.pages import README, ROOT, blocks
from tests.servers import Asked, Server, page

TEXT = README.read_text(encoding="utf-8")
SITE = "https://quotes.example"
QUOTES = [{"text": f"Quote {number}", "tags": ["a", "b"]} for number in (1, 2)]
LINES_MAX = 150
"""Longer, and nobody reads it."""


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
    out, message = await process.communicate()
    assert process.returncode == 0, message.decode()
    return out.decode()


def items(text: str) -> list[object]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.anyio
async def test_the_program_runs(tmp_path: Path) -> None:
    """The Python program does what it says on a site of its kind, alone and by `scrape run`."""
    (program,) = blocks(README, "python")
    async with Server(quotes) as server:
        text = program.replace(SITE, server.url).replace("delay=1.0", "delay=0.01")
        assert text.count(server.url) == 1
        (tmp_path / "crawl.py").write_text(text)
        printed = await output_of(tmp_path, "crawl.py")
        assert printed.startswith("finished\npages: 2, items: 2,")
        assert items((tmp_path / "quotes.jsonl").read_text()) == QUOTES
        start = f"{server.url}/page/1"
        message = await output_of(tmp_path, "-m", "scraper_cpn", "run", "crawl.py", start, "-q")
        assert items(message) == QUOTES


def test_the_picture_is_of_the_net() -> None:
    """Every place and transition in the picture is one of the scrape net."""
    (picture,) = blocks(README, "mermaid")
    net = ScrapeNet(Policy(Settings()))
    text = re.sub(r"-- \w+ -->", "-->", picture.removeprefix("flowchart LR"))
    names = set(re.findall(r"\w+", text))
    assert names <= set(net.places) | set(net.transitions)
    assert {"prioritized_targets", "scrape_target", "stored"} <= names


def test_it_is_short() -> None:
    """It has at most LINES_MAX lines; everything else is in docs/."""
    assert len(TEXT.splitlines()) <= LINES_MAX


def test_options_that_are_named_exist() -> None:
    """Every --option in the text is one of the command's."""
    named = set(re.findall(r"(?<![\w-])--([a-z][a-z-]*)", TEXT))
    assert named <= {option.name for option in OPTIONS}
    assert named


def test_every_page_of_the_documentation_is_linked() -> None:
    """Who reads the README finds every top page of docs/ from it."""
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert {name for name in pages if f"docs/{name}" not in TEXT} == set()
