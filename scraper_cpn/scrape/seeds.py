"""Seeds as text: the lines of an input, read in blocks, so that a crawl can start before all are read.

Owns: which lines are seeds, what is wrong with the others, and the text that is not read yet.
Must not know: the net, the command line, where the text is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from scraper_cpn.scrape.asking import ready
from scraper_cpn.scrape.colours import Link, url_of
from scraper_cpn.scrape.redact import hidden
from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.scrape.urls import origin_of, seed_url

AT_ONCE = 2_000
"""The most seeds of an input that are read before the crawl starts."""
BLOCK_LINES = 100
"""Lines that are read in one go while the crawl runs: some milliseconds."""
_BLOCK = re.compile(rf"(?:[^\n]*\n){{1,{BLOCK_LINES - 1}}}(?:[^\n]*\n|[^\n]+)?|[^\n]+")
_SHOWN_CHARS_MAX = 200
_BAD_SHOWN = 10


class Block(Struct, frozen=True):
    """Some lines of an input."""

    line: int
    """The number of the first one in the input, from 1 on."""
    text: str

    @property
    def lines(self) -> int:
        """How many lines it has."""
        return len(self.text.splitlines())


class BadSeed(Struct, frozen=True):
    """A line that is neither a seed nor a comment."""

    text: str
    """The line, without secrets, cut after `_SHOWN_CHARS_MAX` characters."""
    reason: str
    """One line, which begins with the place: `urls.txt:3: ...`."""


class Unread(Protocol):
    """The part of an input that is read while the crawl runs."""

    name: str
    """Of the input, for messages."""
    taken: int
    """How many blocks were read."""

    @property
    def lines(self) -> int:
        """How many lines are left, as far as that is known."""

    @property
    def arriving(self) -> bool:
        """Whether more may come, though `take` has nothing now."""

    def take(self) -> Block | None:
        """The next block; None if there is none now."""

    def before(self) -> Iterator[Block]:
        """The blocks that an earlier process has read."""

    def after(self) -> Iterator[Block]:
        """The blocks that are left, as far as they are known; they stay unread."""


class FailedRow(Struct):
    """The fields of a row of `--failed` that are used: an attempt of a URL."""

    url: str
    again: bool = True
    method: str = "GET"
    to: str = ""
    data: dict[str, Any] | None = None


class TextLines:
    """The lines of a text from an offset on.

    Args:
        name: of the input.
        text: all of it.
    """

    arriving = False

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.taken = 0
        self.lines = text.count("\n") + (not text.endswith("\n") and bool(text))
        self._text = text
        self._at = 0
        self._line = 1

    def take(self) -> Block | None:
        """The next block; None at the end. Lines end with a line feed: no other end cuts a block."""
        lines = _BLOCK.match(self._text, self._at)
        if lines is None:
            self.lines = 0
            return None
        block = Block(self._line, lines[0])
        self._at = lines.end()
        self._line += block.lines
        self.lines = max(0, self.lines - BLOCK_LINES)
        self.taken += 1
        return block

    def before(self) -> Iterator[Block]:
        """Nothing: there was no earlier process."""
        return iter(())

    def after(self) -> Iterator[Block]:
        """The blocks that are left; they stay unread."""
        rest = copy(self)
        while (block := rest.take()) is not None:
            yield block


def blocks_of(text: str, line: int) -> Iterator[Block]:
    """Cut a text into blocks; *line* is the number of its first line."""
    for lines in _BLOCK.finditer(text):
        block = Block(line, lines[0])
        line += block.lines
        yield block


class SeedList(Struct, frozen=True):
    """The seeds that a user gave."""

    urls: tuple[str | Link, ...]
    """The seeds that are read before the crawl starts, normalised."""
    bad: tuple[BadSeed, ...] = ()
    """Lines that are not URLs, if such lines are to be skipped."""
    unread: Unread | None = None
    """More, to be read while the crawl runs."""


def seeds_in(name: str, block: Block) -> Iterator[str | Link | BadSeed]:
    """Yield the seeds (normalised) and the bad lines of a block; blank lines and `#` comments are neither.

    A line is a URL, or a row of `--failed`, which counts if it is worth a retry; then with its data and its handler.
    """
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        source = line.strip()
        if not source or source.startswith("#"):
            continue
        place = f"{name}:{number}"
        try:
            row = _row_of(place, source)
            if row.again and row.method == "GET":
                yield _seed_of(row, place)
        except UsageError as error:
            yield BadSeed(hidden(source)[:_SHOWN_CHARS_MAX], str(error))


def _seed_of(row: FailedRow, place: str) -> str | Link:
    """The seed of a row. Raises `UsageError`."""
    url = seed_url(row.url, place)
    if not (row.to or row.data):
        return url
    try:
        link = ready(Link(url, row.to, data=row.data))
    except ValueError as error:
        raise UsageError(f"{place}: this is not a row of a --failed file: {error}") from None
    return url if link is None else link


def read_first(text: Unread, most: int) -> tuple[list[str | Link], list[BadSeed]]:
    """Read the first seeds and bad lines of a text: at least *most* seeds, or all."""
    urls, bad = list[str | Link](), list[BadSeed]()
    while len(urls) < most and (block := text.take()) is not None:
        for seed in seeds_in(text.name, block):
            if isinstance(seed, BadSeed):
                bad.append(seed)
            else:
                urls.append(seed)
    return urls, bad


def refusal(bad: Sequence[BadSeed]) -> UsageError:
    """The error that names bad lines, for a user who can still correct them."""
    if len(bad) == 1:
        return UsageError(bad[0].reason)
    reasons = [each.reason for each in bad[:_BAD_SHOWN]]
    more = [f"and {len(bad) - _BAD_SHOWN} more"] if len(bad) > _BAD_SHOWN else []
    return UsageError(
        f"{len(bad)} lines are not URLs: {'; '.join(reasons + more)}; correct them, or --skip-bad-seeds"
    )


def origins_in(name: str, text: Iterable[Block]) -> Iterator[str]:
    """Yield the origins of the seeds in some blocks, with few repetitions.

    Cost: below a microsecond for a line whose start, up to its path, was seen before.
    """
    known = set[str]()
    for block in text:
        fresh = [line for line in block.text.splitlines() if _is_new(line, known)]
        for seed in seeds_in(name, Block(block.line, "\n".join(fresh))):
            if not isinstance(seed, BadSeed):
                yield origin_of(url_of(seed))


def _is_new(line: str, known: set[str]) -> bool:
    """Whether no earlier line had the same scheme and host, as they are written. Rows of JSON are always new."""
    start = line if line.startswith("{") else "/".join(line.split("/", 3)[:3])
    if start in known:
        return False
    if start is not line:
        known.add(start)
    return True


def _row_of(place: str, line: str) -> FailedRow:
    """Return the row of `--failed` that a line is, or one of its URL. Raises `UsageError`."""
    if not line.startswith("{"):
        return FailedRow(line)
    try:
        return msgspec.json.decode(line, type=FailedRow)
    except msgspec.DecodeError as error:
        raise UsageError(f"{place}: this is not a row of a --failed file: {error}") from None
