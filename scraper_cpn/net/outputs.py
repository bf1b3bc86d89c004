"""What a firing puts: output arcs and outcomes.

Owns: the words `put`, `put_new`, `remove`, `consume`, `on`, and the built-in outcome `Lost`; all of it plain data.
Must not know: how a net is executed.

Typing: an output names the places (or the outcome) from which its function makes the new token, so
that mypy checks the whole way: `put(jobs, again, jobs, Down)` wants `again(job: Job, down: Down) -> Job`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, overload

from scraper_cpn.net.arcs import A, Arc, B, C, D, E, Fn, T
from scraper_cpn.net.places import AnyPlace, Counter, KeySet, Place


@dataclass(frozen=True, eq=False)
class Lost:
    """The outcome of an effect that crashed, was cancelled, or took longer than its deadline.

    Attributes:
        reason: one line for people.
        detail: a traceback, where there is one.
    """

    reason: str
    detail: str = ""


Source: TypeAlias = Place[A] | Arc[A] | Counter | type[A]


Made: TypeAlias = T | Iterable[T] | None


@dataclass(frozen=True, eq=False)
class Output:
    """An output arc: `put`, `put_new`, `remove` or `consume`."""

    kind: Literal["put", "put_new", "remove", "consume"]
    place: AnyPlace
    make: Fn | None = None
    sources: tuple[Any, ...] = ()
    after_ns: int | Fn = 0
    lasts_ns: int | Fn | None = None
    seen: KeySet[Any] | None = None
    count: int = 1
    """By how much a counter goes up."""

    def __str__(self) -> str:
        return f"{self.kind}({self.place.name})"


@overload
def put(place: Place[Any], /, *, after_ns: int = 0, lasts_ns: int | None = None) -> Output: ...


@overload
def put(place: Counter, count: int = 1, /) -> Output: ...


@overload
def put(
    place: Place[T],
    make: Callable[[], Made[T]],
    /,
    *,
    after_ns: int | Callable[[], int] = 0,
    lasts_ns: int | Callable[[], int] | None = None,
) -> Output: ...


@overload
def put(
    place: Place[T],
    make: Callable[[A], Made[T]],
    a: Source[A],
    /,
    *,
    after_ns: int | Callable[[A], int] = 0,
    lasts_ns: int | Callable[[A], int] | None = None,
) -> Output: ...


@overload
def put(
    place: Place[T],
    make: Callable[[A, B], Made[T]],
    a: Source[A],
    b: Source[B],
    /,
    *,
    after_ns: int | Callable[[A, B], int] = 0,
    lasts_ns: int | Callable[[A, B], int] | None = None,
) -> Output: ...


@overload
def put(
    place: Place[T],
    make: Callable[[A, B, C], Made[T]],
    a: Source[A],
    b: Source[B],
    c: Source[C],
    /,
    *,
    after_ns: int | Callable[[A, B, C], int] = 0,
    lasts_ns: int | Callable[[A, B, C], int] | None = None,
) -> Output: ...


@overload
def put(
    place: Place[T],
    make: Callable[[A, B, C, D], Made[T]],
    a: Source[A],
    b: Source[B],
    c: Source[C],
    d: Source[D],
    /,
    *,
    after_ns: int | Callable[[A, B, C, D], int] = 0,
    lasts_ns: int | Callable[[A, B, C, D], int] | None = None,
) -> Output: ...


@overload
def put(
    place: Place[T],
    make: Callable[[A, B, C, D, E], Made[T]],
    a: Source[A],
    b: Source[B],
    c: Source[C],
    d: Source[D],
    e: Source[E],
    /,
    *,
    after_ns: int | Callable[[A, B, C, D, E], int] = 0,
    lasts_ns: int | Callable[[A, B, C, D, E], int] | None = None,
) -> Output: ...


def put(
    place: Place[Any] | Counter,
    make: Fn | int | None = None,
    /,
    *sources: Any,
    after_ns: int | Fn = 0,
    lasts_ns: int | Fn | None = None,
) -> Output:
    """Put what *make* returns of the *sources* into *place*: a token, several, or None for none.

    Args:
        place: a place or a sink; a counter goes up by *make*, a number, or by one. Of a counter with keys,
            the number of the key that an input tells.
        make: without it, the outcome itself if it has the place's colour, else the one input token
            that has it, moves there.
        sources: what *make* is given. A place stands for the token bound there, an arc for what it binds, an
            outcome's type for the outcome; a counter for the number taken, or for its key if it has one.
        after_ns: ready this long after the deposit; a function of the same sources. Timed places.
        lasts_ns: expires this long after the deposit; a function of the same sources.
    """
    if make is None or callable(make):
        return Output("put", place, make, sources, after_ns, lasts_ns)
    return Output("put", place, None, sources, after_ns, lasts_ns, count=make)


@overload
def put_new(
    seen: KeySet[T], place: Place[T], make: Callable[[A], Made[T]], a: Source[A], /
) -> Output: ...


@overload
def put_new(
    seen: KeySet[T], place: Place[T], make: Callable[[A, B], Made[T]], a: Source[A], b: Source[B], /
) -> Output: ...


def put_new(seen: KeySet[Any], place: Place[Any], make: Fn, /, *sources: Any) -> Output:
    """Like `put`, but only tokens whose key *seen* lacks, which is added in the same step.

    The one source may also be a place that an earlier `put_new` of the same outcome fills: then *make* is
    called for each token that this one finds new.
    """
    return Output("put_new", place, make, sources, seen=seen)


@overload
def remove(seen: KeySet[T], a: Place[T] | Arc[T] | type[T], /) -> Output: ...


@overload
def remove(seen: KeySet[T], make: Callable[[A], Made[T]], a: Source[A], /) -> Output: ...


@overload
def remove(
    seen: KeySet[T], make: Callable[[A, B], Made[T]], a: Source[A], b: Source[B], /
) -> Output: ...


def remove(seen: KeySet[Any], make: Any, /, *sources: Any) -> Output:
    """Let *seen* forget the keys of what *make* returns, or of the one source that is given alone."""
    if not sources:
        return Output("remove", seen, None, (make,))
    return Output("remove", seen, make, sources)


def consume(place: Place[Any] | Counter) -> Output:
    """On this outcome, what was held from *place* is not given back."""
    return Output("consume", place)


@dataclass(frozen=True, eq=False)
class On:
    """An outcome and its output arcs."""

    outcome: type[Any]
    outputs: tuple[Output, ...]


def on(outcome: type[Any], /, *outputs: Output) -> On:
    """The output arcs of *outcome*."""
    return On(outcome, outputs)
