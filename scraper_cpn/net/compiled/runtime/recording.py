"""What has changed in a compiled kernel since the last report, for a store.

Owns: `Recording`. A token that came and went between two reports leaves no trace.
Must not know: nets, stores.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from scraper_cpn.net.compiled.runtime.lines import Flight

__all__ = ["Recording"]


class Recording:
    """The changes since the last report.

    Generated source puts into `born`, `changed`, `met`, `begun` and `aside` itself. The functions are made once, over the
    tables: so that a call looks up nothing but them.

    Attributes:
        born: place and token by serial, of tokens that came.
        gone: the same of tokens that had been reported before, and went.
        changed: counters and keys whose number may have changed for good.
        met: sets and their new keys, in order.
        unmet: sets and keys that had been reported before, and were removed.
        begun: firings in flight by id, not reported yet, or started since.
        ended: ids of firings that had been reported before, and ended.
        aside: tokens that were set aside.
        reported: the ids of the firings in flight that were reported.
        lose: notes that a token has left a place.
        unmeet: notes that a set has forgotten a key.
        forget: notes that a firing has ended.
    """

    def __init__(self) -> None:
        self.born: dict[int, tuple[str, Any]] = {}
        self.gone: dict[int, tuple[str, Any]] = {}
        self.changed: dict[tuple[str, Hashable], None] = {}
        self.met: dict[tuple[str, Hashable], None] = {}
        self.unmet: dict[tuple[str, Hashable], None] = {}
        self.begun: dict[int, Flight] = {}
        self.ended: list[int] = []
        self.aside: list[Any] = []
        self.reported: dict[int, None] = {}
        self.lose = _losing(self.born, self.gone)
        self.unmeet = _unmeeting(self.met, self.unmet)
        self.forget = _forgetting(self.begun, self.reported, self.ended)

    def clear(self) -> None:
        """Begin anew, after a report of all this."""
        self.reported.update(dict.fromkeys(self.begun))
        for each in (self.born, self.gone, self.changed, self.met, self.unmet, self.begun):
            each.clear()
        self.ended.clear()
        self.aside.clear()


def _losing(
    born: dict[int, tuple[str, Any]], gone: dict[int, tuple[str, Any]]
) -> Callable[[str, Any], None]:
    def lose(place: str, token: Any) -> None:
        if born.pop(token.serial, None) is None:
            gone[token.serial] = (place, token)

    return lose


def _unmeeting(
    met: dict[tuple[str, Hashable], None], unmet: dict[tuple[str, Hashable], None]
) -> Callable[[str, Hashable], None]:
    def unmeet(name: str, key: Hashable) -> None:
        if met.pop((name, key), True) is True:
            unmet[name, key] = None

    return unmeet


def _forgetting(
    begun: dict[int, Flight], reported: dict[int, None], ended: list[int]
) -> Callable[[int], None]:
    def forget(firing_id: int) -> None:
        begun.pop(firing_id, None)
        if reported.pop(firing_id, True) is None:
            ended.append(firing_id)

    return forget
