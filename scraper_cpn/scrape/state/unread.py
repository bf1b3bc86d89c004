"""The seeds that a crawl has not read yet, as text in its state.

Owns: how far they are read, reading on, and whether the text is still that of the input.
Must not know: SQL, what a seed is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct
from xxhash import xxh3_64_intdigest

from scraper_cpn.scrape.seeds import BLOCK_LINES, Block
from scraper_cpn.scrape.state.metadata import read_value
from scraper_cpn.store.port import StoreError, TextRow

TAKEN = "seeds_taken"
"""The value that says how many blocks were read."""
PIPE_OPEN = "seeds_pipe_open"
"""The value that says whether a pipe had more lines, or could have."""


class Texts(Protocol):
    """The part of a store or a reader that holds the text."""

    def texts(self, first: int, last: int | None = None) -> Iterator[TextRow]:
        """The blocks from number *first* on, up to *last*."""


class Input(Struct, frozen=True):
    """Seeds that are read while the crawl runs."""

    name: str
    """The file, for messages."""
    blocks: int
    lines: int
    checksum: int
    """Of all blocks; see `text_checksum`."""
    piped: bool = False
    """Whether they come through a pipe: the state has the blocks that were read, and the fields above say nothing."""


def text_checksum(texts: Iterable[TextRow]) -> int:
    """The checksum of blocks of text and their places: 64 bits of xxHash."""
    total = 0
    for line, body in texts:
        total = xxh3_64_intdigest(b"%d " % line + body.encode(), total)
    return total


def input_of(name: str, texts: Sequence[TextRow]) -> Input:
    """The record of an input that was cut into blocks."""
    lines = sum(body.count("\n") + (not body.endswith("\n")) for _, body in texts)
    return Input(name, len(texts), lines, text_checksum(texts))


def check_text(texts: Texts, given: Input, taken: int) -> None:
    """Raise `StoreError` unless all blocks are there and unchanged, those that were read and those that are left."""
    there = list(texts.texts(1))
    if given.piped:
        if len(there) != taken:
            raise StoreError(
                "damaged", f"the text of its seeds has {len(there)} blocks; {taken} were read"
            )
        return
    if len(there) != given.blocks or not 0 <= taken <= given.blocks:
        raise StoreError(
            "damaged",
            f"the text of its seeds has {len(there)} blocks, of which {taken} were read; there were {given.blocks}",
        )
    if text_checksum(there) != given.checksum:
        raise StoreError(
            "damaged", f"the text of its seeds has changed since it was read from {given.name}"
        )


class StateText:
    """The text of a run that is not read yet: an `Unread` in a store.

    Attributes:
        name: of the input.
        lines: how many lines are left.
        taken: how many blocks were read.
    """

    arriving = False

    def __init__(self, texts: Texts, given: Input, taken: int) -> None:
        self.name = given.name
        self.lines = max(0, given.lines - BLOCK_LINES * taken)
        self.taken = taken
        self._texts = texts
        self._blocks = given.blocks

    def take(self) -> Block | None:
        """The next block; None at the end. Raises `StoreError` if it is missing."""
        if self.taken >= self._blocks:
            return None
        row = next(self._texts.texts(self.taken + 1, self.taken + 1), None)
        if row is None:
            raise StoreError("damaged", f"block {self.taken + 1} of its seeds is missing")
        self.taken += 1
        self.lines = max(0, self.lines - BLOCK_LINES) if self.taken < self._blocks else 0
        return Block(*row)

    def before(self) -> Iterator[Block]:
        """The blocks that were read."""
        return (Block(*row) for row in self._texts.texts(1, self.taken))

    def after(self) -> Iterator[Block]:
        """The blocks that are left; they stay unread."""
        return (Block(*row) for row in self._texts.texts(self.taken + 1))


def unread(texts: Texts, metadata: Mapping[str, bytes], given: Input | None) -> StateText | None:
    """The text of a run that is not read yet; None if it had only the seeds that it began with."""
    if given is None:
        return None
    taken = read_value(metadata, TAKEN, int, b"0")
    if given.piped:
        given = Input(given.name, taken, taken * BLOCK_LINES, 0, piped=True)
    return StateText(texts, given, taken)
