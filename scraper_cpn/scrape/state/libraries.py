"""Versions of the libraries that influence a crawl's decisions.

Owns: the list of these libraries, recording their versions, and comparing them.
Must not know: what they decide, the net.

Their past results are stored (a target's domain and origin, robots.txt as it was received), so that a crawl
can be resumed with other versions, which only decide what is new. The journal differs: it has inputs only,
and other versions may replay it to another marking. Therefore the versions that wrote it are recorded.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import msgspec

from scraper_cpn.scrape.state.metadata import read_value

FACT = "libraries"
"""The key of the value: one entry for each change of versions, with the batch after which it counts."""

_DECIDING = ("ada-url", "publicsuffixlist")
"""The libraries that give a URL's normal form, and the domain of a host."""

History = list[tuple[int, dict[str, str]]]


@cache
def versions() -> dict[str, str]:
    """The versions in this process, including Python's (its regular expressions filter links). Cost: 10 ms, once."""
    return {"Python": platform.python_version()} | {name: _version(name) for name in _DECIDING}


def with_versions(metadata: Mapping[str, bytes], seq: int) -> bytes:
    """The value with the versions that count after batch *seq*."""
    history = read_value(metadata, FACT, History, b"[]")
    if not history or history[-1][1] != versions():
        history.append((seq, versions()))
    return msgspec.json.encode(history)


def others_since(metadata: Mapping[str, bytes], seq: int) -> list[str]:
    """The differences between this process's libraries and those that wrote the journal after batch *seq*."""
    history = read_value(metadata, FACT, History, b"[]")
    before = [row for row in history if row[0] <= seq][-1:]
    found = {
        f"{name} was {then}, is {versions().get(name, 'missing')}": None
        for _, known in [*before, *(row for row in history if row[0] > seq)]
        for name, then in known.items()
        if versions().get(name) != then
    }
    return list(found)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "unknown"
