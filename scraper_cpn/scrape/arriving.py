"""Seeds that are not all there when a crawl starts: lines that come through a pipe, URLs of an iterator.

Owns: reading them, in blocks of lines, as they come or as they are wanted.
Must not know: the net, the command line, which lines are seeds.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from select import select
from threading import Condition, Thread

from scraper_cpn.scrape.colours import Link
from scraper_cpn.scrape.seeds import AT_ONCE, BLOCK_LINES, Block, blocks_of
from scraper_cpn.scrape.settings import UsageError

QUIET_S = 0.2
"""A crawl starts with what has come, once nothing more has come for so long."""
_CHUNK_BYTES = 1 << 16
_BLOCKS_MAX = 1_000
"""More are left in the pipe: who writes there has to wait."""
LINE_BYTES_MAX = 1_000_000
"""A longer line is no URL; what follows in it is not kept."""
MARK = b"\xef\xbb\xbf"
"""The byte order mark of UTF-8."""
_NOT_UTF8 = "(not UTF-8) "
_NO_MORE = "(the rest is lost) "
_NO_URL = "(no URL) "
_TOO_LONG = f"(a line of more than {LINE_BYTES_MAX:,} bytes) "
_START_BYTES = 100
"""So much is shown of a line that is too long."""


class ArrivingLines:
    """The lines of a pipe, which a thread reads: an `Unread` that may have nothing now, and more later.

    Args:
        name: of the input.
        descriptor: of the pipe. It is not closed.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self.taken = 0
        self.on_arrival: Callable[[], None] = lambda: None
        """Is called in the thread when something has come, or the end."""
        self._descriptor = descriptor
        self._blocks: deque[Block] = deque()
        self._line = 1
        self._ended = False
        self._changed = Condition()
        Thread(target=self._read, name="seeds", daemon=True).start()

    @property
    def lines(self) -> int:
        """How many lines have come and are left."""
        return sum(block.lines for block in list(self._blocks))

    @property
    def arriving(self) -> bool:
        """Whether more lines are there, or may come."""
        return bool(self._blocks) or not self._ended

    def tell(self, on_arrival: Callable[[], None]) -> None:
        """Have a function called, in another thread, when something has come, or the end."""
        self.on_arrival = on_arrival

    def gather(self, most_lines: int) -> None:
        """Wait for the end, for so many lines, or for a pause in which nothing comes after the first ones."""
        with self._changed:
            while not self._ended and self.lines < most_lines:
                if not self._changed.wait(QUIET_S if self._blocks else None):
                    return

    def take(self) -> Block | None:
        """The next block that has come; None if there is none now."""
        with self._changed:
            if not self._blocks:
                return None
            self.taken += 1
            self._changed.notify_all()
            return self._blocks.popleft()

    def before(self) -> Iterator[Block]:
        """Nothing: there was no earlier process."""
        return iter(())

    def after(self) -> Iterator[Block]:
        """Those that have come; what will come, nobody knows."""
        return iter(list(self._blocks))

    def _read(self) -> None:
        first = True
        for lines in _whole_lines(self._chunks()):
            self._put(lines, first=first)
            first = False
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        self.on_arrival()

    def _chunks(self) -> Iterator[bytes]:
        """Yield what comes. An error ends it with a line that is no URL."""
        try:
            while chunk := self._chunk():
                yield chunk
        except OSError as error:
            yield f"\n{_NO_MORE}{error}".encode()

    def _chunk(self) -> bytes:
        while True:
            try:
                return os.read(self._descriptor, _CHUNK_BYTES)
            except BlockingIOError:  # another process that has the pipe, too, made it so
                select([self._descriptor], [], [])

    def _put(self, lines: bytes, *, first: bool) -> None:
        if not lines:
            return
        text = decoded(lines.removeprefix(MARK) if first else lines)
        with self._changed:
            self._changed.wait_for(lambda: len(self._blocks) < _BLOCKS_MAX)
            for block in blocks_of(text, self._line):
                self._blocks.append(block)
                self._line += block.lines
            self._changed.notify_all()
        self.on_arrival()


