"""The lives of one crawl: its processes one after another, and what its state says after each.

Owns: the deaths as the referee wants to know them, that no life undoes what was known before it.
Must not know: why a life ends, what a crawl is for.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from mocks.referee import Death
from mocks.wirelog import Request
from scraper_cpn.store.postgres.address import is_address
from scraper_cpn.store.states import is_there, location_of, look
from tests.crash.book import Book, read
from tests.crash.command import SCRAPE, Crawl, Ended, Manner, live


class Lives:
    """A crawl that is kept in the state *name* of a folder, life after life.

    Attributes:
        state: where it is: a file of the folder, or on PostgreSQL.
        books: what the state said after each death, from the first in which it was there.
        deaths: all of them.
    """

    def __init__(self, folder: Path, name: str = "crawl.db", run: str | None = None) -> None:
        self.folder = folder
        self.state = location_of(name) if is_address(name) else folder / name
        self.books: list[Book] = []
        self.deaths: list[Death] = []
        self._run = run

    def live(
        self,
        words: Sequence[str],
        manner: Manner = "end",
        seconds: float = 0,
        *,
        dice: random.Random | None = None,
        before: Sequence[str] = SCRAPE,
    ) -> Ended:
        """A life that ends in some manner after a while, or earlier by itself; see `command.live`."""
        crawl = Crawl(self.folder, *words, before=before)
        return self.over(live(crawl, manner, seconds, dice or random.Random(0)))

    def shaken(self, words: Sequence[str], seconds: float, shake: Callable[[], None]) -> Ended:
        """A life in which something happens some while after its first batch, and which ends by itself."""
        before = self._batches()
        crawl = Crawl(self.folder, *words)
        while crawl.runs(0.02) and self._batches() == before:
            pass
        if crawl.runs(seconds):
            shake()
        return self.over(crawl.end())

    def _batches(self) -> int:
        """How many batches the state has."""
        if not is_there(self.state):
            return 0
        with look(self.state) as reader:
            return reader.run(self._run).head().seq

    def kill(self, words: Sequence[str], stored: int, *, before: Sequence[str] = SCRAPE) -> Ended:
        """A life that is killed once it has reported a number of stored pages."""
        crawl = Crawl(self.folder, *words, "-v", before=before)
        crawl.hear("stored ", stored)
        return self.over(crawl.end(kill=True))

    def over(self, ended: Ended) -> Ended:
        """Note the end of a life."""
        lost: frozenset[str] = frozenset()
        if is_there(self.state):
            book = read(self.state, self._run)
            before = self.books[-1] if self.books else None
            lost = book.lost
            _check_progress(before, book)
            self.books.append(book)
        self.deaths.append(Death(ended.at_ns, lost))
        return ended

    def check_wire(self, requests: Sequence[Request]) -> None:
        """Whether the state knew at each death what had happened on the wire.

        What had come to its end is not asked for any more, and nobody was asked without the state
        knowing of it before.
        """
        deaths = self.deaths[len(self.deaths) - len(self.books) :]
        for death, book in zip(deaths, self.books, strict=True):
            late = {each.url for each in requests if each.start_ns >= death.at_ns}
            assert not late & set(book.ends), "a page was asked for after its end"
            asked = Counter(each.url for each in requests if each.start_ns < death.at_ns)
            unknown = {url for url in asked - book.attempts if not url.endswith("/robots.txt")}
            assert not unknown, "a page was asked for, and the state does not know"


def _check_progress(before: Book | None, book: Book) -> None:
    """Nothing that had come to an end is undone, and nothing has two ends."""
    assert max(book.ends.values(), default=1) == 1
    if before is not None:
        assert before.stored.items() <= book.stored.items()
        assert before.failures == book.failures[: len(before.failures)]
        assert before.seen <= book.seen
        assert before.items == book.items[: len(before.items)]
