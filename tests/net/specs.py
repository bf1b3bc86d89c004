"""Specs of random nets: what is declared, as data, and the user's functions, each made from a number.

A spec is data, so that a failing example can be read. About every fourth function raises on some
tokens; those of times give nonsense on some.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal


@dataclass(frozen=True)
class Job:
    host: int
    site: int
    rank: int
    n: int

    @property
    def tag(self) -> str:
        return f"h{self.host}"


@dataclass(frozen=True)
class Host:
    host: int
    site: int
    rank: int
    n: int

    @property
    def tag(self) -> str:
        return f"h{self.host}"


@dataclass(frozen=True)
class Spot:
    site: int
    rank: int
    n: int


@dataclass(frozen=True)
class Good:
    n: int


@dataclass(frozen=True)
class Bad:
    n: int


COLOURS: dict[str, type[Any]] = {"Job": Job, "Host": Host, "Spot": Spot}
KEYS = {"Job": ("host", "site"), "Host": ("host", "site"), "Spot": ("site",)}
OUTCOMES = (Good, Bad)
END = 14
"""Tokens whose `n` would pass this are not made any more, so that a run dies out."""

Maker = Callable[..., Any]
"""A function of the user."""


def colour(kind: type[Any], n: int, mix: int = 0) -> Any:
    """A token's colour, all of whose fields follow from two numbers."""
    fields = {"site": (n + mix) % 2, "rank": (n * 5 + mix) % 3, "n": n}
    return kind(**fields) if kind is Spot else kind(host=(n // 2 + mix) % 3 // 2, **fields)


# Specs.


@dataclass(frozen=True)
class PlaceSpec:
    name: str
    kind: Literal["place", "sink", "counter", "set"]
    colour: str = "Job"
    keys: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    capacity: int | None = None
    timed: bool = False
    expires: bool = False
    source: bool = True
    work: bool = False
    budget: bool = False
    start: int = 1
    lazy: bool = False
    paged: bool = False


@dataclass(frozen=True)
class ArcSpec:
    kind: str
    place: str
    early: bool = False
    when: int | None = None
    change: int | None = None
    after: int | tuple[int] = 0
    """A tuple: a function, made from that number."""
    count: int | tuple[int] = 1
    """A tuple: a function of the key, made from that number."""
    all: bool = False
    in_use: bool = False


@dataclass(frozen=True)
class OutputSpec:
    kind: str
    place: str
    make: int | None = None
    sources: tuple[str, ...] = ()
    after: int | tuple[int] = 0
    lasts: int | tuple[int] | None = None
    seen: str = ""
    count: int = 1


@dataclass(frozen=True)
class TransitionSpec:
    name: str
    kind: Literal["plain", "choice", "effect"]
    arcs: tuple[ArcSpec, ...]
    cases: tuple[tuple[OutputSpec, ...], ...]
    """For a plain one, one case; for an effect, the last is for `Lost`."""
    priority: int = 0
    during: str = ""
    deadline: int | None = None
    scan: int | None = None
    picks: int = 0
    """Of a choice, what it is made from."""
    join: tuple[str, ...] | None = None
    before: Any = None
    """What it was before it was given more, to go back to where that breaks a rule."""
    attempts: int = 1
    pause: int | tuple[int] = 0
    retry_bad: bool = False
    shows: tuple[tuple[str, int], ...] = ()
    """Places that show further inputs, each with the number of the arc."""
    manual: bool = field(default=False, repr=False)
    """Not in the text of a spec, by which the other features are drawn."""


@dataclass(frozen=True)
class NetSpec:
    places: tuple[PlaceSpec, ...]
    transitions: tuple[TransitionSpec, ...]


# The user's functions, each made from a number; about every fourth raises on some tokens.


def flat(sources: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a function is given, without the tuples of arcs that bind several tokens."""
    several = (source if isinstance(source, tuple) else (source,) for source in sources)
    return tuple(token for tokens in several for token in tokens)


def maker(kind: type[Any], seed: int) -> Maker:
    """An output function: gives one token, several, or none; may raise."""

    def make(*sources: Any) -> Any:
        n = sum(source.n for source in flat(sources) if hasattr(source, "n")) + 1
        if seed % 4 == 0 and n % 7 == 3:
            raise ValueError(f"made nothing of {n}")
        if n > END or (seed % 3 == 0 and n % 4 == 1):
            return None
        if seed % 5 == 0:
            return [colour(kind, n, seed), colour(kind, n + 1, seed)][: n % 3]
        return colour(kind, n, seed)

    return make


def changer(kind: type[Any], seed: int) -> Maker:
    """What a spent token becomes: another, itself, nothing; may raise."""

    def change(token: Any) -> Any:
        if seed % 4 == 0 and token.n % 5 == 2:
            raise ValueError(f"kept nothing of {token.n}")
        if token.n >= END or (seed % 4 == 1 and token.n % 3 == 0):
            return None
        return token if seed % 3 == 0 else replace(token, n=token.n + 1, rank=seed % 3)

    return change


def guard(seed: int) -> Maker:
    """A guard on one token; may raise."""

    def passes(token: Any) -> bool:
        if seed % 5 == 0 and token.n % 7 == 5:
            raise ValueError(f"no guard for {token.n}")
        return bool((token.n + seed) % 3)

    return passes


def length(of: int | tuple[int]) -> Any:
    """A length of time, or a function that gives one, or raises, or gives nonsense."""
    if isinstance(of, int):
        return of
    seed = of[0]

    def lasts(*sources: Any) -> Any:
        n = sum(source.n for source in flat(sources) if hasattr(source, "n"))
        if seed % 4 == 0 and n % 6 == 4:
            return -n
        return (n * 3 + seed) % 7

    return lasts


def first(seed: int) -> Callable[[Any], int]:
    """What a keyed counter starts with; may raise."""

    def start(key: Any) -> int:
        keys = key if isinstance(key, tuple) else (key,)
        number = sum(int(each[1:]) if isinstance(each, str) else each for each in keys)
        if seed % 3 == 0 and number == 1:
            raise ValueError(f"no start for {key}")
        return int((number + seed) % 3)

    return start


def needing(seed: int) -> Callable[[Any], int]:
    """How many tokens of a key an arc needs; may raise, or give nonsense."""

    def needs(key: Any) -> int:
        number = sum(ord(each) for each in repr(key))
        if seed % 6 == 0 and number % 5 == 1:
            raise ValueError(f"no number for {key}")
        return int((number + seed) % 4) if seed % 5 == 0 else 1 + int((number + seed) % 3)

    return needs


def pausing(seed: int) -> Callable[[int], Any]:
    """How long to wait after an attempt; may raise, or give nonsense."""

    def pause(attempt: int) -> Any:
        if seed % 5 == 0 and attempt == 2:
            raise ValueError("no pause")
        return -1 if seed % 7 == 0 else (attempt * 3 + seed) % 6

    return pause


def picker(seed: int) -> Maker:
    """A choice; may raise, or pick what is no outcome."""

    def pick(*tokens: Any) -> Any:
        n = sum(token.n for token in flat(tokens))
        if seed % 4 == 0 and n % 6 == 1:
            return n
        return Good(n) if (n + seed) % 3 else Bad(n)

    pick.__annotations__["return"] = Good | Bad
    return pick


def scanner(seed: int) -> Maker:
    """A guard over several tokens; may raise."""

    def scan(*tokens: Any) -> bool:
        n = sum(token.n for token in flat(tokens))
        if seed % 4 == 0 and n % 6 == 5:
            raise ValueError(f"no scan of {n}")
        return bool((n + seed) % 3)

    return scan
