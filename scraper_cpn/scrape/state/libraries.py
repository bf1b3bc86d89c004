"""The libraries that decide something in a crawl, by version.

Owns: which they are, what is written of them, and what differs.
Must not know: what they decide, the net.

What they have decided is kept (a target's domain and origin, robots.txt as it came), so that a crawl goes on
with other versions; they decide what is new. A journal is another matter: it has inputs only, and other versions
may lead it elsewhere. So it is known which ones wrote it.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import msgspec

from scraper_cpn.scrape.state.metadata import fact

FACT = "libraries"
"""The name of the fact: after which batch, and which versions; a row for each time that they changed."""

_DECIDING = ("ada-url", "publicsuffixlist")
"""Of a URL's normal form, of the domain of a host."""

History = list[tuple[int, dict[str, str]]]


@cache
def versions() -> dict[str, str]:
    """The versions of this process, Python's included (its regular expressions filter links). Cost: 10 ms, once."""
    return {"Python": platform.python_version()} | {name: _version(name) for name in _DECIDING}


def with_versions(facts: Mapping[str, bytes], seq: int) -> bytes:
    """The fact with the versions that count after batch *seq*."""
    history = fact(facts, FACT, History, b"[]")
    if not history or history[-1][1] != versions():
        history.append((seq, versions()))
    return msgspec.json.encode(history)


def others_since(facts: Mapping[str, bytes], seq: int) -> list[str]:
    """In which libraries those that wrote the journal after batch *seq* differ from those of this process."""
    history = fact(facts, FACT, History, b"[]")
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
