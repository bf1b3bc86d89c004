"""Where tokens are: places, sinks, counters and sets, as declared.

Owns: the four kinds of place. A place carries the type of its tokens, so that mypy checks what is
wired to it. Made by the methods of `Net`.
Must not know: arcs, transitions, how anything is executed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from scraper_cpn.net.shares import Share

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Place(Generic[T]):
    """A place of tokens of one colour. Made by `Net.place`."""

    net: str
    name: str
    colour: type[T]
    keys: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    capacity: int | None = None
    timed: bool = False
    expires: bool = False
    source: bool = False
    work: bool = False
    budget: bool = False
    paged: bool = False
    share: Share | None = None

    @property
    def by_time(self) -> bool:
        """Whether its tokens go in the order in which they become ready: those of a timed place that is paged."""
        return self.timed and self.paged

    def __repr__(self) -> str:
        return f"<place {self.name} of {self.colour.__name__}>"


@dataclass(frozen=True, eq=False)
class Sink(Place[T]):
    """A place whose tokens leave at once as rows; never full. Made by `Net.sink`."""

    def __repr__(self) -> str:
        return f"<sink {self.name} of {self.colour.__name__}>"


@dataclass(frozen=True, eq=False)
class Counter:
    """A number of equal, nameless tokens, plain or one number per key. Made by `Net.counter`."""

    net: str
    name: str
    keys: tuple[str, ...] = ()
    start: int | Callable[[Any], int] = 0
    budget: bool = False
    share: Share | None = None
    unless: Place[Any] | None = None

    def __repr__(self) -> str:
        return f"<counter {self.name}>"

    def first(self, key: Hashable) -> int:
        """The number that *key* starts with (the plain counter's key is None).

        A start function that raises, or gives no integer from 0 up, stops nothing: the number is 0.
        """
        return self._begin(key)[0]

    def fault(self, key: Hashable) -> str:
        """The error of the start function for *key*, in one line; empty if there was none."""
        return self._begin(key)[1]

    def _begin(self, key: Hashable) -> tuple[int, str]:
        if not callable(self.start):
            return self.start, ""
        try:
            number = self.start(key)
        except Exception as error:  # noqa: BLE001  (the user's function may raise anything)
            return 0, f"{type(error).__name__}: {error}".splitlines()[0]
        if type(number) is not int or number < 0:
            return 0, f"TypeError: a number starts as an integer from 0 up, not {number!r}"
        return number, ""


@dataclass(frozen=True, eq=False)
class KeySet(Generic[T]):
    """The keys seen so far, and not removed. Made by `Net.set`."""

    net: str
    name: str
    colour: type[T]
    keys: tuple[str, ...]
    paged: bool = False
    share: Share | None = None

    def __repr__(self) -> str:
        return f"<set {self.name} of {self.colour.__name__}>"


AnyPlace = Place[Any] | Counter | KeySet[Any]