class KeptLines:
    """The lines of a pipe, as an `Unread` whose blocks a state writes down as they are taken.

    Attributes:
        taken: how many blocks were taken since the crawl began.
        taken_texts: number, first line and text of those that are not written down yet.
    """

    def __init__(self, pipe: ArrivingLines) -> None:
        self.name = pipe.name
        self.taken = 0
        self.taken_texts: list[tuple[int, int, str]] = []
        self._pipe = pipe

    @property
    def lines(self) -> int:
        """How many lines have come and are left."""
        return self._pipe.lines

    @property
    def arriving(self) -> bool:
        """Whether more lines are there, or may come."""
        return self._pipe.arriving

    def tell(self, on_arrival: Callable[[], None]) -> None:
        """Have a function called, in another thread, when something has come, or the end."""
        self._pipe.tell(on_arrival)

    def take(self) -> Block | None:
        """The next block that has come; None if there is none now."""
        block = self._pipe.take()
        if block is not None:
            self.taken += 1
            self.taken_texts.append((self.taken, block.line, block.text))
        return block

    def drain(self) -> list[tuple[int, int, str]]:
        """Take `taken_texts`."""
        texts, self.taken_texts = self.taken_texts, []
        return texts

    def before(self) -> Iterator[Block]:
        """Nothing: there was no earlier process."""
        return iter(())

    def after(self) -> Iterator[Block]:
        """Those that have come; what will come, nobody knows."""
        return self._pipe.after()


class PulledUrls:
    """The URLs of an iterator, which are asked for as the crawl can use them: an `Unread`.

    Asking for one holds up the crawl as long as that takes. What is no URL becomes a line that is none.
    """

    name = "seeds"
    lines = 0
    """Nobody knows how many are left."""

    def __init__(self, urls: Iterable[object], line: int) -> None:
        self.taken = 0
        self.arriving = True
        """Whether it has not come to its end yet."""
        self._urls = iter(urls)
        self._line = line

    def take(self) -> Block | None:
        """The next block; None at the end."""
        lines = [_line_of(url) for url in islice(self._urls, BLOCK_LINES)]
        self.arriving = len(lines) == BLOCK_LINES
        if not lines:
            return None
        block = Block(self._line, "\n".join((*lines, "")))
        self._line += len(lines)
        self.taken += 1
        return block

    def before(self) -> Iterator[Block]:
        """Nothing: there was no earlier process."""
        return iter(())

    def after(self) -> Iterator[Block]:
        """Nothing: what it would yield next, nobody knows."""
        return iter(())


def first_and_rest(
    given: Sequence[str | Link | Iterable[str | Link]],
) -> tuple[list[str | Link], PulledUrls | None]:
    """Return the seeds with which a crawl starts, and those of a single iterable that are pulled later, if there are more.

    Raises `UsageError` for iterables beside other seeds.
    """
    if len(given) == 1 and not isinstance(given[0], str | Link):
        urls = iter(given[0])
        first = list(islice(urls, AT_ONCE))
        more = list(islice(urls, 1))
        return first, PulledUrls(chain(more, urls), AT_ONCE + 1) if more else None
    seeds = [each for each in given if isinstance(each, str | Link)]
    if len(seeds) < len(given):
        raise UsageError("seeds: give URLs and links, or one iterable of them")
    return seeds, None


def _whole_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what comes in whole lines. One that is too long becomes one that says so, and is not kept."""
    rest, cut = b"", False
    for chunk in chunks:
        more = chunk
        if cut:
            _, end, more = chunk.partition(b"\n")
            cut = not end
        whole, end, rest = (rest + more).rpartition(b"\n")
        if len(rest) > LINE_BYTES_MAX:
            end += f"{_TOO_LONG}{rest[:_START_BYTES].decode(errors='backslashreplace')}\n".encode()
            rest, cut = b"", True
        if end:
            yield whole + end
    if rest:
        yield rest


def decoded(lines: bytes) -> str:
    """The text of whole lines; one that is not UTF-8 becomes one that is no URL."""
    try:
        return lines.decode()
    except UnicodeDecodeError:
        return "".join(map(_line_decoded, lines.splitlines(keepends=True)))


def _line_decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return _NOT_UTF8 + line.decode(errors="backslashreplace")


def _line_of(url: object) -> str:
    text = " ".join(str(url).split())
    return text if "://" in text else f"{_NO_URL}{text}"
