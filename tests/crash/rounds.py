"""A round: one crawl of a loopback web that is killed again and again until it is done, and judged.

Owns: what a round is made of (all from one seed), and what must be true after each death and at
the end.
Must not know: how many rounds there are.
"""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from mocks.referee import Expectations, ProxyRule, Verdict, judge
from mocks.wirelog import Request, read_log
from scraper_cpn.simulate.web import SyntheticWeb
from scraper_cpn.store.states import is_there
from tests.crash.book import Book, replayed
from tests.crash.command import Ended, Manner, Web, served, starting_s
from tests.crash.lives import Lives

MS = 1_000_000
RETRIES = 60
"""More than a page can need: each death costs a page in flight an attempt."""
CONCURRENCY = 32
MOST_LOST = CONCURRENCY + 2 * CONCURRENCY + 256 + 256
"""Requests at a time, and the bounds of the stages of the pipeline."""
LIVES = 200
"""A crawl that is not done after so many is stuck."""

GROWING = 10
"""After so many lives one may last twice as long as the first."""

_MANNERS: tuple[Manner, ...] = get_args(Manner)
_WEIGHTS = (0, 12, 1, 2, 2, 1, 1)
_LINES = ("stopping", "scrape: interrupted")
"""What is said, even quietly, to whoever asks a crawl to end."""
_STARTING = ("Fatal Python error: init_", "Could not import runpy module", "<frozen runpy>")
_COMMAND = re.compile(r'__main__\.py", line \d+, in (main$|<module>\n +sys\.exit)', re.MULTILINE)
SHAKEN = 0.25
"""The share of lives to which something happens beside their end."""
_SHAKEN_LINES = ("scrape: postgres",)
_CODES = {0, 130, 143, -2, -9, -15}
_WORK = (
    "found",
    "asks",
    "prioritized_targets",
    "cool_down",
    "raw_html",
    "parsed",
    "validated",
    "failed",
)


@dataclass(frozen=True)
class Plan:
    """What a round is made of."""

    seed: int
    web: tuple[str, ...]
    delay_ms: int
    output: str
    """The name of the output file beside the state."""
    proxies: int
    slots: int
    proxy_delay_ms: int
    life_s: float
    """A life lasts up to so long after the command has started, where it is not a short one."""

    @property
    def options(self) -> tuple[str, ...]:
        """Those of the crawl."""
        pace = ("--delay", f"{self.delay_ms}ms", "--concurrency", f"{CONCURRENCY}")
        waits = ("--backoff", "50ms", "--backoff-max", "200ms", "--retries", f"{RETRIES}")
        return (*pace, *waits)


def plan_of(seed: int) -> Plan:
    """The plan of a seed.

    A brisk round has many requests in each life. A slow one has pauses longer than a process takes
    to start, so that what is left of them is seen to be waited out by the next one.
    """
    dice = random.Random(seed)
    slow = dice.random() < 0.35
    proxies = dice.choice((2, 4))
    web = [
        *("--seed", f"{seed}", "--fail", "0.1", "--retry-after", "2" if slow else "1"),
        *("--redirect", "0.05", "--redirect-kinds", "own,chain,other", "--slow", "0.02"),
        *("--trickle", "300ms", "--latency", "5ms", "--latency-spread", "30ms"),
        *("--proxies", f"{proxies}"),
    ]
    if slow:
        web += ["--hosts", "12", "--pages", "4", "--subdomains", f"{dice.choice((1, 2))}"]
        web += ["--robots", "delay,allow,redirected,absent", "--crawl-delay", "1500ms"]
        web += ["--busy-hosts", "2"]
    else:
        web += ["--hosts", "8", "--pages", "24"]
        web += ["--robots", "delay,disallow,redirected,absent", "--crawl-delay", "100ms"]
    return Plan(
        seed=seed,
        web=tuple(web),
        delay_ms=800 if slow else dice.choice((40, 60)),
        output=f"items.{dice.choice(('jsonl', 'jsonl', 'csv', 'db'))}",
        proxies=proxies,
        slots=dice.choice((1, 2, 8)),
        proxy_delay_ms=dice.choice((0, 40)),
        life_s=2.0 if slow else 0.8,
    )


@dataclass
class Result:
    """What came of a round."""

    deaths: int = 0
    manners: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    again: int = 0
    """Requests for pages that had been answered with success, and whose answers were lost."""
    firings: int = 0


