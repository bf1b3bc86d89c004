"""Decoding what a state stores about a crawl: named values, and rows of any kind.

Owns: reporting undecodable values as damage of the state. Must not know: which values there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import msgspec

from scraper_cpn.store.port import StoreError

_T = TypeVar("_T")


def read_value(
    metadata: Mapping[str, bytes], name: str, kind: type[_T], default: bytes | None = None
) -> _T:
    """The value called *name*, of a type; *default* is the JSON to use if it is missing.

    Raises:
        StoreError: the value is missing, or has another type.
    """
    written = metadata.get(name, default)
    if written is None:
        raise StoreError("damaged", f"its value {name} is missing")
    return _decoded(written, kind, f"its value {name}")


def read_value_or_none(metadata: Mapping[str, bytes], name: str, kind: type[_T]) -> _T | None:
    """The value called *name*; None if it is missing or null. Raises `StoreError`."""
    return None if metadata.get(name, b"null") == b"null" else read_value(metadata, name, kind)


def read_row(body: bytes, kind: type[_T]) -> _T:
    """Decode a row of a sink. Raises `StoreError` if it can't be decoded."""
    return _decoded(body, kind, "a row")


def _decoded(written: bytes, kind: type[_T], what: str) -> _T:
    try:
        return msgspec.json.decode(written, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError("damaged", f"{what} can't be read: {error}") from error


@contextmanager
def reading_rows() -> Iterator[None]:
    """Translate errors in decoding rows to tokens and firings into a `StoreError`."""
    try:
        yield
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError) as error:
        raise StoreError("damaged", f"a row can't be read: {error}; see scrape check") from error
