"""A page that kills the process is no crash loop: it is given up after three deaths, and all others are kept."""

import signal
from collections import Counter
from pathlib import Path

from tests.crash.book import replayed
from tests.crash.command import Web
from tests.crash.lives import Lives

RETRIES, LOSSES = 0, 3
DEADLY = "http://h1.example/p/3"
PROGRAM = f"""
import os, signal
from collections.abc import Iterator
from scraper_cpn.scrape.crawl import Crawl
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.colours import Link

crawl = Crawl(dict)

@crawl.page()
def pages(page: Page) -> Iterator[dict[str, str] | Link]:
    if page.url == {DEADLY!r}:
        os.kill(os.getpid(), signal.SIGKILL)
    yield {{"url": page.url}}
    yield from page.links("a")
"""


def test_a_page_that_kills_the_process_runs_out_of_attempts(web: Web, tmp_path: Path) -> None:
    """Resumed again and again, as a supervisor does, the crawl comes to its end without it.

    The page is in the failed log as lost, after three attempts, whatever `--retries` says; every other
    page is stored once, unless it was under way at each death, too.
    """
    (tmp_path / "program.py").write_text(PROGRAM)
    words = list(web.crawl("-q"))
    words[words.index("--retries") + 1] = f"{RETRIES}"
    lives = Lives(tmp_path)
    codes = [lives.live(("run", "program.py", *words)).code]
    while codes[-1] == -signal.SIGKILL:
        codes.append(lives.live(("resume", "crawl.db", "-q")).code)
    assert codes == [-signal.SIGKILL] * LOSSES + [0]
    book = lives.books[-1]
    given_up = [row for row in book.failures if row.final]
    assert len(book.stored) + len(given_up) == 24
    assert {row.kind for row in given_up} == {"lost"}
    assert Counter(item["url"] for item in book.items) == book.stored
    last = [row for row in book.failures if row.target.url == DEADLY]
    assert [row.kind for row in last] == ["lost"] * LOSSES
    assert [row.target.attempt for row in last] == [1, 2, 3]
    assert [row.final for row in last] == [False, False, True]
    assert replayed(lives.state) > 0
    asked = Counter(each.url for each in web.requests() if each.fetched)
    assert asked[DEADLY] == LOSSES