class Round:
    """A round in a folder of its own, which is kept if it fails.

    Args:
        plan: what it is made of.
        folder: where the commands run.
        state: the words of the crawl's state: a file there, or an address on PostgreSQL.
        shake: something else that happens to some lives, which may end with an error of the state then.
    """

    def __init__(
        self,
        plan: Plan,
        folder: Path,
        state: str = "crawl.db",
        shake: Callable[[], None] | None = None,
    ) -> None:
        self.plan = plan
        self.folder = folder
        self._state = state
        self._shake = shake
        self._lives = Lives(folder, state)
        self._dice = random.Random(f"lives of {plan.seed}")
        self._result = Result()

    def run(self) -> Result:
        """Crawl, kill and judge; AssertionError for what must not be."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        log = self.folder / "wire.jsonl"
        with served(log, *self.plan.web) as web:
            self._crawl(web)
            self._result.firings = replayed(self._lives.state)
        self._check_end(log)
        shutil.rmtree(self.folder)
        return self._result

    def _crawl(self, web: Web) -> None:
        proxies = self._proxies(web.proxies)
        first = (*web.seeds, "--state", self._state, "-o", self.plan.output, "-q", *proxies)
        again = ("resume", self._state, "-q")
        for _ in range(LIVES):
            words = again if is_there(self._lives.state) else (*first, *self.plan.options)
            manner, seconds = self._fate()
            ended = self._life(words, manner, seconds)
            self._note(f"{manner} after {seconds:.3f} s: {ended}")
            if ended.code == 0:
                return
            self._check_death(ended)
            self._note(f"{self._lives.deaths[-1]}")
        raise AssertionError(f"not done after {LIVES} lives")

    def _life(self, words: Sequence[str], manner: Manner, seconds: float) -> Ended:
        if self._shake is not None and self._dice.random() < SHAKEN:
            self._result.manners["shaken"] += 1
            return self._lives.shaken(words, self._dice.uniform(0, self.plan.life_s), self._shake)
        self._result.manners[manner] += 1
        return self._lives.live(words, manner, seconds, dice=self._dice)

    def _proxies(self, names: Sequence[str]) -> tuple[str, ...]:
        if not names:
            return ()
        more = f"slots={self.plan.slots} delay={self.plan.proxy_delay_ms}ms"
        lines = "".join(f"{name} {more}\n" for name in names)
        (self.folder / "proxies.txt").write_text(lines)
        return ("--proxies", "proxies.txt")

    def _note(self, line: str) -> None:
        """For whoever looks at a round that has failed."""
        with (self.folder / "diary.txt").open("a", encoding="utf-8") as diary:
            diary.write(f"{line}\n")

    def _fate(self) -> tuple[Manner, float]:
        """How the next life ends: some while the command starts, opens its state or recovers."""
        (manner,) = self._dice.choices(_MANNERS, _WEIGHTS)
        if self._dice.random() < 0.25:
            return manner, self._dice.uniform(0, 1.2 * starting_s())
        # Later lives last longer, so that a crawl whose command starts slowly gets on, too.
        longest_s = self.plan.life_s * (1 + self._result.manners.total() / GROWING)
        return manner, starting_s() + self._dice.uniform(0, longest_s)

    # After each death.

    def _check_death(self, ended: Ended) -> None:
        shaken = self._shake is not None
        codes = _CODES | ({3} if shaken else set())
        lines = _LINES + (_SHAKEN_LINES if shaken else ())
        assert ended.code in codes or _before_it(ended.err), (ended.code, ended.err)
        for line in _said(ended.err):
            assert line.startswith(lines), ended.err
        assert len(self._lives.deaths[-1].lost) <= MOST_LOST
        if self._lives.books and self._dice.random() < 0.1:
            replayed(self._lives.state)

    # At the end.

    def _check_end(self, log: Path) -> None:
        book = self._lives.books[-1]
        header, requests = read_log(log)
        assert header.spec is not None
        reach = SyntheticWeb(header.spec).reach(scope="domain", attempts=RETRIES + 1)
        assert book.ends == dict.fromkeys(book.seen, 1), "not every URL has one end"
        assert set(book.stored) == set(reach), "other pages are stored than can be reached"
        assert not any(book.waiting[place] for place in _WORK)
        assert not book.flights
        self._check_items(book)
        self._check_wire(requests, tuple(reach))

    def _check_items(self, book: Book) -> None:
        urls = Counter(item["url"] for item in book.items)
        assert urls == book.stored, "the state has not each item once"
        kept = sorted(map(_cells, book.items))
        assert sorted(_read_output(self.folder / self.plan.output)) == kept

    def _check_wire(self, requests: Sequence[Request], reach: tuple[str, ...]) -> None:
        result = self._result
        rule = ProxyRule(slots=self.plan.slots, delay_ns=self.plan.proxy_delay_ms * MS)
        rules = Expectations(
            delay_ns=self.plan.delay_ms * MS,
            per_domain=1,
            proxy=rule,
            attempts=RETRIES + 1,
            pages=reach,
            deaths=tuple(self._lives.deaths),
        )
        verdict: Verdict = judge(requests, rules)
        assert not verdict.violations, [
            f"{each.guarantee} {each.kind}: {each.message} {each.lines}"
            for each in verdict.violations
        ]
        result.requests, result.deaths = len(requests), len(self._lives.deaths) - 1
        fetched = Counter(each.url for each in requests if each.fetched)
        result.again = sum(fetched.values()) - len(fetched)
        self._lives.check_wire(requests)


def _before_it(err: str) -> bool:
    """Whether a Ctrl-C came while Python was starting, before there was a command to hear it.

    Which is so until its `main` runs: before, `__main__.py` imports `signal`, to ask for quiet with.
    """
    return not _COMMAND.search(err) and any(sign in err for sign in _STARTING)


def _said(err: str) -> list[str]:
    """What the command itself has said, without what Python says of a Ctrl-C.

    Which is a traceback where it came before the command had begun, and a line about an ignored
    exception where it came while an event loop was made.
    """
    if _before_it(err):
        return []
    return err.partition("Exception ignored in")[0].splitlines()


_COLUMNS = ("url", "title")


def _cells(item: dict[str, object]) -> str:
    return json.dumps([item[name] or "" for name in _COLUMNS])


def _read_output(path: Path) -> list[str]:
    """The items of an output file, each as its cells."""
    if path.suffix == ".jsonl":
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        assert all(line.endswith("\n") for line in lines)
        return [_cells(json.loads(line)) for line in lines]
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return [_cells(row) for row in csv.DictReader(file)]
    with closing(sqlite3.connect(path)) as base:
        base.row_factory = sqlite3.Row
        return [_cells(dict(row)) for row in base.execute("SELECT * FROM items")]
