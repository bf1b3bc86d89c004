"""What a state has of a crawl, read back: named values, and rows of any kind.

Owns: that what can't be read is damage of the state. Must not know: which values there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from scraper_cpn.store.port import StoreError

_T = TypeVar("_T")


def fact(facts: Mapping[str, bytes], name: str, kind: type[_T], default: bytes | None = None) -> _T:
    """The value called *name*, of a type; *default* is the JSON of one that may be missing.

    Raises:
        StoreError: it is not there, or is no such value.
    """
    written = facts.get(name, default)
    if written is None:
        raise StoreError("damaged", f"its fact {name} is missing")
    return _decoded(written, kind, f"its fact {name}")


def fact_or_none(facts: Mapping[str, bytes], name: str, kind: type[_T]) -> _T | None:
    """The value called *name*; None where it is missing or null. Raises `StoreError`."""
    return None if facts.get(name, b"null") == b"null" else fact(facts, name, kind)


def read_row(body: bytes, kind: type[_T]) -> _T:
    """A row of a sink again. Raises `StoreError` for one that can't be read."""
    return _decoded(body, kind, "a row")


def _decoded(written: bytes, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.json.decode(written, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError("damaged", f"{what} can't be read: {error}") from error


@contextmanager
def reading_rows() -> Iterator[None]:
    """Turn what goes wrong when rows become tokens and firings again into a `StoreError`."""
    try:
        yield
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError) as error:
        raise StoreError("damaged", f"a row can't be read: {error}; see scrape check") from error
