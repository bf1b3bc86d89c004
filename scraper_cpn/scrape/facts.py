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
    try:
        written = facts[name] if default is None else facts.get(name, default)
        return msgspec.json.decode(written, type=kind)
    except KeyError:
        raise StoreError("damaged", f"its fact {name} is missing") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError("damaged", f"its fact {name} can't be read: {error}") from error


@contextmanager
def reading_rows() -> Iterator[None]:
    """Turn what goes wrong when rows become tokens and firings again into a `StoreError`."""
    try:
        yield
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError) as error:
        raise StoreError("damaged", f"a row can't be read: {error}; see scrape check") from error
