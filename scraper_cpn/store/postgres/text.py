r"""Texts in PostgreSQL, which can't hold the character NUL.

Owns: writing NUL as two characters, and reading it back. The order of texts by their bytes stays as it is:
`\x00` becomes `\x01` and `0`, and so `\x01` becomes `\x01` and `1`.
Must not know: tables.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any


def kept(text: str) -> str:
    """A text as it is kept."""
    return text.replace("\1", "\0011").replace("\0", "\0010")


def read(text: str) -> str:
    """A text that was kept, as it was given."""
    return text.replace("\0010", "\0").replace("\0011", "\1")


def all_kept(texts: Sequence[str]) -> Sequence[str]:
    """Texts as they are kept. Cost: a look at each, where there is nothing to replace."""
    together = "".join(texts)
    if "\0" in together or "\1" in together:
        return [kept(text) for text in texts]
    return texts


def rows_read(rows: Sequence[tuple[Any, ...]], texts: Collection[int]) -> Sequence[tuple[Any, ...]]:
    """Rows as they were given; *texts* are the columns that hold texts."""
    if not any("\1" in row[column] for row in rows for column in texts):
        return rows
    return [
        tuple(read(value) if column in texts else value for column, value in enumerate(row))
        for row in rows
    ]
